//! Steps of our own at a target: which may have been taken, and what the target says of them.
//!
//! A write that may take a step is written down as one that has, before its call begins: hearing of
//! our own doing as if it were somebody else's does harm. Only its settlement, or the read of a later
//! write, says otherwise. One notice is taken for one step.

use std::{collections::BTreeSet, time::Duration};

use ferry_canonical::{Facet, Sequence, Stands, Step, Steps};
use uuid::Uuid;

use super::{
    At, CLOCKS_APART, Claim, Claimant, IntentKey, Page, Place, claim::Writing, micros, span,
};
use crate::{Amending, Group, Member, StoreError};

/// How long after a step its target may tell of it. What it says later is taken at its word.
const TOLD_WITHIN: Duration = Duration::from_hours(24);

/// A step, by the place and the grant of the write that may have taken it. Times are microseconds.
#[derive(Clone, Debug)]
pub(crate) struct StepRow {
    /// Of the claim.
    pub(crate) token: Uuid,
    /// The facet by which the target tells of it.
    pub(crate) notice: Facet,
    pub(crate) taken: Step,
    /// What it was taken for is there: later writes do not go on from it.
    pub(crate) over: bool,
    pub(crate) committed_at: i64,
    pub(crate) until: i64,
    /// The notice that was taken for it, by its position on its clock.
    pub(crate) told: Option<(String, Sequence)>,
}

/// What the ledger makes of something that a system says.
#[derive(Debug)]
pub(super) enum Heard {
    /// Somebody did it.
    News,
    /// We did; the sentence says what.
    Ours(String),
    /// A write that may have done it is on its way: its settlement will say.
    Early,
}

impl Page {
    /// Whether what a system says is its notice of a step of ours.
    pub(super) fn hear(&mut self, at_source: &At, member: &Member) -> Heard {
        self.forget_untold(at_source);
        let position = (member.clock.0.clone(), member.sequence);
        let notices = |(_, step): &(&IntentKey, &StepRow)| step.notice == member.subject.facet;
        // Of several targets, each hears of it by a delivery of its own, and maybe of several copies.
        let again = self
            .steps_at(at_source)
            .filter(notices)
            .find(|(_, step)| step.told.as_ref().is_some_and(|told| *told == position));
        if let Some((key, step)) = again {
            return Heard::Ours(sentence(key, step));
        }
        let latest = micros(member.observed_at).saturating_add(span(CLOCKS_APART));
        let now = self.now_micros();
        let open = self.steps_at(at_source).filter(notices).find(|(_, step)| {
            step.told.is_none() && step.until > now && step.committed_at <= latest
        });
        let Some((key, step)) = open else { return Heard::News };
        if step.taken == Step::Begun && self.is_running(at_source, step.token) {
            return Heard::Early;
        }
        let (key, because) = (key.clone(), sentence(key, step));
        if let Some(step) = self.steps.change(&key) {
            step.told = Some(position);
        }
        Heard::Ours(because)
    }

    /// Whether a write whose step may have been taken has not brought about what it was for.
    pub(super) fn is_stepping(&self, place: &Place) -> bool {
        self.steps_of(place).any(|(_, step)| !step.over)
    }

    /// Writes down that a step is taken by this claim, if there is anything it may change.
    pub(super) fn step(
        &mut self,
        group: &Group,
        place: &Place,
        writing: Writing,
        member: &Member,
    ) -> Result<Option<Amending>, StoreError> {
        let Some(notice) = group.amends else { return Ok(None) };
        let amending = self.amending(place, &member.fingerprint)?;
        if amending.is_some() {
            let committed_at = self.now_micros();
            let step = StepRow {
                token: writing.token,
                notice,
                taken: Step::Begun,
                over: false,
                committed_at,
                until: committed_at.saturating_add(span(TOLD_WITHIN)),
                told: None,
            };
            self.steps.put(IntentKey { place: place.clone(), grant: writing.grants }, step);
        }
        Ok(amending)
    }

    /// What may stand at the place; nothing, as far as is known, without an answer.
    fn amending(&self, place: &Place, new: &str) -> Result<Option<Amending>, StoreError> {
        let state = self.states.get(place);
        let intents = || self.intended(place).map(|(key, intent)| (key.grant, intent));
        let earlier = self.earlier(place, new)?;
        let unsettled = self.steps_of(place).filter(|(_, step)| !step.over);
        let begun = unsettled.map(|(_, step)| step.taken).max().unwrap_or_default();
        if earlier.is_empty() && begun == Step::None {
            return Ok(None);
        }
        let same = intents().filter(|(_, intent)| intent.fingerprint == new).last();
        let other = intents().filter(|(_, intent)| intent.fingerprint != new).last();
        let stands = match same.map(|(grant, _)| (grant, self.taken(place, grant))) {
            // Nothing was imported behind a step without an answer.
            Some((_, Step::Unread)) | None => {
                let settled = state.is_some_and(|state| state.fingerprint == new);
                if settled { Stands::Either } else { Stands::Earlier }
            }
            Some((_, Step::Begun)) => Stands::Either,
            // What stood there before was gone when this was imported.
            Some((grant, Step::None | Step::Taken)) => {
                let last = other.is_none_or(|(other, _)| other < grant);
                if last { Stands::Written } else { Stands::Either }
            }
        };
        Ok(Some(Amending { earlier, stands, begun }))
    }

