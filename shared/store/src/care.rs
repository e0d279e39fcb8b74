//! Target care: what all loaders and the console must agree on about one target.
//!
//! One [`CareState`] per target: who paused it and why, whether its breaker is open, until when it
//! asked to be left alone, and who of the loaders may make how many calls. Loaders attend about
//! once a second and whenever a call found no answer; the answer carries the state, their share of
//! the limits and, for one loader at a time, the order to probe. Every transition is a pure
//! function here; an implementation of [`Care`] only reads, applies and writes one row in one
//! transaction, by the store's clock.
//!
//! It calls no target and knows no maintenance windows: those are configuration, and every process
//! has the same.

mod breaker;
mod shares;
#[cfg(test)]
mod tests;

use std::{future::Future, time::Duration};

use ferry_canonical::FailureKind;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::{
    breaker::{Breaker, BreakerState, Failing},
    shares::{Ask, Granted, Share},
};
use crate::StoreError;

/// How long a loader's share stays its own after it attended: a dead loader's returns then.
pub const SHARE_LEASE: Duration = Duration::from_secs(3);
/// The same for one that has nothing to do: it attends less often, and its share is small.
pub const IDLE_LEASE: Duration = Duration::from_secs(12);
/// How long a probe may take before another loader tries. Longer than a probe's own deadline.
pub const PROBE_LEASE: Duration = Duration::from_secs(15);
/// What of a sentence is kept, in bytes.
const SENTENCE_BYTES: usize = 500;

/// What is known of one target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CareState {
    pub target: String,
    /// Grows with every change of this row.
    pub version: u64,
    /// An operator stopped it.
    pub pause: Option<Pause>,
    /// It refused our credentials after a fresh token: it is stopped until a probe is answered or
    /// an operator resumes it.
    pub refusal: Option<Refusal>,
    pub breaker: Breaker,
    /// It asked to be left alone (`Retry-After`).
    pub hold: Option<Hold>,
    pub probe: Probe,
    /// When it was last no longer left alone: time before does not count towards giving up.
    pub recovered_at: Option<Timestamp>,
    /// What each loader may use of the limits at the moment.
    pub shares: Vec<Share>,
}

/// An operator's pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub reason: String,
    pub by: String,
    pub since: Timestamp,
    /// Ends by itself then.
    pub until: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub since: Timestamp,
    /// What the target answered, without secrets.
    pub because: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub since: Timestamp,
    pub until: Timestamp,
    pub kind: FailureKind,
}

/// Reads that find out whether a stopped target answers again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Due from then on.
    pub next_at: Option<Timestamp>,
    /// Probes, and probing phases, that have failed since the target was last usable.
    pub failed: u32,
    pub by: Option<String>,
    /// The one who probes may until then.
    pub until: Option<Timestamp>,
}

/// How a target is cared for, from its configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Calls without a common entity that must fail, one after the other, to open the breaker. At
    /// least 2.
    pub entities: u32,
    /// Failures further apart do not count together.
    pub window: Duration,
    /// Between the breaker's opening and the first probe, doubled up to `probe_max`.
    pub probe_min: Duration,
    pub probe_max: Duration,
    /// Between two probes of a target that refuses our credentials.
    pub refusal_probe: Duration,
    /// The longest `Retry-After` that is respected.
    pub hold_max: Duration,
    /// Calls at one time, over all loaders.
    pub concurrency: u32,
    /// Calls in a thousand seconds, over all loaders; none: no limit.
    pub rate_milli: Option<u64>,
}

/// What a loader saw of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It answered a call, whatever it said.
    Answered,
    /// It did not serve a call about these entities: `connection`, `timeout` or `unavailable`.
    Failed { kind: FailureKind, entities: Vec<String> },
    /// It asked for a pause of this length.
    Asked { kind: FailureKind, wait: Duration },
    /// It refused our credentials.
    Refused { because: String },
    /// The probe this loader was told to make: its failure's kind, if it failed.
    Probed(Option<FailureKind>),
}

/// One loader's word about one target.
#[derive(Clone, Debug)]
pub struct Attendance {
    /// Names one life of one process.
    pub loader: String,
    pub target: String,
    pub rules: Rules,
    pub ask: Ask,
    /// In the order they were seen.
    pub signs: Vec<Sign>,
    /// It will not come again: its share returns at once.
    pub leaves: bool,
}

/// What a loader is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Attended {
    /// By the store's clock.
    pub at: Timestamp,
    pub state: CareState,
    pub granted: Granted,
    /// Probe it, and report [`Sign::Probed`].
    pub probe: bool,
}

/// Why nothing may be written to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    Paused,
    Refused,
    Broken,
    Held,
}

impl Stop {
    pub const ALL: [Self; 4] = [Self::Paused, Self::Refused, Self::Broken, Self::Held];

