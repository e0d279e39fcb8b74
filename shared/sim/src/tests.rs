use std::time::Duration;

use bytes::Bytes;
use ferry_broker::{Broker, Headers, Intake, IntakeError, Message, PublishError, Publisher, Stale};
use ferry_http::{HttpError, HttpPort, Method, Request};
use ferry_topology::{Inputs, LoadBinding, Topology};
use tokio::time::{Instant, timeout};

use crate::{Fault, HttpFault, Moment, SimBroker, SimHttp, answer, now, start_clock};

const SECOND: Duration = Duration::from_secs(1);
const QUEUE: &str = "load.shop.order";

fn broker() -> SimBroker {
    SimBroker::new(Topology::new(&Inputs {
        prefix: "sim".to_owned(),
        levels: vec![5 * SECOND, 30 * SECOND],
        bindings: vec![LoadBinding {
            target: "shop".to_owned(),
            entity: "order".to_owned(),
            facet: "shipment".to_owned(),
            source: "warehouse".to_owned(),
        }],
        lanes: vec!["live".to_owned(), "bulk".to_owned()],
    }))
}

fn to(exchange: &str, key: &str, id: &str) -> Message {
    Message {
        exchange: exchange.to_owned(),
        key: key.to_owned(),
        id: id.to_owned(),
        content_type: "text/plain".to_owned(),
        headers: Headers::default(),
        body: Bytes::from_static(b"body"),
    }
}

fn event(id: &str) -> Message {
    to("events", "order.shipment.warehouse.live", id)
}

fn ids(broker: &SimBroker, queue: &str) -> Vec<String> {
    broker.messages(queue).into_iter().map(|message| message.id).collect()
}

