//! The queues as the broker itself shows them.

use ferry_e2e::{Installation, Systems};
use serde_json::Value;

/// An argument as `rabbitmqctl` shows it: a list of name, type and value.
fn argument<'a>(queue: &'a Value, name: &str) -> &'a Value {
    let arguments = queue["arguments"].as_array().unwrap();
    let found = arguments.iter().find(|argument| argument[0] == name);
    &found.unwrap_or_else(|| panic!("no {name} in {queue}"))[2]
}

#[test]
fn work_queues_are_quorum_queues_that_lose_nothing_they_give_up() {
    let ferry = Installation::new("topology", Systems::default(), &[]);
    let _transformer = ferry.run("transformer");
    let listed = ferry.broker.rabbitmqctl(&[
        "list_queues",
        "name",
        "arguments",
        "--formatter",
        "json",
        "--quiet",
    ]);
    let queues: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let queue = |name: &str| {
        let full = ferry.named(name);
        let found = queues.iter().find(|queue| queue["name"] == full.as_str());
        found.unwrap_or_else(|| panic!("no {full}"))
    };
    let works = [
        "transform",
        "transform.bulk",
        "load.shop.customer",
        "load.shop.customer.bulk",
        "load.shop.order",
        "load.shop.order.bulk",
        "load.shop.product",
        "load.shop.product.bulk",
    ];
    for name in works {
        let work = queue(name);
        assert_eq!(argument(work, "x-queue-type"), "quorum");
        assert_eq!(argument(work, "x-delivery-limit"), 100);
        assert_eq!(argument(work, "x-dead-letter-strategy"), "at-least-once");
        assert_eq!(argument(work, "x-overflow"), "reject-publish");
        assert_eq!(argument(work, "x-dead-letter-exchange"), ferry.named("dead").as_str());
        assert_eq!(argument(work, "x-dead-letter-routing-key"), name);
        let dead = queue(&format!("{name}.dead"));
        assert_eq!(argument(dead, "x-queue-type"), "quorum");
        assert_eq!(argument(dead, "x-delivery-limit"), 1_000_000);
    }
    for (level, milliseconds) in [("100ms", 100), ("300ms", 300), ("1s", 1000)] {
        let delay = queue(&format!("delay.{level}"));
        assert_eq!(argument(delay, "x-message-ttl"), milliseconds);
        assert_eq!(argument(delay, "x-dead-letter-exchange"), ferry.named("requeue").as_str());
        assert_eq!(argument(delay, "x-dead-letter-strategy"), "at-least-once");
        assert!(!delay.to_string().contains("x-dead-letter-routing-key"), "{delay}");
    }
    for bounded in ["x-max-length", "x-max-length-bytes"] {
        assert!(works.iter().all(|name| !queue(name).to_string().contains(bounded)), "{bounded}");
    }
    assert_eq!(argument(queue("unrouted"), "x-queue-type"), "quorum");
}
