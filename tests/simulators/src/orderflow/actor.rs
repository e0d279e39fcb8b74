//! What the people and machines of the warehouse do, given time: announce the stock of what was
//! imported, count and change stock from tick to tick, pack and despatch orders or cancel them.
//!
//! Promises that what is done is decided by the plan alone and only its moment by the clock, that the
//! shipments of an order leave in the plan's order, and that every change posts its document in the
//! same step. It sends nothing itself, and does not act on an order a client has cancelled.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::desk::Identity;
use super::documents::{self, Letterhead};
use super::effect::Effect;
use super::order::{Order, OrderState, Shipment};
use super::outbox::{Outbox, Push, Subject};
use super::plan::{Fulfilment, Plan, PlannedLevel, PlannedShipment};
use super::stock::{self, Level};
use super::warehouse::{Arrival, Warehouse};

/// One document without a canonical meaning of each kind rides along with this many others.
const CURIOSITY_EVERY: u64 = 100;

pub(super) struct Actor {
    plan: Box<dyn Plan>,
    ticks: u32,
    tick: u32,
    tick_length: Duration,
    next_tick: Instant,
    /// Products whose stock is known to the receiver.
    announced: BTreeSet<u32>,
    /// Products that were imported and not announced, oldest first.
    unannounced: VecDeque<u32>,
    due: BTreeMap<(Instant, u64), Task>,
    tasks: u64,
    documents: u64,
}

enum Task {
    Ship { order: String, shipment: PlannedShipment, last: bool },
    Cancel { order: String },
}

/// What the actor works on.
pub(super) struct Floor<'a> {
    pub(super) identity: &'a Identity,
    pub(super) warehouse: &'a mut Warehouse,
    /// `None` where no receiver of pushes is configured.
    pub(super) outbox: Option<&'a mut Outbox>,
    /// Local time of the instance.
    pub(super) time: &'a str,
}

impl Actor {
    pub(super) fn new(
        plan: Box<dyn Plan>,
        ticks: u32,
        tick_length: Duration,
        now: Instant,
    ) -> Self {
        Self {
            plan,
            ticks,
            tick: 0,
            tick_length,
            next_tick: now + tick_length,
            announced: BTreeSet::new(),
            unannounced: VecDeque::new(),
            due: BTreeMap::new(),
            tasks: 0,
            documents: 0,
        }
    }

    pub(super) const fn tick(&self) -> u32 {
        self.tick
    }

    pub(super) const fn ticks(&self) -> u32 {
        self.ticks
    }

    /// Nothing is left to do with what has arrived.
    pub(super) fn idle(&self) -> bool {
        self.tick == self.ticks && self.unannounced.is_empty() && self.due.is_empty()
    }

    /// Does what is due.
    pub(super) fn step(&mut self, floor: &mut Floor<'_>, now: Instant) {
        while let Some(arrival) = floor.warehouse.arrivals.pop_front() {
            self.receive(arrival, floor, now);
        }
        let mut levels = if self.tick < self.ticks && self.next_tick <= now {
            self.tick += 1;
            self.next_tick = now + self.tick_length;
            self.changed_levels()
        } else {
            Vec::new()
        };
        levels.extend(self.first_levels());
        self.restock(levels, floor);
        while let Some(first) = self.due.first_entry()
            && first.key().0 <= now
        {
            let task = first.remove();
            self.act(task, floor);
        }
    }

    fn receive(&mut self, arrival: Arrival, floor: &mut Floor<'_>, now: Instant) {
        match arrival {
            Arrival::Product(reference) => {
                self.unannounced.extend(self.plan.product(&reference));
            }
            Arrival::Order(reference) => self.plan_order(&reference, now),
            Arrival::Cancellation(order) => self.tell_cancelled(&order, floor),
        }
    }

    fn plan_order(&mut self, order: &str, now: Instant) {
        match self.plan.fulfilment(order) {
            Fulfilment::Shipments(shipments) => {
                let count = shipments.len();
                for (index, shipment) in shipments.into_iter().enumerate() {
                    let due = now + self.tick_length * (1 + shipment.rank);
                    let last = index + 1 == count;
                    self.schedule(due, Task::Ship { order: order.to_owned(), shipment, last });
                }
            }
            Fulfilment::Cancelled => {
                let due = now + self.tick_length;
                self.schedule(due, Task::Cancel { order: order.to_owned() });
            }
            Fulfilment::Open => {}
        }
    }

    fn schedule(&mut self, due: Instant, task: Task) {
        self.tasks += 1;
        self.due.insert((due, self.tasks), task);
    }

    /// The stock of products that arrived, as it is at this tick.
    fn first_levels(&mut self) -> Vec<PlannedLevel> {
        let mut levels = Vec::new();
        while let Some(product) = self.unannounced.pop_front() {
            if self.announced.insert(product) {
                levels.extend(self.plan.levels(product, self.tick));
            }
        }
        levels
    }

