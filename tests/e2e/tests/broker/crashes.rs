//! A loader that is killed in the middle of a call.

use ferry_e2e::{Installation, Simulator, Systems, event, wait_until};
use serde_json::json;

use crate::{EVENTS_OF_CUSTOMERS, SOON, outcomes_once};

#[test]
fn what_a_killed_loader_had_begun_is_finished_by_another_and_made_once() {
    let shop = Simulator::shop();
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let ferry = Installation::new("killed", systems, &[]);
    let (console, mut loader) = (ferry.run("console"), ferry.run("loader"));
    shop.fault(&json!({"kind": "apply_then_stall", "stall_ms": 60_000, "method": "POST",
        "path_prefix": "/admin/api/customers"}));
    let foreign = ferry.foreign();
    let customer = event::customer("C-1", "Bäckerei Müller", 1);
    foreign.publish(&ferry.named("events"), EVENTS_OF_CUSTOMERS, &customer);
    wait_until("the shop to hold back its answer", SOON, || {
        shop.effects("customer", "C-1", "created") == 1
    });
    loader.service.kill();
    let _other = ferry.run("loader");
    let outcomes = outcomes_once(&console.url, "customers", "delivered", 1);
    assert_eq!(outcomes, json!({"delivered": 1}));
    assert_eq!(shop.effects("customer", "C-1", "created"), 1);
    assert_eq!(shop.state("customers").len(), 1);
    assert_eq!(foreign.ready(&ferry.named("load.shop.customer")), 0);
}
