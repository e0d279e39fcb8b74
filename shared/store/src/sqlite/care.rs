//! Care states: one JSON row per target.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

use super::{Turn, value::wide};
use crate::{
    Attendance, Attended, CareState, StoreError,
    care::{Pause, after},
};

pub(super) fn all(ledger: &Connection, now: Timestamp) -> Result<Vec<CareState>, StoreError> {
    let mut select = ledger.prepare_cached("SELECT state FROM care ORDER BY target")?;
    let rows = select.query_map((), |row| row.get::<_, String>(0))?;
    let mut states = Vec::new();
    for row in rows {
        let mut state = parse(&row?)?;
        state.tidy(now);
        states.push(state);
    }
    Ok(states)
}

/// The answer, where giving it changes nothing.
pub(super) fn glance(
    ledger: &Connection,
    attendance: &Attendance,
    now: Timestamp,
) -> Result<Option<Attended>, StoreError> {
    let found = load(ledger, &attendance.target)?;
    let mut state = found.clone();
    let attended = state.attend(attendance, now);
    Ok((state == found).then_some(attended))
}

pub(super) fn attend(
    Turn { ledger, now }: Turn<'_>,
    attendance: &Attendance,
) -> Result<Attended, StoreError> {
    let found = load(ledger, &attendance.target)?;
    let mut state = found.clone();
    let mut attended = state.attend(attendance, now);
    if state != found {
        attended.state = store(ledger, state)?;
    }
    Ok(attended)
}

pub(super) fn pause(
    Turn { ledger, now }: Turn<'_>,
    target: &str,
    (by, reason): (&str, &str),
    lasting: Option<Duration>,
) -> Result<CareState, StoreError> {
    let mut state = load(ledger, target)?;
    state.tidy(now);
    let until = lasting.map(|lasting| after(now, lasting));
    state.pause(Pause { reason: reason.to_owned(), by: by.to_owned(), since: now, until });
    store(ledger, state)
}

pub(super) fn resume(
    Turn { ledger, now }: Turn<'_>,
    target: &str,
) -> Result<CareState, StoreError> {
    let mut state = load(ledger, target)?;
    state.resume(now);
    store(ledger, state)
}

fn load(ledger: &Connection, target: &str) -> Result<CareState, StoreError> {
    let mut select = ledger.prepare_cached("SELECT state FROM care WHERE target = ?1")?;
    let found: Option<String> = select.query_row([target], |row| row.get(0)).optional()?;
    found.map_or_else(|| Ok(CareState::new(target)), |text| parse(&text))
}

fn store(ledger: &Connection, mut state: CareState) -> Result<CareState, StoreError> {
    state.version += 1;
    let text = serde_json::to_string(&state)
        .map_err(|error| StoreError::Corrupt(format!("a care state has no form: {error}")))?;
    let mut upsert = ledger.prepare_cached(
        "INSERT INTO care (target, version, state) VALUES (?1, ?2, ?3)
         ON CONFLICT (target) DO UPDATE SET version = excluded.version, state = excluded.state",
    )?;
    upsert.execute((&state.target, wide(state.version), text))?;
    Ok(state)
}

fn parse(text: &str) -> Result<CareState, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Corrupt(format!("a care state cannot be read: {error}")))
}
