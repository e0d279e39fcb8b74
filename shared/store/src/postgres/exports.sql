-- Parts that an export has settled and no document of it has yet.
CREATE TABLE export_part (
    target          text COLLATE "C" NOT NULL,
    entity          text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    facet           text COLLATE "C" NOT NULL,
    part            text COLLATE "C" NOT NULL,
    version         bigint           NOT NULL, -- the entity's grant by which it was settled last
    since           bigint           NOT NULL, -- of the first state that waits
    PRIMARY KEY (target, entity, id, facet, part)
);
CREATE INDEX export_part_since ON export_part (target, since, entity, id, facet, part);

CREATE TABLE export_document (
    target          text COLLATE "C" NOT NULL,
    number          bigint           NOT NULL,
    id              uuid             NOT NULL,
    name            text             NOT NULL,
    media_type      text             NOT NULL,
    sha256          text             NOT NULL,
    bytes           bigint           NOT NULL,
    row_count       bigint           NOT NULL,
    part_count      bigint           NOT NULL,
    parts           text             NOT NULL, -- JSON: subjects
    phase           text COLLATE "C" NOT NULL, -- open, delivered or dissolved
    frozen_at       bigint           NOT NULL,
    tries           bigint           NOT NULL,
    tried_at        bigint,
    not_before      bigint,
    ended_at        bigint,
    detail          text,
    body            bytea, -- while it is open
    PRIMARY KEY (target, number)
);
-- One on its way at a time: none overtakes another.
CREATE UNIQUE INDEX export_document_open ON export_document (target) WHERE phase = 'open';
