//! The topology as the broker has it.

use ferry_amqp::AmqpBroker;
use ferry_broker::{Broker, PublishError, Publisher};
use ferry_topology::{Argument, QueueRole};
use lapin::{
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};
use tokio::time::timeout;

use crate::world::{SOON, World, message, options, record, stranger, topology, url};

/// The broker compares every argument with those it has and refuses others, so that accepting ours
/// and refusing them with any one changed proves each.
#[tokio::test]
async fn every_queue_has_exactly_the_arguments_of_the_topology() {
    let world = World::new().await;
    for queue in &world.topology.queues {
        let all: Vec<_> = queue.arguments.iter().collect();
        assert!(declares(&queue.name, &all).await, "{} was not declared as said", queue.name);
        for left_out in 0..all.len() {
            let mut fewer = all.clone();
            let (argument, _) = fewer.remove(left_out);
            assert!(!declares(&queue.name, &fewer).await, "{} lacks {argument}", queue.name);
        }
        let millis = Argument::Number(1_000);
        let mut more = all.clone();
        let limit = "x-max-length".to_owned();
        more.push((&limit, &millis));
        assert!(!declares(&queue.name, &more).await, "{} has a length limit", queue.name);
    }
    world.end().await;
}

async fn declares(name: &str, arguments: &[(&String, &Argument)]) -> bool {
    let (connection, channel) = stranger().await;
    let mut table = FieldTable::default();
    for (name, argument) in arguments {
        let value = match argument {
            Argument::Text(text) => AMQPValue::LongString(text.as_str().into()),
            Argument::Number(number) => AMQPValue::LongLongInt(*number),
        };
        table.insert(name.as_str().into(), value);
    }
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let declared = channel.queue_declare(name.into(), options, table).await.is_ok();
    connection.close(200, "done".into()).await.unwrap();
    declared
}

#[tokio::test]
async fn what_a_full_queue_rejects_is_refused_and_the_rest_stored() {
    let mut topology = topology();
    let delay = topology.queues.iter_mut().find(|queue| queue.role == QueueRole::Delay).unwrap();
    delay.arguments.insert("x-max-length".to_owned(), Argument::Number(3));
    delay.arguments.insert("x-message-ttl".to_owned(), Argument::Number(3_600_000));
    let world = World::with(topology, &url()).await;
    let mut answers = Vec::new();
    for number in 0..40 {
        let sent = message("delay.100ms", "transform", &number.to_string());
        answers.push(world.broker.publisher().publish(sent).await);
    }
    assert!(answers.contains(&Ok(())), "nothing was stored");
    assert!(answers.contains(&Err(PublishError::Refused)), "nothing was refused");
    world.broker.publisher().publish(record("healthy")).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_topology_that_is_only_asserted_is_waited_for() {
    let topology = topology();
    let asserting = ferry_amqp::Options { declare: false, ..options(&topology, &url()) };
    let asserted = AmqpBroker::start(asserting).unwrap();
    assert!(asserted.publisher().publish(record("early")).await.is_err());
    assert!(!asserted.health().publishing);
    let world = World::with(topology, &url()).await;
    timeout(SOON, asserted.ready()).await.unwrap();
    asserted.publisher().publish(record("4711")).await.unwrap();
    asserted.close().await;
    world.end().await;
}

#[tokio::test]
async fn a_message_for_a_foreign_exchange_is_not_sent_and_hurts_nobody() {
    let world = World::new().await;
    let sent = vec![record("a"), message("amq.topic", "x", "b"), record("c")];
    let answers = world.broker.publisher().publish_all(sent).await;
    assert!(matches!(answers[1], Err(PublishError::Unsendable(_))), "{answers:?}");
    assert_eq!((&answers[0], &answers[2]), (&Ok(()), &Ok(())));
    world.end().await;
}
