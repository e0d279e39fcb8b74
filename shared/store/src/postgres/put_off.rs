//! Operations of systems that may still write something.

use deadpool_postgres::Transaction;
use ferry_canonical::Entity;

use super::{error::Trouble, read::prepared, value::get, view};
use crate::{PostgresStore, PutOff, StoreError};

/// In the order of their ids: two that note the same entities do not lock each other out.
const PUT: &str = "INSERT INTO put_off (entity, id, system, operation)
    SELECT $1, id, $3, $4 FROM unnest($2::text[]) k (id) GROUP BY id ORDER BY id
    ON CONFLICT DO NOTHING";

const FORGET: &str = "DELETE FROM put_off
    WHERE entity = $1 AND id = ANY ($2::text[]) AND system = $3 AND operation = $4";

const OPERATIONS: &str = "SELECT k.n, p.operation
    FROM unnest($2::text[]) WITH ORDINALITY k (id, n)
    JOIN put_off p ON p.entity = $1 AND p.id = k.id AND p.system = $3
    ORDER BY k.n, p.operation";

impl PutOff for PostgresStore {
    async fn put_off(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
        operation: String,
    ) -> Result<(), StoreError> {
        let work = || self.note(PUT, (entity, system), (&ids, &operation));
        self.pool.attempt(work).await
    }

    async fn has_ended(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
        operation: String,
    ) -> Result<(), StoreError> {
        let work = || self.note(FORGET, (entity, system), (&ids, &operation));
        self.pool.attempt(work).await
    }

    async fn operations(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
    ) -> Result<Vec<Vec<String>>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            operations(&view(&mut session).await?, (entity, system), &ids).await
        };
        self.pool.attempt(work).await
    }
}

impl PostgresStore {
    async fn note(
        &self,
        statement: &str,
        (entity, system): (Entity, &str),
        (ids, operation): (&[String], &str),
    ) -> Result<(), Trouble> {
        let mut session = self.pool.session().await?;
        let transaction = session.transaction().await?;
        let [statement] = prepared(&transaction, [statement]).await?;
        transaction.execute(&statement, &[&entity.as_str(), &ids, &system, &operation]).await?;
        Ok(transaction.commit().await?)
    }
}

async fn operations(
    transaction: &Transaction<'_>,
    (entity, system): (Entity, &str),
    ids: &[String],
) -> Result<Vec<Vec<String>>, Trouble> {
    let [statement] = prepared(transaction, [OPERATIONS]).await?;
    let rows = transaction.query(&statement, &[&entity.as_str(), &ids, &system]).await?;
    let mut all = vec![Vec::new(); ids.len()];
    for row in rows {
        let place: i64 = get(&row, "n")?;
        let place = usize::try_from(place).ok().and_then(|place| place.checked_sub(1));
        if let Some(operations) = place.and_then(|place| all.get_mut(place)) {
            operations.push(get(&row, "operation")?);
        }
    }
    Ok(all)
}
