//! What waits for a shop goes together.

use std::{collections::BTreeSet, fmt::Write as _, fs};

use ferry_e2e::{Installation, Running, Simulator, Systems, event, http, wait_for, wait_until};
use serde_json::{Value, json};

use crate::{SOON, outcomes_once};

/// The sample's mapping: whole customers, with their addresses and people.
const MAPPING: &str = include_str!("../../../../ops/mappings/erp-customer.jq");

#[test]
fn customers_cost_a_twentieth_of_a_client_that_looks_up_and_writes_each() {
    let erp = Simulator::start("erp", &["--records", "2000", "--ticks", "0"]);
    let shop = Simulator::shop();
    shop.fault(&json!({"kind": "slow", "stall_ms": 100, "count": 1_000_000}));
    let systems = Systems { erp: &erp.url, shop: &shop.url, ..Systems::default() };
    let role = "external_status_management = true\ncustomer_user_role = \"1\"";
    let changes = [
        ("mapping = \"customer.jq\"\nsequence", "mapping = \"erp-customer.jq\"\nsequence"),
        ("external_status_management = true", role),
    ];
    let ferry = Installation::new("batches", systems, &changes);
    fs::write(ferry.folder().join("erp-customer.jq"), MAPPING).unwrap();
    let console = ferry.run("console");
    let _others = ["producer", "transformer", "loader"].map(|service| ferry.run(service));

    let customers = erp.state("customers").len() as u64;
    let outcomes = wait_for("every customer to have its end", SOON, || {
        let view = http::get(&format!("{}/api/v1/overview", console.url)).json();
        let rows = view["routes"].as_array()?.clone();
        let row = rows.into_iter().find(|row| row["route"] == "customers")?;
        let outcomes = row["outcomes"].as_object()?.clone();
        let ended: u64 = outcomes.values().filter_map(Value::as_u64).sum();
        (ended >= customers).then_some(outcomes)
    });
    let delivered = outcomes["delivered"].as_u64().unwrap();
    assert!(delivered > 500, "{outcomes:?}");
    assert_eq!(shop.state("customers").len() as u64, delivered);

    let asked = shop.history().iter().filter(|entry| is_of_the_shop(entry)).count() as u64;
    // It looks each one up, and writes it.
    let one_by_one = 2 * delivered;
    assert!(asked * 20 <= one_by_one, "{asked} requests for {delivered} customers");
}

fn is_of_the_shop(entry: &Value) -> bool {
    let path = entry["path"].as_str().unwrap_or_default();
    path.starts_with("/admin/api") || path.starts_with("/oauth2-token")
}

/// Routes of every installation that bring the same to the shop.
const OTHERS: [&str; 2] = [
    r#"[[routes]]
name = "customers"
from = "erp"
entity = "customer"
facet = "profile"
every = "1h"
to = ["shop"]

"#,
    r#"[[routes]]
name = "stock"
from = "warehouse"
entity = "product"
facet = "stock"
to = ["shop"]

"#,
];

/// The last one.
const LAST: &str = r#"name = "shipments"
from = "warehouse"
entity = "order"
facet = "shipment"
to = ["shop"]"#;

/// A feed of rows that are canonical already: all that a shop takes.
const KINDS: [(&str, &str, &str); 5] = [
    ("people", "customer", "profile"),
    ("products", "product", "catalogue"),
    ("levels", "product", "stock"),
    ("prices", "product", "price"),
    ("orders", "order", "placed"),
];

fn feed() -> String {
    let mut feed = format!("{LAST}\n\n[systems.feed]\nkind = \"files\"\nfolder = \"drop\"\n");
    for (name, _, facet) in KINDS {
        let _ = write!(
            feed,
            "\n[systems.feed.files.{name}]\npattern = \"{name}*.jsonl\"\nformat = \"jsonl\"\n\
             facet = \"{facet}\"\nmapping = \"row.jq\"\n"
        );
    }
    for (name, entity, facet) in KINDS {
        let _ = write!(
            feed,
            "\n[[routes]]\nname = \"{name}\"\nfrom = \"feed\"\nentity = \"{entity}\"\n\
             facet = \"{facet}\"\nto = [\"shop\"]\n"
        );
    }
    feed
}

