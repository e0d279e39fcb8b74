//! A target that is ill for a while: the delivery comes back, and what it brings is there once.

use ferry_e2e::{Foreign, Installation, Simulator, Systems, event};
use serde_json::{Value, json};

use crate::{EVENTS_OF_CUSTOMERS, SOON, outcomes_once};

/// Brings one customer to a shop with this fault, until the console says it is delivered.
fn deliver_despite(name: &str, fault: &Value) -> (Simulator, Installation, Foreign, String) {
    let shop = Simulator::shop();
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let ferry = Installation::new(name, systems, &[]);
    let (console, _loader) = (ferry.run("console"), ferry.run("loader"));
    shop.fault(fault);
    let foreign = ferry.foreign();
    let delays: Vec<String> = ["100ms", "300ms", "1s"]
        .map(|level| foreign.listen(&ferry.named(&format!("delay.{level}")), "#"))
        .into();
    foreign.publish(
        &ferry.named("events"),
        EVENTS_OF_CUSTOMERS,
        &event::customer("C-1", "Bäckerei Müller", 1),
    );
    let outcomes = outcomes_once(&console.url, "customers", "delivered", 1);
    assert_eq!(outcomes, json!({"delivered": 1}));
    (shop, ferry, foreign, delays.join(" "))
}

#[test]
fn a_delivery_comes_back_through_the_delay_levels_until_the_shop_takes_it() {
    let fault = json!({"kind": "status", "status": 503, "method": "POST",
        "path_prefix": "/admin/api/customers", "count": 3});
    let (shop, ferry, foreign, delays) = deliver_despite("retry-503", &fault);
    let mut attempts = Vec::new();
    for level in delays.split(' ') {
        while let Some(letter) = foreign.get(level) {
            assert_eq!(letter.key, "load.shop.customer");
            assert_eq!(letter.header("ferry-failure-kind"), "unavailable");
            assert!(letter.header("ferry-first-failed-at").ends_with('Z'));
            attempts.push(letter.header("ferry-attempt").to_owned());
        }
    }
    assert_eq!(attempts, ["2", "3", "4"]);
    assert_eq!(shop.effects("customer", "C-1", "created"), 1);
    assert_eq!(shop.faults_fired(), 3);
    assert_eq!(foreign.ready(&ferry.named("load.shop.customer.dead")), 0);
}

#[test]
fn a_refused_connection_is_tried_again() {
    let fault = json!({"kind": "refuse", "method": "POST", "path_prefix": "/admin/api/customers"});
    let (shop, _ferry, _foreign, _delays) = deliver_despite("retry-refused", &fault);
    assert_eq!(shop.faults_fired(), 1);
    assert_eq!(shop.effects("customer", "C-1", "created"), 1);
}

#[test]
fn a_create_whose_answer_was_lost_is_not_made_again() {
    let fault = json!({"kind": "apply_then_drop", "method": "POST",
        "path_prefix": "/admin/api/customers"});
    let (shop, _ferry, _foreign, _delays) = deliver_despite("retry-dropped", &fault);
    assert_eq!(shop.faults_fired(), 1);
    assert_eq!(shop.effects("customer", "C-1", "created"), 1);
    assert_eq!(shop.state("customers").len(), 1);
}

#[test]
fn what_fails_for_too_long_is_a_dead_letter_that_tells_its_story() {
    let shop = Simulator::shop();
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let short = [(
        "schedule = [\"100ms\", \"300ms\"]\ngive_up_after = \"1h\"",
        "schedule = [\"100ms\", \"300ms\"]\ngive_up_after = \"2s\"",
    )];
    let ferry = Installation::new("exhausted", systems, &short);
    let _loader = ferry.run("loader");
    shop.fault(&json!({"kind": "status", "status": 503, "method": "POST",
        "path_prefix": "/admin/api/customers", "count": 1000}));
    let foreign = ferry.foreign();
    let customer = event::customer("C-1", "Bäckerei Müller", 1);
    foreign.publish(&ferry.named("events"), EVENTS_OF_CUSTOMERS, &customer);
    let letter = foreign.take(&ferry.named("load.shop.customer.dead"), SOON);
    assert_eq!((&letter.body, &letter.id), (&customer.body, &customer.id));
    assert_eq!(letter.header("ferry-failure-kind"), "unavailable");
    assert_eq!(letter.header("ferry-status"), "503");
    assert!(letter.header("ferry-response").contains("scripted 503"));
    assert_eq!(letter.header("ferry-origin"), "load.shop.customer");
    assert_eq!(letter.header("ferry-route"), "customers");
    let attempts: u64 = letter.header("ferry-attempt").parse().unwrap();
    assert!(attempts >= 3, "{attempts}");
    assert_eq!(attempts, shop.faults_fired());
    // RFC 3339 in UTC sorts as text.
    assert!(letter.header("ferry-first-failed-at") < letter.header("ferry-last-failed-at"));
}
