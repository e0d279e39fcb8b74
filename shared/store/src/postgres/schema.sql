-- Text that names something is compared by its bytes, whatever the locale of the database is.

-- Times are microseconds since the epoch, by the store's clock unless they are an event's.
-- `part` is '' where the facet has none. Sequences are padded so that text compares as numbers.
-- Tables and columns are those of SQLite, but for what is said at them.

-- One row per entity and system: the cross-reference, and what guards the entity at a target.
CREATE TABLE entity (
    entity          text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL, -- canonical
    system          text COLLATE "C" NOT NULL,
    own_id          text COLLATE "C", -- the system's own
    grants          bigint           NOT NULL DEFAULT 0,
    token           uuid, -- of the claim that holds it
    unknown_until   bigint, -- present while the entity is unknown
    PRIMARY KEY (entity, id, system)
);
CREATE UNIQUE INDEX entity_own ON entity (own_id, system, entity) WHERE own_id IS NOT NULL;
CREATE INDEX entity_unknown ON entity (system) WHERE unknown_until IS NOT NULL;

CREATE TABLE claim (
    token           uuid             PRIMARY KEY NOT NULL,
    target          text COLLATE "C" NOT NULL,
    route           text COLLATE "C" NOT NULL,
    entity          text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    facet           text COLLATE "C" NOT NULL,
    members         text             NOT NULL, -- JSON: leads and riders
    started_at      bigint           NOT NULL,
    lease_until     bigint           NOT NULL,
    settle_after    bigint           NOT NULL
);

-- What a claim meant to write. Stays while nobody knows whether it was written.
CREATE TABLE intent (
    entity          text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    system          text COLLATE "C" NOT NULL,
    facet           text COLLATE "C" NOT NULL,
    part            text COLLATE "C" NOT NULL,
    grant_no        bigint           NOT NULL,
    token           uuid             NOT NULL,
    document        text             NOT NULL,
    fingerprint     text COLLATE "C" NOT NULL,
    via             text             NOT NULL, -- JSON: systems the content came through
    event_id        uuid             NOT NULL,
    generation      bigint           NOT NULL,
    source          text COLLATE "C" NOT NULL,
    clock           text COLLATE "C" NOT NULL,
    sequence        text COLLATE "C" NOT NULL,
    observed_at     bigint           NOT NULL,
    started_at      bigint           NOT NULL,
    said_at         bigint, -- when the system said something else after the start
    PRIMARY KEY (entity, id, system, facet, part, grant_no)
);

-- What a system was last known to hold.
CREATE TABLE state (
    entity          text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    system          text COLLATE "C" NOT NULL,
    facet           text COLLATE "C" NOT NULL,
    part            text COLLATE "C" NOT NULL,
    document        text             NOT NULL,
    fingerprint     text COLLATE "C" NOT NULL,
    via             text             NOT NULL,
    ours            boolean          NOT NULL, -- not: the system has said something else since we wrote
    started_at      bigint           NOT NULL,
    PRIMARY KEY (entity, id, system, facet, part)
);

-- The high-water mark of one source's clock at one target.
CREATE TABLE part (
    entity          text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    target          text COLLATE "C" NOT NULL,
    facet           text COLLATE "C" NOT NULL,
    part            text COLLATE "C" NOT NULL,
    source          text COLLATE "C" NOT NULL,
    clock           text COLLATE "C" NOT NULL,
    sequence        text COLLATE "C" NOT NULL,
    observed_at     bigint           NOT NULL,
    fingerprint     text COLLATE "C" NOT NULL,
    applied_at      bigint           NOT NULL,
    outcome         text COLLATE "C" NOT NULL,
    PRIMARY KEY (entity, id, target, facet, part, source, clock)
);

CREATE TABLE outcome (
    target          text COLLATE "C" NOT NULL,
    event_id        uuid             NOT NULL,
    generation      bigint           NOT NULL,
    route           text COLLATE "C" NOT NULL,
    outcome         text COLLATE "C" NOT NULL,
    because         text,
    at              bigint           NOT NULL,
    PRIMARY KEY (target, event_id, generation)
);

-- Deliveries that failed and have not ended yet.
CREATE TABLE retrying (
    target          text COLLATE "C" NOT NULL,
    event_id        uuid             NOT NULL,
    generation      bigint           NOT NULL,
    route           text COLLATE "C" NOT NULL,
    since           bigint           NOT NULL, -- the first failure
    PRIMARY KEY (target, event_id, generation)
);

-- Shared out over a few rows each, so that batches of different loaders do not wait for one row.
CREATE TABLE tally (
    route           text COLLATE "C" NOT NULL,
    target          text COLLATE "C" NOT NULL,
    outcome         text COLLATE "C" NOT NULL,
    shard           bigint           NOT NULL,
    deliveries      bigint           NOT NULL,
    PRIMARY KEY (route, target, outcome, shard)
);

CREATE TABLE record_tally (
    system          text COLLATE "C" PRIMARY KEY NOT NULL,
    records         bigint           NOT NULL
);

