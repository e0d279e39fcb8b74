//! A simulated system and its control API.

use std::{process::Command, time::Duration};

use serde_json::{Value, json};

use crate::{Relay, Service, binary, http};

const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// One simulator as a process of its own.
#[derive(Debug)]
pub struct Simulator {
    pub url: String,
    _service: Service,
}

impl Simulator {
    /// Starts `system` with its own `options` on a free port.
    pub fn start(system: &str, options: &[&str]) -> Self {
        let mut command = Command::new(binary("ferry-simulator"));
        command.arg(system).args(["--listen", "127.0.0.1:0"]).args(options);
        let mut service = Service::spawn(&format!("simulated {system}"), command);
        let line = service.wait_for_line("listening on ", STARTS_WITHIN);
        let url = line.trim().trim_start_matches("listening on ").to_owned();
        Self { url, _service: service }
    }

    /// A shop nobody buys in.
    pub fn shop() -> Self {
        Self::start("oro", &["--orders-per-second", "0"])
    }

    /// A warehouse where only persons do anything. It pushes by this way, and `options` say the rest.
    pub fn warehouse(way: &Relay, options: &[&str]) -> Self {
        let url = format!("http://{}/push/warehouse", way.address());
        let all = ["--ticks", "0", "--password", "ferry-demo", "--push-user", "flow"];
        let more = ["--push-password", "pw", "--push-url", &url, "--time-zone", "Europe/London"];
        let all = [&all[..], &more, options].concat();
        Self::start("orderflow", &all)
    }

    /// Scripts a fault as the simulators' README describes it.
    ///
    /// # Panics
    /// When the simulator does not take it.
    pub fn fault(&self, fault: &Value) {
        let url = format!("{}/_sim/faults", self.url);
        let answer = http::post(&url, &[], fault.to_string().as_bytes());
        assert_eq!(answer.status, 201, "{}", answer.text());
    }

    /// How often scripted faults have hit so far, all together.
    pub fn faults_fired(&self) -> u64 {
        let faults = http::get(&format!("{}/_sim/faults", self.url)).json();
        let faults = faults.as_array().cloned().unwrap_or_default();
        faults.iter().filter_map(|fault| fault["fired"].as_u64()).sum()
    }

    /// Everything that came in, in order.
    pub fn history(&self) -> Vec<Value> {
        let mut entries = Vec::new();
        let mut after = 0;
        loop {
            let (page, next) = self.history_after(after);
            if page.is_empty() {
                return entries;
            }
            entries.extend(page);
            after = next;
        }
    }

    /// A page of what came in, and where the next one begins.
    pub fn history_after(&self, after: u64) -> (Vec<Value>, u64) {
        let page = http::get(&format!("{}/_sim/history?after={after}&limit=5000", self.url)).json();
        let entries = page["entries"].as_array().cloned().unwrap_or_default();
        (entries, page["next"].as_u64().unwrap_or(after))
    }

    /// As [`Self::history`], page by page, however long it is.
    pub fn history_whole(&self) -> Vec<Value> {
        let (mut entries, mut next) = (Vec::new(), 0);
        loop {
            let url = format!("{}/_sim/history?limit=5000&after={next}", self.url);
            let page = http::get(&url).json();
            let more = page["entries"].as_array().cloned().unwrap_or_default();
            next = page["next"].as_u64().unwrap_or(next);
            if more.is_empty() {
                return entries;
            }
            entries.extend(more);
        }
    }

    /// How often the entity met this effect.
    pub fn effects(&self, entity: &str, key: &str, effect: &str) -> usize {
        let history = self.history();
        let effects = history.iter().filter_map(|entry| entry["effects"].as_array()).flatten();
        let ours = effects.filter(|found| {
            found["entity"] == entity && found["key"] == key && found["effect"] == effect
        });
        ours.count()
    }

    /// The rows of a collection.
    pub fn state(&self, collection: &str) -> Vec<Value> {
        let rows = http::get(&format!("{}/_sim/state/{collection}", self.url)).json();
        rows.as_array().cloned().unwrap_or_default()
    }

    /// Puts an order into a simulated shop, with a customer and a product to go with it.
    ///
    /// # Panics
    /// When the shop refuses.
    pub fn place_order(&self, identifier: &str) {
        self.place_order_for(identifier, &json!({"name": identifier, "externalId": identifier}));
    }

    /// As [`Self::place_order`], in a shop that keeps no numbers of customers.
    ///
    /// # Panics
    /// When the shop refuses.
    pub fn place_order_in_old(&self, identifier: &str) {
        self.place_order_for(identifier, &json!({ "name": identifier }));
    }

    fn place_order_for(&self, identifier: &str, customer: &Value) {
        let customer = json!({"data": {"type": "customers", "attributes": customer}});
        let customer = self.create("customers", &customer);
        let sku = format!("SKU-{identifier}");
        self.create("products", &product(&sku));
        self.create("orders", &order(identifier, &customer, &sku));
    }

