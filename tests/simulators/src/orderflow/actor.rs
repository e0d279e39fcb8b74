//! What the people and machines of the warehouse do, given time: announce the stock of what was
//! imported, count and change stock from tick to tick, pack and despatch orders or cancel them.
//!
//! Promises that what is done is decided by the plan alone and only its moment by the clock, that the
//! shipments of an order leave in the plan's order, and that every change posts its document in the
//! same step. It sends nothing itself, and does not act on an order a client has cancelled; one that is
//! imported again is planned for anew.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use ferry_world::account::{Effect, EffectKind};
use ferry_world::{Fulfilment, PlannedShipment, SITES, Stock};
use serde_json::json;
use tokio::time::Instant;

use super::desk::Identity;
use super::documents::{self, Letterhead};
use super::effect::effect;
use super::order::{Order, OrderState, Shipment};
use super::outbox::{Outbox, Push, Subject};
use super::plan::Plan;
use super::stock::{self, Level};
use super::warehouse::{Arrival, Warehouse};

/// One document without a canonical meaning of each kind rides along with this many others.
const CURIOSITY_EVERY: u64 = 100;

mod person;

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
    Ship { order: Known, shipment: PlannedShipment, last: bool },
    Cancel { order: Known },
}

/// An order by its reference and OrderFlow's own number: one that is cancelled and imported again is
/// another.
#[derive(Clone)]
struct Known {
    reference: String,
    item: u64,
}

impl Known {
    fn find<'a>(&self, warehouse: &'a mut Warehouse) -> Option<&'a mut Order> {
        warehouse.orders.get_mut(&self.reference).filter(|order| order.item == self.item)
    }
}

/// What the actor works on.
pub(super) struct Floor<'a> {
    pub(super) identity: &'a Identity,
    pub(super) warehouse: &'a mut Warehouse,
    /// `None` where no receiver of pushes is configured.
    pub(super) outbox: Option<&'a mut Outbox>,
    /// What the actor did, oldest first.
    pub(super) effects: &'a mut Vec<Effect>,
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
        let mut stocks = self.changed_stocks(now);
        stocks.extend(self.first_stocks());
        self.restock(stocks, floor);
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
            Arrival::Order(reference) => {
                let item = floor.warehouse.orders.get(&reference).map(|order| order.item);
                if let Some(item) = item {
                    self.plan_order(&Known { reference, item }, now);
                }
            }
            Arrival::Cancellation(order) => self.tell_cancelled(&order, floor),
        }
    }

    fn plan_order(&mut self, order: &Known, now: Instant) {
        match self.plan.fulfilment(&order.reference) {
            Fulfilment::Shipments(shipments) => {
                let count = shipments.len();
                for (index, shipment) in shipments.into_iter().enumerate() {
                    let due = now + self.tick_length * (1 + shipment.rank);
                    let last = index + 1 == count;
                    self.schedule(due, Task::Ship { order: order.clone(), shipment, last });
                }
            }
            Fulfilment::Cancelled => {
                let due = now + self.tick_length;
                self.schedule(due, Task::Cancel { order: order.clone() });
            }
            Fulfilment::Open => {}
        }
    }

    fn schedule(&mut self, due: Instant, task: Task) {
        self.tasks += 1;
        self.due.insert((due, self.tasks), task);
    }

    /// The stock of products that arrived, as it is at this tick.
    fn first_stocks(&mut self) -> Vec<Stock> {
        let mut stocks = Vec::new();
        while let Some(product) = self.unannounced.pop_front() {
            self.announced.insert(product);
            stocks.extend(self.plan.stocks(product));
        }
        stocks
    }

    /// Goes on to the next tick if it is time. Of what the tick changes, only the stock that was
    /// announced is told; the rest will be announced as it is then.
    fn changed_stocks(&mut self, now: Instant) -> Vec<Stock> {
        if self.tick == self.ticks || now < self.next_tick {
            return Vec::new();
        }
        self.tick += 1;
        self.next_tick = now + self.tick_length;
        let changed = self.plan.advance();
        let known = changed.into_iter().filter(|(product, _)| self.announced.contains(product));
        known.filter_map(|(product, site)| self.plan.stock(product, site)).collect()
    }

    fn restock(&mut self, stocks: Vec<Stock>, floor: &mut Floor<'_>) {
        let levels: Vec<Level> =
            stocks.into_iter().map(|stock| stock::store(floor.warehouse, stock)).collect();
        for batch in stock::batches(&levels) {
            let effects = batch.iter().map(Level::effect).collect();
            self.post(floor, Subject::Inventory, effects, |head| documents::inventory(head, batch));
        }
    }

    fn act(&mut self, task: Task, floor: &mut Floor<'_>) {
        match task {
            Task::Ship { order, shipment, last } => self.ship(&order, &shipment, last, floor),
            // The arrival this leaves behind is told at the next step.
            Task::Cancel { order } => {
                if order.find(floor.warehouse).is_some() {
                    let cancelled = floor.warehouse.cancel(&order.reference, false);
                    floor.effects.extend(cancelled.ok().flatten());
                }
            }
        }
    }

    fn ship(
        &mut self,
        order: &Known,
        planned: &PlannedShipment,
        last: bool,
        floor: &mut Floor<'_>,
    ) {
        let Some(order) = order.find(floor.warehouse) else { return };
        if order.state != OrderState::Created {
            return;
        }
        let sequence = u32::try_from(order.shipments.len()).unwrap_or(u32::MAX).saturating_add(1);
        let lines = planned.lines.iter().map(|line| (line.sku.clone(), line.quantity.clone()));
        order.shipments.push(Shipment {
            reference: planned.told_reference(&order.reference),
            sequence,
            courier: planned.carrier,
            service: planned.service,
            despatch_reference: planned.tracking.clone(),
            completed: floor.time.to_owned(),
            lines: lines.collect(),
        });
        if last {
            order.state = OrderState::Despatched;
        }
        let order = order.clone();
        let left = effect("order", &order.reference, EffectKind::Released, order.fields());
        floor.effects.push(left);
        let effects = vec![order_effect(&order, Subject::Despatch)];
        self.post(floor, Subject::Despatch, effects, |head| {
            documents::order_event(head, Subject::Despatch.name(), &order)
        });
    }

    fn tell_cancelled(&mut self, order: &Order, floor: &mut Floor<'_>) {
        let effects = vec![order_effect(order, Subject::Cancellation)];
        self.post(floor, Subject::Cancellation, effects, |head| {
            documents::order_event(head, Subject::Cancellation.name(), order)
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
        let site = SITES.first().copied().unwrap_or_default();
        put_in_line(floor, curiosity, Vec::new(), |head| match curiosity {
            Subject::StockChanges => documents::stock_changes(head, &product, site),
            Subject::PurchaseOrder => documents::purchase_order_event(head, &product, site),
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
    let body = write(&head);
    outbox.post(Push::new(message_id, subject, body, effects));
}

fn order_effect(order: &Order, subject: Subject) -> Effect {
    let shipments = order.shipments.iter().map(|shipment| {
        json!({ "reference": shipment.reference, "tracking": shipment.despatch_reference })
    });
    let fields = json!({ "event": subject.name(), "shipments": shipments.collect::<Vec<_>>() });
    effect("order", &order.reference, EffectKind::Pushed, fields)
}

#[cfg(test)]
mod tests;
