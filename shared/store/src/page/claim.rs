//! Claiming: judges every member of every group against what is known, ends what needs no call,
//! and writes down the intent of the rest.

use ferry_canonical::{Brought, Doubt, Outcome};
use uuid::Uuid;

use super::{
    At, Claim, Claimant, Delivery, Document, End, Intent, IntentKey, Key, MarkKey, OwnId, Page,
    Place, Position,
    brief::{self, Content},
    known::is_between,
    micros, span,
    steps::Heard,
};
use crate::{
    Claimed, Grant, Group, GroupClaim, Member, PartState, StoreError, Verdict,
    decide::{self, Age, Mark, Role},
};

/// A member that wants to be applied.
#[derive(Debug)]
struct Open<'a> {
    index: usize,
    member: &'a Member,
    /// Where it is to be written.
    place: Place,
    /// The systems its content came through.
    via: Vec<String>,
    content: Content,
}

#[derive(Debug)]
enum Judged {
    Final(Verdict),
    Open {
        place: Place,
        via: Vec<String>,
        content: Content,
    },
    /// A newer state may be there already, or it may tell of what a running write does: it waits
    /// until that is known.
    Behind,
}

impl Open<'_> {
    /// What is to be written, where that is more than the member itself says.
    fn more(&self) -> Option<(usize, String)> {
        let document = &self.content.document;
        (*document != self.member.document).then(|| (self.index, document.clone()))
    }
}

/// What a member's place on its clock comes to.
#[derive(Debug)]
enum Compared {
    /// The target is to hold this.
    Open(Content),
    Closed(Judged),
}

/// The right by which an intent is written: the claim's token and its number at the entity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writing {
    pub(super) token: Uuid,
    pub(super) grants: i64,
}

impl Page {
    pub(crate) fn claim(&mut self, groups: &[Group]) -> Result<Vec<GroupClaim>, StoreError> {
        groups.iter().map(|group| self.claim_group(group)).collect()
    }

    fn claim_group(&mut self, group: &Group) -> Result<GroupClaim, StoreError> {
        let mut verdicts = Vec::with_capacity(group.members.len());
        let mut open = Vec::new();
        for (index, member) in group.members.iter().enumerate() {
            verdicts.push(match self.judge(group, member, &open)? {
                Judged::Final(verdict) => verdict,
                Judged::Open { place, via, content } => {
                    open.push(Open { index, member, place, via, content });
                    Verdict::Waits
                }
                Judged::Behind => Verdict::Waits,
            });
        }
        let mut claimed = self.grant(group, open, &mut verdicts)?;
        if matches!(claimed, Claimed::Nothing) && verdicts.contains(&Verdict::Waits) {
            claimed = Claimed::Busy;
        }
        Ok(GroupClaim { members: verdicts, claimed })
    }

