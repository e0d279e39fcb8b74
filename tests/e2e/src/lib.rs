//! What end-to-end tests stand on: the broker they were given, built programs as processes of their
//! own, and waiting for states.
//!
//! A service that a test starts never outlives it, however the test ends; when the test fails, the
//! tail of the service's log is printed. Ferry is known here from outside only: its programs, its
//! configuration file, its queues and what it says over HTTP.
#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test harness: it fails by panic, explains itself, indexes JSON (which answers \
              null), reads what cargo x test set, and waits by the monotonic clock"
)]

mod broker;
pub mod event;
mod foreign;
mod hook;
pub mod http;
mod installation;
pub mod lane;
mod relay;
mod service;
mod simulator;
pub mod stock;
pub mod tls;
mod wait;

pub use broker::{Broker, OwnCluster, OwnNode};
pub use foreign::{Foreign, Letter};
pub use hook::{Call, Hook};
pub use installation::{Installation, Running, Systems};
pub use relay::Relay;
pub use service::{Service, binary};
pub use simulator::Simulator;
pub use wait::{wait_for, wait_until};
