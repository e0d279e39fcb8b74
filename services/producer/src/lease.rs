//! The lease of a schedule, held for as long as the process lives that runs it.
//!
//! It ends soon after its holder was killed, and is extended beside whatever the holder does, so
//! that neither a slow page nor a long pause between two runs gives the schedule to somebody else.
//! It is not what keeps two producers apart in the end: a cursor moves by compare-and-set.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicBool, Ordering},
};

use ferry_store::{Lease, Leases, StoreError};
use tokio::time::sleep;

use crate::limits;

/// One schedule's lease, as this process sees it.
#[derive(Debug)]
pub(crate) struct Held {
    lease: Lease,
    mine: AtomicBool,
}

impl Held {
    pub(crate) const fn new(lease: Lease) -> Self {
        Self { lease, mine: AtomicBool::new(false) }
    }

    /// Takes or extends the lease; `false` if another producer has it.
    pub(crate) async fn take<S: Leases>(&self, store: &S) -> Result<bool, StoreError> {
        let mine = store.lease(self.lease.clone(), limits::LEASE).await?;
        self.mine.store(mine, Ordering::Relaxed);
        Ok(mine)
    }

    /// Does the work, extends the lease beside it while it is ours, and gives it up at the end.
    pub(crate) async fn during<S: Leases>(&self, store: &S, work: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = work => {}
            never = self.keep(store) => match never {},
        }
        // Nothing is lost if the store is down: the lease ends by itself.
        let _ = store.release(self.lease.clone()).await;
    }

    async fn keep<S: Leases>(&self, store: &S) -> Infallible {
        loop {
            sleep(limits::LEASE / 3).await;
            if self.mine.load(Ordering::Relaxed) {
                // A store that is down ends the lease, and the next run finds out.
                let _ = self.take(store).await;
            }
        }
    }
}
