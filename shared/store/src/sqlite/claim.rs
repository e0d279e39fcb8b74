//! Claiming: judges every member of every group against what is known, ends what needs no call,
//! and commits the intent of the rest.
//!
//! Everything here happens in one transaction that holds the ledger's write lock, so what was read
//! is still so when it is acted on.

use ferry_canonical::Outcome;
use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Turn,
    entity::{self, Key, Standing},
    known::{self, Known, Place, Position, Writing},
    outcome::{self, End},
    value::{micros, span},
};
use crate::{
    Claimed, Grant, Group, GroupClaim, Member, PartState, StoreError, Verdict,
    decide::{self, Age, Mark, Role},
};

/// A lead or a rider, as the claim keeps it until it is settled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Claimant {
    /// Its place in the group.
    pub(super) index: usize,
    /// A rider's lead. A lead has none.
    pub(super) rides: Option<usize>,
    pub(super) event_id: Uuid,
    pub(super) generation: u32,
    pub(super) part: Option<String>,
    pub(super) source: String,
    pub(super) source_id: Option<String>,
    pub(super) clock: String,
    pub(super) sequence: String,
    pub(super) observed_at: i64,
    pub(super) fingerprint: String,
}

/// A member that wants to be applied.
#[derive(Debug)]
struct Open<'a> {
    index: usize,
    member: &'a Member,
    key: Key,
    /// The systems its content came through.
    via: Vec<String>,
}

#[derive(Debug)]
enum Judged {
    Final(Verdict),
    Open {
        key: Key,
        via: Vec<String>,
    },
    /// A newer state may be there already: this one waits until that is known.
    Behind,
}

pub(super) fn claim(turn: Turn<'_>, groups: &[Group]) -> Result<Vec<GroupClaim>, StoreError> {
    groups.iter().map(|group| claim_group(turn, group)).collect()
}

fn claim_group(turn: Turn<'_>, group: &Group) -> Result<GroupClaim, StoreError> {
    let mut verdicts = Vec::with_capacity(group.members.len());
    let mut open = Vec::new();
    for (index, member) in group.members.iter().enumerate() {
        verdicts.push(match judge(turn, group, member)? {
            Judged::Final(verdict) => verdict,
            Judged::Open { key, via } => {
                open.push(Open { index, member, key, via });
                Verdict::Waits
            }
            Judged::Behind => Verdict::Waits,
        });
    }
    let mut claimed = grant(turn, group, open, &mut verdicts)?;
    if matches!(claimed, Claimed::Nothing) && verdicts.contains(&Verdict::Waits) {
        claimed = Claimed::Busy;
    }
    Ok(GroupClaim { members: verdicts, claimed })
}

fn judge(turn: Turn<'_>, group: &Group, member: &Member) -> Result<Judged, StoreError> {
    let target = &group.target;
    let ended = outcome::of(turn.ledger, target, member.event_id, member.generation)?;
    if let Some((outcome, because)) = ended {
        return Ok(Judged::Final(Verdict::Ended { outcome, because }));
    }
    let key = resolve(turn.ledger, member)?;
    let place = place(target, &key, member);
    let close = |outcome, because| close(turn, group, member, outcome, because);

    let mark = known::mark(turn.ledger, place, &member.source, &member.clock.0)?;
    if let Some(mark) = &mark {
        match mark.age(member) {
            Age::Newer => {}
            Age::Same => return close(Outcome::Duplicate, same(mark)),
            Age::Older => return close(Outcome::Superseded, older(mark, member)),
        }
    }
    match known::ahead(turn.ledger, place, member)? {
        Some(ahead) if ahead.ended => {
            let shown = ahead.sequence;
            let because = format!("sequence {shown}, which is newer, may be there; it is dead");
            return close(Outcome::Superseded, because);
        }
        Some(_) => return Ok(Judged::Behind),
        None => {}
    }
    let standing = entity::standing(turn, target, &key)?;
    let advance = |outcome| advance(turn, place, member, outcome);
    if is_unchanged(&known::known(turn.ledger, place)?, &standing, member) {
        advance(Outcome::Unchanged)?;
        let because = format!("{target} holds these fields already");
        return close(Outcome::Unchanged, because);
    }
    let at_source = Place { system: &member.source, ..place };
    let via = via(&known::known(turn.ledger, at_source)?, member);
    if via.contains(target) {
        advance(Outcome::Echo)?;
        let because = format!("it came from {target} and was written to {}", member.source);
        return close(Outcome::Echo, because);
    }
    known::said(turn.ledger, at_source, member)?;
    Ok(Judged::Open { key, via })
}

