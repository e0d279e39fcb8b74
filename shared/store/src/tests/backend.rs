//! The store the suite runs on, and how its rows are looked at.

#[cfg(feature = "postgres")]
pub(crate) use self::postgres::{Backend, number, store, texts, wait};
#[cfg(not(feature = "postgres"))]
pub(crate) use self::sqlite::{Backend, number, store, texts, wait};

#[cfg(not(feature = "postgres"))]
mod sqlite {
    use crate::{SqliteStore, tests::clock};

    pub(crate) type Backend = SqliteStore;

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
}

#[cfg(feature = "postgres")]
mod postgres {
    use crate::{
        PostgresStore,
        postgres::tests::{schema, url},
        tests::clock,
    };

    pub(crate) type Backend = PostgresStore;

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
}
