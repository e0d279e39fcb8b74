-- What a write does at its target besides, and what its target is going to tell of it.
CREATE TABLE step (
    entity        text COLLATE "C" NOT NULL,
    id            text COLLATE "C" NOT NULL,
    system        text COLLATE "C" NOT NULL,
    facet         text COLLATE "C" NOT NULL,
    part          text COLLATE "C" NOT NULL,
    grant_no      bigint           NOT NULL,
    token         uuid             NOT NULL, -- of the claim
    notice        text COLLATE "C" NOT NULL, -- the facet by which the target tells of it
    taken         text COLLATE "C" NOT NULL, -- unread, begun or taken
    over          boolean          NOT NULL, -- what it was taken for is there
    committed_at  bigint           NOT NULL,
    until         bigint           NOT NULL, -- what the target tells later is taken at its word
    told_clock    text COLLATE "C",  -- position of the notice that was taken for it
    told_sequence text COLLATE "C",
    PRIMARY KEY (entity, id, system, facet, part, grant_no)
);
