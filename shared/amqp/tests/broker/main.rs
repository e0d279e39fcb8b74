//! What only a real broker can show. Needs `FERRY_TEST_AMQP_URL`; every test has a prefix of its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic is their way to fail"
)]

mod fullness;
mod outages;
mod topology;
mod world;

use ferry_broker::{Broker, HeaderValue, Headers, Intake, Message, Publisher, Receipt};
use ferry_topology::name;
use world::{SOON, World, ids, message, receipts, record, take};

#[tokio::test]
async fn a_confirmed_publish_is_delivered_as_it_was_sent() {
    let world = World::new().await;
    let mut sent = record("4711");
    sent.headers.insert("ferry-source", "erp");
    sent.headers.insert("ferry-sentence", "Zürich – ok");
    sent.headers.insert_number("ferry-attempt", 3);
    world.broker.publisher().publish(sent.clone()).await.unwrap();
    let mut intake = world.subscribe("transform").await;
    let delivery = take(&mut intake, 1).await.remove(0);
    assert_eq!(delivery.body, sent.body);
    assert_eq!(delivery.headers, sent.headers);
    assert_eq!((delivery.queue.as_str(), delivery.exchange.as_str()), ("transform", "records"));
    assert_eq!(delivery.key, sent.key);
    assert_eq!(delivery.id.as_deref(), Some("4711"));
    assert_eq!(delivery.content_type.as_deref(), Some("application/json"));
    assert_eq!(delivery.delivery_count, 0);
    intake.ack(vec![delivery.receipt]).await.unwrap();
    assert_eq!(world.ready("transform", 0).await, 0);
    world.end().await;
}

#[tokio::test]
async fn more_than_a_window_is_stored_in_order_and_acknowledged_in_any_order() {
    let world = World::new().await;
    let sent: Vec<Message> = (0..1_200).map(|number| record(&number.to_string())).collect();
    let expected: Vec<String> = sent.iter().map(|message| message.id.clone()).collect();
    let answers = world.broker.publisher().publish_all(sent).await;
    assert_eq!(answers, vec![Ok(()); 1_200]);
    let mut intake = world.subscribe("transform").await;
    let mut seen = Vec::new();
    while seen.len() < 1_200 {
        let deliveries = take(&mut intake, 20).await;
        seen.extend(ids(&deliveries).into_iter().map(str::to_owned));
        let (odd, even): (Vec<_>, Vec<_>) =
            receipts(&deliveries).into_iter().partition(|receipt| receipt.tag % 2 == 1);
        intake.ack(even).await.unwrap();
        intake.ack(odd).await.unwrap();
    }
    assert_eq!(seen, expected);
    drop(intake);
    assert_eq!(world.ready("transform", 0).await, 0);
    world.end().await;
}

#[tokio::test]
async fn what_no_queue_takes_lands_in_unrouted() {
    let world = World::new().await;
    let publisher = world.broker.publisher();
    publisher.publish(message(name::EVENTS, "order.placed.nobody.live", "a")).await.unwrap();
    publisher.publish(message(name::REQUEUE, "load.nobody.order", "b")).await.unwrap();
    let mut intake = world.subscribe(name::UNROUTED).await;
    let deliveries = take(&mut intake, 2).await;
    assert_eq!(ids(&deliveries), ["a", "b"]);
    assert_eq!(deliveries[0].key, "order.placed.nobody.live");
    world.end().await;
}

#[tokio::test]
async fn a_delayed_message_comes_back_to_its_queue_and_lane_with_its_headers() {
    let world = World::new().await;
    let mut sent = message("delay.100ms", "load.shop.order.bulk", "4711");
    sent.headers.insert_number("ferry-attempt", 1);
    sent.headers.insert("ferry-lane", "bulk");
    world.broker.publisher().publish(sent.clone()).await.unwrap();
    let mut intake = world.subscribe("load.shop.order.bulk").await;
    let delivery = take(&mut intake, 1).await.remove(0);
    assert_eq!(delivery.headers.number("ferry-attempt"), Some(1));
    assert_eq!(delivery.headers.text("ferry-lane"), Some("bulk"));
    assert_eq!((delivery.key, delivery.body), (sent.key, sent.body));
    assert_eq!(delivery.exchange, "requeue");
    assert!(delivery.headers.text("x-death").unwrap().contains("reason: expired"));
    world.end().await;
}

