//! One database file of a store: its connections, its schema version, its transactions.
//!
//! Every write begins with the lock (`BEGIN IMMEDIATE`), so that no transaction reads something
//! and then finds that it may not write. Processes that find the lock taken wait for it.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::StoreError;

/// How long a call waits for another process to finish its transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Above the number of different statements one file sees, searches aside.
const STATEMENTS_CACHED: usize = 96;
/// How often a file that others are opening at the same moment is tried to be switched to WAL.
const WAL_TRIES: u32 = 50;

/// What differs between the ledger's file and the journal's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schema {
    pub(super) synchronous: &'static str,
    /// The step at index `n` leads from version `n` to version `n + 1`.
    pub(super) migrations: &'static [&'static str],
}

#[derive(Debug)]
pub(super) struct File {
    writer: Mutex<Connection>,
    /// Absent in memory, where a second connection would see another database.
    reader: Option<Mutex<Connection>>,
}

impl File {
    pub(super) fn open(path: &Path, schema: Schema) -> Result<Self, StoreError> {
        let writer = Connection::open(path)?;
        let writer = configured(writer, schema)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(path, flags)?;
        reader.busy_timeout(BUSY_TIMEOUT)?;
        reader.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        Ok(Self { writer: Mutex::new(writer), reader: Some(Mutex::new(reader)) })
    }

    pub(super) fn in_memory(schema: Schema) -> Result<Self, StoreError> {
        let writer = configured(Connection::open_in_memory()?, schema)?;
        Ok(Self { writer: Mutex::new(writer), reader: None })
    }

    /// All of `work`, or nothing of it.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        transaction(&mut lock(&self.writer), TransactionBehavior::Immediate, work)
    }

    /// One consistent view, which waits for nobody's write.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let reader = self.reader.as_ref().unwrap_or(&self.writer);
        transaction(&mut lock(reader), TransactionBehavior::Deferred, work)
    }
}

fn transaction<T>(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = connection.transaction_with_behavior(behavior)?;
    let answer = work(&transaction)?;
    transaction.commit()?;
    Ok(answer)
}

/// A connection whose holder panicked has been rolled back, so it can be used again.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn configured(mut connection: Connection, schema: Schema) -> Result<Connection, StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    write_ahead(&connection)?;
    connection.pragma_update(None, "synchronous", schema.synchronous)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    transaction(&mut connection, TransactionBehavior::Immediate, |connection| {
        migrate(connection, schema.migrations)
    })?;
    Ok(connection)
}

/// Two that switch one file at the same moment can stand in each other's way; SQLite then answers
/// busy at once instead of waiting.
fn write_ahead(connection: &Connection) -> Result<(), StoreError> {
    for _ in 1..WAL_TRIES {
        let switched = connection.pragma_update(None, "journal_mode", "wal");
        match switched.map_err(StoreError::from) {
            Err(StoreError::Busy) => std::thread::sleep(Duration::from_millis(20)),
            done => return done,
        }
    }
    Ok(connection.pragma_update(None, "journal_mode", "wal")?)
}

/// Runs inside the write lock, so that of several processes one migrates and the others find it
/// done.
fn migrate(connection: &Connection, migrations: &[&str]) -> Result<(), StoreError> {
    let found: u32 =
        connection
            .query_row("SELECT user_version FROM pragma_user_version", (), |row| row.get(0))?;
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    if found > known {
        let advice = "Start the newer program, or restore the store from before its first start.";
        return Err(StoreError::Version { found, known, advice });
    }
    for step in migrations.iter().skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        connection.execute_batch(step)?;
    }
    Ok(connection.pragma_update(None, "user_version", known)?)
}
