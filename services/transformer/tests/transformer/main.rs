//! Records in, messages out; and the way between the queues on a simulated broker.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bench;
mod running;
mod transforming;
