//! The breaker: opened by failures that no single entity explains, closed by writes that succeed.
//!
//! Closed → open, when enough calls in a row have failed that share no entity: one order that always
//! times out stays one suspect, however often and in whatever company it is tried. Open → half-open,
//! when a read is answered. Half-open → closed, when a few writes are; → open again, by the same
//! rule by which it opened.

use std::time::Duration;

use ferry_canonical::FailureKind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CareState, Hold, Probe, Refusal, Rules, Sign, Stop, after, cut};

/// Writes that must succeed before a half-open breaker closes.
const CLOSING_WRITES: u32 = 3;
/// A half-open breaker that saw no failure for this long has nothing to protect.
const HALF_OPEN_QUIET: Duration = Duration::from_mins(1);
/// Entities kept of one failing call.
const ENTITIES_KEPT: usize = 100;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    #[default]
    Closed,
    Open,
    HalfOpen,
}

impl BreakerState {
    /// Its word in logs, metrics and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Breaker {
    pub state: BreakerState,
    /// When it came into its state; none: it never left the first.
    pub since: Option<Timestamp>,
    /// When it opened first since it was last closed.
    pub opened_at: Option<Timestamp>,
    /// What the call said that opened it.
    pub kind: Option<FailureKind>,
    /// Failing calls in a row that share no entity, oldest first.
    pub failing: Vec<Failing>,
    /// Writes that succeeded since it became half-open.
    pub succeeded: u32,
}

/// A call that was not served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    pub at: Timestamp,
    pub kind: FailureKind,
    pub entities: Vec<String>,
}

impl Breaker {
    fn enters(&mut self, state: BreakerState, now: Timestamp) {
        self.state = state;
        self.since = Some(now);
        self.succeeded = 0;
        self.failing.clear();
    }

    /// Whether the failures seen, this one included, cannot be blamed on fewer than `rules.entities`
    /// entities.
    fn fails(
        &mut self,
        kind: FailureKind,
        entities: &[String],
        rules: &Rules,
        now: Timestamp,
    ) -> bool {
        self.failing.retain(|failing| after(failing.at, rules.window) > now);
        let kin = self
            .failing
            .iter_mut()
            .find(|failing| failing.entities.iter().any(|entity| entities.contains(entity)));
        if let Some(kin) = kin {
            kin.at = now;
            return false;
        }
        let entities = entities.iter().take(ENTITIES_KEPT).cloned().collect();
        self.failing.push(Failing { at: now, kind, entities });
        self.failing.len() >= usize::try_from(rules.entities.max(2)).unwrap_or(usize::MAX)
    }
}

impl CareState {
    pub(super) fn take_in(&mut self, sign: &Sign, rules: &Rules, now: Timestamp) {
        match sign {
            Sign::Answered => self.answered(now),
            Sign::Failed { kind, entities } => self.failed(*kind, entities, rules, now),
            Sign::Asked { kind, wait } => {
                let until = after(now, (*wait).min(rules.hold_max));
                if self.hold.as_ref().is_none_or(|hold| hold.until < until) {
                    let since = self.hold.as_ref().map_or(now, |hold| hold.since);
                    self.hold = Some(Hold { since, until, kind: *kind });
                }
            }
            Sign::Refused { because } => self.refused(because, rules, now),
            Sign::Probed(failure) => self.probed(*failure, rules, now),
        }
    }

    fn answered(&mut self, now: Timestamp) {
        match self.breaker.state {
            BreakerState::Closed => self.breaker.failing.clear(),
            // A call that began before: no reason to write, but one to look.
            BreakerState::Open => self.probe.next_at = self.probe.next_at.min(Some(now)),
            BreakerState::HalfOpen => {
                self.breaker.failing.clear();
                self.breaker.succeeded += 1;
                if self.breaker.succeeded >= CLOSING_WRITES {
                    self.closes(now);
                }
            }
        }
    }

