//! Dead letters.

use ferry_canonical::{Clock, FailureKind, Reference};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql};

use super::{
    Turn,
    value::{micros, narrow, narrow_option, sequence, sequence_text, span, time},
};
use crate::{
    AWAITED_SLACK, DeadFilter, DeadLetter, DeadSummary, Position, StoreError, dead::sentence,
};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 500;

const SUMMARY: &str = "id, origin, died_at, kind, detail, route, source, entity, entity_id, \
    pointer, attempts, status, copies, missing_entity, missing_id, resolved_at, resolved_by";

pub(super) fn bury(
    Turn { ledger, now }: Turn<'_>,
    letters: &[DeadLetter],
) -> Result<(), StoreError> {
    let mut insert = ledger.prepare_cached(
        "INSERT INTO dead (key, origin, died_at, first_failed_at, kind, detail, status, response,
                           rule, attempts, route, source, target, entity, entity_id, pointer,
                           message_id, content_type, headers, body, stored_at, facet, part,
                           source_id, clock, sequence, observed_at, missing_entity, missing_id,
                           copies)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
                 ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, 1)
         ON CONFLICT (key) DO UPDATE SET copies = copies + 1",
    )?;
    for letter in letters {
        let position = letter.position.as_ref();
        let missing = letter.missing.as_ref();
        insert.execute(rusqlite::params![
            letter.key,
            letter.origin,
            micros(letter.died_at),
            letter.first_failed_at.map(micros),
            letter.kind,
            letter.detail,
            letter.status,
            letter.response,
            letter.rule,
            letter.attempts,
            letter.route,
            letter.source,
            letter.target,
            letter.entity,
            letter.entity_id,
            letter.pointer,
            letter.message_id,
            letter.content_type,
            letter.headers,
            letter.body,
            micros(now),
            position.map(|at| at.facet.as_str()),
            position.map(|at| at.part.as_deref().unwrap_or_default()),
            position.and_then(|at| at.source_id.as_deref()),
            position.map(|at| at.clock.0.as_str()),
            position.map(|at| sequence_text(at.sequence)),
            position.map(|at| micros(at.observed_at)),
            missing.map(|missing| missing.entity.as_str()),
            missing.map(|missing| missing.id.as_str()),
        ])?;
    }
    Ok(())
}

pub(super) fn list(
    ledger: &Connection,
    filter: &DeadFilter,
) -> Result<Vec<DeadSummary>, StoreError> {
    let wanted = [
        ("kind = ?", &filter.kind),
        ("origin = ?", &filter.origin),
        ("entity = ?", &filter.entity),
        ("entity_id = ?", &filter.entity_id),
        ("instr(lower(detail), lower(?)) > 0", &filter.text),
    ];
    let wanted: Vec<(&str, &String)> = wanted
        .into_iter()
        .filter_map(|(condition, value)| value.as_ref().map(|value| (condition, value)))
        .collect();
    let open = if filter.resolved { "resolved_at IS NOT NULL" } else { "resolved_at IS NULL" };
    let mut conditions: Vec<&str> = wanted.iter().map(|(condition, _)| *condition).collect();
    conditions.push(open);
    let limit = filter.limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
    let offset = filter.offset.unwrap_or_default();
    let sql = format!(
        "SELECT {SUMMARY} FROM dead WHERE {} ORDER BY died_at DESC, id DESC
         LIMIT {limit} OFFSET {offset}",
        conditions.join(" AND ")
    );
    let mut select = ledger.prepare(&sql)?;
    let values: Vec<&dyn ToSql> = wanted.iter().map(|(_, value)| *value as &dyn ToSql).collect();
    let mut rows = select.query(values.as_slice())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(summary(row)?);
    }
    Ok(found)
}

pub(super) fn letter(
    ledger: &Connection,
    id: i64,
) -> Result<Option<(DeadSummary, DeadLetter)>, StoreError> {
    let mut select = ledger.prepare_cached("SELECT * FROM dead WHERE id = ?1")?;
    let both = |row: &Row<'_>| Ok(summary(row).and_then(|summary| Ok((summary, whole(row)?))));
    select.query_row([id], both).optional()?.transpose()
}

fn summary(row: &Row<'_>) -> Result<DeadSummary, StoreError> {
    let kind: String = row.get("kind")?;
    Ok(DeadSummary {
        id: row.get("id")?,
        origin: row.get("origin")?,
        died_at: time(row.get("died_at")?)?,
        sentence: sentence(&kind).to_owned(),
        kind,
        detail: row.get("detail")?,
        route: row.get("route")?,
        source: row.get("source")?,
        entity: row.get("entity")?,
        entity_id: row.get("entity_id")?,
        pointer: row.get("pointer")?,
        attempts: narrow_option(row.get("attempts")?)?,
        status: narrow_option(row.get("status")?)?,
        copies: narrow(row.get("copies")?)?,
        missing: missing(row)?.map(|missing| missing.to_string()),
        resolved_at: row.get::<_, Option<i64>>("resolved_at")?.map(time).transpose()?,
        resolved_by: row.get("resolved_by")?,
    })
}

