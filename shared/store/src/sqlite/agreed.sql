-- Facets that two systems say to each other: the content they had in common when a change of one
-- was settled at the other last. The systems are in the order of their names.
CREATE TABLE agreed (
    entity      TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    facet       TEXT    NOT NULL,
    part        TEXT    NOT NULL, -- '' where the facet has none
    one         TEXT    NOT NULL,
    other       TEXT    NOT NULL,
    document    TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (entity, id, facet, part, one, other)
) STRICT;

-- The second system at which a claim holds its entity, where the facet goes both ways.
ALTER TABLE claim ADD COLUMN other TEXT;
CREATE INDEX claim_other ON claim (entity, id, other) WHERE other IS NOT NULL;
