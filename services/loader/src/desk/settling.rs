//! Settling: ledger and journal, then the confirms, then the acks.

use std::time::Duration;

use ferry_broker::{
    Broker,
    letter::{self, Failed},
};
use ferry_canonical::{Outcome, Steps};
use ferry_store::{
    Agreed, BreakerState, Care, JournalEntry, Ledger, Met, Settle, Settled, Settlement, Sign,
    StoreError,
};
use ferry_systems::{Applied, Failure};
use tokio::task::{Id, JoinError};
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::{Desk, sending::Sending};
use crate::{
    act::{Called, Work, Working},
    cause::Cause,
    decide::{self, Next, Tried},
    delivery::InHand,
    journal, look,
    meeting::Meeting,
    signs,
};

/// The store takes everything else.
struct Unstorable;

type Ended = Result<(Id, Called), JoinError>;

/// What follows for one member of a failed work.
enum Follow {
    Retry {
        delay: Duration,
        tried_for: Duration,
    },
    Dead,
    /// Looked at again here: riders of a failed lead, and everything of a paused target.
    Again,
}

impl<B: Broker, L: Ledger + Care + Clone + 'static> Desk<B, L> {
    /// Settles this call and every other that has ended by now, in one store round trip.
    pub(super) async fn settle_ended(&mut self, first: Ended) {
        let mut ended = vec![first];
        while let Some(next) = self.calls.try_join_next_with_id() {
            ended.push(next);
        }
        let mut called = Vec::with_capacity(ended.len());
        let mut tasks = Vec::with_capacity(ended.len());
        for ended in ended {
            match ended {
                Ok((id, call)) => {
                    tasks.push(id);
                    called.push(call);
                }
                Err(lost) => self.call_was_lost(&lost),
            }
        }
        let was_broken = self.view.borrow().is_broken();
        self.tell_signs(&called).await;
        let journal = called.iter().flat_map(|call| journal::rows(&self.target, call)).collect();
        let mut works = Vec::new();
        let mut settlements = Vec::new();
        for call in called {
            let duration = &self.seams.metrics.call_duration;
            duration.with_label_values(&[&self.target.name]).observe(call.seconds);
            let ended = call.works.into_iter().zip(call.results).zip(call.steps);
            for (((work, result), steps), answered) in ended.zip(call.answered) {
                let follows = self.follows(&work, &result, was_broken);
                let ago = answered.elapsed();
                settlements.push(self.settlement(&work, (&result, steps), &follows, ago));
                works.push((work, result, follows));
            }
        }
        let settled = self.settle(settlements, journal).await;
        for task in tasks {
            // Until here the leases were renewed.
            self.running().remove(&task);
        }
        let mut sending = Vec::new();
        for ((work, result, follows), settled) in works.into_iter().zip(settled) {
            match settled {
                Settled::Done => self.follow(work, &result, follows, &mut sending),
                Settled::Lost => self.look_again(work),
            }
        }
        self.send(sending).await;
    }

    /// Tells the store what the calls say about the target; at once, where they say that it does not
    /// serve.
    async fn tell_signs(&self, called: &[Called]) {
        let mut urgent = Vec::new();
        for sign in called.iter().flat_map(signs::of) {
            // What was answered before a failure stands before it.
            if urgent.is_empty() && sign == Sign::Answered {
                self.attendant.answered();
            } else {
                urgent.push(sign);
            }
        }
        let probing = self.view.borrow().breaker == BreakerState::HalfOpen;
        if !urgent.is_empty() || probing {
            self.attendant.report(urgent).await;
        }
    }

    /// The call's task was cut off. Its claims stay until their leases end; then the entities are
    /// unknown, and the deliveries, which nobody has acknowledged, are found by the next subscriber.
    fn call_was_lost(&mut self, lost: &JoinError) {
        let claims = self.running().remove(&lost.id()).map_or(0, |call| call.tokens.len());
        error!(target = %self.target.name, claims, "a call ended without a result");
    }

    /// What follows for each member, decided before anything is written.
    fn follows(
        &self,
        work: &Work,
        result: &Result<Applied, Failure>,
        was_broken: bool,
    ) -> Vec<Follow> {
        if let Some(rule) = journal::rule(result) {
            let labels = [self.target.name.as_str(), rule];
            self.seams.metrics.rules.with_label_values(&labels).inc();
        }
        let Err(failure) = result else {
            self.count_attempt("ok");
            return Vec::new();
        };
        self.count_attempt(failure.kind.as_str());
        // The breaker was open already: the call had begun before, and no attempt is burned on it; nor
        // on one that was not made to its end for want of a lease.
        let in_vain = (was_broken && failure.kind.breaks()) || failure.withheld;
        work.members
            .iter()
            .map(|member| {
                let tried = member.leads && !in_vain;
                if !tried {
                    Follow::Again
                } else if work.meeting() == Some(Meeting::Undecided) {
                    // Another try would find the same: a person decides.
                    Follow::Dead
                } else {
                    self.follow_of(&member.in_hand, failure)
                }
            })
            .collect()
    }

    fn follow_of(&self, in_hand: &InHand, failure: &Failure) -> Follow {
        let history = &in_hand.history;
        let since = history.since_last_failure((self.seams.clock)());
        let tried_for = history.tried_for.saturating_add(self.could_be_asked(since));
        let tried = Tried {
            kind: failure.kind,
            attempt: history.attempt,
            attempts_of_kind: history.attempts_of(failure.kind),
            tried_for,
            retry_after: failure.retry_after,
            hold_max: self.target.limits.care.hold_at_most,
        };
        match decide::after_failure(tried, &in_hand.route) {
            Next::Retry { delay } => Follow::Retry { delay, tried_for },
            Next::DeadLetter => Follow::Dead,
            Next::PauseTarget => Follow::Again,
        }
    }

    fn settlement(
        &self,
        work: &Work,
        (result, steps): (&Result<Applied, Failure>, Steps),
        follows: &[Follow],
        ago: Duration,
    ) -> Settlement {
        let verdict = match result {
            Ok(applied) => {
                let keeps = self.target.system.keeps();
                done((work, keeps), applied, journal::sentence(result), ago)
            }
            Err(failure) => Settle::Failed {
                unread: failure.unread,
                dead: work
                    .members
                    .iter()
                    .zip(follows)
                    .filter(|(_, follow)| matches!(follow, Follow::Dead))
                    .map(|(member, _)| member.index)
                    .collect(),
                because: Cause::of(failure).to_string(),
                target_id: known_id(work, failure),
            },
        };
        let target = self.target.name.clone();
        Settlement { token: work.grant.token, target, verdict, steps }
    }

    /// What the store does not take as it is, it gets one by one, and of what it does not take then
    /// only that which decides: a settlement's result, a journal row's ids.
    async fn settle(
        &mut self,
        settlements: Vec<Settlement>,
        journal: Vec<JournalEntry>,
    ) -> Vec<Settled> {
        let decided = Instant::now();
        if let Ok(settled) = self.try_settle(settlements.clone(), journal.clone(), decided).await {
            return settled;
        }
        let mut all = Vec::with_capacity(settlements.len());
        for whole in settlements {
            let settled = match self.try_settle(vec![whole.clone()], Vec::new(), decided).await {
                Ok(settled) => settled,
                Err(_) => self
                    .try_settle(vec![reduced(whole)], Vec::new(), decided)
                    .await
                    .unwrap_or_default(),
            };
            // What even so is not taken ends with its lease.
            all.push(settled.first().copied().unwrap_or(Settled::Lost));
        }
        for whole in journal {
            if self.try_settle(Vec::new(), vec![whole.clone()], decided).await.is_err() {
                let row = journal::reduced(whole);
                let _ = self.try_settle(Vec::new(), vec![row], decided).await;
            }
        }
        all
    }

    /// The calls were made: their settlement is tried until the store takes it. `Err`: it never will.
    async fn try_settle(
        &mut self,
        settlements: Vec<Settlement>,
        journal: Vec<JournalEntry>,
        decided: Instant,
    ) -> Result<Vec<Settled>, Unstorable> {
        loop {
            let settlements = aged(settlements.clone(), decided.elapsed());
            match self.seams.ledger.settle(settlements, journal.clone()).await {
                Ok(settled) => {
                    self.store_works();
                    return Ok(settled);
                }
                Err(StoreError::Unstorable(cause)) => {
                    error!(target = %self.target.name, cause, "the store does not take a result");
                    return Err(Unstorable);
                }
                Err(error) => {
                    self.store_failed(&error);
                    self.store_pause().await;
                }
            }
        }
    }

    fn follow(
        &mut self,
        work: Work,
        result: &Result<Applied, Failure>,
        follows: Vec<Follow>,
        sending: &mut Vec<Sending>,
    ) {
        match result {
            Ok(applied) => self.done(work, applied),
            Err(failure) => {
                for (member, follow) in work.members.into_iter().zip(follows) {
                    self.failed(member.in_hand, failure, &follow, sending);
                }
            }
        }
    }

    fn done(&self, work: Work, applied: &Applied) {
        let said = |in_hand: &InHand| {
            let event = &in_hand.event;
            (event.subject.part.clone(), event.sequence, in_hand.fingerprint.clone())
        };
        let leads_said: Vec<_> = work.leads().map(said).collect();
        let ended = work.outcome(applied);
        for Working { in_hand, leads, .. } in work.members {
            // As the ledger ends a rider: it said what its lead says, or something older.
            let outcome = if leads {
                ended
            } else if leads_said.contains(&said(&in_hand)) {
                Outcome::Duplicate
            } else {
                Outcome::Superseded
            };
            let age = (self.seams.clock)().duration_since(in_hand.event.time);
            self.seams
                .metrics
                .critical_time
                .with_label_values(&[&in_hand.route.name])
                .observe(age.as_secs_f64().max(0.0));
            debug!(event.id = %in_hand.event.id, subject = %in_hand.event.subject, %outcome, "settled");
            self.count_outcome(&in_hand.route.name, outcome);
            self.ack(&in_hand.delivery.queue, vec![in_hand.delivery.receipt]);
        }
    }

    fn failed(
        &mut self,
        in_hand: InHand,
        failure: &Failure,
        follow: &Follow,
        sending: &mut Vec<Sending>,
    ) {
        let failed = Failed {
            kind: failure.kind,
            detail: &failure.detail,
            status: failure.status,
            response: failure.response.as_deref(),
            rule: failure.rule.as_deref(),
            route: Some(&in_hand.route.name),
            missing: failure.missing.as_deref(),
            tried_for: Duration::ZERO,
            at: (self.seams.clock)(),
        };
        let (event, attempt) = (in_hand.event.id, in_hand.history.attempt);
        let message = match follow {
            Follow::Retry { delay, tried_for } => {
                warn!(
                    event.id = %event, subject = %in_hand.event.subject, attempt,
                    kind = %failure.kind, delay_ms = delay.as_millis(),
                    "delivery will be retried"
                );
                let labels = [self.target.name.as_str(), failure.kind.as_str()];
                self.seams.metrics.retries.with_label_values(&labels).inc();
                let failed = Failed { tried_for: *tried_for, ..failed };
                letter::retry(&in_hand.delivery, failed, *delay, &self.seams.levels)
            }
            Follow::Dead => {
                warn!(
                    event.id = %event, subject = %in_hand.event.subject, attempt,
                    kind = %failure.kind, "delivery is a dead letter"
                );
                self.count_outcome(&in_hand.route.name, Outcome::Dead);
                letter::dead(&in_hand.delivery, failed, &self.seams.host)
            }
            Follow::Again => {
                let ready_at = Instant::now() + crate::limits::BUSY_MAX;
                return self.waiting.push(InHand { ready_at, ..in_hand });
            }
        };
        let receipt = Some((in_hand.delivery.queue.clone(), in_hand.delivery.receipt));
        sending.push(Sending { message, in_hand: Some(in_hand), receipt });
    }

    /// Our lease had ended and somebody else has the entity: what we did is theirs to read.
    fn look_again(&mut self, work: Work) {
        info!(entity = %work.grant.entity_id, "the lease had ended before the call did");
        for Working { mut in_hand, .. } in work.members {
            in_hand.ready_at = Instant::now();
            self.waiting.push(in_hand);
        }
    }

    fn count_attempt(&self, result: &str) {
        self.seams.metrics.attempts.with_label_values(&[&self.target.name, result]).inc();
    }
}

