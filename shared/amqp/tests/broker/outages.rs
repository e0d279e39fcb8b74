//! The broker away, the wire cut, the queue gone.

use std::time::Duration;

use ferry_amqp::AmqpBroker;
use ferry_broker::{Broker, Intake, IntakeError, Publisher};
use tokio::time::timeout;

use crate::world::{SOON, Wire, World, ids, options, receipts, record, take, topology, url};

const PATIENCE: Duration = SOON;

#[tokio::test]
async fn a_deleted_queue_loses_the_intake_and_the_next_subscription_works_again() {
    let world = World::new().await;
    let mut intake = world.subscribe("transform").await;
    let mut bystander = world.subscribe("facts").await;
    world.delete_queue("transform").await;
    let lost = timeout(SOON, intake.take(1)).await.unwrap().unwrap_err();
    assert!(matches!(lost, IntakeError::Lost(_)));
    assert_eq!(intake.take(1).await.unwrap_err(), lost, "once lost, always lost");
    let mut again = world.subscribe("transform").await;
    world.broker.publisher().publish(record("4711")).await.unwrap();
    assert_eq!(ids(&take(&mut again, 1).await), ["4711"]);
    let fact = crate::message("facts", "transformer.skipped", "a fact");
    world.broker.publisher().publish(fact).await.unwrap();
    assert_eq!(ids(&take(&mut bystander, 1).await), ["a fact"], "the neighbour goes on");
    world.end().await;
}

#[tokio::test]
async fn a_cut_wire_loses_the_intake_makes_its_receipts_stale_and_delivers_again() {
    let wire = Wire::new(true).await;
    let world = World::with(topology(), &wire.url).await;
    world.broker.publisher().publish(record("4711")).await.unwrap();
    let mut intake = world.subscribe("transform").await;
    let in_hand = take(&mut intake, 1).await;
    wire.cut();
    assert!(timeout(SOON, intake.take(1)).await.unwrap().is_err());
    assert!(!world.broker.health().consuming);
    assert_eq!(intake.ack(receipts(&in_hand)).await.unwrap_err().count, 1);
    wire.mend();
    let mut again = world.subscribe("transform").await;
    let redelivered = take(&mut again, 1).await;
    assert_eq!(ids(&redelivered), ["4711"]);
    assert!(world.broker.health().consuming);
    again.ack(receipts(&redelivered)).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_publisher_whose_wire_was_cut_repeats_until_all_is_stored() {
    let wire = Wire::new(true).await;
    let world = World::with(topology(), &wire.url).await;
    let publisher = world.broker.publisher();
    wire.cut();
    let sent = (0..50).map(|number| record(&number.to_string())).collect();
    let failed = publisher.publish(record("at once")).await;
    assert!(failed.is_err(), "without a broker a publish fails at once");
    let (stored, ()) = tokio::join!(publisher.publish_until_confirmed(sent, PATIENCE), async {
        tokio::task::yield_now().await;
        wire.mend();
    });
    stored.unwrap();
    assert!(world.ready("transform", 50).await >= 50);
    assert!(world.broker.health().publishing);
    world.end().await;
}

/// Every second publish loses its wire at some point; what was answered `Ok` must be there.
#[tokio::test]
async fn whatever_was_confirmed_across_cuts_is_stored() {
    let wire = Wire::new(true).await;
    let world = World::with(topology(), &wire.url).await;
    let publisher = world.broker.publisher();
    let mut confirmed = Vec::new();
    for round in 0..5 {
        let sent: Vec<_> = (0..400).map(|n| record(&format!("{round}-{n}"))).collect();
        let expected: Vec<String> = sent.iter().map(|message| message.id.clone()).collect();
        let (answers, ()) = tokio::join!(publisher.publish_all(sent), async {
            for _ in 0..round * 40 {
                tokio::task::yield_now().await;
            }
            wire.cut();
        });
        let pairs = expected.into_iter().zip(&answers);
        confirmed.extend(pairs.filter(|(_, answer)| answer.is_ok()).map(|(id, _)| id));
        wire.mend();
        timeout(SOON, world.broker.ready()).await.unwrap();
    }
    let marker = record("marker");
    publisher.publish_until_confirmed(vec![marker], PATIENCE).await.unwrap();
    let mut intake = world.subscribe("transform").await;
    let mut stored = Vec::new();
    while !stored.contains(&"marker".to_owned()) {
        let deliveries = take(&mut intake, 1).await;
        stored.extend(ids(&deliveries).into_iter().map(str::to_owned));
        intake.ack(receipts(&deliveries)).await.unwrap();
    }
    let missing: Vec<_> = confirmed.iter().filter(|id| !stored.contains(id)).collect();
    assert!(missing.is_empty(), "confirmed but not stored: {missing:?}");
    drop(intake);
    world.end().await;
}

#[tokio::test]
async fn a_broker_that_is_down_at_the_start_is_waited_for() {
    let wire = Wire::new(false).await;
    let topology = topology();
    let broker = AmqpBroker::start(options(&topology, &wire.url)).unwrap();
    assert!(broker.publisher().publish(record("early")).await.is_err());
    let health = broker.health();
    assert!(!health.publishing && !health.blocked);
    let (intake, ()) = tokio::join!(broker.subscribe("transform", 10), async {
        tokio::task::yield_now().await;
        wire.mend();
    });
    timeout(SOON, broker.ready()).await.unwrap();
    let world = World::with(topology, &url()).await;
    world.broker.publisher().publish(record("4711")).await.unwrap();
    assert_eq!(ids(&take(&mut intake.unwrap(), 1).await), ["4711"]);
    broker.close().await;
    world.end().await;
}

#[tokio::test]
async fn a_confirm_that_is_lost_is_not_an_ok_and_the_repeat_stores_the_same_id() {
    let wire = Wire::new(true).await;
    let world = World::with(topology(), &wire.url).await;
    let publisher = world.broker.publisher();
    wire.mute();
    let (answer, ()) = tokio::join!(publisher.publish(record("4711")), async {
        let direct = World::with(world.topology.clone(), &url()).await;
        assert_eq!(direct.ready("transform", 1).await, 1, "the broker has stored it");
        direct.broker.close().await;
        wire.cut();
    });
    assert!(answer.is_err(), "stored, but nobody could know");
    wire.mend();
    publisher.publish_until_confirmed(vec![record("4711")], PATIENCE).await.unwrap();
    let mut intake = world.subscribe("transform").await;
    assert_eq!(ids(&take(&mut intake, 2).await), ["4711", "4711"]);
    drop(intake);
    world.end().await;
}
