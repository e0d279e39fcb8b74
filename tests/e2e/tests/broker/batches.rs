//! What waits for a shop goes together.

use std::fs;

use ferry_e2e::{Installation, Simulator, Systems, http, wait_for};
use serde_json::{Value, json};

use crate::SOON;

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
