//! Sending: what must be confirmed before a delivery is acknowledged, and how a desk is left.

use std::collections::BTreeMap;

use ferry_broker::{Broker, Delivery, Message, PublishError, Publisher as _, Receipt, letter};
use ferry_store::{Care, Ledger};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::Desk;
use crate::{delivery::InHand, limits, reader::News};

/// A message that must be confirmed before a delivery is acknowledged.
pub(super) struct Sending {
    pub(super) message: Message,
    /// Put back if the confirm does not come.
    pub(super) in_hand: Option<InHand>,
    pub(super) receipt: Option<(String, Receipt)>,
}

impl<B: Broker, L: Ledger + Care + Clone + 'static> Desk<B, L> {
    /// The same message for its own queue, to be acknowledged once that is confirmed.
    pub(super) fn returning(delivery: &Delivery, in_hand: Option<InHand>) -> Sending {
        let message = letter::give_back(delivery);
        Sending { message, in_hand, receipt: Some((delivery.queue.clone(), delivery.receipt)) }
    }

    /// Publishes, waits for every confirm, then acknowledges. Without the confirms the deliveries
    /// are looked at again; the broker still holds them.
    pub(super) async fn send(&mut self, sending: Vec<Sending>) {
        if sending.is_empty() {
            return;
        }
        let messages = sending.iter().map(|sending| sending.message.clone()).collect();
        let patience = limits::PUBLISH_PATIENCE;
        match self.publisher.publish_until_confirmed(messages, patience).await {
            Ok(()) => self.was_sent(sending),
            Err(PublishError::Unsendable(reason)) => self.send_apart(sending, &reason).await,
            Err(error) => self.was_not_sent(sending, &error),
        }
    }

    /// Something among it does not fit the protocol: it is found, and the rest sent again.
    async fn send_apart(&mut self, mut sending: Vec<Sending>, reason: &str) {
        if sending.len() > 1 {
            for one in sending {
                Box::pin(self.send(vec![one])).await;
            }
            return;
        }
        let Some((queue, receipt)) = sending.pop().and_then(|sending| sending.receipt) else {
            return;
        };
        warn!(queue, reason, "a message cannot be published on; the broker dead-letters it");
        if let Some(acks) = self.readers.get(&queue) {
            acks.reject(vec![receipt]);
        }
    }

    fn was_not_sent(&mut self, sending: Vec<Sending>, error: &PublishError) {
        error!(%error, count = sending.len(), "publishes are not confirmed");
        for mut sending in sending {
            match sending.in_hand.take() {
                Some(mut in_hand) => {
                    in_hand.ready_at = Instant::now() + limits::STORE_PAUSE;
                    self.waiting.push(in_hand);
                }
                None => self.unsent.push(sending),
            }
        }
        self.resend_at = Instant::now() + limits::STORE_PAUSE;
    }

    fn was_sent(&self, sending: Vec<Sending>) {
        // In one order in every run.
        let mut receipts: BTreeMap<String, Vec<Receipt>> = BTreeMap::new();
        for (queue, receipt) in sending.into_iter().filter_map(|sending| sending.receipt) {
            receipts.entry(queue).or_default().push(receipt);
        }
        for (queue, receipts) in receipts {
            self.ack(&queue, receipts);
        }
    }

    pub(super) fn ack(&self, queue: &str, receipts: Vec<Receipt>) {
        if let Some(acks) = self.readers.get(queue) {
            acks.ack(receipts);
        }
    }

    /// Finishes what runs; gives back what never started.
    pub(super) async fn leave(&mut self) {
        self.turns.keep(None);
        while let Some(ended) = self.calls.join_next_with_id().await {
            self.settle_ended(ended).await;
        }
        let held = self.take_held();
        let count = held.len();
        self.send(held).await;
        // Readers may have had more than the desk had taken in.
        while self.stopped < self.readers.len() {
            let unread = match tokio::time::timeout(limits::HOLD, self.news.recv()).await {
                Ok(Some(News::Taken(unread))) => unread,
                Ok(Some(News::Stopped { unread })) => {
                    self.stopped += 1;
                    unread
                }
                Ok(Some(News::Lost { .. })) => continue,
                Ok(None) | Err(_) => break,
            };
            let back = unread.iter().map(|delivery| Self::returning(delivery, None)).collect();
            self.send(back).await;
        }
        info!(target = %self.target.name, given_back = count, "desk is closed");
    }
}
