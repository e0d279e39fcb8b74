//! Queue → store: take what is there, store it in one transaction, acknowledge.

use std::future::Future;

use ferry_broker::{Broker, Delivery, Intake, IntakeError};
use ferry_store::StoreError;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::limits;

/// Moves `queue` through `store` until `draining`. Nothing is given back while the store is down:
/// that would raise the broker's delivery counts for nothing.
pub async fn run<B, F, S>(broker: B, queue: String, draining: CancellationToken, store: S)
where
    B: Broker,
    S: Fn(Vec<Delivery>) -> F + Send + Sync,
    F: Future<Output = Result<(), StoreError>> + Send,
{
    while !draining.is_cancelled() {
        let subscribed = tokio::select! {
            biased;
            subscribed = broker.subscribe(&queue, limits::BATCH) => subscribed,
            () = draining.cancelled() => return,
        };
        let result = match subscribed {
            Ok(mut intake) => {
                info!(queue, "subscribed");
                serve(&mut intake, &draining, &store).await
            }
            Err(lost) => Err(lost),
        };
        match result {
            Ok(()) => return,
            Err(IntakeError::Lost(reason)) => {
                warn!(queue, reason, "subscription is lost");
                sleep(limits::STORE_PAUSE).await;
            }
        }
    }
}

async fn serve<I, F, S>(
    intake: &mut I,
    draining: &CancellationToken,
    store: &S,
) -> Result<(), IntakeError>
where
    I: Intake,
    S: Fn(Vec<Delivery>) -> F + Send + Sync,
    F: Future<Output = Result<(), StoreError>> + Send,
{
    loop {
        let taken = tokio::select! {
            biased;
            () = draining.cancelled() => return Ok(()),
            taken = intake.take(usize::from(limits::BATCH)) => taken?,
        };
        let receipts: Vec<_> = taken.iter().map(|delivery| delivery.receipt).collect();
        while let Err(cause) = store(taken.clone()).await {
            error!(error = %cause, "the store cannot be used; what lies in queues stays there");
            tokio::select! {
                biased;
                () = draining.cancelled() => return Ok(()),
                () = sleep(limits::STORE_PAUSE) => {}
            }
        }
        if let Err(stale) = intake.ack(receipts).await {
            // They come again and are found by their keys.
            debug!(count = stale.count, "acknowledgements came too late");
        }
    }
}