    /// Of a part that a member before it is going to write, nothing is so already: its intent is not
    /// written down yet, and this one may be the newer.
    fn judge(
        &mut self,
        group: &Group,
        member: &Member,
        before: &[Open<'_>],
    ) -> Result<Judged, StoreError> {
        let target = &group.target;
        if let Some(end) = self.ends.get(&Delivery::of(group, member)) {
            let (outcome, because) = (end.outcome, end.because.clone());
            return Ok(Judged::Final(Verdict::Ended { outcome, because }));
        }
        let key = self.resolve(member);
        let place = Place::of(member, At::new(&key, target));
        let content = match self.compare(group, member, &place, before)? {
            Compared::Open(content) => content,
            Compared::Closed(closed) => return Ok(closed),
        };
        let at_source = Place::of(member, At::new(&key, &member.source));
        match self.hear(&at_source.at, member) {
            Heard::News => {}
            // The mark stays: of two notices that changed places, one is somebody else's.
            Heard::Ours(because) => return Ok(self.close(group, member, Outcome::Echo, because)),
            Heard::Early => return Ok(Judged::Behind),
        }
        let look = self.look(&place.at);
        let is_written = before.iter().any(|open| open.place == place);
        let is_unchanged = !is_written
            && !member.subject.facet.written_through()
            && !look.is_unknown()
            && !self.is_stepping(&place)
            && self.intended(&place).next().is_none()
            && self.settled(&place).is_some_and(|s| s.fingerprint == content.fingerprint);
        if is_unchanged {
            self.pass_over(&place, member, Outcome::Unchanged);
            let because = format!("{target} holds these fields already");
            return Ok(self.close(group, member, Outcome::Unchanged, because));
        }
        let via = self.via(&at_source, member);
        if !is_written && via.contains(target) {
            self.pass_over(&place, member, Outcome::Echo);
            let because = format!("it came from {target} and was written to {}", member.source);
            return Ok(self.close(group, member, Outcome::Echo, because));
        }
        self.said(&at_source, member);
        Ok(Judged::Open { place, via, content })
    }

    /// What its place on its clock says about a member: whether it is the newest known, or says what
    /// that had no room for.
    fn compare(
        &mut self,
        group: &Group,
        member: &Member,
        place: &Place,
        before: &[Open<'_>],
    ) -> Result<Compared, StoreError> {
        let ahead = self.ahead(place, member);
        let found = self.marks.get(&mark_key(place, member)).map(|position| position.mark.clone());
        if let Some(mark) = found {
            match mark.age(member) {
                Age::Newer => {}
                // Set back from what may be there, or is to be written beside it.
                Age::Same if self.was_between(place, member, &mark) => {}
                Age::Same
                    if before.iter().any(|open| {
                        open.place == *place && is_between(open.member, member, &mark)
                    }) => {}
                Age::Same => {
                    self.see_again(place, member, &mark);
                    let closed = self.close(group, member, Outcome::Duplicate, same(&mark));
                    return Ok(Compared::Closed(closed));
                }
                Age::Older => {
                    let added = self.added_to_newer(place, member)?;
                    if let Some(whole) = added.filter(|_| ahead.is_none()) {
                        return Ok(Compared::Open(whole));
                    }
                    let because = older(&mark, member);
                    let closed = self.close(group, member, Outcome::Superseded, because);
                    return Ok(Compared::Closed(closed));
                }
            }
        }
        let Some(ahead) = ahead else {
            return Ok(Compared::Open(self.laid_over(place, member)?));
        };
        if !ahead.ended {
            return Ok(Compared::Closed(Judged::Behind));
        }
        let shown = ahead.sequence;
        let because = format!("sequence {shown}, which is newer, may be there; it is dead");
        Ok(Compared::Closed(self.close(group, member, Outcome::Superseded, because)))
    }

    /// The canonical identity: what the source's own id is known to be, else what the event says.
    fn resolve(&self, member: &Member) -> Key {
        let known = OwnId::of(member).and_then(|name| self.own_ids.get(&name));
        let id = known.unwrap_or(&member.subject.id).clone();
        Key { entity: member.subject.entity(), id }
    }

    /// The systems this content came through: its source, and if we wrote it there, where that came
    /// from. What has been through the target is our own write coming back; in a chain of systems,
    /// the next one has not seen it yet.
    fn via(&self, at_source: &Place, member: &Member) -> Vec<String> {
        let settled = self.settled(at_source).map(|state| (&state.fingerprint, &state.via));
        let may_come = |intent: &Intent| !self.was_contradicted(&at_source.at, intent);
        let intended = self.intended(at_source).map(|(_, intent)| intent);
        let intended = intended.filter(|lost| may_come(lost)).map(|i| (&i.fingerprint, &i.via));
        let mut via = vec![member.source.clone()];
        for (fingerprint, systems) in settled.into_iter().chain(intended) {
            if *fingerprint != member.fingerprint {
                continue;
            }
            for system in systems {
                if !via.contains(system) {
                    via.push(system.clone());
                }
            }
        }
        via
    }

    fn close(
        &mut self,
        group: &Group,
        member: &Member,
        outcome: Outcome,
        because: String,
    ) -> Judged {
        let (route, told) = (member.route.clone(), Some(because.clone()));
        self.end(Delivery::of(group, member), End { route, outcome, because: told });
        Judged::Final(Verdict::Closed { outcome, because })
    }

    /// What the target is up to was seen again: another state that was seen before that is older now.
    fn see_again(&mut self, place: &Place, member: &Member, mark: &Mark) {
        let key = mark_key(place, member);
        let Some(outcome) = self.marks.get(&key).map(|position| position.outcome) else { return };
        if member.observed_at > mark.observed_at {
            let mark = Mark { observed_at: member.observed_at, ..mark.clone() };
            self.advance(key, Position { mark, outcome });
        }
    }

    /// A member that ends here without a call is what the target is now up to.
    fn pass_over(&mut self, place: &Place, member: &Member, outcome: Outcome) {
        let mark = Mark {
            sequence: member.sequence,
            observed_at: member.observed_at,
            fingerprint: member.fingerprint.clone(),
            applied_at: self.now,
        };
        self.advance(mark_key(place, member), Position { mark, outcome });
    }

    /// Grants the entity of the first open member, if it is free.
    fn grant(
        &mut self,
        group: &Group,
        open: Vec<Open<'_>>,
        verdicts: &mut [Verdict],
    ) -> Result<Claimed, StoreError> {
        let Some(at) = open.first().map(|first| first.place.at.clone()) else {
            return Ok(Claimed::Nothing);
        };
        let other = open.first().and_then(|first| other_side(group, first.member));
        let look = self.look(&at);
        if look.held || self.is_beside(&at) {
            return Ok(Claimed::Busy);
        }
        if let Some(wait) = look.wait(self.now_micros()) {
            return Ok(Claimed::Unknown { wait });
        }
        if let (Some(other), Some(first)) = (&other, open.first())
            && let Some(claimed) = self.other_side_waits(&At::new(&at.key, other), first.member)
        {
            return Ok(claimed);
        }
        let mut open: Vec<Open<'_>> = open.into_iter().filter(|open| open.place.at == at).collect();
        let members: Vec<&Member> = open.iter().map(|open| open.member).collect();
        let roles = decide::roles(&members, group.composed);
        complete(&mut open, &members, &roles);
        let claimants = claimants(&open, &roles);
        for claimant in &claimants {
            if let Some(verdict) = verdicts.get_mut(claimant.index) {
                *verdict = claimant.rides.map_or(Verdict::Lead, |lead| Verdict::Rider { lead });
            }
        }
        let writing = self.writing(&at, look.grants + 1);
        let siblings = self.siblings(group, &at, &members, &roles)?;
        let lead = open.iter().zip(&roles).find(|(_, role)| **role == Role::Lead);
        let amending = match lead {
            Some((lead, _)) => {
                let place = Place::of(lead.member, at.clone());
                self.step(group, &place, writing, lead.member)?
            }
            None => None,
        };
        let base = match (&other, members.first()) {
            (Some(other), Some(first)) => Some(self.base(&Place::of(first, at.clone()), other)?),
            _ => None,
        };
        let recalled = match lead {
            Some((lead, _)) if group.recalls => {
                let place = Place::of(lead.member, at.clone());
                self.earlier(&place, &lead.member.fingerprint)?
            }
            Some(_) | None => Vec::new(),
        };
        let (doubt, brought) = self.left_before(&open, &roles);
        self.write_down(group, &at, writing, (other, claimants));
        let leads = || open.iter().zip(&roles).filter(|(_, role)| **role == Role::Lead);
        let is_again = leads().any(|(lead, _)| self.was_intended(&lead.place, lead.member));
        for (lead, _) in leads() {
            self.intend(writing, lead);
        }
        let contents = leads().filter_map(|(lead, _)| lead.more()).collect();
        Ok(Claimed::Granted(Box::new(Grant {
            token: writing.token,
            read_first: look.is_unknown(),
            is_again,
            doubt,
            brought,
            entity_id: at.key.id,
            target_id: look.own_id,
            siblings,
            amending,
            recalled,
            base,
            contents,
        })))
    }

    /// What became of earlier writes of the part that is to be written. Where several are written in one
    /// call, the target composes them, and has no use for this.
    fn left_before(&self, open: &[Open<'_>], roles: &[Role]) -> (Doubt, Brought) {
        let mut leads = open.iter().zip(roles).filter(|(_, role)| **role == Role::Lead);
        let Some((lead, _)) = leads.next() else { return (Doubt::None, Brought::Nothing) };
        let Open { place, member, .. } = lead;
        (self.doubt(place, member), self.brought(place, &member.fingerprint))
    }

    /// How the other side of a two-way facet stands in the way, if it does: what is written there at
    /// this moment, or may have been, is not agreed on yet.
    fn other_side_waits(&mut self, other: &At, member: &Member) -> Option<Claimed> {
        let look = self.look(other);
        if look.held || self.is_beside(other) {
            return Some(Claimed::Busy);
        }
        if let Some(wait) = look.wait(self.now_micros()) {
            return Some(Claimed::Unknown { wait });
        }
        let place = Place::of(member, other.clone());
        (look.is_unknown() && self.is_doubted(&place)).then_some(Claimed::Busy)
    }

    /// A token is never given twice, and is the same in two runs with the same clock.
    fn writing(&self, at: &At, grants: i64) -> Writing {
        let At { key, system } = at;
        let now = self.now.as_nanosecond();
        let name = format!("{system}\n{}\n{}\n{grants}\n{now}", key.entity, key.id);
        Writing { token: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()), grants }
    }

    fn siblings(
        &self,
        group: &Group,
        at: &At,
        members: &[&Member],
        roles: &[Role],
    ) -> Result<Vec<PartState>, StoreError> {
        let (Some(first), true) = (members.first(), group.composed) else { return Ok(Vec::new()) };
        let leads = |part: &Option<String>| {
            let lead = |(member, role): (&&Member, &Role)| {
                *role == Role::Lead && member.subject.part == *part
            };
            members.iter().zip(roles).any(lead)
        };
        let mut parts = self.parts(at, first.subject.facet)?;
        parts.retain(|state| !leads(&state.part));
        Ok(parts)
    }

    fn write_down(
        &mut self,
        group: &Group,
        at: &At,
        writing: Writing,
        (other, members): (Option<String>, Vec<Claimant>),
    ) {
        let Some(first) = group.members.first() else { return };
        let started_at = self.now_micros();
        let claim = Claim {
            at: at.clone(),
            other,
            route: first.route.clone(),
            facet: first.subject.facet,
            members,
            started_at,
            lease_until: started_at.saturating_add(span(group.lease)),
            settle_after: span(group.settle_after),
        };
        self.claims.put(writing.token, claim);
        self.take(at, writing.token, writing.grants);
    }

    fn intend(&mut self, writing: Writing, open: &Open<'_>) {
        let member = open.member;
        if let Some(own_id) = &member.source_id {
            self.call(&member.source, &open.place.at.key, own_id);
        }
        let key = IntentKey { place: open.place.clone(), grant: writing.grants };
        let intent = Intent {
            token: writing.token,
            document: Document::Given(open.content.document.clone()),
            fingerprint: open.content.fingerprint.clone(),
            via: open.via.clone(),
            event_id: member.event_id,
            generation: member.generation,
            source: member.source.clone(),
            clock: member.clock.0.clone(),
            sequence: member.sequence,
            observed_at: micros(member.observed_at),
            started_at: self.now_micros(),
            said_at: None,
            ended: false,
        };
        self.intents.put(key, intent);
    }
}

impl OwnId {
    /// What the source itself calls the member's entity, where that differs.
    pub(super) fn of(member: &Member) -> Option<Self> {
        let (entity, system) = (member.subject.entity(), member.source.clone());
        member.source_id.clone().map(|id| Self { entity, system, id })
    }
}

/// The system whose own say in the facet has to be heard. Parts that a target composes are its
/// whole, which nobody says part by part.
fn other_side(group: &Group, member: &Member) -> Option<String> {
    (member.two_way && !group.composed).then(|| member.source.clone())
}

/// Leads are to be all that they and their riders say.
fn complete(open: &mut [Open<'_>], members: &[&Member], roles: &[Role]) {
    let mut contents: Vec<Content> = open.iter().map(|open| open.content.clone()).collect();
    brief::with_riders(members, roles, &mut contents);
    for (open, content) in open.iter_mut().zip(contents) {
        open.content = content;
    }
}

fn mark_key(place: &Place, member: &Member) -> MarkKey {
    let (source, clock) = (member.source.clone(), member.clock.0.clone());
    MarkKey { place: place.clone(), source, clock }
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
            route: Some(member.route.clone()),
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
