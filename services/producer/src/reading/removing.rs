//! What a whole walk has not seen any more: asked for row by row before anybody is told that it is gone.
//!
//! Rows are missing from a list for many reasons: a right that was taken away, an organisation that was
//! changed, a shop that was restored from a backup. Each is asked for by its id, and before and after them
//! one that the walk has seen; whoever is not shown that one is told nothing. More than a few at once wait
//! for a person.

use std::sync::Arc;

use anyhow::Context as _;
use ferry_broker::Publisher;
use ferry_http::Conversation;
use ferry_store::{Cursors, Gone, GoneRow, Scans, Schedules, Wakes};
use ferry_systems::{Failure, Missed, MissedRow, System};
use tokio::time::Instant;
use tracing::warn;

use super::{Heard, Reading, Unread};
use crate::limits;

/// A walk that has come to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended<'a> {
    pub(super) walk: u64,
    /// Rows that were known before it.
    pub(super) known: u64,
    /// The last row it has seen.
    pub(super) control: Option<&'a str>,
}

/// What became of the rows it has not seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) records: u64,
    /// For the schedule's history.
    pub(super) detail: Option<String>,
}

impl<P: Publisher, S: Cursors + Scans + Schedules + Wakes> Reading<P, S> {
    /// Tells of what is gone, as far as that is certain, and not too much at once.
    pub(super) async fn remove(&self, ended: Ended<'_>) -> Result<Removed, Unread> {
        let scan = self.name();
        let most = most(ended.known);
        let open = self.store.gone(&scan, ended.walk, Gone::Open, most.saturating_add(1)).await;
        let open = open.context("reading what is gone")?;
        let approved = self.store.gone(&scan, ended.walk, Gone::Approved, limits::APPROVED_AT_ONCE);
        let approved = approved.await.context("reading what is approved")?;
        let mut removed = match self.asked_for(&ended, open, Some(most)).await? {
            Ok(removed) => removed,
            Err(failure) => return Ok(self.uncertain(&failure)),
        };
        match self.asked_for(&ended, approved, None).await? {
            Ok(more) => removed.records += more.records,
            Err(failure) => return Ok(self.uncertain(&failure)),
        }
        let held = self.store.held(&scan, 0).await.context("counting removals that wait")?.count;
        removed.detail = (held > 0).then(|| {
            format!("{held} removals wait for approval: see `ferry schedules removals ls {scan}`")
        });
        Ok(removed)
    }

    /// Asks for these rows, and tells of those that are gone. More than `most` wait for a person.
    async fn asked_for(
        &self,
        ended: &Ended<'_>,
        rows: Vec<GoneRow>,
        most: Option<u32>,
    ) -> Result<Result<Removed, Failure>, Unread> {
        if rows.is_empty() {
            return Ok(Ok(Removed::default()));
        }
        let system = self.systems.get(&self.source).context("the source is not configured")?;
        let Some(control) = ended.control else {
            let detail = "the walk has seen no row: nothing can be held against what is gone";
            return Ok(Err(Failure::new(ferry_canonical::FailureKind::Unavailable, detail)));
        };
        let conversation = Conversation::new(Arc::clone(&self.http), self.clock);
        let rows = rows.into_iter().map(|GoneRow { id, known_as }| MissedRow { id, known_as });
        let asked = (self.endpoint.as_str(), control);
        let missed = match system.missed(&conversation, asked, rows.collect()).await {
            Ok(missed) => missed,
            Err(failure) => {
                self.note_failure(&conversation, &failure);
                return Ok(Err(failure));
            }
        };
        let gone = u32::try_from(missed.gone.len()).unwrap_or(u32::MAX);
        if most.is_some_and(|most| gone > most) {
            self.note_page(&conversation, &[], std::time::Duration::ZERO, None);
            self.store.hold_gone(&self.name(), ended.walk).await.context("holding removals")?;
            warn!(source = %self.source, endpoint = %self.endpoint, "more rows are gone at once than is told without approval");
            return Ok(Ok(Removed::default()));
        }
        let records = self.told_gone(system, &conversation, missed, ended.walk).await?;
        Ok(Ok(Removed { records, detail: None }))
    }

    async fn told_gone(
        &self,
        system: &System,
        conversation: &Conversation,
        missed: Missed,
        walk: u64,
    ) -> Result<u64, Unread> {
        let (started, now) = (Instant::now(), (self.clock)());
        let record = if missed.gone.is_empty() { None } else { system.gone(&missed) };
        let records = record.into_iter().collect();
        let ids = self.publish(records, now, &mut Heard::default()).await?;
        self.note_page(conversation, &ids, started.elapsed(), None);
        let gone = missed.gone.into_iter().map(|row| row.id).collect();
        let forgotten = self.store.forget_gone(&self.name(), walk, gone).await;
        forgotten.context("forgetting what is gone")?;
        Ok(u64::try_from(ids.len()).unwrap_or(u64::MAX))
    }

    fn uncertain(&self, failure: &Failure) -> Removed {
        warn!(source = %self.source, endpoint = %self.endpoint, kind = %failure.kind, detail = %failure.detail, "rows are missing, and whether they are gone cannot be told");
        let detail = format!("no removals: {}: {}", failure.kind, failure.detail);
        Removed { records: 0, detail: Some(detail) }
    }
}

/// So many may be gone in one run, or have nothing any more: twenty, or one of a hundred.
pub(super) fn most(known: u64) -> u32 {
    u32::try_from(known / 100).unwrap_or(u32::MAX).max(limits::REMOVED_AT_ONCE)
}
