//! Outcomes, and the tally that always equals their count.

use ferry_canonical::Outcome;
use rusqlite::{Connection, OptionalExtension as _};
use uuid::Uuid;

use super::{Turn, value::micros};
use crate::StoreError;

/// One delivery's end.
#[derive(Clone, Copy, Debug)]
pub(super) struct End<'a> {
    pub(super) target: &'a str,
    pub(super) route: &'a str,
    pub(super) event_id: Uuid,
    pub(super) generation: u32,
    pub(super) outcome: Outcome,
    pub(super) because: Option<&'a str>,
}

/// Records the end of a delivery, unless it has one: the first outcome is the one that counts.
pub(super) fn record(Turn { ledger, now }: Turn<'_>, end: End<'_>) -> Result<(), StoreError> {
    let mut insert = ledger.prepare_cached(
        "INSERT INTO outcome (target, event_id, generation, route, outcome, because, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (target, event_id, generation) DO NOTHING",
    )?;
    let word = end.outcome.as_str();
    let inserted = insert.execute((
        end.target,
        end.event_id.as_bytes(),
        end.generation,
        end.route,
        word,
        end.because,
        micros(now),
    ))?;
    if inserted == 0 {
        return Ok(());
    }
    let mut retried = ledger.prepare_cached(
        "DELETE FROM retrying WHERE target = ?1 AND event_id = ?2 AND generation = ?3",
    )?;
    retried.execute((end.target, end.event_id.as_bytes(), end.generation))?;
    let mut count = ledger.prepare_cached(
        "INSERT INTO tally (route, target, outcome, deliveries) VALUES (?1, ?2, ?3, 1)
         ON CONFLICT (route, target, outcome) DO UPDATE SET deliveries = deliveries + 1",
    )?;
    count.execute((end.route, end.target, word))?;
    Ok(())
}

/// Records that a delivery has failed and will be tried again; the first failure's time stays.
pub(super) fn retrying(
    Turn { ledger, now }: Turn<'_>,
    target: &str,
    route: &str,
    (event_id, generation): (Uuid, u32),
) -> Result<(), StoreError> {
    let mut insert = ledger.prepare_cached(
        "INSERT INTO retrying (target, event_id, generation, route, since)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (target, event_id, generation) DO NOTHING",
    )?;
    insert.execute((target, event_id.as_bytes(), generation, route, micros(now)))?;
    Ok(())
}

/// How the delivery ended, if it did, and why.
pub(super) fn of(
    ledger: &Connection,
    target: &str,
    event_id: Uuid,
    generation: u32,
) -> Result<Option<(Outcome, Option<String>)>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT outcome, because FROM outcome
         WHERE target = ?1 AND event_id = ?2 AND generation = ?3",
    )?;
    let found: Option<(String, Option<String>)> = select
        .query_row((target, event_id.as_bytes(), generation), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    found.map(|(word, because)| Ok((parse(&word)?, because))).transpose()
}

fn parse(word: &str) -> Result<Outcome, StoreError> {
    word.parse().map_err(|_| StoreError::Corrupt("an outcome is none that is known".to_owned()))
}
