//! The desk: everything one target's deliveries go through, in one task.
//!
//! It admits deliveries, claims what can start now, lets calls run side by side, and settles what
//! has ended: ledger and journal first, then the publishes that must be confirmed, then the ack.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use ferry_broker::{
    Broker, Delivery, Message, PublishError, Publisher, Receipt,
    letter::{self, Failed},
};
use ferry_canonical::{Event, FailureKind, Lane, Outcome};
use ferry_http::{Conversation, HttpPort};
use ferry_retry::Levels;
use ferry_store::{Ledger, StoreError};
use jiff::Timestamp;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::{
    act::Called,
    delivery::{InHand, message_uuid, undecodable},
    limits,
    metrics::LoaderMetrics,
    reader::{Acks, News, Reader},
    target::Target,
    waiting::Waiting,
};

mod claims;
mod settling;

/// What a desk reaches the world through.
#[derive(Debug)]
pub struct Seams<B, L> {
    pub broker: B,
    pub ledger: L,
    pub http: Arc<dyn HttpPort>,
    pub clock: fn() -> Timestamp,
    pub levels: Levels,
    pub metrics: LoaderMetrics,
    /// Names this process in dead letters.
    pub host: String,
    pub prefetch: u16,
}

impl<B: Clone, L: Clone> Clone for Seams<B, L> {
    fn clone(&self) -> Self {
        Self {
            broker: self.broker.clone(),
            ledger: self.ledger.clone(),
            http: Arc::clone(&self.http),
            clock: self.clock,
            levels: self.levels.clone(),
            metrics: self.metrics.clone(),
            host: self.host.clone(),
            prefetch: self.prefetch,
        }
    }
}

/// A message that must be confirmed before a delivery is acknowledged.
struct Sending {
    message: Message,
    /// Put back if the confirm does not come.
    in_hand: Option<InHand>,
    receipt: Option<(String, Receipt)>,
}

pub struct Desk<B: Broker, L> {
    target: Arc<Target>,
    seams: Seams<B, L>,
    publisher: B::Publisher,
    waiting: Waiting,
    calls: JoinSet<Called>,
    /// The token and members of every running call, should its task be lost.
    running: HashMap<tokio::task::Id, Vec<Uuid>>,
    readers: HashMap<String, Acks>,
    news: mpsc::Receiver<News>,
    /// What was never read as an event and whose message is not confirmed yet.
    unsent: Vec<Sending>,
    resend_at: Instant,
    /// Readers that have stopped.
    stopped: usize,
    paused_until: Option<Instant>,
    /// Set while the store cannot be used: nothing is claimed before.
    store_back_at: Option<Instant>,
}

impl<B: Broker, L> std::fmt::Debug for Desk<B, L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("target", &self.target.name).finish_non_exhaustive()
    }
}

