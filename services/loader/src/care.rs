//! A desk's part in the care of its target: it attends at the store, probes when told to, and knows
//! whether and how much may be written.
//!
//! One task attends twice a second, sooner while it lacks a share, seldom while it has nothing to do;
//! the desk itself attends at once when a call found no answer. What the store says is shown as a [`View`]. Without the store the
//! last view holds for as long as the share in it; after that nothing is started.

mod pace;
mod view;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ferry_canonical::FailureKind;
use ferry_http::{Conversation, HttpPort};
use ferry_store::{Ask, Attendance, Attended, BreakerState, Care, Rules, Sign, StoreError};
use jiff::Timestamp;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;
use uuid::Uuid;

pub(crate) use self::{
    pace::{Pace, Paced},
    view::{Reason, View},
};
use crate::{limits, metrics::LoaderMetrics, target::Target};

/// What an attendant reaches the world through.
pub(crate) struct Reach<L> {
    pub(crate) store: L,
    pub(crate) http: Arc<dyn HttpPort>,
    pub(crate) clock: fn() -> Timestamp,
    /// Another one each time the desk starts.
    pub(crate) life: Uuid,
    pub(crate) metrics: LoaderMetrics,
    pub(crate) host: String,
}

pub(crate) struct Attendant<L> {
    reach: Reach<L>,
    target: Arc<Target>,
    pub(crate) pace: Arc<Pace>,
    /// Names this life of this desk.
    loader: String,
    pending: Mutex<Pending>,
    /// Held while attending, so that answers are shown in the order they were given.
    attending: tokio::sync::Mutex<()>,
    view: watch::Sender<View>,
    nudge: Notify,
}

#[derive(Default)]
struct Pending {
    ask: Ask,
    signs: Vec<Sign>,
    leaves: bool,
    /// It was this loader's turn to probe when it told of something.
    probes: bool,
}

