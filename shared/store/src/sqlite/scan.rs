//! What walks over a source's list have shown, row by row.

use rusqlite::{Connection, OptionalExtension as _, Params};
use uuid::Uuid;

use super::{
    SqliteStore, cursor,
    value::{narrow, wide},
};
use crate::{
    Decision, Gone, GoneRow, HeldRemovals, Said, ScannedPage, Scans, StoreError,
    scan::FORGOTTEN_AT_ONCE,
};

const APPROVED: &str = "approved";

const GONE: &str = "SELECT id, known_as FROM scanned
    WHERE scan = ?1 AND walk < ?2 AND known_as IS NOT NULL AND removal IS ?3 ORDER BY id LIMIT ?4";

const HOLD: &str = "UPDATE scanned SET removal = 'held'
    WHERE scan = ?1 AND walk < ?2 AND known_as IS NOT NULL AND removal IS NULL";

const HELD: &str = "SELECT id, known_as FROM scanned
    WHERE scan = ?1 AND removal = 'held' ORDER BY id LIMIT ?2";

const DECIDE: &str = "UPDATE scanned SET removal = ?2 WHERE scan = ?1 AND removal = 'held'";

const FORGET_GONE: &str = "DELETE FROM scanned WHERE scan = ?1 AND id = ?2 AND walk < ?3";

impl Scans for SqliteStore {
    async fn scanned(&self, scan: &str, ids: Vec<String>) -> Result<Vec<Option<Said>>, StoreError> {
        let scan = scan.to_owned();
        self.run(move |files| files.ledger.read(|ledger| said(ledger, &scan, &ids))).await
    }

    async fn keep_page(&self, scan: &str, page: ScannedPage) -> Result<bool, StoreError> {
        let scan = scan.to_owned();
        self.run(move |files| files.ledger.write(|ledger| keep(ledger, &scan, &page))).await
    }

    async fn gone(
        &self,
        scan: &str,
        walk: u64,
        which: Gone,
        limit: u32,
    ) -> Result<Vec<GoneRow>, StoreError> {
        let scan = scan.to_owned();
        self.run(move |files| {
            files.ledger.read(|ledger| {
                let state = (which == Gone::Approved).then_some(APPROVED);
                rows(ledger, GONE, (&scan, wide(walk), state, limit))
            })
        })
        .await
    }

    async fn hold_gone(&self, scan: &str, walk: u64) -> Result<(), StoreError> {
        let scan = scan.to_owned();
        self.run(move |files| {
            files.ledger.write(|ledger| {
                ledger.prepare_cached(HOLD)?.execute((&scan, wide(walk)))?;
                Ok(())
            })
        })
        .await
    }

    async fn held(&self, scan: &str, limit: u32) -> Result<HeldRemovals, StoreError> {
        let scan = scan.to_owned();
        self.run(move |files| {
            files.ledger.read(|ledger| {
                let count = waiting(ledger, &scan)?;
                Ok(HeldRemovals { count, rows: rows(ledger, HELD, (&scan, limit))? })
            })
        })
        .await
    }

    async fn decide(&self, scan: &str, count: u64, decision: Decision) -> Result<bool, StoreError> {
        let scan = scan.to_owned();
        self.run(move |files| {
            files.ledger.write(|ledger| {
                if waiting(ledger, &scan)? != count {
                    return Ok(false);
                }
                ledger.prepare_cached(DECIDE)?.execute((&scan, decision.as_str()))?;
                Ok(true)
            })
        })
        .await
    }

    async fn forget_gone(&self, scan: &str, walk: u64, ids: Vec<String>) -> Result<(), StoreError> {
        let scan = scan.to_owned();
        self.run(move |files| {
            files.ledger.write(|ledger| {
                let mut delete = ledger.prepare_cached(FORGET_GONE)?;
                for id in &ids {
                    delete.execute((&scan, id, wide(walk)))?;
                }
                Ok(())
            })
        })
        .await
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
        "INSERT INTO scanned (scan, id, hash, again, walk, known_as)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (scan, id) DO UPDATE
         SET hash = excluded.hash, again = excluded.again, walk = excluded.walk,
             known_as = excluded.known_as, removal = NULL",
    )?;
    let walk = wide(page.walk);
    for row in &page.rows {
        let Said { hash, again } = row.said;
        upsert.execute((scan, &row.id, hash.as_bytes(), again, walk, &row.known_as))?;
    }
    Ok(true)
}

fn waiting(ledger: &Connection, scan: &str) -> Result<u64, StoreError> {
    let mut select = ledger
        .prepare_cached("SELECT count(*) FROM scanned WHERE scan = ?1 AND removal = 'held'")?;
    narrow(select.query_row([scan], |row| row.get(0))?)
}

fn rows(
    ledger: &Connection,
    sql: &str,
    parameters: impl Params,
) -> Result<Vec<GoneRow>, StoreError> {
    let mut select = ledger.prepare_cached(sql)?;
    let rows = select
        .query_map(parameters, |row| Ok(GoneRow { id: row.get(0)?, known_as: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn forget(ledger: &Connection, scan: &str, since_walk: u64) -> Result<u64, StoreError> {
    let mut delete = ledger.prepare_cached(
        "DELETE FROM scanned WHERE scan = ?1 AND id IN
         (SELECT id FROM scanned
          WHERE scan = ?1 AND walk < ?2 AND known_as IS NULL LIMIT ?3)",
    )?;
    let forgotten = delete.execute((scan, wide(since_walk), FORGOTTEN_AT_ONCE))?;
    narrow(i64::try_from(forgotten).unwrap_or(i64::MAX))
}
