//! What is known of one part: the high-water marks of its sources, what a system was last known to
//! hold, and what may have been written there without anybody knowing.

use ferry_canonical::{Facet, Outcome, Sequence};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::{
    entity::Key,
    value::{micros, sequence, sequence_text, time},
};
use crate::{Member, PartState, StoreError, decide::Mark};

/// Names one part of one entity at one system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) system: &'a str,
    pub(super) key: &'a Key,
    pub(super) facet: Facet,
    pub(super) part: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn params(self) -> (&'a str, &'a str, &'a str, &'a str, &'a str) {
        let Self { system, key, facet, part } = self;
        (key.entity.as_str(), &key.id, system, facet.as_str(), part.unwrap_or_default())
    }
}

/// Some content of a part, and the systems it came through.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) fingerprint: String,
    pub(super) via: Vec<String>,
}

/// What we know of one part at one system.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// What we wrote last; absent once the system has said something else.
    pub(super) settled: Option<Content>,
    /// What we are writing or may have written.
    pub(super) intended: Vec<Content>,
}

pub(super) fn known(ledger: &Connection, place: Place<'_>) -> Result<Known, StoreError> {
    let (entity, id, system, facet, part) = place.params();
    let mut state = ledger.prepare_cached(
        "SELECT fingerprint, via FROM state
         WHERE entity = ?1 AND id = ?2 AND system = ?3 AND facet = ?4 AND part = ?5 AND ours",
    )?;
    let settled = state.query_row((entity, id, system, facet, part), pair).optional()?;
    let mut intent = ledger.prepare_cached(
        "SELECT fingerprint, via FROM intent
         WHERE entity = ?1 AND id = ?2 AND system = ?3 AND facet = ?4 AND part = ?5",
    )?;
    let intended = intent
        .query_map((entity, id, system, facet, part), pair)?
        .map(|found| content(found?))
        .collect::<Result<_, StoreError>>()?;
    Ok(Known { settled: settled.map(content).transpose()?, intended })
}

fn pair(row: &Row<'_>) -> rusqlite::Result<(String, String)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn content((fingerprint, via): (String, String)) -> Result<Content, StoreError> {
    let via = serde_json::from_str(&via)
        .map_err(|_| StoreError::Corrupt("a list of systems is no JSON".to_owned()))?;
    Ok(Content { fingerprint, via })
}

/// The system itself has said what it holds: where that differs from what we wrote before, what we
/// wrote is no longer evidence of what is there.
pub(super) fn said(
    ledger: &Connection,
    place: Place<'_>,
    member: &Member,
) -> Result<(), StoreError> {
    let (entity, id, system, facet, part) = place.params();
    let observed_at = micros(member.observed_at);
    let fingerprint = &member.fingerprint;
    let mut state = ledger.prepare_cached(
        "UPDATE state SET document = ?6, fingerprint = ?7, ours = 0
         WHERE entity = ?1 AND id = ?2 AND system = ?3 AND facet = ?4 AND part = ?5
           AND fingerprint <> ?7 AND started_at <= ?8",
    )?;
    let document = &member.document;
    state.execute((entity, id, system, facet, part, document, fingerprint, observed_at))?;
    let mut intent = ledger.prepare_cached(
        "UPDATE intent SET said_at = ?7
         WHERE entity = ?1 AND id = ?2 AND system = ?3 AND facet = ?4 AND part = ?5
           AND fingerprint <> ?6 AND started_at <= ?7",
    )?;
    intent.execute((entity, id, system, facet, part, fingerprint, observed_at))?;
    Ok(())
}

/// The right by which an intent is written: the claim's token and its number at the entity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writing {
    pub(super) token: Uuid,
    pub(super) grants: i64,
    pub(super) started_at: Timestamp,
}