#[tokio::test]
async fn a_second_round_of_delay_works_once_the_brokers_headers_are_stripped() {
    let world = World::new().await;
    let publisher = world.broker.publisher();
    publisher.publish(message("delay.100ms", "transform", "4711")).await.unwrap();
    let mut intake = world.subscribe("transform").await;
    for _ in 0..3 {
        let delivery = take(&mut intake, 1).await.remove(0);
        let names: Vec<String> = delivery.headers.iter().map(|(name, _)| name.to_owned()).collect();
        let deaths: Vec<&str> = names.iter().map(String::as_str).collect();
        let headers = delivery.headers.clone().without(&deaths);
        assert_eq!(headers, Headers::default());
        let again = Message { headers, ..message("delay.100ms", "transform", "4711") };
        publisher.publish(again).await.unwrap();
        intake.ack(vec![delivery.receipt]).await.unwrap();
    }
    assert_eq!(take(&mut intake, 1).await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_dead_letter_lands_in_the_queue_of_its_origin() {
    let world = World::new().await;
    let publisher = world.broker.publisher();
    publisher.publish(message(name::DEAD, "load.shop.order", "4711")).await.unwrap();
    let mut intake = world.subscribe("load.shop.order.dead").await;
    assert_eq!(ids(&take(&mut intake, 1).await), ["4711"]);
    world.end().await;
}

#[tokio::test]
async fn what_is_dropped_unacknowledged_is_delivered_again_and_counted() {
    let world = World::new().await;
    world.broker.publisher().publish(record("4711")).await.unwrap();
    let mut first = world.subscribe("transform").await;
    let lost = take(&mut first, 1).await.remove(0);
    drop(first);
    let mut second = world.subscribe("transform").await;
    let again = take(&mut second, 1).await.remove(0);
    assert_eq!((again.id, again.delivery_count), (lost.id, 1));
    let stale = second.ack(vec![lost.receipt]).await.unwrap_err();
    assert_eq!(stale.count, 1, "a receipt of another subscription acknowledges nothing");
    second.ack(vec![again.receipt]).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_receipt_is_good_once_and_a_second_use_does_not_hurt_the_channel() {
    let world = World::new().await;
    world.broker.publisher().publish_all(vec![record("a"), record("b")]).await;
    let mut intake = world.subscribe("transform").await;
    let deliveries = take(&mut intake, 2).await;
    intake.ack(vec![deliveries[0].receipt]).await.unwrap();
    let unknown = Receipt { tag: 99, ..deliveries[0].receipt };
    let stale = intake.ack(vec![deliveries[0].receipt, unknown]).await.unwrap_err();
    assert_eq!(stale.count, 2);
    intake.ack(vec![deliveries[1].receipt]).await.unwrap();
    drop(intake);
    assert_eq!(world.ready("transform", 0).await, 0);
    world.end().await;
}

#[tokio::test]
async fn what_is_rejected_lands_in_the_dead_letters_of_its_queue_whatever_its_size() {
    let world = World::new().await;
    // Straight into the queue: it is larger than what is ever published.
    let transform = world.topology.broker_name("transform");
    for body in [vec![b'x'; 17 * 1024 * 1024], b"small".to_vec()] {
        let options = lapin::options::BasicPublishOptions::default();
        let properties = lapin::BasicProperties::default().with_delivery_mode(2);
        let (exchange, key) = ("".into(), transform.as_str().into());
        let publishing =
            world.stranger.basic_publish(exchange, key, options, &body, properties).await;
        publishing.unwrap().await.unwrap();
    }
    let mut intake = world.subscribe("transform").await;
    let deliveries = take(&mut intake, 2).await;
    intake.reject(vec![deliveries[0].receipt]).await.unwrap();
    intake.ack(receipts(&deliveries)).await.unwrap_err();
    let stale = intake.reject(receipts(&deliveries)).await.unwrap_err();
    assert_eq!(stale.count, 2, "settled is settled");
    let mut dead = world.subscribe("transform.dead").await;
    let letter = take(&mut dead, 1).await.remove(0);
    assert!(letter.body == deliveries[0].body, "{} bytes", letter.body.len());
    assert_eq!(letter.headers.text("x-first-death-reason"), Some("rejected"));
    assert_eq!(letter.key, "transform");
    drop(intake);
    assert_eq!(world.ready("transform", 0).await, 0);
    world.end().await;
}

#[tokio::test]
async fn a_cancelled_intake_gives_back_what_it_held_and_still_acknowledges() {
    let world = World::new().await;
    let sent: Vec<Message> = (0..10).map(|number| record(&number.to_string())).collect();
    world.broker.publisher().publish_all(sent).await;
    let mut intake = world.subscribe("transform").await;
    let in_hand = take(&mut intake, 3).await;
    assert_eq!(world.ready("transform", 0).await, 0, "the rest is prefetched");
    let prefetched = intake.cancel().await.unwrap();
    assert_eq!(ids(&prefetched), ["3", "4", "5", "6", "7", "8", "9"]);
    assert!(intake.take(1).await.is_err(), "a cancelled intake delivers nothing more");
    world.broker.publisher().publish(record("later")).await.unwrap();
    intake.ack(receipts(&in_hand)).await.unwrap();
    intake.ack(receipts(&prefetched)).await.unwrap();
    drop(intake);
    let mut rest = world.subscribe("transform").await;
    assert_eq!(ids(&take(&mut rest, 1).await), ["later"]);
    world.end().await;
}

#[tokio::test]
async fn no_more_than_the_prefetch_is_in_hand() {
    let world = World::new().await;
    let sent: Vec<Message> = (0..10).map(|number| record(&number.to_string())).collect();
    world.broker.publisher().publish_all(sent).await;
    let mut intake = world.broker.subscribe("transform", 3).await.unwrap();
    let in_hand = take(&mut intake, 3).await;
    assert_eq!(world.broker.depth("transform").await.unwrap().ready, 7);
    intake.ack(receipts(&in_hand)).await.unwrap();
    assert_eq!(ids(&take(&mut intake, 3).await), ["3", "4", "5"]);
    world.end().await;
}

#[tokio::test]
async fn a_take_that_is_given_up_loses_nothing() {
    let world = World::new().await;
    let mut intake = world.subscribe("transform").await;
    for _ in 0..100 {
        let given_up = tokio::time::timeout(std::time::Duration::ZERO, intake.take(10)).await;
        assert!(given_up.is_err());
    }
    world.broker.publisher().publish(record("4711")).await.unwrap();
    assert_eq!(ids(&take(&mut intake, 1).await), ["4711"]);
    world.end().await;
}

#[tokio::test]
async fn foreign_headers_and_bytes_come_through_without_harm() {
    let world = World::new().await;
    let mut headers = lapin::types::FieldTable::default();
    headers.insert("flag".into(), lapin::types::AMQPValue::Boolean(true));
    headers.insert("huge".into(), lapin::types::AMQPValue::Timestamp(u64::MAX));
    let properties = lapin::BasicProperties::default().with_headers(headers);
    world
        .stranger
        .basic_publish(
            "".into(),
            world.topology.broker_name("transform").as_str().into(),
            lapin::options::BasicPublishOptions::default(),
            b"\xff\xfe\x00",
            properties,
        )
        .await
        .unwrap();
    let mut intake = world.subscribe("transform").await;
    let delivery = take(&mut intake, 1).await.remove(0);
    assert_eq!(delivery.body.as_ref(), b"\xff\xfe\x00");
    assert_eq!(delivery.id, None);
    let shown: Vec<_> = delivery.headers.iter().collect();
    let other = |text: &str| HeaderValue::Other(text.to_owned());
    let max = u64::MAX.to_string();
    assert_eq!(shown, [("flag", &other("true")), ("huge", &other(&max))]);
    world.end().await;
}

#[tokio::test]
async fn depth_counts_what_is_ready_and_who_consumes() {
    let world = World::new().await;
    world.broker.publisher().publish_all(vec![record("a"), record("b")]).await;
    assert_eq!(world.ready("transform", 2).await, 2);
    let intake = world.subscribe("facts").await;
    assert_eq!(world.broker.depth("facts").await.unwrap().consumers, 1);
    assert!(world.broker.depth("nobody").await.is_err());
    assert_eq!(world.broker.depth("facts").await.unwrap().consumers, 1, "others are not hurt");
    drop(intake);
    world.end().await;
}

#[tokio::test]
async fn closing_answers_what_was_accepted_and_then_ends() {
    let world = World::new().await;
    let publisher = world.broker.publisher();
    let sent: Vec<Message> = (0..300).map(|number| record(&number.to_string())).collect();
    let (answers, ()) = tokio::join!(publisher.publish_all(sent), world.broker.close());
    assert_eq!(answers, vec![Ok(()); 300]);
    tokio::time::timeout(SOON, world.broker.ended()).await.unwrap();
    assert!(publisher.publish(record("late")).await.is_err());
    assert_eq!(world.ready("transform", 300).await, 300);
    world.end().await;
}
