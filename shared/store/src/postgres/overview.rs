//! Counts and the story of one entity, from tallies and indexes only.

use std::collections::BTreeMap;

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::types::ToSql;

use super::{
    dead,
    error::Trouble,
    journal,
    value::{get, narrow, sequence, time, wide},
};
use crate::{
    AppliedPart, DeadFilter, EntityView, JournalFilter, Overview, RouteTally, page::micros,
};

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

pub(super) async fn overview(
    transaction: &Transaction<'_>,
    now: Timestamp,
) -> Result<Overview, Trouble> {
    let oldest = "SELECT min(died_at) AS oldest FROM dead WHERE resolved_at IS NULL";
    let oldest = transaction.query_one(oldest, &[]).await?;
    let oldest: Option<i64> = get(&oldest, "oldest")?;
    let now = micros(now);
    Ok(Overview {
        routes: routes(transaction).await?,
        records: counts(transaction, "SELECT system, records FROM record_tally", &[]).await?,
        skipped_items: journal::skipped_items(transaction).await?,
        dead: dead_by_cause(transaction).await?,
        dead_oldest_at: oldest.map(time).transpose()?,
        claimed: counts(
            transaction,
            "SELECT target, count(*) FROM claim WHERE lease_until > $1 GROUP BY target",
            &[&now],
        )
        .await?,
        unknown: counts(
            transaction,
            "SELECT system, count(*) FROM (
                 SELECT system, entity, id FROM entity WHERE unknown_until IS NOT NULL
                 UNION
                 SELECT target, entity, id FROM claim WHERE lease_until <= $1) doubtful
             GROUP BY system",
            &[&now],
        )
        .await?,
    })
}

/// Pairs of a name and a count.
pub(super) async fn counts(
    transaction: &Transaction<'_>,
    sql: &str,
    params: Params<'_>,
) -> Result<BTreeMap<String, u64>, Trouble> {
    let mut counts = BTreeMap::new();
    for row in transaction.query(sql, params).await? {
        counts.insert(row.try_get(0)?, narrow(row.try_get(1)?)?);
    }
    Ok(counts)
}

async fn routes(transaction: &Transaction<'_>) -> Result<Vec<RouteTally>, Trouble> {
    let sql = "SELECT route, target, outcome, sum(deliveries)::bigint AS deliveries FROM tally
               GROUP BY route, target, outcome ORDER BY route, target, outcome";
    let mut routes: Vec<RouteTally> = Vec::new();
    for row in transaction.query(sql, &[]).await? {
        let (route, target): (String, String) = (get(&row, "route")?, get(&row, "target")?);
        if routes.last().is_none_or(|last| last.route != route || last.target != target) {
            routes.push(RouteTally::none(&route, &target));
        }
        if let Some(last) = routes.last_mut() {
            last.outcomes.insert(get(&row, "outcome")?, narrow(get(&row, "deliveries")?)?);
        }
    }
    retrying(transaction, &mut routes).await?;
    Ok(routes)
}

async fn retrying(
    transaction: &Transaction<'_>,
    routes: &mut Vec<RouteTally>,
) -> Result<(), Trouble> {
    let sql = "SELECT route, target, count(*) AS deliveries, min(since) AS since FROM retrying
               GROUP BY route, target";
    for row in transaction.query(sql, &[]).await? {
        let (route, target): (String, String) = (get(&row, "route")?, get(&row, "target")?);
        let found = routes.iter().position(|tally| tally.route == route && tally.target == target);
        let at = found.unwrap_or_else(|| {
            routes.push(RouteTally::none(&route, &target));
            routes.len() - 1
        });
        if let Some(tally) = routes.get_mut(at) {
            tally.retrying = narrow(get(&row, "deliveries")?)?;
            tally.retrying_since = Some(time(get(&row, "since")?)?);
        }
    }
    Ok(())
}

async fn dead_by_cause(
    transaction: &Transaction<'_>,
) -> Result<BTreeMap<String, BTreeMap<String, u64>>, Trouble> {
    let sql = "SELECT origin, kind, count(*) AS letters FROM dead WHERE resolved_at IS NULL
               GROUP BY origin, kind";
    let mut dead: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for row in transaction.query(sql, &[]).await? {
        let letters = narrow(get(&row, "letters")?)?;
        dead.entry(get(&row, "origin")?).or_default().insert(get(&row, "kind")?, letters);
    }
    Ok(dead)
}

