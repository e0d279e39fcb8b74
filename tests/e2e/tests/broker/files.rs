//! A file of orders on its way to the warehouse: with bad rows, once more, and corrected.

use std::fs;

use ferry_e2e::{Installation, Relay, Simulator, Systems, wait_until};
use serde_json::{Value, json};

use crate::{SOON, outcomes_once};

/// A drop folder of orders, and a route to the warehouse.
const DROP: (&str, &str) = (
    "[systems.shop]",
    r#"[systems.drop]
kind = "files"
folder = "drop"

[systems.drop.files.orders]
pattern = "orders*.csv"
format = "csv"
columns = "orders"
time_zone = "Europe/London"
facet = "placed"

[[routes]]
name = "orders"
from = "drop"
entity = "order"
facet = "placed"
to = ["warehouse"]

[systems.shop]"#,
);
const HEADER: &str = "externalReference;placed;currency;totalPriceGross;deliveryContactName;\
    deliveryAddressLine1;deliveryAddressLine5;deliveryCountryCode;\
    orderLine.1.product.externalReference;orderLine.1.quantity;orderLine.1.unitPriceNet\r\n";

/// Thirty orders in windows-1252, of which every tenth has this for its quantity.
fn orders(every_tenth: &str) -> Vec<u8> {
    let row = |number: u32| {
        let quantity = if number.is_multiple_of(10) { every_tenth } else { "2" };
        format!(
            "F-{number};2026-01-01 09:00:00;EUR;11.90;Zoë Müller;Straße 1;Köln;DE;SKU-WEB-1;\
             {quantity};5.00\r\n"
        )
    };
    let text: String = [HEADER.to_owned()].into_iter().chain((1..=30).map(row)).collect();
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

#[test]
fn the_good_rows_of_a_file_become_orders_once_and_a_corrected_file_brings_the_others() {
    let warehouse = Simulator::warehouse(&Relay::to(Vec::new()), &[]);
    // There is the product that the orders name.
    warehouse.take_order("WEB-1");
    let systems = Systems { warehouse: &warehouse.url, ..Systems::default() };
    let ferry = Installation::new("files", systems, &[DROP]);
    let services = ["console", "producer", "transformer", "loader"].map(|name| ferry.run(name));
    let console = &services[0].url;
    let drop = ferry.folder().join("drop");
    let dropped = |content: Vec<u8>, moved: &str| {
        fs::write(drop.join("orders.csv"), content).unwrap();
        wait_until(&format!("{moved} to be there"), SOON, || drop.join(moved).exists());
    };
    let made = |number: u32| warehouse.effects("order", &format!("F-{number}"), "created");
    let letters = || {
        let output = ferry.ask(&["--json", "dead", "ls", "--console", console]);
        let letters: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
        letters.len()
    };

    dropped(orders("two"), "done/orders.csv");
    outcomes_once(console, "orders", "delivered", 27);
    let report = fs::read_to_string(drop.join("done/orders.csv.errors.csv")).unwrap();
    let problem = "validation,orderLine.1.quantity,`two` is not a decimal number such as 12.50";
    let expected = [11, 21, 31].map(|line| format!("{line},{problem}"));
    assert_eq!(report.lines().skip(1).collect::<Vec<_>>(), expected);
    wait_until("the bad rows to be dead letters", SOON, || letters() == 3);

    dropped(orders("two"), "done/orders.csv.1");
    outcomes_once(console, "orders", "duplicate", 27);

    dropped(orders("3"), "done/orders.csv.2");
    let outcomes = outcomes_once(console, "orders", "delivered", 30);
    assert_eq!(outcomes["dead"].as_u64().unwrap_or_default(), 0, "{outcomes}");
    outcomes_once(console, "orders", "unchanged", 27);
    let all: Vec<usize> = (1..=30).map(made).collect();
    assert_eq!(all, [1; 30]);
    let history = warehouse.history();
    let is_cancelled = |entry: &Value| entry["path"].to_string().contains("/cancel");
    assert!(!history.iter().any(is_cancelled), "{}", json!(history));
    assert!(!drop.join("done/orders.csv.2.errors.csv").exists());
}
