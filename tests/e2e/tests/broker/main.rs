//! End-to-end tests on the broker that `cargo x test` brings: real processes, seen from outside.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests fail by panic, as the tests do, and waits are measured by the \
              monotonic clock"
)]

mod batches;
mod both_ways;
mod care;
mod crashes;
mod database;
mod demo;
mod doctor;
mod events;
mod exports;
mod files;
mod imports;
mod lanes;
mod letters;
mod links;
mod operators;
mod outages;
mod parents;
mod poison;
mod pulls;
mod pushes;
mod raw;
mod retries;
mod scans;
mod shutdown;
mod telling;
mod tls;
mod topology;
mod webhooks;

use std::time::Duration;

use ferry_e2e::{Broker, http, wait_for};
use serde_json::Value;

/// No state of a healthy installation takes longer to come about, on a busy machine.
const SOON: Duration = Duration::from_mins(1);

const EVENTS_OF_CUSTOMERS: &str = "customer.profile.erp.live";

/// Waits until a console says that so many deliveries of a route have ended as `outcome`, and
/// returns all outcomes of that route.
fn outcomes_once(console: &str, route: &str, outcome: &str, count: u64) -> Value {
    wait_for(&format!("{count} deliveries of {route} to be {outcome}"), SOON, || {
        let view = http::get(&format!("{console}/api/v1/overview")).json();
        let rows = view["routes"].as_array()?.clone();
        let row = rows.into_iter().find(|row| row["route"] == route)?;
        let reached = row["outcomes"][outcome].as_u64().unwrap_or(0) >= count;
        reached.then(|| row["outcomes"].clone())
    })
}

#[test]
fn the_broker_of_the_tests_is_a_private_node() {
    let broker = Broker::from_env();
    assert!(broker.url().contains("@127.0.0.1:"), "{}", broker.url());
    let name = broker.rabbitmqctl(&["eval", "node()."]);
    assert!(name.contains("ferry-"), "{name}");
}
