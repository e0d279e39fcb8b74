//! Facets and parts of one entity that arrive together or out of order.

use ferry_sim::HttpFault;
use tokio::time::sleep;

use super::{
    shop::{ADD_TRACKING, CANCEL},
    world::{World, cancellation, shipment, stock},
};
use crate::{
    bench::{SECOND, order},
    warehouse,
};

/// `placed` is on its way to the warehouse while the warehouse speaks of a shipment and of a
/// cancellation, both on one clock: no facet holds another system up, and none supersedes another.
#[tokio::test(start_paused = true)]
async fn placed_and_shipment_of_one_order_at_once() {
    let world = World::with(&["warehouse", "warehouse", "shop", "shop"]);
    world.shop.place("WEB-1");
    world.http.script(warehouse::ORDERS, [HttpFault::Hold]);
    world.http.script(ADD_TRACKING, [HttpFault::Hold]);
    world.say(&order("WEB-1")).await;
    world.until_asked(warehouse::ORDERS, 1).await;
    world.say(&shipment("WEB-1", "S1", 7)).await;
    world.until_asked(ADD_TRACKING, 1).await;
    world.say(&cancellation("WEB-1", 8)).await;
    sleep(3 * SECOND).await;
    assert_eq!(world.http.count(CANCEL), 0, "two wrote one order at one time");
    world.http.release();
    world.settled().await;
    assert_eq!(world.warehouse.effects(), ["order WEB-1"]);
    assert_eq!(world.shop.effects(), ["WEB-1 tracking T-S1", "WEB-1 cancelled"]);
    assert_eq!(world.ended("delivered").await, 3);
}

#[tokio::test(start_paused = true)]
async fn shipment_s1_arrives_after_s2() {
    let world = World::with(&["shop", "shop"]);
    world.shop.place("WEB-1");
    world.say(&shipment("WEB-1", "S2", 8)).await;
    world.settled().await;
    world.say(&shipment("WEB-1", "S1", 7)).await;
    world.settled().await;
    assert_eq!(world.shop.effects(), ["WEB-1 tracking T-S2", "WEB-1 tracking T-S1"]);
    assert_eq!(world.ended("delivered").await, 2);
}

/// The shop's level is the sum of both, whichever comes first.
#[tokio::test(start_paused = true)]
async fn stock_of_two_sites_on_one_message_clock() {
    let world = World::with(&["shop", "shop"]);
    world.shop.stock("MUG");
    for change in [
        stock("MUG", "LEEDS", "5", 10),
        stock("MUG", "DOVER", "3", 9),
        stock("MUG", "LEEDS", "4", 12),
        stock("MUG", "DOVER", "1", 8),
    ] {
        world.say(&change).await;
        world.settled().await;
    }
    assert_eq!(world.shop.effects(), ["MUG 5", "MUG 8", "MUG 7"]);
    assert_eq!((world.ended("delivered").await, world.ended("superseded").await), (3, 1));
}
