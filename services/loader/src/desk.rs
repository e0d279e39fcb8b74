//! The desk: everything one target's deliveries go through, in one task.
//!
//! It admits deliveries, claims what can start now, lets calls run side by side, and settles what
//! has ended: ledger and journal first, then the publishes that must be confirmed, then the ack.
//! Leases are renewed and the store is attended by tasks of their own: neither waits for a confirm.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use ferry_broker::Broker;
use ferry_canonical::{Entity, Facet, Lane, Outcome};
use ferry_http::{Conversation, HttpPort, LedgerPort};
use ferry_retry::Levels;
use ferry_store::{Care, Ledger, StoreError};
use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use uuid::Uuid;

use self::{admitting::Unwanted, sending::Sending};
use crate::{
    act::Called,
    care::{Attendant, Paced, Reach, View},
    gate::{Gate, Pass, Turns},
    lease::{Lease, Leased},
    limits,
    metrics::LoaderMetrics,
    reader::{Acks, News, Reader},
    target::Target,
    waiting::Waiting,
};

mod admitting;
mod claims;
mod renewing;
mod sending;
mod settling;
mod standing;

/// What a desk reaches the world through.
#[derive(Debug)]
pub struct Seams<B, L> {
    pub broker: B,
    pub ledger: L,
    pub http: Arc<dyn HttpPort>,
    /// What a call may ask of the ledger: to do something alone, and what its system calls things.
    pub port: Arc<dyn LedgerPort>,
    pub clock: fn() -> Timestamp,
    /// Tells the lives of one desk apart.
    pub ids: fn() -> Uuid,
    pub levels: Levels,
    pub metrics: LoaderMetrics,
    /// Names this process in dead letters.
    pub host: String,
    pub prefetch: u16,
    /// The same for all desks of a process.
    pub gate: Gate,
}

impl<B: Clone, L: Clone> Clone for Seams<B, L> {
    fn clone(&self) -> Self {
        Self {
            broker: self.broker.clone(),
            ledger: self.ledger.clone(),
            http: Arc::clone(&self.http),
            port: Arc::clone(&self.port),
            clock: self.clock,
            ids: self.ids,
            levels: self.levels.clone(),
            metrics: self.metrics.clone(),
            host: self.host.clone(),
            prefetch: self.prefetch,
            gate: self.gate.clone(),
        }
    }
}

/// Every call that runs, by its task.
type Running = Arc<Mutex<HashMap<tokio::task::Id, Call>>>;

/// What a running call writes by.
#[derive(Debug)]
struct Call {
    tokens: Vec<Uuid>,
    lease: Lease,
    /// Of what it may take several.
    shared: Option<(Facet, Lane)>,
    /// Until it is settled.
    _pass: Arc<Pass>,
}

/// A part of a desk has died before it: the attendant, the renewer or a reader.
#[derive(Debug, thiserror::Error)]
#[error("a part of the desk of `{target}` {how}")]
pub struct DeskDied {
    target: String,
    how: &'static str,
}

pub struct Desk<B: Broker, L> {
    target: Arc<Target>,
    seams: Seams<B, L>,
    publisher: B::Publisher,
    waiting: Waiting,
    calls: JoinSet<Called>,
    running: Running,
    turns: Turns,
    readers: HashMap<String, Acks>,
    news: mpsc::Receiver<News>,
    /// Whether the readers are to take deliveries.
    /// One for each reader, so that they hear of it in one order in every run.
    open: Vec<watch::Sender<bool>>,
    /// What was never read as an event and whose message is not confirmed yet.
    unsent: Vec<Sending>,
    /// What no route brings here and whose end the store has not taken yet.
    unwanted: Vec<Unwanted>,
    resend_at: Instant,
    /// Readers that have stopped.
    stopped: usize,
    attendant: Arc<Attendant<L>>,
    view: watch::Receiver<View>,
    /// Set while the target is left alone for longer than a moment.
    left_alone_since: Option<Instant>,
    /// Set while the store cannot be used: nothing is claimed before.
    store_back_at: Option<Instant>,
}

impl<B, L: Clone> Seams<B, L> {
    fn reach(&self) -> Reach<L> {
        Reach {
            store: self.ledger.clone(),
            http: Arc::clone(&self.http),
            clock: self.clock,
            life: (self.ids)(),
            metrics: self.metrics.clone(),
            host: self.host.clone(),
        }
    }

