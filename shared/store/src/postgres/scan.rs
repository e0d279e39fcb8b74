//! What walks over a source's list have shown, row by row.

use std::collections::BTreeMap;

use deadpool_postgres::Transaction;
use uuid::Uuid;

use super::{
    PostgresStore, cursor,
    error::Trouble,
    read::prepared,
    value::{get, wide},
};
use crate::{Said, ScannedPage, ScannedRow, Scans, StoreError, scan::FORGOTTEN_AT_ONCE};

const SAID: &str = "SELECT id, hash, again FROM scanned WHERE scan = $1 AND id = ANY ($2)";

const KEEP: &str = "INSERT INTO scanned (scan, id, hash, again, walk)
    SELECT $1, id, hash, again, $5
    FROM unnest($2::text[], $3::uuid[], $4::boolean[]) AS shown (id, hash, again)
    ON CONFLICT (scan, id) DO UPDATE
    SET hash = excluded.hash, again = excluded.again, walk = excluded.walk";

const FORGET: &str = "DELETE FROM scanned WHERE scan = $1 AND id IN
    (SELECT id FROM scanned WHERE scan = $1 AND walk < $2 LIMIT $3)";

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
    let walk = wide(page.walk);
    transaction.execute(&statement, &[&scan, &ids, &hashes, &again, &walk]).await?;
    Ok(())
}
