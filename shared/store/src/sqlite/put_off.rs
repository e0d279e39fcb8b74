//! Operations of systems that may still write something.

use ferry_canonical::Entity;
use rusqlite::{Connection, OptionalExtension as _};

use crate::{PutOff, SqliteStore, StoreError};

impl PutOff for SqliteStore {
    async fn put_off(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
        operation: Option<String>,
    ) -> Result<(), StoreError> {
        let system = system.to_owned();
        let note = move |ledger: &Connection| match &operation {
            Some(operation) => put_off(ledger, (entity, &system), &ids, operation),
            None => forget(ledger, (entity, &system), &ids),
        };
        self.run(move |files| files.ledger.write(note)).await
    }

    async fn operations(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
    ) -> Result<Vec<Option<String>>, StoreError> {
        let system = system.to_owned();
        self.run(move |files| {
            files.ledger.read(|ledger| operations(ledger, (entity, &system), &ids))
        })
        .await
    }
}

fn put_off(
    ledger: &Connection,
    (entity, system): (Entity, &str),
    ids: &[String],
    operation: &str,
) -> Result<(), StoreError> {
    let mut put = ledger.prepare_cached(
        "INSERT INTO put_off (entity, id, system, operation) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (entity, id, system) DO UPDATE SET operation = excluded.operation",
    )?;
    for id in ids {
        put.execute((entity.as_str(), id, system, operation))?;
    }
    Ok(())
}

fn forget(
    ledger: &Connection,
    (entity, system): (Entity, &str),
    ids: &[String],
) -> Result<(), StoreError> {
    let mut delete = ledger
        .prepare_cached("DELETE FROM put_off WHERE entity = ?1 AND id = ?2 AND system = ?3")?;
    for id in ids {
        delete.execute((entity.as_str(), id, system))?;
    }
    Ok(())
}

fn operations(
    ledger: &Connection,
    (entity, system): (Entity, &str),
    ids: &[String],
) -> Result<Vec<Option<String>>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT operation FROM put_off WHERE entity = ?1 AND id = ?2 AND system = ?3",
    )?;
    let mut operations = Vec::with_capacity(ids.len());
    for id in ids {
        let found = select.query_row((entity.as_str(), id, system), |row| row.get(0));
        operations.push(found.optional()?);
    }
    Ok(operations)
}
