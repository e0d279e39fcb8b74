//! What OrderFlow says when it is asked: what its pushes did not bring is found, and what they did
//! is not brought again.

use ferry_e2e::{
    Installation, Relay, Running, Simulator, Systems, http,
    stock::{assert_no_level_went_back, levels},
    wait_until,
};
use serde_json::json;

use crate::{SOON, outcomes_once};

const SHIPMENTS: (&str, &str) = ("facet = \"shipment\"", "facet = \"shipment\"\nevery = \"1s\"");
const STOCK: (&str, &str) = ("facet = \"stock\"", "facet = \"stock\"\nevery = \"200ms\"");
/// What the list of what has left says; an event names the first alone.
const PACKAGES: [&str; 2] = ["T-WEB-7-1", "T-WEB-7-1-2"];
const TRACKINGS: &str = "/admin/api/ordershippingtrackings";
const INVENTORY: &str = "/web/remotewarehouse/inventory.xml";

/// A warehouse, a way by which it pushes, and a shop.
struct Both {
    way: Relay,
    warehouse: Simulator,
    shop: Simulator,
}

impl Both {
    /// The way leads nowhere at first.
    fn start(options: &[&str]) -> Self {
        let way = Relay::to(Vec::new());
        let warehouse = Simulator::warehouse(&way, options);
        Self { way, warehouse, shop: Simulator::shop() }
    }

    fn order(&self, identifier: &str) {
        self.shop.place_order(identifier);
        self.warehouse.take_order(identifier);
    }

    fn despatch(&self, identifier: &str) {
        self.warehouse.by_hand("POST", &format!("orders/{identifier}/despatch"));
    }

    fn installation(&self, name: &str, changes: &[(&str, &str)]) -> Installation {
        let (warehouse, shop) = (self.warehouse.url.as_str(), self.shop.url.as_str());
        Installation::new(name, Systems { warehouse, shop, ..Systems::default() }, changes)
    }

    /// The only order's tracking numbers in the shop.
    fn trackings(&self) -> Vec<String> {
        let orders = self.shop.state("orders");
        let trackings = orders[0]["trackings"].as_array().cloned().unwrap_or_default();
        trackings
            .iter()
            .filter_map(|tracking| tracking["number"].as_str().map(str::to_owned))
            .collect()
    }
}

fn services(ferry: &Installation) -> [Running; 4] {
    ["console", "producer", "transformer", "loader"].map(|service| ferry.run(service))
}

/// How many deliveries of a route have ended, however.
fn ended(console: &Running, route: &str) -> u64 {
    let view = http::get(&format!("{}/api/v1/overview", console.url)).json();
    let rows = view["routes"].as_array().cloned().unwrap_or_default();
    let row = rows.into_iter().find(|row| row["route"] == route).unwrap_or_default();
    let outcomes = row["outcomes"].as_object().cloned().unwrap_or_default();
    outcomes.values().filter_map(serde_json::Value::as_u64).sum()
}

#[test]
fn a_shipment_whose_every_push_was_in_vain_is_brought_by_the_pull() {
    let both = Both::start(&["--push-tries", "3", "--push-retry-ms", "50"]);
    both.order("WEB-7");
    both.despatch("WEB-7");
    wait_until("OrderFlow to give up", SOON, || {
        let failures = both.warehouse.state("push_failures");
        failures.iter().any(|push| push["document"] == "order_despatched")
    });
    let ferry = both.installation("pull-missed", &[SHIPMENTS]);
    let [console, ..] = &services(&ferry);
    let outcomes = outcomes_once(&console.url, "shipments", "delivered", 1);
    // A producer that starts reads the list anew, beside what its schedule reads.
    assert_eq!(outcomes["delivered"], 1, "{outcomes}");
    assert_eq!(both.trackings(), PACKAGES);
    assert_eq!(both.shop.state("orders")[0]["shippingStatus"], "shipped");
    assert_eq!(both.shop.asked("POST", TRACKINGS), 2);
}

#[test]
fn a_shipment_that_is_pushed_and_pulled_reaches_the_shop_once() {
    let both = Both::start(&[]);
    let ferry = both.installation("pull-and-push", &[SHIPMENTS]);
    let [console, producer, ..] = &services(&ferry);
    both.way.leads_to(vec![producer.port()]);
    both.order("WEB-7");
    both.despatch("WEB-7");
    // By the push, by the list of despatches, and by the detail that the push wakes.
    wait_until("it to be heard three times", SOON, || ended(console, "shipments") >= 3);
    assert_eq!(both.warehouse.state("push_failures").len(), 0);
    assert!(both.warehouse.asked("GET", "/web/remoteorder/order/detail.xml") >= 1);
    wait_until("both packages to be in the shop", SOON, || both.trackings() == PACKAGES);
    assert_eq!(both.shop.asked("POST", TRACKINGS), 2);
    assert_eq!(both.shop.asked("PATCH", "/admin/api/orders/"), 1);
    assert_eq!(ferry.foreign().ready(&ferry.named("load.shop.order.dead")), 0);
}

#[test]
fn levels_that_are_pushed_and_pulled_never_go_back() {
    let both = Both::start(&["--push-tries", "2", "--push-retry-ms", "20"]);
    both.order("WEB-8");
    let ferry = both.installation("pull-levels", &[STOCK]);
    let [_console, producer, ..] = &services(&ferry);
    both.way.leads_to(vec![producer.port()]);
    for kind in ["push_shuffled", "push_twice"] {
        both.warehouse.fault(&json!({"kind": kind, "every": 3, "count": 1_000_000}));
    }
    let mut level = 0;
    let mut count = || {
        level += 1;
        both.warehouse.by_hand("PUT", &format!("stock/SKU-WEB-8/LEEDS/{level}"));
        level
    };
    let pulled = both.warehouse.asked("GET", INVENTORY);
    wait_until("levels to be pushed and pulled", SOON, || {
        count();
        both.warehouse.asked("GET", INVENTORY) >= pulled + 10
    });
    // The last ones are lost on their way.
    both.way.leads_to(Vec::new());
    let last = (0..5).map(|_| count()).last();
    wait_until("the last level to be in the shop", SOON, || {
        levels(&both.shop).get("SKU-WEB-8").copied() == last
    });
    let pushes = both.warehouse.asked("ACTOR", "push ");
    assert!(pushes > 10, "{pushes} pushes");
    assert_no_level_went_back(&both.shop);
}
