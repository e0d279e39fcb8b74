//! Reads one queue: subscribes, hands deliveries over, acknowledges what the desk has done with.
//!
//! The subscription is this task's alone, so an acknowledgement and a lost subscription cannot
//! cross. A lost subscription is announced before a new one is made, so that the desk forgets what
//! will be delivered again. While the target is left alone the consumer is cancelled; what is in
//! hand stays acknowledgeable, also after a new consumer was made.

use ferry_broker::{Broker, Delivery, Intake, IntakeError, Receipt};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::limits;

/// What a reader tells its desk.
#[derive(Debug)]
pub(crate) enum News {
    Taken(Vec<Delivery>),
    /// Everything in hand from this queue will be delivered again.
    Lost {
        queue: String,
    },
    /// No more will come. What was prefetched and never taken is in here.
    Stopped {
        unread: Vec<Delivery>,
    },
}

/// What a desk tells its reader.
#[derive(Debug)]
pub(crate) enum Done {
    Acknowledge(Vec<Receipt>),
    /// To be dead-lettered by the broker itself.
    Reject(Vec<Receipt>),
}

/// The desk's end.
#[derive(Clone, Debug)]
pub(crate) struct Acks(mpsc::UnboundedSender<Done>);

impl Acks {
    /// Bounded by the prefetch: a receipt exists once per delivery in hand.
    pub(crate) fn ack(&self, receipts: Vec<Receipt>) {
        // The reader outlives the desk's need of it; when it is gone, so is the subscription.
        let _ = self.0.send(Done::Acknowledge(receipts));
    }

    /// As for [`Acks::ack`].
    pub(crate) fn reject(&self, receipts: Vec<Receipt>) {
        let _ = self.0.send(Done::Reject(receipts));
    }
}

type Receipts = mpsc::UnboundedReceiver<Done>;

pub(crate) struct Reader<B> {
    pub(crate) broker: B,
    pub(crate) queue: String,
    pub(crate) prefetch: u16,
    pub(crate) news: mpsc::Sender<News>,
    /// Whether deliveries are wanted.
    pub(crate) open: watch::Receiver<bool>,
    pub(crate) draining: CancellationToken,
}

/// Why a subscription is not served any more.
enum Ended {
    /// Deliveries are not wanted.
    Closed,
    Draining,
    Lost(IntakeError),
}

