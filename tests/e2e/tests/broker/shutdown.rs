//! A service that is told to end under load.

use std::collections::BTreeSet;

use ferry_e2e::{
    Installation, Simulator, Systems, event, http,
    stock::{self, StockLoad},
    wait_until,
};
use serde_json::json;

use crate::{EVENTS_OF_CUSTOMERS, SOON};

const CUSTOMERS: usize = 200;

/// How often each service is told to end in the middle of its work.
const ENDS: usize = 5;

#[test]
fn a_loader_told_to_end_under_load_loses_nothing_and_burns_no_delivery() {
    let shop = Simulator::shop();
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let ferry = Installation::new("drained", systems, &[]);
    let mut loader = ferry.run("loader");
    shop.fault(&json!({"kind": "slow", "stall_ms": 200, "method": "POST", "count": 1_000_000,
        "path_prefix": "/admin/api/customers"}));
    let foreign = ferry.foreign();
    let numbers: BTreeSet<String> = (0..CUSTOMERS).map(|number| format!("C-{number}")).collect();
    for number in &numbers {
        let customer = event::customer(number, "Acme", 1);
        foreign.publish(&ferry.named("events"), EVENTS_OF_CUSTOMERS, &customer);
    }
    wait_until("the first customers", SOON, || shop.state("customers").len() >= 5);
    let status = loader.service.terminate(SOON);
    assert_eq!(status.code(), Some(0), "{status}");

    let queue = ferry.named("load.shop.customer");
    let delivered = shop.state("customers").len();
    let mut left = Vec::new();
    while let Some(letter) = foreign.get(&queue) {
        let count = letter.headers.get("x-delivery-count").map_or("0", String::as_str);
        assert_eq!(count, "0", "{:?}", letter.headers);
        assert!(!letter.headers.contains_key("ferry-attempt"), "{:?}", letter.headers);
        left.push(letter);
    }
    assert!(!left.is_empty(), "it was under load");
    assert_eq!(delivered + left.len(), CUSTOMERS, "each is delivered or waits");

    http::send("DELETE", &format!("{}/_sim/faults", shop.url), &[], b"").unwrap();
    for letter in &left {
        foreign.put(&queue, letter);
    }
    let _next = ferry.run("loader");
    wait_until("the other customers", SOON, || shop.state("customers").len() == CUSTOMERS);
    let made = numbers.iter().filter(|number| {
        shop.state("customers").iter().any(|row| row["externalId"] == number.as_str())
    });
    assert_eq!(made.count(), CUSTOMERS);
}

#[test]
fn services_told_to_end_again_and_again_under_load_lose_nothing_and_double_nothing() {
    let shop = Simulator::shop();
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let ferry = Installation::new("ended", systems, &[]);
    let names = ["producer", "transformer", "loader"];
    let mut services = names.map(|name| ferry.run(name));
    let _console = ferry.run("console");
    let mut load = StockLoad::start(&shop, 20, &services[0].url);
    let pushed = |shop: &Simulator| stock::levels(shop).values().max().copied().unwrap_or(0);
    for round in 0..ENDS * names.len() {
        let before = pushed(&shop);
        wait_until("more levels", SOON, || pushed(&shop) >= before + 20);
        let (service, name) = (&mut services[round % names.len()], names[round % names.len()]);
        let status = service.service.terminate(SOON);
        assert_eq!(status.code(), Some(0), "{name}: {status}");
        *service = ferry.run(name);
        load.moved_to(&services[0].url);
    }
    let truth = load.stop();
    wait_until("the shop to show the truth", SOON, || {
        let shown = stock::levels(&shop);
        truth.iter().all(|(sku, level)| shown.get(sku) == Some(level))
    });
    stock::assert_no_level_went_back(&shop);
    let rows = ["-q", "list_queues", "name", "messages"];
    wait_until("every queue to be empty", SOON, || {
        let listed = ferry.broker.rabbitmqctl(&rows);
        listed.lines().all(|row| !row.starts_with(&ferry.named("")) || row.ends_with("\t0"))
    });
}
