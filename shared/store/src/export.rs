//! Exports: parts that wait for a document, the document on its way, and those before it.
//!
//! What was settled as [`Settle::Kept`](crate::Settle::Kept) waits here until a document takes it. A
//! document is written down whole, with its name and number, before anybody sends it, and an export
//! has one on its way at a time: whoever goes on after a crash sends the same bytes under the same
//! name, and no later document overtakes it. Every change is a compare-and-set, on a part's version
//! or on a document's phase: the lease by which one loader works on an export spares work, no more.
//!
//! It knows no format, and no place that documents go to.

use std::{future::Future, time::Duration};

use ferry_canonical::Subject;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::StoreError;

/// Documents of one export that are remembered.
pub const DOCUMENTS_KEPT: u64 = 500;

/// A part as one settlement left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPart {
    pub subject: Subject,
    /// Which write of its entity that was: a later one waits on when this one is taken.
    pub version: i64,
}

/// A part whose last settled state no document has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub part: KeptPart,
    /// When it began to wait.
    pub since: Timestamp,
    /// Its last settled state, as JSON.
    pub document: String,
}

/// What there is of one export.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ExportState {
    /// Parts that wait, counted up to what was asked for.
    pub waiting: u64,
    /// Since when the first of them waits.
    pub waiting_since: Option<Timestamp>,
    /// The document on its way.
    pub open: Option<DocumentState>,
    /// Of the last document; 0 before the first.
    pub last_number: u64,
    /// When a document was delivered last.
    pub delivered_at: Option<Timestamp>,
}

/// A document, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DocumentState {
    pub number: u64,
    /// The same at every try to deliver it.
    pub id: Uuid,
    pub name: String,
    pub sha256: String,
    pub bytes: u64,
    pub rows: u64,
    pub parts: u64,
    pub phase: DocumentPhase,
    pub frozen_at: Timestamp,
    pub tries: u32,
    pub tried_at: Option<Timestamp>,
    /// The receiver asked to be left alone until then.
    pub not_before: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Why the last try failed, what is to be seen although it worked, or who dissolved it.
    pub detail: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentPhase {
    /// On its way.
    Open,
    Delivered,
    /// An operator took it apart: its parts wait again.
    Dissolved,
}

impl DocumentPhase {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Delivered => "delivered",
            Self::Dissolved => "dissolved",
        }
    }

    pub(crate) fn parse(word: &str) -> Result<Self, StoreError> {
        let all = [Self::Open, Self::Delivered, Self::Dissolved];
        all.into_iter().find(|phase| phase.as_str() == word).ok_or_else(|| {
            StoreError::Corrupt("a document is in no phase that is known".to_owned())
        })
    }
}

/// A document on its way, with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDocument {
    pub state: DocumentState,
    pub media_type: String,
    pub body: Vec<u8>,
}

/// A document to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDocument {
    pub target: String,
    /// The one after [`ExportState::last_number`], as it was before the parts were read.
    pub number: u64,
    pub id: Uuid,
    pub name: String,
    pub media_type: String,
    pub sha256: String,
    pub body: Vec<u8>,
    pub rows: u64,
    pub parts: Vec<KeptPart>,
}

/// How a try to deliver a document ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentEnd {
    Delivered {
        detail: Option<String>,
    },
    /// `hold`: for so long the receiver asked to be left alone.
    Failed {
        detail: String,
        hold: Option<Duration>,
    },
}

pub trait Exports: Send + Sync {
    /// What there is of one export; of what nothing was ever kept, nothing. Waiting parts are counted
    /// up to `count_max`.
    fn export(
        &self,
        target: &str,
        count_max: u32,
    ) -> impl Future<Output = Result<ExportState, StoreError>> + Send;

    /// The next parts that wait after `after`, the longest waiting first.
    fn waiting(
        &self,
        target: &str,
        after: Option<&Waiting>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Waiting>, StoreError>> + Send;

    /// Parts that need no document: they wait no longer, unless something newer was kept of them.
    fn pass_over(
        &self,
        target: &str,
        parts: Vec<KeptPart>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes a document down, and takes its parts from those that wait, unless something newer was
    /// kept of them. `false`: another document has its number, or is on its way; nothing was done.
    fn freeze(
        &self,
        document: NewDocument,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    fn open_document(
        &self,
        target: &str,
    ) -> impl Future<Output = Result<Option<OpenDocument>, StoreError>> + Send;

    /// Writes down how a try ended. `false`: the document is not on its way any more.
    fn settle_document(
        &self,
        target: &str,
        number: u64,
        end: DocumentEnd,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Takes the document apart that is on its way: its parts wait again. `false`: it is not on its
    /// way any more.
    fn dissolve(
        &self,
        target: &str,
        number: u64,
        because: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The last documents, the newest first.
    fn documents(
        &self,
        target: &str,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<DocumentState>, StoreError>> + Send;

    /// One of them, and what is in it.
    fn document(
        &self,
        target: &str,
        number: u64,
    ) -> impl Future<Output = Result<Option<(DocumentState, Vec<Subject>)>, StoreError>> + Send;
}

/// The parts of a document as they are stored.
pub(crate) fn list(parts: &[KeptPart]) -> Result<String, StoreError> {
    let names: Vec<String> = parts.iter().map(|part| part.subject.to_string()).collect();
    serde_json::to_string(&names)
        .map_err(|_| StoreError::Unusable("a list of parts has no form to be stored in".to_owned()))
}

pub(crate) fn listed(text: &str) -> Result<Vec<Subject>, StoreError> {
    let corrupt = || StoreError::Corrupt("a document's parts cannot be read".to_owned());
    let names: Vec<String> = serde_json::from_str(text).map_err(|_| corrupt())?;
    names.iter().map(|name| Subject::parse(name).map_err(|_| corrupt())).collect()
}

/// Documents with numbers up to this one are forgotten, once they have ended.
pub(crate) const fn forgotten(number: u64) -> u64 {
    number.saturating_sub(DOCUMENTS_KEPT)
}
