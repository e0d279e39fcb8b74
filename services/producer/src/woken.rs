//! What pushes woke: read soon, by its keys, by one producer of several.
//!
//! It makes a source's thin word ("something changed") into a state at once, where the schedule would
//! find it later. A wake that was lost with a process is no loss: the schedule is what must not miss
//! anything. One that the source says no to is given up, with a row in the journal; one that cannot be
//! read, while others can, holds nobody up, and is given up in the end.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use ferry_broker::Publisher;
use ferry_canonical::FailureKind;
use ferry_retry::Policy;
use ferry_store::{
    Because, Cursors, Lease, Leases, Run, ScheduleChange, Schedules, StoreError, Wake, Wakes,
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    lease::Held,
    limits,
    poll::seed,
    reading::{Read, Reading, Unread},
};

/// One source whose pushes wake reads.
#[derive(Debug)]
pub struct Woken<P, S> {
    pub source: String,
    /// How each endpoint is read, and how many keys at once.
    pub readings: BTreeMap<String, (Reading<P, S>, usize)>,
    pub store: S,
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
        let lease = Lease { name: format!("wake/{}", self.source), owner: self.owner.clone() };
        let held = Held::new(lease);
        tokio::select! {
            biased;
            () = self.runs(&held, draining) => {}
            never = held.keep(&self.store) => match never {},
        }
        held.release(&self.store).await;
    }

    async fn runs(&self, held: &Held, draining: CancellationToken) {
        let policy = Policy::new(limits::LOOK, limits::FAILED_MAX);
        let mut delays = policy.delays(seed(&self.owner));
        let mut failing = Failing::default();
        loop {
            let came = tokio::select! {
                biased;
                () = draining.cancelled() => return,
                came = self.look(held, &mut failing) => came,
            };
            let wait = match came {
                Ok(Came::Done) => Duration::ZERO,
                Ok(Came::Nothing) => limits::LOOK,
                Ok(Came::Failed(error)) => {
                    warn!(source = %self.source, error, "what a push woke is not read yet");
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

    async fn look(&self, held: &Held, failing: &mut Failing) -> Result<Came, StoreError> {
        let mut found = self.store.woken(&self.source, limits::WAKES).await?;
        found.retain(|woken| failing.is_due(&woken.wake));
        if found.is_empty() || !held.take(&self.store).await? {
            return Ok(Came::Nothing);
        }
        let mut by_endpoint: BTreeMap<&str, Vec<&ferry_store::Woken>> = BTreeMap::new();
        for woken in &found {
            by_endpoint.entry(&woken.wake.endpoint).or_default().push(woken);
        }
        let mut in_a_row = 0;
        for (endpoint, woken) in by_endpoint {
            let Some((reading, at_once)) = self.readings.get(endpoint) else {
                // Of an endpoint that this version does not read.
                self.store.rest(woken.into_iter().cloned().collect()).await?;
                continue;
            };
            for some in woken.chunks((*at_once).max(1)) {
                let keys: Vec<String> = some.iter().map(|woken| woken.wake.key.clone()).collect();
                let began = (reading.clock)();
                let result = reading.keys(&keys).await;
                self.note(reading, began, &result).await?;
                let failed = result.err().filter(|unread| !is_final(unread));
                let mut done = some.to_vec();
                if failed.is_some() {
                    in_a_row += 1;
                    done.retain(|woken| failing.failed(&woken.wake));
                } else {
                    in_a_row = 0;
                    failing.succeeded(some.iter().map(|woken| &woken.wake));
                }
                self.store.rest(done.into_iter().cloned().collect()).await?;
                if let Some(unread) = failed.filter(|_| in_a_row == limits::WAKES_FAILED) {
                    return Ok(Came::Failed(unread.text()));
                }
            }
        }
        Ok(Came::Done)
    }

    async fn note(
        &self,
        reading: &Reading<P, S>,
        began: jiff::Timestamp,
        result: &Result<Read, Unread>,
    ) -> Result<(), StoreError> {
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
        self.store.change_schedule(&reading.name(), change).await.map(drop)
    }
}

/// Wakes that could not be read, while this process has tried.
#[derive(Debug, Default)]
struct Failing {
    wakes: HashMap<Wake, Tries>,
    /// When the source last answered about any of its wakes.
    answered: Option<Instant>,
}

#[derive(Debug)]
struct Tries {
    since: Instant,
    made: u32,
    again: Instant,
}

impl Failing {
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
            warn!(source = %wake.source, endpoint = %wake.endpoint, key = %wake.key, "what a push woke cannot be read; it is given up");
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