fn place<'a>(system: &'a str, key: &'a Key, member: &'a Member) -> Place<'a> {
    Place { system, key, facet: member.subject.facet, part: member.subject.part.as_deref() }
}

/// The canonical identity: what the source's own id is known to be, else what the event says.
fn resolve(ledger: &Connection, member: &Member) -> Result<Key, StoreError> {
    let entity = member.subject.entity();
    let found = match &member.source_id {
        Some(own_id) => entity::canonical_id(ledger, &member.source, entity, own_id)?,
        None => None,
    };
    Ok(Key { entity, id: found.unwrap_or_else(|| member.subject.id.clone()) })
}

fn is_unchanged(at_target: &Known, standing: &Standing, member: &Member) -> bool {
    let settled = at_target.settled.as_ref();
    !member.subject.facet.written_through()
        && !standing.is_unknown()
        && at_target.intended.is_empty()
        && settled.is_some_and(|settled| settled.fingerprint == member.fingerprint)
}

/// The systems this content came through: its source, and if we wrote it there, where that came
/// from. What has been through the target is our own write coming back; in a chain of systems, the
/// next one has not seen it yet.
fn via(at_source: &Known, member: &Member) -> Vec<String> {
    let mut via = vec![member.source.clone()];
    let same = at_source
        .settled
        .iter()
        .chain(&at_source.intended)
        .filter(|content| content.fingerprint == member.fingerprint);
    for system in same.flat_map(|content| &content.via) {
        if !via.contains(system) {
            via.push(system.clone());
        }
    }
    via
}

fn close(
    turn: Turn<'_>,
    group: &Group,
    member: &Member,
    outcome: Outcome,
    because: String,
) -> Result<Judged, StoreError> {
    let end = End {
        target: &group.target,
        route: &group.route,
        event_id: member.event_id,
        generation: member.generation,
        outcome,
        because: Some(&because),
    };
    outcome::record(turn, end)?;
    Ok(Judged::Final(Verdict::Closed { outcome, because }))
}

fn advance(
    turn: Turn<'_>,
    place: Place<'_>,
    member: &Member,
    outcome: Outcome,
) -> Result<(), StoreError> {
    let mark = Mark {
        sequence: member.sequence,
        observed_at: member.observed_at,
        fingerprint: member.fingerprint.clone(),
        applied_at: turn.now,
    };
    let (source, clock) = (&member.source, &member.clock.0);
    known::advance(turn.ledger, place, Position { source, clock, mark: &mark, outcome })
}

fn same(mark: &Mark) -> String {
    format!("sequence {} with the same content was settled at {}", mark.sequence, mark.applied_at)
}

fn older(mark: &Mark, member: &Member) -> String {
    if mark.sequence == member.sequence {
        return format!(
            "sequence {} was observed with other content at {}, later than this",
            mark.sequence, mark.observed_at
        );
    }
    format!("sequence {} was settled at {} before this", mark.sequence, mark.applied_at)
}

