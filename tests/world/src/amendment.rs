//! Orders that are changed in the shop's back office, a while after they were placed.

use crate::chance::{self, Topic, pick};
use crate::fulfilment::Fulfilment;
use crate::names::SENTENCES;
use crate::order::Order;
use crate::world::World;

impl World {
    /// What an order's notes are changed to. Only orders that stay open in the warehouse are changed:
    /// of any other, nobody could say whether the change is made before the warehouse has acted.
    pub fn changed_notes(&self, order: u32) -> Option<String> {
        if self.order_flaw(order).is_some() || self.fulfilment(order) != Fulfilment::Open {
            return None;
        }
        let mut rng = chance::of(self.seed, Topic::Amendment, u64::from(order), 0);
        rng.bool().then(|| format!("Changed: {} ({order})", pick(&mut rng, &SENTENCES)))
    }

    /// An order as it stands in the end.
    pub fn last_order(&self, index: u32) -> Order {
        let order = self.order(index);
        let notes = self.changed_notes(index).or(order.notes);
        Order { notes, ..order }
    }
}
