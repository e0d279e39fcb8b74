//! Cursors and the leases of schedules.

use std::time::Duration;

use deadpool_postgres::Transaction;
use jiff::Timestamp;

use super::{error::Trouble, read::prepared, value::get};
use crate::{
    Lease,
    page::{micros, span},
};

const LEASE: &str = "INSERT INTO lease (name, owner, until) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
    WHERE lease.owner = excluded.owner OR lease.until <= $4";

pub(super) async fn lease(
    transaction: &Transaction<'_>,
    lease: &Lease,
    ttl: Duration,
    now: Timestamp,
) -> Result<bool, Trouble> {
    let [statement] = prepared(transaction, [LEASE]).await?;
    let now = micros(now);
    let until = now.saturating_add(span(ttl));
    let taken = transaction.execute(&statement, &[&lease.name, &lease.owner, &until, &now]).await?;
    Ok(taken > 0)
}

pub(super) async fn release(transaction: &Transaction<'_>, lease: &Lease) -> Result<(), Trouble> {
    let delete = "DELETE FROM lease WHERE name = $1 AND owner = $2";
    let [statement] = prepared(transaction, [delete]).await?;
    transaction.execute(&statement, &[&lease.name, &lease.owner]).await?;
    Ok(())
}

pub(super) async fn position(
    transaction: &Transaction<'_>,
    name: &str,
) -> Result<Option<String>, Trouble> {
    let [statement] =
        prepared(transaction, ["SELECT position FROM cursor WHERE name = $1"]).await?;
    let row = transaction.query_opt(&statement, &[&name]).await?;
    Ok(row.as_ref().map(|row| get(row, "position")).transpose()?)
}

/// Moves the cursor if it is where the caller believes it to be.
pub(super) async fn step(
    transaction: &Transaction<'_>,
    name: &str,
    from: Option<&str>,
    to: &str,
) -> Result<bool, Trouble> {
    let moved = if let Some(from) = from {
        let update = "UPDATE cursor SET position = $3 WHERE name = $1 AND position = $2::text";
        let [statement] = prepared(transaction, [update]).await?;
        transaction.execute(&statement, &[&name, &from, &to]).await?
    } else {
        let insert =
            "INSERT INTO cursor (name, position) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        let [statement] = prepared(transaction, [insert]).await?;
        transaction.execute(&statement, &[&name, &to]).await?
    };
    Ok(moved > 0)
}