impl<B: Broker> Reader<B> {
    pub(crate) fn acks() -> (Acks, Receipts) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Acks(sender), receiver)
    }

    /// Ends when the desk has dropped its [`Acks`], so that everything in hand can be acknowledged
    /// after draining has begun.
    pub(crate) async fn run(mut self, mut receipts: Receipts) {
        let mut held = Vec::new();
        let mut unread = Vec::new();
        while self.is_wanted(&mut held, &mut receipts).await {
            let Some(intake) = self.subscribe().await else { break };
            held.push(Subscription::new(intake));
            match self.serve(&mut held, &mut receipts).await {
                Ended::Closed => match cancel(&mut held).await {
                    Ok(taken) => self.tell(News::Taken(taken)).await,
                    Err(lost) => self.lost(&mut held, &lost).await,
                },
                Ended::Lost(lost) => self.lost(&mut held, &lost).await,
                Ended::Draining => {
                    match cancel(&mut held).await {
                        Ok(taken) => unread = taken,
                        Err(lost) => self.lost(&mut held, &lost).await,
                    }
                    break;
                }
            }
        }
        self.tell(News::Stopped { unread }).await;
        while let Some(done) = receipts.recv().await {
            settle(&mut held, done).await;
        }
    }

    /// Waits until deliveries are wanted, and until little enough is held from before. `false`: the
    /// process is draining.
    async fn is_wanted(
        &mut self,
        held: &mut Vec<Subscription<B::Intake>>,
        receipts: &mut Receipts,
    ) -> bool {
        loop {
            if self.draining.is_cancelled() {
                return false;
            }
            held.retain(|subscription| subscription.in_hand > 0);
            if *self.open.borrow_and_update() && held.len() < limits::SUBSCRIPTIONS_HELD {
                return true;
            }
            tokio::select! {
                biased;
                () = self.draining.cancelled() => return false,
                done = receipts.recv() => match done {
                    Some(done) => settle(held, done).await,
                    None => return false,
                },
                changed = self.open.changed() => if changed.is_err() { return false },
            }
        }
    }

    /// None: the process is draining.
    async fn subscribe(&self) -> Option<B::Intake> {
        loop {
            let subscribed = tokio::select! {
                biased;
                subscribed = self.broker.subscribe(&self.queue, self.prefetch) => subscribed,
                () = self.draining.cancelled() => return None,
            };
            match subscribed {
                Ok(intake) => {
                    info!(queue = %self.queue, prefetch = self.prefetch, "subscribed");
                    return Some(intake);
                }
                Err(IntakeError::Lost(reason)) => {
                    warn!(queue = %self.queue, reason, "subscribing failed");
                    tokio::time::sleep(limits::STORE_PAUSE).await;
                }
            }
        }
    }

    /// Serves the last subscription, and acknowledges on those before it.
    async fn serve(
        &mut self,
        held: &mut [Subscription<B::Intake>],
        receipts: &mut Receipts,
    ) -> Ended {
        loop {
            // Room at the desk first, so that what is taken is never held in between.
            let room = tokio::select! {
                biased;
                Some(done) = receipts.recv() => { settle(held, done).await; continue }
                () = self.draining.cancelled() => return Ended::Draining,
                () = is_closed(&mut self.open) => return Ended::Closed,
                room = self.news.reserve() => room,
            };
            let (Ok(room), Some(current)) = (room, held.last_mut()) else {
                return Ended::Draining;
            };
            tokio::select! {
                biased;
                Some(done) = receipts.recv() => settle(held, done).await,
                () = self.draining.cancelled() => return Ended::Draining,
                () = is_closed(&mut self.open) => return Ended::Closed,
                taken = current.take() => match taken {
                    Ok(taken) => room.send(News::Taken(taken)),
                    Err(lost) => return Ended::Lost(lost),
                },
            }
        }
    }

    /// One connection carries them all: what the others hold comes again too.
    async fn lost(&self, held: &mut Vec<Subscription<B::Intake>>, lost: &IntakeError) {
        held.clear();
        let IntakeError::Lost(reason) = lost;
        warn!(queue = %self.queue, reason, "subscription is lost");
        self.tell(News::Lost { queue: self.queue.clone() }).await;
    }

    /// The desk takes news for as long as it lives.
    async fn tell(&self, news: News) {
        let _ = self.news.send(news).await;
    }
}

/// A subscription, or what is left of one that was cancelled: the right to acknowledge.
struct Subscription<I> {
    intake: I,
    /// Known from its first delivery.
    epoch: Option<u64>,
    in_hand: usize,
}

impl<I: Intake> Subscription<I> {
    const fn new(intake: I) -> Self {
        Self { intake, epoch: None, in_hand: 0 }
    }

    async fn take(&mut self) -> Result<Vec<Delivery>, IntakeError> {
        let taken = self.intake.take(limits::TAKE).await?;
        Ok(self.holds(taken))
    }

    fn holds(&mut self, taken: Vec<Delivery>) -> Vec<Delivery> {
        self.in_hand += taken.len();
        self.epoch = self.epoch.or(taken.first().map(|delivery| delivery.receipt.epoch));
        taken
    }
}

/// Resolves once deliveries are not wanted.
async fn is_closed(open: &mut watch::Receiver<bool>) {
    if open.wait_for(|open| !open).await.is_err() {
        // The desk is gone; draining ends the reader.
        std::future::pending::<()>().await;
    }
}

/// Cancels the last subscription; answers what it had been given and nobody had taken.
async fn cancel<I: Intake>(held: &mut [Subscription<I>]) -> Result<Vec<Delivery>, IntakeError> {
    let Some(current) = held.last_mut() else { return Ok(Vec::new()) };
    let unread = current.intake.cancel().await?;
    Ok(current.holds(unread))
}

async fn settle<I: Intake>(held: &mut [Subscription<I>], done: Done) {
    let (Done::Acknowledge(receipts) | Done::Reject(receipts)) = &done;
    for subscription in held {
        let own: Vec<Receipt> = receipts
            .iter()
            .filter(|receipt| Some(receipt.epoch) == subscription.epoch)
            .copied()
            .collect();
        if own.is_empty() {
            continue;
        }
        subscription.in_hand = subscription.in_hand.saturating_sub(own.len());
        let settled = match &done {
            Done::Acknowledge(_) => subscription.intake.ack(own).await,
            Done::Reject(_) => subscription.intake.reject(own).await,
        };
        if let Err(stale) = settled {
            // The ledger knows these deliveries: they end again as what they were.
            debug!(count = stale.count, "acknowledgements came too late");
        }
    }
}
