//! How the suite reaches a store of files, and looks at its rows.

use super::tests::clock;
use crate::SqliteStore;

pub(crate) type Backend = SqliteStore;

/// Random stories that are tried.
pub(crate) const CASES: u32 = 128;

/// An empty store.
pub(crate) fn store() -> Backend {
    SqliteStore::in_memory(clock).unwrap()
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The one number a query of the ledger answers.
pub(crate) fn number(store: &Backend, sql: &str) -> i64 {
    let read = store.read_ledger(|ledger| Ok(ledger.query_row(sql, (), |row| row.get(0))?));
    read.unwrap()
}

/// The one column of text a query of the ledger answers.
pub(crate) fn texts(store: &Backend, sql: &str) -> Vec<String> {
    let read = store.read_ledger(|ledger| {
        let mut select = ledger.prepare(sql)?;
        let rows = select.query_map((), |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    });
    read.unwrap()
}
