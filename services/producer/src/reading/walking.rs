//! One page of a walk over all rows of a list: what is new or has changed is made durable, then what the
//! page has shown is kept, with the cursor behind it.
//!
//! What is new becomes a record in two walks, one after the other. A page is asked for beside polls and
//! wakes of the same rows, by this producer or another one, and none of the answers says when it was read:
//! where another one shows an older state, asked for later, that state would stand. The next walk says
//! again what stands, and the ledger finds that it knows it.

use std::sync::Arc;

use anyhow::Context as _;
use ferry_broker::Publisher;
use ferry_http::Conversation;
use ferry_store::{
    Cursors, Said, ScannedPage, ScannedRow, Scans, ScheduleChange, Schedules, Wakes, Walk,
};
use ferry_systems::{RowSaid, ScanAsk, ScanPage, System};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    Heard, Read, Reading, Unread,
    removing::{Ended, most},
};

/// How far a scan has come: its cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    /// The number of the walk.
    walk: u64,
    began_at: Timestamp,
    /// Rows it has seen.
    rows: u64,
    /// Rows that the walk before it saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<u64>,
    /// The last id it has seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// Rows that had something, and have nothing any more.
    #[serde(default)]
    emptied: Emptied,
    /// As of when the last page was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    as_of: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
}

/// Of rows that have nothing any more: how many a walk believes, and how many it leaves to the next ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Emptied {
    believed: u32,
    left: u32,
}

impl Emptied {
    /// A list that is filled anew looks emptied while it is. So one walk believes a few, and what it does
    /// not believe it leaves as it is known.
    fn judged(&mut self, row: RowSaid, known: Option<Said>, most: u32) -> RowSaid {
        let RowSaid::Nothing(hash) = row else { return row };
        if known.is_none_or(|known| known.hash == hash) {
            return row;
        }
        if self.believed < most {
            self.believed += 1;
            return row;
        }
        self.left += 1;
        RowSaid::Hidden
    }

    fn said(self) -> Option<String> {
        let Self { believed, left } = self;
        (left > 0).then(|| {
            format!(
                "{left} rows that have nothing any more are left to the next walks: one believes \
                 {believed} of them"
            )
        })
    }
}

impl Position {
    /// Where a walk goes on, or the next one begins.
    fn at(cursor: Option<&str>, now: Timestamp) -> anyhow::Result<Self> {
        let first = Self {
            walk: 1,
            began_at: now,
            rows: 0,
            of: None,
            after: None,
            emptied: Emptied::default(),
            as_of: None,
            ended_at: None,
        };
        let Some(cursor) = cursor else { return Ok(first) };
        let before: Self = serde_json::from_str(cursor).context("its cursor cannot be read")?;
        if before.ended_at.is_none() {
            return Ok(before);
        }
        let (walk, of) = (before.walk + 1, Some(before.rows));
        Ok(Self { walk, of, as_of: before.as_of, ..first })
    }

    /// Behind a page.
    fn over(&self, page: &ScanPage, emptied: Emptied, now: Timestamp) -> Self {
        let rows = u64::try_from(page.rows.len()).unwrap_or(u64::MAX);
        Self {
            rows: self.rows.saturating_add(rows),
            after: page.rows.last().map(|row| row.id.clone()).or_else(|| self.after.clone()),
            emptied,
            as_of: Some(page.as_of),
            ended_at: page.rows.is_empty().then_some(now),
            ..self.clone()
        }
    }

    fn shown(&self) -> Walk {
        let Self { began_at, rows, of, ended_at, .. } = self.clone();
        Walk { began_at, rows, of, ended_at }
    }
}

