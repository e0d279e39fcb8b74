//! Writes what a batch has changed on its page.

use jiff::Timestamp;
use rusqlite::Connection;

use super::{
    agreed, exports,
    read::names,
    steps,
    value::{micros, sequence_text},
};
use crate::{
    StoreError,
    page::{
        At, Claim, Delivery, Document, End, Intent, IntentKey, MarkKey, Page, Place, Position,
        Standing, State,
    },
};

/// What becomes a state is copied from its intent before that goes.
pub(super) fn page(ledger: &Connection, page: &Page) -> Result<(), StoreError> {
    for (place, state) in page.states.written() {
        put_state(ledger, place, state)?;
    }
    exports::keep(ledger, page)?;
    for (meeting, agreement) in page.agreements.written() {
        agreed::write(ledger, meeting, agreement)?;
    }
    for key in page.intents.removed() {
        drop_intent(ledger, key)?;
    }
    for (key, intent) in page.intents.written() {
        put_intent(ledger, key, intent)?;
    }
    for token in page.claims.removed() {
        ledger.prepare_cached("DELETE FROM claim WHERE token = ?1")?.execute([token.as_bytes()])?;
    }
    for (token, claim) in page.claims.written() {
        put_claim(ledger, token.as_bytes(), claim)?;
    }
    for (at, standing) in page.standings.written() {
        put_standing(ledger, at, standing)?;
    }
    for (key, position) in page.marks.written() {
        put_mark(ledger, key, position)?;
    }
    steps::write(ledger, page)?;
    for (delivery, route) in &page.retrying {
        put_retrying(ledger, delivery, route, page.now)?;
    }
    for (delivery, end) in page.ends.written() {
        put_end(ledger, delivery, end, page.now)?;
    }
    Ok(())
}

fn put_state(ledger: &Connection, place: &Place, state: &State) -> Result<(), StoreError> {
    let (entity, id, system) = names(&place.at);
    let (facet, part) = (place.facet.as_str(), &place.part);
    let (text, token) = match &state.document {
        Document::Stored => return Ok(()),
        Document::Read(text) | Document::Given(text) => (Some(text), None),
        Document::Intended(token) => (None, Some(token.as_bytes())),
    };
    let mut upsert = ledger.prepare_cached(
        "INSERT INTO state (entity, id, system, facet, part, document, fingerprint, via, ours,
                            started_at)
         VALUES (?1, ?2, ?3, ?4, ?5,
                 coalesce(?6, (SELECT document FROM intent
                               WHERE entity = ?1 AND id = ?2 AND system = ?3 AND facet = ?4
                                 AND part = ?5 AND token = ?7)),
                 ?8, ?9, ?10, ?11)
         ON CONFLICT (entity, id, system, facet, part)
         DO UPDATE SET document = excluded.document, fingerprint = excluded.fingerprint,
                       via = excluded.via, ours = excluded.ours, started_at = excluded.started_at",
    )?;
    let via = systems(&state.via)?;
    upsert.execute(rusqlite::params![
        entity,
        id,
        system,
        facet,
        part,
        text,
        token,
        state.fingerprint,
        via,
        state.ours,
        state.started_at,
    ])?;
    Ok(())
}

fn drop_intent(ledger: &Connection, key: &IntentKey) -> Result<(), StoreError> {
    let (entity, id, system) = names(&key.place.at);
    let mut delete = ledger.prepare_cached(
        "DELETE FROM intent WHERE entity = ?1 AND id = ?2 AND system = ?3 AND facet = ?4
           AND part = ?5 AND grant_no = ?6",
    )?;
    delete.execute((entity, id, system, key.place.facet.as_str(), &key.place.part, key.grant))?;
    Ok(())
}

fn put_intent(ledger: &Connection, key: &IntentKey, intent: &Intent) -> Result<(), StoreError> {
    let (entity, id, system) = names(&key.place.at);
    let (facet, part) = (key.place.facet.as_str(), &key.place.part);
    let Document::Given(document) = &intent.document else {
        let mut update = ledger.prepare_cached(
            "UPDATE intent SET said_at = ?7 WHERE entity = ?1 AND id = ?2 AND system = ?3
               AND facet = ?4 AND part = ?5 AND grant_no = ?6",
        )?;
        update.execute((entity, id, system, facet, part, key.grant, intent.said_at))?;
        return Ok(());
    };
    let mut insert = ledger.prepare_cached(
        "INSERT INTO intent (entity, id, system, facet, part, grant_no, token, document,
                             fingerprint, via, event_id, generation, source, clock, sequence,
                             observed_at, started_at, said_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    )?;
    insert.execute(rusqlite::params![
        entity,
        id,
        system,
        facet,
        part,
        key.grant,
        intent.token.as_bytes(),
        document,
        intent.fingerprint,
        systems(&intent.via)?,
        intent.event_id.as_bytes(),
        intent.generation,
        intent.source,
        intent.clock,
        sequence_text(intent.sequence),
        intent.observed_at,
        intent.started_at,
        intent.said_at,
    ])?;
    Ok(())
}