    /// Its word in logs, metrics and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Refused => "refused",
            Self::Broken => "broken",
            Self::Held => "held",
        }
    }
}

impl CareState {
    pub fn new(target: &str) -> Self {
        Self { target: target.to_owned(), ..Self::default() }
    }

    /// What keeps writes from it at `now`: the strongest reason.
    pub fn stop(&self, now: Timestamp) -> Option<Stop> {
        let lasts = |until: Option<Timestamp>| until.is_none_or(|until| until > now);
        if self.pause.as_ref().is_some_and(|pause| lasts(pause.until)) {
            return Some(Stop::Paused);
        }
        if self.refusal.is_some() {
            return Some(Stop::Refused);
        }
        if self.breaker.state == BreakerState::Open {
            return Some(Stop::Broken);
        }
        self.hold.as_ref().is_some_and(|hold| hold.until > now).then_some(Stop::Held)
    }

    /// Pauses it in an operator's name; a pause that stands is replaced.
    pub(crate) fn pause(&mut self, pause: Pause) {
        let reason = cut(pause.reason);
        self.pause = Some(Pause { reason, ..pause });
    }

    /// Ends an operator's pause and a refusal; a breaker that is open is probed at once.
    pub(crate) fn resume(&mut self, now: Timestamp) {
        self.tidy(now);
        let stopped = self.stop(now);
        self.pause = None;
        self.refusal = None;
        self.hold = None;
        if self.breaker.state == BreakerState::Open {
            self.probe.next_at = Some(now);
        } else {
            self.probe = Probe::default();
            if stopped.is_some_and(|stop| stop != Stop::Held) {
                self.recovered_at = Some(now);
            }
        }
    }

    /// Removes what has passed.
    pub(crate) fn tidy(&mut self, now: Timestamp) {
        if let Some(until) =
            self.pause.as_ref().and_then(|pause| pause.until).filter(|until| *until <= now)
        {
            self.pause = None;
            self.recovered_at = Some(until);
        }
        // A target that asked for time answers: what it refuses without end is given up all the same.
        self.hold.take_if(|hold| hold.until <= now);
        self.shares.retain(|share| share.until > now);
        self.breaker_ages(now);
    }

    /// A loader attends: its signs are taken in, its share is dealt, the probe is given out.
    pub(crate) fn attend(&mut self, attendance: &Attendance, now: Timestamp) -> Attended {
        self.tidy(now);
        for sign in &attendance.signs {
            self.take_in(sign, &attendance.rules, now);
        }
        let total = self.slots(&attendance.rules, now);
        let granted = self.deal(attendance, total, now);
        let probe = self.give_probe(attendance, now);
        Attended { at: now, state: self.clone(), granted, probe }
    }

    /// Of all who ask, one probes a target that is due; who leaves lets another.
    fn give_probe(&mut self, attendance: &Attendance, now: Timestamp) -> bool {
        let loader = &attendance.loader;
        if attendance.leaves {
            if self.probe.by.as_ref() == Some(loader) {
                (self.probe.by, self.probe.until) = (None, None);
            }
            return false;
        }
        let wanted = self.refusal.is_some() || self.breaker.state == BreakerState::Open;
        let due = self.probe.next_at.is_some_and(|at| at <= now);
        let taken = self.probe.until.is_some_and(|until| until > now);
        // An operator's pause means that nothing is sent there, not even a read.
        if !wanted || !due || taken || self.stop(now) == Some(Stop::Paused) {
            return false;
        }
        self.probe.by = Some(loader.clone());
        self.probe.until = Some(after(now, PROBE_LEASE));
        true
    }
}

/// The care's rows. One state per target; a target nobody has cared for yet has none.
pub trait Care: Send + Sync {
    /// Every state there is, by target, in one query.
    fn cares(&self) -> impl Future<Output = Result<Vec<CareState>, StoreError>> + Send;

    /// Takes a loader's signs in, deals its share and says whether it is to probe. Writes only where
    /// something has changed.
    fn attend(
        &self,
        attendance: Attendance,
    ) -> impl Future<Output = Result<Attended, StoreError>> + Send;

    /// Stops all writes to a target until an operator resumes it or `lasting` is over. Answers with
    /// its state.
    fn pause(
        &self,
        target: &str,
        by: &str,
        reason: &str,
        lasting: Option<Duration>,
    ) -> impl Future<Output = Result<CareState, StoreError>> + Send;

    /// Ends a pause, and a stop because of refused credentials; an open breaker is probed at once.
    fn resume(&self, target: &str) -> impl Future<Output = Result<CareState, StoreError>> + Send;
}

pub(crate) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// At most [`SENTENCE_BYTES`], cut between characters.
pub(crate) fn cut(mut sentence: String) -> String {
    sentence.truncate(sentence.floor_char_boundary(SENTENCE_BYTES));
    sentence
}
