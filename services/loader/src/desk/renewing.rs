//! Renewing: the leases of running calls, by a task that waits for nothing else.

use std::sync::{Arc, PoisonError};

use ferry_store::Ledger;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use uuid::Uuid;

use super::Running;
use crate::target::Target;

/// Runs until `gone`. A lease that is lost was taken over after we were too slow.
pub(super) async fn run<L: Ledger>(
    ledger: L,
    target: Arc<Target>,
    running: Running,
    gone: CancellationToken,
) {
    let mut renew = interval(target.lease / 3);
    renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = gone.cancelled() => return,
            _ = renew.tick() => {}
        }
        let tokens: Vec<Uuid> = {
            let running = running.lock().unwrap_or_else(PoisonError::into_inner);
            running.values().flatten().copied().collect()
        };
        if tokens.is_empty() {
            continue;
        }
        match ledger.renew(&target.name, tokens, target.lease).await {
            Ok(lost) if lost.is_empty() => {}
            Ok(lost) => warn!(target = %target.name, count = lost.len(), "leases are lost"),
            Err(error) => debug!(%error, target = %target.name, "leases were not renewed"),
        }
    }
}
