//! Writes what a batch has changed on its page: one statement for each kind of row, all sent at
//! once.

use deadpool_postgres::Transaction;
use tokio_postgres::{Statement, types::ToSql};
use uuid::Uuid;

use super::{
    agreed,
    columns::{Ats, Deliveries, Places},
    error::Trouble,
    exports,
    read::prepared,
    steps,
    value::{sequence_text, text},
};
use crate::page::{Delivery, Document, End, Intent, IntentKey, Page, micros};

/// What becomes a state is copied from its intent before that goes.
const STATES: &str = "INSERT INTO state (entity, id, system, facet, part, document, fingerprint,
                                         via, ours, started_at)
    SELECT k.entity, k.id, k.system, k.facet, k.part, coalesce(k.document, i.document),
           k.fingerprint, k.via, k.ours, k.started_at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                $7::uuid[], $8::text[], $9::text[], $10::boolean[], $11::bigint[])
         k (entity, id, system, facet, part, document, token, fingerprint, via, ours, started_at)
    LEFT JOIN intent i ON i.entity = k.entity AND i.id = k.id AND i.system = k.system
                      AND i.facet = k.facet AND i.part = k.part AND i.token = k.token
    ON CONFLICT (entity, id, system, facet, part)
    DO UPDATE SET document = excluded.document, fingerprint = excluded.fingerprint,
                  via = excluded.via, ours = excluded.ours, started_at = excluded.started_at";

const DROP_INTENTS: &str = "DELETE FROM intent i
    USING unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
          k (entity, id, system, facet, part, grant_no)
    WHERE i.entity = k.entity AND i.id = k.id AND i.system = k.system AND i.facet = k.facet
      AND i.part = k.part AND i.grant_no = k.grant_no";

const DOUBT_INTENTS: &str = "UPDATE intent i SET said_at = k.said_at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[],
                $7::bigint[])
         k (entity, id, system, facet, part, grant_no, said_at)
    WHERE i.entity = k.entity AND i.id = k.id AND i.system = k.system AND i.facet = k.facet
      AND i.part = k.part AND i.grant_no = k.grant_no";

const INTENTS: &str = "INSERT INTO intent (entity, id, system, facet, part, grant_no, token,
        document, fingerprint, via, event_id, generation, source, clock, sequence, observed_at,
        started_at, said_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[],
        $7::uuid[], $8::text[], $9::text[], $10::text[], $11::uuid[], $12::bigint[], $13::text[],
        $14::text[], $15::text[], $16::bigint[], $17::bigint[], $18::bigint[])";

const DROP_CLAIMS: &str =
    "DELETE FROM claim c USING unnest($1::uuid[]) k (token) WHERE c.token = k.token";

const CLAIMS: &str = "INSERT INTO claim (entity, id, target, other, token, route, facet, members,
        started_at, lease_until, settle_after)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[],
        $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[])";

const STANDINGS: &str = "INSERT INTO entity (entity, id, system, own_id, grants, token,
                                             unknown_until)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::uuid[],
                         $7::bigint[])
    ON CONFLICT (entity, id, system)
    DO UPDATE SET own_id = excluded.own_id, grants = excluded.grants, token = excluded.token,
                  unknown_until = excluded.unknown_until";

/// Moves marks forward; never back.
const MARKS: &str = "INSERT INTO part (entity, id, target, facet, part, source, clock, sequence,
                                       observed_at, fingerprint, applied_at, outcome)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::text[], $8::text[], $9::bigint[], $10::text[], $11::bigint[], $12::text[])
    ON CONFLICT (entity, id, target, facet, part, source, clock)
    DO UPDATE SET sequence = excluded.sequence, observed_at = excluded.observed_at,
                  fingerprint = excluded.fingerprint, applied_at = excluded.applied_at,
                  outcome = excluded.outcome
    WHERE (excluded.sequence, excluded.observed_at) >= (part.sequence, part.observed_at)";

/// The first failure's time stays.
const RETRYING: &str = "INSERT INTO retrying (target, event_id, generation, route, since)
    SELECT k.target, k.event_id, k.generation, k.route, $5
    FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::text[])
         k (target, event_id, generation, route)
    ON CONFLICT (target, event_id, generation) DO NOTHING";

