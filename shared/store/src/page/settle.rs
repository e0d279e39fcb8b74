//! Settling: what became of a claim, for whoever still holds it.

use std::collections::BTreeSet;

use ferry_canonical::{Outcome, Sequence};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Claim, Claimant, Delivery, End, MarkKey, Page, Place, Position};
use crate::{Settle, Settled, Settlement, StoreError, decide::Mark};

impl Page {
    pub(crate) fn settle(
        &mut self,
        settlements: &[Settlement],
    ) -> Result<Vec<Settled>, StoreError> {
        settlements.iter().map(|settlement| self.settle_one(settlement)).collect()
    }

    fn settle_one(&mut self, settlement: &Settlement) -> Result<Settled, StoreError> {
        let token = settlement.token;
        let Some(claim) = self.held(settlement) else { return Ok(Settled::Lost) };
        // Asked now, because the verdict may end the doubt.
        let refuted = if settlement.steps.refuted { self.doubted(&claim) } else { BTreeSet::new() };
        let unknown_until = match &settlement.verdict {
            Settle::Done { outcome, because, target_id } => {
                if let Some(own_id) = target_id {
                    self.call(&claim.at.system, &claim.at.key, own_id);
                }
                self.done(&claim, token, (*outcome, because.as_deref()))?
            }
            Settle::Kept { because } => {
                let unknown_until =
                    self.done(&claim, token, (Outcome::Delivered, because.as_deref()))?;
                self.keep(&claim);
                unknown_until
            }
            Settle::Failed { unread, dead, because, target_id } => {
                if let Some(own_id) = target_id {
                    self.call(&claim.at.system, &claim.at.key, own_id);
                }
                for member in claim.members.iter().filter(|member| dead.contains(&member.index)) {
                    self.end_member(&claim, member, Outcome::Dead, Some(because));
                }
                let leads = claim.members.iter().filter(|member| member.rides.is_none());
                for member in leads.filter(|member| !dead.contains(&member.index)) {
                    self.retrying.insert(delivery(&claim, member), route(&claim, member));
                }
                self.failed(&claim, token, *unread)
            }
            Settle::Met(met) => {
                if let Some(own_id) = &met.target_id {
                    self.call(&claim.at.system, &claim.at.key, own_id);
                }
                self.met(&claim, token, met)?
            }
            Settle::Released => self.failed(&claim, token, false),
        };
        self.settle_steps(&claim, (settlement.steps, &refuted), is_there(&settlement.verdict));
        self.free(&claim.at, token, unknown_until);
        Ok(Settled::Done)
    }

    /// The claim, if it is still the one that holds its entity.
    fn held(&self, settlement: &Settlement) -> Option<Claim> {
        let claim = self.claims.get(&settlement.token)?;
        let holder = self.standings.get(&claim.at).and_then(|standing| standing.token);
        let ours = claim.at.system == settlement.target && holder == Some(settlement.token);
        ours.then(|| claim.clone())
    }

    /// The leads are so, or need not be. Returns until when the entity stays unknown.
    pub(super) fn done(
        &mut self,
        claim: &Claim,
        token: Uuid,
        (outcome, because): (Outcome, Option<&str>),
    ) -> Result<Option<i64>, StoreError> {
        for member in &claim.members {
            match member.rides.and_then(|lead| claim.members.iter().find(|m| m.index == lead)) {
                Some(lead) => self.end_rider(claim, lead, member)?,
                None => self.end_lead(claim, token, member, (outcome, because))?,
            }
        }
        if !holds(outcome) {
            return Ok(self.failed(claim, token, false));
        }
        // A lost write of another part is still to be read, by whoever writes next.
        let lost = self.has_intents(&claim.at);
        Ok(self.unknown_until(claim).filter(|_| lost))
    }

    /// What the leads say waits for a document of the export.
    fn keep(&mut self, claim: &Claim) {
        let grant = self.standings.get(&claim.at).map_or(0, |standing| standing.grants);
        for lead in claim.members.iter().filter(|member| member.rides.is_none()) {
            let part = lead.part.clone().unwrap_or_default();
            let place = Place { at: claim.at.clone(), facet: claim.facet, part };
            self.kept.insert(place, grant);
        }
    }

    fn unknown_until(&self, claim: &Claim) -> Option<i64> {
        self.standings.get(&claim.at).and_then(|standing| standing.unknown_until)
    }

    fn end_lead(
        &mut self,
        claim: &Claim,
        token: Uuid,
        member: &Claimant,
        (outcome, because): (Outcome, Option<&str>),
    ) -> Result<(), StoreError> {
        self.end_member(claim, member, outcome, because);
        let part = member.part.clone().unwrap_or_default();
        let place = Place { at: claim.at.clone(), facet: claim.facet, part };
        if outcome != Outcome::Dead {
            let mark = Mark {
                sequence: sequence(&member.sequence)?,
                observed_at: time(member.observed_at)?,
                fingerprint: member.fingerprint.clone(),
                applied_at: self.now,
            };
            let (source, clock) = (member.source.clone(), member.clock.clone());
            let key = MarkKey { place: place.clone(), source, clock };
            self.advance(key, Position { mark, outcome });
        }
        if holds(outcome) {
            self.settle_part(&place, token);
        }
        Ok(())
    }

    /// A rider says what its lead says, or something older.
    fn end_rider(
        &mut self,
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
        self.end_member(claim, rider, outcome, Some(&because));
        Ok(())
    }

    fn end_member(
        &mut self,
        claim: &Claim,
        member: &Claimant,
        outcome: Outcome,
        because: Option<&str>,
    ) {
        let (route, because) = (route(claim, member), because.map(str::to_owned));
        self.end(delivery(claim, member), End { route, outcome, because });
    }

    /// Nothing was written, or nobody knows. Returns until when the entity stays unknown: a claim
    /// that was to read a lost write, and did not get to write, leaves that question open.
    ///
    /// A claim may have made several requests one after the other, each with a deadline of its own:
    /// what was lost last may take effect for `settle_after` from now, not from the claim's start.
    fn failed(&mut self, claim: &Claim, token: Uuid, unread: bool) -> Option<i64> {
        let unknown_until = self.unknown_until(claim);
        if unread {
            self.keep_intents(&claim.at, token);
            let lost_until = self.now_micros().saturating_add(claim.settle_after);
            return unknown_until.max(Some(lost_until));
        }
        self.drop_intents(&claim.at, token);
        unknown_until
    }
}

fn delivery(claim: &Claim, member: &Claimant) -> Delivery {
    let target = claim.at.system.clone();
    Delivery { target, event_id: member.event_id, generation: member.generation }
}

fn route(claim: &Claim, member: &Claimant) -> String {
    member.route.as_ref().unwrap_or(&claim.route).clone()
}

fn is_there(verdict: &Settle) -> bool {
    match verdict {
        Settle::Met(met) => holds(met.outcome),
        Settle::Done { outcome, .. } => holds(*outcome),
        Settle::Kept { .. } => true,
        Settle::Failed { .. } | Settle::Released => false,
    }
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

fn sequence(text: &str) -> Result<Sequence, StoreError> {
    let sequence = text.parse().map(Sequence);
    sequence.map_err(|_| StoreError::Corrupt("a claim's sequence is not a number".to_owned()))
}

fn time(micros: i64) -> Result<Timestamp, StoreError> {
    let time = Timestamp::from_microsecond(micros);
    time.map_err(|_| StoreError::Corrupt("a claim's time lies outside the calendar".to_owned()))
}
