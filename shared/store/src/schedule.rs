//! Schedules: what happened by itself, what an operator wants of it, and who was woken.
//!
//! One [`ScheduleState`] per schedule, named `poll/{source}/{endpoint}` or `scan/{source}/{endpoint}`: its
//! pause, the operator's wish to run it now, its last runs, how far it has walked. Every transition is a pure function here; an implementation of
//! [`Schedules`] only reads, applies and writes one row in one transaction, by the store's clock. When
//! a schedule is due is for its configuration to say, and who runs it for its lease.
//!
//! A *wake* is a source's own hint, taken from a push: this endpoint, this key, should be read. How far a
//! source's own message ids were heard is kept beside it, for what is read to have its place among
//! them. Both are needed: what was read before a push was heard may be newer than that push, and only
//! the read that it wakes shows it.

use std::{future::Future, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    StoreError,
    care::{Pause, after, cut},
};

/// Runs that are kept. Those that found nothing count as one.
const RUNS_KEPT: usize = 50;
/// Those among them that pushes woke, which may be many: when the last whole run was, and how it
/// ended, says what is made up for.
const WOKEN_KEPT: usize = 20;
const _: () = assert!(WOKEN_KEPT < RUNS_KEPT);

/// What is known of one schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScheduleState {
    pub name: String,
    /// Grows with every change of this row.
    pub version: u64,
    /// When it is due, in words; none where only wakes run it.
    pub times: Option<String>,
    /// When it will be due, as whoever ran it last saw it.
    pub next_at: Option<Timestamp>,
    pub pause: Option<Pause>,
    /// When its last pause ended.
    pub resumed_at: Option<Timestamp>,
    /// An operator wants it run now; gone with the run that begins next.
    pub asked: Option<Asked>,
    pub last_success: Option<Timestamp>,
    /// Of a scan: how far its last walk has come.
    pub walk: Option<Walk>,
    /// The newest first.
    pub runs: Vec<Run>,
}

/// One walk over all rows of a list, which goes on where it was after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    pub began_at: Timestamp,
    /// Rows it has seen so far.
    pub rows: u64,
    /// Rows that the walk before it saw.
    pub of: Option<u64>,
    /// When it had seen all of them.
    pub ended_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub by: String,
    pub at: Timestamp,
}

/// One run, or several in a row that found nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// When the first of them began.
    pub first_at: Timestamp,
    /// When the last of them began.
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub because: Because,
    pub ok: bool,
    /// Records that were made durable.
    pub records: u64,
    /// Why it failed, or what of it waits for a person.
    pub detail: Option<String>,
    pub times: u32,
}

/// Why it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Because {
    /// It was due.
    Schedule,
    /// An operator asked for it.
    Hand,
    /// A push woke it.
    Push,
}

/// What becomes of a schedule's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleChange {
    /// Not run when due until somebody resumes it, or `lasting` is over; a pause that stands is
    /// replaced.
    Pause {
        by: String,
        reason: String,
        lasting: Option<Duration>,
    },
    Resume,
    /// Run it now, also while it is paused.
    Ask {
        by: String,
    },
    /// Somebody is there to run it, at these times.
    Known {
        times: String,
        next_at: Option<Timestamp>,
    },
    /// Its walk has come further.
    Walked {
        walk: Walk,
    },
    Ran {
        run: Run,
        next_at: Option<Timestamp>,
    },
}

impl ScheduleState {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub fn is_paused(&self, now: Timestamp) -> bool {
        let lasts = |pause: &Pause| pause.until.is_none_or(|until| until > now);
        self.pause.as_ref().is_some_and(lasts)
    }

    /// Its last run that was all of it, however that ended: what a push wakes is a part.
    pub fn last_run(&self) -> Option<&Run> {
        self.runs.iter().find(|run| run.because != Because::Push)
    }

    /// Removes a pause that has passed.
    pub(crate) fn tidy(&mut self, now: Timestamp) {
        let until = self.pause.as_ref().and_then(|pause| pause.until);
        if until.is_some_and(|until| until <= now) {
            self.pause = None;
            self.resumed_at = until;
        }
    }

