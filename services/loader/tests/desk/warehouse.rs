//! OrderFlow, as far as a loader sees it: imports, order details, a probe.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use ferry_http::{Request, Response};
use ferry_sim::{SimHttp, answer};

pub(crate) const ORDERS: &str = "import order";
pub(crate) const PRODUCTS: &str = "import product";

/// What it did, and what it will say instead of doing anything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Warehouse {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// `order WEB-1`, `product MUG: Red`, in the order they took effect.
    effects: Vec<String>,
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
            ORDERS | PRODUCTS => state.import(&String::from_utf8_lossy(&request.body)),
            "read order" => state.detail(&request.url),
            _ => answer(200, "<inventory/>"),
        }
    }
}

impl State {
    fn import(&mut self, document: &str) -> Response {
        let (mut successes, mut duplicates) = (Vec::new(), Vec::new());
        for import in document.split("<import ").skip(1) {
            let of = |name: &str| between(import, &format!("{name}=\""), "\"");
            let (kind, reference) = (of("type"), of("externalReference"));
            let named = format!("<import type=\"{kind}\" externalReference=\"{reference}\"");
            let effect = match kind {
                "order" => format!("order {reference}"),
                _ => format!("product {reference}: {}", between(import, "description=", "\n")),
            };
            if kind == "order" && !self.takes_doubles && self.effects.contains(&effect) {
                duplicates
                    .push(format!("{named}><duplicateMessage>no</duplicateMessage></import>"));
            } else {
                self.effects.push(effect);
                successes.push(format!("{named} item=\"7\"/>"));
            }
        }
        let (successes, duplicates) = (successes.concat(), duplicates.concat());
        let body = format!(
            "<importResult><importSuccesses>{successes}</importSuccesses>\
             <importDuplicates>{duplicates}</importDuplicates></importResult>"
        );
        answer(200, &body)
    }

    fn detail(&self, url: &str) -> Response {
        let reference = url.rsplit('=').next().unwrap();
        if self.effects.contains(&format!("order {reference}")) {
            answer(200, &format!("<order externalReference=\"{reference}\"/>"))
        } else {
            answer(404, "not found")
        }
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
