//! Reads the page that a batch is decided on: locks first, then everything else, in one go.
//!
//! Statements of one transaction are sent without waiting for each other's answers and carried out
//! in the order in which they were sent. Each sees what was committed before it began, so that what
//! follows the locks sees what those who held them before have left.

use std::collections::BTreeMap;

use deadpool_postgres::Transaction;
use ferry_canonical::Entity;
use jiff::Timestamp;
use tokio_postgres::{Row, Statement, types::ToSql};
use uuid::Uuid;

use super::{
    agreed,
    columns::{Ats, Deliveries, Facets, OwnNames},
    error::Trouble,
    rows::{
        read_claims, read_ends, read_intents, read_marks, read_now, read_own, read_standings,
        read_states,
    },
    steps,
    value::get,
};
use crate::{
    Group, Settlement, StoreError,
    page::{OwnId, Page, Wanted, own_names, target_names},
};

const OWN: &str = "SELECT e.entity, e.system, e.own_id, e.id
    FROM unnest($1::text[], $2::text[], $3::text[]) k (entity, system, own_id)
    JOIN entity e ON e.own_id = k.own_id AND e.system = k.system AND e.entity = k.entity";

/// In the order of the keys, as every batch does it.
const ENTER: &str = "INSERT INTO entity (entity, id, system)
    SELECT entity, id, system
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY k (entity, id, system, n)
    ORDER BY n
    ON CONFLICT (entity, id, system) DO NOTHING";

const LOCK: &str = "SELECT e.entity, e.id, e.system, e.own_id, e.grants, e.token, e.unknown_until
    FROM unnest($1::text[], $2::text[], $3::text[]) k (entity, id, system)
    JOIN entity e ON e.entity = k.entity AND e.id = k.id AND e.system = k.system
    ORDER BY e.entity, e.id, e.system
    FOR NO KEY UPDATE OF e";

pub(super) const NOW: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

const CLAIMS: &str = "SELECT c.*
    FROM unnest($1::text[], $2::text[], $3::text[]) k (entity, id, system)
    JOIN entity e ON e.entity = k.entity AND e.id = k.id AND e.system = k.system
    JOIN claim c ON c.token = e.token
    UNION
    SELECT c.*
    FROM unnest($1::text[], $2::text[], $3::text[]) k (entity, id, system)
    JOIN claim c ON c.entity = k.entity AND c.id = k.id AND c.other = k.system";

const INTENTS: &str = "SELECT i.entity, i.id, i.system, i.facet, i.part, i.grant_no, i.token,
        CASE WHEN k.whole THEN i.document END AS document, i.fingerprint, i.via, i.event_id,
        i.generation, i.source, i.clock, i.sequence, i.observed_at, i.started_at, i.said_at,
        EXISTS (SELECT 1 FROM outcome o
                WHERE o.target = i.system AND o.event_id = i.event_id
                  AND o.generation = i.generation) AS ended
    FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[]) k (entity, id, system, whole)
    JOIN intent i ON i.entity = k.entity AND i.id = k.id AND i.system = k.system";

const STATES: &str = "SELECT s.entity, s.id, s.system, s.facet, s.part,
        CASE WHEN k.whole THEN s.document END AS document, s.fingerprint, s.via, s.ours,
        s.started_at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[])
         k (entity, id, system, facet, whole)
    JOIN state s ON s.entity = k.entity AND s.id = k.id AND s.system = k.system
                AND s.facet = k.facet";

const MARKS: &str = "SELECT p.*
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) k (entity, id, system, facet)
    JOIN part p ON p.entity = k.entity AND p.id = k.id AND p.target = k.system
               AND p.facet = k.facet";

const ENDS: &str = "SELECT o.target, o.event_id, o.generation, o.route, o.outcome, o.because
    FROM unnest($1::text[], $2::uuid[], $3::bigint[]) k (target, event_id, generation)
    JOIN outcome o ON o.target = k.target AND o.event_id = k.event_id
                  AND o.generation = k.generation";

const LOCK_CLAIMED: &str = "SELECT e.entity, e.id, e.system, e.own_id, e.grants, e.token,
        e.unknown_until
    FROM unnest($1::uuid[]) k (token) JOIN claim c ON c.token = k.token
    JOIN entity e ON e.entity = c.entity AND e.id = c.id AND e.system = c.target
    ORDER BY e.entity, e.id, e.system
    FOR NO KEY UPDATE OF e";

