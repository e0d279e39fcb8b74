-- Parts that an export has settled and no document of it has yet.
CREATE TABLE export_part (
    target  TEXT    NOT NULL,
    entity  TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    facet   TEXT    NOT NULL,
    part    TEXT    NOT NULL,
    version INTEGER NOT NULL, -- the entity's grant by which it was settled last
    since   INTEGER NOT NULL, -- of the first state that waits
    PRIMARY KEY (target, entity, id, facet, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX export_part_since ON export_part (target, since, entity, id, facet, part);

CREATE TABLE export_document (
    target     TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    id         BLOB    NOT NULL,
    name       TEXT    NOT NULL,
    media_type TEXT    NOT NULL,
    sha256     TEXT    NOT NULL,
    bytes      INTEGER NOT NULL,
    row_count  INTEGER NOT NULL,
    part_count INTEGER NOT NULL,
    parts      TEXT    NOT NULL, -- JSON: subjects
    phase      TEXT    NOT NULL, -- open, delivered or dissolved
    frozen_at  INTEGER NOT NULL,
    tries      INTEGER NOT NULL,
    tried_at   INTEGER,
    not_before INTEGER,
    ended_at   INTEGER,
    detail     TEXT,
    body       BLOB,             -- while it is open
    PRIMARY KEY (target, number)
) STRICT;
-- One on its way at a time: none overtakes another.
CREATE UNIQUE INDEX export_document_open ON export_document (target) WHERE phase = 'open';
