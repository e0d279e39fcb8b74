//! Exports from their queues to where documents go: broker, HTTP and time are simulated; the store, the
//! folder and every decision are real.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bench;
mod crashing;
mod flushing;
mod logging;
mod starting;