fn put_claim(ledger: &Connection, token: &[u8; 16], claim: &Claim) -> Result<(), StoreError> {
    let members = serde_json::to_string(&claim.members)
        .map_err(|_| StoreError::Unusable("a claim cannot be written".to_owned()))?;
    let (entity, id, target) = names(&claim.at);
    let mut insert = ledger.prepare_cached(
        "INSERT INTO claim (token, target, other, route, entity, id, facet, members, started_at,
                            lease_until, settle_after)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    insert.execute((
        token,
        target,
        &claim.other,
        &claim.route,
        entity,
        id,
        claim.facet.as_str(),
        members,
        claim.started_at,
        claim.lease_until,
        claim.settle_after,
    ))?;
    Ok(())
}

fn put_standing(ledger: &Connection, at: &At, standing: &Standing) -> Result<(), StoreError> {
    let (entity, id, system) = names(at);
    let mut upsert = ledger.prepare_cached(
        "INSERT INTO entity (entity, id, system, own_id, grants, token, unknown_until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (entity, id, system)
         DO UPDATE SET own_id = excluded.own_id, grants = excluded.grants, token = excluded.token,
                       unknown_until = excluded.unknown_until",
    )?;
    let Standing { own_id, grants, token, unknown_until } = standing;
    let token = token.as_ref().map(uuid::Uuid::as_bytes);
    upsert.execute((entity, id, system, own_id, grants, token, unknown_until))?;
    Ok(())
}

/// Moves the mark forward; never back.
fn put_mark(ledger: &Connection, key: &MarkKey, position: &Position) -> Result<(), StoreError> {
    let (entity, id, target) = names(&key.place.at);
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
    let mark = &position.mark;
    upsert.execute((
        entity,
        id,
        target,
        key.place.facet.as_str(),
        &key.place.part,
        &key.source,
        &key.clock,
        sequence_text(mark.sequence),
        micros(mark.observed_at),
        &mark.fingerprint,
        micros(mark.applied_at),
        position.outcome.as_str(),
    ))?;
    Ok(())
}

/// The first failure's time stays.
fn put_retrying(
    ledger: &Connection,
    delivery: &Delivery,
    route: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Delivery { target, event_id, generation } = delivery;
    let mut insert = ledger.prepare_cached(
        "INSERT INTO retrying (target, event_id, generation, route, since)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (target, event_id, generation) DO NOTHING",
    )?;
    insert.execute((target, event_id.as_bytes(), generation, route, micros(now)))?;
    Ok(())
}

/// Records the end of a delivery, unless it has one, and keeps the tally that always equals the
/// count of ends.
pub(super) fn put_end(
    ledger: &Connection,
    delivery: &Delivery,
    end: &End,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Delivery { target, event_id, generation } = delivery;
    let mut insert = ledger.prepare_cached(
        "INSERT INTO outcome (target, event_id, generation, route, outcome, because, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (target, event_id, generation) DO NOTHING",
    )?;
    let (bytes, word) = (event_id.as_bytes(), end.outcome.as_str());
    let inserted =
        insert.execute((target, bytes, generation, &end.route, word, &end.because, micros(now)))?;
    if inserted == 0 {
        return Ok(());
    }
    let mut retried = ledger.prepare_cached(
        "DELETE FROM retrying WHERE target = ?1 AND event_id = ?2 AND generation = ?3",
    )?;
    retried.execute((target, bytes, generation))?;
    let mut count = ledger.prepare_cached(
        "INSERT INTO tally (route, target, outcome, deliveries) VALUES (?1, ?2, ?3, 1)
         ON CONFLICT (route, target, outcome) DO UPDATE SET deliveries = deliveries + 1",
    )?;
    count.execute((&end.route, target, word))?;
    Ok(())
}

fn systems(via: &[String]) -> Result<String, StoreError> {
    serde_json::to_string(via)
        .map_err(|_| StoreError::Unusable("a system's name cannot be written".to_owned()))
}
