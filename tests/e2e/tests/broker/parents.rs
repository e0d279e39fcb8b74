//! What comes before its parent: it waits, and where it has died of it, it comes again.

use std::time::Instant;

use ferry_e2e::{Installation, Running, Simulator, Systems, event, wait_for, wait_until};
use serde_json::Value;

use crate::{SOON, outcomes_once};

const LEVELS: &str = r#"levels = ["100ms", "300ms", "1s"]"#;
const RETRY: &str = r#"schedule = ["100ms", "300ms"]
give_up_after = "1h"
missing_reference = { schedule = ["100ms", "300ms"], give_up_after = "1h" }"#;
/// Products come from a drop folder, and die of what they lack within a second.
const HASTY: &str = r#"schedule = ["100ms"]
give_up_after = "1h"
missing_reference = { schedule = ["100ms"], give_up_after = "500ms" }

[systems.catalogue]
kind = "files"
folder = "drop"

[systems.catalogue.files.products]
pattern = "products*.csv"
format = "csv"
facet = "catalogue"
mapping = "customer.jq"

[[routes]]
name = "products"
from = "catalogue"
entity = "product"
facet = "catalogue"
to = ["shop"]"#;

fn letters(ferry: &Installation, console: &Running, options: &[&str]) -> Vec<Value> {
    let arguments = [&["--json", "dead", "ls", "--console", &console.url], options].concat();
    let output = ferry.ask(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// With the levels and schedules that hold where nothing is said about them.
#[test]
fn a_shipment_waits_for_its_order_by_the_default_schedule_and_needs_nobodys_help() {
    let shop = Simulator::shop();
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let ferry = Installation::new("waits", systems, &[(LEVELS, ""), (RETRY, "")]);
    let (console, _loader) = (ferry.run("console"), ferry.run("loader"));
    let foreign = ferry.foreign();
    let started = Instant::now();
    let shipment = event::shipment("WEB-3", 1);
    foreign.publish(&ferry.named("events"), "order.shipment.warehouse.live", &shipment);
    wait_until("the shipment to wait", SOON, || foreign.ready(&ferry.named("delay.5s")) == 1);
    shop.place_order("WEB-3");
    outcomes_once(&console.url, "shipments", "delivered", 1);
    assert!(started.elapsed().as_secs() >= 5, "{:?}", started.elapsed());
    let orders = shop.state("orders");
    assert_eq!(orders[0]["trackings"][0]["number"], "T-WEB-3", "{orders:?}");
    assert_eq!(letters(&ferry, &console, &[]), [Value::Null; 0]);
}

#[test]
fn what_died_for_want_of_its_product_is_sent_again_when_the_product_is_mended() {
    let shop = Simulator::shop();
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let ferry = Installation::new("mended", systems, &[(RETRY, HASTY)]);
    let (console, _loader) = (ferry.run("console"), ferry.run("loader"));
    let foreign = ferry.foreign();
    let stock = event::stock("MUG-7", "LEEDS", "40", 1);
    foreign.publish(&ferry.named("events"), "product.stock.warehouse.live", &stock);
    // The product is refused at first: its name is longer than the shop's.
    let bad = event::product("MUG-7", &"long ".repeat(60), 1);
    foreign.publish(&ferry.named("events"), "product.catalogue.catalogue.live", &bad);
    let dead = wait_for("both to be dead", SOON, || {
        Some(letters(&ferry, &console, &[])).filter(|letters| letters.len() == 2)
    });
    let lacking = dead.iter().find(|letter| letter["kind"] == "missing_reference").unwrap();
    assert_eq!(lacking["missing"], "product/MUG-7");
    assert_eq!(shop.state("products").len(), 0);

    let good = event::product("MUG-7", "Red mug", 2);
    foreign.publish(&ferry.named("events"), "product.catalogue.catalogue.live", &good);
    outcomes_once(&console.url, "stock", "delivered", 1);
    wait_until("no letter to be open", SOON, || letters(&ferry, &console, &[]).is_empty());
    assert_eq!(letters(&ferry, &console, &["--resolved"]).len(), 2);
    assert_eq!(shop.state("products").len(), 1);
    assert_eq!(shop.effects("level", "MUG-7", "updated"), 1);
    for letter in dead {
        let origin = letter["origin"].as_str().unwrap();
        assert_eq!(foreign.ready(&ferry.named(&format!("{origin}.dead"))), 0);
    }
}
