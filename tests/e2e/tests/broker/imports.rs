//! What OrderFlow is sent besides products and orders: returns, what a purchasing system has ordered, and
//! cancellations, each from a file to the warehouse.

use std::fs;

use ferry_e2e::{Installation, Running, Simulator, Systems, wait_for, wait_until};
use serde_json::{Value, json};

use crate::{SOON, outcomes_once};

/// The last route of every installation.
const LAST: &str = r#"name = "shipments"
from = "warehouse"
entity = "order"
facet = "shipment"
to = ["shop"]"#;

/// A feed of rows that are canonical already, the warehouse, and the same warehouse as the place where
/// purchase orders come in.
const FEED: &str = r#"

[systems.feed]
kind = "files"
folder = "drop"

[systems.feed.files.products]
pattern = "products*.jsonl"
format = "jsonl"
facet = "catalogue"
mapping = "row.jq"

[systems.feed.files.orders]
pattern = "orders*.jsonl"
format = "jsonl"
facet = "placed"
mapping = "row.jq"

[systems.feed.files.returns]
pattern = "returns*.jsonl"
format = "jsonl"
facet = "return"
mapping = "row.jq"

[systems.feed.files.cancellations]
pattern = "cancellations*.jsonl"
format = "jsonl"
facet = "cancellation"
mapping = "row.jq"

[systems.buyer]
kind = "files"
folder = "bought"

[systems.buyer.files.purchases]
pattern = "*.jsonl"
format = "jsonl"
facet = "placed"
mapping = "row.jq"

[systems.goods-in]
kind = "orderflow"
base_url = "{warehouse}/web"
organisation = "acme"
channel = "web"
user = { env = "E2E_ORDERFLOW_USER", default = "ferry" }
password = { env = "E2E_ORDERFLOW_PASSWORD", default = "ferry-demo" }
timeout = "2s"
settle_after = "3s"

[systems.goods-in.imports.purchases]
facet = "placed"
type = "purchaseOrder"
operation = "merge"
mapping = "purchase.jq"

[[routes]]
name = "products to warehouse"
from = "feed"
entity = "product"
facet = "catalogue"
to = ["warehouse"]

[[routes]]
name = "orders to warehouse"
from = "feed"
entity = "order"
facet = "placed"
to = ["warehouse"]

[[routes]]
name = "returns to warehouse"
from = "feed"
entity = "order"
facet = "return"
to = ["warehouse"]

[[routes]]
name = "cancellations to warehouse"
from = "feed"
entity = "order"
facet = "cancellation"
to = ["warehouse"]

[[routes]]
name = "purchases to warehouse"
from = "buyer"
entity = "order"
facet = "placed"
to = ["goods-in"]"#;

struct World {
    warehouse: Simulator,
    ferry: Installation,
    console: Running,
    _others: [Running; 3],
}

impl World {
    fn new(name: &str) -> Self {
        Self::with(name, &[])
    }

    fn with(name: &str, options: &[&str]) -> Self {
        let options = [&["--records", "1", "--password", "ferry-demo"][..], options].concat();
        let warehouse = Simulator::start("orderflow", &options);
        let systems = Systems { warehouse: &warehouse.url, ..Systems::default() };
        let feed = format!("{LAST}{}", FEED.replace("{warehouse}", &warehouse.url));
        let ferry = Installation::new(name, systems, &[(LAST, &feed)]);
        let mapping = include_str!("../../../../ops/mappings/placed-to-purchase-order.jq");
        for (name, program) in [("row.jq", "."), ("purchase.jq", mapping)] {
            fs::write(ferry.folder().join(name), program).unwrap();
        }
        fs::create_dir_all(ferry.folder().join("bought")).unwrap();
        let console = ferry.run("console");
        let others = ["producer", "transformer", "loader"].map(|service| ferry.run(service));
        Self { warehouse, ferry, console, _others: others }
    }

