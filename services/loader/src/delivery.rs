//! One delivery in the loader's hands.

use std::sync::Arc;

use ferry_broker::{Delivery, letter::History};
use ferry_canonical::{Event, EventError, FailureKind, Lane};
use ferry_store::Member;
use tokio::time::Instant;
use uuid::Uuid;

use crate::target::Route;

/// A delivery whose event was read and whose route is known.
#[derive(Debug)]
pub struct InHand {
    pub delivery: Delivery,
    pub event: Event,
    pub route: Arc<Route>,
    pub history: History,
    pub lane: Lane,
    pub held_since: Instant,
    /// It is not looked at before.
    pub ready_at: Instant,
    /// How often it was found to be busy.
    pub looks: u32,
    /// The content's hash, computed once.
    pub fingerprint: String,
}

impl InHand {
    pub fn new(delivery: Delivery, event: Event, route: Arc<Route>) -> Self {
        let (history, now) = (History::of(&delivery), Instant::now());
        let bulk = ferry_topology::is_bulk(&delivery.queue);
        let lane = if bulk { Lane::Bulk } else { Lane::Live };
        let fingerprint = event.part.fingerprint();
        Self {
            delivery,
            event,
            route,
            history,
            lane,
            held_since: now,
            ready_at: now,
            looks: 0,
            fingerprint,
        }
    }

    pub fn member(&self) -> Member {
        Member {
            event_id: self.event.id,
            route: self.route.name.clone(),
            generation: self.history.generation,
            source: self.event.source.clone(),
            subject: self.event.subject.clone(),
            source_id: self.event.source_id.clone(),
            clock: self.event.clock.clone(),
            sequence: self.event.sequence,
            observed_at: self.event.observed_at,
            fingerprint: self.fingerprint.clone(),
            document: self.event.part.to_json(),
            two_way: self.route.two_way.is_some(),
        }
    }
}

/// Why bytes in a work queue are no event for us: the kind and the detail of their dead letter.
pub fn undecodable(error: &EventError) -> (FailureKind, String) {
    let kind = match error {
        EventError::Envelope(_) => FailureKind::Parse,
        EventError::Attribute { .. } => FailureKind::Unsupported,
        EventError::TooLarge { .. } => FailureKind::TooLarge,
        EventError::Subject(_)
        | EventError::Sequence(_)
        | EventError::Part(_)
        | EventError::Mismatch { .. } => FailureKind::Validation,
    };
    let mut detail = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        detail.push_str(": ");
        detail.push_str(&cause.to_string());
        source = cause.source();
    }
    (kind, detail)
}

/// The event id of a message we cannot read further, where its message id is one.
pub fn message_uuid(delivery: &Delivery) -> Option<Uuid> {
    delivery.id.as_deref().and_then(|id| id.parse().ok())
}
