//! ferry.toml: one file, parsed at the edge, linted offline.
