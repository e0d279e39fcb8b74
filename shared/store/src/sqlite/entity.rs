//! One entity at one system: whose claim holds it, whether it is unknown, what the system calls it.

use std::time::Duration;

use ferry_canonical::Entity;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use tracing::warn;
use uuid::Uuid;

use super::{
    Turn,
    known::keep_intents,
    value::{duration, micros},
};
use crate::StoreError;

/// Names one entity by its canonical id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) entity: Entity,
    pub(super) id: String,
}

/// How an entity stands at a target.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    pub(super) own_id: Option<String>,
    /// How often it has been granted.
    pub(super) grants: i64,
    /// A live claim holds it.
    pub(super) held: bool,
    /// Present while it is unknown: when a lost write can be read at the latest.
    unknown_until: Option<i64>,
}

impl Standing {
    pub(super) fn is_unknown(&self) -> bool {
        self.unknown_until.is_some()
    }

    /// How long a lost write may still take effect.
    pub(super) fn wait(&self, now: Timestamp) -> Option<Duration> {
        let left = self.unknown_until? - micros(now);
        (left > 0).then(|| duration(left))
    }
}

struct Found {
    own_id: Option<String>,
    grants: i64,
    unknown_until: Option<i64>,
    token: Option<[u8; 16]>,
    lease_until: Option<i64>,
    lost_until: Option<i64>,
}

/// Reads how it stands. A claim whose lease has ended unsettled is removed, and the entity becomes
/// unknown, because its call may have been made.
pub(super) fn standing(
    Turn { ledger, now }: Turn<'_>,
    target: &str,
    key: &Key,
) -> Result<Standing, StoreError> {
    let Some(found) = find(ledger, target, key)? else {
        return Ok(Standing::default());
    };
    let mut standing = Standing {
        own_id: found.own_id,
        grants: found.grants,
        held: found.lease_until.is_some_and(|until| until > micros(now)),
        unknown_until: found.unknown_until,
    };
    if let (Some(token), false) = (found.token, standing.held) {
        standing.unknown_until = standing.unknown_until.max(found.lost_until);
        let token = Uuid::from_bytes(token);
        keep_intents(ledger, target, key, token)?;
        free(ledger, target, key, token, standing.unknown_until)?;
    }
    Ok(standing)
}

fn find(ledger: &Connection, target: &str, key: &Key) -> Result<Option<Found>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT e.own_id, e.grants, e.unknown_until, e.token, c.lease_until,
                c.started_at + c.settle_after
         FROM entity e LEFT JOIN claim c ON c.token = e.token
         WHERE e.entity = ?1 AND e.id = ?2 AND e.system = ?3",
    )?;
    let found = select.query_row((key.entity.as_str(), &key.id, target), |row| {
        Ok(Found {
            own_id: row.get(0)?,
            grants: row.get(1)?,
            unknown_until: row.get(2)?,
            token: row.get(3)?,
            lease_until: row.get(4)?,
            lost_until: row.get(5)?,
        })
    });
    Ok(found.optional()?)
}

/// Gives the entity to a claim.
pub(super) fn take(
    ledger: &Connection,
    target: &str,
    key: &Key,
    token: Uuid,
    grants: i64,
) -> Result<(), StoreError> {
    let mut upsert = ledger.prepare_cached(
        "INSERT INTO entity (entity, id, system, grants, token) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (entity, id, system)
         DO UPDATE SET grants = excluded.grants, token = excluded.token",
    )?;
    upsert.execute((key.entity.as_str(), &key.id, target, grants, token.as_bytes()))?;
    Ok(())
}

/// Ends a claim on the entity; `unknown_until` says how it stands from now on.
pub(super) fn free(
    ledger: &Connection,
    target: &str,
    key: &Key,
    token: Uuid,
    unknown_until: Option<i64>,
) -> Result<(), StoreError> {
    let mut update = ledger.prepare_cached(
        "UPDATE entity SET token = NULL, unknown_until = ?5
         WHERE entity = ?1 AND id = ?2 AND system = ?3 AND token = ?4",
    )?;
    update.execute((key.entity.as_str(), &key.id, target, token.as_bytes(), unknown_until))?;
    ledger.prepare_cached("DELETE FROM claim WHERE token = ?1")?.execute([token.as_bytes()])?;
    Ok(())
}

/// The canonical id behind a system's own id.
pub(super) fn canonical_id(
    ledger: &Connection,
    system: &str,
    entity: Entity,
    own_id: &str,
) -> Result<Option<String>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT id FROM entity WHERE entity = ?1 AND system = ?2 AND own_id = ?3",
    )?;
    let id = select.query_row((entity.as_str(), system, own_id), |row| row.get(0));
    Ok(id.optional()?)
}

/// Stores what the system calls the entity. An own id belongs to one entity only: the first keeps
/// it, since taking it away would make the system's record of the first look like nobody's.
pub(super) fn call(
    ledger: &Connection,
    system: &str,
    key: &Key,
    own_id: &str,
) -> Result<(), StoreError> {
    match canonical_id(ledger, system, key.entity, own_id)? {
        Some(id) if id == key.id => return Ok(()),
        Some(_) => {
            warn!(system, entity = %key.entity, "an own id belongs to another entity already");
            return Ok(());
        }
        None => {}
    }
    let mut upsert = ledger.prepare_cached(
        "INSERT INTO entity (entity, id, system, own_id) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (entity, id, system) DO UPDATE SET own_id = excluded.own_id",
    )?;
    upsert.execute((key.entity.as_str(), &key.id, system, own_id))?;
    Ok(())
}
