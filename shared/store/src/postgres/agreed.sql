-- Facets that two systems say to each other: the content they had in common when a change of one
-- was settled at the other last. The systems are in the order of their names.
CREATE TABLE agreed (
    entity          text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    facet           text COLLATE "C" NOT NULL,
    part            text COLLATE "C" NOT NULL, -- '' where the facet has none
    one             text COLLATE "C" NOT NULL,
    other           text COLLATE "C" NOT NULL,
    document        text             NOT NULL,
    fingerprint     text COLLATE "C" NOT NULL,
    at              bigint           NOT NULL,
    PRIMARY KEY (entity, id, facet, part, one, other)
);

-- The second system at which a claim holds its entity, where the facet goes both ways.
ALTER TABLE claim ADD COLUMN other text COLLATE "C";
CREATE INDEX claim_other ON claim (entity, id, other) WHERE other IS NOT NULL;
