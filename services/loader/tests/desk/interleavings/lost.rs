//! Answers, loaders, leases and connections that are lost around a write.

use std::time::Duration;

use ferry_canonical::{Event, Sequence, header};
use ferry_sim::HttpFault;
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    shop::{CREATE_PRODUCT, SET_STOCK, UPDATE_PRODUCT},
    world::{World, named, stock},
};
use crate::{
    bench::{ORDERS, ORDERS_DEAD, SECOND, order},
    warehouse,
};

/// The PATCH has a deadline of 20 s and takes effect 22 s after it was sent.
#[tokio::test(start_paused = true)]
async fn a_patch_times_out_but_is_applied_after_a_newer_one_was_settled() {
    let world = World::with(&["shop", "shop"]);
    world.shop.stock("MUG");
    world.shop.be_late(SET_STOCK, 22 * SECOND);
    world.http.script(SET_STOCK, [HttpFault::Hold]);
    world.say(&stock("MUG", "LEEDS", "5", 1)).await;
    world.until_asked(SET_STOCK, 1).await;
    world.say(&stock("MUG", "LEEDS", "9", 2)).await;
    world.settled().await;
    sleep(30 * SECOND).await;
    assert_eq!(world.shop.effects(), ["MUG 5", "MUG 9"]);
    assert_eq!((world.ended("delivered").await, world.ended("superseded").await), (1, 1));
}

/// The warehouse would make the order a second time.
#[tokio::test(start_paused = true)]
async fn a_loader_is_killed_inside_a_create() {
    let mut world = World::with(&["warehouse"]);
    world.warehouse.take_doubles();
    world.http.script(warehouse::ORDERS, [HttpFault::Hold]);
    world.say(&order("WEB-1")).await;
    world.until_asked(warehouse::ORDERS, 1).await;
    world.kill(0).await;
    world.start("warehouse");
    world.settled().await;
    assert_eq!(world.warehouse.effects(), ["order WEB-1"]);
    assert_eq!(world.http.count("read order"), 1);
    assert_eq!(world.ended("delivered").await, 1);
}

/// As if what the target answers took the process down. While the dead loader's lease lasts, the
/// delivery goes round through a delay level.
#[tokio::test(start_paused = true)]
async fn every_loader_dies_inside_the_call_of_one_delivery() {
    let mut world = World::with(&["warehouse"]);
    world.http.script(warehouse::ORDERS, [HttpFault::Hold]);
    world.http.script("read order", [HttpFault::Hold; 100]);
    let fatal = Event { sequence: Sequence(2), ..order("WEB-1") };
    world.say(&fatal).await;
    for died in 0..100 {
        world.http.until(|http| http.requests().len() > died).await;
        world.kill(died).await;
        world.start("warehouse");
    }
    world.broker.until(|broker| !broker.messages(ORDERS_DEAD).is_empty()).await;
    let letters = world.broker.messages(ORDERS_DEAD);
    assert_eq!(letters[0].headers.text(header::FAILURE_KIND), Some("crashed"));
    assert_eq!((letters[0].id.clone(), letters.len()), (fatal.id.to_string(), 1));
    // What is older does not wait for it.
    world.say(&Event { id: Uuid::from_u128(1), sequence: Sequence(1), ..order("WEB-1") }).await;
    world.settled().await;
    assert_eq!((world.ended("dead").await, world.ended("superseded").await), (1, 1));
    // What the first of them had written.
    assert_eq!(world.warehouse.effects(), ["order WEB-1"]);
    assert_eq!(world.http.requests().len(), 100);
}

/// Its requests take 15 s each; the last of them begins when its first lease would be long over, and
/// takes effect when the last one is. The answer to it is never read.
#[tokio::test(start_paused = true)]
async fn a_loader_is_killed_late_in_a_call_of_several_requests() {
    let mut world = World::with(&[]);
    world.settle_after = 60 * SECOND;
    world.start("shop");
    world.shop.stock("MUG");
    world.wire.be_slow(15 * SECOND);
    world.shop.be_late(SET_STOCK, 44 * SECOND);
    world.http.script(SET_STOCK, [HttpFault::Hold]);
    world.say(&stock("MUG", "LEEDS", "5", 1)).await;
    world.until_asked(SET_STOCK, 1).await;
    world.wire.be_slow(Duration::ZERO);
    world.kill(0).await;
    world.say(&stock("MUG", "LEEDS", "9", 2)).await;
    world.start("shop");
    world.settled().await;
    sleep(60 * SECOND).await;
    assert_eq!(world.shop.effects(), ["MUG 5", "MUG 9"]);
}

