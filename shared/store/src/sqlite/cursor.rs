//! Cursors and the leases of schedules.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _};

use super::{
    Turn,
    value::{micros, span},
};
use crate::{Lease, StoreError};

pub(super) fn lease(
    Turn { ledger, now }: Turn<'_>,
    lease: &Lease,
    ttl: Duration,
) -> Result<bool, StoreError> {
    let mut upsert = ledger.prepare_cached(
        "INSERT INTO lease (name, owner, until) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
         WHERE lease.owner = excluded.owner OR lease.until <= ?4",
    )?;
    let until = micros(now).saturating_add(span(ttl));
    Ok(upsert.execute((&lease.name, &lease.owner, until, micros(now)))? > 0)
}

pub(super) fn release(ledger: &Connection, lease: &Lease) -> Result<(), StoreError> {
    let mut delete = ledger.prepare_cached("DELETE FROM lease WHERE name = ?1 AND owner = ?2")?;
    delete.execute((&lease.name, &lease.owner))?;
    Ok(())
}

pub(super) fn position(ledger: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    let mut select = ledger.prepare_cached("SELECT position FROM cursor WHERE name = ?1")?;
    Ok(select.query_row([name], |row| row.get(0)).optional()?)
}

/// Moves the cursor if it is where the caller believes it to be.
pub(super) fn step(
    ledger: &Connection,
    name: &str,
    from: Option<&str>,
    to: &str,
) -> Result<bool, StoreError> {
    let moved = match from {
        Some(from) => ledger
            .prepare_cached("UPDATE cursor SET position = ?3 WHERE name = ?1 AND position = ?2")?
            .execute((name, from, to))?,
        None => ledger
            .prepare_cached(
                "INSERT INTO cursor (name, position) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
            )?
            .execute((name, to))?,
    };
    Ok(moved > 0)
}
