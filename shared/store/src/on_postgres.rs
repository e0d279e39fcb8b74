//! The same promises on the PostgreSQL at `FERRY_TEST_STORE_URL`.

mod backend;
#[path = "tests/mod.rs"]
pub(crate) mod tests;
