//! Crashes between two steps of an end, and copies.

use ferry_broker::Message;
use ferry_canonical::header;
use ferry_sim::Fault;
use tokio::time::sleep;

use super::world::{World, named};
use crate::{
    bench::{ORDERS, ORDERS_DEAD, SECOND, message, order},
    warehouse,
};

/// What makes two dead letters one.
fn key(letter: &Message) -> (String, Option<i64>, Vec<u8>) {
    (letter.id.clone(), letter.headers.number(header::GENERATION), letter.body.to_vec())
}

/// The broker stores no letter before the loader is gone: the ledger's word is all there is.
#[tokio::test(start_paused = true)]
async fn a_crash_between_the_ledgers_dead_record_and_the_publish_to_the_dead_letters() {
    let mut world = World::with(&["warehouse"]);
    world.warehouse.refuse([403]);
    world.broker.script("dead", [Fault::Refuse; 3]);
    world.say(&order("WEB-1")).await;
    world.broker.until(|broker| !broker.tried("dead").is_empty()).await;
    assert_eq!((world.broker.messages(ORDERS_DEAD).len(), world.ended("dead").await), (0, 1));
    world.kill(0).await;
    world.start("warehouse");
    world.settled().await;
    let letters = world.broker.messages(ORDERS_DEAD);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].headers.text(header::FAILURE_KIND), Some("rejected"));
    assert_eq!(world.warehouse.effects(), [""; 0]);
    assert_eq!((world.http.requests().len(), world.ended("dead").await), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_a_dead_letters_confirm_and_the_ack() {
    let mut world = World::with(&["warehouse"]);
    world.warehouse.refuse([403]);
    world.broker.script("dead", [Fault::Hold]);
    world.say(&order("WEB-1")).await;
    world.broker.until(|broker| broker.messages(ORDERS_DEAD).len() == 1).await;
    world.kill(0).await;
    world.broker.release();
    world.start("warehouse");
    world.settled().await;
    let letters = world.broker.messages(ORDERS_DEAD);
    assert_eq!(letters.len(), 2);
    assert_eq!(key(&letters[0]), key(&letters[1]), "two letters, not two copies of one");
    assert_eq!(world.warehouse.effects(), [""; 0]);
    assert_eq!((world.http.requests().len(), world.ended("dead").await), (1, 1));
}

/// The retry and the delivery it came from are both there.
#[tokio::test(start_paused = true)]
async fn a_crash_between_a_retrys_confirm_and_the_ack() {
    let mut world = World::with(&["warehouse"]);
    world.warehouse.take_doubles();
    world.warehouse.refuse([503]);
    world.broker.script("delay.5s", [Fault::Hold]);
    world.say(&order("WEB-1")).await;
    world.broker.until(|broker| broker.messages("delay.5s").len() == 1).await;
    assert_eq!(world.broker.in_hand(ORDERS), 1);
    world.kill(0).await;
    world.broker.release();
    world.start("warehouse");
    world.settled().await;
    assert_eq!(world.warehouse.effects(), ["order WEB-1"]);
    assert_eq!(world.http.count(warehouse::ORDERS), 2);
    assert_eq!(world.ended("delivered").await, 1);
}

/// Its events carry the same ids again, and may meet the first ones anywhere.
#[tokio::test(start_paused = true)]
async fn the_same_record_transformed_twice() {
    let world = World::with(&["warehouse", "warehouse", "shop", "shop"]);
    world.warehouse.take_doubles();
    let of_record = [order("WEB-1"), order("WEB-2")];
    for event in of_record.iter().chain(&of_record) {
        world.say(event).await;
    }
    world.settled().await;
    // And once more, long after the first was forgotten by everything but the ledger.
    sleep(3600 * SECOND).await;
    world.broker.publish(message(&of_record[0], "bulk")).await;
    world.settled().await;
    world.broker.until(|broker| broker.messages("load.warehouse.order.bulk").is_empty()).await;
    let mut effects = world.warehouse.effects();
    effects.sort();
    assert_eq!(effects, ["order WEB-1", "order WEB-2"]);
    // A name that is set twice shows as one write.
    let named = named("catalogue", "MUG", "Red", 1);
    world.say(&named).await;
    world.say(&named).await;
    world.settled().await;
    assert_eq!(world.shop.effects(), ["MUG created: Red"]);
    assert_eq!(world.ended("delivered").await, 3);
}
