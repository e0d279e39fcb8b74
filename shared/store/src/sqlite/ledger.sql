-- Times are microseconds since the epoch, by the store's clock unless they are an event's.
-- `part` is '' where the facet has none. Sequences are padded so that text compares as numbers.

-- One row per entity and system: the cross-reference, and what guards the entity at a target.
CREATE TABLE entity (
    entity        TEXT    NOT NULL,
    id            TEXT    NOT NULL, -- canonical
    system        TEXT    NOT NULL,
    own_id        TEXT,             -- the system's own
    grants        INTEGER NOT NULL DEFAULT 0,
    token         BLOB,             -- of the claim that holds it
    unknown_until INTEGER,          -- present while the entity is unknown
    PRIMARY KEY (entity, id, system)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX entity_own ON entity (entity, own_id, system) WHERE own_id IS NOT NULL;
CREATE INDEX entity_unknown ON entity (system) WHERE unknown_until IS NOT NULL;

CREATE TABLE claim (
    token        BLOB    PRIMARY KEY NOT NULL,
    target       TEXT    NOT NULL,
    route        TEXT    NOT NULL,
    entity       TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    facet        TEXT    NOT NULL,
    members      TEXT    NOT NULL, -- JSON: leads and riders
    started_at   INTEGER NOT NULL,
    lease_until  INTEGER NOT NULL,
    settle_after INTEGER NOT NULL
) STRICT;

-- What a claim meant to write. Stays while nobody knows whether it was written.
CREATE TABLE intent (
    entity      TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    system      TEXT    NOT NULL,
    facet       TEXT    NOT NULL,
    part        TEXT    NOT NULL,
    grant_no    INTEGER NOT NULL,
    token       BLOB    NOT NULL,
    document    TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    via         TEXT    NOT NULL, -- JSON: systems the content came through
    event_id    BLOB    NOT NULL,
    generation  INTEGER NOT NULL,
    source      TEXT    NOT NULL,
    clock       TEXT    NOT NULL,
    sequence    TEXT    NOT NULL,
    observed_at INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    said_at     INTEGER,          -- when the system said something else after the start
    PRIMARY KEY (entity, id, system, facet, part, grant_no)
) STRICT;

-- What a system was last known to hold.
CREATE TABLE state (
    entity      TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    system      TEXT    NOT NULL,
    facet       TEXT    NOT NULL,
    part        TEXT    NOT NULL,
    document    TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    via         TEXT    NOT NULL,
    ours        INTEGER NOT NULL, -- 0: the system has said something else since we wrote
    started_at  INTEGER NOT NULL,
    PRIMARY KEY (entity, id, system, facet, part)
) STRICT;

-- The high-water mark of one source's clock at one target.
CREATE TABLE part (
    entity      TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    target      TEXT    NOT NULL,
    facet       TEXT    NOT NULL,
    part        TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    clock       TEXT    NOT NULL,
    sequence    TEXT    NOT NULL,
    observed_at INTEGER NOT NULL,
    fingerprint TEXT    NOT NULL,
    applied_at  INTEGER NOT NULL,
    outcome     TEXT    NOT NULL,
    PRIMARY KEY (entity, id, target, facet, part, source, clock)
) STRICT, WITHOUT ROWID;

CREATE TABLE outcome (
    target     TEXT    NOT NULL,
    event_id   BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    route      TEXT    NOT NULL,
    outcome    TEXT    NOT NULL,
    because    TEXT,
    at         INTEGER NOT NULL,
    PRIMARY KEY (target, event_id, generation)
) STRICT, WITHOUT ROWID;

-- Deliveries that failed and have not ended yet.
CREATE TABLE retrying (
    target     TEXT    NOT NULL,
    event_id   BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    route      TEXT    NOT NULL,
    since      INTEGER NOT NULL, -- the first failure
    PRIMARY KEY (target, event_id, generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE tally (
    route      TEXT    NOT NULL,
    target     TEXT    NOT NULL,
    outcome    TEXT    NOT NULL,
    deliveries INTEGER NOT NULL,
    PRIMARY KEY (route, target, outcome)
) STRICT, WITHOUT ROWID;

CREATE TABLE record_tally (
    system  TEXT    PRIMARY KEY NOT NULL,
    records INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cursor (
    name     TEXT PRIMARY KEY NOT NULL,
    position TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lease (
    name  TEXT    PRIMARY KEY NOT NULL,
    owner TEXT    NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dead (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    key             TEXT    NOT NULL UNIQUE,
    origin          TEXT    NOT NULL,
    died_at         INTEGER NOT NULL,
    first_failed_at INTEGER,
    kind            TEXT    NOT NULL,
    detail          TEXT    NOT NULL,
    status          INTEGER,
    response        TEXT,
    rule            TEXT,
    attempts        INTEGER,
    route           TEXT,
    source          TEXT,
    target          TEXT,
    entity          TEXT,
    entity_id       TEXT,
    pointer         TEXT,
    message_id      TEXT,
    content_type    TEXT,
    copies          INTEGER NOT NULL,
    headers         TEXT    NOT NULL,
    body            BLOB    NOT NULL
) STRICT;
CREATE INDEX dead_cause ON dead (origin, kind);
CREATE INDEX dead_time ON dead (died_at);
CREATE INDEX dead_entity ON dead (entity, entity_id) WHERE entity_id IS NOT NULL;
