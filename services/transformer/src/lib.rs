//! The transformer: record → events; stateless, pure but for the broker.
//!
//! [`transform`] is the pure part: a record and the routes in, messages out. [`run`] moves it
//! between queues: what comes of a record is confirmed before the record is acknowledged, so a crash
//! repeats the record, and name-based event ids make the repeats one. It orders nothing and
//! suppresses nothing: that is the ledger's work.

mod metrics;
mod record;
pub mod transform;

pub use metrics::TransformerMetrics;
pub use transform::{Transformed, Transformer};

use std::time::Duration;

use ferry_broker::{
    Broker, Delivery, Intake, IntakeError, Message, PublishError, Publisher, letter,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// Where the transformer has its limits.
pub mod limits {
    use super::Duration;

    /// Records in hand. Memory is bounded by this times the largest record.
    pub const PREFETCH: u16 = 8;
    /// A record that was delivered this often before is transformed alone.
    pub const SUSPECT_DELIVERIES: u32 = 5;
    /// A confirm that has not come after this is waited for no longer; then it is published again.
    pub const PUBLISH_PATIENCE: Duration = Duration::from_mins(1);
    /// Between two rounds of publishes of which some were not confirmed.
    pub const REPEAT_PAUSE: Duration = Duration::from_millis(500);
    /// Between two subscriptions that failed at once.
    pub const SUBSCRIBE_PAUSE: Duration = Duration::from_millis(500);
}

/// Transforms the records of one queue until `draining`; what is in hand is finished.
pub async fn run<B: Broker>(
    transformer: Transformer,
    broker: B,
    queue: String,
    draining: CancellationToken,
) {
    let publisher = broker.publisher();
    while !draining.is_cancelled() {
        let subscribed = tokio::select! {
            biased;
            subscribed = broker.subscribe(&queue, limits::PREFETCH) => subscribed,
            () = draining.cancelled() => return,
        };
        let lost = match subscribed {
            Ok(mut intake) => {
                info!(queue, prefetch = limits::PREFETCH, "subscribed");
                serve(&transformer, &publisher, &mut intake, &draining).await
            }
            Err(lost) => {
                tokio::time::sleep(limits::SUBSCRIBE_PAUSE).await;
                Err(lost)
            }
        };
        match lost {
            Ok(()) => return,
            Err(IntakeError::Lost(reason)) => warn!(queue, reason, "subscription is lost"),
        }
    }
}

async fn serve<P: Publisher, I: Intake>(
    transformer: &Transformer,
    publisher: &P,
    intake: &mut I,
    draining: &CancellationToken,
) -> Result<(), IntakeError> {
    loop {
        let taken = tokio::select! {
            biased;
            () = draining.cancelled() => break,
            taken = intake.take(usize::from(limits::PREFETCH)) => taken?,
        };
        for round in rounds(taken) {
            handle(transformer, publisher, intake, round).await;
        }
    }
    // What was never looked at goes back at once, rather than when the connection closes: closing
    // would raise the broker's delivery count.
    let unread = intake.cancel().await?;
    let back = unread.into_iter().map(|delivery| (vec![letter::give_back(&delivery)], delivery));
    // What cannot be published is the next consumer's to give up.
    let _unsendable = confirm_and_acknowledge(publisher, intake, back.collect()).await;
    Ok(())
}

/// A record that may take the process down shares its round with no other, and comes last: the
/// others are acknowledged before it is looked at, and their counts do not rise with its own.
fn rounds(taken: Vec<Delivery>) -> Vec<Vec<Delivery>> {
    let is_suspect = |delivery: &Delivery| delivery.delivery_count >= limits::SUSPECT_DELIVERIES;
    let (suspects, others): (Vec<_>, Vec<_>) = taken.into_iter().partition(is_suspect);
    let alone = suspects.into_iter().map(|suspect| vec![suspect]);
    std::iter::once(others).chain(alone).filter(|round| !round.is_empty()).collect()
}

/// One round: transform all, confirm all, acknowledge all.
async fn handle<P: Publisher, I: Intake>(
    transformer: &Transformer,
    publisher: &P,
    intake: &I,
    taken: Vec<Delivery>,
) {
    let made = taken.into_iter().map(|delivery| {
        let made = transformer.transform(&delivery);
        debug!(
            queue = %delivery.queue,
            events = made.events,
            skipped = made.skipped,
            dead = made.dead,
            "record is transformed"
        );
        (made.messages, delivery)
    });
    let unsendable = confirm_and_acknowledge(publisher, intake, made.collect()).await;
    give_up(intake, &unsendable).await;
}

/// What a delivery became, and the delivery, to be acknowledged once that is stored.
type Made = (Vec<Message>, Delivery);

/// Answers the deliveries of which something does not fit the protocol. Those are rare: a round
/// that has one is published again, one by one, under the same ids.
async fn confirm_and_acknowledge<P: Publisher, I: Intake>(
    publisher: &P,
    intake: &I,
    made: Vec<Made>,
) -> Vec<Delivery> {
    let all = made.iter().flat_map(|(messages, _)| messages).cloned().collect();
    if confirm(publisher, all).await.is_ok() {
        acknowledge(intake, made.iter().map(|(_, delivery)| delivery)).await;
        return Vec::new();
    }
    let mut unsendable = Vec::new();
    for (messages, delivery) in made {
        match confirm(publisher, messages).await {
            Ok(()) => acknowledge(intake, [&delivery]).await,
            Err(Unsendable) => unsendable.push(delivery),
        }
    }
    unsendable
}

/// All that could be stored is stored; the rest cannot be sent as it is.
struct Unsendable;

/// Publishes until everything is stored: there is nothing else to do with a record in hand.
async fn confirm<P: Publisher>(publisher: &P, messages: Vec<Message>) -> Result<(), Unsendable> {
    if messages.is_empty() {
        return Ok(());
    }
    loop {
        let publishing =
            publisher.publish_until_confirmed(messages.clone(), limits::PUBLISH_PATIENCE);
        match publishing.await {
            Ok(()) => return Ok(()),
            Err(PublishError::Unsendable(reason)) => {
                warn!(reason, count = messages.len(), "a message cannot be sent as it is");
                return Err(Unsendable);
            }
            Err(error) => {
                warn!(%error, count = messages.len(), "publishes are not confirmed; repeating");
                tokio::time::sleep(limits::REPEAT_PAUSE).await;
            }
        }
    }
}

async fn acknowledge<'a, I: Intake>(
    intake: &I,
    deliveries: impl IntoIterator<Item = &'a Delivery>,
) {
    let receipts = deliveries.into_iter().map(|delivery| delivery.receipt).collect();
    if let Err(stale) = intake.ack(receipts).await {
        // The records come again, and their events with the same ids.
        debug!(count = stale.count, "acknowledgements came too late");
    }
}

/// The broker moves them to the dead letters as they are, without a cause.
async fn give_up<I: Intake>(intake: &I, deliveries: &[Delivery]) {
    let receipts: Vec<_> = deliveries.iter().map(|delivery| delivery.receipt).collect();
    if receipts.is_empty() {
        return;
    }
    warn!(count = receipts.len(), "records cannot be published on; the broker dead-letters them");
    if let Err(stale) = intake.reject(receipts).await {
        debug!(count = stale.count, "rejections came too late");
    }
}
