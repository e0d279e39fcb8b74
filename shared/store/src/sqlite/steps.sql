-- What a write does at its target besides, and what its target is going to tell of it.
CREATE TABLE step (
    entity        TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    system        TEXT    NOT NULL,
    facet         TEXT    NOT NULL,
    part          TEXT    NOT NULL,
    grant_no      INTEGER NOT NULL,
    token         BLOB    NOT NULL, -- of the claim
    notice        TEXT    NOT NULL, -- the facet by which the target tells of it
    taken         TEXT    NOT NULL, -- unread, begun or taken
    over          INTEGER NOT NULL, -- 1: what it was taken for is there
    committed_at  INTEGER NOT NULL,
    until         INTEGER NOT NULL, -- what the target tells later is taken at its word
    told_clock    TEXT,             -- position of the notice that was taken for it
    told_sequence TEXT,
    PRIMARY KEY (entity, id, system, facet, part, grant_no)
) STRICT, WITHOUT ROWID;
