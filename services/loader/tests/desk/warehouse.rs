//! OrderFlow, as far as a loader sees it: imports, order details, cancellations, a probe.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex},
};

use ferry_http::{Request, Response};
use ferry_sim::{SimHttp, answer};

pub(crate) const ORDERS: &str = "import order";
pub(crate) const PRODUCTS: &str = "import product";
pub(crate) const CANCEL: &str = "cancel order";
pub(crate) const RETURNS: &str = "import return";

/// What it did, and what it will say instead of doing anything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Warehouse {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// `order WEB-1`, `cancelled WEB-1`, `product MUG: Red`, in the order they took effect.
    effects: Vec<String>,
    /// The quantity on the first line of every order that is there.
    orders: BTreeMap<String, String>,
    /// Those that are cancelled and have kept their reference.
    cancelled: BTreeSet<String>,
    /// Orders of this quantity are refused.
    unwanted: Option<String>,
    instead: VecDeque<Response>,
    takes_doubles: bool,
    /// Answers 503 to everything.
    down: bool,
    /// Answers 503 to every request that names this.
    poison: Option<String>,
    /// Panics at every request that names this: a stand-in for a fault of ours.
    bomb: Option<String>,
}

impl Warehouse {
    pub(crate) fn http(&self) -> SimHttp {
        let warehouse = self.clone();
        SimHttp::new(move |request| warehouse.respond(request))
    }

    /// From now on it makes an order that it has a second time.
    pub(crate) fn take_doubles(&self) {
        self.state.lock().unwrap().takes_doubles = true;
    }

    /// Its next answers, without an effect.
    pub(crate) fn say_instead(&self, answers: impl IntoIterator<Item = Response>) {
        self.state.lock().unwrap().instead.extend(answers);
    }

    /// Its next answers are these statuses, without an effect.
    pub(crate) fn refuse(&self, statuses: impl IntoIterator<Item = u16>) {
        self.say_instead(statuses.into_iter().map(|status| answer(status, "no")));
    }

    pub(crate) fn is_down(&self, down: bool) {
        self.state.lock().unwrap().down = down;
    }

    pub(crate) fn is_poisoned_by(&self, order: &str) {
        self.state.lock().unwrap().poison = Some(order.to_owned());
    }

    pub(crate) fn blows_up_at(&self, order: &str) {
        self.state.lock().unwrap().bomb = Some(order.to_owned());
    }

    /// From now on it refuses orders that ask for so many.
    pub(crate) fn refuses_orders_of(&self, quantity: &str) {
        self.state.lock().unwrap().unwanted = Some(quantity.to_owned());
    }

    /// Somebody cancels the order there by hand, and frees its reference.
    pub(crate) fn lose_to_somebody(&self, order: &str) {
        self.state.lock().unwrap().orders.remove(order);
    }

    /// What the order asks for, if it is there.
    pub(crate) fn quantity(&self, order: &str) -> Option<String> {
        self.state.lock().unwrap().orders.get(order).cloned()
    }

    pub(crate) fn effects(&self) -> Vec<String> {
        self.state.lock().unwrap().effects.clone()
    }

    pub(crate) fn respond(&self, request: &Request) -> Response {
        let mut state = self.state.lock().unwrap();
        let names = |word: &Option<String>| {
            let body = String::from_utf8_lossy(&request.body);
            word.as_ref().is_some_and(|word| request.url.contains(word) || body.contains(word))
        };
        if names(&state.bomb) {
            drop(state);
            panic!("a fault of our own");
        }
        if state.down || names(&state.poison) {
            return answer(503, "down for maintenance");
        }
        if let Some(instead) = state.instead.pop_front() {
            return instead;
        }
        match request.operation {
            ORDERS | PRODUCTS | RETURNS => state.import(&String::from_utf8_lossy(&request.body)),
            "read order" => state.detail(&request.url),
            CANCEL => state.cancel(&request.url),
            _ => answer(200, "<inventory/>"),
        }
    }
}

impl State {
    fn import(&mut self, document: &str) -> Response {
        let (mut successes, mut duplicates, mut failures) = (Vec::new(), Vec::new(), Vec::new());
        for import in document.split("<import ").skip(1) {
            let of = |name: &str| between(import, &format!("{name}=\""), "\"");
            let (kind, reference) = (of("type"), of("externalReference"));
            let named = format!("<import type=\"{kind}\" externalReference=\"{reference}\"");
            let effect = match kind {
                "order" | "return" => format!("{kind} {reference}"),
                _ => format!("product {reference}: {}", between(import, "description=", "\n")),
            };
            let quantity = between(import, "orderLine.1.quantity=", "\n");
            let is_there = kind == "order" && self.orders.contains_key(reference);
            if kind == "order" && self.unwanted.as_deref() == Some(quantity) {
                failures.push(format!("{named}><failureMessage>no</failureMessage></import>"));
            } else if is_there && !self.takes_doubles {
                duplicates
                    .push(format!("{named}><duplicateMessage>no</duplicateMessage></import>"));
            } else {
                self.effects.push(effect);
                if kind == "order" {
                    self.orders.insert(reference.to_owned(), quantity.to_owned());
                }
                successes.push(format!("{named} item=\"7\"/>"));
            }
        }
        let [successes, duplicates, failures] =
            [successes, duplicates, failures].map(|r| r.concat());
        let body = format!(
            "<importResult><importSuccesses>{successes}</importSuccesses>\
             <importDuplicates>{duplicates}</importDuplicates>\
             <importFailures>{failures}</importFailures></importResult>"
        );
        answer(200, &body)
    }

    fn detail(&self, url: &str) -> Response {
        let reference = url.rsplit('=').next().unwrap();
        let Some(quantity) = self.orders.get(reference) else { return answer(404, "not found") };
        let state = if self.cancelled.contains(reference) { "cancelled" } else { "created" };
        let body = format!(
            "<order externalReference=\"{reference}\" state=\"{state}\"><shipments>\
             <shipment state=\"ready\"><orderLines><orderLine product=\"MUG\" \
             quantity=\"{quantity}\"/></orderLines></shipment></shipments></order>"
        );
        answer(200, &body)
    }

    fn cancel(&mut self, url: &str) -> Response {
        let reference = between(url, "externalReference=", "&");
        let frees = url.ends_with("cancelChangesExternalReference=true");
        let is_there = self.orders.contains_key(reference);
        if is_there && !frees {
            if !self.cancelled.insert(reference.to_owned()) {
                return answer(200, "<message>No cancel operation performed</message>");
            }
            self.effects.push(format!("closed {reference}"));
            return answer(200, "<message>it has been cancelled</message>");
        }
        if self.orders.remove(reference).is_none() {
            return answer(
                200,
                "<r><exception>rtd.exceptions.MissingDataException</exception></r>",
            );
        }
        self.effects.push(format!("cancelled {reference}"));
        answer(200, "<message>it has been cancelled</message>")
    }
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).unwrap_or_default().0
}

/// The answer for an order that names something OrderFlow does not have.
pub(crate) fn missing(reference: &str) -> Response {
    let body = format!(
        "<importResult><importFailures><import type=\"order\" externalReference=\"{reference}\">\
         <failureMessage>Product MUG not found</failureMessage>\
         <failureDetail>rtd.exceptions.MissingDataException</failureDetail></import>\
         </importFailures></importResult>"
    );
    answer(200, &body)
}