    fn failed(&mut self, kind: FailureKind, entities: &[String], rules: &Rules, now: Timestamp) {
        if self.breaker.state == BreakerState::Open {
            return;
        }
        self.breaker.succeeded = 0;
        if !self.breaker.fails(kind, entities, rules, now) {
            return;
        }
        if self.breaker.state == BreakerState::HalfOpen {
            // The reads that were answered have misled us: the next comes later.
            self.probe.failed = self.probe.failed.saturating_add(1);
        } else {
            self.breaker.opened_at = Some(now);
        }
        let failing = std::mem::take(&mut self.breaker.failing);
        self.breaker.enters(BreakerState::Open, now);
        self.breaker.kind = Some(kind);
        self.breaker.failing = failing;
        self.probe_later(rules, now);
    }

    fn refused(&mut self, because: &str, rules: &Rules, now: Timestamp) {
        if self.refusal.is_none() {
            self.refusal = Some(Refusal { since: now, because: cut(because.to_owned()) });
            self.probe =
                Probe { next_at: Some(after(now, rules.refusal_probe)), ..Probe::default() };
        }
    }

    fn probed(&mut self, failure: Option<FailureKind>, rules: &Rules, now: Timestamp) {
        (self.probe.by, self.probe.until) = (None, None);
        match failure {
            // It answered as it does to those it knows; what the probe asks for may be closed to us.
            None | Some(FailureKind::Rejected) => {
                let refused = self.refusal.take().is_some();
                if self.breaker.state == BreakerState::Open {
                    self.breaker.enters(BreakerState::HalfOpen, now);
                    self.probe.next_at = None;
                } else if refused {
                    self.probe = Probe::default();
                    self.recovered_at = Some(now);
                }
            }
            Some(FailureKind::Auth) => {
                if self.breaker.state == BreakerState::Open {
                    self.breaker.enters(BreakerState::HalfOpen, now);
                }
                self.refused("the probe was refused", rules, now);
                self.probe.next_at = Some(after(now, rules.refusal_probe));
            }
            Some(_) => {
                self.probe.failed = self.probe.failed.saturating_add(1);
                self.probe_later(rules, now);
            }
        }
    }

    /// Each failure doubles the wait.
    fn probe_later(&mut self, rules: &Rules, now: Timestamp) {
        let wait = rules.probe_min.saturating_mul(2_u32.saturating_pow(self.probe.failed.min(16)));
        let wait = wait.min(rules.probe_max.max(rules.probe_min));
        (self.probe.by, self.probe.until) = (None, None);
        self.probe.next_at = Some(after(now, wait));
    }

    fn closes(&mut self, now: Timestamp) {
        self.breaker.enters(BreakerState::Closed, now);
        self.breaker.kind = None;
        self.breaker.opened_at = None;
        if self.refusal.is_none() {
            self.probe = Probe::default();
        }
        self.recovered_at = Some(now);
    }

    pub(super) fn breaker_ages(&mut self, now: Timestamp) {
        let failed_at = self.breaker.failing.iter().map(|failing| failing.at).max();
        let quiet_since = self.breaker.since.max(failed_at);
        let quiet = quiet_since.is_some_and(|since| after(since, HALF_OPEN_QUIET) <= now);
        if self.breaker.state == BreakerState::HalfOpen && quiet {
            self.closes(now);
        }
    }

    /// Calls all loaders together may make at one time.
    pub(super) fn slots(&self, rules: &Rules, now: Timestamp) -> u32 {
        if self.stop(now).is_some_and(|stop| stop != Stop::Held) {
            return 0;
        }
        match self.breaker.state {
            // One more than the failures that open it again: a single bad order cannot fill them.
            BreakerState::HalfOpen => rules.concurrency.min(rules.entities.max(2) + 1),
            BreakerState::Closed | BreakerState::Open => rules.concurrency,
        }
    }
}