CREATE TABLE cursor (
    name            text COLLATE "C" PRIMARY KEY NOT NULL,
    position        text COLLATE "C" NOT NULL
);

CREATE TABLE lease (
    name            text COLLATE "C" PRIMARY KEY NOT NULL,
    owner           text COLLATE "C" NOT NULL,
    until           bigint           NOT NULL
);

CREATE TABLE dead (
    id              bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key             text COLLATE "C" NOT NULL UNIQUE,
    origin          text COLLATE "C" NOT NULL,
    died_at         bigint           NOT NULL,
    first_failed_at bigint,
    kind            text COLLATE "C" NOT NULL,
    detail          text             NOT NULL,
    status          bigint,
    response        text,
    rule            text,
    attempts        bigint,
    route           text COLLATE "C",
    source          text COLLATE "C",
    target          text COLLATE "C",
    entity          text COLLATE "C",
    entity_id       text COLLATE "C",
    pointer         text COLLATE "C",
    message_id      text COLLATE "C",
    content_type    text COLLATE "C",
    copies          bigint           NOT NULL,
    headers         text             NOT NULL,
    body            bytea            NOT NULL,
    stored_at       bigint           NOT NULL, -- in the store; it may have died long before
    -- What decides whether it is still open: the state it carries, and what it waits for.
    facet           text COLLATE "C",
    part            text COLLATE "C", -- '' where the facet has none
    source_id       text COLLATE "C",
    clock           text COLLATE "C",
    sequence        text COLLATE "C",
    observed_at     bigint,
    missing_entity  text COLLATE "C",
    missing_id      text COLLATE "C",
    resolved_at     bigint, -- absent while it is open
    resolved_by     text
);
CREATE INDEX dead_open ON dead (id) WHERE resolved_at IS NULL AND facet IS NOT NULL;
CREATE INDEX dead_missing ON dead (id) WHERE resolved_at IS NULL AND missing_id IS NOT NULL;
CREATE INDEX dead_cause ON dead (origin, kind);
CREATE INDEX dead_time ON dead (died_at);
CREATE INDEX dead_stored ON dead (stored_at);
-- A hash takes ids of any length: a foreign hand may have written them.
CREATE INDEX dead_entity ON dead USING hash (entity_id);

-- One row per target: JSON, read and written as a whole. The version lets a reader see a change.
CREATE TABLE care (
    target          text COLLATE "C" PRIMARY KEY NOT NULL,
    version         bigint           NOT NULL,
    state           text             NOT NULL
);

-- An episode of something that is wrong. At most one of a kind and subject is open.
CREATE TABLE alert (
    id              uuid             PRIMARY KEY NOT NULL,
    kind            text COLLATE "C" NOT NULL,
    subject         text COLLATE "C" NOT NULL,
    summary         text             NOT NULL,
    count           bigint           NOT NULL,
    opened_at       bigint           NOT NULL,
    resolved_at     bigint
);
CREATE UNIQUE INDEX alert_open ON alert (kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX alert_time ON alert (opened_at);

-- What is or was to be told of an alert, by channel.
CREATE TABLE notice (
    ordinal         bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              uuid             NOT NULL UNIQUE,
    alert           uuid             NOT NULL,
    channel         text COLLATE "C" NOT NULL,
    phase           text COLLATE "C" NOT NULL,
    state           text COLLATE "C" NOT NULL,
    queued_at       bigint           NOT NULL,
    due_at          bigint           NOT NULL,
    leased_until    bigint           NOT NULL DEFAULT 0,
    attempts        bigint           NOT NULL DEFAULT 0,
    ended_at        bigint,
    because         text             -- why the last attempt failed
);
CREATE INDEX notice_alert ON notice (alert, channel);
CREATE INDEX notice_due ON notice (channel, due_at) WHERE state = 'waiting';

CREATE TABLE journal (
    id              bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              bigint           NOT NULL,
    direction       text COLLATE "C" NOT NULL,
    system          text COLLATE "C" NOT NULL,
    operation       text COLLATE "C" NOT NULL,
    route           text COLLATE "C",
    entity          text COLLATE "C",
    entity_id       text COLLATE "C",
    part            text COLLATE "C",
    event_id        uuid,
    record_id       uuid,
    attempt         bigint,
    status          bigint,
    duration        bigint, -- microseconds
    result          text COLLATE "C" NOT NULL,
    detail          text,
    rule            text,
    key             text COLLATE "C",
    request         text,
    response        text,
    words           tsvector         NOT NULL -- the folded words of operation, ids, detail and bodies
);
CREATE UNIQUE INDEX journal_key ON journal (key) WHERE key IS NOT NULL;
CREATE INDEX journal_entity ON journal USING hash (entity_id);
CREATE INDEX journal_event ON journal (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX journal_record ON journal (record_id) WHERE record_id IS NOT NULL;
CREATE INDEX journal_result ON journal (result, system);
CREATE INDEX journal_words ON journal USING gin (words);

-- Items the transformer skipped, each counted once.
CREATE TABLE skip_tally (
    system          text COLLATE "C" PRIMARY KEY NOT NULL,
    items           bigint           NOT NULL
);
