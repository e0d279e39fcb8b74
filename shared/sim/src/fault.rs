//! The misfortunes, by name.

use std::time::Duration;

use ferry_broker::Message;

/// When a message can meet a misfortune that nobody scripted.
#[derive(Clone, Copy, Debug)]
pub enum Moment<'a> {
    Published(&'a Message),
    /// It leaves a delay queue, for the exchange and key it carries. It cannot be lost here: only
    /// [`Fault::Duplicate`], [`Fault::Delay`] and [`Fault::Overtake`] mean something.
    Expired {
        queue: &'a str,
        message: &'a Message,
    },
}

/// What becomes of one published message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it only takes its place in the script.
    Pass,
    /// Not stored, and said so (nack).
    Refuse,
    /// Stored, but the publisher hears of a broken connection.
    LoseConfirm,
    /// Stored twice, confirmed once.
    Duplicate,
    /// Stored, and confirmed only by [`crate::SimBroker::release`].
    Hold,
    /// Stored and confirmed so much later, also when nobody waits any more.
    Delay(Duration),
    /// Stored only after the next message of its exchange, or after [`OVERTAKEN_MAX`]: that one
    /// comes first. Confirmed at once.
    Overtake,
    /// Not stored: the connection breaks, and every subscription with it.
    Sever,
}

/// The longest time an overtaken message waits for the one that goes first.
pub const OVERTAKEN_MAX: Duration = Duration::from_secs(1);

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpFault {
    /// Nothing: it only takes its place in the script.
    Pass,
    /// No connection: the other side hears nothing.
    Refuse,
    /// The other side acts, and the connection breaks before its answer is read.
    ApplyThenDrop,
    /// The other side does nothing until the deadline has passed.
    Stall,
    /// The other side acts at once, and its answer waits for [`crate::SimHttp::release`] or the
    /// deadline.
    Hold,
}
