//! How the suite reaches a database, and looks at its rows.

use super::tests::clock;
use crate::{
    PostgresStore,
    postgres::tests::{schema, url},
};

pub(crate) type Backend = PostgresStore;

/// Random stories that are tried: every step of one is several transactions, and each waits for a
/// disk.
pub(crate) const CASES: u32 = 3;

/// An empty store, by the clock of the test's thread.
pub(crate) fn store() -> Backend {
    PostgresStore::with(&url(), &schema(), |_server| clock()).unwrap()
}

thread_local! {
    /// Connections live as long as the runtime they were opened on.
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// The one number a query answers.
pub(crate) fn number(store: &Backend, sql: &str) -> i64 {
    wait(async { store.session().await.query_one(sql, &[]).await.unwrap().get(0) })
}

/// The one column of text a query answers.
pub(crate) fn texts(store: &Backend, sql: &str) -> Vec<String> {
    let rows = wait(async { store.session().await.query(sql, &[]).await.unwrap() });
    rows.iter().map(|row| row.get(0)).collect()
}
