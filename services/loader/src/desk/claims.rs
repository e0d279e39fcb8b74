//! Claiming: which deliveries start now, which wait, which have ended already.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ferry_broker::{
    Broker,
    letter::{self, Failed},
};
use ferry_canonical::{Facet, Lane, Outcome, Part, Steps};
use ferry_store::{Care, Claimed, Group, GroupClaim, Ledger, Settle, Settlement, Verdict};
use tokio::time::Instant;
use tracing::debug;

use super::{Call, Desk, sending::Sending};
use crate::{
    act::{self, Work, Working},
    cause::Cause,
    delivery::InHand,
    gate::Pass,
    lease::Lease,
    limits,
    waiting::{Room, goes_alone},
};

/// What calls start under.
struct Opening {
    room: Room,
    /// Their leases end then, if they are not renewed.
    leased_until: Instant,
    pass: Arc<Pass>,
}

impl<B: Broker, L: Ledger + Care + Clone + 'static> Desk<B, L> {
    /// One store round trip for everything that can start now.
    pub(super) async fn claim_what_can_start(&mut self) {
        let now = Instant::now();
        if self.left_alone_since.is_none() {
            let overdue = self.waiting.take_overdue(now);
            let smallest = overdue.into_iter().map(|in_hand| (in_hand, Duration::ZERO)).collect();
            self.postpone(smallest).await;
        }
        let barred = self.store_back_at.is_some_and(|back_at| now < back_at);
        let slots = self.free_slots();
        let open = self.open_calls();
        let ready = self.waiting.next_ready(&open).is_some_and(|ready| ready <= now);
        let paid = self.attendant.pace.ready();
        let (Ok(paid), false, true, true) = (paid, barred, slots > 0, ready) else {
            return self.turns.keep(None);
        };
        let alone = self.waiting.suspect_is_next(now);
        let Some(pass) = self.turns.take(alone) else { return };
        let room = self.room(slots, paid, open);
        let taken = if alone {
            self.waiting.take_suspect(now)
        } else {
            self.waiting.take_groups(now, &room)
        };
        if taken.is_empty() {
            return;
        }
        let groups = taken.iter().map(|members| self.group(members)).collect();
        // The store counts from when it commits.
        let leased_until = Instant::now() + self.target.lease;
        match self.seams.ledger.claim(groups).await {
            Ok(claims) => {
                self.store_works();
                let opening = Opening { room, leased_until, pass };
                self.start(taken, claims, &opening).await;
            }
            Err(error) => {
                self.store_failed(&error);
                self.waiting.put_back(taken);
            }
        }
    }

    fn group(&self, members: &[InHand]) -> Group {
        let first = members.first();
        let facet = first.map(|in_hand| in_hand.event.subject.facet);
        Group {
            target: self.target.name.clone(),
            members: members.iter().map(InHand::member).collect(),
            composed: facet.is_some_and(|facet| self.target.system.composes(facet))
                && first.is_some_and(|in_hand| in_hand.route.two_way.is_none()),
            amends: facet.and_then(|facet| self.target.system.amends(facet)),
            recalls: facet.is_some_and(|facet| self.target.system.recalls(facet)),
            lease: self.target.lease,
            settle_after: self.target.settle_after,
        }
    }

    /// Sorts the claims: what ended is acknowledged, what waits is held, what was granted is called.
    async fn start(&mut self, taken: Vec<Vec<InHand>>, claims: Vec<GroupClaim>, opening: &Opening) {
        let mut granted: BTreeMap<(Facet, Lane), Vec<Work>> = BTreeMap::new();
        let mut again = Vec::new();
        for (members, claim) in taken.into_iter().zip(claims) {
            let wait = match &claim.claimed {
                Claimed::Unknown { wait } => Some(*wait),
                Claimed::Busy | Claimed::Nothing | Claimed::Granted(_) => None,
            };
            let mut working = Vec::new();
            for (index, (in_hand, verdict)) in members.into_iter().zip(claim.members).enumerate() {
                match verdict {
                    Verdict::Lead => {
                        let whole = whole(&claim.claimed, index, in_hand.event.subject.facet);
                        working.push(Working { in_hand, index, leads: true, whole });
                    }
                    Verdict::Rider { .. } => {
                        working.push(Working { in_hand, index, leads: false, whole: None });
                    }
                    Verdict::Closed { outcome, because } => {
                        self.closed(&in_hand, outcome, &because);
                    }
                    Verdict::Ended { outcome: Outcome::Dead, because } => {
                        again.push(self.dead_again(in_hand, because));
                    }
                    Verdict::Ended { .. } => {
                        self.ack(&in_hand.delivery.queue, vec![in_hand.delivery.receipt]);
                    }
                    Verdict::Waits => self.hold(in_hand, wait, &mut again),
                }
            }
            if let (Claimed::Granted(grant), Some(first)) = (claim.claimed, working.first()) {
                let key = opening.room.open.shares(&first.in_hand);
                let work = Work { grant: *grant, members: working, met: None };
                granted.entry(key).or_default().push(work);
            }
        }
        if self.view.borrow().reason.is_some() {
            // The breaker has opened, or the like, while the store was asked.
            self.release(granted.into_values().flatten().collect()).await;
        } else {
            self.call(granted, opening);
        }
        self.send(again).await;
    }

    fn closed(&self, in_hand: &InHand, outcome: Outcome, because: &str) {
        debug!(
            event.id = %in_hand.event.id,
            subject = %in_hand.event.subject,
            %outcome,
            because,
            "delivery ended without a call"
        );
        self.count_outcome(&in_hand.route.name, outcome);
        self.ack(&in_hand.delivery.queue, vec![in_hand.delivery.receipt]);
    }

    /// The ledger's word is not enough to acknowledge a dead letter on: it is published again under
    /// the same key, which makes the copies one.
    fn dead_again(&self, in_hand: InHand, because: Option<String>) -> Sending {
        let because = because.unwrap_or_default();
        let cause = Cause::parse(&because);
        let failed = Failed {
            route: Some(&in_hand.route.name),
            missing: cause.missing.as_ref(),
            ..Failed::new(cause.kind, cause.detail, (self.seams.clock)())
        };
        let message = letter::dead(&in_hand.delivery, failed, &self.seams.host);
        let receipt = Some((in_hand.delivery.queue.clone(), in_hand.delivery.receipt));
        Sending { message, in_hand: Some(in_hand), receipt }
    }

    /// Holds a delivery whose entity is busy or unknown; a long wait goes through a delay level.
    fn hold(&mut self, mut in_hand: InHand, wait: Option<Duration>, again: &mut Vec<Sending>) {
        if let Some(wait) = wait.filter(|wait| *wait > limits::HOLD) {
            let now = (self.seams.clock)();
            let message = letter::postpone(&in_hand.delivery, now, wait, &self.seams.levels);
            let receipt = Some((in_hand.delivery.queue.clone(), in_hand.delivery.receipt));
            again.push(Sending { message, in_hand: Some(in_hand), receipt });
            return;
        }
        let busy =
            (limits::BUSY_MIN * 2_u32.saturating_pow(in_hand.looks.min(8))).min(limits::BUSY_MAX);
        in_hand.looks += 1;
        in_hand.ready_at = Instant::now() + wait.unwrap_or(busy).max(limits::BUSY_MIN);
        self.waiting.push(in_hand);
    }

    /// Starts the calls: as many works in one call as there is room for, of one facet and lane.
    fn call(&mut self, granted: BTreeMap<(Facet, Lane), Vec<Work>>, opening: &Opening) {
        for ((facet, lane), works) in granted {
            let (alone, mut together): (Vec<Work>, Vec<Work>) =
                works.into_iter().partition(|work| work.leads().any(goes_alone));
            for work in alone {
                self.call_with(vec![work], None, opening);
            }
            while !together.is_empty() {
                let rest = together.split_off(opening.room.batch(facet).min(together.len()));
                self.call_with(together, Some((facet, lane)), opening);
                together = rest;
            }
        }
    }

    fn call_with(&mut self, works: Vec<Work>, shared: Option<(Facet, Lane)>, opening: &Opening) {
        let tokens: Vec<_> = works.iter().map(|work| work.grant.token).collect();
        let paid = self.attendant.pace.pay().is_ok();
        let (lease, leased) = Lease::until(opening.leased_until);
        let call = act::call(Arc::clone(&self.target), self.conversation(paid, leased), works);
        let handle = self.calls.spawn(call);
        let call = Call { tokens, lease, shared, _pass: Arc::clone(&opening.pass) };
        self.running().insert(handle.id(), call);
    }

    /// Gives claims back of which nothing was tried.
    async fn release(&mut self, works: Vec<Work>) {
        if works.is_empty() {
            return;
        }
        let target = &self.target.name;
        let settlements = works
            .iter()
            .map(|work| Settlement {
                token: work.grant.token,
                target: target.clone(),
                verdict: Settle::Released,
                steps: Steps::default(),
            })
            .collect();
        debug!(target = %target, count = works.len(), "claims are released unused");
        if let Err(error) = self.seams.ledger.settle(settlements, Vec::new()).await {
            // They end with their leases.
            self.store_failed(&error);
        }
        for member in works.into_iter().flat_map(|work| work.members) {
            self.waiting.push(member.in_hand);
        }
    }
}

/// What a lead is to write, where that is more than its event says.
fn whole(claimed: &Claimed, index: usize, facet: Facet) -> Option<Part> {
    let Claimed::Granted(grant) = claimed else { return None };
    let (_, document) = grant.contents.iter().find(|(lead, _)| *lead == index)?;
    Part::from_json(facet, document.as_bytes()).ok()
}
