//! The same promises on the PostgreSQL at `FERRY_TEST_STORE_URL`.

mod backend;
#[expect(clippy::duplicate_mod, reason = "one suite, built for each backend")]
#[path = "tests/mod.rs"]
pub(crate) mod tests;