impl<B: Broker, L: Ledger + Clone + 'static> Desk<B, L> {
    /// Runs until `draining`, then finishes what has started and gives back the rest.
    pub async fn run(target: Target, seams: Seams<B, L>, draining: CancellationToken) {
        let queues = queues(&target);
        // Every reader holds a place while it waits for its queue: one that is quiet must not keep
        // another from handing over.
        let (sender, news) = mpsc::channel(queues.len().max(1));
        let mut readers = HashMap::new();
        let mut tasks = JoinSet::new();
        for queue in queues {
            let (acks, receipts) = Reader::<B>::acks();
            let prefetch = if ferry_topology::is_bulk(&queue) {
                limits::PREFETCH_BULK
            } else {
                seams.prefetch.max(1)
            };
            let reader = Reader {
                broker: seams.broker.clone(),
                queue: queue.clone(),
                prefetch,
                news: sender.clone(),
                draining: draining.clone(),
            };
            readers.insert(queue, acks);
            tasks.spawn(reader.run(receipts));
        }
        drop(sender);
        let mut desk = Self {
            target: Arc::new(target),
            publisher: seams.broker.publisher(),
            seams,
            waiting: Waiting::default(),
            calls: JoinSet::new(),
            running: HashMap::new(),
            readers,
            news,
            unsent: Vec::new(),
            resend_at: Instant::now(),
            stopped: 0,
            paused_until: None,
            store_back_at: None,
        };
        desk.work(&draining).await;
        desk.leave().await;
        // Dropping the acks lets every reader acknowledge what is left and end.
        drop(desk);
        while tasks.join_next().await.is_some() {}
    }

    async fn work(&mut self, draining: &CancellationToken) {
        let mut renew = interval(self.target.lease / 3);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !draining.is_cancelled() {
            if !self.unsent.is_empty() && self.resend_at <= Instant::now() {
                let unsent = std::mem::take(&mut self.unsent);
                self.send(unsent).await;
            }
            self.claim_what_can_start().await;
            self.count_in_hand();
            let wake = self.next_look();
            tokio::select! {
                biased;
                () = draining.cancelled() => {}
                Some(ended) = self.calls.join_next_with_id() => self.settle_ended(ended).await,
                _ = renew.tick() => self.renew_leases().await,
                Some(news) = self.news.recv() => self.take_in(news).await,
                () = sleep_until(wake) => {}
            }
        }
    }

    /// When something that is held may go on.
    fn next_look(&self) -> Instant {
        const IDLE: std::time::Duration = std::time::Duration::from_mins(1);
        let now = Instant::now();
        let idle = if self.unsent.is_empty() { now + IDLE } else { self.resend_at };
        if self.calls.len() >= self.target.concurrency {
            // Only a call that ends makes room.
            return idle;
        }
        let barred = self.paused_until.max(self.store_back_at);
        let ready = self.waiting.next_ready().map(|ready| ready.max(barred.unwrap_or(ready)));
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
            }
            News::Stopped { unread } => {
                self.stopped += 1;
                let back = unread.iter().map(|delivery| Self::returning(delivery, None)).collect();
                self.send(back).await;
            }
        }
    }

    /// Decodes and finds the route; what cannot be read ends here.
    async fn admit(&mut self, delivery: Delivery) {
        let event = match Event::decode(&delivery.body) {
            Ok(event) => event,
            Err(error) => {
                let (kind, detail) = undecodable(&error);
                return self.bury_unread(delivery, kind, &detail).await;
            }
        };
        let Some(route) = self.target.route(&event) else {
            let because = format!("no route brings {} from {} here", event.kind(), event.source);
            let ended = vec![(event.id, 0, Outcome::Skipped, because)];
            // Forgetting it would hold its prefetch slot for as long as the subscription lives.
            while let Err(error) =
                self.seams.ledger.end(&self.target.name, "-", ended.clone()).await
            {
                self.store_failed(&error);
                self.store_pause().await;
            }
            self.store_works();
            return self.ack(&delivery.queue, vec![delivery.receipt]);
        };
        let mut in_hand = InHand::new(delivery, event, route);
        if let Some(wait) = self.not_before(&in_hand) {
            if wait > limits::HOLD {
                return self.postpone(vec![(in_hand, wait)]).await;
            }
            in_hand.ready_at = Instant::now() + wait;
        }
        self.waiting.push(in_hand);
    }

    fn not_before(&self, in_hand: &InHand) -> Option<std::time::Duration> {
        let until = in_hand.history.not_before?;
        std::time::Duration::try_from(until.duration_since((self.seams.clock)())).ok()
    }

    async fn bury_unread(&mut self, delivery: Delivery, kind: FailureKind, detail: &str) {
        warn!(queue = %delivery.queue, kind = %kind, "message cannot be read");
        let failed = Failed::new(kind, detail, (self.seams.clock)());
        let message = letter::dead(&delivery, failed, &self.seams.host);
        if let Some(event) = message_uuid(&delivery) {
            let ended = (event, 0, Outcome::Dead, format!("{kind}: {detail}"));
            if let Err(error) = self.seams.ledger.end(&self.target.name, "-", vec![ended]).await {
                warn!(%error, "the ledger did not take an end");
            }
        }
        self.count_outcome("-", Outcome::Dead);
        let receipt = Some((delivery.queue.clone(), delivery.receipt));
        self.send(vec![Sending { message, in_hand: None, receipt }]).await;
    }

    async fn postpone(&mut self, held: Vec<(InHand, std::time::Duration)>) {
        let (now, levels) = ((self.seams.clock)(), &self.seams.levels);
        let sending = held
            .into_iter()
            .map(|(in_hand, delay)| Sending {
                message: letter::postpone(&in_hand.delivery, now, delay, levels),
                receipt: Some((in_hand.delivery.queue.clone(), in_hand.delivery.receipt)),
                in_hand: Some(in_hand),
            })
            .collect();
        self.send(sending).await;
    }

    /// The same message for its own queue, to be acknowledged once that is confirmed.
    fn returning(delivery: &Delivery, in_hand: Option<InHand>) -> Sending {
        let message = letter::give_back(delivery);
        Sending { message, in_hand, receipt: Some((delivery.queue.clone(), delivery.receipt)) }
    }

    /// Publishes, waits for every confirm, then acknowledges. Without the confirms the deliveries
    /// are looked at again; the broker still holds them.
    async fn send(&mut self, sending: Vec<Sending>) {
        if sending.is_empty() {
            return;
        }
        let messages = sending.iter().map(|sending| sending.message.clone()).collect();
        let patience = limits::PUBLISH_PATIENCE;
        match self.publisher.publish_until_confirmed(messages, patience).await {
            Ok(()) => self.was_sent(sending),
            Err(PublishError::Unsendable(reason)) => self.send_apart(sending, &reason).await,
            Err(error) => self.was_not_sent(sending, &error),
        }
    }

    /// Something among it does not fit the protocol: it is found, and the rest sent again.
    async fn send_apart(&mut self, mut sending: Vec<Sending>, reason: &str) {
        if sending.len() > 1 {
            for one in sending {
                Box::pin(self.send(vec![one])).await;
            }
            return;
        }
        let Some((queue, receipt)) = sending.pop().and_then(|sending| sending.receipt) else {
            return;
        };
        warn!(queue, reason, "a message cannot be published on; the broker dead-letters it");
        if let Some(acks) = self.readers.get(&queue) {
            acks.reject(vec![receipt]);
        }
    }

    fn was_not_sent(&mut self, sending: Vec<Sending>, error: &PublishError) {
        error!(%error, count = sending.len(), "publishes are not confirmed");
        for mut sending in sending {
            match sending.in_hand.take() {
                Some(mut in_hand) => {
                    in_hand.ready_at = Instant::now() + limits::STORE_PAUSE;
                    self.waiting.push(in_hand);
                }
                None => self.unsent.push(sending),
            }
        }
        self.resend_at = Instant::now() + limits::STORE_PAUSE;
    }

    fn was_sent(&self, sending: Vec<Sending>) {
        // In one order in every run.
        let mut receipts: BTreeMap<String, Vec<Receipt>> = BTreeMap::new();
        for (queue, receipt) in sending.into_iter().filter_map(|sending| sending.receipt) {
            receipts.entry(queue).or_default().push(receipt);
        }
        for (queue, receipts) in receipts {
            self.ack(&queue, receipts);
        }
    }

    fn ack(&self, queue: &str, receipts: Vec<Receipt>) {
        if let Some(acks) = self.readers.get(queue) {
            acks.ack(receipts);
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

    /// A probe decides whether a target that refused our credentials takes them again.
    fn pause(&mut self) {
        if self.paused_until.is_none() {
            error!(
                target = %self.target.name,
                "the target refuses our credentials; it is paused, renew them"
            );
        }
        self.paused_until = Some(Instant::now() + limits::AUTH_PAUSE);
        self.seams.metrics.paused.with_label_values(&[&self.target.name]).set(1);
    }

    async fn is_paused(&mut self) -> bool {
        let Some(until) = self.paused_until else { return false };
        if Instant::now() < until {
            return true;
        }
        let conversation = self.conversation();
        match self.target.system.probe(&conversation).await {
            Err(failure) if failure.kind == FailureKind::Auth => {
                self.paused_until = Some(Instant::now() + limits::AUTH_PAUSE);
                true
            }
            Ok(()) | Err(_) => {
                info!(target = %self.target.name, "the target takes our credentials again");
                self.paused_until = None;
                self.seams.metrics.paused.with_label_values(&[&self.target.name]).set(0);
                false
            }
        }
    }

    fn conversation(&self) -> Conversation {
        Conversation::new(Arc::clone(&self.seams.http), self.seams.clock)
    }

    /// Finishes what runs; gives back what never started.
    async fn leave(&mut self) {
        while let Some(ended) = self.calls.join_next_with_id().await {
            self.settle_ended(ended).await;
        }
        let held = self.waiting.take_all();
        let count = held.len();
        let back = held
            .into_iter()
            .map(|in_hand| {
                let delivery = in_hand.delivery.clone();
                Self::returning(&delivery, Some(in_hand))
            })
            .collect();
        self.send(back).await;
        // Readers may have had more than the desk had taken in.
        while self.stopped < self.readers.len() {
            let unread = match tokio::time::timeout(limits::HOLD, self.news.recv()).await {
                Ok(Some(News::Taken(unread))) => unread,
                Ok(Some(News::Stopped { unread })) => {
                    self.stopped += 1;
                    unread
                }
                Ok(Some(News::Lost { .. })) => continue,
                Ok(None) | Err(_) => break,
            };
            let back = unread.iter().map(|delivery| Self::returning(delivery, None)).collect();
            self.send(back).await;
        }
        info!(target = %self.target.name, given_back = count, "desk is closed");
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

    async fn store_pause(&self) {
        sleep(limits::STORE_PAUSE).await;
    }
}

/// `load.{target}.{entity}` and its bulk lane.
fn queues(target: &Target) -> Vec<String> {
    target
        .entities()
        .into_iter()
        .flat_map(|entity| {
            Lane::ALL.map(|lane| {
                ferry_topology::load_queue(&target.name, entity.as_str(), lane.as_str())
            })
        })
        .collect()
}