const CLAIMS_BY_TOKEN: &str =
    "SELECT c.* FROM unnest($1::uuid[]) k (token) JOIN claim c ON c.token = k.token";

const INTENTS_BY_TOKEN: &str = "SELECT i.entity, i.id, i.system, i.facet, i.part, i.grant_no,
        i.token, NULL::text AS document, i.fingerprint, i.via, i.event_id, i.generation, i.source,
        i.clock, i.sequence, i.observed_at, i.started_at, i.said_at, false AS ended
    FROM unnest($1::uuid[]) k (token) JOIN claim c ON c.token = k.token
    JOIN intent i ON i.entity = c.entity AND i.id = c.id AND i.system = c.target";

const OWN_OF_TARGETS: &str = "SELECT e.entity, e.system, e.own_id, e.id
    FROM unnest($1::text[], $2::text[]) k (system, own_id)
    JOIN entity e ON e.own_id = k.own_id AND e.system = k.system";

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// What a system calls each of these.
pub(super) async fn known(
    transaction: &Transaction<'_>,
    entity: Entity,
    system: &str,
    ids: &[String],
) -> Result<Vec<Option<String>>, Trouble> {
    const KNOWN: &str = "SELECT e.own_id
        FROM unnest($2::text[]) WITH ORDINALITY k (id, n)
        LEFT JOIN entity e ON e.entity = $1 AND e.id = k.id AND e.system = $3
        ORDER BY n";
    let [statement] = prepared(transaction, [KNOWN]).await?;
    let rows = transaction.query(&statement, &[&entity.as_str(), &ids, &system]).await?;
    rows.iter().map(|row| Ok(get(row, "own_id")?)).collect()
}

/// The entity that a system calls so.
pub(super) async fn owner(
    transaction: &Transaction<'_>,
    entity: Entity,
    system: &str,
    own_id: &str,
) -> Result<Option<String>, Trouble> {
    const OWNER: &str = "SELECT id FROM entity WHERE own_id = $1 AND system = $2 AND entity = $3";
    let [statement] = prepared(transaction, [OWNER]).await?;
    let row = transaction.query_opt(&statement, &[&own_id, &system, &entity.as_str()]).await?;
    Ok(row.as_ref().map(|row| get(row, "id")).transpose()?)
}

/// The statements, known to the connection before any of them is sent: one that had to be prepared
/// first would be carried out late.
pub(super) async fn prepared<const N: usize>(
    transaction: &Transaction<'_>,
    statements: [&str; N],
) -> Result<[Statement; N], Trouble> {
    let mut prepared = Vec::with_capacity(N);
    for statement in statements {
        prepared.push(transaction.prepare_cached(statement).await?);
    }
    prepared.try_into().map_err(|_| {
        Trouble::Store(StoreError::Unusable("a statement was lost while preparing".to_owned()))
    })
}

async fn rows(
    transaction: &Transaction<'_>,
    statement: &Statement,
    params: Params<'_>,
) -> Result<Vec<Row>, Trouble> {
    Ok(transaction.query(statement, params).await?)
}

