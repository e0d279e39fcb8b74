//! Dead letters.

use ferry_canonical::FailureKind;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql};

use super::{
    Turn,
    value::{micros, narrow, narrow_option, time},
};
use crate::{DeadFilter, DeadLetter, DeadSummary, StoreError};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 500;

const SUMMARY: &str = "id, origin, died_at, kind, detail, route, source, entity, entity_id, \
    pointer, attempts, status, copies";

pub(super) fn bury(
    Turn { ledger, now }: Turn<'_>,
    letters: &[DeadLetter],
) -> Result<(), StoreError> {
    let mut insert = ledger.prepare_cached(
        "INSERT INTO dead (key, origin, died_at, first_failed_at, kind, detail, status, response,
                           rule, attempts, route, source, target, entity, entity_id, pointer,
                           message_id, content_type, headers, body, stored_at, copies)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
                 ?19, ?20, ?21, 1)
         ON CONFLICT (key) DO UPDATE SET copies = copies + 1",
    )?;
    for letter in letters {
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
    let mut conditions: Vec<&str> = wanted.iter().map(|(condition, _)| *condition).collect();
    if conditions.is_empty() {
        conditions.push("TRUE");
    }
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
    })
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
        message_id: row.get("message_id")?,
        content_type: row.get("content_type")?,
        headers: row.get("headers")?,
        body: row.get("body")?,
    })
}

fn sentence(kind: &str) -> &'static str {
    kind.parse().map_or(
        "Nothing says why it is here: another program may have put it there. Look at its headers \
         and its body.",
        FailureKind::sentence,
    )
}