    fn taken(&self, place: &Place, grant: i64) -> Step {
        let key = IntentKey { place: place.clone(), grant };
        self.steps.get(&key).map(|step| step.taken).unwrap_or_default()
    }

    /// The lost writes of what this claim means to write.
    pub(super) fn doubted(&self, claim: &Claim) -> BTreeSet<IntentKey> {
        let leads = claim.members.iter().filter(|member| member.rides.is_none());
        let of_lead = |lead: &Claimant| {
            let part = lead.part.clone().unwrap_or_default();
            let place = Place { at: claim.at.clone(), facet: claim.facet, part };
            let same = self.intended(&place).filter(|(_, i)| i.fingerprint == lead.fingerprint);
            same.map(|(key, _)| key.clone()).collect::<Vec<_>>()
        };
        leads.flat_map(of_lead).collect()
    }

    /// Takes in what a claim that ends says of steps. `is_there` says that what it meant to write is
    /// at the target.
    pub(super) fn settle_steps(
        &mut self,
        claim: &Claim,
        (steps, doubted): (Steps, &BTreeSet<IntentKey>),
        is_there: bool,
    ) {
        let grants = self.standings.get(&claim.at).map(|standing| standing.grants);
        let until = self.now_micros().saturating_add(span(TOLD_WITHIN));
        for lead in claim.members.iter().filter(|member| member.rides.is_none()) {
            let part = lead.part.clone().unwrap_or_default();
            let place = Place { at: claim.at.clone(), facet: claim.facet, part };
            let keys: Vec<IntentKey> = self.steps_of(&place).map(|(key, _)| key.clone()).collect();
            for key in keys.into_iter().rev() {
                let own = Some(key.grant) == grants;
                let Some(step) = self.steps.change(&key).filter(|step| !step.over) else {
                    continue;
                };
                if own {
                    (step.taken, step.until) = (steps.own, until);
                }
                // Of a write of other content, what stands there may be the outcome.
                let in_doubt = match step.taken {
                    Step::Unread => true,
                    Step::Begun => doubted.contains(&key),
                    Step::None | Step::Taken => false,
                };
                let refuted = !own && steps.refuted && in_doubt;
                step.over = is_there;
                if step.taken == Step::None || refuted {
                    self.steps.remove(&key);
                }
                if refuted {
                    // What was to follow the step has not been written either. Without the step, it
                    // would pass for something that was written where nothing stood.
                    self.intents.remove(&key);
                }
            }
        }
    }

    /// Steps that nobody spoke of in time, where nothing goes on from them.
    fn forget_untold(&mut self, at: &At) {
        let now = self.now_micros();
        let old = self.steps_at(at).filter(|(_, step)| step.over && step.until <= now);
        let old: Vec<IntentKey> = old.map(|(key, _)| key.clone()).collect();
        for key in old {
            self.steps.remove(&key);
        }
    }

    fn is_running(&self, at: &At, token: Uuid) -> bool {
        let holds = self.standings.get(at).is_some_and(|standing| standing.token == Some(token));
        let now = self.now_micros();
        holds && self.claims.get(&token).is_some_and(|claim| claim.lease_until > now)
    }

    fn steps_at(&self, at: &At) -> impl Iterator<Item = (&IntentKey, &StepRow)> {
        self.steps.since(IntentKey::first(at)).take_while(move |(key, _)| key.place.at == *at)
    }

    fn steps_of(&self, place: &Place) -> impl Iterator<Item = (&IntentKey, &StepRow)> {
        let first = IntentKey { place: place.clone(), grant: i64::MIN };
        self.steps.since(first).take_while(move |(key, _)| key.place == *place)
    }
}

fn sentence(key: &IntentKey, step: &StepRow) -> String {
    let Place { at, facet, .. } = &key.place;
    let at_time = jiff::Timestamp::from_microsecond(step.committed_at).unwrap_or_default();
    format!("{} tells of our own step: its {facet} was changed at {at_time}", at.system)
}
