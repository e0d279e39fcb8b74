//! Queue → store: take what is there, store it in one transaction, acknowledge.
//!
//! Anything may lie in such a queue. What the store does not take as it is must not stand in the way
//! of what lies behind it: the batch is halved until it is alone, and it is then stored reduced.

use std::future::Future;

use ferry_broker::{Broker, Delivery, Intake, IntakeError};
use ferry_store::StoreError;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::limits;

/// How much of a message is to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Whole,
    /// Only that by which it is found again, and its bytes.
    Reduced,
}

/// Moves `queue` through `store` until `draining`. Nothing is given back while the store is down:
/// that would raise the broker's delivery counts for nothing.
pub async fn run<B, F, S>(broker: B, queue: String, draining: CancellationToken, store: S)
where
    B: Broker,
    S: Fn(Vec<Delivery>, Form) -> F + Send + Sync,
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
    S: Fn(Vec<Delivery>, Form) -> F + Send + Sync,
    F: Future<Output = Result<(), StoreError>> + Send,
{
    loop {
        let taken = tokio::select! {
            biased;
            () = draining.cancelled() => return Ok(()),
            taken = intake.take(usize::from(limits::BATCH)) => taken?,
        };
        let mut batches = vec![taken];
        while let Some(mut batch) = batches.pop() {
            match keep(&batch, draining, store).await {
                Kept::Stored => {}
                Kept::Draining => return Ok(()),
                Kept::Unstorable => {
                    let rest = batch.split_off(batch.len() / 2);
                    batches.extend([rest, batch]);
                    continue;
                }
            }
            let receipts = batch.iter().map(|delivery| delivery.receipt).collect();
            if let Err(stale) = intake.ack(receipts).await {
                // They come again and are found by their keys.
                debug!(count = stale.count, "acknowledgements came too late");
            }
        }
    }
}

/// What became of a batch.
enum Kept {
    Stored,
    /// One of several is not taken by the store; nothing of the batch is stored.
    Unstorable,
    Draining,
}

/// Stores a batch, as soon as the store can be used.
async fn keep<F, S>(batch: &[Delivery], draining: &CancellationToken, store: &S) -> Kept
where
    S: Fn(Vec<Delivery>, Form) -> F + Send + Sync,
    F: Future<Output = Result<(), StoreError>> + Send,
{
    let mut form = Form::Whole;
    loop {
        match store(batch.to_vec(), form).await {
            Ok(()) => return Kept::Stored,
            Err(StoreError::Unstorable(_)) if batch.len() > 1 => return Kept::Unstorable,
            Err(StoreError::Unstorable(cause)) if form == Form::Whole => {
                let queue = batch.first().map(|delivery| delivery.queue.as_str());
                warn!(queue, cause, "a message is stored reduced to its key and its bytes");
                form = Form::Reduced;
                continue;
            }
            Err(cause) => {
                error!(error = %cause, "the store cannot be used; what lies in queues stays there");
            }
        }
        tokio::select! {
            biased;
            () = draining.cancelled() => return Kept::Draining,
            () = sleep(limits::STORE_PAUSE) => {}
        }
    }
}
