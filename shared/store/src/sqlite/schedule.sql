-- One row per schedule: JSON, read and written as a whole. The version lets a reader see a change.
CREATE TABLE schedule (
    name    TEXT    PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    state   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
