//! Scans: what a walk over all rows of a source's list has shown of each.
//!
//! A row is kept as a hash of what it said, never as what it said. What a page has shown and the cursor
//! behind it change together, once the page's records are durable: a crash in between makes a record
//! twice, and none is missed.

use std::future::Future;

use uuid::Uuid;

use crate::StoreError;

/// Rows that are forgotten in one transaction.
pub(crate) const FORGOTTEN_AT_ONCE: u32 = 10_000;

/// A row as a walk has shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedRow {
    /// The source's own.
    pub id: String,
    pub said: Said,
    /// What others call it, where that is to be heard once it is gone.
    pub known_as: Option<String>,
}

/// A row that a whole walk has not seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoneRow {
    pub id: String,
    pub known_as: String,
}

/// Which of the rows that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// Nothing has been decided about them.
    Open,
    /// A person has said that they may be told.
    Approved,
}

/// What a person decides about the removals that wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Approve,
    /// Nothing is said of them, unless they are seen again and are gone again.
    Dismiss,
}

impl Decision {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Dismiss => "dismissed",
        }
    }
}

/// Removals that wait for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldRemovals {
    pub count: u64,
    /// The first of them.
    pub rows: Vec<GoneRow>,
}

/// What a row said, without what that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// 128 bits of what it said.
    pub hash: Uuid,
    /// It was new with this walk, and the next one tells it once more.
    pub again: bool,
}

/// A page of a walk, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedPage {
    /// The number of the walk.
    pub walk: u64,
    pub rows: Vec<ScannedRow>,
    /// Where the cursor was before the page, and is after it.
    pub from: Option<String>,
    pub to: String,
}

pub trait Scans: Send + Sync {
    /// What these rows said last, in the order of their ids here.
    fn scanned(
        &self,
        scan: &str,
        ids: Vec<String>,
    ) -> impl Future<Output = Result<Vec<Option<Said>>, StoreError>> + Send;

    /// Keeps the page and moves the scan's cursor over it, or does neither: `false` when the cursor is
    /// not at the page's beginning any more.
    fn keep_page(
        &self,
        scan: &str,
        page: ScannedPage,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Rows that others know and that this walk has not seen, by id.
    fn gone(
        &self,
        scan: &str,
        walk: u64,
        which: Gone,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<GoneRow>, StoreError>> + Send;

    /// Has all open ones of this walk wait for a person.
    fn hold_gone(
        &self,
        scan: &str,
        walk: u64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Those that wait.
    fn held(
        &self,
        scan: &str,
        limit: u32,
    ) -> impl Future<Output = Result<HeldRemovals, StoreError>> + Send;

    /// Decides about all that wait, if they are as many as the person has seen.
    fn decide(
        &self,
        scan: &str,
        count: u64,
        decision: Decision,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Forgets rows of which was told that they are gone, unless a walk has seen them since.
    fn forget_gone(
        &self,
        scan: &str,
        walk: u64,
        ids: Vec<String>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets rows that nobody else knows and that no walk from this one on has seen, a slice of them,
    /// and says how many.
    fn forget_unseen(
        &self,
        scan: &str,
        since_walk: u64,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}
