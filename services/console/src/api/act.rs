//! What operators do by hand, in the log and in the journal.

use ferry_store::{Direction, Journal, JournalEntry};
use tracing::{error, info};

use super::Console;
use crate::facts;

/// One act: to which system, what it was, and what became of it.
pub(super) struct Act<'a> {
    pub(super) system: &'a str,
    pub(super) operation: String,
    pub(super) result: &'a str,
    /// By whom, and why.
    pub(super) told: String,
}

/// The act stands whether it can be written down or not.
pub(super) async fn note<B, S: Journal>(console: &Console<B, S>, act: Act<'_>) {
    let Act { system, operation, result, told } = act;
    info!(system, operation, "something is changed by hand");
    let entry = JournalEntry {
        direction: Direction::Note,
        system: system.to_owned(),
        operation: operation.clone(),
        result: result.to_owned(),
        detail: Some(told),
        ..facts::empty((console.clock)())
    };
    if let Err(error) = console.store.append(vec![entry]).await {
        error!(%error, system, operation, "an operator's act is not in the journal");
    }
}