/// Ends deliveries that have no end yet, and keeps the tally that always equals the count of ends.
/// It comes last, because rows of the tally are shared by whoever has the same shard.
const ENDS: &str = "WITH ended AS (
        INSERT INTO outcome (target, event_id, generation, route, outcome, because, at)
        SELECT k.target, k.event_id, k.generation, k.route, k.outcome, k.because, $7
        FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[])
             k (target, event_id, generation, route, outcome, because)
        ON CONFLICT (target, event_id, generation) DO NOTHING
        RETURNING target, event_id, generation, route, outcome),
    retried AS (
        DELETE FROM retrying r USING ended e
        WHERE r.target = e.target AND r.event_id = e.event_id AND r.generation = e.generation)
    INSERT INTO tally (route, target, outcome, shard, deliveries)
    SELECT route, target, outcome, pg_backend_pid() % 32, count(*) FROM ended
    GROUP BY route, target, outcome ORDER BY route, target, outcome
    ON CONFLICT (route, target, outcome, shard)
    DO UPDATE SET deliveries = tally.deliveries + excluded.deliveries";

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

pub(super) async fn page(transaction: &Transaction<'_>, page: &Page) -> Result<(), Trouble> {
    let [
        states,
        drop_intents,
        doubt_intents,
        intents,
        drop_claims,
        claims,
        standings,
        marks,
        drop_steps,
        put_steps,
        retrying,
        ends,
    ] = prepared(
        transaction,
        [
            STATES,
            DROP_INTENTS,
            DOUBT_INTENTS,
            INTENTS,
            DROP_CLAIMS,
            CLAIMS,
            STANDINGS,
            MARKS,
            steps::DROP,
            steps::PUT,
            RETRYING,
            ENDS,
        ],
    )
    .await?;
    let given = |(_, intent): &(&IntentKey, &Intent)| matches!(intent.document, Document::Given(_));
    let (new, doubted): (Vec<_>, Vec<_>) = page.intents.written().partition(given);
    let agreements = agreed::writing(transaction, page).await?;
    Box::pin(exports::keep(transaction, page)).await?;
    tokio::try_join!(
        biased;
        put_states(transaction, &states, page),
        Box::pin(agreed::write(transaction, agreements.as_ref(), page)),
        drop_all_intents(transaction, &drop_intents, page),
        doubt(transaction, &doubt_intents, &doubted),
        put_intents(transaction, &intents, &new),
        drop_all_claims(transaction, &drop_claims, page),
        put_claims(transaction, &claims, page),
        put_standings(transaction, &standings, page),
        put_marks(transaction, &marks, page),
        steps::drop_all(transaction, &drop_steps, page),
        steps::put_all(transaction, &put_steps, page),
        put_retrying(transaction, &retrying, page),
        put_ends(transaction, &ends, page.ends.written(), micros(page.now)),
    )?;
    Ok(())
}

/// Ends deliveries that never claimed anything.
pub(super) async fn ends<'a>(
    transaction: &Transaction<'_>,
    ended: impl Iterator<Item = (&'a Delivery, &'a End)>,
    at: i64,
) -> Result<(), Trouble> {
    let [ends] = prepared(transaction, [ENDS]).await?;
    put_ends(transaction, &ends, ended, at).await
}

async fn run(
    transaction: &Transaction<'_>,
    statement: &Statement,
    any: bool,
    params: Params<'_>,
) -> Result<(), Trouble> {
    if any {
        transaction.execute(statement, params).await?;
    }
    Ok(())
}

async fn put_states(
    transaction: &Transaction<'_>,
    statement: &Statement,
    page: &Page,
) -> Result<(), Trouble> {
    let rows: Vec<_> = page.states.written().collect();
    let Places { at, facet, part } = Places::of(rows.iter().map(|(place, _)| *place));
    let rows: Vec<_> = rows.iter().map(|(_, state)| *state).collect();
    let document: Vec<Option<&str>> = rows.iter().map(|state| state.document.text()).collect();
    let token: Vec<Option<Uuid>> = rows.iter().map(|state| state.document.token()).collect();
    let fingerprint: Vec<&str> = rows.iter().map(|state| state.fingerprint.as_str()).collect();
    let via = rows.iter().map(|state| text(&state.via)).collect::<Result<Vec<_>, _>>()?;
    let ours: Vec<bool> = rows.iter().map(|state| state.ours).collect();
    let started_at: Vec<i64> = rows.iter().map(|state| state.started_at).collect();
    let params: Params<'_> = &[
        &at.entity,
        &at.id,
        &at.system,
        &facet,
        &part,
        &document,
        &token,
        &fingerprint,
        &via,
        &ours,
        &started_at,
    ];
    run(transaction, statement, !rows.is_empty(), params).await
}

