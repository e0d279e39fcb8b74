//! Dead letters.

use deadpool_postgres::Transaction;
use ferry_canonical::{Clock, FailureKind, Reference};
use tokio_postgres::{Row, types::ToSql};

use super::{
    error::Trouble,
    read::prepared,
    value::{get, narrow, narrow_option, sequence, sequence_text, time, word},
};
use crate::{
    AWAITED_SLACK, DeadFilter, DeadLetter, DeadSummary, Position, StoreError,
    dead::sentence,
    page::{micros, span},
};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 500;

const SUMMARY: &str = "id, origin, died_at, kind, detail, route, source, entity, entity_id, \
    pointer, attempts, status, copies, missing_entity, missing_id, resolved_at, resolved_by";

const BURY: &str = "INSERT INTO dead (key, origin, died_at, first_failed_at, kind, detail, status,
        response, rule, attempts, route, source, target, entity, entity_id, pointer, message_id,
        content_type, headers, body, stored_at, facet, part, source_id, clock, sequence, observed_at,
        missing_entity, missing_id, copies)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
            $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, 1)
    ON CONFLICT (key) DO UPDATE SET copies = dead.copies + 1";

pub(super) async fn bury(
    transaction: &Transaction<'_>,
    letters: &[DeadLetter],
    now: jiff::Timestamp,
) -> Result<(), Trouble> {
    let stored_at = micros(now);
    let [statement] = prepared(transaction, [BURY]).await?;
    for letter in letters {
        let status = letter.status.map(i64::from);
        let attempts = letter.attempts.map(i64::from);
        let (died_at, first) = (micros(letter.died_at), letter.first_failed_at.map(micros));
        let position = letter.position.as_ref();
        let facet = position.map(|at| at.facet.as_str());
        let part = position.map(|at| at.part.as_deref().unwrap_or_default());
        let source_id = position.and_then(|at| at.source_id.as_deref());
        let at_clock = position.map(|at| at.clock.0.as_str());
        let sequence = position.map(|at| sequence_text(at.sequence));
        let observed_at = position.map(|at| micros(at.observed_at));
        let missing_entity = letter.missing.as_ref().map(|missing| missing.entity.as_str());
        let missing_id = letter.missing.as_ref().map(|missing| missing.id.as_str());
        let params: [&(dyn ToSql + Sync); 29] = [
            &letter.key,
            &letter.origin,
            &died_at,
            &first,
            &letter.kind,
            &letter.detail,
            &status,
            &letter.response,
            &letter.rule,
            &attempts,
            &letter.route,
            &letter.source,
            &letter.target,
            &letter.entity,
            &letter.entity_id,
            &letter.pointer,
            &letter.message_id,
            &letter.content_type,
            &letter.headers,
            &letter.body,
            &stored_at,
            &facet,
            &part,
            &source_id,
            &at_clock,
            &sequence,
            &observed_at,
            &missing_entity,
            &missing_id,
        ];
        transaction.execute(&statement, &params).await?;
    }
    Ok(())
}

pub(super) async fn list(
    transaction: &Transaction<'_>,
    filter: &DeadFilter,
) -> Result<Vec<DeadSummary>, Trouble> {
    let wanted = [
        ("kind = $::text", &filter.kind),
        ("origin = $::text", &filter.origin),
        ("entity = $::text", &filter.entity),
        ("entity_id = $::text", &filter.entity_id),
        ("strpos(lower(detail), lower($::text)) > 0", &filter.text),
    ];
    let open = if filter.resolved { "resolved_at IS NOT NULL" } else { "resolved_at IS NULL" };
    let mut conditions = vec![open.to_owned()];
    let mut params: Vec<&(dyn ToSql + Sync)> = Vec::new();
    for (condition, value) in wanted {
        if let Some(value) = value {
            params.push(value);
            conditions.push(condition.replace('$', &format!("${}", params.len())));
        }
    }
    let limit = filter.limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
    let offset = filter.offset.unwrap_or_default();
    let sql = format!(
        "SELECT {SUMMARY} FROM dead WHERE {} ORDER BY died_at DESC, id DESC
         LIMIT {limit} OFFSET {offset}",
        conditions.join(" AND ")
    );
    let rows = transaction.query(sql.as_str(), &params).await?;
    Ok(rows.iter().map(summary).collect::<Result<_, _>>()?)
}

pub(super) async fn letter(
    transaction: &Transaction<'_>,
    id: i64,
) -> Result<Option<(DeadSummary, DeadLetter)>, Trouble> {
    let row = transaction.query_opt("SELECT * FROM dead WHERE id = $1", &[&id]).await?;
    let both = |row: &Row| Ok::<_, StoreError>((summary(row)?, whole(row)?));
    Ok(row.as_ref().map(both).transpose()?)
}

