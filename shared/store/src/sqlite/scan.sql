-- What each row of a scanned list said last.
CREATE TABLE scanned (
    scan  TEXT    NOT NULL, -- named as its cursor
    id    TEXT    NOT NULL, -- the source's own
    hash  BLOB    NOT NULL,
    again INTEGER NOT NULL, -- 1: the next walk tells it once more
    walk  INTEGER NOT NULL, -- the last one that saw it
    PRIMARY KEY (scan, id)
) STRICT, WITHOUT ROWID;