fn missing(row: &Row<'_>) -> Result<Option<Reference>, StoreError> {
    let entity: Option<String> = row.get("missing_entity")?;
    let id: Option<String> = row.get("missing_id")?;
    let Some((entity, id)) = entity.zip(id) else { return Ok(None) };
    let corrupt = || StoreError::Corrupt("a dead letter waits for nothing known".to_owned());
    let entity = entity.parse().map_err(|_| corrupt())?;
    Reference::new(entity, &id).map(Some).map_err(|_| corrupt())
}

fn position(row: &Row<'_>) -> Result<Option<Position>, StoreError> {
    let facet: Option<String> = row.get("facet")?;
    let Some(facet) = facet else { return Ok(None) };
    let corrupt = || StoreError::Corrupt("a dead letter's facet is none that is known".to_owned());
    let part: String = row.get("part")?;
    Ok(Some(Position {
        facet: facet.parse().map_err(|_| corrupt())?,
        part: (!part.is_empty()).then_some(part),
        source_id: row.get("source_id")?,
        clock: Clock(row.get("clock")?),
        sequence: sequence(&row.get::<_, String>("sequence")?)?,
        observed_at: time(row.get("observed_at")?)?,
    }))
}

/// Open letters whose part has been brought on since. Of states with one sequence, the one that was
/// read later is the later one.
pub(super) fn overtaken(ledger: &Connection, limit: u32) -> Result<Vec<i64>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT id FROM dead d
         WHERE resolved_at IS NULL AND facet IS NOT NULL AND EXISTS (
             SELECT 1 FROM part p
             WHERE p.entity = d.entity
               AND p.id = coalesce((SELECT e.id FROM entity e
                                    WHERE e.entity = d.entity AND e.system = d.source
                                      AND e.own_id = d.source_id), d.entity_id)
               AND p.target = d.target AND p.facet = d.facet AND p.part = d.part
               AND p.source = d.source AND p.clock = d.clock
               AND (p.sequence, p.observed_at) >= (d.sequence, d.observed_at)
               AND p.outcome IN ('delivered', 'unchanged', 'echo'))
         ORDER BY id LIMIT ?1",
    )?;
    let rows = select.query_map([limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Open letters for which what was missing has come since.
pub(super) fn awaited(
    ledger: &Connection,
    limit: u32,
) -> Result<Vec<(i64, DeadLetter)>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT * FROM dead d
         WHERE resolved_at IS NULL AND missing_id IS NOT NULL AND kind = ?1 AND EXISTS (
             SELECT 1 FROM part p
             WHERE p.entity = d.missing_entity AND p.id = d.missing_id
               AND (p.target = d.target OR p.source = d.target)
               AND p.outcome = 'delivered' AND p.applied_at > d.died_at - ?2)
         ORDER BY id LIMIT ?3",
    )?;
    let kind = FailureKind::MissingReference.as_str();
    let mut rows = select.query((kind, span(AWAITED_SLACK), limit))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((row.get("id")?, whole(row)?));
    }
    Ok(found)
}

pub(super) fn close(turn: Turn<'_>, ids: &[i64], by: &str) -> Result<(), StoreError> {
    let mut update = turn.ledger.prepare_cached(
        "UPDATE dead SET resolved_at = ?2, resolved_by = ?3
         WHERE id = ?1 AND resolved_at IS NULL",
    )?;
    for id in ids {
        update.execute((id, micros(turn.now), by))?;
    }
    Ok(())
}

/// What of a dead letter is not in its summary as well.
fn whole(row: &Row<'_>) -> Result<DeadLetter, StoreError> {
    let first_failed_at: Option<i64> = row.get("first_failed_at")?;
    let first_failed_at: Option<Timestamp> = first_failed_at.map(time).transpose()?;
    Ok(DeadLetter {
        key: row.get("key")?,
        origin: row.get("origin")?,
        died_at: time(row.get("died_at")?)?,
        first_failed_at,
        kind: row.get("kind")?,
        detail: row.get("detail")?,
        status: narrow_option(row.get("status")?)?,
        response: row.get("response")?,
        rule: row.get("rule")?,
        attempts: narrow_option(row.get("attempts")?)?,
        route: row.get("route")?,
        source: row.get("source")?,
        target: row.get("target")?,
        entity: row.get("entity")?,
        entity_id: row.get("entity_id")?,
        pointer: row.get("pointer")?,
        position: position(row)?,
        missing: missing(row)?,
        message_id: row.get("message_id")?,
        content_type: row.get("content_type")?,
        headers: row.get("headers")?,
        body: row.get("body")?,
    })
}
