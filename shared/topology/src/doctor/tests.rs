use std::time::Duration;

use super::*;
use crate::{Binding, Exchange, ExchangeKind, Inputs, LoadBinding};

fn declared() -> Topology {
    let binding = LoadBinding {
        target: "shop".to_owned(),
        entity: "product".to_owned(),
        facet: "stock".to_owned(),
        source: "warehouse".to_owned(),
    };
    Topology::new(&Inputs {
        prefix: "ferry".to_owned(),
        levels: vec![Duration::from_secs(5)],
        bindings: vec![binding],
        lanes: vec!["live".to_owned(), "bulk".to_owned()],
    })
}

/// As services leave it, with all of them running on three nodes.
fn sound() -> Found {
    let topology = declared();
    let state =
        QueueState { consumers: 1, members: Some(3), online: Some(3), ..QueueState::default() };
    let states = topology.queues.iter().map(|queue| (queue.name.clone(), state.clone()));
    Found {
        vhost: "/".to_owned(),
        states: states.collect(),
        topology,
        chains: Vec::new(),
        nodes: Some(3),
    }
}

fn with(found: &mut Found, queue: &str, change: impl FnOnce(&mut QueueState)) {
    change(found.states.get_mut(queue).unwrap());
}

fn only(found: &Found) -> Finding {
    let mut findings = examine(&declared(), found);
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.remove(0)
}

fn assert_well(found: &Found) {
    assert_eq!(examine(&declared(), found), Vec::<Finding>::new());
}

#[test]
fn nothing_is_wrong_with_what_was_declared_and_is_served() {
    assert_well(&sound());
}

#[test]
fn a_policy_that_limits_a_queue_of_ours_is_named_with_its_queue() {
    for (rule, kind) in [
        ("max-length", FindingKind::LengthLimit),
        ("max-length-bytes", FindingKind::LengthLimit),
        ("message-ttl", FindingKind::Expiry),
        ("expires", FindingKind::Expiry),
        ("delivery-limit", FindingKind::DeliveryLimit),
    ] {
        for queue in ["ferry.load.shop.product", "ferry.transform.dead", "ferry.delay.5s"] {
            let mut found = sound();
            let has_limit = declared()
                .queues
                .iter()
                .any(|ours| ours.name == queue && ours.arguments.contains_key("x-delivery-limit"));
            with(&mut found, queue, |state| {
                state.rules.insert(rule.to_owned(), Argument::Number(7));
                state.policies.push("small".to_owned());
            });
            if rule == "delivery-limit" && !has_limit {
                assert_well(&found);
                continue;
            }
            let only = only(&found);
            assert_eq!((only.kind, only.of.as_str()), (kind, queue));
            assert!(only.remedy.contains("policy small"), "{}", only.remedy);
        }
    }
}

#[test]
fn a_policy_that_says_what_is_declared_or_less_than_it_is_fine() {
    let mut found = sound();
    with(&mut found, "ferry.transform", |state| {
        state.rules.insert("overflow".to_owned(), Argument::Text("reject-publish".to_owned()));
        state.rules.insert("delivery-limit".to_owned(), Argument::Number(1_000));
    });
    assert_well(&found);
    with(&mut found, "ferry.transform", |state| {
        state.rules.insert("overflow".to_owned(), Argument::Text("drop-head".to_owned()));
    });
    assert_eq!(only(&found).kind, FindingKind::Overflow);
}

