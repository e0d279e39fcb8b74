//! What end-to-end tests stand on: the broker they were given, built programs as processes of their
//! own, and waiting for states.
//!
//! A service that a test starts never outlives it, however the test ends; when the test fails, the
//! tail of the service's log is printed. Nothing here knows what the services do.
#![expect(
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test harness: it fails by panic, explains itself, reads what cargo x test set, and \
              waits by the monotonic clock"
)]

mod broker;
mod service;
mod wait;

pub use broker::Broker;
pub use service::{Service, binary};
pub use wait::{wait_for, wait_until};
