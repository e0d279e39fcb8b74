//! The promises of the store, on SQLite.

mod backend;
#[path = "tests/mod.rs"]
pub(crate) mod tests;
