//! Scripted faults: what goes wrong, with which requests, how often.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::Method;
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Closes the connection without an answer; nothing is applied.
    Refuse,
    /// Holds the request for `stall_ms`, then closes without an answer; nothing is applied.
    Stall,
    /// Answers `status`, with `retry_after` if given; nothing is applied.
    Status,
    /// Answers 200 with an HTML page, or every other time the beginning of a document and a cut
    /// connection; nothing is applied.
    Garbage,
    /// Applies, then closes without an answer.
    ApplyThenDrop,
    /// Applies, holds the answer back for `stall_ms`, then closes without one.
    ApplyThenStall,
    /// Waits `stall_ms`, then applies and answers.
    Slow,
    /// Answers `status`, 200 without, with `body`; nothing is applied.
    Say,
    /// Applies, then answers as `say` does.
    ApplyThenSay,
    /// The next push is sent twice. For simulators that push; names no request.
    PushTwice,
    /// The next push changes places with the one after it.
    PushShuffled,
}

/// What a push has to suffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushFault {
    Twice,
    Shuffled,
}

impl FaultKind {
    const fn of_pushes(self) -> Option<PushFault> {
        match self {
            Self::PushTwice => Some(PushFault::Twice),
            Self::PushShuffled => Some(PushFault::Shuffled),
            Self::Refuse
            | Self::Stall
            | Self::Status
            | Self::Garbage
            | Self::ApplyThenDrop
            | Self::ApplyThenStall
            | Self::Slow
            | Self::Say
            | Self::ApplyThenSay => None,
        }
    }

    /// The name in the control API and in the history.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Stall => "stall",
            Self::Status => "status",
            Self::Garbage => "garbage",
            Self::ApplyThenDrop => "apply_then_drop",
            Self::ApplyThenStall => "apply_then_stall",
            Self::Slow => "slow",
            Self::Say => "say",
            Self::ApplyThenSay => "apply_then_say",
            Self::PushTwice => "push_twice",
            Self::PushShuffled => "push_shuffled",
        }
    }
}

/// A fault as it is scripted, and how often it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub kind: FaultKind,
    /// Only requests of this method; any without.
    #[serde(default)]
    pub method: Option<String>,
    /// Only requests whose path begins so; any but `/_sim/` without.
    #[serde(default)]
    pub path_prefix: Option<String>,
    /// For `status`, 503 without; for `say`, 200 without.
    #[serde(default)]
    pub status: Option<u16>,
    /// For `say`; empty without.
    #[serde(default)]
    pub body: Option<String>,
    /// Of `body`; `application/xml` without.
    #[serde(default)]
    pub content_type: Option<String>,
    /// The `Retry-After` of `status`, as it is to be sent.
    #[serde(default)]
    pub retry_after: Option<String>,
    /// For kinds that wait; 30,000 without.
    #[serde(default)]
    pub stall_ms: Option<u64>,
    /// Hits each nth match; 0 and 1 are each.
    #[serde(default = "one")]
    pub every: u64,
    /// The first match that is hit, 1-based; as `every` without.
    #[serde(default)]
    pub first: Option<u64>,
    /// Hits so many times in all.
    #[serde(default = "one")]
    pub count: u64,
    /// Matches so far. Not scripted.
    #[serde(default, skip_deserializing)]
    pub matched: u64,
    /// Hits so far. Not scripted.
    #[serde(default, skip_deserializing)]
    pub fired: u64,
}

const fn one() -> u64 {
    1
}

impl Fault {
    fn matches(&self, method: &Method, path: &str) -> bool {
        let method_fits =
            self.method.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(method.as_str()));
        let path_fits = self.path_prefix.as_deref().is_none_or(|prefix| path.starts_with(prefix));
        self.kind.of_pushes().is_none() && method_fits && path_fits
    }

    /// Counts a match; true if this one is its turn.
    fn comes(&mut self) -> bool {
        if self.fired >= self.count {
            return false;
        }
        self.matched += 1;
        let every = self.every.max(1);
        let since_first = self.matched.checked_sub(self.first.unwrap_or(every));
        since_first.is_some_and(|since| since.is_multiple_of(every))
    }
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    script: Mutex<Vec<Fault>>,
}

impl Faults {
    pub(super) fn add(&self, fault: Fault) {
        self.script().push(fault);
    }

    pub(super) fn all(&self) -> Vec<Fault> {
        self.script().clone()
    }

    pub(super) fn clear(&self) {
        self.script().clear();
    }

    /// The first scripted fault whose turn this request is. The others count it too, so that faults of
    /// one distance keep theirs from one another.
    pub(super) fn next(&self, method: &Method, path: &str) -> Option<Fault> {
        self.hit(|fault| fault.matches(method, path))
    }

    pub(super) fn next_push(&self) -> Option<PushFault> {
        self.hit(|fault| fault.kind.of_pushes().is_some())?.kind.of_pushes()
    }

    fn hit(&self, matches: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut script = self.script();
        let mut hit: Option<&mut Fault> = None;
        for fault in script.iter_mut().filter(|fault| matches(fault)) {
            if fault.comes() && hit.is_none() {
                hit = Some(fault);
            }
        }
        let hit = hit?;
        hit.fired += 1;
        Some(hit.clone())
    }

    fn script(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
