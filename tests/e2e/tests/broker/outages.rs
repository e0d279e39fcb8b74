//! The broker ill, away, and with something missing: pushes are refused in time, readiness tells
//! the truth, and everything goes on by itself.

use std::fs;

use ferry_e2e::{
    Broker, Foreign, Installation, OwnNode, Running, Simulator, Systems, event,
    http::{self, Answer},
    wait_until,
};
use serde_json::json;

use crate::{EVENTS_OF_CUSTOMERS, SOON};

fn push(producer: &Running, number: u32) -> Answer {
    let headers = [("authorization", "Basic Zmxvdzpwdw=="), ("content-type", "application/xml")];
    let body = format!(
        r#"<inventory messageId="{number}"><product externalReference="MUG-{number}" site="LDN" available="3"/></inventory>"#
    );
    http::post(&format!("{}/push/warehouse", producer.url), &headers, body.as_bytes())
}

fn readiness(service: &Running) -> (u16, String) {
    http::send("GET", &format!("{}/readyz", service.url), &[], b"")
        .map_or((0, String::new()), |answer| (answer.status, answer.text()))
}

fn wait_for_readiness(services: &[&Running], status: u16) {
    for service in services {
        wait_until(&format!("readiness {status}"), SOON, || readiness(service).0 == status);
    }
}

fn publish_customers(ferry: &Installation, foreign: &Foreign, from: usize, to: usize) {
    for number in from..to {
        let customer = event::customer(&format!("C-{number}"), "Acme", 1);
        foreign.publish(&ferry.named("events"), EVENTS_OF_CUSTOMERS, &customer);
    }
}

/// Puts the node into an alarm and out of it again, with work in its queues.
fn survives_alarm(name: &str, raise: &[&str], clear: &[&str]) {
    let node = OwnNode::start(name);
    let shop = Simulator::shop();
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let ferry = Installation::on(node.broker(), name, systems, &[]);
    let (producer, loader) = (ferry.run("producer"), ferry.run("loader"));
    shop.fault(&json!({"kind": "slow", "stall_ms": 100, "method": "POST", "count": 1_000_000,
        "path_prefix": "/admin/api/customers"}));
    let foreign = ferry.foreign();
    publish_customers(&ferry, &foreign, 0, 60);
    assert_eq!(push(&producer, 1).status, 200);
    wait_until("the first customers", SOON, || shop.state("customers").len() >= 3);
    node.rabbitmqctl(raise).unwrap();

    wait_until("a push to be refused", SOON, || push(&producer, 2).status == 503);
    wait_for_readiness(&[&producer], 503);
    assert!(readiness(&producer).1.contains("alarm"), "{:?}", readiness(&producer));
    // What needs no publish goes on, acknowledgements included.
    wait_until("every customer", SOON, || shop.state("customers").len() == 60);

    node.rabbitmqctl(clear).unwrap();
    wait_for_readiness(&[&producer, &loader], 200);
    wait_until("a push to be taken", SOON, || push(&producer, 3).status == 200);
    let queue = ferry.named("load.shop.customer");
    wait_until("the queue to be empty", SOON, || foreign.ready(&queue) == 0);
    assert_eq!(shop.state("customers").len(), 60);
    publish_customers(&ferry, &foreign, 60, 61);
    wait_until("one more customer", SOON, || shop.state("customers").len() == 61);
    for number in 0..61 {
        assert_eq!(shop.effects("customer", &format!("C-{number}"), "created"), 1);
    }
}

#[test]
fn a_memory_alarm_refuses_pushes_stops_no_consumer_and_is_over_by_itself() {
    survives_alarm(
        "memory-alarm",
        &["set_vm_memory_high_watermark", "absolute", "1"],
        &["set_vm_memory_high_watermark", "0.4"],
    );
}

#[test]
fn a_disk_alarm_refuses_pushes_stops_no_consumer_and_is_over_by_itself() {
    survives_alarm(
        "disk-alarm",
        &["set_disk_free_limit", "999999GB"],
        &["set_disk_free_limit", "50MB"],
    );
}

#[test]
fn a_broker_that_goes_and_comes_back_is_waited_for_and_nothing_is_lost_or_made_twice() {
    let mut node = OwnNode::start("restarts");
    let shop = Simulator::shop();
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let ferry = Installation::on(node.broker(), "restarts", systems, &[]);
    let services = ["producer", "transformer", "loader", "console"].map(|name| ferry.run(name));
    let all: Vec<&Running> = services.iter().collect();
    let [producer, ..] = &services;
    let first = ferry.foreign();
    publish_customers(&ferry, &first, 0, 50);

    node.rabbitmqctl(&["close_all_connections", "severed by a test"]).unwrap();
    wait_until("a push to be taken", SOON, || push(producer, 1).status == 200);
    wait_for_readiness(&all, 200);

    node.stop().unwrap();
    wait_for_readiness(&all, 503);
    assert_eq!(push(producer, 2).status, 503);
    let address = node.amqp_url();
    node.restart().unwrap();
    assert_eq!(node.amqp_url(), address, "another program took the port of the node");
    wait_for_readiness(&all, 200);
    wait_until("a push to be taken", SOON, || push(producer, 3).status == 200);

    node.kill().unwrap();
    node.restart().unwrap();
    wait_for_readiness(&all, 200);
    let second = Foreign::connect(&node.amqp_url());
    publish_customers(&ferry, &second, 50, 100);
    wait_until("every customer", SOON, || shop.state("customers").len() == 100);
    for number in 0..100 {
        assert_eq!(shop.effects("customer", &format!("C-{number}"), "created"), 1, "C-{number}");
    }
    for queue in ["load.shop.customer.dead", "unrouted"] {
        assert_eq!(second.ready(&ferry.named(queue)), 0, "{queue}");
    }
}