impl<P: Publisher, S: Cursors + Scans + Schedules + Wakes> Reading<P, S> {
    /// The next page of the walk, or the first of the next one.
    pub(super) async fn walk(&self) -> Result<Read, Unread> {
        let scan = self.name();
        let from = self.store.cursor(&scan).await.context("reading the cursor")?;
        let before = Position::at(from.as_deref(), (self.clock)())?;
        let system = self.systems.get(&self.source).context("the source is not configured")?;
        let mut emptied = before.emptied;
        let (records, page, rows) = self.told(system, &before, &mut emptied).await?;
        let after = before.over(&page, emptied, (self.clock)());
        let to = serde_json::to_string(&after).context("writing the cursor")?;
        let kept = ScannedPage { walk: before.walk, rows, from, to };
        if !self.store.keep_page(&scan, kept).await.context("keeping what a page has shown")? {
            let error = "another producer has moved the cursor; starting over from there";
            return Err(Unread::Ours(anyhow::anyhow!(error)));
        }
        let change = ScheduleChange::Walked { walk: after.shown() };
        self.store.change_schedule(&scan, change).await.context("noting how far it has come")?;
        let more = after.ended_at.is_none();
        if more {
            return Ok(Read { records, more, detail: None });
        }
        if system.forgets(&self.endpoint) {
            self.forget(&scan, after.walk).await?;
        }
        let known = after.of.unwrap_or(0).max(after.rows);
        let ended = Ended { walk: after.walk, known, control: after.after.as_deref() };
        let removed = self.remove(ended).await?;
        let detail = removed.detail.or_else(|| emptied.said());
        Ok(Read { records: records + removed.records, more, detail })
    }

    /// Makes what a page says anew durable; how many records, and what is to be kept of the page.
    async fn told(
        &self,
        system: &System,
        before: &Position,
        emptied: &mut Emptied,
    ) -> Result<(u64, ScanPage, Vec<ScannedRow>), Unread> {
        let (started, now) = (Instant::now(), (self.clock)());
        let conversation = Conversation::new(Arc::clone(&self.http), self.clock);
        let ask = ScanAsk {
            endpoint: &self.endpoint,
            after: before.after.as_deref(),
            as_of: before.as_of,
        };
        let page = match system.scan(&conversation, &ask).await {
            Ok(page) => page,
            Err(failure) => {
                self.note_failure(&conversation, &failure);
                return Err(Unread::Failed(failure));
            }
        };
        let ids = page.rows.iter().map(|row| row.id.clone()).collect();
        let known = self.store.scanned(&self.name(), ids).await;
        let known = known.context("reading what its rows said last")?;
        let (mut rows, mut wanted) = (Vec::new(), Vec::with_capacity(page.rows.len()));
        let most = most(before.of.unwrap_or(0));
        for (row, known) in page.rows.iter().zip(known) {
            let (kept, is_told) = judge(emptied.judged(row.said, known, most), known);
            let (id, known_as) = (row.id.clone(), row.known_as.clone());
            rows.extend(kept.map(|said| ScannedRow { id, said, known_as }));
            wanted.push(is_told);
        }
        let record = wanted.contains(&true).then(|| system.scanned(&page, &wanted)).flatten();
        // What was said before is known by its hash, and told again on purpose.
        let mut heard = Heard::default();
        let ids = self.publish(record.into_iter().collect(), now, &mut heard).await?;
        self.note_page(&conversation, &ids, started.elapsed(), None);
        Ok((u64::try_from(ids.len()).unwrap_or(u64::MAX), page, rows))
    }

    /// Rows that neither this walk nor the one before it has seen are gone.
    async fn forget(&self, scan: &str, walk: u64) -> anyhow::Result<()> {
        let since = walk.saturating_sub(1);
        while self
            .store
            .forget_unseen(scan, since)
            .await
            .context("forgetting rows that are gone")?
            > 0
        {}
        Ok(())
    }
}

