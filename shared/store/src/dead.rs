//! Dead letters: what could not succeed, kept with its cause until a person has dealt with it.

use std::future::Future;

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
    pub message_id: Option<String>,
    pub content_type: Option<String>,
    /// All headers, as JSON.
    pub headers: String,
    pub body: Vec<u8>,
}

/// All given conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadFilter {
    pub kind: Option<String>,
    pub origin: Option<String>,
    pub entity: Option<String>,
    pub entity_id: Option<String>,
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
}

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
}
