//! Links of entities with what a system calls them.

use deadpool_postgres::Transaction;
use ferry_canonical::Entity;

use super::{error::Trouble, read::prepared, value::get, view};
use crate::{
    Link, Linked, Links, PostgresStore, StoreError,
    links::{Before, decide},
};

const ALL: &str = "SELECT id, own_id FROM entity
    WHERE entity = $1 AND system = $2 AND own_id IS NOT NULL ORDER BY id";

/// The row has to be there to be locked, as for a claim.
const ENTER: &str = "INSERT INTO entity (entity, id, system) VALUES ($1, $2, $3)
    ON CONFLICT (entity, id, system) DO NOTHING";

const LOCK: &str = "SELECT own_id, token IS NOT NULL OR unknown_until IS NOT NULL AS busy
    FROM entity WHERE entity = $1 AND id = $2 AND system = $3 FOR NO KEY UPDATE";

const OWNER: &str = "SELECT id FROM entity WHERE entity = $1 AND own_id = $2 AND system = $3";

const PUT: &str = "UPDATE entity SET own_id = $4 WHERE entity = $1 AND id = $2 AND system = $3";

impl Links for PostgresStore {
    async fn links(&self, system: &str, entity: Entity) -> Result<Vec<Link>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            all(&view(&mut session).await?, system, entity).await
        };
        self.pool.attempt(work).await
    }

    async fn link(&self, system: &str, links: Vec<Link>) -> Result<Vec<Linked>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            let linked = link(&transaction, system, &links).await?;
            transaction.commit().await?;
            Ok(linked)
        };
        self.pool.attempt(work).await
    }
}

async fn all(
    transaction: &Transaction<'_>,
    system: &str,
    entity: Entity,
) -> Result<Vec<Link>, Trouble> {
    let [statement] = prepared(transaction, [ALL]).await?;
    let rows = transaction.query(&statement, &[&entity.as_str(), &system]).await?;
    let link = |row| Ok(Link { entity, id: get(row, "id")?, own_id: get(row, "own_id")? });
    rows.iter().map(link).collect()
}

/// Locks are taken in the order in which every batch takes them.
async fn link(
    transaction: &Transaction<'_>,
    system: &str,
    links: &[Link],
) -> Result<Vec<Linked>, Trouble> {
    let [enter, lock, owner, put] = prepared(transaction, [ENTER, LOCK, OWNER, PUT]).await?;
    let mut in_order: Vec<(usize, &Link)> = links.iter().enumerate().collect();
    in_order.sort_by_key(|(_, link)| (link.entity.as_str(), &link.id));
    let mut answers = Vec::with_capacity(links.len());
    for (index, link) in in_order {
        let entity = link.entity.as_str();
        transaction.execute(&enter, &[&entity, &link.id, &system]).await?;
        let row = transaction.query_one(&lock, &[&entity, &link.id, &system]).await?;
        let (own_id, busy) = (get(&row, "own_id")?, get(&row, "busy")?);
        let row = transaction.query_opt(&owner, &[&entity, &link.own_id, &system]).await?;
        let owner = row.as_ref().map(|row| get(row, "id")).transpose()?;
        let linked = decide(link, Before { own_id, busy, owner });
        if linked == Linked::Made {
            transaction.execute(&put, &[&entity, &link.id, &system, &link.own_id]).await?;
        }
        answers.push((index, linked));
    }
    answers.sort_by_key(|(index, _)| *index);
    Ok(answers.into_iter().map(|(_, linked)| linked).collect())
}