/// What is kept of a row, and whether it is told. Only of a state can another read show an older one: the
/// rest is told once.
fn judge(row: RowSaid, known: Option<Said>) -> (Option<Said>, bool) {
    let (hash, is_state) = match row {
        RowSaid::Hidden => return (known, false),
        RowSaid::Nothing(_) if known.is_none() => return (None, false),
        RowSaid::State(hash) | RowSaid::Nothing(hash) => (hash, true),
        RowSaid::NoState(hash) => (hash, false),
    };
    let is_new = known.is_none_or(|known| known.hash != hash);
    let is_told = is_new || known.is_some_and(|known| known.again);
    (Some(Said { hash, again: is_new && is_state }), is_told)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_walk_goes_on_where_it_was_and_the_next_one_begins_behind_its_end() {
        let first = Position::at(None, at(1)).unwrap();
        assert_eq!((first.walk, first.after.as_deref()), (1, None));
        let half = Position { rows: 7, after: Some("9".to_owned()), as_of: Some(at(5)), ..first };
        let text = serde_json::to_string(&half).unwrap();
        assert_eq!(Position::at(Some(&text), at(8)).unwrap(), half);
        let ended = Position { ended_at: Some(at(9)), ..half };
        let text = serde_json::to_string(&ended).unwrap();
        let next = Position::at(Some(&text), at(20)).unwrap();
        assert_eq!((next.walk, next.rows, next.of, next.after), (2, 0, Some(7), None));
        assert_eq!((next.as_of, next.began_at, next.ended_at), (Some(at(5)), at(20), None));
        assert!(Position::at(Some("2026-01-01T00:00:00Z"), at(1)).is_err());
    }

    /// What is told of a row that says this walk by walk, and what is known of it in the end.
    fn walks(said: &[RowSaid]) -> (Vec<bool>, Option<Said>) {
        let mut known = None;
        let told = said.iter().map(|row| {
            let (kept, is_told) = judge(*row, known);
            known = kept;
            is_told
        });
        (told.collect(), known)
    }

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);

    #[test]
    fn a_state_is_told_by_two_walks_and_what_is_none_by_one() {
        let state = RowSaid::State(A);
        let (told, known) = walks(&[state; 4]);
        assert_eq!(told, [true, true, false, false]);
        assert_eq!(known, Some(Said { hash: A, again: false }));
        let bad = RowSaid::NoState(B);
        assert_eq!(walks(&[bad; 3]).0, [true, false, false]);
        // It can be read again as it was before.
        let mended = walks(&[state, state, bad, bad, state, state, state]).0;
        assert_eq!(mended, [true, true, true, false, true, true, false]);
    }

    #[test]
    fn nothing_is_news_only_of_a_row_that_had_something() {
        let (nothing, state) = (RowSaid::Nothing(B), RowSaid::State(A));
        assert_eq!(walks(&[nothing; 3]), (vec![false; 3], None));
        let told = walks(&[nothing, state, state, nothing, nothing, nothing]).0;
        assert_eq!(told, [false, true, true, true, true, false]);
    }

    #[test]
    fn a_walk_believes_of_few_rows_that_they_have_nothing_any_more() {
        let (nothing, state) = (RowSaid::Nothing(B), RowSaid::State(A));
        let of = |hash| Some(Said { hash, again: false });
        let mut emptied = Emptied::default();
        let mut judged = |row, known| emptied.judged(row, known, 2);
        assert_eq!(judged(nothing, None), nothing, "it never had any");
        assert_eq!(judged(nothing, of(B)), nothing, "it had none before");
        assert_eq!(judged(state, of(B)), state);
        assert_eq!([judged(nothing, of(A)), judged(nothing, of(A))], [nothing; 2]);
        assert_eq!([judged(nothing, of(A)), judged(nothing, of(A))], [RowSaid::Hidden; 2]);
        assert_eq!(emptied, Emptied { believed: 2, left: 2 });
        assert!(emptied.said().unwrap().starts_with("2 rows"));
        assert_eq!(Emptied { believed: 2, left: 0 }.said(), None);
    }

    #[test]
    fn of_what_is_hidden_nothing_is_told_and_nothing_forgotten() {
        let (hidden, state) = (RowSaid::Hidden, RowSaid::State(A));
        assert_eq!(walks(&[hidden; 2]), (vec![false; 2], None));
        // The second telling comes when it can be seen again.
        let told = walks(&[state, hidden, state, hidden, state]).0;
        assert_eq!(told, [true, false, true, false, false]);
    }
}
