-- What of a dead letter decides whether it is still open: the state it carries, and what it waits for.
ALTER TABLE dead ADD COLUMN facet TEXT;
ALTER TABLE dead ADD COLUMN part TEXT;            -- '' where the facet has none
ALTER TABLE dead ADD COLUMN source_id TEXT;
ALTER TABLE dead ADD COLUMN clock TEXT;
ALTER TABLE dead ADD COLUMN sequence TEXT;
ALTER TABLE dead ADD COLUMN observed_at INTEGER;
ALTER TABLE dead ADD COLUMN missing_entity TEXT;
ALTER TABLE dead ADD COLUMN missing_id TEXT;
ALTER TABLE dead ADD COLUMN resolved_at INTEGER;  -- absent while it is open
ALTER TABLE dead ADD COLUMN resolved_by TEXT;
CREATE INDEX dead_open ON dead (id) WHERE resolved_at IS NULL AND facet IS NOT NULL;
CREATE INDEX dead_missing ON dead (id) WHERE resolved_at IS NULL AND missing_id IS NOT NULL;