/// What was seen was seen that much earlier.
fn aged(mut settlements: Vec<Settlement>, by: Duration) -> Vec<Settlement> {
    for settlement in &mut settlements {
        if let Settle::Met(met) = &mut settlement.verdict
            && let Some(seen) = &mut met.seen
        {
            seen.ago = seen.ago.saturating_add(by);
        }
    }
    settlements
}

fn reduced(settlement: Settlement) -> Settlement {
    let verdict = match settlement.verdict {
        Settle::Done { outcome, .. } => Settle::Done { outcome, because: None, target_id: None },
        Settle::Failed { unread, dead, because, .. } => {
            let cause = Cause { missing: None, detail: "", ..Cause::parse(&because) };
            Settle::Failed { unread, dead, because: cause.to_string(), target_id: None }
        }
        Settle::Kept { .. } => Settle::Kept { because: None },
        Settle::Met(met) => Settle::Met(Box::new(Met { because: None, target_id: None, ..*met })),
        Settle::Released => Settle::Released,
    };
    Settlement { verdict, ..settlement }
}

/// What the target calls the entity, by a call that failed later.
fn known_id(work: &Work, failure: &Failure) -> Option<String> {
    let looked_at = || work.met.as_ref().and_then(look::Met::target_id);
    failure.target_id.as_deref().or_else(looked_at).map(str::to_owned)
}

/// The leads are so, or need not be. `keeps`: they are so once it is settled.
fn done(
    (work, keeps): (&Work, bool),
    applied: &Applied,
    because: Option<String>,
    ago: Duration,
) -> Settle {
    let (outcome, target_id) = (work.outcome(applied), applied.target_id.clone());
    match &work.met {
        // What the target cannot express is not agreed on.
        Some(met) if outcome != Outcome::Skipped => {
            let (document, fingerprint) = (met.part.to_json(), met.part.fingerprint());
            let agreed = Agreed { document, fingerprint };
            let seen = met.seen(ago);
            Settle::Met(Box::new(Met { agreed, outcome, because, target_id, seen }))
        }
        None if keeps && outcome == Outcome::Delivered => Settle::Kept { because },
        Some(_) | None => Settle::Done { outcome, because, target_id },
    }
}