pub(super) fn intend(
    ledger: &Connection,
    place: Place<'_>,
    writing: Writing,
    member: &Member,
    via: &[String],
) -> Result<(), StoreError> {
    let (entity, id, system, facet, part) = place.params();
    let via = serde_json::to_string(via)
        .map_err(|_| StoreError::Unusable("a system's name cannot be written".to_owned()))?;
    let mut insert = ledger.prepare_cached(
        "INSERT INTO intent (entity, id, system, facet, part, grant_no, token, document,
                             fingerprint, via, event_id, generation, source, clock, sequence,
                             observed_at, started_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?;
    insert.execute(rusqlite::params![
        entity,
        id,
        system,
        facet,
        part,
        writing.grants,
        writing.token.as_bytes(),
        &member.document,
        &member.fingerprint,
        via,
        member.event_id.as_bytes(),
        member.generation,
        &member.source,
        &member.clock.0,
        sequence_text(member.sequence),
        micros(member.observed_at),
        micros(writing.started_at),
    ])?;
    Ok(())
}

/// A write of a newer state of this part, by the same source and clock, whose effect nobody knows.
#[derive(Clone, Debug)]
pub(super) struct Ahead {
    pub(super) sequence: Sequence,
    /// Its delivery has ended, as a dead letter: nobody is going to find out.
    pub(super) ended: bool,
}

/// The newest write that may be ahead of `member` at the target.
pub(super) fn ahead(
    ledger: &Connection,
    place: Place<'_>,
    member: &Member,
) -> Result<Option<Ahead>, StoreError> {
    let (entity, id, system, facet, part) = place.params();
    let mut select = ledger.prepare_cached(
        "SELECT sequence, EXISTS (SELECT 1 FROM outcome o
                                  WHERE o.target = intent.system AND o.event_id = intent.event_id
                                    AND o.generation = intent.generation)
         FROM intent
         WHERE entity = ?1 AND id = ?2 AND system = ?3 AND facet = ?4 AND part = ?5
           AND source = ?6 AND clock = ?7 AND (sequence, observed_at) > (?8, ?9)
         ORDER BY sequence DESC, observed_at DESC LIMIT 1",
    )?;
    let found: Option<(String, bool)> = select
        .query_row(
            rusqlite::params![
                entity,
                id,
                system,
                facet,
                part,
                &member.source,
                &member.clock.0,
                sequence_text(member.sequence),
                micros(member.observed_at),
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    found.map(|(text, ended)| Ok(Ahead { sequence: sequence(&text)?, ended })).transpose()
}

/// What a claim intended was not written.
pub(super) fn drop_intents(
    ledger: &Connection,
    target: &str,
    key: &Key,
    token: Uuid,
) -> Result<(), StoreError> {
    let mut delete = ledger.prepare_cached(
        "DELETE FROM intent WHERE entity = ?1 AND id = ?2 AND system = ?3 AND token = ?4",
    )?;
    delete.execute((key.entity.as_str(), &key.id, target, token.as_bytes()))?;
    Ok(())
}

/// Nobody knows whether it was written. Of tries with equal content, the last stands for all.
pub(super) fn keep_intents(
    ledger: &Connection,
    target: &str,
    key: &Key,
    token: Uuid,
) -> Result<(), StoreError> {
    let mut delete = ledger.prepare_cached(
        "DELETE FROM intent WHERE entity = ?1 AND id = ?2 AND system = ?3 AND token <> ?4
           AND EXISTS (SELECT 1 FROM intent mine
                       WHERE mine.entity = ?1 AND mine.id = ?2 AND mine.system = ?3
                         AND mine.token = ?4 AND mine.facet = intent.facet
                         AND mine.part = intent.part AND mine.fingerprint = intent.fingerprint)",
    )?;
    delete.execute((key.entity.as_str(), &key.id, target, token.as_bytes()))?;
    Ok(())
}

/// Whether writes of unknown effect are left at the entity.
pub(super) fn has_intents(
    ledger: &Connection,
    target: &str,
    key: &Key,
) -> Result<bool, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM intent WHERE entity = ?1 AND id = ?2 AND system = ?3)",
    )?;
    Ok(select.query_row((key.entity.as_str(), &key.id, target), |row| row.get(0))?)
}