    /// Drops a file of these rows; it is read when it is whole.
    fn put(&self, file: &str, rows: &[Value]) {
        let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
        let text = rows.join("\n") + "\n";
        let aside = self.ferry.folder().join("aside");
        fs::write(&aside, text).unwrap();
        fs::rename(aside, self.ferry.folder().join(file)).unwrap();
    }

    /// The properties of the one row of a collection.
    fn only(&self, collection: &str) -> Value {
        let rows = self.warehouse.state(collection);
        assert_eq!(rows.len(), 1, "{collection}: {rows:?}");
        rows[0]["properties"].clone()
    }
}

fn placed(identifier: &str, customer: &Value, quantity: &str) -> Value {
    json!({"identifier": identifier, "placed_at": "2026-11-22T09:15:00Z", "currency": "GBP",
        "customer": customer,
        "shipping_address": {"street": "1 High St", "city": "Leeds", "country": "GB"},
        "lines": [{"number": 1, "sku": "MUG", "quantity": quantity, "unit_price": "5",
            "total": "10"}],
        "totals": {"subtotal": "10", "total": "10"}})
}

#[test]
fn a_return_waits_for_its_order_and_is_imported_with_it() {
    let world = World::new("returns");
    let returned = json!({"order": "WEB-1", "reference": "R-33", "kind": "goods_damaged",
        "authorised": true, "note": "wet\nbox",
        "lines": [{"sku": "MUG", "quantity": "1", "reason": "F"}]});
    world.put("drop/returns.jsonl", &[returned]);
    let refused = || world.warehouse.effects("return", "R-33", "refused") > 0;
    wait_until("the return to be refused for want of its order", SOON, refused);
    world.put("drop/products.jsonl", &[json!({"sku": "MUG", "name": "Red mug"})]);
    outcomes_once(&world.console.url, "products to warehouse", "delivered", 1);
    world.put("drop/orders.jsonl", &[placed("WEB-1", &json!({"name": "Ada"}), "2")]);
    outcomes_once(&world.console.url, "returns to warehouse", "delivered", 1);
    let properties = world.only("returns");
    assert_eq!(properties["return.orderReference"], "WEB-1");
    assert_eq!(properties["return.note"], "wet[BR]box");
    assert_eq!(properties["returnLine.1.returnItem"], "return");

    let cancelled = json!({"order": "WEB-1", "cancelled_at": "2026-11-23T09:15:00Z"});
    world.put("drop/cancellations.jsonl", &[cancelled]);
    outcomes_once(&world.console.url, "cancellations to warehouse", "delivered", 1);
    assert_eq!(world.warehouse.state("orders")[0]["state"], "cancelled");
}

#[test]
fn what_a_buyer_orders_becomes_a_purchase_order_and_is_changed_once_after_a_lost_answer() {
    let world = World::new("purchases");
    world.put("drop/products.jsonl", &[json!({"sku": "MUG", "name": "Red mug"})]);
    outcomes_once(&world.console.url, "products to warehouse", "delivered", 1);
    let supplier = json!({"number": "S-17", "name": "Acme Pottery"});
    world.put("bought/first.jsonl", &[placed("PO-1", &supplier, "144")]);
    outcomes_once(&world.console.url, "purchases to warehouse", "delivered", 1);
    let lost = json!({"kind": "apply_then_drop", "path_prefix": "/web/remotewarehouse/imports"});
    world.warehouse.fault(&lost);
    world.put("bought/second.jsonl", &[placed("PO-1", &supplier, "288")]);
    outcomes_once(&world.console.url, "purchases to warehouse", "delivered", 2);
    let properties = world.only("purchase_orders");
    assert_eq!(properties["purchaseOrder.supplier"], "Acme Pottery");
    assert_eq!(properties["purchaseOrderLine.1.quantity"], "288");
    assert_eq!(properties["purchaseOrderLine.1.purchaseOrder"], "purchaseOrder");
    let effects = |effect| world.warehouse.effects("purchaseOrder", "PO-1", effect);
    assert_eq!([effects("created"), effects("updated"), effects("unchanged")], [1, 1, 1]);
}

