//! Counts and the story of one entity, from tallies and indexes only.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    dead,
    value::{micros, narrow, sequence, time, wide},
};
use crate::{AppliedPart, DeadFilter, EntityView, Overview, RouteTally, StoreError};

/// Everything but what the journal counts.
pub(super) fn overview(ledger: &Connection, now: Timestamp) -> Result<Overview, StoreError> {
    let oldest: Option<i64> =
        ledger.query_row("SELECT min(died_at) FROM dead WHERE resolved_at IS NULL", (), |row| {
            row.get(0)
        })?;
    let now = micros(now);
    Ok(Overview {
        routes: routes(ledger)?,
        records: counts(ledger, "SELECT system, records FROM record_tally")?,
        skipped_items: BTreeMap::new(),
        dead: dead(ledger)?,
        dead_oldest_at: oldest.map(time).transpose()?,
        claimed: counts(
            ledger,
            &format!(
                "SELECT target, count(*) FROM claim WHERE lease_until > {now} GROUP BY target"
            ),
        )?,
        unknown: counts(
            ledger,
            &format!(
                "SELECT system, count(*) FROM (
                     SELECT system, entity, id FROM entity WHERE unknown_until IS NOT NULL
                     UNION
                     SELECT target, entity, id FROM claim WHERE lease_until <= {now})
                 GROUP BY system"
            ),
        )?,
    })
}

/// Pairs of a name and a count.
pub(super) fn counts(
    connection: &Connection,
    sql: &str,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut select = connection.prepare(sql)?;
    let mut rows = select.query(())?;
    let mut counts = BTreeMap::new();
    while let Some(row) = rows.next()? {
        counts.insert(row.get(0)?, narrow(row.get(1)?)?);
    }
    Ok(counts)
}

fn routes(ledger: &Connection) -> Result<Vec<RouteTally>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT route, target, outcome, deliveries FROM tally ORDER BY route, target, outcome",
    )?;
    let mut rows = select.query(())?;
    let mut routes: Vec<RouteTally> = Vec::new();
    while let Some(row) = rows.next()? {
        let (route, target): (String, String) = (row.get(0)?, row.get(1)?);
        let (outcome, deliveries): (String, u64) = (row.get(2)?, narrow(row.get(3)?)?);
        if routes.last().is_none_or(|last| last.route != route || last.target != target) {
            routes.push(RouteTally::none(&route, &target));
        }
        if let Some(last) = routes.last_mut() {
            last.outcomes.insert(outcome, deliveries);
        }
    }
    retrying(ledger, &mut routes)?;
    Ok(routes)
}

fn retrying(ledger: &Connection, routes: &mut Vec<RouteTally>) -> Result<(), StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT route, target, count(*), min(since) FROM retrying GROUP BY route, target",
    )?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        let (route, target): (String, String) = (row.get(0)?, row.get(1)?);
        let found = routes.iter().position(|tally| tally.route == route && tally.target == target);
        let at = found.unwrap_or_else(|| {
            routes.push(RouteTally::none(&route, &target));
            routes.len() - 1
        });
        if let Some(tally) = routes.get_mut(at) {
            tally.retrying = narrow(row.get(2)?)?;
            tally.retrying_since = Some(time(row.get(3)?)?);
        }
    }
    Ok(())
}

fn dead(ledger: &Connection) -> Result<BTreeMap<String, BTreeMap<String, u64>>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT origin, kind, count(*) FROM dead WHERE resolved_at IS NULL
             GROUP BY origin, kind",
    )?;
    let mut rows = select.query(())?;
    let mut dead: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        dead.entry(row.get(0)?).or_default().insert(row.get(1)?, narrow(row.get(2)?)?);
    }
    Ok(dead)
}

/// The canonical id, and what the ledger knows of the entity. `id` may be any system's own id where
/// no entity has it as its canonical one.
pub(super) fn entity(
    ledger: &Connection,
    entity: &str,
    id: &str,
) -> Result<(String, EntityView), StoreError> {
    let id = canonical(ledger, entity, id)?;
    // A bad item is known by its key alone: it became no entity.
    let filter = DeadFilter { entity_id: Some(id.clone()), ..DeadFilter::default() };
    let mut dead = dead::list(ledger, &filter)?;
    dead.retain(|letter| letter.entity.as_deref().is_none_or(|found| found == entity));
    let view = EntityView {
        ids: ids(ledger, entity, &id)?,
        parts: parts(ledger, entity, &id)?,
        busy: busy(ledger, entity, &id)?,
        journal: Vec::new(),
        dead,
    };
    Ok((id, view))
}

fn canonical(ledger: &Connection, entity: &str, id: &str) -> Result<String, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT id FROM (SELECT id, '' AS system FROM entity WHERE entity = ?1 AND id = ?2
                         UNION ALL
                         SELECT id, system FROM entity WHERE entity = ?1 AND own_id = ?2)
         ORDER BY system LIMIT 1",
    )?;
    let found = select.query_row((entity, id), |row| row.get(0)).optional()?;
    Ok(found.unwrap_or_else(|| id.to_owned()))
}

fn ids(
    ledger: &Connection,
    entity: &str,
    id: &str,
) -> Result<BTreeMap<String, String>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT system, own_id FROM entity
         WHERE entity = ?1 AND id = ?2 AND own_id IS NOT NULL",
    )?;
    let ids = select.query_map((entity, id), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

fn busy(ledger: &Connection, entity: &str, id: &str) -> Result<Vec<String>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT e.system FROM entity e LEFT JOIN claim c ON c.token = e.token
         WHERE e.entity = ?1 AND e.id = ?2
           AND (e.unknown_until IS NOT NULL OR c.token IS NOT NULL)
         ORDER BY e.system",
    )?;
    let targets = select.query_map((entity, id), |row| row.get(0))?;
    Ok(targets.collect::<Result<_, _>>()?)
}

fn parts(ledger: &Connection, entity: &str, id: &str) -> Result<Vec<AppliedPart>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT target, facet, part, source, sequence, observed_at, applied_at, outcome FROM part
         WHERE entity = ?1 AND id = ?2 ORDER BY target, facet, part, source, clock",
    )?;
    let mut rows = select.query((entity, id))?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        let part: String = row.get("part")?;
        parts.push(AppliedPart {
            target: row.get("target")?,
            facet: row.get("facet")?,
            part: (!part.is_empty()).then_some(part),
            source: row.get("source")?,
            sequence: sequence(&row.get::<_, String>("sequence")?)?.to_string(),
            observed_at: time(row.get("observed_at")?)?,
            applied_at: time(row.get("applied_at")?)?,
            outcome: row.get("outcome")?,
        });
    }
    Ok(parts)
}

pub(super) fn count_records(
    ledger: &Connection,
    system: &str,
    records: u64,
) -> Result<(), StoreError> {
    let mut count = ledger.prepare_cached(
        "INSERT INTO record_tally (system, records) VALUES (?1, ?2)
         ON CONFLICT (system) DO UPDATE SET records = records + excluded.records",
    )?;
    count.execute((system, wide(records)))?;
    Ok(())
}
