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

    /// Forgets rows that no walk from this one on has seen, a slice of them, and says how many.
    fn forget_unseen(
        &self,
        scan: &str,
        since_walk: u64,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}
