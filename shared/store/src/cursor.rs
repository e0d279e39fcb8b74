//! Where each poll goes on, and who may run it.

use std::{future::Future, time::Duration};

use crate::StoreError;

/// Held by one owner of a schedule at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub name: String,
    pub owner: String,
}

pub trait Leases: Send + Sync {
    /// Takes or extends the lease `name` for `owner`, for `ttl` of the store's clock. `false`:
    /// another owner holds it.
    fn lease(
        &self,
        lease: Lease,
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Gives it back, if it is still the owner's.
    fn release(&self, lease: Lease) -> impl Future<Output = Result<(), StoreError>> + Send;
}

pub trait Cursors: Send + Sync {
    fn cursor(&self, name: &str)
    -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// Moves the cursor from `from` to `to`; `false` when it is not at `from` any more.
    fn move_cursor(
        &self,
        name: &str,
        from: Option<&str>,
        to: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}
