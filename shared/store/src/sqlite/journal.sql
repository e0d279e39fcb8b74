CREATE TABLE journal (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    direction TEXT    NOT NULL,
    system    TEXT    NOT NULL,
    operation TEXT    NOT NULL,
    route     TEXT,
    entity    TEXT,
    entity_id TEXT,
    part      TEXT,
    event_id  BLOB,
    record_id BLOB,
    attempt   INTEGER,
    status    INTEGER,
    duration  INTEGER, -- microseconds
    result    TEXT    NOT NULL,
    detail    TEXT,
    rule      TEXT,
    key       TEXT,
    request   TEXT,
    response  TEXT
) STRICT;
CREATE UNIQUE INDEX journal_key ON journal (key) WHERE key IS NOT NULL;
CREATE INDEX journal_entity ON journal (entity, entity_id) WHERE entity_id IS NOT NULL;
CREATE INDEX journal_event ON journal (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX journal_record ON journal (record_id) WHERE record_id IS NOT NULL;
CREATE INDEX journal_result ON journal (result, system);

-- The rows' text is not kept twice: the index holds only where its words occur.
CREATE VIRTUAL TABLE journal_text USING fts5 (text, content = '', contentless_delete = 1);

-- Items the transformer skipped, each counted once.
CREATE TABLE skip_tally (
    system TEXT    PRIMARY KEY NOT NULL,
    items  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
