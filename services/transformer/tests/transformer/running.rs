//! Between the queues.

use std::time::Duration;

use ferry_broker::{Broker as _, Intake as _};
use ferry_sim::{Fault, SimBroker};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::bench::{RECORD, ROWS, record, topology, transformer};

const QUEUE: &str = "transform";
const EVENTS: &str = "load.shop.product";
const SECOND: Duration = Duration::from_secs(1);

struct Running {
    broker: SimBroker,
    draining: CancellationToken,
    tasks: JoinSet<()>,
}

fn start() -> Running {
    ferry_sim::start_clock();
    start_on(SimBroker::new(topology()))
}

fn start_on(broker: SimBroker) -> Running {
    let draining = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let (queue, token) = (QUEUE.to_owned(), draining.clone());
    tasks.spawn(ferry_transformer::run(transformer(), broker.clone(), queue, token));
    Running { broker, draining, tasks }
}

fn ids(broker: &SimBroker, queue: &str) -> Vec<String> {
    broker.messages(queue).into_iter().map(|message| message.id).collect()
}

#[tokio::test(start_paused = true)]
async fn a_record_is_acknowledged_only_after_everything_of_it_is_confirmed() {
    let running = start();
    let broker = &running.broker;
    // Of two events the first is refused once; its repeat is stored, the confirm takes its time.
    broker.script("events", [Fault::Refuse, Fault::Pass, Fault::Hold]);
    broker.publish(record(RECORD, ROWS, "live")).await;
    broker.until(|broker| broker.tried("events").len() == 3).await;
    sleep(SECOND).await;
    assert_eq!(broker.in_hand(QUEUE), 1, "it was acknowledged before the confirm");
    broker.release();
    broker.until(|broker| broker.messages(QUEUE).is_empty()).await;
    let stored = ids(broker, EVENTS);
    assert_eq!(stored.len(), 2);
    assert_ne!(stored[0], stored[1]);
    assert_eq!((ids(broker, "transform.dead").len(), ids(broker, "facts").len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_subscription_repeats_the_record_and_its_events_keep_their_ids() {
    let running = start();
    let broker = &running.broker;
    broker.script("events", [Fault::Hold]);
    broker.publish(record(RECORD, "sku,name\nMUG,Red\n", "live")).await;
    broker.until(|broker| broker.messages(EVENTS).len() == 1).await;
    broker.sever(QUEUE);
    broker.release();
    broker.until(|broker| broker.messages(QUEUE).is_empty()).await;
    let stored = ids(broker, EVENTS);
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[0], stored[1]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_may_take_the_process_down_is_transformed_alone_and_last() {
    ferry_sim::start_clock();
    let broker = SimBroker::new(topology());
    broker.publish(record(RECORD, "sku,name\nPOISON,Red\n", "live")).await;
    for _ in 0..ferry_transformer::limits::SUSPECT_DELIVERIES {
        broker.subscribe(QUEUE, 1).await.unwrap().take(1).await.unwrap();
    }
    let other = Uuid::from_u128(1).to_string();
    broker.publish(record(&other, "sku,name\nMUG,Red\n", "live")).await;
    broker.script("events", [Fault::Hold]);
    let running = start_on(broker);
    let broker = &running.broker;
    broker.until(|broker| !broker.messages(EVENTS).is_empty()).await;
    sleep(SECOND).await;
    assert_eq!(broker.messages(EVENTS).len(), 1, "two records shared one fate");
    assert_eq!(ids(broker, QUEUE).len(), 2);
    broker.release();
    broker.until(|broker| broker.messages(QUEUE).is_empty()).await;
    let skus = broker
        .messages(EVENTS)
        .into_iter()
        .map(|message| ferry_canonical::Event::decode(&message.body).unwrap().subject.id);
    assert_eq!(skus.collect::<Vec<_>>(), ["MUG", "POISON"]);
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_during_a_publish_loses_no_record() {
    let running = start();
    let broker = &running.broker;
    broker.script("events", [Fault::Sever]);
    broker.publish(record(RECORD, "sku,name\nMUG,Red\n", "live")).await;
    broker.until(|broker| broker.messages(QUEUE).is_empty()).await;
    let mut stored = ids(broker, EVENTS);
    stored.dedup();
    assert_eq!(stored.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_refuses_for_minutes_holds_the_record_and_loses_nothing() {
    let running = start();
    let broker = &running.broker;
    broker.script("events", [Fault::Refuse; 50]);
    broker.publish(record(RECORD, "sku,name\nMUG,Red\n", "live")).await;
    sleep(120 * SECOND).await;
    assert_eq!((broker.in_hand(QUEUE), ids(broker, EVENTS).len()), (1, 0));
    broker.until(|broker| broker.messages(QUEUE).is_empty()).await;
    assert_eq!(ids(broker, EVENTS).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_is_finished_at_the_end_and_the_rest_goes_back_uncounted() {
    let Running { broker, draining, mut tasks } = start();
    broker.script("events", [Fault::Hold]);
    let more = usize::from(ferry_transformer::limits::PREFETCH) + 4;
    for number in 0..more {
        let id = Uuid::from_u128(u128::try_from(number).unwrap()).to_string();
        broker.publish(record(&id, "sku,name\nMUG,Red\n", "live")).await;
    }
    broker.until(|broker| !broker.messages(EVENTS).is_empty()).await;
    let in_hand = broker.in_hand(QUEUE);
    assert!(in_hand < more);
    draining.cancel();
    broker.release();
    tasks.join_next().await.unwrap().unwrap();
    let left = broker.messages(QUEUE);
    assert_eq!(broker.messages(EVENTS).len() + left.len(), more);
    assert!(!left.is_empty());
    assert_eq!(broker.in_hand(QUEUE), 0);
    assert!(left.iter().all(|message| message.headers.number("x-delivery-count").is_none()));
    assert!(left.iter().any(|message| message.exchange == "requeue"));
}