#[tokio::test(start_paused = true)]
async fn the_broker_connection_is_cut_during_a_post_and_the_same_loader_gets_the_delivery_again() {
    let world = World::with(&["warehouse"]);
    world.warehouse.take_doubles();
    world.http.script(warehouse::ORDERS, [HttpFault::Hold]);
    world.say(&order("WEB-1")).await;
    world.until_asked(warehouse::ORDERS, 1).await;
    world.broker.sever(ORDERS);
    world.broker.until(|broker| broker.in_hand(ORDERS) == 1).await;
    sleep(SECOND).await;
    world.http.release();
    world.settled().await;
    assert_eq!(world.warehouse.effects(), ["order WEB-1"]);
    assert_eq!(world.http.requests().len(), 1);
    assert_eq!(world.ended("delivered").await, 1);
}

/// It settles what it did while the newer state is on its way. What the ledger holds decides whether
/// the state after that is written.
#[tokio::test(start_paused = true)]
async fn a_zombie_settles_after_its_lease_was_taken() {
    let mut world = World::with(&[]);
    world.start_taking("shop", 1);
    world.loaders[0].ledger.freeze(true);
    world.say(&named("catalogue", "MUG", "Red", 1)).await;
    world.http.until(|http| http.count(CREATE_PRODUCT) == 1).await;
    world.start("shop");
    world.say(&named("catalogue", "MUG", "Blue", 2)).await;
    world.http.script(UPDATE_PRODUCT, [HttpFault::Hold]);
    world.until_asked(UPDATE_PRODUCT, 1).await;
    world.loaders[0].ledger.freeze(false);
    sleep(SECOND).await;
    world.http.release();
    world.settled().await;
    world.say(&named("catalogue", "MUG", "Red", 3)).await;
    world.settled().await;
    assert_eq!(world.shop.effects(), ["MUG created: Red", "MUG: Blue", "MUG: Red"]);
    assert_eq!((world.ended("delivered").await, world.ended("superseded").await), (2, 1));
}

/// The first loader has found that the product is not there, and loses the store; its lease ends
/// before its POST could. Every request takes 19 s, an entity is claimed for 40 s.
#[tokio::test(start_paused = true)]
async fn a_loader_that_cannot_renew_its_lease_does_not_create_what_another_creates() {
    let mut world = World::with(&[]);
    world.start_taking("shop", 1);
    world.wire.be_slow(19 * SECOND);
    world.loaders[0].ledger.freeze(true);
    world.say(&named("catalogue", "MUG", "Red", 1)).await;
    world.broker.until(|broker| broker.in_hand("load.shop.product") == 1).await;
    sleep(39 * SECOND).await;
    world.start("shop");
    world.wire.be_slow(Duration::ZERO);
    world.say(&named("catalogue", "MUG", "Blue", 2)).await;
    sleep(60 * SECOND).await;
    world.loaders[0].ledger.freeze(false);
    world.settled().await;
    assert_eq!(world.shop.effects(), ["MUG created: Blue"]);
    assert_eq!((world.ended("delivered").await, world.ended("superseded").await), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_applied_then_the_answer_to_b_lost_but_applied_then_a_again() {
    let world = World::with(&["shop", "shop"]);
    world.say(&named("catalogue", "MUG", "A", 1)).await;
    world.settled().await;
    world.http.script(UPDATE_PRODUCT, [HttpFault::ApplyThenDrop]);
    world.say(&named("catalogue", "MUG", "B", 2)).await;
    world.until_asked(UPDATE_PRODUCT, 1).await;
    world.say(&named("catalogue", "MUG", "A", 3)).await;
    world.settled().await;
    assert_eq!(world.shop.effects(), ["MUG created: A", "MUG: B", "MUG: A"]);
}

/// What was refused is not at the target: when a user of the shop enters the same, it is news.
#[tokio::test(start_paused = true)]
async fn a_503_after_the_intent_was_committed_then_the_target_is_polled() {
    let world = World::with(&["shop", "warehouse"]);
    world.say(&named("warehouse", "MUG", "Red", 1)).await;
    world.settled().await;
    world.shop.refuse("read product", 503);
    world.say(&named("warehouse", "MUG", "Blue", 2)).await;
    world.broker.until(|broker| !broker.messages("delay.5s").is_empty()).await;
    world.shop.rename_by_hand("MUG", "Blue");
    world.say(&named("shop", "MUG", "Blue", 50)).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.warehouse.effects(), ["product MUG: Blue"]);
    world.settled().await;
    assert_eq!(world.shop.effects(), ["MUG created: Red", "by hand MUG: Blue"]);
}
