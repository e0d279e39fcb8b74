//! An Oro shop, as far as a loader sees it. It writes down every effect in the order in which it took
//! place, and some of them take place late.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use ferry_http::{Method, Request, Response};
use ferry_sim::answer;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

pub(super) const CREATE_PRODUCT: &str = "create product";
pub(super) const CREATE_ADDRESS: &str = "create customer address";
pub(super) const READ_CUSTOMER: &str = "read customer";
pub(super) const CREATE_GROUP: &str = "create customer group";
pub(super) const LOOK: &str = "look";
pub(super) const READ_PRODUCT: &str = "read product";
pub(super) const UPDATE_PRODUCT: &str = "update product";
pub(super) const SET_STOCK: &str = "set stock level";
pub(super) const ADD_TRACKING: &str = "add tracking";
pub(super) const CANCEL: &str = "cancel order";

#[derive(Clone, Debug, Default)]
pub(super) struct Shop {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// SKU and name. A product's id is its place, from 1; its stock level has the same.
    products: Vec<(String, String)>,
    /// Names of customer groups; the shop takes one twice. A group's id is its place, from 1.
    groups: Vec<String>,
    /// Position on the shop's clock, and time, of a product's last change.
    changed: BTreeMap<String, (u128, Timestamp)>,
    levels: BTreeMap<String, String>,
    /// By identifier, which is the id as well.
    orders: BTreeMap<String, Order>,
    effects: Vec<String>,
    /// What takes effect after its caller has gone.
    late: Vec<(Instant, Request)>,
    will_be_late: VecDeque<(&'static str, Duration)>,
    refusals: VecDeque<(&'static str, u16)>,
}

#[derive(Debug, Default)]
struct Order {
    status: String,
    trackings: Vec<String>,
}

impl Shop {
    /// With one order placed in it.
    pub(super) fn place(&self, identifier: &str) {
        let order = Order { status: "open".to_owned(), trackings: Vec::new() };
        self.state.lock().unwrap().orders.insert(identifier.to_owned(), order);
    }

    /// With a product that somebody else made.
    pub(super) fn stock(&self, sku: &str) {
        self.state.lock().unwrap().products.push((sku.to_owned(), "Made by hand".to_owned()));
    }

    /// A user of the shop gives a product another name.
    pub(super) fn rename_by_hand(&self, sku: &str, name: &str) {
        let mut state = self.state.lock().unwrap();
        let product = state.products.iter_mut().find(|(found, _)| found == sku).unwrap();
        name.clone_into(&mut product.1);
        state.effects.push(format!("by hand {sku}: {name}"));
        state.has_changed(sku);
    }

    /// Something of a product changes that is no part of the catalogue.
    pub(super) fn touch(&self, sku: &str) {
        self.state.lock().unwrap().has_changed(sku);
    }

    /// What it calls a product, and the place and time of the product's last change.
    pub(super) fn shows(&self, sku: &str) -> Option<(String, u128, Timestamp)> {
        let state = self.state.lock().unwrap();
        let (_, name) = state.products.iter().find(|(found, _)| found == sku)?;
        let (version, at) = *state.changed.get(sku)?;
        Some((name.clone(), version, at))
    }

    /// The next request of `operation` takes effect so long after it was made.
    pub(super) fn be_late(&self, operation: &'static str, by: Duration) {
        self.state.lock().unwrap().will_be_late.push_back((operation, by));
    }

    /// The next request of `operation` is answered so, without an effect.
    pub(super) fn refuse(&self, operation: &'static str, status: u16) {
        self.state.lock().unwrap().refusals.push_back((operation, status));
    }

    /// Nothing is refused any more.
    pub(super) fn serve_again(&self) {
        self.state.lock().unwrap().refusals.clear();
    }

    /// `MUG created: Red`, `MUG: Blue`, `MUG 7`, `WEB-1 tracking T-1`, in the order of their effect.
    pub(super) fn effects(&self) -> Vec<String> {
        let mut state = self.state.lock().unwrap();
        state.catch_up();
        state.effects.clone()
    }

    pub(super) fn respond(&self, request: &Request) -> Response {
        let mut state = self.state.lock().unwrap();
        state.catch_up();
        let operation = request.operation;
        if let Some(at) = state.will_be_late.iter().position(|(late, _)| *late == operation) {
            let (_, by) = state.will_be_late.remove(at).unwrap();
            state.late.push((Instant::now() + by, request.clone()));
            return answer(202, "whoever asked does not hear this");
        }
        if let Some(at) = state.refusals.iter().position(|(refused, _)| *refused == operation) {
            let (_, status) = state.refusals.remove(at).unwrap();
            return answer(status, r#"{"errors": [{"title": "not blank constraint"}]}"#);
        }
        state.act(request)
    }
}

impl State {
    fn has_changed(&mut self, sku: &str) {
        let version = self.changed.values().map(|(version, _)| *version).max().unwrap_or(100);
        self.changed.insert(sku.to_owned(), (version + 1, ferry_sim::now()));
    }

    fn catch_up(&mut self) {
        let now = Instant::now();
        let late = std::mem::take(&mut self.late);
        let (due, late): (Vec<_>, Vec<_>) = late.into_iter().partition(|(at, _)| *at <= now);
        self.late = late;
        for (_, request) in due {
            self.act(&request);
        }
    }

    fn act(&mut self, request: &Request) -> Response {
        if request.url.ends_with("/oauth2-token") {
            return answer(200, r#"{"access_token": "t", "expires_in": 36000}"#);
        }
        let path = request.url.split_once("/admin/api/").unwrap().1;
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let (place, query) = path.split_once('?').unwrap_or((path, ""));
        let (resource, id) = place.split_once('/').unwrap_or((place, ""));
        let asked = query.split('&').next().unwrap().split_once('=').unwrap_or_default().1;
        match (request.method, resource) {
            // It takes no lists.
            (Method::Patch, _) if id.is_empty() => answer(405, ""),
            (Method::Get, LOOK) => self.look(id),
            (Method::Get, "products") if !id.is_empty() => self.product(id),
            (Method::Get, "products") => self.products_named(asked),
            (Method::Post, "products") => self.create_product(&body),
            (Method::Patch, "products") => self.update_product(id, &body),
            (Method::Get, "inventorylevels") => self.level(asked),
            (Method::Patch, "inventorylevels") => self.set_level(id, &body),
            (Method::Get, "orders") => self.order(if id.is_empty() { asked } else { id }, id),
            (Method::Patch, "orders") => self.change_order(id, &body),
            (Method::Post, "ordershippingtrackings") => self.track(&body),
            (Method::Get, "customergroups") => self.groups_named(asked),
            (Method::Post, "customergroups") => self.create_group(&body),
            (Method::Get, "customers") => document(&json!([]), &json!([])),
            (Method::Post, "customers") => self.create_customer(&body),
            _ => panic!("the shop was asked for {} {path}", request.method.as_str()),
        }
    }

    /// A product's name, for a test that plays a system that can be looked at.
    fn look(&self, sku: &str) -> Response {
        let found = self.products.iter().position(|(found, _)| found == sku);
        let Some(place) = found else { return answer(404, "") };
        let (id, name) = ((place + 1).to_string(), &self.products[place].1);
        let (version, at) = self.changed[sku];
        let shown = json!({"id": id, "name": name, "version": version.to_string(), "at": at});
        answer(200, &shown.to_string())
    }

    fn products_named(&self, sku: &str) -> Response {
        let found = self.products.iter().position(|(found, _)| found == sku);
        let rows: Vec<Value> = found.map(|at| product(at + 1, sku)).into_iter().collect();
        document(&json!(rows), &json!([]))
    }

    fn product(&self, id: &str) -> Response {
        let place: usize = id.parse().unwrap();
        let (sku, name) = &self.products[place - 1];
        let name = json!({"type": "productnames", "id": id, "attributes": {"string": name},
            "relationships": {"localization": {"data": null}}});
        document(&product(place, sku), &json!([name]))
    }

    fn create_product(&mut self, body: &Value) -> Response {
        let sku = text(&body["data"]["attributes"]["sku"]);
        self.effects.push(format!("{sku} created: {}", name(body)));
        self.products.push((sku.clone(), name(body)));
        self.has_changed(&sku);
        document(&product(self.products.len(), &sku), &json!([]))
    }

    fn update_product(&mut self, id: &str, body: &Value) -> Response {
        let place: usize = id.parse().unwrap();
        let found = &mut self.products[place - 1];
        if let Some(status) = body["data"]["attributes"]["status"].as_str() {
            self.effects.push(format!("{} {status}", found.0));
        }
        if body["included"].is_array() {
            found.1 = name(body);
            self.effects.push(format!("{}: {}", found.0, found.1));
        }
        let row = product(place, &found.0);
        let sku = found.0.clone();
        self.has_changed(&sku);
        document(&row, &json!([]))
    }

    fn groups_named(&self, name: &str) -> Response {
        let groups = self.groups.iter().enumerate().filter(|(_, found)| *found == name);
        let groups: Vec<Value> = groups.map(|(at, name)| group(at + 1, name)).collect();
        document(&json!(groups), &json!([]))
    }

    fn create_group(&mut self, body: &Value) -> Response {
        let name = text(&body["data"]["attributes"]["name"]);
        self.effects.push(format!("group {name}"));
        self.groups.push(name.clone());
        document(&group(self.groups.len(), &name), &json!([]))
    }

    fn create_customer(&mut self, body: &Value) -> Response {
        let number = text(&body["data"]["attributes"]["externalId"]);
        let group = text(&body["data"]["relationships"]["group"]["data"]["id"]);
        self.effects.push(format!("customer {number} in group {group}"));
        document(&json!({"type": "customers", "id": number}), &json!([]))
    }

    fn level(&self, product: &str) -> Response {
        let quantity = self.levels.get(product).map_or("0", String::as_str);
        let level = json!({"type": "inventorylevels", "id": product,
            "attributes": {"quantity": quantity}, "relationships": {}});
        document(&json!([level]), &json!([]))
    }

    fn set_level(&mut self, id: &str, body: &Value) -> Response {
        let quantity = text(&body["data"]["attributes"]["quantity"]);
        let place: usize = id.parse().unwrap();
        self.effects.push(format!("{} {quantity}", self.products[place - 1].0));
        self.levels.insert(id.to_owned(), quantity);
        document(&json!({"type": "inventorylevels", "id": id}), &json!([]))
    }

    fn order(&self, identifier: &str, id: &str) -> Response {
        let Some(order) = self.orders.get(identifier) else {
            return document(&json!([]), &json!([]));
        };
        let linked = order
            .trackings
            .iter()
            .map(|number| json!({"type": "ordershippingtrackings", "id": number}));
        let row = json!({"type": "orders", "id": identifier,
            "attributes": {"identifier": identifier},
            "relationships": {
                "status": {"data": {"type": "orderstatuses", "id": order.status}},
                "shippingStatus": {"data": null},
                "shippingTrackings": {"data": linked.collect::<Vec<_>>()}}});
        let trackings = order.trackings.iter().map(|number| {
            json!({"type": "ordershippingtrackings", "id": number, "attributes": {"number": number}})
        });
        let row = if id.is_empty() { json!([row]) } else { row };
        document(&row, &json!(trackings.collect::<Vec<_>>()))
    }

    fn change_order(&mut self, id: &str, body: &Value) -> Response {
        let relations = &body["data"]["relationships"];
        let order = self.orders.get_mut(id).unwrap();
        if let Some(status) = relations["status"]["data"]["id"].as_str() {
            status.clone_into(&mut order.status);
            self.effects.push(format!("{id} {status}"));
        }
        let row = json!({"type": "orders", "id": id, "attributes": {},
            "relationships": {"status": {"data": {"type": "orderstatuses", "id": order.status}}}});
        document(&row, &json!([]))
    }

    fn track(&mut self, body: &Value) -> Response {
        let number = text(&body["data"]["attributes"]["number"]);
        let id = text(&body["data"]["relationships"]["orders"]["data"][0]["id"]);
        self.effects.push(format!("{id} tracking {number}"));
        self.orders.get_mut(&id).unwrap().trackings.push(number.clone());
        document(&json!({"type": "ordershippingtrackings", "id": number}), &json!([]))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The name a product is to have.
fn name(body: &Value) -> String {
    let mut included = body["included"].as_array().unwrap().iter();
    let name = included.find(|text| text["type"] == "productnames").unwrap();
    text(&name["attributes"]["string"])
}

fn group(place: usize, name: &str) -> Value {
    json!({"type": "customergroups", "id": place.to_string(), "attributes": {"name": name}})
}

fn product(place: usize, sku: &str) -> Value {
    let id = place.to_string();
    json!({"type": "products", "id": id, "attributes": {"sku": sku, "status": "enabled"},
        "relationships": {"names": {"data": [{"type": "productnames", "id": id}]}}})
}

fn document(data: &Value, included: &Value) -> Response {
    answer(200, &json!({"data": data, "included": included}).to_string())
}
