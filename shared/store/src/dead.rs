//! Dead letters: what could not succeed, kept with its cause until a person has dealt with it.

use std::{future::Future, time::Duration};

use ferry_canonical::{Clock, Facet, FailureKind, Reference, Sequence};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// One dead letter, as the console stores it. The body is byte-identical to what failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// DESIGN §8: event id, else record id and pointer, else body hash; then origin queue and
    /// generation. Copies with one key are one dead letter.
    pub key: String,
    /// The queue it died in, without the prefix: `load.shop.order`, `transform`.
    pub origin: String,
    pub died_at: Timestamp,
    pub first_failed_at: Option<Timestamp>,
    /// A failure kind's word, or `unknown` for what a foreign hand put there.
    pub kind: String,
    pub detail: String,
    pub status: Option<u16>,
    pub response: Option<String>,
    pub rule: Option<String>,
    pub attempts: Option<u32>,
    pub route: Option<String>,
    pub source: Option<String>,
    pub target: Option<String>,
    pub entity: Option<String>,
    pub entity_id: Option<String>,
    pub pointer: Option<String>,
    /// Of an event: which part it states, and where on its source's clock.
    pub position: Option<Position>,
    /// What was missing at the target, where that is known.
    pub missing: Option<Reference>,
    pub message_id: Option<String>,
    pub content_type: Option<String>,
    /// All headers, as JSON.
    pub headers: String,
    pub body: Vec<u8>,
}

/// A state of one part, by its place on its source's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub facet: Facet,
    pub part: Option<String>,
    /// The source's own id of the entity, where that differs.
    pub source_id: Option<String>,
    pub clock: Clock,
    pub sequence: Sequence,
    pub observed_at: Timestamp,
}

/// All given conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadFilter {
    pub kind: Option<String>,
    pub origin: Option<String>,
    pub entity: Option<String>,
    pub entity_id: Option<String>,
    /// Those that are dealt with instead of those that are open.
    pub resolved: bool,
    /// Occurs in the detail.
    pub text: Option<String>,
    /// At most 500; default 50.
    pub limit: Option<u32>,
    pub offset: Option<u32>,
}

/// A dead letter in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadSummary {
    pub id: i64,
    pub origin: String,
    pub died_at: Timestamp,
    pub kind: String,
    /// The operator's sentence of the kind.
    pub sentence: String,
    pub detail: String,
    pub route: Option<String>,
    pub source: Option<String>,
    pub entity: Option<String>,
    pub entity_id: Option<String>,
    pub pointer: Option<String>,
    pub attempts: Option<u32>,
    pub status: Option<u16>,
    pub copies: u32,
    /// What was missing at the target: `product/MUG-7`.
    pub missing: Option<String>,
    /// When and how it was dealt with. Absent while it is open.
    pub resolved_at: Option<Timestamp>,
    pub resolved_by: Option<String>,
}

/// What was missing may have been settled while the last try was on its way, and the clock of the
/// loader that wrote the letter may differ from the store's.
pub const AWAITED_SLACK: Duration = Duration::from_mins(1);

pub trait DeadLetters: Send + Sync {
    /// Stores all, in one transaction; a key that is there already counts a copy.
    fn bury(&self, letters: Vec<DeadLetter>)
    -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Newest first.
    fn dead(
        &self,
        filter: DeadFilter,
    ) -> impl Future<Output = Result<Vec<DeadSummary>, StoreError>> + Send;

    fn dead_letter(
        &self,
        id: i64,
    ) -> impl Future<Output = Result<Option<(DeadSummary, DeadLetter)>, StoreError>> + Send;

    /// Closes every open letter whose part its source has since brought to the target, in the state
    /// that died or in a later one; at most `limit`. Answers how many.
    fn close_overtaken(&self, limit: u32) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Open letters of missing references for which what was missing has been settled at the target,
    /// or was said by it, since [`AWAITED_SLACK`] before they died; at most `limit`.
    fn awaited(
        &self,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<(i64, DeadLetter)>, StoreError>> + Send;

    /// Closes those of these letters that are open.
    fn close(&self, ids: Vec<i64>, by: &str)
    -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What an operator is told about a kind.
pub(crate) fn sentence(kind: &str) -> &'static str {
    kind.parse().map_or(
        "Nothing says why it is here: another program may have put it there. Look at its headers \
         and its body.",
        FailureKind::sentence,
    )
}
