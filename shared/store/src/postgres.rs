//! The store on PostgreSQL: one database, shared by the processes of any number of hosts.
//!
//! It has the tables of SQLite in a schema of its own, and the same decisions are taken on them.
//! Every decision about time is taken by the server's clock. A batch locks the entities it touches,
//! always in one order, and no others: batches of different entities do not wait for each other.
//! What it answers is committed; only entries that come to the journal by themselves may be lost
//! with the server's last moments. A connection that breaks is replaced at the next call; a call
//! that it broke is answered with an error and may have been carried out: what was claimed then ends
//! with its lease, and what was settled is [`Settled::Lost`] when it is repeated.
//!
//! Nothing is connected before the first call, which also migrates the schema. It does not work
//! through a pooler that shares connections between transactions.

mod agreed;
mod alerts;
mod care;
mod columns;
mod cursor;
mod dead;
mod error;
mod exports;
mod journal;
mod links;
mod overview;
mod pool;
mod put_off;
mod read;
mod rows;
mod scan;
mod schedule;
mod steps;
#[cfg(test)]
#[cfg(feature = "postgres")]
pub(crate) mod tests;
mod value;
mod words;
mod write;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use deadpool_postgres::{Object, Transaction};
use ferry_canonical::{Entity, Outcome};
use jiff::Timestamp;
use tokio_postgres::IsolationLevel;
use uuid::Uuid;

use self::{error::Trouble, pool::Pool};
use crate::{
    Cursors, DeadFilter, DeadLetter, DeadLetters, DeadSummary, EntityView, Group, GroupClaim,
    Journal, JournalEntry, JournalFilter, JournalRow, Known, Lease, Leases, Ledger, Overview,
    Overviews, Settled, Settlement, StoreError,
    page::{Delivery, End, micros, span},
    storable,
};

/// The schema that holds the tables.
const SCHEMA: &str = "ferry";
/// Connections of one process.
const CONNECTIONS: usize = 8;

/// A handle on one store; clones share its connections.
#[derive(Clone)]
pub struct PostgresStore {
    pool: Arc<Pool>,
    /// The store's time, from the server's. Only tests change it.
    clock: fn(Timestamp) -> Timestamp,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// The store at `url` (`postgres://user:password@host:5432/database`), which is a secret. TLS is
    /// used unless the server is on this machine or the url says `sslmode=disable`; the server's
    /// certificate is checked. Connects to nothing yet.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when the url is none.
    pub fn new(url: &str) -> Result<Self, StoreError> {
        Self::with(url, SCHEMA, |server| server)
    }

    pub(crate) fn with(
        url: &str,
        schema: &str,
        clock: fn(Timestamp) -> Timestamp,
    ) -> Result<Self, StoreError> {
        Ok(Self { pool: Arc::new(Pool::new(url, schema, CONNECTIONS)?), clock })
    }

