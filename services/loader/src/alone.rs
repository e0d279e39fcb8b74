//! Leases that a system asks for, in the store that all loaders share.

use std::{fmt, time::Duration};

use ferry_http::LeasePort;
use ferry_store::{Lease, Leases};
use futures_util::{FutureExt as _, future::BoxFuture};
use tracing::warn;
use uuid::Uuid;

/// Every taking is an owner of its own: nobody takes what they hold a second time.
pub struct StoreLeases<S> {
    store: S,
    ids: fn() -> Uuid,
}

impl<S> StoreLeases<S> {
    pub const fn new(store: S, ids: fn() -> Uuid) -> Self {
        Self { store, ids }
    }
}

impl<S> fmt::Debug for StoreLeases<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreLeases").finish_non_exhaustive()
    }
}

impl<S: Leases> LeasePort for StoreLeases<S> {
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
}