    /// What this tick changes of the stock that was announced; the rest is announced as it is then.
    fn changed_levels(&self) -> Vec<PlannedLevel> {
        let changed = self.plan.changed(self.tick);
        let known = changed.into_iter().filter(|(product, _)| self.announced.contains(product));
        known.filter_map(|(product, site)| self.plan.level(product, site, self.tick)).collect()
    }

    fn restock(&mut self, planned: Vec<PlannedLevel>, floor: &mut Floor<'_>) {
        let levels: Vec<Level> =
            planned.into_iter().map(|planned| stock::store(floor.warehouse, planned)).collect();
        for batch in stock::batches(&levels) {
            let effects = batch.iter().map(Level::effect).collect();
            self.post(floor, Subject::Inventory, effects, |head| documents::inventory(head, batch));
        }
    }

    fn act(&mut self, task: Task, floor: &mut Floor<'_>) {
        match task {
            Task::Ship { order, shipment, last } => self.ship(&order, shipment, last, floor),
            // The arrival this leaves behind is told at the next step.
            Task::Cancel { order } => drop(floor.warehouse.cancel(&order, false)),
        }
    }

    fn ship(&mut self, order: &str, planned: PlannedShipment, last: bool, floor: &mut Floor<'_>) {
        let Some(order) = floor.warehouse.orders.get_mut(order) else { return };
        if order.state != OrderState::Created {
            return;
        }
        let sequence = u32::try_from(order.shipments.len()).unwrap_or(u32::MAX).saturating_add(1);
        order.shipments.push(Shipment {
            reference: planned.reference,
            sequence,
            courier: planned.courier,
            service: planned.service,
            despatch_reference: planned.tracking,
            completed: floor.time.to_owned(),
            lines: planned.lines,
        });
        if last {
            order.state = OrderState::Despatched;
        }
        let order = order.clone();
        let effects = vec![order_effect(&order, Subject::Despatch)];
        self.post(floor, Subject::Despatch, effects, |head| {
            documents::order_event(head, Subject::Despatch.name(), &order)
        });
    }

    fn tell_cancelled(&mut self, reference: &str, floor: &mut Floor<'_>) {
        let Some(order) = floor.warehouse.orders.get(reference).cloned() else { return };
        let effects = vec![order_effect(&order, Subject::Cancellation)];
        self.post(floor, Subject::Cancellation, effects, |head| {
            documents::order_event(head, Subject::Cancellation.name(), &order)
        });
    }

    /// Gives a document its message id and puts it in line; now and then one without a canonical
    /// meaning follows.
    fn post(
        &mut self,
        floor: &mut Floor<'_>,
        subject: Subject,
        effects: Vec<Effect>,
        write: impl FnOnce(&Letterhead<'_>) -> String,
    ) {
        put_in_line(floor, subject, effects, write);
        self.documents += 1;
        let curiosity = match self.documents % CURIOSITY_EVERY {
            10 => Subject::StockChanges,
            40 => Subject::PaymentRequest,
            70 => Subject::PurchaseOrder,
            _ => return,
        };
        let product = floor.warehouse.products.keys().next().cloned().unwrap_or_default();
        let order = floor.warehouse.orders.keys().next().cloned().unwrap_or_default();
        let site = self.plan.sites().first().cloned().unwrap_or_default();
        put_in_line(floor, curiosity, Vec::new(), |head| match curiosity {
            Subject::StockChanges => documents::stock_changes(head, &product, &site),
            Subject::PurchaseOrder => documents::purchase_order_event(head, &product, &site),
            Subject::PaymentRequest
            | Subject::Inventory
            | Subject::Despatch
            | Subject::Cancellation => documents::payment_request(head, &order, &product),
        });
    }
}

fn put_in_line(
    floor: &mut Floor<'_>,
    subject: Subject,
    effects: Vec<Effect>,
    write: impl FnOnce(&Letterhead<'_>) -> String,
) {
    let Some(outbox) = floor.outbox.as_deref_mut() else { return };
    let message_id = outbox.next_message();
    let head = Letterhead {
        message_id,
        organisation: &floor.identity.organisation,
        channel: &floor.identity.channel,
        time: floor.time,
    };
    let body = write(&head).into();
    outbox.post(Push { message_id, subject, body, effects, tries: 0, repeat: false });
}

fn order_effect(order: &Order, subject: Subject) -> Effect {
    let shipments = order.shipments.iter().map(|shipment| {
        json!({ "reference": shipment.reference, "tracking": shipment.despatch_reference })
    });
    let fields = json!({ "event": subject.name(), "shipments": shipments.collect::<Vec<_>>() });
    Effect::new("order", order.reference.clone(), "pushed", Some(fields))
}

#[cfg(test)]
mod tests;
