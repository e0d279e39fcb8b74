//! Links of entities with what a system calls them.

use ferry_canonical::Entity;
use rusqlite::{Connection, OptionalExtension as _};

use crate::{
    Link, Linked, Links, SqliteStore, StoreError,
    links::{Before, decide},
};

impl Links for SqliteStore {
    async fn links(&self, system: &str, entity: Entity) -> Result<Vec<Link>, StoreError> {
        let system = system.to_owned();
        self.run(move |files| files.ledger.read(|ledger| all(ledger, &system, entity))).await
    }

    async fn link(&self, system: &str, links: Vec<Link>) -> Result<Vec<Linked>, StoreError> {
        let system = system.to_owned();
        self.run(move |files| files.ledger.write(|ledger| link(ledger, &system, &links))).await
    }
}

fn all(ledger: &Connection, system: &str, entity: Entity) -> Result<Vec<Link>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT id, own_id FROM entity
         WHERE entity = ?1 AND system = ?2 AND own_id IS NOT NULL ORDER BY id",
    )?;
    let rows = select.query_map((entity.as_str(), system), |row| {
        Ok(Link { entity, id: row.get(0)?, own_id: row.get(1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn link(ledger: &Connection, system: &str, links: &[Link]) -> Result<Vec<Linked>, StoreError> {
    let mut find = ledger.prepare_cached(
        "SELECT own_id, token IS NOT NULL OR unknown_until IS NOT NULL FROM entity
         WHERE entity = ?1 AND id = ?2 AND system = ?3",
    )?;
    let mut owner = ledger.prepare_cached(
        "SELECT id FROM entity WHERE entity = ?1 AND own_id = ?2 AND system = ?3",
    )?;
    let mut put = ledger.prepare_cached(
        "INSERT INTO entity (entity, id, system, own_id) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (entity, id, system) DO UPDATE SET own_id = excluded.own_id",
    )?;
    let mut answers = Vec::with_capacity(links.len());
    for link in links {
        let entity = link.entity.as_str();
        let found = find
            .query_row((entity, &link.id, system), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (own_id, busy) = found.unwrap_or_default();
        let owner = owner.query_row((entity, &link.own_id, system), |row| row.get(0)).optional()?;
        let linked = decide(link, Before { own_id, busy, owner });
        if linked == Linked::Made {
            put.execute((entity, &link.id, system, &link.own_id))?;
        }
        answers.push(linked);
    }
    Ok(answers)
}