/// Bound to our events directly, or behind an exchange of its own.
#[test]
fn a_foreign_queue_that_refuses_our_events_when_it_is_full_is_found() {
    for chained in [false, true] {
        let mut found = sound();
        let exchange = if chained { "theirs" } else { "ferry.events" };
        if chained {
            let kind = ExchangeKind::Fanout;
            let theirs = Exchange { name: "theirs".to_owned(), kind, arguments: Arguments::new() };
            found.topology.exchanges.push(theirs);
            found.chains.push(("ferry.events".to_owned(), "theirs".to_owned()));
        }
        found.topology.bindings.push(Binding {
            exchange: exchange.to_owned(),
            queue: "analytics".to_owned(),
            key: "#".to_owned(),
        });
        let mut state = QueueState::default();
        state.rules.insert("max-length".to_owned(), Argument::Number(10));
        found.states.insert("analytics".to_owned(), state);
        // What drops its own oldest harms nobody else.
        assert_well(&found);
        with(&mut found, "analytics", |state| {
            state.rules.insert("overflow".to_owned(), Argument::Text("reject-publish".to_owned()));
        });
        let only = only(&found);
        assert_eq!((only.kind, only.of.as_str()), (FindingKind::LengthLimit, "analytics"));
    }
}

#[test]
fn what_a_route_that_was_taken_out_left_is_listed_with_what_lies_in_it() {
    let mut found = sound();
    let left =
        Queue { name: "ferry.load.old.order".to_owned(), ..found.topology.queues[0].clone() };
    found.states.insert(left.name.clone(), QueueState { messages: 4, ..QueueState::default() });
    found.topology.queues.push(left);
    let only_one = only(&found);
    assert_eq!(only_one.kind, FindingKind::NotDeclared);
    assert!(only_one.remedy.starts_with("4 messages lie in it"), "{}", only_one.remedy);
    assert!(only_one.remedy.contains("delete_queue ferry.load.old.order"), "{}", only_one.remedy);
}

#[test]
fn bindings_that_are_gone_or_left_over_are_found() {
    let mut found = sound();
    let gone = found.topology.bindings.pop().unwrap();
    let left = Binding { key: "order.placed.old.live".to_owned(), ..gone };
    found.topology.bindings.push(left);
    let kinds: Vec<_> = examine(&declared(), &found).iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [FindingKind::Missing, FindingKind::NotDeclared]);
}

#[test]
fn an_exchange_without_its_alternate_is_found() {
    let mut found = sound();
    let exchanges = &mut found.topology.exchanges;
    let requeue = exchanges.iter_mut().find(|exchange| exchange.name == "ferry.requeue").unwrap();
    requeue.arguments.clear();
    let only = only(&found);
    assert_eq!((only.kind, only.of.as_str()), (FindingKind::AlternateExchange, "ferry.requeue"));
}

#[test]
fn a_queue_without_a_consumer_says_which_service_to_start() {
    for (queue, advice) in [
        ("ferry.transform", "Start a transformer."),
        ("ferry.load.shop.product", "Start a loader"),
        ("ferry.facts", "Start a console."),
        ("ferry.transform.dead", "Start a console."),
    ] {
        let mut found = sound();
        with(&mut found, queue, |state| state.consumers = 0);
        let only = only(&found);
        assert_eq!((only.kind, only.of.as_str()), (FindingKind::Unconsumed, queue));
        assert!(only.remedy.starts_with(advice), "{}", only.remedy);
    }
    let mut found = sound();
    with(&mut found, "ferry.delay.5s", |state| state.consumers = 0);
    with(&mut found, "ferry.unrouted", |state| state.consumers = 0);
    assert_well(&found);
}

#[test]
fn members_are_counted_against_the_nodes_there_are() {
    for (nodes, members, online, is_wrong) in [
        (Some(1), 1, 1, false),
        (Some(3), 1, 1, true),
        (Some(3), 3, 2, true),
        (Some(5), 3, 3, false),
        (None, 1, 1, false),
    ] {
        let mut found = Found { nodes, ..sound() };
        for state in found.states.values_mut() {
            (state.members, state.online) = (Some(members), Some(online));
        }
        let findings = examine(&declared(), &found);
        assert_eq!(!findings.is_empty(), is_wrong, "{findings:?}");
        assert!(findings.iter().all(|finding| finding.kind == FindingKind::TooFewMembers));
    }
}
