use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn binding(target: &str, entity: &str, facet: &str, source: &str) -> LoadBinding {
    let [target, entity, facet, source] = [target, entity, facet, source].map(str::to_owned);
    LoadBinding { target, entity, facet, source }
}

/// The routes of the demo: an ERP's customers, a file's products, a warehouse's stock, shipments
/// and cancellations, and a shop's orders.
fn demo() -> Inputs {
    Inputs {
        prefix: "ferry".to_owned(),
        levels: [500, 2_000, 10_000].map(Duration::from_millis).to_vec(),
        bindings: vec![
            binding("shop", "customer", "profile", "erp"),
            binding("shop", "product", "catalogue", "files"),
            binding("warehouse", "product", "catalogue", "files"),
            binding("shop", "product", "stock", "warehouse"),
            binding("warehouse", "order", "placed", "shop"),
            binding("shop", "order", "shipment", "warehouse"),
            binding("shop", "order", "cancellation", "warehouse"),
        ],
        lanes: vec![name::LIVE.to_owned(), name::BULK.to_owned()],
    }
}

#[test]
fn the_demo_has_exactly_these_exchanges_queues_and_bindings() {
    insta::assert_snapshot!(Topology::new(&demo()));
}

#[test]
fn the_order_of_routes_and_levels_does_not_matter() {
    let mut inputs = demo();
    inputs.bindings.reverse();
    inputs.levels.reverse();
    inputs.levels.push(Duration::from_secs(2));
    assert_eq!(Topology::new(&inputs), Topology::new(&demo()));
}

#[test]
fn a_target_never_gets_its_own_events_back() {
    let mut inputs = demo();
    inputs.bindings = vec![binding("shop", "order", "placed", "shop")];
    let topology = Topology::new(&inputs);
    assert!(topology.bindings.iter().all(|binding| binding.exchange != "ferry.events"));
}

#[test]
fn a_level_is_named_after_its_largest_whole_unit() {
    let named = [100, 500, 1_000, 5_000, 90_000, 120_000, 7_200_000, 1_500]
        .map(|ms| level_name(Duration::from_millis(ms)));
    assert_eq!(named, ["100ms", "500ms", "1s", "5s", "90s", "2m", "2h", "1500ms"]);
    assert_eq!(level_name(Duration::ZERO), "1ms");
    assert_eq!(level_name(Duration::from_micros(1_500)), "2ms");
    assert_eq!(level_name(Duration::MAX), format!("{}ms", u32::MAX));
}

#[test]
fn keys_and_queue_names_carry_no_prefix() {
    assert_eq!(record_key("shop", name::ANY_ENTITY, name::LIVE), "shop.-.live");
    assert_eq!(event_key("order", "placed", "shop", name::BULK), "order.placed.shop.bulk");
    assert_eq!(load_queue("shop", "order", name::LIVE), "load.shop.order");
    assert_eq!(dead_queue(&load_queue("shop", "order", name::BULK)), "load.shop.order.bulk.dead");
    assert_eq!(fact_key("transformer", "skipped"), "transformer.skipped");
}

#[test]
fn a_name_goes_to_the_broker_and_back() {
    let topology = Topology::new(&demo());
    assert_eq!(topology.name(&topology.broker_name("transform.bulk")), Some("transform.bulk"));
    assert_eq!(topology.name("ferryman.transform"), None);
    let dead: Vec<_> = topology.queues_of(QueueRole::Dead).collect();
    assert_eq!(dead.first(), Some(&"transform.dead"));
}

#[test]
fn words_that_would_break_a_key_are_no_segments() {
    for word in ["", "a.b", "*", "a#", "a b", "ä", &"a".repeat(61)] {
        assert!(!is_segment(word), "{word}");
    }
    assert!(is_segment("warehouse-2_b"));
}

#[test]
fn a_topology_does_not_differ_from_itself() {
    assert_eq!(diff(&Topology::new(&demo()), &Topology::new(&demo())), []);
}

