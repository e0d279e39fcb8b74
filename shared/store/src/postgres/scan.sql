-- What each row of a scanned list said last.
CREATE TABLE scanned (
    scan  text COLLATE "C" NOT NULL, -- named as its cursor
    id    text COLLATE "C" NOT NULL, -- the source's own
    hash  uuid             NOT NULL,
    again boolean          NOT NULL, -- the next walk tells it once more
    walk  bigint           NOT NULL, -- the last one that saw it
    known_as text COLLATE "C", -- what others call it; of a row without it nobody hears that it is gone
    removal  text COLLATE "C", -- of one that is gone: held, approved or dismissed
    PRIMARY KEY (scan, id)
);