#[tokio::test(start_paused = true)]
async fn a_topic_takes_what_its_words_say_and_the_rest_is_unrouted() {
    let broker = broker();
    broker.publish(event("live")).await;
    broker.publish(to("events", "order.shipment.warehouse.bulk", "bulk")).await;
    broker.publish(to("events", "order.placed.warehouse.live", "other")).await;
    broker.publish(to("facts", "transformer.skipped", "fact")).await;
    broker.publish(to("dead", QUEUE, "dead")).await;
    assert_eq!(ids(&broker, QUEUE), ["live"]);
    assert_eq!(ids(&broker, "load.shop.order.bulk"), ["bulk"]);
    assert_eq!(ids(&broker, "unrouted"), ["other"]);
    assert_eq!(ids(&broker, "facts"), ["fact"]);
    assert_eq!(ids(&broker, "load.shop.order.dead"), ["dead"]);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_comes_back_to_the_queue_its_key_names_after_its_level() {
    let broker = broker();
    let mut intake = broker.subscribe(QUEUE, 8).await.unwrap();
    let started = Instant::now();
    broker.publish(to("delay.30s", QUEUE, "slow")).await;
    broker.publish(to("delay.5s", QUEUE, "quick")).await;
    let first = intake.take(8).await.unwrap();
    assert_eq!((first[0].id.as_deref(), started.elapsed()), (Some("quick"), 5 * SECOND));
    assert_eq!((first[0].exchange.as_str(), first[0].delivery_count), ("requeue", 0));
    assert!(first[0].headers.text("x-death").is_some_and(|death| death.contains("expired")));
    let second = intake.take(8).await.unwrap();
    assert_eq!((second[0].id.as_deref(), started.elapsed()), (Some("slow"), 30 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn no_more_is_in_hand_than_the_prefetch_and_an_acknowledgement_makes_room() {
    let broker = broker();
    let mut intake = broker.subscribe(QUEUE, 2).await.unwrap();
    for id in ["a", "b", "c"] {
        broker.publish(event(id)).await;
    }
    let taken = intake.take(8).await.unwrap();
    assert_eq!((taken.len(), broker.in_hand(QUEUE)), (2, 2));
    assert!(timeout(SECOND, intake.take(8)).await.is_err());
    intake.ack(vec![taken[1].receipt]).await.unwrap();
    assert_eq!(intake.take(8).await.unwrap()[0].id.as_deref(), Some("c"));
    assert_eq!(ids(&broker, QUEUE), ["a", "c"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_dropped_intake_held_comes_again_in_its_place_and_counted() {
    let broker = broker();
    let mut intake = broker.subscribe(QUEUE, 2).await.unwrap();
    for id in ["a", "b", "c"] {
        broker.publish(event(id)).await;
    }
    let held = intake.take(1).await.unwrap();
    drop(intake);
    let mut intake = broker.subscribe(QUEUE, 8).await.unwrap();
    let taken = intake.take(8).await.unwrap();
    let counted: Vec<_> = taken.iter().map(|d| (d.id.clone().unwrap(), d.delivery_count)).collect();
    assert_eq!(counted, [("a".into(), 1), ("b".into(), 1), ("c".into(), 0)]);
    assert_eq!(taken[0].headers.number("x-delivery-count"), Some(1));
    assert_eq!(intake.ack(vec![held[0].receipt]).await, Err(Stale { count: 1 }));
}

#[tokio::test(start_paused = true)]
async fn beyond_the_delivery_limit_a_message_is_a_dead_letter() {
    let broker = broker();
    broker.publish(event("poison")).await;
    for _ in 0..=ferry_topology::WORK_DELIVERY_LIMIT {
        let mut intake = broker.subscribe(QUEUE, 1).await.unwrap();
        intake.take(1).await.unwrap();
    }
    assert_eq!(ids(&broker, QUEUE), [""; 0]);
    assert_eq!(ids(&broker, "load.shop.order.dead"), ["poison"]);
}

#[tokio::test(start_paused = true)]
async fn a_severed_subscription_is_lost_also_to_a_taker_that_waits() {
    let broker = broker();
    broker.publish(event("a")).await;
    let mut intake = broker.subscribe(QUEUE, 8).await.unwrap();
    let held = intake.take(8).await.unwrap();
    let (next, ()) = tokio::join!(intake.take(8), async { broker.sever(QUEUE) });
    assert!(matches!(next, Err(IntakeError::Lost(_))));
    assert_eq!(intake.ack(vec![held[0].receipt]).await, Err(Stale { count: 1 }));
    assert_eq!(broker.depth(QUEUE).await.unwrap().ready, 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_intake_hands_over_what_was_prefetched_and_still_acknowledges() {
    let broker = broker();
    let mut intake = broker.subscribe(QUEUE, 3).await.unwrap();
    for id in ["a", "b", "c", "d"] {
        broker.publish(event(id)).await;
    }
    let taken = intake.take(1).await.unwrap();
    let unread = intake.cancel().await.unwrap();
    assert_eq!((taken.len(), unread.len()), (1, 2));
    let receipts = taken.iter().chain(&unread).map(|delivery| delivery.receipt).collect();
    intake.ack(receipts).await.unwrap();
    assert_eq!(ids(&broker, QUEUE), ["d"]);
    assert!(intake.take(1).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_refused_publish_is_not_stored_and_a_repeat_is() {
    let broker = broker();
    broker.script("events", [Fault::Refuse]);
    assert_eq!(broker.publisher().publish(event("a")).await, Err(PublishError::Refused));
    assert_eq!(ids(&broker, QUEUE), [""; 0]);
    let all = vec![event("a"), event("b")];
    broker.script("events", [Fault::Pass, Fault::Refuse]);
    broker.publisher().publish_until_confirmed(all, 60 * SECOND).await.unwrap();
    assert_eq!(ids(&broker, QUEUE), ["a", "b"]);
    assert_eq!(broker.tried("events").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_lost_confirm_stores_the_event_twice_and_never_zero_times() {
    let broker = broker();
    broker.script("events", [Fault::LoseConfirm]);
    broker.publisher().publish_until_confirmed(vec![event("a")], 60 * SECOND).await.unwrap();
    assert_eq!(ids(&broker, QUEUE), ["a", "a"]);
}

#[tokio::test(start_paused = true)]
async fn faults_strike_once_each_and_only_at_their_exchange() {
    let broker = broker();
    broker.script("dead", [Fault::Refuse]);
    broker.script("events", [Fault::Duplicate]);
    broker.publish(event("a")).await;
    broker.publish(event("b")).await;
    assert_eq!(ids(&broker, QUEUE), ["a", "a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_held_confirm_waits_for_its_release_although_the_message_is_stored() {
    let broker = broker();
    broker.script("events", [Fault::Hold]);
    let publisher = broker.publisher();
    let publishing = publisher.publish(event("a"));
    tokio::pin!(publishing);
    assert!(timeout(SECOND, &mut publishing).await.is_err());
    assert_eq!(ids(&broker, QUEUE), ["a"]);
    broker.release();
    assert_eq!(publishing.await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_delayed_publish_arrives_later_also_when_nobody_waits_for_it() {
    let broker = broker();
    broker.script("events", [Fault::Delay(9 * SECOND)]);
    assert!(timeout(SECOND, broker.publisher().publish(event("a"))).await.is_err());
    broker.publish(event("b")).await;
    let started = Instant::now();
    broker.until(|broker| ids(broker, QUEUE) == ["b", "a"]).await;
    assert_eq!(started.elapsed(), 8 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_overtaken_message_comes_after_the_next_one_of_its_exchange_or_by_itself() {
    let broker = broker();
    broker.script("events", [Fault::Overtake, Fault::Pass, Fault::Overtake]);
    for id in ["a", "b", "c"] {
        broker.publish(event(id)).await;
    }
    assert_eq!(ids(&broker, QUEUE), ["b", "a"]);
    broker.until(|broker| ids(broker, QUEUE) == ["b", "a", "c"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_broker_takes_and_gives_nothing_and_keeps_what_it_has() {
    let broker = broker();
    broker.publish(event("a")).await;
    broker.publish(to("delay.5s", QUEUE, "late")).await;
    broker.script("events", [Fault::Hold]);
    let publisher = broker.publisher();
    let (held, ()) = tokio::join!(publisher.publish(event("b")), async { broker.stop() });
    assert!(matches!(held, Err(PublishError::Disconnected(_))));
    let refused = broker.publisher().publish(event("c")).await;
    assert!(matches!(refused, Err(PublishError::Disconnected(_))));
    assert!(timeout(60 * SECOND, broker.subscribe(QUEUE, 8)).await.is_err());
    assert_eq!(ids(&broker, QUEUE), ["a", "b"]);
    broker.start();
    broker.until(|broker| ids(broker, QUEUE) == ["a", "b", "late"]).await;
}

#[tokio::test(start_paused = true)]
async fn chance_decides_where_nothing_is_scripted_also_when_a_delay_is_over() {
    let broker = broker();
    broker.meet(|moment| match moment {
        Moment::Published(message) if message.exchange == "events" => Fault::Duplicate,
        Moment::Published(_) => Fault::Pass,
        Moment::Expired { queue, message } => {
            assert_eq!((queue, message.key.as_str()), ("delay.5s", QUEUE));
            Fault::Duplicate
        }
    });
    broker.script("events", [Fault::Refuse]);
    assert_eq!(broker.publisher().publish(event("a")).await, Err(PublishError::Refused));
    broker.publish(event("b")).await;
    broker.publish(to("delay.5s", QUEUE, "late")).await;
    broker.until(|broker| ids(broker, QUEUE) == ["b", "b", "late", "late"]).await;
    assert_eq!(broker.depths().into_iter().collect::<Vec<_>>(), [(QUEUE.to_owned(), 4)]);
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_takes_publish_and_subscriptions_with_it() {
    let broker = broker();
    let mut intake = broker.subscribe(QUEUE, 1).await.unwrap();
    broker.script("events", [Fault::Sever]);
    let published = broker.publisher().publish(event("a")).await;
    assert!(matches!(published, Err(PublishError::Disconnected(_))));
    assert!(intake.take(1).await.is_err());
    assert_eq!(ids(&broker, QUEUE), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn two_subscribers_share_a_queue_in_turns() {
    let broker = broker();
    let mut one = broker.subscribe(QUEUE, 8).await.unwrap();
    let mut other = broker.subscribe(QUEUE, 8).await.unwrap();
    for id in ["a", "b", "c"] {
        broker.publish(event(id)).await;
    }
    assert_eq!((one.take(8).await.unwrap().len(), other.take(8).await.unwrap().len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn the_time_of_day_follows_the_paused_clock() {
    start_clock();
    tokio::time::advance(90 * SECOND).await;
    assert_eq!(now().to_string(), "2026-01-01T00:01:30Z");
}

fn request(operation: &'static str) -> Request {
    Request {
        operation,
        method: Method::Post,
        url: "http://target.test/".to_owned(),
        headers: Vec::new(),
        body: Bytes::new(),
        deadline: 3 * SECOND,
        secret: false,
        carries: 1,
    }
}

/// Counts how often it acted.
fn http() -> SimHttp {
    let mut acted = 0;
    SimHttp::new(move |_| {
        acted += 1;
        answer(200, &acted.to_string())
    })
}

#[tokio::test(start_paused = true)]
async fn the_other_side_acts_exactly_where_the_fault_says_so() {
    let http = http();
    http.script("write", [HttpFault::Refuse, HttpFault::ApplyThenDrop, HttpFault::Stall]);
    assert!(matches!(http.send(request("write")).await, Err(HttpError::Connect(_))));
    assert_eq!(http.send(request("read")).await.unwrap().text(), "1");
    assert!(matches!(http.send(request("write")).await, Err(HttpError::Broken(_))));
    let started = Instant::now();
    assert_eq!(http.send(request("write")).await.unwrap_err(), HttpError::Timeout(3 * SECOND));
    assert_eq!(started.elapsed(), 3 * SECOND);
    assert_eq!(http.send(request("write")).await.unwrap().text(), "3");
    assert_eq!((http.count("write"), http.requests().len()), (4, 5));
}

#[tokio::test(start_paused = true)]
async fn a_held_answer_waits_for_its_release_or_the_deadline() {
    let http = http();
    http.script("write", [HttpFault::Hold, HttpFault::Hold]);
    let held = http.send(request("write"));
    let (held, ()) = tokio::join!(held, async {
        http.until(|http| http.count("write") == 1).await;
        http.release();
    });
    assert_eq!(held.unwrap().text(), "1");
    let started = Instant::now();
    assert_eq!(http.send(request("write")).await.unwrap_err(), HttpError::Timeout(3 * SECOND));
    assert_eq!(started.elapsed(), 3 * SECOND);
}
