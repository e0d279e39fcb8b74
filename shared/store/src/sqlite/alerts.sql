-- An episode of something that is wrong. At most one of a kind and subject is open.
CREATE TABLE alert (
    id          BLOB    PRIMARY KEY NOT NULL,
    kind        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    summary     TEXT    NOT NULL,
    count       INTEGER NOT NULL,
    opened_at   INTEGER NOT NULL,
    resolved_at INTEGER
) STRICT;
CREATE UNIQUE INDEX alert_open ON alert (kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX alert_time ON alert (opened_at);

-- What is or was to be told of an alert, by channel.
CREATE TABLE notice (
    ordinal      INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB    NOT NULL UNIQUE,
    alert        BLOB    NOT NULL,
    channel      TEXT    NOT NULL,
    phase        TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    queued_at    INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    leased_until INTEGER NOT NULL DEFAULT 0,
    attempts     INTEGER NOT NULL DEFAULT 0,
    ended_at     INTEGER,
    because      TEXT             -- why the last attempt failed
) STRICT;
CREATE INDEX notice_alert ON notice (alert, channel);
CREATE INDEX notice_due ON notice (channel, due_at) WHERE state = 'waiting';

-- When the letter came into the store, by the store's clock; it may have died long before.
ALTER TABLE dead ADD COLUMN stored_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX dead_stored ON dead (stored_at);