/// What was intended is so: it becomes the settled state, and every earlier doubt about the part
/// is over.
pub(super) fn settle(ledger: &Connection, place: Place<'_>, token: Uuid) -> Result<(), StoreError> {
    let (entity, id, system, facet, part) = place.params();
    let mut upsert = ledger.prepare_cached(
        "INSERT INTO state (entity, id, system, facet, part, document, fingerprint, via, ours,
                            started_at)
         SELECT entity, id, system, facet, part, document, fingerprint, via, said_at IS NULL,
                started_at
         FROM intent
         WHERE entity = ?1 AND id = ?2 AND system = ?3 AND facet = ?4 AND part = ?5 AND token = ?6
         ON CONFLICT (entity, id, system, facet, part)
         DO UPDATE SET document = excluded.document, fingerprint = excluded.fingerprint,
                       via = excluded.via, ours = excluded.ours, started_at = excluded.started_at",
    )?;
    upsert.execute((entity, id, system, facet, part, token.as_bytes()))?;
    let mut delete = ledger.prepare_cached(
        "DELETE FROM intent
         WHERE entity = ?1 AND id = ?2 AND system = ?3 AND facet = ?4 AND part = ?5",
    )?;
    delete.execute((entity, id, system, facet, part))?;
    Ok(())
}

/// Every part of the facet at the target. Where a write's effect is unknown, what it meant to
/// write: a composed write that went back behind it could show an older state after a newer one.
pub(super) fn parts(
    ledger: &Connection,
    target: &str,
    key: &Key,
    facet: Facet,
) -> Result<Vec<PartState>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT part, document, 0 AS grant_no FROM state
         WHERE entity = ?1 AND id = ?2 AND system = ?3 AND facet = ?4
         UNION ALL
         SELECT part, document, grant_no FROM intent
         WHERE entity = ?1 AND id = ?2 AND system = ?3 AND facet = ?4
         ORDER BY part, grant_no",
    )?;
    let rows = select.query_map((key.entity.as_str(), &key.id, target, facet.as_str()), pair)?;
    let mut parts: Vec<PartState> = Vec::new();
    for row in rows {
        let (part, document) = row?;
        let part = (!part.is_empty()).then_some(part);
        match parts.last_mut().filter(|last| last.part == part) {
            Some(last) => last.document = document,
            None => parts.push(PartState { part, document }),
        }
    }
    Ok(parts)
}

/// The newest state of the part that this member's source and clock have brought to the target.
pub(super) fn mark(
    ledger: &Connection,
    place: Place<'_>,
    source: &str,
    clock: &str,
) -> Result<Option<Mark>, StoreError> {
    let (entity, id, target, facet, part) = place.params();
    let mut select = ledger.prepare_cached(
        "SELECT sequence, observed_at, fingerprint, applied_at FROM part
         WHERE entity = ?1 AND id = ?2 AND target = ?3 AND facet = ?4 AND part = ?5
           AND source = ?6 AND clock = ?7",
    )?;
    let found: Option<(String, i64, String, i64)> = select
        .query_row((entity, id, target, facet, part, source, clock), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((text, observed_at, fingerprint, applied_at)) = found else { return Ok(None) };
    Ok(Some(Mark {
        sequence: sequence(&text)?,
        observed_at: time(observed_at)?,
        fingerprint,
        applied_at: time(applied_at)?,
    }))
}

/// A position on a source's clock, and what it says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position<'a> {
    pub(super) source: &'a str,
    pub(super) clock: &'a str,
    pub(super) mark: &'a Mark,
    pub(super) outcome: Outcome,
}

/// Moves the mark forward; never back.
pub(super) fn advance(
    ledger: &Connection,
    place: Place<'_>,
    position: Position<'_>,
) -> Result<(), StoreError> {
    let (entity, id, target, facet, part) = place.params();
    let mut upsert = ledger.prepare_cached(
        "INSERT INTO part (entity, id, target, facet, part, source, clock, sequence, observed_at,
                           fingerprint, applied_at, outcome)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (entity, id, target, facet, part, source, clock)
         DO UPDATE SET sequence = excluded.sequence, observed_at = excluded.observed_at,
                       fingerprint = excluded.fingerprint, applied_at = excluded.applied_at,
                       outcome = excluded.outcome
         WHERE (excluded.sequence, excluded.observed_at) >= (part.sequence, part.observed_at)",
    )?;
    let mark = position.mark;
    upsert.execute((
        entity,
        id,
        target,
        facet,
        part,
        position.source,
        position.clock,
        sequence_text(mark.sequence),
        micros(mark.observed_at),
        &mark.fingerprint,
        micros(mark.applied_at),
        position.outcome.as_str(),
    ))?;
    Ok(())
}
