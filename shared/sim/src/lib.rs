//! The broker and HTTP in memory, with misfortunes that happen by script.
//!
//! For tests that run services whole: nothing here has a task or a thread of its own, and time is
//! tokio's, so a paused clock makes an hour of retries a moment, and one script gives one run. An
//! unscripted broker is perfect; faults happen in the order in which they were scripted, or as a
//! caller's own chance decides. Waits look
//! first and then listen. It does not know AMQP: what only a real broker does is tested end to end.
#![expect(clippy::panic, reason = "a simulation that is used wrongly fails the test that does so")]

mod broker;
mod clock;
mod fault;
mod http;
mod intake;
mod publisher;
mod queues;
mod state;
#[cfg(test)]
mod tests;

pub use broker::SimBroker;
pub use clock::{now, start_clock};
pub use fault::{Fault, HttpFault, Moment, OVERTAKEN_MAX};
pub use http::{SimHttp, answer};
pub use intake::SimIntake;
pub use publisher::SimPublisher;

use std::time::Duration;

/// How long, by tokio's clock, a wait for a state goes on before it fails its test.
pub const WAIT_MAX: Duration = Duration::from_hours(1);