/// Grants the entity of the first open member, if it is free.
fn grant(
    turn: Turn<'_>,
    group: &Group,
    open: Vec<Open<'_>>,
    verdicts: &mut [Verdict],
) -> Result<Claimed, StoreError> {
    let Some(key) = open.first().map(|first| first.key.clone()) else {
        return Ok(Claimed::Nothing);
    };
    let standing = entity::standing(turn, &group.target, &key)?;
    if standing.held {
        return Ok(Claimed::Busy);
    }
    if let Some(wait) = standing.wait(turn.now) {
        return Ok(Claimed::Unknown { wait });
    }
    let open: Vec<Open<'_>> = open.into_iter().filter(|open| open.key == key).collect();
    let members: Vec<&Member> = open.iter().map(|open| open.member).collect();
    let roles = decide::roles(&members, group.composed);
    let claimants = claimants(&open, &roles);
    for claimant in &claimants {
        if let Some(verdict) = verdicts.get_mut(claimant.index) {
            *verdict = claimant.rides.map_or(Verdict::Lead, |lead| Verdict::Rider { lead });
        }
    }
    let writing = Writing {
        token: token(&group.target, &key, standing.grants + 1, turn.now),
        grants: standing.grants + 1,
        started_at: turn.now,
    };
    let siblings = siblings(turn.ledger, group, &key, &members, &roles)?;
    write(turn.ledger, group, &key, writing, &claimants)?;
    for open in open.iter().zip(&roles).filter(|(_, role)| **role == Role::Lead).map(|(o, _)| o) {
        intend(turn.ledger, group, writing, open)?;
    }
    Ok(Claimed::Granted(Box::new(Grant {
        token: writing.token,
        read_first: standing.is_unknown(),
        entity_id: key.id,
        target_id: standing.own_id,
        siblings,
    })))
}

/// Never given twice, and the same in two runs with the same clock.
fn token(target: &str, key: &Key, grants: i64, now: Timestamp) -> Uuid {
    let name = format!("{target}\n{}\n{}\n{grants}\n{}", key.entity, key.id, now.as_nanosecond());
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

fn claimants(open: &[Open<'_>], roles: &[Role]) -> Vec<Claimant> {
    let open_at = |at: usize| open.get(at).map(|lead| lead.index);
    let claimant = |(open, role): (&Open<'_>, &Role)| {
        let rides = match role {
            Role::Lead => None,
            Role::Rider(lead) => open_at(*lead),
            Role::Waits => return None,
        };
        let member = open.member;
        Some(Claimant {
            index: open.index,
            rides,
            event_id: member.event_id,
            generation: member.generation,
            part: member.subject.part.clone(),
            source: member.source.clone(),
            source_id: member.source_id.clone(),
            clock: member.clock.0.clone(),
            sequence: member.sequence.0.to_string(),
            observed_at: micros(member.observed_at),
            fingerprint: member.fingerprint.clone(),
        })
    };
    open.iter().zip(roles).filter_map(claimant).collect()
}

fn siblings(
    ledger: &Connection,
    group: &Group,
    key: &Key,
    members: &[&Member],
    roles: &[Role],
) -> Result<Vec<PartState>, StoreError> {
    let (Some(first), true) = (members.first(), group.composed) else { return Ok(Vec::new()) };
    let leads = |part: &Option<String>| {
        members.iter().zip(roles).any(|(m, role)| *role == Role::Lead && m.subject.part == *part)
    };
    let mut parts = known::parts(ledger, &group.target, key, first.subject.facet)?;
    parts.retain(|state| !leads(&state.part));
    Ok(parts)
}

fn write(
    ledger: &Connection,
    group: &Group,
    key: &Key,
    writing: Writing,
    claimants: &[Claimant],
) -> Result<(), StoreError> {
    let members = serde_json::to_string(claimants)
        .map_err(|_| StoreError::Unusable("a claim cannot be written".to_owned()))?;
    let facet = group.members.first().map(|member| member.subject.facet.as_str());
    let started_at = micros(writing.started_at);
    let mut insert = ledger.prepare_cached(
        "INSERT INTO claim (token, target, route, entity, id, facet, members, started_at,
                            lease_until, settle_after)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    insert.execute((
        writing.token.as_bytes(),
        &group.target,
        &group.route,
        key.entity.as_str(),
        &key.id,
        facet.unwrap_or_default(),
        members,
        started_at,
        started_at.saturating_add(span(group.lease)),
        span(group.settle_after),
    ))?;
    entity::take(ledger, &group.target, key, writing.token, writing.grants)
}

fn intend(
    ledger: &Connection,
    group: &Group,
    writing: Writing,
    open: &Open<'_>,
) -> Result<(), StoreError> {
    let member = open.member;
    if let Some(own_id) = &member.source_id {
        entity::call(ledger, &member.source, &open.key, own_id)?;
    }
    known::intend(ledger, place(&group.target, &open.key, member), writing, member, &open.via)
}