impl<L: Care + 'static> Attendant<L> {
    pub(crate) fn new(target: Arc<Target>, reach: Reach<L>) -> Self {
        let pace = Arc::new(Pace::new(&target.limits));
        Self {
            loader: format!("{} {}", reach.host, reach.life),
            reach,
            target,
            pace,
            pending: Mutex::default(),
            attending: tokio::sync::Mutex::default(),
            view: watch::Sender::new(View::unattended()),
            nudge: Notify::new(),
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<View> {
        self.view.subscribe()
    }

    /// Says what the desk would use. A desk that lacks a share is attended to soon.
    pub(crate) fn ask(&self, ask: Ask) {
        let before = std::mem::replace(&mut self.pending().ask, ask);
        let more = ask.wants > before.wants;
        let lacks = self.view.borrow().slots(Instant::now()) < ask.wants.min(self.most());
        if more && lacks {
            self.nudge.notify_one();
        }
    }

    /// A call was answered. Told with the next attendance.
    pub(crate) fn answered(&self) {
        let mut pending = self.pending();
        if pending.signs.last() != Some(&Sign::Answered) {
            pending.signs.push(Sign::Answered);
        }
    }

    /// Tells at once, so that what follows is decided by what all loaders know.
    pub(crate) async fn report(&self, signs: Vec<Sign>) {
        self.pending().signs.extend(signs);
        match self.attend().await {
            // Whoever told of something has other things to do.
            Ok(true) => {
                self.pending().probes = true;
                self.nudge.notify_one();
            }
            Ok(false) => {}
            Err(error) => {
                debug!(%error, target = %self.target.name, "the store did not take a sign");
            }
        }
    }

    /// Attends until `gone`, then gives the share back.
    pub(crate) async fn run(self: Arc<Self>, gone: CancellationToken) {
        let mut probes = JoinSet::new();
        let mut soon = Instant::now();
        loop {
            let started = Instant::now();
            let probe = self.attend().await.unwrap_or_else(|error| {
                debug!(%error, target = %self.target.name, "the store was not attended");
                self.look_at_the_clock();
                false
            });
            if std::mem::take(&mut self.pending().probes) || probe {
                let attendant = Arc::clone(&self);
                probes.spawn(async move { attendant.probe().await });
            }
            let next = started + self.pause();
            tokio::select! {
                biased;
                () = gone.cancelled() => break,
                () = sleep_until(next) => {}
                () = self.nudge.notified() => {
                    sleep_until(soon).await;
                    soon = Instant::now() + limits::ATTEND_MIN;
                }
                Some(_) = probes.join_next() => {}
            }
        }
        probes.abort_all();
        *self.pending() = Pending { leaves: true, ..Pending::default() };
        // The lease ends by itself where the store cannot be told.
        let _ = timeout(limits::STORE_PAUSE, self.attend()).await;
    }

    fn pause(&self) -> Duration {
        let wants = self.pending().ask.wants.min(self.most());
        let view = self.view.borrow();
        let store_is_gone = view.attended_at.elapsed() >= limits::STORE_GONE;
        let quiet = view.reason.is_none() && view.breaker == BreakerState::Closed;
        if wants == 0 && quiet && !store_is_gone {
            // Its view grows stale: it attends before it writes anything.
            return limits::ATTEND_IDLE;
        }
        let lacks = view.reason.is_none() && view.slots(Instant::now()) < wants.min(1);
        if lacks { limits::ATTEND_STARVED } else { limits::ATTEND }
    }

    fn most(&self) -> u32 {
        u32::from(self.target.limits.concurrency)
    }

    /// Whether this loader is to probe.
    async fn attend(&self) -> Result<bool, StoreError> {
        let _attending = self.attending.lock().await;
        let started = Instant::now();
        let attendance = self.attendance();
        let signs = attendance.signs.clone();
        match self.reach.store.attend(attendance).await {
            Ok(attended) => {
                let probe = attended.probe;
                self.show(attended, started);
                Ok(probe)
            }
            Err(error) => {
                let mut pending = self.pending();
                let later = std::mem::replace(&mut pending.signs, signs);
                pending.signs.extend(later);
                let over = pending.signs.len().saturating_sub(limits::SIGNS);
                drop(pending.signs.drain(..over));
                Err(error)
            }
        }
    }

    fn attendance(&self) -> Attendance {
        let mut pending = self.pending();
        Attendance {
            loader: self.loader.clone(),
            target: self.target.name.clone(),
            rules: self.target.rules(),
            ask: pending.ask,
            signs: std::mem::take(&mut pending.signs),
            leaves: pending.leaves,
        }
    }

    fn show(&self, attended: Attended, started: Instant) {
        self.pace.shares(&attended.granted);
        let now = (self.reach.clock)();
        let before = self.view.borrow().clone();
        let view = before.next(attended, started, self.target.maintained_until(now));
        view.tell(&before, &self.target.name, &self.reach.metrics);
        self.view.send_replace(view);
    }

    /// Without the store: a maintenance window begins and ends all the same.
    fn look_at_the_clock(&self) {
        let now = (self.reach.clock)();
        let before = self.view.borrow().clone();
        let view = before.clone().at(now, self.target.maintained_until(now));
        if view.reason != before.reason {
            view.tell(&before, &self.target.name, &self.reach.metrics);
            self.view.send_replace(view);
        }
    }

    /// The cheapest read of the target, on behalf of all loaders.
    async fn probe(&self) {
        let port = Arc::new(Paced::paid(Arc::clone(&self.reach.http), Arc::clone(&self.pace)));
        let conversation = Conversation::new(port, self.reach.clock);
        let probing = self.target.system.probe(&conversation);
        let failure = match timeout(limits::PROBE_PATIENCE, probing).await {
            Ok(Ok(())) => None,
            Ok(Err(failure)) => Some(failure.kind),
            Err(_) => Some(FailureKind::Timeout),
        };
        debug!(target = %self.target.name, ?failure, "the target was probed");
        self.reach.metrics.probed(&self.target.name, failure);
        self.report(vec![Sign::Probed(failure)]).await;
        if failure.is_some() {
            // Nobody is waiting for more than the next look.
            sleep(limits::ATTEND_MIN).await;
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Target {
    /// How the store is to care for it.
    pub(crate) fn rules(&self) -> Rules {
        let care = &self.limits.care;
        // Calls that time out one after the other fail so far apart, others in between included.
        let apart = self.limits.timeout.0.saturating_mul(2 * care.failing_entities);
        Rules {
            entities: care.failing_entities,
            window: care.window.max(apart),
            probe_min: care.probe_every,
            probe_max: care.probe_at_most,
            refusal_probe: care.refused_probe_every,
            hold_max: care.hold_at_most,
            concurrency: u32::from(self.limits.concurrency.max(1)),
            rate_milli: self.limits.rate.map(|rate| u64::from(rate) * 1000),
        }
    }

    fn maintained_until(&self, now: Timestamp) -> Option<Timestamp> {
        ferry_config::maintained_until(&self.limits.maintenance, now)
    }
}