#[test]
fn a_service_that_starts_without_its_broker_says_so_and_works_once_it_is_there() {
    let mut node = OwnNode::start("absent");
    let ferry = Installation::on(node.broker(), "absent", Systems::default(), &[]);
    node.stop().unwrap();
    let mut services =
        ["producer", "transformer"].map(|name| ferry.begin(name, ferry.broker.url()));
    for service in &mut services {
        let said = service.service.wait_for_line("waiting for the broker", SOON);
        assert!(!said.contains("guest:guest"), "{said}");
        assert_eq!(readiness(service).0, 503);
    }
    node.restart().unwrap();
    wait_for_readiness(&services.iter().collect::<Vec<_>>(), 200);
    assert_eq!(push(&services[0], 1).status, 200);
    let transform = ferry.named("transform");
    let foreign = Foreign::connect(&node.amqp_url());
    wait_until("the record to be transformed", SOON, || foreign.ready(&transform) == 0);
}

fn delete_queue(broker: &Broker, queue: &str) {
    broker.rabbitmqctl(&["delete_queue", queue]);
}

#[test]
fn a_queue_deleted_under_its_loader_is_declared_again() {
    let shop = Simulator::shop();
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let ferry = Installation::new("deleted", systems, &[]);
    let loader = ferry.run("loader");
    delete_queue(&ferry.broker, &ferry.named("load.shop.customer"));
    let foreign = ferry.foreign();
    wait_until("the customer to arrive", SOON, || {
        // Until the queue is bound again, what is published lands in `unrouted`.
        let customer = event::customer("C-1", "Acme", 1);
        foreign.publish(&ferry.named("events"), EVENTS_OF_CUSTOMERS, &customer);
        shop.state("customers").len() == 1
    });
    wait_for_readiness(&[&loader], 200);
}

#[test]
fn a_queue_deleted_under_a_loader_that_may_not_declare_is_told_with_the_remedy() {
    let ferry = Installation::new("deleted-bare", Systems::default(), &[]);
    drop(ferry.run("loader"));
    let path = ferry.folder().join("ferry.toml");
    let declares = fs::read_to_string(&path).unwrap();
    fs::write(&path, declares.replace("prefix = ", "declare = false\nprefix = ")).unwrap();
    let mut loader = ferry.run("loader");
    delete_queue(&ferry.broker, &ferry.named("load.shop.customer"));
    wait_for_readiness(&[&loader], 503);
    let said = loader.service.wait_for_line("is not there", SOON);
    assert!(said.contains("load.shop.customer"), "{said}");
    assert!(said.contains("broker.declare"), "{said}");
    fs::write(&path, declares).unwrap();
    let _declares = ferry.run("transformer");
    wait_for_readiness(&[&loader], 200);
}

/// A channel can go on refusing for good because of what it saw when it was opened.
#[test]
fn a_channel_that_refuses_is_replaced_and_pushes_are_taken_when_there_is_room() {
    let node = OwnNode::start("refusing");
    let ferry = Installation::on(node.broker(), "refusing", Systems::default(), &[]);
    let producer = ferry.run("producer");
    let channels = || node.rabbitmqctl(&["-q", "--no-table-headers", "list_channels", "pid"]);
    wait_until("a push to be taken", SOON, || push(&producer, 1).status == 200);
    let before = channels().unwrap();
    assert_eq!(before.lines().count(), 1, "{before}");
    let pattern = format!("^{}$", ferry.named("transform"));
    let full = r#"{"max-length": 1}"#;
    node.rabbitmqctl(&["set_policy", "full", &pattern, full, "--apply-to", "queues"]).unwrap();
    wait_until("a push to be refused", SOON, || push(&producer, 2).status == 503);
    wait_until("another channel", SOON, || {
        let status = push(&producer, 3).status;
        assert!(status == 503 || status == 200, "{status}");
        let now = channels().unwrap();
        now.lines().count() == 1 && now != before
    });
    node.rabbitmqctl(&["clear_policy", "full"]).unwrap();
    wait_until("a push to be taken", SOON, || push(&producer, 4).status == 200);
}
