//! Admitting: what a queue gave is read, and finds its route.

use std::time::Duration;

use ferry_broker::{
    Broker, Delivery,
    letter::{self, Failed, History},
};
use ferry_canonical::{Event, FailureKind, Outcome, Removal};
use ferry_store::{Care, Ledger, NO_ROUTE};
use tokio::time::Instant;
use tracing::warn;
use uuid::Uuid;

use super::{Desk, sending::Sending};
use crate::{
    delivery::{InHand, message_uuid, undecodable},
    limits,
};

/// What is not applied here: no route brings it (another configuration did), or it is gone at its source,
/// which the target ignores.
pub(super) struct Unwanted {
    pub(super) delivery: Delivery,
    /// The route's name, or that there is none.
    route: String,
    event: Uuid,
    because: String,
}

impl Unwanted {
    fn end(&self) -> (Uuid, u32, Outcome, String) {
        let generation = History::of(&self.delivery).generation;
        (self.event, generation, Outcome::Skipped, self.because.clone())
    }
}

impl<B: Broker, L: Ledger + Care + Clone + 'static> Desk<B, L> {
    /// Decodes and finds the route; what cannot be read ends here.
    pub(super) async fn admit(&mut self, delivery: Delivery) {
        let event = match Event::decode(&delivery.body) {
            Ok(event) => event,
            Err(error) => {
                if let Ok(removal) = Removal::decode(&delivery.body) {
                    return self.ignore(delivery, &removal);
                }
                let (kind, detail) = undecodable(&error);
                return self.bury_unread(delivery, kind, &detail).await;
            }
        };
        let Some(route) = self.target.route(&event) else {
            let because = format!("no route brings {} from {} here", event.kind(), event.source);
            let route = NO_ROUTE.to_owned();
            return self.unwanted.push(Unwanted { route, event: event.id, because, delivery });
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

    /// Ends what no route brings here, as soon as the store takes it.
    pub(super) async fn end_unwanted(&mut self) {
        let barred = self.store_back_at.is_some_and(|back_at| Instant::now() < back_at);
        if barred || self.unwanted.is_empty() {
            return;
        }
        while let Some(route) = self.unwanted.last().map(|last| last.route.clone()) {
            let of_route = self.unwanted.iter().filter(|unwanted| unwanted.route == route);
            let ended = of_route.map(Unwanted::end).collect();
            if let Err(error) = self.seams.ledger.end(&self.target.name, &route, ended).await {
                return self.store_failed(&error);
            }
            self.store_works();
            let (done, left) = std::mem::take(&mut self.unwanted)
                .into_iter()
                .partition::<Vec<_>, _>(|unwanted| unwanted.route == route);
            self.unwanted = left;
            for Unwanted { delivery, .. } in done {
                self.count_outcome(&route, Outcome::Skipped);
                self.ack(&delivery.queue, vec![delivery.receipt]);
            }
        }
    }

    /// What is gone at its source stays at the target until a person removes it. No mark moves: what comes
    /// back is not older.
    fn ignore(&mut self, delivery: Delivery, removal: &Removal) {
        let Removal { subject, source, .. } = removal;
        let route = self.target.route_of(source, subject.facet);
        let (route, because) = if let Some(route) = route {
            let (entity, target) = (subject.entity(), &self.target.name);
            let because =
                format!("{entity} is gone at {source}; removals are ignored: {target} keeps it");
            (route.name.clone(), because)
        } else {
            let because = format!("no route brings {} from {source} here", removal.kind());
            (NO_ROUTE.to_owned(), because)
        };
        self.unwanted.push(Unwanted { route, event: removal.id, because, delivery });
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
            if let Err(error) =
                self.seams.ledger.end(&self.target.name, NO_ROUTE, vec![ended]).await
            {
                warn!(%error, "the ledger did not take an end");
            }
        }
        self.count_outcome(NO_ROUTE, Outcome::Dead);
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
