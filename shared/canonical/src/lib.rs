//! Canonical events: envelope, entities, facets, parts, ids, clocks, limits, JSON Schemas.