#[test]
fn a_line_that_a_purchase_order_has_lost_stays_there_and_somebody_is_told() {
    let world = World::new("dropped-line");
    let products = ["MUG", "TEA"].map(|sku| json!({"sku": sku, "name": sku}));
    world.put("drop/products.jsonl", &products);
    outcomes_once(&world.console.url, "products to warehouse", "delivered", 2);
    let supplier = json!({"number": "S-17", "name": "Acme Pottery"});
    let mut two = placed("PO-1", &supplier, "144");
    let tea = json!({"number": 2, "sku": "TEA", "quantity": "9", "unit_price": "1", "total": "9"});
    two["lines"].as_array_mut().unwrap().push(tea);
    world.put("bought/first.jsonl", &[two]);
    outcomes_once(&world.console.url, "purchases to warehouse", "delivered", 1);
    world.put("bought/second.jsonl", &[placed("PO-1", &supplier, "288")]);
    outcomes_once(&world.console.url, "purchases to warehouse", "delivered", 2);
    let properties = world.only("purchase_orders");
    assert_eq!(properties["purchaseOrderLine.1.quantity"], "288");
    assert_eq!(properties["purchaseOrderLine.2.quantity"], "9");
    let asked = ["--json", "journal", "search", "PO-1", "--console", &world.console.url];
    wait_until("the journal to say that lines stay", SOON, || {
        let found = world.ferry.ask(&asked);
        String::from_utf8_lossy(&found.stdout).contains("OrderFlow keeps lines")
    });
}

#[test]
fn a_return_whose_answer_is_lost_is_never_sent_twice_by_itself() {
    let world = World::with("lost-return", &["--takes-repeats"]);
    world.put("drop/products.jsonl", &[json!({"sku": "MUG", "name": "Red mug"})]);
    outcomes_once(&world.console.url, "products to warehouse", "delivered", 1);
    world.put("drop/orders.jsonl", &[placed("WEB-1", &json!({"name": "Ada"}), "2")]);
    outcomes_once(&world.console.url, "orders to warehouse", "delivered", 1);
    let lost = json!({"kind": "apply_then_drop", "path_prefix": "/web/remotewarehouse/imports"});
    world.warehouse.fault(&lost);
    let returned = json!({"order": "WEB-1", "reference": "R-33",
        "lines": [{"sku": "MUG", "quantity": "1"}]});
    world.put("drop/returns.jsonl", &[returned]);
    outcomes_once(&world.console.url, "returns to warehouse", "dead", 1);
    assert_eq!(world.warehouse.state("returns").len(), 1);
}

#[test]
fn a_value_orderflow_cannot_hold_is_a_dead_letter_that_names_it() {
    let world = World::new("lengths");
    let barcode = "5".repeat(121);
    let long = json!({"sku": "MUG", "name": "Red mug", "barcode": barcode});
    world.put("drop/products.jsonl", &[long]);
    let foreign = world.ferry.foreign();
    let console = &world.console.url;
    let listed = wait_for("the letter", SOON, || {
        let output = world.ferry.ask(&["--json", "dead", "ls", "--console", console]);
        let letters: Vec<Value> = serde_json::from_slice(&output.stdout).ok()?;
        (letters.len() == 1).then(|| letters[0].clone())
    });
    assert_eq!(listed["kind"], "validation", "{listed}");
    let detail = "product property barcode: 121 characters, OrderFlow takes at most 120";
    assert!(listed.to_string().contains(detail), "{listed}");
    assert_eq!(world.warehouse.state("products"), [Value::Null; 0]);
    assert_eq!(foreign.ready(&world.ferry.named("load.warehouse.product")), 0);
}
