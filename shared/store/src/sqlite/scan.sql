-- What each row of a scanned list said last.
CREATE TABLE scanned (
    scan  TEXT    NOT NULL, -- named as its cursor
    id    TEXT    NOT NULL, -- the source's own
    hash  BLOB    NOT NULL,
    again INTEGER NOT NULL, -- 1: the next walk tells it once more
    walk  INTEGER NOT NULL, -- the last one that saw it
    known_as TEXT, -- what others call it; of a row without it nobody hears that it is gone
    removal  TEXT, -- of one that is gone: held, approved or dismissed
    PRIMARY KEY (scan, id)
) STRICT, WITHOUT ROWID;
