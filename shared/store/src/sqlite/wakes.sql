-- How far a source's own message ids were heard.
CREATE TABLE heard (
    source     TEXT    PRIMARY KEY NOT NULL,
    message_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What pushes say should be read; key '' is all there is.
CREATE TABLE wake (
    source   TEXT    NOT NULL,
    endpoint TEXT    NOT NULL,
    scope    TEXT    NOT NULL, -- '' is the configured one
    key      TEXT    NOT NULL,
    at       INTEGER NOT NULL, -- when it came first
    times    INTEGER NOT NULL,
    PRIMARY KEY (source, endpoint, scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX wake_time ON wake (source, endpoint, at);