    /// Whether the store can be used at this moment; connects and migrates where needed.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.pool.attempt(|| self.try_ready()).await
    }

    async fn try_ready(&self) -> Result<(), Trouble> {
        self.pool.session().await?.simple_query("SELECT 1").await?;
        Ok(())
    }

    /// A connection of the pool, for tests that look behind the store.
    #[cfg(test)]
    #[cfg(feature = "postgres")]
    pub(crate) async fn session(&self) -> Object {
        self.pool.session().await.unwrap()
    }

    async fn now(&self, transaction: &Transaction<'_>) -> Result<Timestamp, Trouble> {
        Ok((self.clock)(read::now(transaction).await?))
    }

    async fn try_claim(&self, groups: &[Group]) -> Result<Vec<GroupClaim>, Trouble> {
        let mut session = self.pool.session().await?;
        let transaction = session.transaction().await?;
        let mut page = read::of_groups(&transaction, groups, self.clock).await?;
        let claims = page.claim(groups)?;
        Box::pin(write::page(&transaction, &page)).await?;
        transaction.commit().await?;
        Ok(claims)
    }

    async fn try_settle(
        &self,
        settlements: &[Settlement],
        entries: &[JournalEntry],
    ) -> Result<Vec<Settled>, Trouble> {
        let mut session = self.pool.session().await?;
        let transaction = session.transaction().await?;
        let mut page = read::of_settlements(&transaction, settlements, self.clock).await?;
        let settled = page.settle(settlements)?;
        journal::append(&transaction, entries).await?;
        Box::pin(write::page(&transaction, &page)).await?;
        transaction.commit().await?;
        Ok(settled)
    }

    async fn try_renew(
        &self,
        target: &str,
        tokens: &[Uuid],
        lease: Duration,
    ) -> Result<Vec<Uuid>, Trouble> {
        let mut session = self.pool.session().await?;
        let transaction = session.transaction().await?;
        let until = micros(self.now(&transaction).await?).saturating_add(span(lease));
        let update = "WITH mine AS (SELECT token FROM claim
                                    WHERE token = ANY ($1) AND target = $2
                                    ORDER BY token FOR NO KEY UPDATE)
                      UPDATE claim c SET lease_until = $3 FROM mine WHERE c.token = mine.token
                      RETURNING c.token";
        let [update] = read::prepared(&transaction, [update]).await?;
        let renewed = transaction.query(&update, &[&tokens, &target, &until]).await?;
        let renewed = renewed
            .iter()
            .map(|row| value::get::<Uuid>(row, "token"))
            .collect::<Result<Vec<_>, _>>()?;
        transaction.commit().await?;
        Ok(tokens.iter().copied().filter(|token| !renewed.contains(token)).collect())
    }

    async fn try_end(&self, ended: &BTreeMap<Delivery, End>) -> Result<(), Trouble> {
        let mut session = self.pool.session().await?;
        let transaction = session.transaction().await?;
        let at = micros(self.now(&transaction).await?);
        write::ends(&transaction, ended.iter(), at).await?;
        Ok(transaction.commit().await?)
    }

    async fn try_append(&self, entries: &[JournalEntry]) -> Result<(), Trouble> {
        let mut session = self.pool.session().await?;
        let transaction = session.transaction().await?;
        transaction.batch_execute("SET LOCAL synchronous_commit = off").await?;
        journal::append(&transaction, entries).await?;
        Ok(transaction.commit().await?)
    }

    async fn try_overview(&self) -> Result<Overview, Trouble> {
        let mut session = self.pool.session().await?;
        let transaction = view(&mut session).await?;
        let now = self.now(&transaction).await?;
        overview::overview(&transaction, now).await
    }
}

/// One consistent view, which waits for nobody's write.
async fn view(session: &mut Object) -> Result<Transaction<'_>, Trouble> {
    let transaction = session.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
    Ok(transaction.read_only(true).start().await?)
}

impl Ledger for PostgresStore {
    async fn claim(&self, groups: Vec<Group>) -> Result<Vec<GroupClaim>, StoreError> {
        let groups = storable::groups(groups);
        self.pool.attempt(|| self.try_claim(&groups)).await
    }

    /// Ledger and journal change together, or not at all.
    async fn settle(
        &self,
        settlements: Vec<Settlement>,
        entries: Vec<JournalEntry>,
    ) -> Result<Vec<Settled>, StoreError> {
        let settlements = storable::settlements(settlements);
        let entries = storable::entries(entries);
        self.pool.attempt(|| self.try_settle(&settlements, &entries)).await
    }

    async fn renew(
        &self,
        target: &str,
        tokens: Vec<Uuid>,
        lease: Duration,
    ) -> Result<Vec<Uuid>, StoreError> {
        self.pool.attempt(|| self.try_renew(target, &tokens, lease)).await
    }

    async fn end(
        &self,
        target: &str,
        route: &str,
        ended: Vec<(Uuid, u32, Outcome, String)>,
    ) -> Result<(), StoreError> {
        let mut ends: BTreeMap<Delivery, End> = BTreeMap::new();
        for (event_id, generation, outcome, because) in ended {
            let because = storable::because(because);
            let delivery = Delivery { target: target.to_owned(), event_id, generation };
            let end = End { route: route.to_owned(), outcome, because: Some(because) };
            ends.entry(delivery).or_insert(end);
        }
        self.pool.attempt(|| self.try_end(&ends)).await
    }
}