    pub(crate) fn change(&mut self, change: &ScheduleChange, now: Timestamp) {
        self.tidy(now);
        match change.clone() {
            ScheduleChange::Pause { by, reason, lasting } => {
                let until = lasting.map(|lasting| after(now, lasting));
                self.pause = Some(Pause { reason: cut(reason), by, since: now, until });
            }
            ScheduleChange::Resume => {
                if self.pause.take().is_some() {
                    self.resumed_at = Some(now);
                }
            }
            ScheduleChange::Ask { by } => self.asked = Some(Asked { by, at: now }),
            ScheduleChange::Known { times, next_at } => {
                self.times = Some(times);
                self.next_at = next_at;
            }
            ScheduleChange::Walked { walk } => self.walk = Some(walk),
            ScheduleChange::Ran { run, next_at } => {
                self.next_at = next_at.or(self.next_at);
                self.ran(run);
            }
        }
    }

    fn ran(&mut self, run: Run) {
        // What a push wakes is a part of it: nobody's wish for all of it is done by that.
        if run.because != Because::Push {
            if self.asked.as_ref().is_some_and(|asked| asked.at <= run.started_at) {
                self.asked = None;
            }
            if run.ok {
                self.last_success = self.last_success.max(Some(run.ended_at));
            }
        }
        let run = Run { detail: run.detail.map(cut), ..run };
        let idle = |run: &Run| run.ok && run.records == 0 && run.because == Because::Schedule;
        let alike = |last: &Run| idle(last) && idle(&run) && last.detail == run.detail;
        if let Some(last) = self.runs.first_mut().filter(|last| alike(last)) {
            last.times = last.times.saturating_add(run.times);
            last.started_at = run.started_at;
            last.ended_at = run.ended_at;
        } else {
            self.runs.insert(0, run);
            self.forget();
        }
    }

    fn forget(&mut self) {
        let is_woken = |run: &Run| run.because == Because::Push;
        if self.runs.iter().filter(|run| is_woken(run)).count() > WOKEN_KEPT
            && let Some(oldest) = self.runs.iter().rposition(is_woken)
        {
            self.runs.remove(oldest);
        }
        self.runs.truncate(RUNS_KEPT);
    }
}

pub trait Schedules: Send + Sync {
    /// Every state there is, by name.
    fn schedules(&self) -> impl Future<Output = Result<Vec<ScheduleState>, StoreError>> + Send;

    /// The state of one; that of a schedule that never ran is empty.
    fn schedule(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<ScheduleState, StoreError>> + Send;

    /// Changes it, and answers with its state.
    fn change_schedule(
        &self,
        name: &str,
        change: ScheduleChange,
    ) -> impl Future<Output = Result<ScheduleState, StoreError>> + Send;
}

/// This endpoint of this source should be read: all of it, or what `key` names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wake {
    pub source: String,
    pub endpoint: String,
    /// Under which it is asked for, in the source's own form; empty for the configured one.
    pub scope: String,
    /// Empty for all there is.
    pub key: String,
}

/// A wake that waits, since when and how often it has come: a later one is not taken away with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Woken {
    pub wake: Wake,
    pub since: Timestamp,
    pub times: u64,
}

pub trait Wakes: Send + Sync {
    /// Notes how far the source's message ids were heard, which only grows, and what its push wakes.
    fn hear(
        &self,
        source: &str,
        message_id: Option<u64>,
        wakes: Vec<Wake>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The highest message id of this source that was heard.
    fn heard(&self, source: &str) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send;

    /// Wakes of this endpoint that wait, the oldest first.
    fn woken(
        &self,
        source: &str,
        endpoint: &str,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Woken>, StoreError>> + Send;

    /// They are done; those that came again meanwhile stay.
    fn rest(&self, done: Vec<Woken>) -> impl Future<Output = Result<(), StoreError>> + Send;
}
