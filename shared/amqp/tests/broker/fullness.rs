//! What one queue does to the others: nothing.

use std::time::Duration;

use bytes::Bytes;
use ferry_amqp::AmqpIntake;
use ferry_broker::{Broker, Intake, Message, Publisher};
use ferry_topology::{Inputs, LoadBinding, Topology, name};
use tokio::time::Instant;

use crate::world::{World, ids, message, receipts, take, url};

const BACKLOG: usize = 200_000;

/// Published at once while the backlog grows.
const BATCH: usize = 5_000;

/// Of each measured kind.
const SAMPLE: usize = 2_000;

const LEVELS: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(300), Duration::from_secs(1)];

fn two_targets() -> Topology {
    let to = |target: &str| LoadBinding {
        target: target.to_owned(),
        entity: "order".to_owned(),
        facet: "placed".to_owned(),
        source: "erp".to_owned(),
    };
    Topology::new(&Inputs {
        prefix: format!("ferry-test-{}", uuid::Uuid::new_v4().simple()),
        levels: LEVELS.to_vec(),
        bindings: vec![to("ill"), to("well")],
        lanes: vec![name::LIVE.to_owned()],
    })
}

fn many(exchange: &str, key: &str, count: usize) -> Vec<Message> {
    let body = Bytes::from(vec![b'x'; 1_024]);
    let one = |number: usize| Message {
        body: body.clone(),
        ..message(exchange, key, &number.to_string())
    };
    (0..count).map(one).collect()
}

/// How long each of these took.
#[derive(Debug)]
struct Pace {
    fan_out: Duration,
    other_target: Duration,
    levels: [Duration; 3],
}

async fn pace(world: &World) -> Pace {
    let publisher = world.broker.publisher();
    let mut well = world.subscribe("load.well.order").await;
    let began = Instant::now();
    let events = many(name::EVENTS, "order.placed.erp.live", SAMPLE);
    assert_eq!(publisher.publish_all(events).await, vec![Ok(()); SAMPLE]);
    let fan_out = began.elapsed();
    let began = Instant::now();
    drain(&mut well, SAMPLE).await;
    let other_target = began.elapsed();
    let mut levels = [Duration::ZERO; 3];
    for (level, took) in LEVELS.into_iter().zip(&mut levels) {
        let began = Instant::now();
        let delay = ferry_topology::delay_exchange(level);
        let delayed = many(&delay, "load.well.order", SAMPLE);
        assert_eq!(publisher.publish_all(delayed).await, vec![Ok(()); SAMPLE]);
        drain(&mut well, SAMPLE).await;
        *took = began.elapsed();
    }
    Pace { fan_out, other_target, levels }
}

async fn drain(intake: &mut AmqpIntake, count: usize) {
    let mut left = count;
    while left > 0 {
        let taken = take(intake, 1).await;
        left -= taken.len();
        intake.ack(receipts(&taken)).await.unwrap();
    }
}

/// The better of two: what else runs on this machine slows both.
async fn best_pace(world: &World) -> Pace {
    let (one, two) = (pace(world).await, pace(world).await);
    let mut levels = one.levels;
    for (best, second) in levels.iter_mut().zip(two.levels) {
        *best = second.min(*best);
    }
    Pace {
        fan_out: one.fan_out.min(two.fan_out),
        other_target: one.other_target.min(two.other_target),
        levels,
    }
}

/// Compared within one run; the slack is for what a shared machine does meanwhile.
fn keeps_pace(quiet: Duration, loaded: Duration) -> bool {
    loaded <= quiet * 2 + Duration::from_millis(500)
}

#[tokio::test]
async fn two_hundred_thousand_messages_of_one_target_slow_nobody_else() {
    let world = World::with(two_targets(), &url()).await;
    let quiet = best_pace(&world).await;
    let publisher = world.broker.publisher();
    for _ in 0..BACKLOG / BATCH {
        // Straight into the one queue, as a retry comes back to it.
        let batch = many(name::REQUEUE, "load.ill.order", BATCH);
        assert_eq!(publisher.publish_all(batch).await, vec![Ok(()); BATCH]);
    }
    let backlog = world.broker.depth("load.ill.order").await.unwrap().ready;
    assert!(usize::try_from(backlog).unwrap() >= BACKLOG, "{backlog}");
    let loaded = best_pace(&world).await;
    let pairs = [(quiet.fan_out, loaded.fan_out), (quiet.other_target, loaded.other_target)];
    let levels = quiet.levels.into_iter().zip(loaded.levels);
    for (quiet_one, loaded_one) in pairs.into_iter().chain(levels) {
        assert!(keeps_pace(quiet_one, loaded_one), "quiet {quiet:?}, loaded {loaded:?}");
    }
    world.end().await;
}

/// More than the broker has places for what it could not dead-letter (RabbitMQ reference §1.2).
#[tokio::test]
async fn what_comes_back_to_no_queue_pins_no_delay_level() {
    const LOST: usize = 100;
    let world = World::new().await;
    let publisher = world.broker.publisher();
    let lost = (0..LOST).map(|n| message("delay.100ms", "load.nobody.order", &n.to_string()));
    assert_eq!(publisher.publish_all(lost.collect()).await, vec![Ok(()); LOST]);
    publisher.publish(message("delay.100ms", "load.shop.order", "good")).await.unwrap();
    let mut intake = world.subscribe("load.shop.order").await;
    assert_eq!(ids(&take(&mut intake, 1).await), ["good"]);
    let expected = u32::try_from(LOST).unwrap();
    assert_eq!(world.ready(name::UNROUTED, expected).await, expected);
    assert_eq!(world.broker.depth("delay.100ms").await.unwrap().ready, 0);
    drop(intake);
    world.end().await;
}
