//! What a system reads from its own records.

use ferry_canonical::{Clock, FailureKind, Part, Sequence, Subject};
use jiff::Timestamp;

/// A record as it lies in the queue.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What of the system said it: `customers`, `orders`, `push`, a file's kind.
    pub endpoint: &'a str,
    /// Channel or organisation.
    pub scope: Option<&'a str>,
    /// The source's own message id; of what was asked for, the highest that was heard before.
    pub message_id: Option<&'a str>,
    /// When it was received, or its page requested.
    pub received_at: Timestamp,
    /// A file's as-of time.
    pub as_of: Option<Timestamp>,
    /// The line of the file on which the first row stands, 1-based, the header being line 1.
    pub first_line: u32,
    pub body: &'a [u8],
}

/// One item of a record, in order.
#[derive(Clone, Debug)]
pub struct Item {
    /// Where it stands: an RFC 6901 pointer for JSON, an XPath-like path for XML, `line 17` for CSV.
    pub pointer: String,
    pub draft: Result<Draft, BadItem>,
}

/// What an item became.
#[derive(Clone, Debug)]
pub enum Draft {
    Part(Box<PartDraft>),
    /// It is gone at its source.
    Removed(Box<RemovedDraft>),
    /// It has no canonical facet; `reason` says why, for the journal.
    Skip {
        what: String,
        reason: String,
    },
}

/// A part, with its place on the source's clock.
#[derive(Clone, Debug)]
pub struct PartDraft {
    pub part: Part,
    /// The source's own id of the entity, where that is not the business key.
    pub source_id: Option<String>,
    pub sequence: Sequence,
    pub clock: Clock,
    /// When it happened at the source; the record's receipt where the source does not say.
    pub time: Option<Timestamp>,
}

/// A part that its source has no more.
#[derive(Clone, Debug)]
pub struct RemovedDraft {
    pub subject: Subject,
    /// The source's own id of the entity.
    pub source_id: Option<String>,
    pub sequence: Sequence,
    pub clock: Clock,
    /// When it was found to be gone.
    pub time: Timestamp,
}

/// An item that cannot become a part. The rest of its record goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadItem {
    /// `Validation`, `Parse`, `Unsupported` or `TooLarge`.
    pub kind: FailureKind,
    /// Names the field, what was found (not where it is personal) and what was expected.
    pub detail: String,
    /// The item cut from its record unchanged, so that it can be sent again as a record of one
    /// (for CSV: the header line, then the row). The whole record where it cannot be cut.
    pub fragment: Vec<u8>,
    /// The entity's key, where it could be read: for search.
    pub key: Option<String>,
}