fn row_of(kind: &str, n: usize) -> Value {
    let sku = format!("SKU-{n}");
    match kind {
        "people" => json!({"number": format!("C-{n}"), "name": format!("Customer {n}")}),
        "products" => json!({"sku": sku, "name": format!("Cup {n}"), "unit": "item",
            "description": "<p>A cup</p>"}),
        "levels" => json!({"sku": sku, "site": "A", "available": n.to_string()}),
        "prices" => json!({"sku": sku, "list": "Default Price List", "prices": [
            {"quantity": "1", "unit": "item", "value": "5.25", "currency": "USD"},
            {"quantity": "10", "unit": "item", "value": "4.75", "currency": "USD"}]}),
        _ => {
            let address = json!({"company": "Acme", "street": "1 Rd", "city": "York",
                "postcode": "YO1 7AA", "country": "GB"});
            let line = |number: usize| {
                json!({"number": number, "sku": format!("SKU-{}", (n + number) % 300),
                    "quantity": "2", "unit_price": "5", "total": "10"})
            };
            json!({"identifier": format!("ERP-{n}"), "placed_at": "2026-11-22T09:15:00Z",
                "currency": "USD", "customer": {"number": format!("C-{}", n % 20)},
                "billing_address": address, "shipping_address": address,
                "lines": [line(1), line(2), line(3)],
                "totals": {"subtotal": "30", "total": "30"}})
        }
    }
}

/// A shop that is fed by files, and the console that shows what came of it.
fn fed(name: &str, shop: &Simulator) -> (Installation, Running, [Running; 3]) {
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let changes = [(OTHERS[0], ""), (OTHERS[1], ""), (LAST, &*feed())];
    let ferry = Installation::new(name, systems, &changes);
    fs::write(ferry.folder().join("row.jq"), ".").unwrap();
    let console = ferry.run("console");
    let others = ["producer", "transformer", "loader"].map(|service| ferry.run(service));
    (ferry, console, others)
}

/// Drops a file of so many rows and waits until all are delivered.
fn deliver(ferry: &Installation, console: &Running, kind: &str, many: usize) {
    let rows: Vec<String> = (0..many).map(|n| row_of(kind, n).to_string()).collect();
    let aside = ferry.folder().join("aside");
    fs::write(&aside, rows.join("\n") + "\n").unwrap();
    fs::rename(aside, ferry.folder().join(format!("drop/{kind}.jsonl"))).unwrap();
    outcomes_once(&console.url, kind, "delivered", many as u64);
}

#[test]
fn orders_whose_answers_are_lost_are_placed_once() {
    let shop = Simulator::shop();
    let (ferry, console, _others) = fed("lost-orders", &shop);
    deliver(&ferry, &console, "people", 20);
    deliver(&ferry, &console, "products", 310);
    shop.fault(&json!({"kind": "apply_then_drop", "method": "PATCH",
        "path_prefix": "/admin/api/orders", "count": 2}));
    deliver(&ferry, &console, "orders", 40);
    let orders = shop.state("orders");
    let identifiers: BTreeSet<&str> =
        orders.iter().filter_map(|order| order["identifier"].as_str()).collect();
    let brought = identifiers.iter().filter(|identifier| identifier.starts_with("ERP-")).count();
    assert_eq!((brought, identifiers.len()), (40, orders.len()), "{identifiers:?}");
}

#[test]
fn products_levels_prices_and_orders_cost_a_sixth_of_a_client_that_looks_up_and_writes_each() {
    let shop = Simulator::shop();
    shop.fault(&json!({"kind": "slow", "stall_ms": 100, "count": 1_000_000}));
    let (ferry, console, _others) = fed("sixth", &shop);
    let count = || shop.history().iter().filter(|entry| is_of_the_shop(entry)).count();

    for (kind, many) in
        [("people", 20), ("products", 300), ("levels", 300), ("prices", 300), ("orders", 300)]
    {
        let before = count();
        deliver(&ferry, &console, kind, many);
        let asked = count() - before;
        // It looks each one up, and writes it.
        assert!(asked * 6 <= 2 * many, "{asked} requests for {many} {kind}");
    }

    let orders = shop.state("orders");
    let brought =
        |order: &&Value| order["identifier"].as_str().is_some_and(|text| text.starts_with("ERP-"));
    let brought: Vec<&Value> = orders.iter().filter(brought).collect();
    assert_eq!(brought.len(), 300);
}

/// How many deliveries of a route have had their end.
fn ended(console: &str, route: &str) -> Option<u64> {
    let view = http::get(&format!("{console}/api/v1/overview")).json();
    let row = view["routes"].as_array()?.iter().find(|row| row["route"] == route)?;
    Some(row["outcomes"].as_object()?.values().filter_map(Value::as_u64).sum())
}

/// How often it was asked what has become of an operation.
fn follows(shop: &Simulator) -> usize {
    shop.asked("GET", "/admin/api/asyncoperations/")
}

