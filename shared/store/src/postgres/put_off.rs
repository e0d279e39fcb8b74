//! Operations of systems that may still write something.

use deadpool_postgres::Transaction;
use ferry_canonical::Entity;

use super::{error::Trouble, read::prepared, value::get, view};
use crate::{PostgresStore, PutOff, StoreError};

/// In the order of their ids: two that note the same entities do not lock each other out.
const PUT: &str = "INSERT INTO put_off (entity, id, system, operation)
    SELECT $1, id, $3, $4 FROM unnest($2::text[]) k (id) GROUP BY id ORDER BY id
    ON CONFLICT (entity, id, system) DO UPDATE SET operation = excluded.operation";

const FORGET: &str =
    "DELETE FROM put_off WHERE entity = $1 AND id = ANY ($2::text[]) AND system = $3";

const OPERATIONS: &str = "SELECT p.operation
    FROM unnest($2::text[]) WITH ORDINALITY k (id, n)
    LEFT JOIN put_off p ON p.entity = $1 AND p.id = k.id AND p.system = $3
    ORDER BY n";

impl PutOff for PostgresStore {
    async fn put_off(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
        operation: Option<String>,
    ) -> Result<(), StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            let operation = operation.as_deref();
            note(&transaction, (entity, system), &ids, operation).await?;
            Ok(transaction.commit().await?)
        };
        self.pool.attempt(work).await
    }

    async fn operations(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
    ) -> Result<Vec<Option<String>>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            operations(&view(&mut session).await?, (entity, system), &ids).await
        };
        self.pool.attempt(work).await
    }
}

async fn note(
    transaction: &Transaction<'_>,
    (entity, system): (Entity, &str),
    ids: &[String],
    operation: Option<&str>,
) -> Result<(), Trouble> {
    let [put, forget] = prepared(transaction, [PUT, FORGET]).await?;
    let entity = entity.as_str();
    match operation {
        Some(operation) => transaction.execute(&put, &[&entity, &ids, &system, &operation]).await?,
        None => transaction.execute(&forget, &[&entity, &ids, &system]).await?,
    };
    Ok(())
}

async fn operations(
    transaction: &Transaction<'_>,
    (entity, system): (Entity, &str),
    ids: &[String],
) -> Result<Vec<Option<String>>, Trouble> {
    let [statement] = prepared(transaction, [OPERATIONS]).await?;
    let rows = transaction.query(&statement, &[&entity.as_str(), &ids, &system]).await?;
    rows.iter().map(|row| Ok(get(row, "operation")?)).collect()
}
