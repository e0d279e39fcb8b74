//! Pushes, polls and drop folders in front of a simulated broker: what was said is durable before
//! anybody hears or sees so.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bench;
mod files;
mod folders;
mod polls;
mod pushes;
mod scans;
mod uploads;
mod wakes;
mod webhooks;
