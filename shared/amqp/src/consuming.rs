//! The consuming connection: shared by all intakes, made again by whoever subscribes next.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ferry_broker::{Depth, IntakeError};
use lapin::{
    Channel, Connection,
    options::{BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions},
    types::{FieldTable, ShortString},
};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use crate::{
    intake::{AmqpIntake, Origin},
    link::{Link, OpenError, Outage, Purpose, chain, next_delay, reconnect_delays},
    state::State,
};

/// For one exchange of frames with a healthy broker.
const CALL_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Consuming {
    link: Arc<Link>,
    state: Arc<State>,
    slot: Mutex<Slot>,
    epochs: AtomicU64,
}

#[derive(Debug, Default)]
struct Slot {
    connection: Option<Arc<Connection>>,
    /// Set when a channel failed on it: something may have been deleted, so the topology is
    /// declared again before the connection is used.
    suspect: bool,
    outage: Outage,
}

#[derive(Debug, thiserror::Error)]
enum SubscribeError {
    #[error("no connection to consume on")]
    Open(#[from] OpenError),
    #[error("queue {queue} can't be consumed")]
    Consume { queue: String, source: lapin::Error },
    #[error("queue {queue} was not subscribed to within {} s", CALL_WITHIN.as_secs())]
    Timeout { queue: String },
}

impl Consuming {
    pub(crate) fn new(link: Arc<Link>, state: Arc<State>) -> Self {
        Self { link, state, slot: Mutex::default(), epochs: AtomicU64::new(1) }
    }

    /// Subscribes, as often as it takes. `queue` is the name without the prefix.
    pub(crate) async fn subscribe(&self, queue: &str, prefetch: u16) -> AmqpIntake {
        let waiting = self.state.wait();
        let mut delays = reconnect_delays();
        loop {
            match self.try_subscribe(queue, prefetch).await {
                Ok(intake) => {
                    drop(waiting);
                    return intake;
                }
                Err(error) => {
                    let cause = chain(&error);
                    let mut slot = self.slot.lock().await;
                    slot.outage.lasts(&self.link, Purpose::Consuming, &cause);
                }
            }
            sleep(next_delay(&mut delays)).await;
        }
    }

    async fn try_subscribe(
        &self,
        queue: &str,
        prefetch: u16,
    ) -> Result<AmqpIntake, SubscribeError> {
        let connection = self.connection().await?;
        let consuming = self.consume(&connection, queue, prefetch);
        let outcome = match timeout(CALL_WITHIN, consuming).await {
            Ok(Ok(intake)) => return Ok(intake),
            Ok(Err(source)) => SubscribeError::Consume { queue: queue.to_owned(), source },
            Err(_) => SubscribeError::Timeout { queue: queue.to_owned() },
        };
        self.suspect(&connection).await;
        Err(outcome)
    }

    /// The prefetch is set before the consumer exists: lapin's own buffer has no other bound.
    async fn consume(
        &self,
        connection: &Connection,
        queue: &str,
        prefetch: u16,
    ) -> lapin::Result<AmqpIntake> {
        let channel = connection.create_channel().await?;
        channel.basic_qos(prefetch.max(1), BasicQosOptions { global: false }).await?;
        let name = ShortString::from(self.link.topology.broker_name(queue));
        let consumer = channel
            .basic_consume(
                name,
                ShortString::from(""),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await?;
        let origin = Origin {
            epoch: self.epochs.fetch_add(1, Ordering::Relaxed),
            queue: queue.to_owned(),
            link: Arc::clone(&self.link),
        };
        Ok(AmqpIntake::new(origin, channel, consumer))
    }

    /// The connection, made if there is none that works. Others wait here meanwhile, so that there
    /// is never more than one.
    async fn connection(&self) -> Result<Arc<Connection>, OpenError> {
        let mut slot = self.slot.lock().await;
        if let Some(connection) = slot.connection.clone()
            && connection.status().connected()
            && (!slot.suspect || self.link.declare(&connection).await.is_ok())
        {
            slot.suspect = false;
            return Ok(connection);
        }
        slot.connection = None;
        self.state.consumes_on(None);
        let connection = Arc::new(self.link.open(Purpose::Consuming).await?);
        self.state.consumes_on(Some(connection.status().clone()));
        slot.outage.ends(&self.link, Purpose::Consuming);
        slot.suspect = false;
        slot.connection = Some(Arc::clone(&connection));
        Ok(connection)
    }

    async fn suspect(&self, connection: &Arc<Connection>) {
        let mut slot = self.slot.lock().await;
        if slot.connection.as_ref().is_some_and(|held| Arc::ptr_eq(held, connection)) {
            slot.suspect = true;
        }
    }

    /// Does not wait for a broker that is away.
    pub(crate) async fn depth(&self, queue: &str) -> Result<Depth, IntakeError> {
        let connection = within(self.connection()).await?;
        let channel = within(connection.create_channel()).await?;
        let depth = within(ask_depth(&channel, &self.link.topology.broker_name(queue))).await?;
        within(channel.close(200, ShortString::from("done"))).await?;
        Ok(depth)
    }

    /// Ends all subscriptions. What is unacknowledged goes back to its queue.
    pub(crate) async fn close(&self) {
        let connection = self.slot.lock().await.connection.take();
        if let Some(connection) = connection {
            let closing = connection.close(200, ShortString::from("closed by its user"));
            // A connection that can't be closed is gone, which is what was wanted.
            drop(timeout(CALL_WITHIN, closing).await);
        }
    }
}

/// A passive declare: it changes nothing and answers with what the broker counts.
pub(crate) async fn ask_depth(channel: &Channel, broker_name: &str) -> lapin::Result<Depth> {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let name = ShortString::from(broker_name);
    let queue = channel.queue_declare(name, passive, FieldTable::default()).await?;
    Ok(Depth { ready: queue.message_count(), consumers: queue.consumer_count() })
}

async fn within<T, E: std::error::Error + 'static>(
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, IntakeError> {
    match timeout(CALL_WITHIN, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(IntakeError::Lost(chain(&error))),
        Err(_) => Err(IntakeError::Lost("the broker does not answer".to_owned())),
    }
}
