//! What was woken: read soon, by its keys, by one producer of several.
//!
//! A wake makes a source's thin word ("something changed") into a state, and shows which of two is the
//! newer where a push was held up and something was read meanwhile. No other read is sure to do that, so
//! wakes are stored before the push that they come from is acknowledged. Those that may be lost all the
//! same (a push that was heard while the store was away, by a process that then died) are made up
//! for: what can be read whole is read anew when a process starts, and when it knows of a loss.
//!
//! Each endpoint is followed by itself: one whose keys cannot be read holds no other up. One that the
//! source says no to is given up, with a row in the journal; one that cannot be read, while others can,
//! holds nobody up, and is given up in the end.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use ferry_broker::Publisher;
use ferry_canonical::FailureKind;
use ferry_retry::Policy;
use ferry_store::{
    Because, Cursors, Lease, Leases, Run, ScheduleChange, Schedules, StoreError, Wake, Wakes,
};
use ferry_systems::Anew;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    lease::Held,
    limits,
    poll::seed,
    reading::{Read, Reading, Unread},
};

/// One endpoint that is woken.
#[derive(Debug)]
pub struct Woken<P, S> {
    pub reading: Reading<P, S>,
    /// How many keys are read at once.
    pub at_once: usize,
    pub anew: Anew,
    /// Tells this process from others in leases.
    pub owner: String,
}

/// What became of all that waited.
enum Came {
    Done,
    Nothing,
    /// It is tried again later.
    Failed(String),
}

impl<P, S> Woken<P, S>
where
    P: Publisher,
    S: Cursors + Leases + Schedules + Wakes,
{
    pub async fn run(self, draining: CancellationToken) {
        let Reading { source, endpoint, .. } = &self.reading;
        let name = format!("wake/{source}/{endpoint}");
        let held = Held::new(Lease { name, owner: self.owner.clone() });
        held.during(&self.reading.store, self.runs(&held, draining)).await;
    }

    async fn runs(&self, held: &Held, draining: CancellationToken) {
        let policy = Policy::new(limits::LOOK, limits::FAILED_MAX);
        let mut delays = policy.delays(seed(&self.owner));
        let mut failing = Failing::default();
        // What was missed before this process is not known.
        let mut missed = (self.anew != Anew::Started).then_some(0);
        loop {
            let came = tokio::select! {
                biased;
                () = draining.cancelled() => return,
                came = self.look(held, &mut failing, &mut missed) => came,
            };
            let wait = match came {
                Ok(Came::Done) => Duration::ZERO,
                Ok(Came::Nothing) => limits::LOOK,
                Ok(Came::Failed(error)) => {
                    warn!(source = %self.reading.source, endpoint = %self.reading.endpoint, error, "what was woken is not read yet");
                    delays.next().unwrap_or(limits::FAILED_MAX)
                }
                Err(_) => delays.next().unwrap_or(limits::FAILED_MAX),
            };
            if wait <= limits::LOOK {
                delays = policy.delays(seed(&self.owner));
            }
            tokio::select! {
                biased;
                () = draining.cancelled() => return,
                () = sleep(wait) => {}
            }
        }
    }

    async fn look(
        &self,
        held: &Held,
        failing: &mut Failing,
        missed: &mut Option<u64>,
    ) -> Result<Came, StoreError> {
        let Reading { source, endpoint, store, .. } = &self.reading;
        self.make_up_for(missed).await?;
        // What cannot be read at the moment must not hide what can.
        let limit = limits::WAKES.saturating_add(failing.count());
        let mut found = store.woken(source, endpoint, limit).await?;
        failing.keep(&found);
        found.retain(|woken| failing.is_due(&woken.wake));
        if found.is_empty() || self.is_paused().await? || !held.take(store).await? {
            return Ok(Came::Nothing);
        }
        found.sort_by_key(|woken| failing.tries(&woken.wake));
        let mut in_a_row = 0;
        for of_scope in found.chunk_by(|one, next| one.wake.scope == next.wake.scope) {
            for some in of_scope.chunks(self.at_once.max(1)) {
                let Some(failed) = self.read(some, failing).await? else {
                    in_a_row = 0;
                    continue;
                };
                in_a_row += 1;
                if in_a_row == limits::WAKES_FAILED {
                    return Ok(Came::Failed(failed));
                }
            }
        }
        Ok(Came::Done)
    }

    /// Reads some of one scope. Answers with why it is to be tried again, if it is.
    async fn read(
        &self,
        some: &[ferry_store::Woken],
        failing: &mut Failing,
    ) -> Result<Option<String>, StoreError> {
        let keys: Vec<String> = some.iter().map(|woken| woken.wake.key.clone()).collect();
        let scope = some.first().map(|woken| woken.wake.scope.as_str()).unwrap_or_default();
        let began = (self.reading.clock)();
        let result = self.reading.keys(scope, &keys).await;
        self.note(began, &result).await?;
        let failed = result.err().filter(|unread| !is_final(unread));
        let mut done = some.to_vec();
        if failed.is_some() {
            done.retain(|woken| failing.failed(&woken.wake));
        } else {
            failing.succeeded(some.iter().map(|woken| &woken.wake));
        }
        self.reading.store.rest(done).await?;
        Ok(failed.map(|unread| unread.text()))
    }

    /// Whether an operator holds the endpoint: what is woken waits until it is resumed.
    async fn is_paused(&self) -> Result<bool, StoreError> {
        let state = self.reading.store.schedule(&self.reading.name()).await?;
        Ok(state.is_paused((self.reading.clock)()))
    }

    /// Wakes all there is where something was missed since it was looked at last.
    async fn make_up_for(&self, missed: &mut Option<u64>) -> Result<(), StoreError> {
        let Reading { source, endpoint, store, notes, .. } = &self.reading;
        let now = notes.missed(source);
        if self.anew == Anew::Never || *missed == Some(now) {
            return Ok(());
        }
        let (scope, key) = (String::new(), String::new());
        let all = Wake { source: source.clone(), endpoint: endpoint.clone(), scope, key };
        store.hear(source, None, vec![all]).await?;
        info!(source = %source, endpoint = %endpoint, "it is read anew, for pushes that may have been missed");
        *missed = Some(now);
        Ok(())
    }

    async fn note(
        &self,
        began: jiff::Timestamp,
        result: &Result<Read, Unread>,
    ) -> Result<(), StoreError> {
        let reading = &self.reading;
        let word = if result.is_ok() { "ok" } else { "failed" };
        let labels = [reading.source.as_str(), reading.endpoint.as_str(), word];
        reading.metrics.runs.with_label_values(&labels).inc();
        let run = Run {
            first_at: began,
            started_at: began,
            ended_at: (reading.clock)(),
            because: Because::Push,
            ok: result.is_ok(),
            records: result.as_ref().map_or(0, |read| read.records),
            detail: result.as_ref().err().map(Unread::text),
            times: 1,
        };
        let change = ScheduleChange::Ran { run, next_at: None };
        reading.store.change_schedule(&reading.name(), change).await.map(drop)
    }
}

