//! Wall-clock time that follows tokio's, for seams that take a plain function.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

thread_local! {
    static STARTED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// It is 2026-01-01T00:00:00Z, for every caller of [`now`] on this thread.
pub fn start_clock() {
    STARTED.set(Some(Instant::now()));
}

/// The time since [`start_clock`], as a time of day. Tests run on one thread each.
pub fn now() -> Timestamp {
    let started = STARTED.get().unwrap_or_else(|| {
        start_clock();
        Instant::now()
    });
    let since = SignedDuration::try_from(started.elapsed()).unwrap_or(SignedDuration::ZERO);
    Timestamp::constant(START, 0).saturating_add(since).unwrap_or(Timestamp::MAX)
}
