//! The one place that asks what time it is.

use jiff::Timestamp;

/// The host's time. Everything that decides takes it as an argument instead.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the real clock that everybody else is handed"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}