    /// Puts the order that [`Self::place_order`] makes into a simulated warehouse, with its product.
    ///
    /// # Panics
    /// When the warehouse refuses.
    pub fn take_order(&self, identifier: &str) {
        let sku = format!("SKU-{identifier}");
        self.import("remotewarehouse", "product", &sku, "description=A mug\ntype=default");
        let order = format!(
            "deliveryCountryCode=PL\norderLine.1.product.externalReference={sku}\n\
             orderLine.1.quantity=2\norderLine.1.shipment=entity:shipment\n\
             shipment.orderItem=entity:order"
        );
        self.import("remoteorder", "order", identifier, &order);
    }

    fn import(&self, module: &str, kind: &str, reference: &str, text: &str) {
        let body = format!(
            r#"<imports><import type="{kind}" operation="insert" externalReference="{reference}">{text}</import></imports>"#
        );
        let url = format!("{}/web/{module}/imports/importitems.xml", self.url);
        let headers = [
            ("authorization", "Basic ZmVycnk6ZmVycnktZGVtbw=="),
            ("organisation", "acme"),
            ("channel", "web"),
        ];
        let answer = http::post(&url, &headers, body.as_bytes());
        let taken = answer.text().contains("<importSuccesses><import");
        assert!(taken, "{kind} {reference}: {}", answer.text());
    }

    /// Does by hand what the simulators' README lists for persons.
    ///
    /// # Panics
    /// When there is nothing to do it to.
    pub fn by_hand(&self, method: &str, path: &str) {
        let answer = http::send(method, &format!("{}/_sim/{path}", self.url), &[], b"");
        let answer = answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        assert_eq!(answer.status, 204, "{method} {path}: {}", answer.text());
    }

    /// How often it was asked so: the beginning of a path.
    pub fn asked(&self, method: &str, path: &str) -> usize {
        let history = self.history();
        let ours = history.iter().filter(|entry| {
            entry["method"] == method && entry["path"].as_str().is_some_and(|p| p.starts_with(path))
        });
        ours.count()
    }

    fn create(&self, resource: &str, document: &Value) -> String {
        let form = "grant_type=client_credentials&client_id=ferry-demo\
                    &client_secret=ferry-demo-secret";
        let media = [("content-type", "application/x-www-form-urlencoded")];
        let token = http::post(&format!("{}/oauth2-token", self.url), &media, form.as_bytes());
        let bearer = format!("Bearer {}", token.json()["access_token"].as_str().unwrap_or("none"));
        let json_api = "application/vnd.api+json";
        let headers =
            [("authorization", bearer.as_str()), ("content-type", json_api), ("accept", json_api)];
        let url = format!("{}/admin/api/{resource}", self.url);
        let answer = http::post(&url, &headers, document.to_string().as_bytes());
        assert_eq!(answer.status, 201, "{resource}: {}", answer.text());
        answer.json()["data"]["id"].as_str().unwrap_or_default().to_owned()
    }
}

fn product(sku: &str) -> Value {
    json!({"data": {"type": "products",
        "attributes": {"sku": sku, "status": "enabled"},
        "relationships": {
            "names": {"data": [{"type": "productnames", "id": "n"}]},
            "attributeFamily": {"data": {"type": "attributefamilies", "id": "1"}},
            "primaryUnitPrecision": {"data": {"type": "productunitprecisions", "id": "u"}},
            "unitPrecisions": {"data": [{"type": "productunitprecisions", "id": "u"}]},
            "inventory_status": {"data": {"type": "prodinventorystatuses", "id": "in_stock"}}}},
     "included": [
        {"type": "productnames", "id": "n", "attributes": {"fallback": null, "string": sku}},
        {"type": "productunitprecisions", "id": "u",
         "attributes": {"precision": 0, "conversionRate": 1, "sell": true},
         "relationships": {"unit": {"data": {"type": "productunits", "id": "item"}}}}]})
}

fn order(identifier: &str, customer: &str, sku: &str) -> Value {
    json!({"data": {"type": "orders",
        "attributes": {"identifier": identifier, "currency": "EUR"},
        "relationships": {
            "customer": {"data": {"type": "customers", "id": customer}},
            "lineItems": {"data": [{"type": "orderlineitems", "id": "l1"}]},
            "shippingAddress": {"data": {"type": "orderaddresses", "id": "a1"}}}},
     "included": [
        {"type": "orderlineitems", "id": "l1",
         "attributes": {"productSku": sku, "quantity": "2", "value": "10.50", "currency": "EUR"},
         "relationships": {"productUnit": {"data": {"type": "productunits", "id": "item"}}}},
        {"type": "orderaddresses", "id": "a1",
         "attributes": {"street": "Łąkowa 1", "city": "Łódź", "postalCode": "90-001",
                        "organization": "Kubki"},
         "relationships": {"country": {"data": {"type": "countries", "id": "PL"}}}}]})
}
