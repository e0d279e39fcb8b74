-- An entity's story names its letters, and of a bad item only the key is known.

DROP INDEX dead_entity;
CREATE INDEX dead_entity ON dead (entity_id) WHERE entity_id IS NOT NULL;
