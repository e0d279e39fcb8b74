//! Settling: what became of a claim, for whoever still holds it.

use ferry_canonical::{Entity, Facet, Outcome, Sequence};
use rusqlite::{Connection, OptionalExtension as _};
use std::time::Duration;
use uuid::Uuid;

use super::{
    Turn,
    claim::Claimant,
    entity::{self, Key},
    known::{self, Place, Position},
    outcome::{self, End},
    value::{micros, sequence, span, time},
};
use crate::{Settle, Settled, Settlement, StoreError, decide::Mark};

/// A claim as it was committed.
struct Claim {
    token: Uuid,
    target: String,
    route: String,
    key: Key,
    facet: Facet,
    members: Vec<Claimant>,
    /// How long a lost write may still take effect.
    settle_after: i64,
    unknown_until: Option<i64>,
}

pub(super) fn settle(
    turn: Turn<'_>,
    settlements: &[Settlement],
) -> Result<Vec<Settled>, StoreError> {
    settlements.iter().map(|settlement| settle_one(turn, settlement)).collect()
}

fn settle_one(turn: Turn<'_>, settlement: &Settlement) -> Result<Settled, StoreError> {
    let Some(claim) = find(turn.ledger, settlement)? else { return Ok(Settled::Lost) };
    let unknown_until = match &settlement.verdict {
        Settle::Done { outcome, because, target_id } => {
            if let Some(own_id) = target_id {
                entity::call(turn.ledger, &claim.target, &claim.key, own_id)?;
            }
            done(turn, &claim, *outcome, because.as_deref())?
        }
        Settle::Failed { unread, dead, because } => {
            for member in claim.members.iter().filter(|member| dead.contains(&member.index)) {
                end_member(turn, &claim, member, Outcome::Dead, Some(because))?;
            }
            let leads = claim.members.iter().filter(|member| member.rides.is_none());
            for member in leads.filter(|member| !dead.contains(&member.index)) {
                let delivery = (member.event_id, member.generation);
                outcome::retrying(turn, &claim.target, &claim.route, delivery)?;
            }
            failed(turn, &claim, *unread)?
        }
        Settle::Released => failed(turn, &claim, false)?,
    };
    entity::free(turn.ledger, &claim.target, &claim.key, claim.token, unknown_until)?;
    Ok(Settled::Done)
}

/// Route, entity, id, facet, members, and the two times.
type Row = (String, String, String, String, String, i64, Option<i64>);

fn find(ledger: &Connection, settlement: &Settlement) -> Result<Option<Claim>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT c.route, c.entity, c.id, c.facet, c.members, c.settle_after,
                e.unknown_until
         FROM claim c JOIN entity e
           ON e.entity = c.entity AND e.id = c.id AND e.system = c.target AND e.token = c.token
         WHERE c.token = ?1 AND c.target = ?2",
    )?;
    let found: Option<Row> = select
        .query_row((settlement.token.as_bytes(), &settlement.target), |row| row.try_into())
        .optional()?;
    let Some((route, entity, id, facet, members, settle_after, unknown_until)) = found else {
        return Ok(None);
    };
    let corrupt = |what: &str| StoreError::Corrupt(format!("a claim's {what} cannot be read"));
    let entity: Entity = entity.parse().map_err(|_| corrupt("entity"))?;
    Ok(Some(Claim {
        token: settlement.token,
        target: settlement.target.clone(),
        route,
        key: Key { entity, id },
        facet: facet.parse().map_err(|_| corrupt("facet"))?,
        members: serde_json::from_str(&members).map_err(|_| corrupt("members"))?,
        settle_after,
        unknown_until,
    }))
}

/// The leads are so, or need not be. Returns until when the entity stays unknown.
fn done(
    turn: Turn<'_>,
    claim: &Claim,
    outcome: Outcome,
    because: Option<&str>,
) -> Result<Option<i64>, StoreError> {
    for member in &claim.members {
        match member.rides.and_then(|lead| claim.members.iter().find(|m| m.index == lead)) {
            Some(lead) => end_rider(turn, claim, lead, member)?,
            None => end_lead(turn, claim, member, outcome, because)?,
        }
    }
    if !holds(outcome) {
        return failed(turn, claim, false);
    }
    // A lost write of another part is still to be read, by whoever writes next.
    let lost = known::has_intents(turn.ledger, &claim.target, &claim.key)?;
    Ok(claim.unknown_until.filter(|_| lost))
}