#[test]
fn each_difference_is_named_once_and_strangers_are_left_alone() {
    let declared = Topology::new(&demo());
    let mut found = declared.clone();
    found.exchanges.retain(|exchange| exchange.name != "ferry.facts");
    found.queues.retain(|queue| queue.name != "ferry.facts");
    found.bindings.retain(|binding| binding.exchange != "ferry.facts");
    found.exchanges[1].kind = ExchangeKind::Direct;
    found.exchanges[1].arguments.clear();
    let work = found.queues.iter_mut().find(|queue| queue.name == "ferry.transform").unwrap();
    work.arguments.insert("x-delivery-limit".to_owned(), Argument::Number(20));
    work.arguments.insert("x-max-length".to_owned(), Argument::Number(5));
    let stranger = Queue { name: "other".to_owned(), ..found.queues[0].clone() };
    let extra = Queue { name: "ferry.left".to_owned(), ..found.queues[0].clone() };
    found.queues.extend([stranger, extra]);
    found.bindings.push(Binding {
        exchange: "ferry.events".to_owned(),
        queue: "other".to_owned(),
        key: "#".to_owned(),
    });
    let sentences: Vec<_> = diff(&declared, &found).iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences,
        [
            "exchange ferry.records is direct, not topic",
            "ferry.records lacks alternate-exchange=ferry.unrouted",
            "exchange ferry.facts is missing",
            "queue ferry.facts is missing",
            "ferry.transform has x-delivery-limit=20, not 100",
            "ferry.transform has x-max-length=5, which is not declared",
            "queue ferry.left is not declared by Ferry",
            "queue ferry.facts is not bound to ferry.facts with key `#`",
        ]
    );
}

/// Queues that a message can come to from an exchange, also over alternate and dead-letter ones.
fn reachable<'a>(topology: &'a Topology, exchange: &str) -> Vec<&'a Queue> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![exchange.to_owned()]);
    let mut queues = Vec::new();
    while let Some(exchange) = open.pop() {
        if !seen.insert(exchange.clone()) {
            continue;
        }
        let onward = |arguments: &Arguments, name: &str| match arguments.get(name) {
            Some(Argument::Text(next)) => Some(next.clone()),
            Some(Argument::Number(_)) | None => None,
        };
        let this = topology.exchanges.iter().find(|known| known.name == exchange).unwrap();
        open.extend(onward(&this.arguments, "alternate-exchange"));
        for binding in topology.bindings.iter().filter(|binding| binding.exchange == exchange) {
            let queue = topology.queues.iter().find(|queue| queue.name == binding.queue).unwrap();
            open.extend(onward(&queue.arguments, "x-dead-letter-exchange"));
            queues.push(queue);
        }
    }
    queues
}

fn word() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_-]{0,6}"
}

prop_compose! {
    fn any_inputs()(
        prefix in word(),
        levels in prop::collection::vec(0_u64..20_000_000, 0..8),
        wishes in prop::collection::vec((word(), word(), word(), word()), 0..20),
    ) -> Inputs {
        let binding = |(target, entity, facet, source): (String, String, String, String)| {
            LoadBinding { target, entity, facet, source }
        };
        Inputs {
            prefix,
            levels: levels.into_iter().map(Duration::from_millis).collect(),
            bindings: wishes.into_iter().map(binding).collect(),
            lanes: vec![name::LIVE.to_owned(), name::BULK.to_owned()],
        }
    }
}

proptest! {
    #[test]
    fn no_queue_reachable_from_events_or_requeue_has_a_length_limit(inputs in any_inputs()) {
        let topology = Topology::new(&inputs);
        for exchange in [name::EVENTS, name::REQUEUE] {
            for queue in reachable(&topology, &topology.broker_name(exchange)) {
                prop_assert!(queue.arguments.keys().all(|name| !name.starts_with("x-max-length")));
            }
        }
    }

    #[test]
    fn every_exchange_we_publish_to_has_an_alternate_exchange(inputs in any_inputs()) {
        let topology = Topology::new(&inputs);
        let unrouted = topology.broker_name(name::UNROUTED);
        for exchange in topology.exchanges.iter().filter(|exchange| exchange.name != unrouted) {
            let alternate = exchange.arguments.get("alternate-exchange");
            prop_assert_eq!(alternate, Some(&Argument::Text(unrouted.clone())));
        }
    }

    #[test]
    fn names_are_unique_and_every_work_queue_has_its_way_back_and_its_end(inputs in any_inputs()) {
        let topology = Topology::new(&inputs);
        let names: BTreeSet<_> = topology.queues.iter().map(|queue| &queue.name).collect();
        prop_assert_eq!(names.len(), topology.queues.len());
        for work in topology.queues_of(QueueRole::Work) {
            let bound = |exchange: &str, queue: &str| {
                topology.bindings.contains(&Binding {
                    exchange: topology.broker_name(exchange),
                    queue: topology.broker_name(queue),
                    key: work.to_owned(),
                })
            };
            prop_assert!(bound(name::REQUEUE, work));
            prop_assert!(bound(name::DEAD, &dead_queue(work)));
        }
    }
}
