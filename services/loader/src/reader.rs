//! Reads one queue: subscribes, hands deliveries over, acknowledges what the desk has done with.
//!
//! The subscription is this task's alone, so an acknowledgement and a lost subscription cannot
//! cross. A lost subscription is announced before a new one is made, so that the desk forgets what
//! will be delivered again.

use ferry_broker::{Broker, Delivery, Intake, IntakeError, Receipt};
use tokio::sync::mpsc;
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

pub(crate) struct Reader<B> {
    pub(crate) broker: B,
    pub(crate) queue: String,
    pub(crate) prefetch: u16,
    pub(crate) news: mpsc::Sender<News>,
    pub(crate) draining: CancellationToken,
}

impl<B: Broker> Reader<B> {
    pub(crate) fn acks() -> (Acks, mpsc::UnboundedReceiver<Done>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Acks(sender), receiver)
    }

    /// Ends when the desk has dropped its [`Acks`], so that everything in hand can be acknowledged
    /// after draining has begun.
    pub(crate) async fn run(self, mut receipts: mpsc::UnboundedReceiver<Done>) {
        while !self.draining.is_cancelled() {
            let subscribed = tokio::select! {
                biased;
                subscribed = self.broker.subscribe(&self.queue, self.prefetch) => subscribed,
                () = self.draining.cancelled() => break,
            };
            match subscribed {
                Ok(mut intake) => {
                    info!(queue = %self.queue, prefetch = self.prefetch, "subscribed");
                    let Err(IntakeError::Lost(reason)) =
                        self.serve(&mut intake, &mut receipts).await
                    else {
                        return;
                    };
                    warn!(queue = %self.queue, reason, "subscription is lost");
                    let _ = self.news.send(News::Lost { queue: self.queue.clone() }).await;
                }
                Err(IntakeError::Lost(reason)) => {
                    warn!(queue = %self.queue, reason, "subscribing failed");
                    tokio::time::sleep(limits::STORE_PAUSE).await;
                }
            }
        }
        let _ = self.news.send(News::Stopped { unread: Vec::new() }).await;
    }

    async fn serve(
        &self,
        intake: &mut B::Intake,
        receipts: &mut mpsc::UnboundedReceiver<Done>,
    ) -> Result<(), IntakeError> {
        loop {
            // Room at the desk first, so that what is taken is never held in between.
            let room = tokio::select! {
                biased;
                Some(done) = receipts.recv() => { settle(intake, done).await; continue }
                () = self.draining.cancelled() => break,
                room = self.news.reserve() => room,
            };
            let Ok(room) = room else { return Ok(()) };
            tokio::select! {
                biased;
                Some(done) = receipts.recv() => settle(intake, done).await,
                () = self.draining.cancelled() => break,
                taken = intake.take(limits::TAKE) => room.send(News::Taken(taken?)),
            }
        }
        let unread = intake.cancel().await?;
        let _ = self.news.send(News::Stopped { unread }).await;
        while let Some(done) = receipts.recv().await {
            settle(intake, done).await;
        }
        Ok(())
    }
}

async fn settle<I: Intake>(intake: &I, done: Done) {
    let settled = match done {
        Done::Acknowledge(receipts) => intake.ack(receipts).await,
        Done::Reject(receipts) => intake.reject(receipts).await,
    };
    if let Err(stale) = settled {
        // The ledger knows these deliveries: they end again as what they were.
        debug!(count = stale.count, "acknowledgements came too late");
    }
}
