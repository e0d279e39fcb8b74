//! The simulators' clock and tasks. A simulator is a system of its own, so both are the machine's.

use jiff::Timestamp;

#[expect(clippy::disallowed_methods, reason = "a simulator is a foreign system with its own clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Now as the history and the ERP write it: RFC 3339, UTC, milliseconds.
pub(crate) fn stamp() -> String {
    format!("{:.3}", now())
}

/// Starts a task that ends with the process.
#[expect(clippy::disallowed_methods, reason = "a simulator ends all at once: nothing is drained")]
pub fn start(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(task));
}
