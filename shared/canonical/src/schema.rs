//! JSON Schemas of the parts, generated from the types.
