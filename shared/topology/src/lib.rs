//! Exchanges, queues, bindings and their arguments, as data.
//!
//! One description that services declare, the doctor compares and tests read, so that no two places
//! can disagree about a name, a key or an argument. It promises that every exchange we publish to
//! has an alternate exchange, and that no queue reachable from `events` or `requeue` has a length
//! limit: one full queue would refuse every publish of a fan-out and pin every delay level
//! (RabbitMQ reference, head). It does not talk to a broker, and sets nothing that a policy should.
//!
//! *Names* (`transform`, `delay.5s`) are written without the prefix in code, keys and headers;
//! [`Topology`] holds *broker names* (`ferry.transform`). Routing keys never carry the prefix.

mod build;
mod diff;
pub mod doctor;
pub mod name;
mod render;

use std::{collections::BTreeMap, time::Duration};

pub use diff::{ArgumentDifference, Difference, diff};
pub use name::{
    dead_queue, delay_exchange, event_key, fact_key, is_bulk, is_segment, level_name, load_queue,
    record_key, transform_queue,
};

/// How often the broker redelivers an unacknowledged message of a work queue before it
/// dead-letters it: the net under crash loops, never the retry mechanism. Explicit and positive,
/// because `-1` loses messages on RabbitMQ 3.10 (RabbitMQ reference §0.3).
pub const WORK_DELIVERY_LIMIT: i64 = 100;

/// For queues that must never drop: a limit so high that it does not bind, which also keeps
/// requeued messages at the head (RabbitMQ reference §0.7).
pub const KEPT_DELIVERY_LIMIT: i64 = 1_000_000;

/// What the topology is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// Starts every name in the broker; `ferry` unless configured.
    pub prefix: String,
    /// Delay levels; whole milliseconds, at least one each. Order and repetition do not matter.
    pub levels: Vec<Duration>,
    /// One per (route, target). A target's own events are never bound back to it.
    pub bindings: Vec<LoadBinding>,
    /// `live` and `bulk`: the first lane's queues carry no suffix.
    pub lanes: Vec<String>,
}

/// A target wants one facet of one entity from one source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoadBinding {
    pub target: String,
    pub entity: String,
    pub facet: String,
    pub source: String,
}

/// Everything that is declared, in the order in which it can be declared.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Topology {
    pub prefix: String,
    pub exchanges: Vec<Exchange>,
    pub queues: Vec<Queue>,
    pub bindings: Vec<Binding>,
}

/// A durable exchange, by its name in the broker.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Exchange {
    pub name: String,
    pub kind: ExchangeKind,
    pub arguments: Arguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExchangeKind {
    Direct,
    Fanout,
    Topic,
}

impl ExchangeKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Fanout => "fanout",
            Self::Topic => "topic",
        }
    }
}

/// A durable quorum queue, by its name in the broker.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Queue {
    pub name: String,
    pub role: QueueRole,
    pub arguments: Arguments,
}

/// What a queue is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueRole {
    /// Consumed by a transformer or loader; has a `.dead` queue beside it.
    Work,
    /// Waits, unconsumed, for its time-to-live.
    Delay,
    /// What died in one work queue.
    Dead,
    /// What the transformer skipped or could not read.
    Facts,
    /// What no queue took.
    Unrouted,
}

/// A queue bound to an exchange, both by their names in the broker; the key has no prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Binding {
    pub exchange: String,
    pub queue: String,
    pub key: String,
}

pub type Arguments = BTreeMap<String, Argument>;

/// The only types of argument that we use.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum Argument {
    Text(String),
    Number(i64),
}

impl Topology {
    /// The name of an exchange or queue in the broker.
    pub fn broker_name(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// The name without the prefix; `None` for a stranger.
    pub fn name<'a>(&self, broker_name: &'a str) -> Option<&'a str> {
        broker_name.strip_prefix(self.prefix.as_str())?.strip_prefix('.')
    }

    /// The queues of one role, by name without the prefix.
    pub fn queues_of(&self, role: QueueRole) -> impl Iterator<Item = &str> {
        let queues = self.queues.iter().filter(move |queue| queue.role == role);
        queues.filter_map(|queue| self.name(&queue.name))
    }
}

#[cfg(test)]
mod tests;
