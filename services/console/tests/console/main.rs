//! The console over a store in memory and a simulated broker: what it answers, and whom it tells.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panic, as the tests do"
)]

mod api;
mod bench;
mod channels;
mod exports;
mod hook;
mod smtp;
mod telling;
