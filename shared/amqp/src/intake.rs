//! One subscription: a channel, a consumer, and what was delivered and not yet acknowledged.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use ferry_broker::{Delivery, Intake, IntakeError, Receipt, Stale};
use futures_util::{FutureExt, StreamExt, future::join_all};
use lapin::{
    Channel, Consumer,
    options::{BasicAckOptions, BasicCancelOptions, BasicRejectOptions},
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    acknowledge::{AckFrame, settle},
    consuming::ask_depth,
    link::{Link, chain},
    received::received,
};

/// After so long without a delivery the channel is asked whether it still lives.
const QUIET: Duration = Duration::from_mins(1);

/// How long a ready message may stay undelivered to an idle consumer before it counts as dead.
const IDLE_WITHIN: Duration = Duration::from_secs(5);

/// After so long without another delivery, acknowledgements have called for no more.
const CALLED_FOR_WITHIN: Duration = Duration::from_millis(50);

const CALL_WITHIN: Duration = Duration::from_secs(10);

/// Which subscription it is.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) epoch: u64,
    /// Without the prefix.
    pub(crate) queue: String,
    pub(crate) link: Arc<Link>,
}

/// A subscription to one queue. Dropping it closes its channel: what is unacknowledged goes back.
pub struct AmqpIntake {
    origin: Origin,
    channel: Channel,
    consumer: Consumer,
    outstanding: Mutex<BTreeSet<u64>>,
    lost: Option<String>,
    last_heard: Instant,
}

impl fmt::Debug for AmqpIntake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpIntake")
            .field("queue", &self.origin.queue)
            .field("epoch", &self.origin.epoch)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

type Next = Option<Result<lapin::message::Delivery, lapin::Error>>;

impl AmqpIntake {
    pub(crate) fn new(origin: Origin, channel: Channel, consumer: Consumer) -> Self {
        Self {
            origin,
            channel,
            consumer,
            outstanding: Mutex::default(),
            lost: None,
            last_heard: Instant::now(),
        }
    }

    fn accept(&mut self, next: Next) -> Result<Delivery, IntakeError> {
        let delivery = match next {
            Some(Ok(delivery)) => delivery,
            Some(Err(error)) => return Err(self.lose(chain(&error))),
            None => return Err(self.lose("the broker cancelled the consumer".to_owned())),
        };
        self.last_heard = Instant::now();
        self.outstanding.get_mut().insert(delivery.delivery_tag);
        let Origin { epoch, queue, link } = &self.origin;
        Ok(received(delivery, queue, *epoch, &link.topology))
    }

    fn lose(&mut self, reason: String) -> IntakeError {
        self.lost = Some(reason.clone());
        IntakeError::Lost(reason)
    }

    fn still_ours(&self) -> Result<(), IntakeError> {
        self.lost.clone().map_or(Ok(()), |reason| Err(IntakeError::Lost(reason)))
    }

    /// Waits for a delivery; asks after the channel's health whenever it was quiet for long.
    async fn first(&mut self) -> Result<Delivery, IntakeError> {
        loop {
            let quiet = sleep_until(self.last_heard + QUIET);
            tokio::select! {
                next = self.consumer.next() => return self.accept(next),
                () = quiet => {
                    if let Some(delivery) = self.ask_whether_alive().await? {
                        return Ok(delivery);
                    }
                }
            }
        }
    }

    /// A channel that does not answer is lost; so is a consumer that holds nothing and gets nothing
    /// although messages are ready.
    async fn ask_whether_alive(&mut self) -> Result<Option<Delivery>, IntakeError> {
        let name = self.origin.link.topology.broker_name(&self.origin.queue);
        let depth = match timeout(CALL_WITHIN, ask_depth(&self.channel, &name)).await {
            Ok(Ok(depth)) => depth,
            Ok(Err(error)) => return Err(self.lose(chain(&error))),
            Err(_) => return Err(self.lose("the broker does not answer".to_owned())),
        };
        if depth.ready == 0 || !self.outstanding.get_mut().is_empty() {
            self.last_heard = Instant::now();
            return Ok(None);
        }
        match timeout(IDLE_WITHIN, self.consumer.next()).await {
            Ok(next) => self.accept(next).map(Some),
            Err(_) => Err(self.lose("messages are ready but none is delivered".to_owned())),
        }
    }

