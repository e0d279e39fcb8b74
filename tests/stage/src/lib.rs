//! What the demo, chaos and end-to-end tests run Ferry with: programs as processes of their own, the
//! sample installation, the simulators' control API, what the console says, and the account.
//!
//! Promises that a program never outlives whoever started it, and that the account rests on what
//! the simulators saw. Ferry is known here from outside only: its programs, its configuration file
//! and what it says over HTTP. It decides nothing about what is run, nor when.
#![expect(
    clippy::disallowed_methods,
    reason = "std only: deadlines need the monotonic clock, and there is no tokio to pause"
)]

pub mod account;
mod catalogue;
mod config;
pub mod http;
mod ports;
mod program;
mod simulator;
pub mod told;

pub use catalogue::Dropper;
pub use config::Places;
pub use ports::free_port;
pub use program::{Program, beside_this, wait_ready};
pub use simulator::{Scripted, Simulator, WorldOptions};
