//! Admitting: what a queue gave is read, and finds its route.

use std::time::Duration;

use ferry_broker::{
    Broker, Delivery,
    letter::{self, Failed},
};
use ferry_canonical::{Event, FailureKind, Outcome};
use ferry_store::{Care, Ledger};
use tokio::time::Instant;
use tracing::warn;

use super::{Desk, sending::Sending};
use crate::{
    delivery::{InHand, message_uuid, undecodable},
    limits,
};

impl<B: Broker, L: Ledger + Care + Clone + 'static> Desk<B, L> {
    /// Decodes and finds the route; what cannot be read ends here.
    pub(super) async fn admit(&mut self, delivery: Delivery) {
        let event = match Event::decode(&delivery.body) {
            Ok(event) => event,
            Err(error) => {
                let (kind, detail) = undecodable(&error);
                return self.bury_unread(delivery, kind, &detail).await;
            }
        };
        let Some(route) = self.target.route(&event) else {
            let because = format!("no route brings {} from {} here", event.kind(), event.source);
            let ended = vec![(event.id, 0, Outcome::Skipped, because)];
            // Forgetting it would hold its prefetch slot for as long as the subscription lives.
            while let Err(error) =
                self.seams.ledger.end(&self.target.name, "-", ended.clone()).await
            {
                self.store_failed(&error);
                self.store_pause().await;
            }
            self.store_works();
            return self.ack(&delivery.queue, vec![delivery.receipt]);
        };
        let mut in_hand = InHand::new(delivery, event, route);
        if let Some(wait) = self.not_before(&in_hand) {
            if wait > limits::HOLD {
                return self.postpone(vec![(in_hand, wait)]).await;
            }
            in_hand.ready_at = Instant::now() + wait;
        }
        self.waiting.push(in_hand);
    }

    fn not_before(&self, in_hand: &InHand) -> Option<Duration> {
        let until = in_hand.history.not_before?;
        Duration::try_from(until.duration_since((self.seams.clock)())).ok()
    }

    async fn bury_unread(&mut self, delivery: Delivery, kind: FailureKind, detail: &str) {
        warn!(queue = %delivery.queue, kind = %kind, "message cannot be read");
        let failed = Failed::new(kind, detail, (self.seams.clock)());
        let message = letter::dead(&delivery, failed, &self.seams.host);
        if let Some(event) = message_uuid(&delivery) {
            let ended = (event, 0, Outcome::Dead, format!("{kind}: {detail}"));
            if let Err(error) = self.seams.ledger.end(&self.target.name, "-", vec![ended]).await {
                warn!(%error, "the ledger did not take an end");
            }
        }
        self.count_outcome("-", Outcome::Dead);
        let receipt = Some((delivery.queue.clone(), delivery.receipt));
        self.send(vec![Sending { message, in_hand: None, receipt }]).await;
    }

    pub(super) async fn postpone(&mut self, held: Vec<(InHand, Duration)>) {
        let (now, levels) = ((self.seams.clock)(), &self.seams.levels);
        let sending = held
            .into_iter()
            .map(|(in_hand, delay)| Sending {
                message: letter::postpone(&in_hand.delivery, now, delay, levels),
                receipt: Some((in_hand.delivery.queue.clone(), in_hand.delivery.receipt)),
                in_hand: Some(in_hand),
            })
            .collect();
        self.send(sending).await;
    }
}