impl Journal for PostgresStore {
    async fn append(&self, entries: Vec<JournalEntry>) -> Result<(), StoreError> {
        let entries = storable::entries(entries);
        self.pool.attempt(|| self.try_append(&entries)).await
    }

    async fn search(&self, filter: JournalFilter) -> Result<Vec<JournalRow>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            journal::search(&view(&mut session).await?, &filter).await
        };
        self.pool.attempt(work).await
    }
}

impl DeadLetters for PostgresStore {
    async fn bury(&self, letters: Vec<DeadLetter>) -> Result<(), StoreError> {
        let letters = storable::letters(letters);
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            let now = self.now(&transaction).await?;
            dead::bury(&transaction, &letters, now).await?;
            Ok(transaction.commit().await?)
        };
        self.pool.attempt(work).await
    }

    async fn dead(&self, filter: DeadFilter) -> Result<Vec<DeadSummary>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            dead::list(&view(&mut session).await?, &filter).await
        };
        self.pool.attempt(work).await
    }

    async fn dead_letter(&self, id: i64) -> Result<Option<(DeadSummary, DeadLetter)>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            dead::letter(&view(&mut session).await?, id).await
        };
        self.pool.attempt(work).await
    }

    async fn close_overtaken(&self, limit: u32) -> Result<u64, StoreError> {
        let by = "the same state or a later one of this part was brought to the target";
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            let found = dead::overtaken(&transaction, limit).await?;
            let now = self.now(&transaction).await?;
            dead::close(&transaction, &found, by, now).await?;
            transaction.commit().await?;
            Ok(u64::try_from(found.len()).unwrap_or(u64::MAX))
        };
        self.pool.attempt(work).await
    }

    async fn awaited(&self, limit: u32) -> Result<Vec<(i64, DeadLetter)>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            dead::awaited(&view(&mut session).await?, limit).await
        };
        self.pool.attempt(work).await
    }

    async fn close(&self, ids: Vec<i64>, by: &str) -> Result<(), StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            let now = self.now(&transaction).await?;
            dead::close(&transaction, &ids, by, now).await?;
            Ok(transaction.commit().await?)
        };
        self.pool.attempt(work).await
    }
}

impl Leases for PostgresStore {
    async fn lease(&self, lease: Lease, ttl: Duration) -> Result<bool, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            let now = self.now(&transaction).await?;
            let taken = cursor::lease(&transaction, &lease, ttl, now).await?;
            transaction.commit().await?;
            Ok(taken)
        };
        self.pool.attempt(work).await
    }

    async fn release(&self, lease: Lease) -> Result<(), StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            cursor::release(&transaction, &lease).await?;
            Ok(transaction.commit().await?)
        };
        self.pool.attempt(work).await
    }
}

impl Known for PostgresStore {
    async fn known(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
    ) -> Result<Vec<Option<String>>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            read::known(&view(&mut session).await?, entity, system, &ids).await
        };
        self.pool.attempt(work).await
    }

    async fn owner(
        &self,
        entity: Entity,
        system: &str,
        own_id: &str,
    ) -> Result<Option<String>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            read::owner(&view(&mut session).await?, entity, system, own_id).await
        };
        self.pool.attempt(work).await
    }
}

impl Cursors for PostgresStore {
    async fn cursor(&self, name: &str) -> Result<Option<String>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            cursor::position(&view(&mut session).await?, name).await
        };
        self.pool.attempt(work).await
    }

    async fn move_cursor(
        &self,
        name: &str,
        from: Option<&str>,
        to: &str,
    ) -> Result<bool, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            let moved = cursor::step(&transaction, name, from, to).await?;
            transaction.commit().await?;
            Ok(moved)
        };
        self.pool.attempt(work).await
    }
}

impl Overviews for PostgresStore {
    async fn overview(&self) -> Result<Overview, StoreError> {
        self.pool.attempt(|| self.try_overview()).await
    }

    async fn entity(&self, entity: &str, id: &str) -> Result<EntityView, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            overview::entity(&view(&mut session).await?, entity, id).await
        };
        self.pool.attempt(work).await
    }

    async fn count_records(&self, system: &str, records: u64) -> Result<(), StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            overview::count_records(&transaction, system, records).await?;
            Ok(transaction.commit().await?)
        };
        self.pool.attempt(work).await
    }
}
