//! What a desk knows of its target's state.

use std::time::Duration;

use ferry_store::{Attended, BreakerState, Stop};
use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::{limits, metrics::LoaderMetrics};

/// Why nothing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The store has not said anything yet.
    Unattended,
    Maintenance,
    Stop(Stop),
}

impl Reason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unattended => "unattended",
            Self::Maintenance => "maintenance",
            Self::Stop(stop) => stop.as_str(),
        }
    }

    const fn is_pause(self) -> bool {
        matches!(self, Self::Maintenance | Self::Stop(Stop::Paused | Stop::Refused))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) reason: Option<Reason>,
    /// When the reason ends by itself, where that is known.
    pub(crate) until: Option<Timestamp>,
    pub(crate) breaker: BreakerState,
    /// When it became usable again: what failed before has not been failing since.
    pub(crate) recovered_at: Option<Timestamp>,
    because: String,
    slots: u32,
    valid_until: Instant,
    /// When what the store said last was asked for.
    pub(crate) attended_at: Instant,
    /// As the store said, whatever the clock says.
    stop: Option<Stop>,
    stop_until: Option<Timestamp>,
}

impl View {
    pub(crate) fn unattended() -> Self {
        Self {
            reason: Some(Reason::Unattended),
            until: None,
            breaker: BreakerState::Closed,
            recovered_at: None,
            because: String::new(),
            slots: 0,
            valid_until: Instant::now(),
            attended_at: Instant::now(),
            stop: None,
            stop_until: None,
        }
    }

    /// Calls this loader may make at one time.
    pub(crate) fn slots(&self, now: Instant) -> u32 {
        if self.reason.is_none() && now < self.valid_until { self.slots } else { 0 }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.reason == Some(Reason::Stop(Stop::Broken))
    }

    /// How long the reason lasts at least; none: nobody knows.
    pub(crate) fn lasts(&self, now: Timestamp) -> Option<Duration> {
        let until = self.until?;
        Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
    }

    /// The view after the store has answered what was asked at `started`.
    pub(super) fn next(
        &self,
        attended: Attended,
        started: Instant,
        maintained_until: Option<Timestamp>,
    ) -> Self {
        let Attended { at, state, granted, .. } = attended;
        let stop = state.stop(at);
        let (stop_until, because) = match stop {
            Some(Stop::Paused) => {
                let pause = state.pause.as_ref();
                let by = pause.map(|pause| format!("{} ({})", pause.reason, pause.by));
                (pause.and_then(|pause| pause.until), by.unwrap_or_default())
            }
            Some(Stop::Refused) => {
                (None, state.refusal.map(|refusal| refusal.because).unwrap_or_default())
            }
            Some(Stop::Broken) => {
                let kind = state.breaker.kind.map(|kind| kind.to_string());
                (None, kind.unwrap_or_default())
            }
            Some(Stop::Held) => {
                let hold = state.hold.as_ref();
                let kind = hold.map(|hold| hold.kind.to_string()).unwrap_or_default();
                (hold.map(|hold| hold.until), kind)
            }
            None => (None, String::new()),
        };
        let view = Self {
            breaker: state.breaker.state,
            recovered_at: state.recovered_at.max(self.recovered_at),
            because,
            slots: granted.slots,
            // A pause must not be found out about only when the share ends.
            valid_until: started + granted.lasting.min(limits::VIEW_FRESH),
            attended_at: started,
            stop,
            stop_until,
            ..self.clone()
        };
        view.at(at, maintained_until)
    }

    /// The view once the clock says `now`.
    pub(super) fn at(mut self, now: Timestamp, maintained_until: Option<Timestamp>) -> Self {
        let was_maintained = self.reason == Some(Reason::Maintenance);
        (self.reason, self.until) = match (self.stop, maintained_until) {
            (Some(Stop::Paused | Stop::Refused), _) | (Some(_), None) => {
                (self.stop.map(Reason::Stop), self.stop_until)
            }
            (_, Some(until)) => (Some(Reason::Maintenance), Some(until)),
            (None, None) => (None, None),
        };
        if was_maintained && maintained_until.is_none() {
            self.recovered_at = self.recovered_at.max(Some(now));
        }
        self
    }

    /// Says what has changed, once.
    pub(super) fn tell(&self, before: &Self, target: &str, metrics: &LoaderMetrics) {
        metrics.paused(target, self.reason.is_some_and(Reason::is_pause));
        metrics.breaker(target, self.breaker);
        if self.reason != before.reason {
            self.tell_reason(before.reason, target);
        }
        if self.breaker != before.breaker {
            let (from, to) = (before.breaker.as_str(), self.breaker.as_str());
            warn!(target, from, to, kind = self.because, "the breaker has changed");
        }
    }

    fn tell_reason(&self, before: Option<Reason>, target: &str) {
        let until = self.until.map(|until| until.to_string());
        let (until, because) = (until.as_deref().unwrap_or("resumed"), self.because.as_str());
        match self.reason {
            Some(Reason::Stop(Stop::Refused)) => {
                error!(
                    target,
                    because, "the target refuses our credentials; it is paused, renew them"
                );
            }
            Some(Reason::Stop(Stop::Broken)) => {
                warn!(target, because, "the target does not answer; it is left alone and probed");
            }
            Some(reason) => {
                info!(target, reason = reason.as_str(), because, until, "the target is left alone");
            }
            None if before == Some(Reason::Unattended) => {}
            None => {
                let was = before.map_or("", Reason::as_str);
                info!(target, was, "the target is written to again");
            }
        }
    }
}