/// What claims of these groups may touch.
pub(super) async fn of_groups(
    transaction: &Transaction<'_>,
    groups: &[Group],
    clock: fn(Timestamp) -> Timestamp,
) -> Result<Page, Trouble> {
    let names: Vec<OwnId> = own_names(groups).into_iter().collect();
    let before = own_ids(transaction, &names).await?;
    let wanted = Wanted::by(groups, &before);
    let at = Ats::of(wanted.at.keys());
    let whole: Vec<bool> = wanted.at.values().copied().collect();
    let facets = Facets::of(&wanted.facets);
    let asked = Deliveries::of(wanted.deliveries.iter());
    let [own, enter, lock, now, claims, intents, states, marks, stepped, outcomes] = prepared(
        transaction,
        [OWN, ENTER, LOCK, NOW, CLAIMS, INTENTS, STATES, MARKS, steps::READ, ENDS],
    )
    .await?;
    let own_names = OwnNames::of(&names);
    let by_at: Params<'_> = &[&at.entity, &at.id, &at.system];
    let by_own: Params<'_> = &[&own_names.entity, &own_names.system, &own_names.id];
    let by_whole: Params<'_> = &[&at.entity, &at.id, &at.system, &whole];
    let Facets { at: of, facet, whole } = &facets;
    let by_facet: Params<'_> = &[&of.entity, &of.id, &of.system, facet, whole];
    let by_mark: Params<'_> = &[&of.entity, &of.id, &of.system, facet];
    let by_delivery: Params<'_> = &[&asked.target, &asked.event_id, &asked.generation];
    let meetings = agreed::prepared(transaction, &wanted.meetings).await?;
    let (_, standings, now, own, claims, intents, states, marks, stepped, ends, agreed) = tokio::try_join!(
        biased;
        rows(transaction, &enter, by_at),
        rows(transaction, &lock, by_at),
        rows(transaction, &now, &[]),
        rows(transaction, &own, by_own),
        rows(transaction, &claims, by_at),
        rows(transaction, &intents, by_whole),
        rows(transaction, &states, by_facet),
        rows(transaction, &marks, by_mark),
        rows(transaction, &stepped, by_at),
        rows(transaction, &outcomes, by_delivery),
        agreed::rows(transaction, meetings.as_ref(), &wanted.meetings),
    )?;
    let mut page = Page::at(clock(read_now(&now)?));
    page.own_ids = read_own(&own)?;
    if page.own_ids != before {
        // Somebody has said whose an own id is since it was looked up: other rows are to be locked.
        return Err(Trouble::Collision);
    }
    read_standings(&mut page, &standings)?;
    read_claims(&mut page, &claims)?;
    read_intents(&mut page, &intents)?;
    read_states(&mut page, &states)?;
    read_marks(&mut page, &marks)?;
    steps::read(&mut page, &stepped)?;
    read_ends(&mut page, &ends)?;
    agreed::read(&mut page, &agreed)?;
    Ok(page)
}

/// What these settlements may touch.
pub(super) async fn of_settlements(
    transaction: &Transaction<'_>,
    settlements: &[Settlement],
    clock: fn(Timestamp) -> Timestamp,
) -> Result<Page, Trouble> {
    let tokens: Vec<Uuid> = settlements.iter().map(|settlement| settlement.token).collect();
    let (systems, names): (Vec<String>, Vec<String>) =
        target_names(settlements).into_iter().unzip();
    let [lock, now, claims, intents, stepped, own] = prepared(
        transaction,
        [
            LOCK_CLAIMED,
            NOW,
            CLAIMS_BY_TOKEN,
            INTENTS_BY_TOKEN,
            steps::READ_BY_TOKEN,
            OWN_OF_TARGETS,
        ],
    )
    .await?;
    let by_token: Params<'_> = &[&tokens];
    let by_name: Params<'_> = &[&systems, &names];
    let (standings, now, claims, intents, stepped, own) = tokio::try_join!(
        biased;
        rows(transaction, &lock, by_token),
        rows(transaction, &now, &[]),
        rows(transaction, &claims, by_token),
        rows(transaction, &intents, by_token),
        rows(transaction, &stepped, by_token),
        rows(transaction, &own, by_name),
    )?;
    let mut page = Page::at(clock(read_now(&now)?));
    page.own_ids = read_own(&own)?;
    read_standings(&mut page, &standings)?;
    read_claims(&mut page, &claims)?;
    read_intents(&mut page, &intents)?;
    steps::read(&mut page, &stepped)?;
    Ok(page)
}

async fn own_ids(
    transaction: &Transaction<'_>,
    names: &[OwnId],
) -> Result<BTreeMap<OwnId, String>, Trouble> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let [own] = prepared(transaction, [OWN]).await?;
    let names = OwnNames::of(names);
    read_own(&rows(transaction, &own, &[&names.entity, &names.system, &names.id]).await?)
}

/// The server's time.
pub(super) async fn now(transaction: &Transaction<'_>) -> Result<Timestamp, Trouble> {
    let [now] = prepared(transaction, [NOW]).await?;
    read_now(&rows(transaction, &now, &[]).await?)
}
