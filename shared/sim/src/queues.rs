//! One queue: what waits in it, and what its arguments say.

use std::{collections::VecDeque, time::Duration};

use ferry_broker::{HeaderValue, Message};
use ferry_topology::{Argument, Queue};
use tokio::time::Instant;

/// A message in a queue.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// Its place among all that was ever stored: a return keeps it.
    pub(crate) place: u64,
    pub(crate) message: Message,
    /// How often it was delivered and came back.
    pub(crate) returns: u32,
    pub(crate) expires: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct QueueState {
    pub(crate) ready: VecDeque<Stored>,
    ttl: Option<Duration>,
    delivery_limit: Option<u32>,
    /// Exchange (by its name in the broker) and key of what dies here; no key: its own.
    pub(crate) dead_letters: Option<(String, Option<String>)>,
    /// The subscription that was served last.
    pub(crate) served: u64,
}

impl QueueState {
    pub(crate) fn new(queue: &Queue) -> Self {
        let text = |name: &str| match queue.arguments.get(name) {
            Some(Argument::Text(text)) => Some(text.clone()),
            Some(Argument::Number(_)) | None => None,
        };
        let number = |name: &str| match queue.arguments.get(name) {
            Some(Argument::Number(number)) => Some(*number),
            Some(Argument::Text(_)) | None => None,
        };
        let ttl = number("x-message-ttl").and_then(|ms| u64::try_from(ms).ok());
        Self {
            ready: VecDeque::new(),
            ttl: ttl.map(Duration::from_millis),
            delivery_limit: number("x-delivery-limit").and_then(|n| u32::try_from(n).ok()),
            dead_letters: text("x-dead-letter-exchange")
                .map(|exchange| (exchange, text("x-dead-letter-routing-key"))),
            served: 0,
        }
    }

    pub(crate) fn store(&mut self, place: u64, message: Message, now: Instant) {
        let expires = self.ttl.map(|ttl| now + ttl);
        self.ready.push_back(Stored { place, message, returns: 0, expires });
    }

    /// Puts a delivery back in its place. Beyond the delivery limit it is handed back instead: it
    /// dies.
    pub(crate) fn take_back(&mut self, mut stored: Stored) -> Option<Stored> {
        stored.returns += 1;
        if self.delivery_limit.is_some_and(|limit| stored.returns > limit) {
            return Some(stored);
        }
        let at = self.ready.partition_point(|other| other.place < stored.place);
        self.ready.insert(at, stored);
        None
    }

    /// When the first message dies of old age.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.ready.front().and_then(|stored| stored.expires)
    }
}

/// A dead message as a broker sends it on: with headers of its own about the death. Of the first one
/// they stay.
pub(crate) fn died(mut message: Message, queue: &str, reason: &str) -> Message {
    let death = format!("[{{queue: {queue}, reason: {reason}}}]");
    message.headers.insert_value("x-death", HeaderValue::Other(death));
    if message.headers.text("x-first-death-reason").is_none() {
        message.headers.insert("x-first-death-queue", queue);
        message.headers.insert("x-first-death-reason", reason);
    }
    message.headers.insert("x-last-death-reason", reason);
    message
}