#[test]
fn what_a_killed_loader_had_put_off_does_not_come_over_what_is_newer() {
    const NUMBERS: [&str; 5] = ["C-0", "C-1", "C-2", "C-3", "C-4"];
    let shop = Simulator::start("oro", &["--orders-per-second", "0", "--sync-wait-ms", "200"]);
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let ferry = Installation::new("put-off", systems, &[]);
    let console = ferry.run("console");
    let mut loader = ferry.run("loader");
    let foreign = ferry.foreign();
    let say = |name: &str, sequence: u64| {
        let letters = NUMBERS.map(|number| event::customer(number, name, sequence));
        foreign.publish_all(&ferry.named("events"), "customer.profile.erp.live", &letters);
    };
    say("First", 1);
    outcomes_once(&console.url, "customers", "delivered", 5);

    // What goes alone is written; the others gather meanwhile, and go in a list, which the shop puts off.
    shop.by_hand("POST", "workers/pause");
    shop.fault(&json!({"kind": "slow", "stall_ms": 1000, "method": "PATCH",
        "path_prefix": "/admin/api/customers/"}));
    let before = follows(&shop);
    say("Second", 2);
    wait_until("the others to be put off", SOON, || follows(&shop) > before);
    loader.service.kill();
    let followed = follows(&shop);
    say("Third", 3);
    let _loader = ferry.run("loader");
    wait_until("another loader to ask for what was put off", SOON, || follows(&shop) > followed);
    shop.by_hand("POST", "workers/resume");
    wait_until("everything that was said to have its end", SOON, || {
        ended(&console.url, "customers").is_some_and(|ended| ended == 3 * 5)
    });

    let names = |number: &str| -> Vec<String> {
        let effects = shop
            .history()
            .into_iter()
            .flat_map(|entry| entry["effects"].as_array().cloned().unwrap_or_default());
        let of_it = effects.filter(|effect| effect["key"] == number);
        of_it.filter_map(|effect| Some(effect["fields"]["name"].as_str()?.to_owned())).collect()
    };
    // Which of them were in the list that was put off is chance. It has come to its end, and over nothing.
    let shown = NUMBERS.map(names);
    assert!(shown.iter().any(|shown| shown.contains(&"Second".to_owned())), "{shown:?}");
    for shown in shown {
        // In the order of the alphabet.
        assert!(shown.is_sorted(), "{shown:?}");
        assert_eq!(shown.last().map(String::as_str), Some("Third"), "{shown:?}");
    }
}

#[test]
fn what_is_filled_in_at_once_is_put_off_and_costs_no_more_than_a_sixth_either() {
    const MANY: usize = 300;
    let shop = Simulator::shop();
    shop.fault(&json!({"kind": "slow", "stall_ms": 100, "count": 1_000_000}));
    let (ferry, console, others) = fed("filled", &shop);
    let [producer, ..] = &others;
    let rows: Vec<String> = (0..MANY).map(|n| row_of("products", n).to_string()).collect();
    let file = ferry.folder().join("products.jsonl");
    fs::write(&file, rows.join("\n") + "\n").unwrap();
    let told = ferry.ask(&["backfill", file.to_str().unwrap(), "--producer", &producer.url]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    outcomes_once(&console.url, "products", "delivered", MANY as u64);

    let products = shop.state("products");
    let brought =
        |product: &&Value| product["sku"].as_str().is_some_and(|sku| sku.starts_with("SKU-"));
    assert_eq!(products.iter().filter(brought).count(), MANY);
    assert!(follows(&shop) > 0, "nothing was put off");
    let asked = shop.history().iter().filter(|entry| is_of_the_shop(entry)).count();
    assert!(asked * 6 <= 2 * MANY, "{asked} requests for {MANY} products");
}

/// What stands on the shop's list, by quantity.
fn prices(shop: &Simulator) -> BTreeSet<(String, String)> {
    let rows = http::get(&format!("{}/_sim/rows/productprices", shop.url)).json();
    let rows = rows.as_array().cloned().unwrap_or_default();
    let attribute = |row: &Value, name: &str| row["attributes"][name].to_string();
    rows.iter().map(|row| (attribute(row, "quantity"), attribute(row, "value"))).collect()
}

#[test]
fn a_price_that_its_source_drops_is_removed_and_one_that_a_person_made_stays() {
    let shop = Simulator::shop();
    let (ferry, console, _others) = fed("prices", &shop);
    deliver(&ferry, &console, "products", 1);
    deliver(&ferry, &console, "prices", 1);
    assert_eq!(prices(&shop).len(), 2);
    let by_hand = json!({"id": "by-hand-1", "attributes": {"quantity": 50, "value": "3.0000", "currency": "USD"},
        "relationships": {"priceList": "1", "product": "1", "unit": "item"}});
    let rows = format!("{}/_sim/rows/productprices", shop.url);
    assert_eq!(http::post(&rows, &[], by_hand.to_string().as_bytes()).status, 201);

    let row = json!({"sku": "SKU-0", "list": "Default Price List", "prices": [
        {"unit": "item", "value": "5.5", "currency": "USD"}]});
    let aside = ferry.folder().join("aside");
    fs::write(&aside, format!("{row}\n")).unwrap();
    fs::rename(aside, ferry.folder().join("drop/prices-2.jsonl")).unwrap();
    outcomes_once(&console.url, "prices", "delivered", 2);
    let left = [("1", "\"5.5000\""), ("50", "\"3.0000\"")];
    assert_eq!(prices(&shop), left.map(|(from, value)| (from.to_owned(), value.to_owned())).into());
}
