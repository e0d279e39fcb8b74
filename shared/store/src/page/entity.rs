//! One entity at one system: whose claim holds it, whether it is unknown, what the system calls it.

use std::time::Duration;

use tracing::warn;
use uuid::Uuid;

use super::{At, Key, OwnId, Page};

/// How an entity stands at a target.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    pub(super) own_id: Option<String>,
    pub(super) grants: i64,
    /// A live claim holds it.
    pub(super) held: bool,
    unknown_until: Option<i64>,
}

impl Look {
    pub(super) fn is_unknown(&self) -> bool {
        self.unknown_until.is_some()
    }

    /// How long a lost write may still take effect after `now`, in microseconds.
    pub(super) fn wait(&self, now: i64) -> Option<Duration> {
        let left = self.unknown_until? - now;
        u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_micros)
    }
}

impl Page {
    /// How it stands. A claim whose lease has ended unsettled is removed, and the entity becomes
    /// unknown, because its call may have been made. The doubt counts from the lease's end: a call may
    /// be of several requests, and while it holds, the last of them may have begun just now.
    pub(super) fn look(&mut self, at: &At) -> Look {
        let Some(standing) = self.standings.get(at) else { return Look::default() };
        let claim = standing.token.and_then(|token| self.claims.get(&token));
        let mut look = Look {
            own_id: standing.own_id.clone(),
            grants: standing.grants,
            held: claim.is_some_and(|claim| claim.lease_until > self.now_micros()),
            unknown_until: standing.unknown_until,
        };
        if let (Some(token), false) = (standing.token, look.held) {
            let lost_until =
                claim.map(|claim| claim.lease_until.saturating_add(claim.settle_after));
            look.unknown_until = look.unknown_until.max(lost_until);
            self.keep_intents(at, token);
            self.free(at, token, look.unknown_until);
        }
        look
    }

    /// Gives the entity to a claim.
    pub(super) fn take(&mut self, at: &At, token: Uuid, grants: i64) {
        let mut standing = self.standings.get(at).cloned().unwrap_or_default();
        standing.token = Some(token);
        standing.grants = grants;
        self.standings.put(at.clone(), standing);
    }

    /// Ends a claim on the entity; `unknown_until` says how it stands from now on.
    pub(super) fn free(&mut self, at: &At, token: Uuid, unknown_until: Option<i64>) {
        if self.standings.get(at).is_some_and(|standing| standing.token == Some(token))
            && let Some(standing) = self.standings.change(at)
        {
            standing.token = None;
            standing.unknown_until = unknown_until;
        }
        self.claims.remove(&token);
    }

    /// Stores what the system calls the entity. An own id belongs to one entity only: the first
    /// keeps it, since taking it away would make the system's record of the first look like
    /// nobody's.
    pub(super) fn call(&mut self, system: &str, key: &Key, own_id: &str) {
        let name = OwnId { entity: key.entity, system: system.to_owned(), id: own_id.to_owned() };
        match self.own_ids.get(&name) {
            Some(id) if *id == key.id => return,
            Some(_) => {
                warn!(system, entity = %key.entity, "an own id belongs to another entity already");
                return;
            }
            None => {}
        }
        let at = At::new(key, system);
        let mut standing = self.standings.get(&at).cloned().unwrap_or_default();
        standing.own_id = Some(own_id.to_owned());
        self.standings.put(at, standing);
        self.own_ids.insert(name, key.id.clone());
    }
}
