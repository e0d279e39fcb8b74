//! What a call asks of the store that all loaders share: leases, what its system calls things, and what
//! that may still do.

use std::{fmt, time::Duration};

use ferry_canonical::Entity;
use ferry_http::LedgerPort;
use ferry_store::{Known, Lease, Leases, PutOff};
use futures_util::{FutureExt as _, future::BoxFuture};
use tracing::warn;
use uuid::Uuid;

/// Every taking is an owner of its own: nobody takes what they hold a second time.
pub struct StoreLedger<S> {
    store: S,
    ids: fn() -> Uuid,
}

impl<S> StoreLedger<S> {
    pub const fn new(store: S, ids: fn() -> Uuid) -> Self {
        Self { store, ids }
    }
}

impl<S> fmt::Debug for StoreLedger<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreLedger").finish_non_exhaustive()
    }
}

impl<S: Known + Leases + PutOff> LedgerPort for StoreLedger<S> {
    fn take<'a>(&'a self, name: &'a str, lasting: Duration) -> BoxFuture<'a, Option<String>> {
        let owner = (self.ids)().to_string();
        let lease = Lease { name: name.to_owned(), owner: owner.clone() };
        let taken = async move {
            match self.store.lease(lease, lasting).await {
                Ok(taken) => taken.then_some(owner),
                Err(error) => {
                    warn!(%error, name, "a lease cannot be taken");
                    None
                }
            }
        };
        taken.boxed()
    }

    fn give_back<'a>(&'a self, name: &'a str, token: String) -> BoxFuture<'a, ()> {
        let lease = Lease { name: name.to_owned(), owner: token };
        // Where the store is away, it ends by itself.
        async move { drop(self.store.release(lease).await) }.boxed()
    }

    fn known<'a>(
        &'a self,
        system: &'a str,
        entity: &'a str,
        ids: Vec<String>,
    ) -> BoxFuture<'a, Option<Vec<Option<String>>>> {
        let known = async move {
            let entity: Entity = entity.parse().ok()?;
            match self.store.known(entity, system, ids).await {
                Ok(known) => Some(known),
                Err(error) => {
                    warn!(%error, system, "what it calls things cannot be looked up");
                    None
                }
            }
        };
        known.boxed()
    }

    fn owner<'a>(
        &'a self,
        system: &'a str,
        entity: &'a str,
        own_id: &'a str,
    ) -> BoxFuture<'a, Option<Option<String>>> {
        let owner = async move {
            let entity: Entity = entity.parse().ok()?;
            match self.store.owner(entity, system, own_id).await {
                Ok(owner) => Some(owner),
                Err(error) => {
                    warn!(%error, system, "whose something is cannot be looked up");
                    None
                }
            }
        };
        owner.boxed()
    }

    fn put_off<'a>(
        &'a self,
        system: &'a str,
        entity: &'a str,
        ids: Vec<String>,
        operation: &'a str,
    ) -> BoxFuture<'a, ()> {
        let noted = async move {
            let Ok(entity) = entity.parse() else { return };
            let noted = self.store.put_off(entity, system, ids, operation.to_owned()).await;
            if let Err(error) = noted {
                warn!(%error, system, operation, "what a system does later cannot be noted");
            }
        };
        noted.boxed()
    }

    fn has_ended<'a>(
        &'a self,
        system: &'a str,
        entity: &'a str,
        ids: Vec<String>,
        operation: &'a str,
    ) -> BoxFuture<'a, ()> {
        let forgotten = async move {
            let Ok(entity) = entity.parse() else { return };
            // What is left is asked for once more, by who next is in doubt.
            drop(self.store.has_ended(entity, system, ids, operation.to_owned()).await);
        };
        forgotten.boxed()
    }

    fn operations<'a>(
        &'a self,
        system: &'a str,
        entity: &'a str,
        ids: Vec<String>,
    ) -> BoxFuture<'a, Option<Vec<Vec<String>>>> {
        let operations = async move {
            match self.store.operations(entity.parse().ok()?, system, ids).await {
                Ok(operations) => Some(operations),
                Err(error) => {
                    warn!(%error, system, "what it may still do cannot be looked up");
                    None
                }
            }
        };
        operations.boxed()
    }
}
