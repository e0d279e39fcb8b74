//! One OrderFlow instance: what it holds, what it does, and what is on its way out.
//!
//! Promises that every question, step and settled push sees and leaves a whole state. Nothing waits
//! while the state is held.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ferry_world::account::Effect;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::control::{Control, View};

use super::actor::{Actor, Floor};
use super::desk::{Answer, Identity, Question};
use super::order::{Order, OrderState, Shipment};
use super::outbox::{Outbox, Push, Subject};
use super::papers::Kind;
use super::product::Product;
use super::stock::Level;
use super::values;
use super::warehouse::Warehouse;

pub(super) struct Instance {
    control: Control,
    identity: Identity,
    zone: TimeZone,
    state: Mutex<State>,
}

struct State {
    warehouse: Warehouse,
    actor: Actor,
    outbox: Outbox,
    pushing: bool,
}

impl Instance {
    /// Without `pushing` nobody receives pushes, and none are written.
    pub(super) fn new(
        control: Control,
        (identity, zone): (Identity, TimeZone),
        actor: Actor,
        outbox: Outbox,
        pushing: bool,
    ) -> Self {
        let mut warehouse = Warehouse::new();
        warehouse.takes_repeats = identity.takes_repeats;
        let state = State { warehouse, actor, outbox, pushing };
        Self { control, identity, zone, state: Mutex::new(state) }
    }

    /// Local time of the instance, as its documents show it.
    pub(super) fn local(&self, at: Timestamp) -> String {
        values::local(at, &self.zone)
    }

    /// Answers a question; the effects of the answer have their place in the order of all effects.
    pub(super) fn answer(&self, question: &Question<'_>) -> Answer {
        let mut state = self.state();
        let mut answer = self.identity.answer(&mut state.warehouse, question);
        self.place(&mut answer.effects);
        answer
    }

    /// Lets the actor do what is due, and says what it did.
    pub(super) fn step(&self, now: Instant, at: Timestamp) -> Vec<Effect> {
        self.on_the_floor(at, |actor, floor| actor.step(floor, now)).1
    }

    /// Lets somebody work in the warehouse, and says what came of it.
    pub(super) fn on_the_floor<T>(
        &self,
        at: Timestamp,
        work: impl FnOnce(&mut Actor, &mut Floor<'_>) -> T,
    ) -> (T, Vec<Effect>) {
        let time = self.local(at);
        let mut effects = Vec::new();
        let mut state = self.state();
        let State { warehouse, actor, outbox, pushing, .. } = &mut *state;
        let mut floor = Floor {
            identity: &self.identity,
            warehouse,
            outbox: pushing.then_some(outbox),
            effects: &mut effects,
            time: &time,
        };
        let done = work(actor, &mut floor);
        self.place(&mut effects);
        (done, effects)
    }

    /// What the receiver of a push learned, placed where it was told.
    pub(super) fn told(&self, push: &Push) -> Vec<Effect> {
        let _order_is_drawn_under_the_lock = self.state();
        let mut effects = push.effects.clone();
        self.place(&mut effects);
        effects
    }

    /// Works on the documents on their way out.
    pub(super) fn with_outbox<T>(&self, work: impl FnOnce(&mut Outbox) -> T) -> T {
        work(&mut self.state().outbox)
    }

    /// Gives effects their places in the order of all effects; call it with the state held.
    fn place(&self, effects: &mut [Effect]) {
        for effect in effects {
            let fields = Value::Object(std::mem::take(&mut effect.fields));
            *effect = self.control.effect(&effect.entity, &effect.key, effect.effect, fields);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View for Instance {
    fn collection(&self, name: &str) -> Option<Value> {
        let state = self.state();
        let State { warehouse, outbox, .. } = &*state;
        let orders = warehouse.orders.values();
        Some(match name {
            "products" => warehouse.products.values().map(Product::fields).collect(),
            "stock" => warehouse.levels.values().flat_map(BTreeMap::values).map(stock).collect(),
            "orders" => orders.map(Order::fields).collect(),
            "shipments" => {
                orders.flat_map(|order| &order.shipments).map(Shipment::fields).collect()
            }
            name if Kind::ALL.iter().any(|kind| kind.collection() == name) => {
                let of = |kind: &Kind| kind.collection() == name;
                let papers = warehouse.papers.iter().filter(|((kind, _), _)| of(kind));
                papers.map(|(_, paper)| paper.fields()).collect()
            }
            "push_failures" => outbox.failures().iter().map(failure).collect(),
            _ => return None,
        })
    }

    /// Done when nothing is left to do with what has arrived, and every push was acknowledged or
    /// given up.
    fn progress(&self) -> Value {
        let state = self.state();
        let State { warehouse, actor, outbox, .. } = &*state;
        let orders = |wanted: OrderState| {
            warehouse.orders.values().filter(|order| order.state == wanted).count()
        };
        let waiting = outbox.waiting();
        let acknowledged: Map<String, Value> = Subject::ALL
            .iter()
            .map(|subject| (subject.name().to_owned(), outbox.acknowledged(*subject).into()))
            .collect();
        json!({
            "tick": actor.tick(),
            "ticks": actor.ticks(),
            "done": actor.idle() && warehouse.arrivals.is_empty() && waiting == 0,
            "products": warehouse.products.len(),
            "levels": warehouse.levels.values().map(BTreeMap::len).sum::<usize>(),
            "orders": warehouse.orders.len(),
            "orders_despatched": orders(OrderState::Despatched),
            "orders_cancelled": orders(OrderState::Cancelled),
            "shipments": warehouse.orders.values().map(|o| o.shipments.len()).sum::<usize>(),
            "pushes": outbox.last_message(),
            "pushes_waiting": waiting,
            "pushes_failed": outbox.failures().len(),
            "pushes_repeated": outbox.repeats(),
            "pushes_acknowledged": acknowledged,
        })
    }
}

fn stock(level: &Level) -> Value {
    json!({
        "product": level.stock.sku,
        "site": level.stock.site_name,
        "version": level.stock.version,
        "total": level.stock.total,
        "allocated": level.stock.allocated,
        "available": level.stock.told_available(),
        "lastStockChangeId": level.last_stock_change_id,
        "lastLineRequirementChangeId": level.last_line_requirement_change_id,
    })
}

fn failure(push: &Push) -> Value {
    json!({
        "messageId": push.message_id,
        "document": push.subject.name(),
        "tries": push.tries,
        "last": push.last,
    })
}