/// What the store knows of the entity. `id` may be any system's own id where no entity has it as its
/// canonical one.
pub(super) async fn entity(
    transaction: &Transaction<'_>,
    entity: &str,
    id: &str,
) -> Result<EntityView, Trouble> {
    let id = canonical(transaction, entity, id).await?;
    // A bad item is known by its key alone: it became no entity.
    let filter = DeadFilter { entity_id: Some(id.clone()), ..DeadFilter::default() };
    let mut dead = dead::list(transaction, &filter).await?;
    dead.retain(|letter| letter.entity.as_deref().is_none_or(|found| found == entity));
    let (ids, parts) =
        (ids(transaction, entity, &id).await?, parts(transaction, entity, &id).await?);
    let busy = busy(transaction, entity, &id).await?;
    let filter = JournalFilter {
        entity: Some(entity.to_owned()),
        entity_id: Some(id),
        ..JournalFilter::default()
    };
    let journal = journal::search(transaction, &filter).await?;
    Ok(EntityView { ids, parts, busy, journal, dead })
}

async fn canonical(
    transaction: &Transaction<'_>,
    entity: &str,
    id: &str,
) -> Result<String, Trouble> {
    let sql = "SELECT id FROM (SELECT id, '' AS system FROM entity
                               WHERE entity = $1::text AND id = $2::text
                               UNION ALL
                               SELECT id, system FROM entity
                               WHERE entity = $1::text AND own_id = $2::text) named
               ORDER BY system LIMIT 1";
    let found = transaction.query_opt(sql, &[&entity, &id]).await?;
    Ok(found.as_ref().map(|row| get(row, "id")).transpose()?.unwrap_or_else(|| id.to_owned()))
}

async fn ids(
    transaction: &Transaction<'_>,
    entity: &str,
    id: &str,
) -> Result<BTreeMap<String, String>, Trouble> {
    let sql = "SELECT system, own_id FROM entity
               WHERE entity = $1::text AND id = $2::text AND own_id IS NOT NULL";
    let mut ids = BTreeMap::new();
    for row in transaction.query(sql, &[&entity, &id]).await? {
        ids.insert(get(&row, "system")?, get(&row, "own_id")?);
    }
    Ok(ids)
}

async fn busy(
    transaction: &Transaction<'_>,
    entity: &str,
    id: &str,
) -> Result<Vec<String>, Trouble> {
    let sql = "SELECT e.system FROM entity e LEFT JOIN claim c ON c.token = e.token
               WHERE e.entity = $1::text AND e.id = $2::text
                 AND (e.unknown_until IS NOT NULL OR c.token IS NOT NULL)
               ORDER BY e.system";
    let rows = transaction.query(sql, &[&entity, &id]).await?;
    Ok(rows.iter().map(|row| get(row, "system")).collect::<Result<_, _>>()?)
}

async fn parts(
    transaction: &Transaction<'_>,
    entity: &str,
    id: &str,
) -> Result<Vec<AppliedPart>, Trouble> {
    let sql = "SELECT target, facet, part, source, sequence, observed_at, applied_at, outcome
               FROM part WHERE entity = $1::text AND id = $2::text
               ORDER BY target, facet, part, source, clock";
    let mut parts = Vec::new();
    for row in transaction.query(sql, &[&entity, &id]).await? {
        let part: String = get(&row, "part")?;
        parts.push(AppliedPart {
            target: get(&row, "target")?,
            facet: get(&row, "facet")?,
            part: (!part.is_empty()).then_some(part),
            source: get(&row, "source")?,
            sequence: sequence(get(&row, "sequence")?)?.to_string(),
            observed_at: time(get(&row, "observed_at")?)?,
            applied_at: time(get(&row, "applied_at")?)?,
            outcome: get(&row, "outcome")?,
        });
    }
    Ok(parts)
}

pub(super) async fn count_records(
    transaction: &Transaction<'_>,
    system: &str,
    records: u64,
) -> Result<(), Trouble> {
    let sql = "INSERT INTO record_tally (system, records) VALUES ($1, $2)
               ON CONFLICT (system)
               DO UPDATE SET records = record_tally.records + excluded.records";
    transaction.execute(sql, &[&system, &wide(records)]).await?;
    Ok(())
}