    /// How many deliveries the frame did not settle.
    async fn send(&self, frame: AckFrame) -> usize {
        let options = BasicAckOptions { multiple: frame.multiple };
        match timeout(CALL_WITHIN, self.channel.basic_ack(frame.tag, options)).await {
            Ok(Ok(())) => 0,
            Ok(Err(_)) | Err(_) => frame.count,
        }
    }

    /// The tags among these receipts that are this subscription's.
    fn tags(&self, receipts: &[Receipt]) -> BTreeSet<u64> {
        let ours = receipts.iter().filter(|receipt| receipt.epoch == self.origin.epoch);
        ours.map(|receipt| receipt.tag).collect()
    }
}

impl Intake for AmqpIntake {
    async fn take(&mut self, max: usize) -> Result<Vec<Delivery>, IntakeError> {
        self.still_ours()?;
        let mut deliveries = vec![self.first().await?];
        while deliveries.len() < max
            && let Some(next) = self.consumer.next().now_or_never()
        {
            deliveries.push(self.accept(next)?);
        }
        Ok(deliveries)
    }

    async fn cancel(&mut self) -> Result<Vec<Delivery>, IntakeError> {
        self.still_ours()?;
        let mut deliveries = Vec::new();
        // RabbitMQ 4.0 sends on what earlier acknowledgements have called for after it has confirmed
        // the cancel, when nobody takes it any more. Nothing is acknowledged meanwhile, so this
        // ends, with the prefetch at the latest.
        while let Ok(next) = timeout(CALLED_FOR_WITHIN, self.consumer.next()).await {
            deliveries.push(self.accept(next)?);
        }
        let cancelling =
            self.channel.basic_cancel(self.consumer.tag(), BasicCancelOptions::default());
        match timeout(CALL_WITHIN, cancelling).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(self.lose(chain(&error))),
            Err(_) => return Err(self.lose("the broker does not answer".to_owned())),
        }
        // The broker has answered, so what it delivered before is in the buffer, and an end after it.
        while let Some(Some(next)) = self.consumer.next().now_or_never() {
            deliveries.push(self.accept(Some(next))?);
        }
        self.lost = Some("it was cancelled".to_owned());
        Ok(deliveries)
    }

    async fn ack(&self, receipts: Vec<Receipt>) -> Result<(), Stale> {
        let asked = receipts.len();
        let tags = self.tags(&receipts);
        // Held until the frames are written: a `multiple` that overtakes another is an error that
        // costs the channel.
        let mut outstanding = self.outstanding.lock().await;
        let frames = settle(&mut outstanding, &tags);
        let known: usize = frames.iter().map(|frame| frame.count).sum();
        let unsent: usize =
            join_all(frames.into_iter().map(|frame| self.send(frame))).await.iter().sum();
        drop(outstanding);
        match asked - known + unsent {
            0 => Ok(()),
            count => Err(Stale { count }),
        }
    }

    async fn reject(&self, receipts: Vec<Receipt>) -> Result<(), Stale> {
        let mut rejected = 0;
        // As for `ack`.
        let mut outstanding = self.outstanding.lock().await;
        for tag in self.tags(&receipts) {
            let reject = self.channel.basic_reject(tag, BasicRejectOptions { requeue: false });
            if outstanding.remove(&tag) && matches!(timeout(CALL_WITHIN, reject).await, Ok(Ok(())))
            {
                rejected += 1;
            }
        }
        drop(outstanding);
        match receipts.len() - rejected {
            0 => Ok(()),
            count => Err(Stale { count }),
        }
    }
}
