//! Renewing: the leases of running calls, by a task that waits for nothing else. A call learns from
//! it for how long it may go on.

use std::sync::{Arc, PoisonError};

use ferry_store::Ledger;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::warn;
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
    let mut failing = false;
    loop {
        tokio::select! {
            biased;
            () = gone.cancelled() => return,
            _ = renew.tick() => {}
        }
        let tokens = tokens(&running);
        if tokens.is_empty() {
            continue;
        }
        // The store counts from when it commits.
        let until = Instant::now() + target.lease;
        match ledger.renew(&target.name, tokens.clone(), target.lease).await {
            Ok(lost) => {
                failing = false;
                if !lost.is_empty() {
                    warn!(target = %target.name, count = lost.len(), "leases are lost");
                }
                heed(&running, &tokens, &lost, until);
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    warn!(%error, target = %target.name, "leases are not renewed; calls end with them");
                }
            }
        }
    }
}

fn tokens(running: &Running) -> Vec<Uuid> {
    let running = running.lock().unwrap_or_else(PoisonError::into_inner);
    running.values().flat_map(|call| &call.tokens).copied().collect()
}

/// Lets every call that was asked for know how long it may go on.
fn heed(running: &Running, asked: &[Uuid], lost: &[Uuid], until: Instant) {
    let running = running.lock().unwrap_or_else(PoisonError::into_inner);
    for call in running.values() {
        if call.tokens.iter().any(|token| lost.contains(token)) {
            call.lease.lost();
        } else if call.tokens.iter().all(|token| asked.contains(token)) {
            call.lease.renewed(until);
        }
    }
}
