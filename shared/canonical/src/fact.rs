//! Facts: what a service without a store wants remembered.
//!
//! The transformer says what it skipped; the console moves facts into the journal. A fact may
//! arrive twice and is one by (record, pointer).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What became of items of one record that turned into no event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The service that says it.
    pub service: String,
    pub at: Timestamp,
    pub record_id: Uuid,
    pub source: String,
    pub endpoint: String,
    /// The source's own message id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    pub items: Vec<SkippedItem>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedItem {
    /// Where it stood in its record.
    pub pointer: String,
    /// What it is.
    pub what: String,
    /// Why it became no event, as a sentence for a person.
    pub reason: String,
}
