//! The journal: every transaction in or out, searchable.

use std::{future::Future, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::StoreError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// A system said something to us.
    In,
    /// We said something to a system.
    Out,
    /// Nothing was said; Ferry decided something a person may ask about (a skip, a bad item).
    Note,
}

/// One transaction, redacted. Bodies are cut to [`BODY_BYTES`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    pub at: Timestamp,
    pub direction: Direction,
    pub system: String,
    /// `push`, `import order`, `GET /admin/api/orders`, `skipped`.
    pub operation: String,
    pub route: Option<String>,
    /// `order`
    pub entity: Option<String>,
    pub entity_id: Option<String>,
    /// Facet, and part after a slash.
    pub part: Option<String>,
    pub event_id: Option<Uuid>,
    pub record_id: Option<Uuid>,
    pub attempt: Option<u32>,
    /// HTTP status.
    pub status: Option<u16>,
    pub duration: Option<Duration>,
    /// An outcome, a failure kind or `retry`: one word.
    pub result: String,
    /// A sentence for a person.
    pub detail: Option<String>,
    pub rule: Option<String>,
    pub request: Option<String>,
    pub response: Option<String>,
    /// Entries with the same key are kept once: facts may be delivered twice.
    pub key: Option<String>,
}

/// What of a body is kept, in bytes.
pub const BODY_BYTES: usize = 64 * 1024;

/// A stored entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JournalRow {
    pub id: i64,
    pub entry: JournalEntry,
}

/// All given conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalFilter {
    /// Words that must all occur in operation, ids, detail or bodies.
    pub text: Option<String>,
    pub system: Option<String>,
    pub direction: Option<Direction>,
    pub entity: Option<String>,
    pub entity_id: Option<String>,
    pub result: Option<String>,
    pub event_id: Option<Uuid>,
    pub record_id: Option<Uuid>,
    pub after: Option<Timestamp>,
    pub before: Option<Timestamp>,
    /// Rows with a smaller id: the next page.
    pub before_id: Option<i64>,
    /// At most 500; default 50.
    pub limit: Option<u32>,
}

pub trait Journal: Send + Sync {
    fn append(
        &self,
        entries: Vec<JournalEntry>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Newest first.
    fn search(
        &self,
        filter: JournalFilter,
    ) -> impl Future<Output = Result<Vec<JournalRow>, StoreError>> + Send;
}
