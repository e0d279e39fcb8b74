//! A desk from its queues to its target and back: broker, HTTP and time are simulated; the ledger,
//! the system and every decision are real.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod bench;
mod breaking;
mod brief;
mod ending;
mod failing;
mod gathering;
mod interleavings;
mod misfortune;
mod ordering;
mod pacing;
mod pausing;
mod suspects;
mod warehouse;
