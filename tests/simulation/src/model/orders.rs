//! A shop's orders: their status, what has been shipped of them, their tracking numbers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Asked, Said, shop::problem, warehouse::ORDERED};

#[derive(Debug, Default)]
pub(crate) struct Order {
    identifier: String,
    /// Every status it was set to, in order.
    pub(crate) statuses: Vec<String>,
    pub(crate) shipped: Vec<String>,
    /// Every tracking number that was added, in order.
    pub(crate) trackings: Vec<String>,
}

/// By number.
#[derive(Debug, Default)]
pub(crate) struct Orders(BTreeMap<u64, Order>);

impl Orders {
    pub(crate) fn place(&mut self, identifier: &str) {
        let id = u64::try_from(self.0.len()).unwrap_or(0) + 1;
        self.0.insert(id, Order { identifier: identifier.to_owned(), ..Order::default() });
    }

    pub(crate) fn list(&self, asked: &Asked) -> Said {
        let wanted = asked.parameter("filter[identifier]").unwrap_or_default();
        let found = self.0.iter().filter(|(_, order)| order.identifier == wanted);
        let (rows, included): (Vec<Value>, Vec<Vec<Value>>) =
            found.map(|(id, order)| (order.row(*id), order.included(*id))).unzip();
        Said::ok(json!({"data": rows, "included": included.concat()}).to_string())
    }

    pub(crate) fn read(&self, id: u64) -> Said {
        match self.0.get(&id) {
            Some(order) => {
                let (row, included) = (order.row(id), order.included(id));
                Said::ok(json!({"data": row, "included": included}).to_string())
            }
            None => problem(404, "not found http exception"),
        }
    }

    pub(crate) fn change(&mut self, id: u64, body: &Value) -> Said {
        let Some(order) = self.0.get_mut(&id) else {
            return problem(404, "not found http exception");
        };
        let set = |name: &str| {
            let place = format!("/data/relationships/{name}/data/id");
            body.pointer(&place).and_then(Value::as_str).map(str::to_owned)
        };
        order.statuses.extend(set("status"));
        order.shipped.extend(set("shippingStatus"));
        Said::ok(json!({"data": order.row(id)}).to_string())
    }

    pub(crate) fn track(&mut self, body: &Value) -> Said {
        let id = body.pointer("/data/relationships/orders/data/0/id").and_then(Value::as_str);
        let id = id.and_then(|id| id.parse().ok());
        let number = body.pointer("/data/attributes/number").and_then(Value::as_str);
        let order = id.and_then(|id| self.0.get_mut(&id));
        let (Some(order), Some(number)) = (order, number) else { return problem(400, "tracking") };
        order.trackings.push(number.to_owned());
        let row = json!({"type": "ordershippingtrackings", "id": number});
        Said { status: 201, body: json!({"data": row}).to_string() }
    }

    pub(crate) fn by_identifier(&self) -> impl Iterator<Item = (&str, &Order)> {
        self.0.values().map(|order| (order.identifier.as_str(), order))
    }
}

impl Order {
    fn row(&self, id: u64) -> Value {
        let one = |kind: &str, id: Option<&String>| json!({"data": id.map(|id| json!({"type": kind, "id": id}))});
        let line = json!([{"type": "orderlineitems", "id": format!("{id}1")}]);
        let trackings = self.trackings.iter();
        let trackings: Vec<Value> =
            trackings.map(|id| json!({"type": "ordershippingtrackings", "id": id})).collect();
        json!({"type": "orders", "id": id.to_string(),
            "attributes": {"identifier": self.identifier},
            "relationships": {
                "status": one("orderstatuses", self.statuses.last()),
                "shippingStatus": one("ordershippingstatuses", self.shipped.last()),
                "lineItems": {"data": line},
                "shippingTrackings": {"data": trackings}}})
    }

    fn included(&self, id: u64) -> Vec<Value> {
        let line = json!({"type": "orderlineitems", "id": format!("{id}1"),
            "attributes": {"productSku": ORDERED, "quantity": 2}});
        let trackings = self.trackings.iter();
        let trackings = trackings.map(|number| {
            json!({"type": "ordershippingtrackings", "id": number,
                "attributes": {"number": number}})
        });
        std::iter::once(line).chain(trackings).collect()
    }
}