async fn drop_all_intents(
    transaction: &Transaction<'_>,
    statement: &Statement,
    page: &Page,
) -> Result<(), Trouble> {
    let keys: Vec<&IntentKey> = page.intents.removed().collect();
    let Places { at, facet, part } = Places::of(keys.iter().map(|key| &key.place));
    let grant: Vec<i64> = keys.iter().map(|key| key.grant).collect();
    let params: Params<'_> = &[&at.entity, &at.id, &at.system, &facet, &part, &grant];
    run(transaction, statement, !keys.is_empty(), params).await
}

async fn doubt(
    transaction: &Transaction<'_>,
    statement: &Statement,
    rows: &[(&IntentKey, &Intent)],
) -> Result<(), Trouble> {
    let Places { at, facet, part } = Places::of(rows.iter().map(|(key, _)| &key.place));
    let grant: Vec<i64> = rows.iter().map(|(key, _)| key.grant).collect();
    let said_at: Vec<Option<i64>> = rows.iter().map(|(_, intent)| intent.said_at).collect();
    let params: Params<'_> = &[&at.entity, &at.id, &at.system, &facet, &part, &grant, &said_at];
    run(transaction, statement, !rows.is_empty(), params).await
}

async fn put_intents(
    transaction: &Transaction<'_>,
    statement: &Statement,
    rows: &[(&IntentKey, &Intent)],
) -> Result<(), Trouble> {
    let Places { at, facet, part } = Places::of(rows.iter().map(|(key, _)| &key.place));
    let grant: Vec<i64> = rows.iter().map(|(key, _)| key.grant).collect();
    let rows: Vec<&Intent> = rows.iter().map(|(_, intent)| *intent).collect();
    let token: Vec<Uuid> = rows.iter().map(|intent| intent.token).collect();
    let document: Vec<Option<&str>> = rows.iter().map(|intent| intent.document.text()).collect();
    let fingerprint: Vec<&str> = rows.iter().map(|intent| intent.fingerprint.as_str()).collect();
    let via = rows.iter().map(|intent| text(&intent.via)).collect::<Result<Vec<_>, _>>()?;
    let event_id: Vec<Uuid> = rows.iter().map(|intent| intent.event_id).collect();
    let generation: Vec<i64> = rows.iter().map(|intent| i64::from(intent.generation)).collect();
    let source: Vec<&str> = rows.iter().map(|intent| intent.source.as_str()).collect();
    let clock: Vec<&str> = rows.iter().map(|intent| intent.clock.as_str()).collect();
    let sequence: Vec<String> = rows.iter().map(|intent| sequence_text(intent.sequence)).collect();
    let observed_at: Vec<i64> = rows.iter().map(|intent| intent.observed_at).collect();
    let started_at: Vec<i64> = rows.iter().map(|intent| intent.started_at).collect();
    let said_at: Vec<Option<i64>> = rows.iter().map(|intent| intent.said_at).collect();
    let params: Params<'_> = &[
        &at.entity,
        &at.id,
        &at.system,
        &facet,
        &part,
        &grant,
        &token,
        &document,
        &fingerprint,
        &via,
        &event_id,
        &generation,
        &source,
        &clock,
        &sequence,
        &observed_at,
        &started_at,
        &said_at,
    ];
    run(transaction, statement, !rows.is_empty(), params).await
}

async fn drop_all_claims(
    transaction: &Transaction<'_>,
    statement: &Statement,
    page: &Page,
) -> Result<(), Trouble> {
    let tokens: Vec<Uuid> = page.claims.removed().copied().collect();
    run(transaction, statement, !tokens.is_empty(), &[&tokens]).await
}

async fn put_claims(
    transaction: &Transaction<'_>,
    statement: &Statement,
    page: &Page,
) -> Result<(), Trouble> {
    let rows: Vec<_> = page.claims.written().collect();
    let token: Vec<Uuid> = rows.iter().map(|(token, _)| **token).collect();
    let at = Ats::of(rows.iter().map(|(_, claim)| &claim.at));
    let other: Vec<Option<&str>> = rows.iter().map(|(_, claim)| claim.other.as_deref()).collect();
    let route: Vec<&str> = rows.iter().map(|(_, claim)| claim.route.as_str()).collect();
    let facet: Vec<&str> = rows.iter().map(|(_, claim)| claim.facet.as_str()).collect();
    let members = rows.iter().map(|(_, claim)| text(&claim.members));
    let members = members.collect::<Result<Vec<_>, _>>()?;
    let started_at: Vec<i64> = rows.iter().map(|(_, claim)| claim.started_at).collect();
    let lease_until: Vec<i64> = rows.iter().map(|(_, claim)| claim.lease_until).collect();
    let settle_after: Vec<i64> = rows.iter().map(|(_, claim)| claim.settle_after).collect();
    let params: Params<'_> = &[
        &at.entity,
        &at.id,
        &at.system,
        &other,
        &token,
        &route,
        &facet,
        &members,
        &started_at,
        &lease_until,
        &settle_after,
    ];
    run(transaction, statement, !rows.is_empty(), params).await
}