/// Whether the target holds what was intended.
const fn holds(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Delivered
        | Outcome::Duplicate
        | Outcome::Superseded
        | Outcome::Unchanged
        | Outcome::Echo => true,
        Outcome::Skipped | Outcome::Dead => false,
    }
}

fn end_lead(
    turn: Turn<'_>,
    claim: &Claim,
    member: &Claimant,
    outcome: Outcome,
    because: Option<&str>,
) -> Result<(), StoreError> {
    end_member(turn, claim, member, outcome, because)?;
    let part = member.part.as_deref();
    let place = Place { system: &claim.target, key: &claim.key, facet: claim.facet, part };
    if outcome != Outcome::Dead {
        let mark = Mark {
            sequence: sequence(&member.sequence)?,
            observed_at: time(member.observed_at)?,
            fingerprint: member.fingerprint.clone(),
            applied_at: turn.now,
        };
        let (source, clock) = (&member.source, &member.clock);
        known::advance(turn.ledger, place, Position { source, clock, mark: &mark, outcome })?;
    }
    if holds(outcome) {
        known::settle(turn.ledger, place, claim.token)?;
    }
    Ok(())
}

/// A rider says what its lead says, or something older.
fn end_rider(
    turn: Turn<'_>,
    claim: &Claim,
    lead: &Claimant,
    rider: &Claimant,
) -> Result<(), StoreError> {
    let shown: Sequence = sequence(&lead.sequence)?;
    let same = rider.sequence == lead.sequence && rider.fingerprint == lead.fingerprint;
    let (outcome, because) = if same {
        (Outcome::Duplicate, format!("sequence {shown} with the same content went first"))
    } else {
        (Outcome::Superseded, format!("sequence {shown}, which is newer, went first"))
    };
    end_member(turn, claim, rider, outcome, Some(&because))
}

fn end_member(
    turn: Turn<'_>,
    claim: &Claim,
    member: &Claimant,
    outcome: Outcome,
    because: Option<&str>,
) -> Result<(), StoreError> {
    let end = End {
        target: &claim.target,
        route: &claim.route,
        event_id: member.event_id,
        generation: member.generation,
        outcome,
        because,
    };
    outcome::record(turn, end)
}

/// Nothing was written, or nobody knows. Returns until when the entity stays unknown: a claim that
/// was to read a lost write, and did not get to write, leaves that question open.
///
/// A claim may have made several requests one after the other, each with a deadline of its own: what
/// was lost last may take effect for `settle_after` from now, not from the claim's start.
fn failed(turn: Turn<'_>, claim: &Claim, unread: bool) -> Result<Option<i64>, StoreError> {
    if unread {
        known::keep_intents(turn.ledger, &claim.target, &claim.key, claim.token)?;
        let lost_until = micros(turn.now).saturating_add(claim.settle_after);
        return Ok(claim.unknown_until.max(Some(lost_until)));
    }
    known::drop_intents(turn.ledger, &claim.target, &claim.key, claim.token)?;
    Ok(claim.unknown_until)
}

pub(super) fn renew(
    turn: Turn<'_>,
    target: &str,
    tokens: &[Uuid],
    lease: Duration,
) -> Result<Vec<Uuid>, StoreError> {
    let until = micros(turn.now).saturating_add(span(lease));
    let mut update = turn
        .ledger
        .prepare_cached("UPDATE claim SET lease_until = ?3 WHERE token = ?1 AND target = ?2")?;
    let mut lost = Vec::new();
    for token in tokens {
        if update.execute((token.as_bytes(), target, until))? == 0 {
            lost.push(*token);
        }
    }
    Ok(lost)
}

pub(super) fn end(
    turn: Turn<'_>,
    target: &str,
    route: &str,
    ended: &[(Uuid, u32, Outcome, String)],
) -> Result<(), StoreError> {
    for (event_id, generation, outcome, because) in ended {
        let end = End {
            target,
            route,
            event_id: *event_id,
            generation: *generation,
            outcome: *outcome,
            because: Some(because),
        };
        outcome::record(turn, end)?;
    }
    Ok(())
}
