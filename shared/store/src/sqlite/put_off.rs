//! Operations of systems that may still write something.

use ferry_canonical::Entity;
use rusqlite::Connection;

use crate::{PutOff, SqliteStore, StoreError};

const PUT: &str = "INSERT INTO put_off (entity, id, system, operation) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO NOTHING";

const FORGET: &str =
    "DELETE FROM put_off WHERE entity = ?1 AND id = ?2 AND system = ?3 AND operation = ?4";

const OPERATIONS: &str = "SELECT operation FROM put_off
    WHERE entity = ?1 AND id = ?2 AND system = ?3 ORDER BY operation";

impl PutOff for SqliteStore {
    async fn put_off(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
        operation: String,
    ) -> Result<(), StoreError> {
        let system = system.to_owned();
        self.run(move |files| {
            files.ledger.write(|ledger| note(ledger, PUT, (entity, &system), (&ids, &operation)))
        })
        .await
    }

    async fn has_ended(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
        operation: String,
    ) -> Result<(), StoreError> {
        let system = system.to_owned();
        self.run(move |files| {
            files.ledger.write(|ledger| note(ledger, FORGET, (entity, &system), (&ids, &operation)))
        })
        .await
    }

    async fn operations(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
    ) -> Result<Vec<Vec<String>>, StoreError> {
        let system = system.to_owned();
        self.run(move |files| {
            files.ledger.read(|ledger| operations(ledger, (entity, &system), &ids))
        })
        .await
    }
}

fn note(
    ledger: &Connection,
    statement: &str,
    (entity, system): (Entity, &str),
    (ids, operation): (&[String], &str),
) -> Result<(), StoreError> {
    let mut statement = ledger.prepare_cached(statement)?;
    for id in ids {
        statement.execute((entity.as_str(), id, system, operation))?;
    }
    Ok(())
}

fn operations(
    ledger: &Connection,
    (entity, system): (Entity, &str),
    ids: &[String],
) -> Result<Vec<Vec<String>>, StoreError> {
    let mut select = ledger.prepare_cached(OPERATIONS)?;
    let mut all = Vec::with_capacity(ids.len());
    for id in ids {
        let found = select.query_map((entity.as_str(), id, system), |row| row.get(0))?;
        all.push(found.collect::<Result<_, _>>()?);
    }
    Ok(all)
}
