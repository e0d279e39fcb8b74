//! One subscription. Dropping it returns what was not acknowledged, one delivery further counted.

use ferry_broker::{Delivery, Intake, IntakeError, Receipt, Stale};

use crate::{
    SimBroker,
    state::{State, Subscription},
};

#[derive(Debug)]
pub struct SimIntake {
    pub(crate) broker: SimBroker,
    pub(crate) epoch: u64,
}

impl SimIntake {
    /// At most `max` of what was delivered and not taken.
    fn untaken(&self, state: &mut State, max: usize) -> Result<Vec<Delivery>, IntakeError> {
        let State { topology, subscriptions, .. } = state;
        let Some(subscription) = subscriptions.get_mut(&self.epoch) else {
            return Err(IntakeError::Lost("it has ended".to_owned()));
        };
        if let Some(reason) = &subscription.lost {
            return Err(IntakeError::Lost(reason.clone()));
        }
        let mut taken = Vec::new();
        while let Some(tag) = subscription.untaken.front().copied().filter(|_| taken.len() < max) {
            subscription.untaken.pop_front();
            let queue = topology.name(&subscription.queue).unwrap_or(&subscription.queue);
            taken.extend(delivery(subscription, queue, Receipt { epoch: self.epoch, tag }));
        }
        Ok(taken)
    }
}

fn delivery(subscription: &Subscription, queue: &str, receipt: Receipt) -> Option<Delivery> {
    let stored = subscription.unacknowledged.get(&receipt.tag)?;
    let mut headers = stored.message.headers.clone();
    if stored.returns > 0 {
        headers.insert_number("x-delivery-count", i64::from(stored.returns));
    }
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Some(Delivery {
        queue: queue.to_owned(),
        exchange: stored.message.exchange.clone(),
        key: stored.message.key.clone(),
        id: some(&stored.message.id),
        content_type: some(&stored.message.content_type),
        headers,
        body: stored.message.body.clone(),
        delivery_count: stored.returns,
        receipt,
    })
}

impl Intake for SimIntake {
    async fn take(&mut self, max: usize) -> Result<Vec<Delivery>, IntakeError> {
        loop {
            let change = self.broker.change_to_come();
            let taken = self.broker.look(|state| self.untaken(state, max))?;
            if !taken.is_empty() {
                return Ok(taken);
            }
            self.broker.next_change(change).await;
        }
    }

    async fn cancel(&mut self) -> Result<Vec<Delivery>, IntakeError> {
        self.broker.change(|state| {
            if let Some(subscription) = state.subscriptions.get_mut(&self.epoch) {
                subscription.takes = false;
            }
            let unread = self.untaken(state, usize::MAX)?;
            if let Some(subscription) = state.subscriptions.get_mut(&self.epoch) {
                subscription.lost = Some("it was cancelled".to_owned());
            }
            Ok(unread)
        })
    }

    async fn ack(&self, receipts: Vec<Receipt>) -> Result<(), Stale> {
        let asked = receipts.len();
        let known = self.broker.change(|state| {
            let Some(subscription) = state.subscriptions.get_mut(&self.epoch) else { return 0 };
            let ours = receipts.iter().filter(|receipt| receipt.epoch == self.epoch);
            ours.filter(|receipt| subscription.unacknowledged.remove(&receipt.tag).is_some())
                .count()
        });
        match asked - known {
            0 => Ok(()),
            count => Err(Stale { count }),
        }
    }

    async fn reject(&self, receipts: Vec<Receipt>) -> Result<(), Stale> {
        let asked = receipts.len();
        let known = self.broker.change(|state| {
            let ours = receipts.iter().filter(|receipt| receipt.epoch == self.epoch);
            ours.filter(|receipt| state.reject(self.epoch, receipt.tag)).count()
        });
        match asked - known {
            0 => Ok(()),
            count => Err(Stale { count }),
        }
    }
}

impl Drop for SimIntake {
    fn drop(&mut self) {
        self.broker.change(|state| {
            state.lose(self.epoch, "it was dropped");
            state.subscriptions.remove(&self.epoch);
        });
    }
}
