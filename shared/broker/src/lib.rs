//! What Ferry needs from a broker, in Ferry's words: publish with a confirm, take deliveries,
//! acknowledge them.
//!
//! The contract that both implementations (AMQP and the simulation) keep: a publish is `Ok` only
//! after the broker's confirm was read; an acknowledgement that did not reach the broker is an
//! error, never a silence; nothing is buffered without a bound. Reconnecting, declaring and
//! subscribing again are the implementation's work, but a lost intake is reported, because what was
//! in hand will be delivered again and its receipts are void. No AMQP type appears here.

pub mod letter;

use std::{collections::BTreeMap, future::Future, time::Duration};

use bytes::Bytes;

/// Header names and values; values are text or whole numbers, nothing else is ever sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(BTreeMap<String, HeaderValue>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    Text(String),
    Number(i64),
    /// A foreign publisher's value of another type, rendered for display.
    Other(String),
}

impl HeaderValue {
    /// Its size on the wire, about.
    pub const fn bytes(&self) -> usize {
        match self {
            Self::Text(text) | Self::Other(text) => text.len(),
            Self::Number(_) => 8,
        }
    }
}

impl Headers {
    pub fn insert(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), HeaderValue::Text(value.into()));
    }

    pub fn insert_number(&mut self, name: &str, value: i64) {
        self.0.insert(name.to_owned(), HeaderValue::Number(value));
    }

    pub fn insert_value(&mut self, name: &str, value: HeaderValue) {
        self.0.insert(name.to_owned(), value);
    }

    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            HeaderValue::Text(text) | HeaderValue::Other(text) => Some(text),
            HeaderValue::Number(_) => None,
        }
    }

    /// A number, also where a foreign publisher sent it as text.
    pub fn number(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            HeaderValue::Number(number) => Some(*number),
            HeaderValue::Text(text) | HeaderValue::Other(text) => text.parse().ok(),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Without the headers named: what a republish carries on.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|name, _| !names.contains(&name.as_str()));
        self
    }
}

/// What is published: persistent, with a confirm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub exchange: String,
    pub key: String,
    /// The AMQP message id: the same on every repeat of one publish.
    pub id: String,
    pub content_type: String,
    pub headers: Headers,
    pub body: Bytes,
}

/// What a queue gave us.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub queue: String,
    pub exchange: String,
    pub key: String,
    pub id: Option<String>,
    pub content_type: Option<String>,
    pub headers: Headers,
    pub body: Bytes,
    /// How often the broker delivered it before (its `x-delivery-count`); 0 on the first time.
    pub delivery_count: u32,
    pub receipt: Receipt,
}

/// The right to acknowledge one delivery, once, on the intake it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[must_use = "an unacknowledged delivery holds a prefetch slot until its intake is closed"]
pub struct Receipt {
    /// Which subscription it came from: a reconnect starts a new one.
    pub epoch: u64,
    pub tag: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("the broker refused the message (nack)")]
    Refused,
    #[error("no confirm within {} s; whether the broker stored it is not known", .0.as_secs())]
    ConfirmTimeout(Duration),
    #[error("the connection to the broker is lost: {0}")]
    Disconnected(String),
    #[error(
        "no queue takes key `{key}` of exchange `{exchange}`, and it has no alternate exchange"
    )]
    Unroutable { exchange: String, key: String },
    #[error("the message does not fit the protocol: {0}")]
    Unsendable(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// Everything in hand will be delivered again: forget it, then subscribe anew.
    #[error("the subscription is lost: {0}")]
    Lost(String),
}

/// Not a failure of the work done: the broker will deliver those messages again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{count} acknowledgements did not reach the broker: their subscription is gone")]
pub struct Stale {
    pub count: usize,
}

/// Publishes. Cheap to clone; all clones share one channel, in order.
pub trait Publisher: Clone + Send + Sync + 'static {
    /// Publishes all, pipelined, and waits for every confirm in order. The answer has one entry per
    /// message. Anything but `Ok` means: treat as not stored, publish again under the same id.
    fn publish_all(
        &self,
        messages: Vec<Message>,
    ) -> impl Future<Output = Vec<Result<(), PublishError>>> + Send;

    fn publish(&self, message: Message) -> impl Future<Output = Result<(), PublishError>> + Send {
        async move {
            let mut results = self.publish_all(vec![message]).await;
            results.pop().unwrap_or_else(|| Err(PublishError::Disconnected("no answer".to_owned())))
        }
    }

    /// Publishes all, repeating what was not confirmed, with spaced attempts, until everything is
    /// stored or `patience` is over. The last error is returned.
    fn publish_until_confirmed(
        &self,
        messages: Vec<Message>,
        patience: Duration,
    ) -> impl Future<Output = Result<(), PublishError>> + Send;
}

/// One subscription to one queue.
pub trait Intake: Send + 'static {
    /// Waits for at least one delivery, then takes what is there, at most `max`. Cancel-safe.
    fn take(
        &mut self,
        max: usize,
    ) -> impl Future<Output = Result<Vec<Delivery>, IntakeError>> + Send;

    /// Stops new deliveries. What is in hand stays acknowledgeable; what was prefetched but not
    /// taken is returned here, and must be settled too.
    fn cancel(&mut self) -> impl Future<Output = Result<Vec<Delivery>, IntakeError>> + Send;

    /// Acknowledges. Receipts may come in any order; contiguous runs travel as one frame.
    fn ack(&self, receipts: Vec<Receipt>) -> impl Future<Output = Result<(), Stale>> + Send;

    /// Gives up on deliveries of a work queue: the broker itself moves them, as they are, to the
    /// queue's dead letters. Only for what cannot be published there, because it tells no cause.
    fn reject(&self, receipts: Vec<Receipt>) -> impl Future<Output = Result<(), Stale>> + Send;
}

/// A connection that is kept.
pub trait Broker: Clone + Send + Sync + 'static {
    type Publisher: Publisher;
    type Intake: Intake + Sync;

    fn publisher(&self) -> Self::Publisher;

    /// Subscribes with a prefetch of `prefetch` unacknowledged deliveries. Waits for the broker, as
    /// long as it takes, saying so in the log and in [`Broker::health`].
    fn subscribe(
        &self,
        queue: &str,
        prefetch: u16,
    ) -> impl Future<Output = Result<Self::Intake, IntakeError>> + Send;

    fn health(&self) -> Health;

    /// Ready messages and consumers of a queue, by a passive declare.
    fn depth(&self, queue: &str) -> impl Future<Output = Result<Depth, IntakeError>> + Send;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    pub ready: u32,
    pub consumers: u32,
}

impl Health {
    /// Whether work can go on, for readiness.
    pub const fn verdict(&self) -> Result<(), &'static str> {
        match (self.publishing, self.consuming, self.blocked) {
            (false, _, _) => Err("the broker cannot be published to"),
            (_, false, _) => Err("the broker delivers nothing"),
            (_, _, true) => Err("the broker has blocked publishing (memory or disk alarm)"),
            (true, true, false) => Ok(()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub publishing: bool,
    pub consuming: bool,
    /// The broker has blocked our publishing connection (a memory or disk alarm).
    pub blocked: bool,
}