/// Wakes that could not be read, while this process has tried.
#[derive(Debug, Default)]
struct Failing {
    wakes: HashMap<Wake, Tries>,
    /// When the source last answered about any wake of the endpoint.
    answered: Option<Instant>,
}

#[derive(Debug)]
struct Tries {
    since: Instant,
    made: u32,
    again: Instant,
}

impl Failing {
    fn count(&self) -> u32 {
        u32::try_from(self.wakes.len()).unwrap_or(u32::MAX)
    }

    /// What waits no more, since another process has read it, is not failing.
    fn keep(&mut self, waiting: &[ferry_store::Woken]) {
        if !self.wakes.is_empty() {
            let waiting: HashSet<&Wake> = waiting.iter().map(|woken| &woken.wake).collect();
            self.wakes.retain(|wake, _| waiting.contains(wake));
        }
    }

    fn tries(&self, wake: &Wake) -> u32 {
        self.wakes.get(wake).map_or(0, |tries| tries.made)
    }

    fn is_due(&self, wake: &Wake) -> bool {
        self.wakes.get(wake).is_none_or(|tries| tries.again <= Instant::now())
    }

    /// Whether it is to be given up: tried often, while the source answered about others.
    fn failed(&mut self, wake: &Wake) -> bool {
        let now = Instant::now();
        let tries = self.wakes.entry(wake.clone());
        let tries = tries.or_insert(Tries { since: now, made: 0, again: now });
        tries.made += 1;
        let wait = limits::LOOK.saturating_mul(1 << tries.made.min(16));
        tries.again = now + wait.min(limits::FAILED_MAX);
        let hopeless = tries.made >= limits::WAKE_TRIES && self.answered > Some(tries.since);
        if hopeless {
            self.wakes.remove(wake);
            warn!(source = %wake.source, endpoint = %wake.endpoint, key = %wake.key, "what was woken cannot be read; it is given up");
        }
        hopeless
    }

    fn succeeded<'a>(&mut self, wakes: impl Iterator<Item = &'a Wake>) {
        self.answered = Some(Instant::now());
        for wake in wakes {
            self.wakes.remove(wake);
        }
    }
}

/// Whether reading it again would find the same.
fn is_final(unread: &Unread) -> bool {
    let Unread::Failed(failure) = unread else { return false };
    match failure.kind {
        FailureKind::MissingReference
        | FailureKind::Rejected
        | FailureKind::Validation
        | FailureKind::Parse
        | FailureKind::Unsupported
        | FailureKind::TooLarge => true,
        FailureKind::Connection
        | FailureKind::Timeout
        | FailureKind::Unavailable
        | FailureKind::RateLimited
        | FailureKind::Ambiguous
        | FailureKind::Conflict
        | FailureKind::Auth
        | FailureKind::Crashed
        | FailureKind::Internal => false,
    }
}