fn summary(row: &Row) -> Result<DeadSummary, StoreError> {
    let kind: String = get(row, "kind")?;
    Ok(DeadSummary {
        id: get(row, "id")?,
        origin: get(row, "origin")?,
        died_at: time(get(row, "died_at")?)?,
        sentence: sentence(&kind).to_owned(),
        kind,
        detail: get(row, "detail")?,
        route: get(row, "route")?,
        source: get(row, "source")?,
        entity: get(row, "entity")?,
        entity_id: get(row, "entity_id")?,
        pointer: get(row, "pointer")?,
        attempts: narrow_option(get(row, "attempts")?)?,
        status: narrow_option(get(row, "status")?)?,
        copies: narrow(get(row, "copies")?)?,
        missing: missing(row)?.map(|missing| missing.to_string()),
        resolved_at: get::<Option<i64>>(row, "resolved_at")?.map(time).transpose()?,
        resolved_by: get(row, "resolved_by")?,
    })
}

fn missing(row: &Row) -> Result<Option<Reference>, StoreError> {
    let entity: Option<&str> = get(row, "missing_entity")?;
    let id: Option<&str> = get(row, "missing_id")?;
    let Some((entity, id)) = entity.zip(id) else { return Ok(None) };
    let corrupt = || StoreError::Corrupt("a dead letter waits for nothing known".to_owned());
    let entity = entity.parse().map_err(|_| corrupt())?;
    Reference::new(entity, id).map(Some).map_err(|_| corrupt())
}

fn position(row: &Row) -> Result<Option<Position>, StoreError> {
    if get::<Option<&str>>(row, "facet")?.is_none() {
        return Ok(None);
    }
    let part: String = get(row, "part")?;
    Ok(Some(Position {
        facet: word(row, "facet")?,
        part: (!part.is_empty()).then_some(part),
        source_id: get(row, "source_id")?,
        clock: Clock(get(row, "clock")?),
        sequence: sequence(get(row, "sequence")?)?,
        observed_at: time(get(row, "observed_at")?)?,
    }))
}

/// Open letters whose part has been brought on since. Of states with one sequence, the one that was
/// read later is the later one.
pub(super) async fn overtaken(
    transaction: &Transaction<'_>,
    limit: u32,
) -> Result<Vec<i64>, Trouble> {
    let sql = "SELECT id FROM dead d
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
         ORDER BY id LIMIT $1";
    let rows = transaction.query(sql, &[&i64::from(limit)]).await?;
    Ok(rows.iter().map(|row| get(row, "id")).collect::<Result<_, _>>()?)
}

/// Open letters for which what was missing has come since.
pub(super) async fn awaited(
    transaction: &Transaction<'_>,
    limit: u32,
) -> Result<Vec<(i64, DeadLetter)>, Trouble> {
    let sql = "SELECT * FROM dead d
         WHERE resolved_at IS NULL AND missing_id IS NOT NULL AND kind = $1::text AND EXISTS (
             SELECT 1 FROM part p
             WHERE p.entity = d.missing_entity AND p.id = d.missing_id
               AND (p.target = d.target OR p.source = d.target)
               AND p.outcome = 'delivered' AND p.applied_at > d.died_at - $2::bigint)
         ORDER BY id LIMIT $3";
    let kind = FailureKind::MissingReference.as_str();
    let slack = span(AWAITED_SLACK);
    let rows = transaction.query(sql, &[&kind, &slack, &i64::from(limit)]).await?;
    let both = |row: &Row| Ok::<_, StoreError>((get(row, "id")?, whole(row)?));
    Ok(rows.iter().map(both).collect::<Result<_, _>>()?)
}

pub(super) async fn close(
    transaction: &Transaction<'_>,
    ids: &[i64],
    by: &str,
    now: jiff::Timestamp,
) -> Result<(), Trouble> {
    let sql = "WITH found AS (SELECT id FROM dead WHERE id = ANY ($1) AND resolved_at IS NULL
                              ORDER BY id FOR NO KEY UPDATE)
               UPDATE dead d SET resolved_at = $2, resolved_by = $3 FROM found
               WHERE d.id = found.id";
    transaction.execute(sql, &[&ids, &micros(now), &by]).await?;
    Ok(())
}

/// What of a dead letter is not in its summary as well.
fn whole(row: &Row) -> Result<DeadLetter, StoreError> {
    let first_failed_at: Option<i64> = get(row, "first_failed_at")?;
    Ok(DeadLetter {
        key: get(row, "key")?,
        origin: get(row, "origin")?,
        died_at: time(get(row, "died_at")?)?,
        first_failed_at: first_failed_at.map(time).transpose()?,
        kind: get(row, "kind")?,
        detail: get(row, "detail")?,
        status: narrow_option(get(row, "status")?)?,
        response: get(row, "response")?,
        rule: get(row, "rule")?,
        attempts: narrow_option(get(row, "attempts")?)?,
        route: get(row, "route")?,
        source: get(row, "source")?,
        target: get(row, "target")?,
        entity: get(row, "entity")?,
        entity_id: get(row, "entity_id")?,
        pointer: get(row, "pointer")?,
        position: position(row)?,
        missing: missing(row)?,
        message_id: get(row, "message_id")?,
        content_type: get(row, "content_type")?,
        headers: get(row, "headers")?,
        body: get(row, "body")?,
    })
}