    /// While a call of many runs, the next one gathers.
    fn prefetch_of(&self, target: &Target, entity: Entity, lane: Lane) -> u16 {
        let configured = match lane {
            Lane::Live => self.prefetch.max(1),
            Lane::Bulk => limits::PREFETCH_BULK,
        };
        configured.max(target.gathers(entity).saturating_mul(2))
    }
}

impl<B: Broker, L> std::fmt::Debug for Desk<B, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("target", &self.target.name).finish_non_exhaustive()
    }
}

impl<B: Broker, L: Ledger + Care + Clone + 'static> Desk<B, L> {
    /// Runs until `draining`, then finishes what has started and gives back the rest. Where one of its
    /// parts dies, it does so by itself.
    pub async fn run(
        target: Target,
        seams: Seams<B, L>,
        draining: CancellationToken,
    ) -> Result<(), DeskDied> {
        // Its parts drain with it, whatever ends it.
        let (draining, gone) = (draining.child_token(), CancellationToken::new());
        let mut parts = JoinSet::new();
        let mut desk = Self::new(target, seams, (&draining, &gone), &mut parts);
        let ended = desk.work(&draining, &mut parts).await;
        draining.cancel();
        desk.leave().await;
        gone.cancel();
        // Dropping the acks lets every reader acknowledge what is left and end.
        drop(desk);
        while parts.join_next().await.is_some() {}
        ended
    }

    fn new(
        target: Target,
        seams: Seams<B, L>,
        (draining, gone): (&CancellationToken, &CancellationToken),
        parts: &mut JoinSet<()>,
    ) -> Self {
        let target = Arc::new(target);
        let attendant = Arc::new(Attendant::new(Arc::clone(&target), seams.reach()));
        let running = Running::default();
        parts.spawn(Arc::clone(&attendant).run(gone.clone()));
        let (ledger, renewed) = (seams.ledger.clone(), Arc::clone(&running));
        parts.spawn(renewing::run(ledger, Arc::clone(&target), renewed, gone.clone()));
        let queues = queues(&target);
        // Every reader holds a place while it waits for its queue: one that is quiet must not keep
        // another from handing over.
        let (sender, news) = mpsc::channel(queues.len().max(1));
        let mut open = Vec::new();
        let mut readers = HashMap::new();
        for (queue, entity, lane) in queues {
            let (acks, receipts) = Reader::<B>::acks();
            let (opened, is_open) = watch::channel(true);
            open.push(opened);
            let reader = Reader {
                broker: seams.broker.clone(),
                prefetch: seams.prefetch_of(&target, entity, lane),
                queue: queue.clone(),
                news: sender.clone(),
                open: is_open,
                draining: draining.clone(),
            };
            readers.insert(queue, acks);
            parts.spawn(reader.run(receipts));
        }
        Self {
            publisher: seams.broker.publisher(),
            view: attendant.watch(),
            turns: Turns::at(seams.gate.clone()),
            target,
            seams,
            waiting: Waiting::default(),
            calls: JoinSet::new(),
            running,
            readers,
            news,
            open,
            unsent: Vec::new(),
            unwanted: Vec::new(),
            resend_at: Instant::now(),
            stopped: 0,
            attendant,
            left_alone_since: None,
            store_back_at: None,
        }
    }

    async fn work(
        &mut self,
        draining: &CancellationToken,
        parts: &mut JoinSet<()>,
    ) -> Result<(), DeskDied> {
        while !draining.is_cancelled() {
            if !self.unsent.is_empty() && self.resend_at <= Instant::now() {
                let unsent = std::mem::take(&mut self.unsent);
                self.send(unsent).await;
            }
            self.heed_the_view().await;
            self.claim_what_can_start().await;
            self.end_unwanted().await;
            self.count_in_hand();
            self.ask_for_a_share();
            let wake = self.next_look();
            tokio::select! {
                biased;
                () = draining.cancelled() => {}
                Some(ended) = parts.join_next() => return Err(self.died(&ended)),
                Some(ended) = self.calls.join_next_with_id() => self.settle_ended(ended).await,
                () = self.turns.comes() => {}
                _ = self.view.changed() => {}
                Some(news) = self.news.recv() => self.take_in(news).await,
                () = sleep_until(wake) => {}
            }
        }
        Ok(())
    }

    /// A part that ends before the desk does: without it, the desk would look healthy and do nothing.
    fn died(&self, ended: &Result<(), JoinError>) -> DeskDied {
        let how = if ended.is_ok() { "has ended" } else { "has panicked" };
        DeskDied { target: self.target.name.clone(), how }
    }

    /// When something that is held may go on.
    fn next_look(&self) -> Instant {
        const IDLE: std::time::Duration = std::time::Duration::from_mins(1);
        let now = Instant::now();
        let idle = if self.unsent.is_empty() { now + IDLE } else { self.resend_at };
        let idle = self.give_back_at().map_or(idle, |at| at.min(idle));
        let idle = self.store_gone_at().filter(|at| *at > now).map_or(idle, |at| at.min(idle));
        let unwanted_at = self.store_back_at.filter(|_| !self.unwanted.is_empty());
        let idle = unwanted_at.map_or(idle, |at| at.min(idle));
        let shut = self.view.borrow().reason.is_some() || self.turns.is_waiting();
        if shut || self.free_slots() == 0 {
            // A call that ends makes room, a turn comes, or the store says something new.
            return idle;
        }
        let paid = self.attendant.pace.ready().err().map(|wait| now + wait);
        let barred = paid.max(self.store_back_at);
        let ready = self
            .waiting
            .next_ready(&self.open_calls())
            .map(|ready| ready.max(barred.unwrap_or(ready)));
        // A held delivery that is ready but could not be claimed is looked at again soon.
        ready.map_or(idle, |ready| ready.max(now + limits::BUSY_MIN / 5).min(idle))
    }

    /// Takes in what is there, at most one piece of news per reader: then calls are looked at again.
    async fn take_in(&mut self, first: News) {
        self.take_one(first).await;
        for _ in 1..self.readers.len() {
            let Ok(news) = self.news.try_recv() else { return };
            self.take_one(news).await;
        }
    }

    async fn take_one(&mut self, news: News) {
        match news {
            News::Taken(deliveries) => {
                for delivery in deliveries {
                    self.admit(delivery).await;
                }
            }
            News::Lost { queue } => {
                // Calls that run go on: their settlement is what the redelivery will find.
                drop(self.waiting.take_queue(&queue));
                let of_queue =
                    |sending: &Sending| sending.receipt.as_ref().is_some_and(|(q, _)| *q == queue);
                self.unsent.retain(|sending| !of_queue(sending));
                self.unwanted.retain(|unwanted| unwanted.delivery.queue != queue);
            }
            News::Stopped { unread } => {
                self.stopped += 1;
                let back = unread.iter().map(|delivery| Self::returning(delivery, None)).collect();
                self.send(back).await;
            }
        }
    }

    fn store_failed(&mut self, error: &StoreError) {
        if self.store_back_at.is_none() {
            error!(%error, target = %self.target.name, "the store cannot be used; nothing is claimed");
        }
        self.store_back_at = Some(Instant::now() + limits::STORE_PAUSE);
    }

    fn store_works(&mut self) {
        if self.store_back_at.take().is_some() {
            info!(target = %self.target.name, "the store can be used again");
        }
    }

    fn conversation(&self, paid: bool, lease: Leased) -> Conversation {
        let pace = Arc::clone(&self.attendant.pace);
        let port = Paced::new(Arc::clone(&self.seams.http), pace, paid, lease);
        let ledger = Arc::clone(&self.seams.port);
        Conversation::new(Arc::new(port), self.seams.clock).among(&self.target.name, ledger)
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<tokio::task::Id, Call>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_in_hand(&self) {
        let held = self.waiting.len() + self.calls.len();
        let gauge = self.seams.metrics.in_hand.with_label_values(&[&self.target.name]);
        gauge.set(i64::try_from(held).unwrap_or(i64::MAX));
    }

    fn count_outcome(&self, route: &str, outcome: Outcome) {
        let labels = [route, &self.target.name, outcome.as_str()];
        self.seams.metrics.processed.with_label_values(&labels).inc();
    }

    /// Between two tries of a store that must take something: what the queues bring is taken in and
    /// given back meanwhile, so that nothing is hoarded here until the store is back.
    async fn store_pause(&mut self) {
        let until = Instant::now() + limits::STORE_PAUSE;
        loop {
            tokio::select! {
                biased;
                () = sleep_until(until) => break,
                Some(news) = self.news.recv() => self.take_in(news).await,
            }
        }
        self.heed_the_view().await;
    }
}

/// `load.{target}.{entity}` and its bulk lane.
fn queues(target: &Target) -> Vec<(String, Entity, Lane)> {
    let queue = |entity: Entity, lane: Lane| {
        (ferry_topology::load_queue(&target.name, entity.as_str(), lane.as_str()), entity, lane)
    };
    let entities = target.entities().into_iter();
    entities.flat_map(|entity| Lane::ALL.map(|lane| queue(entity, lane))).collect()
}
