//! What walks over a source's list have shown, row by row.

use std::collections::BTreeMap;

use deadpool_postgres::Transaction;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    PostgresStore, cursor,
    error::Trouble,
    read::prepared,
    value::{get, narrow, wide},
};
use crate::{
    Decision, Gone, GoneRow, HeldRemovals, Said, ScannedPage, ScannedRow, Scans, StoreError,
    scan::FORGOTTEN_AT_ONCE,
};

const SAID: &str = "SELECT id, hash, again FROM scanned WHERE scan = $1 AND id = ANY ($2)";

const KEEP: &str = "INSERT INTO scanned (scan, id, hash, again, walk, known_as)
    SELECT $1, id, hash, again, $5, known_as
    FROM unnest($2::text[], $3::uuid[], $4::boolean[], $6::text[])
        AS shown (id, hash, again, known_as)
    ON CONFLICT (scan, id) DO UPDATE
    SET hash = excluded.hash, again = excluded.again, walk = excluded.walk,
        known_as = excluded.known_as, removal = NULL";

const GONE: &str = "SELECT id, known_as FROM scanned
    WHERE scan = $1 AND walk < $2 AND known_as IS NOT NULL AND removal IS NOT DISTINCT FROM $3
    ORDER BY id LIMIT $4";

const HOLD: &str = "UPDATE scanned SET removal = 'held'
    WHERE scan = $1 AND walk < $2 AND known_as IS NOT NULL AND removal IS NULL";

const COUNT: &str = "SELECT count(*) AS held FROM scanned WHERE scan = $1 AND removal = 'held'";

const HELD: &str = "SELECT id, known_as FROM scanned
    WHERE scan = $1 AND removal = 'held' ORDER BY id LIMIT $2";

const LOCK_HELD: &str =
    "SELECT id FROM scanned WHERE scan = $1 AND removal = 'held' ORDER BY id FOR UPDATE";

const DECIDE: &str = "UPDATE scanned SET removal = $2 WHERE scan = $1 AND removal = 'held'";

const FORGET_GONE: &str = "DELETE FROM scanned WHERE scan = $1 AND id = ANY ($2) AND walk < $3";

const FORGET: &str = "DELETE FROM scanned WHERE scan = $1 AND id IN
    (SELECT id FROM scanned WHERE scan = $1 AND walk < $2 AND known_as IS NULL LIMIT $3)";

impl Scans for PostgresStore {
    async fn scanned(&self, scan: &str, ids: Vec<String>) -> Result<Vec<Option<Said>>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            said(&super::view(&mut session).await?, scan, &ids).await
        };
        self.pool.attempt(work).await
    }

    async fn keep_page(&self, scan: &str, page: ScannedPage) -> Result<bool, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            if !cursor::step(&transaction, scan, page.from.as_deref(), &page.to).await? {
                return Ok(false);
            }
            keep(&transaction, scan, &page).await?;
            transaction.commit().await?;
            Ok(true)
        };
        self.pool.attempt(work).await
    }

    async fn gone(
        &self,
        scan: &str,
        walk: u64,
        which: Gone,
        limit: u32,
    ) -> Result<Vec<GoneRow>, StoreError> {
        let state = (which == Gone::Approved).then_some("approved");
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = super::view(&mut session).await?;
            let [statement] = prepared(&transaction, [GONE]).await?;
            let (walk, limit) = (wide(walk), i64::from(limit));
            rows(&transaction.query(&statement, &[&scan, &walk, &state, &limit]).await?)
        };
        self.pool.attempt(work).await
    }

    async fn hold_gone(&self, scan: &str, walk: u64) -> Result<(), StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            transaction.execute(HOLD, &[&scan, &wide(walk)]).await?;
            Ok(transaction.commit().await?)
        };
        self.pool.attempt(work).await
    }

    async fn held(&self, scan: &str, limit: u32) -> Result<HeldRemovals, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = super::view(&mut session).await?;
            let count: i64 = get(&transaction.query_one(COUNT, &[&scan]).await?, "held")?;
            let found = transaction.query(HELD, &[&scan, &i64::from(limit)]).await?;
            Ok(HeldRemovals { count: narrow(count)?, rows: rows(&found)? })
        };
        self.pool.attempt(work).await
    }

    async fn decide(&self, scan: &str, count: u64, decision: Decision) -> Result<bool, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            let held = transaction.query(LOCK_HELD, &[&scan]).await?.len();
            if u64::try_from(held).ok() != Some(count) {
                return Ok(false);
            }
            transaction.execute(DECIDE, &[&scan, &decision.as_str()]).await?;
            transaction.commit().await?;
            Ok(true)
        };
        self.pool.attempt(work).await
    }

    async fn forget_gone(&self, scan: &str, walk: u64, ids: Vec<String>) -> Result<(), StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            transaction.execute(FORGET_GONE, &[&scan, &ids, &wide(walk)]).await?;
            Ok(transaction.commit().await?)
        };
        self.pool.attempt(work).await
    }

    async fn forget_unseen(&self, scan: &str, since_walk: u64) -> Result<u64, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            let [forget] = prepared(&transaction, [FORGET]).await?;
            let limit = i64::from(FORGOTTEN_AT_ONCE);
            let forgotten =
                transaction.execute(&forget, &[&scan, &wide(since_walk), &limit]).await?;
            transaction.commit().await?;
            Ok(forgotten)
        };
        self.pool.attempt(work).await
    }
}

async fn said(
    transaction: &Transaction<'_>,
    scan: &str,
    ids: &[String],
) -> Result<Vec<Option<Said>>, Trouble> {
    let [statement] = prepared(transaction, [SAID]).await?;
    let mut found: BTreeMap<String, Said> = BTreeMap::new();
    for row in transaction.query(&statement, &[&scan, &ids]).await? {
        let said = Said { hash: get(&row, "hash")?, again: get(&row, "again")? };
        found.insert(get(&row, "id")?, said);
    }
    Ok(ids.iter().map(|id| found.get(id).copied()).collect())
}

async fn keep(
    transaction: &Transaction<'_>,
    scan: &str,
    page: &ScannedPage,
) -> Result<(), Trouble> {
    let of = |row: &ScannedRow| (row.id.clone(), (row.said.hash, row.said.again));
    let (ids, said): (Vec<String>, Vec<(Uuid, bool)>) = page.rows.iter().map(of).unzip();
    let (hashes, again): (Vec<Uuid>, Vec<bool>) = said.into_iter().unzip();
    let [statement] = prepared(transaction, [KEEP]).await?;
    let known_as: Vec<Option<String>> = page.rows.iter().map(|row| row.known_as.clone()).collect();
    let walk = wide(page.walk);
    transaction.execute(&statement, &[&scan, &ids, &hashes, &again, &walk, &known_as]).await?;
    Ok(())
}

fn rows(found: &[Row]) -> Result<Vec<GoneRow>, Trouble> {
    let gone = |row| Ok(GoneRow { id: get(row, "id")?, known_as: get(row, "known_as")? });
    found.iter().map(gone).collect()
}