async fn put_standings(
    transaction: &Transaction<'_>,
    statement: &Statement,
    page: &Page,
) -> Result<(), Trouble> {
    let rows: Vec<_> = page.standings.written().collect();
    let at = Ats::of(rows.iter().map(|(at, _)| *at));
    let rows: Vec<_> = rows.iter().map(|(_, standing)| *standing).collect();
    let own_id: Vec<Option<&str>> = rows.iter().map(|row| row.own_id.as_deref()).collect();
    let grants: Vec<i64> = rows.iter().map(|row| row.grants).collect();
    let token: Vec<Option<Uuid>> = rows.iter().map(|row| row.token).collect();
    let unknown_until: Vec<Option<i64>> = rows.iter().map(|row| row.unknown_until).collect();
    let params: Params<'_> =
        &[&at.entity, &at.id, &at.system, &own_id, &grants, &token, &unknown_until];
    run(transaction, statement, !rows.is_empty(), params).await
}

async fn put_marks(
    transaction: &Transaction<'_>,
    statement: &Statement,
    page: &Page,
) -> Result<(), Trouble> {
    let rows: Vec<_> = page.marks.written().collect();
    let Places { at, facet, part } = Places::of(rows.iter().map(|(key, _)| &key.place));
    let source: Vec<&str> = rows.iter().map(|(key, _)| key.source.as_str()).collect();
    let clock: Vec<&str> = rows.iter().map(|(key, _)| key.clock.as_str()).collect();
    let outcome: Vec<&str> = rows.iter().map(|(_, position)| position.outcome.as_str()).collect();
    let rows: Vec<_> = rows.iter().map(|(_, position)| &position.mark).collect();
    let sequence: Vec<String> = rows.iter().map(|mark| sequence_text(mark.sequence)).collect();
    let observed_at: Vec<i64> = rows.iter().map(|mark| micros(mark.observed_at)).collect();
    let fingerprint: Vec<&str> = rows.iter().map(|mark| mark.fingerprint.as_str()).collect();
    let applied_at: Vec<i64> = rows.iter().map(|mark| micros(mark.applied_at)).collect();
    let params: Params<'_> = &[
        &at.entity,
        &at.id,
        &at.system,
        &facet,
        &part,
        &source,
        &clock,
        &sequence,
        &observed_at,
        &fingerprint,
        &applied_at,
        &outcome,
    ];
    run(transaction, statement, !rows.is_empty(), params).await
}

async fn put_retrying(
    transaction: &Transaction<'_>,
    statement: &Statement,
    page: &Page,
) -> Result<(), Trouble> {
    let Deliveries { target, event_id, generation } = Deliveries::of(page.retrying.keys());
    let route: Vec<&str> = page.retrying.values().map(String::as_str).collect();
    let since = micros(page.now);
    let params: Params<'_> = &[&target, &event_id, &generation, &route, &since];
    run(transaction, statement, !page.retrying.is_empty(), params).await
}

async fn put_ends<'a>(
    transaction: &Transaction<'_>,
    statement: &Statement,
    rows: impl Iterator<Item = (&'a Delivery, &'a End)>,
    at: i64,
) -> Result<(), Trouble> {
    let rows: Vec<_> = rows.collect();
    let deliveries = Deliveries::of(rows.iter().map(|(delivery, _)| *delivery));
    let Deliveries { target, event_id, generation } = deliveries;
    let route: Vec<&str> = rows.iter().map(|(_, end)| end.route.as_str()).collect();
    let outcome: Vec<&str> = rows.iter().map(|(_, end)| end.outcome.as_str()).collect();
    let because: Vec<Option<&str>> = rows.iter().map(|(_, end)| end.because.as_deref()).collect();
    let params: Params<'_> = &[&target, &event_id, &generation, &route, &outcome, &because, &at];
    run(transaction, statement, !rows.is_empty(), params).await
}
