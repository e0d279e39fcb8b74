//! What walks over a source's list have shown, row by row.

use rusqlite::{Connection, OptionalExtension as _};
use uuid::Uuid;

use super::{
    SqliteStore, cursor,
    value::{narrow, wide},
};
use crate::{Said, ScannedPage, Scans, StoreError, scan::FORGOTTEN_AT_ONCE};

impl Scans for SqliteStore {
    async fn scanned(&self, scan: &str, ids: Vec<String>) -> Result<Vec<Option<Said>>, StoreError> {
        let scan = scan.to_owned();
        self.run(move |files| files.ledger.read(|ledger| said(ledger, &scan, &ids))).await
    }

    async fn keep_page(&self, scan: &str, page: ScannedPage) -> Result<bool, StoreError> {
        let scan = scan.to_owned();
        self.run(move |files| files.ledger.write(|ledger| keep(ledger, &scan, &page))).await
    }

    async fn forget_unseen(&self, scan: &str, since_walk: u64) -> Result<u64, StoreError> {
        let scan = scan.to_owned();
        self.run(move |files| files.ledger.write(|ledger| forget(ledger, &scan, since_walk))).await
    }
}

fn said(ledger: &Connection, scan: &str, ids: &[String]) -> Result<Vec<Option<Said>>, StoreError> {
    let mut select =
        ledger.prepare_cached("SELECT hash, again FROM scanned WHERE scan = ?1 AND id = ?2")?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let row = select
            .query_row((scan, id), |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, bool>(1)?)));
        let row = row.optional()?;
        found.push(row.map(|(hash, again)| Said { hash: Uuid::from_bytes(hash), again }));
    }
    Ok(found)
}

fn keep(ledger: &Connection, scan: &str, page: &ScannedPage) -> Result<bool, StoreError> {
    if !cursor::step(ledger, scan, page.from.as_deref(), &page.to)? {
        return Ok(false);
    }
    let mut upsert = ledger.prepare_cached(
        "INSERT INTO scanned (scan, id, hash, again, walk) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (scan, id) DO UPDATE
         SET hash = excluded.hash, again = excluded.again, walk = excluded.walk",
    )?;
    let walk = wide(page.walk);
    for row in &page.rows {
        upsert.execute((scan, &row.id, row.said.hash.as_bytes(), row.said.again, walk))?;
    }
    Ok(true)
}

fn forget(ledger: &Connection, scan: &str, since_walk: u64) -> Result<u64, StoreError> {
    let mut delete = ledger.prepare_cached(
        "DELETE FROM scanned WHERE scan = ?1 AND id IN
         (SELECT id FROM scanned WHERE scan = ?1 AND walk < ?2 LIMIT ?3)",
    )?;
    let forgotten = delete.execute((scan, wide(since_walk), FORGOTTEN_AT_ONCE))?;
    narrow(i64::try_from(forgotten).unwrap_or(i64::MAX))
}
