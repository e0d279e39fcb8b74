//! Orders that change after their import: the warehouse cancels them for us, and says so.

use std::time::Duration;

use ferry_canonical::{Event, Facet, Part, header};
use ferry_sim::HttpFault;
use serde_json::json;
use tokio::time::sleep;

use super::world::{World, cancellation};
use crate::{
    bench::{ORDERS_DEAD, SECOND, event},
    warehouse::{CANCEL, ORDERS, RETURNS},
};

const AMENDED: [&str; 3] = ["order WEB-1", "cancelled WEB-1", "order WEB-1"];

/// The order asks for so many mugs, as the shop says at `sequence`.
fn order(quantity: &str, sequence: u128) -> Event {
    let line = json!({"number": 1, "sku": "MUG", "quantity": quantity, "unit_price": "5",
        "total": "5"});
    let placed = json!({"identifier": "WEB-1", "placed_at": "2026-01-01T00:00:00Z",
        "currency": "GBP", "customer": {"name": "Ada"}, "lines": [line],
        "shipping_address": {"street": "1 High St", "city": "Leeds", "country": "GB"},
        "totals": {"subtotal": "5", "total": "5"}});
    let part = Part::from_json(Facet::Placed, placed.to_string().as_bytes()).unwrap();
    event("shop", part, sequence)
}

/// One mug was ordered, and has been in the warehouse for a while.
async fn imported() -> World {
    let world = World::with(&["warehouse", "shop"]);
    world.shop.place("WEB-1");
    world.say(&order("1", 1)).await;
    world.settled().await;
    sleep(600 * SECOND).await;
    world
}

/// The warehouse has cancelled once, and holds two mugs; the shop hears of nothing until somebody
/// else cancels.
async fn amended_once(world: &World) {
    assert_eq!(world.warehouse.effects(), AMENDED);
    assert_eq!(world.warehouse.quantity("WEB-1").as_deref(), Some("2"));
    assert_eq!((world.shop.effects(), world.ended("echo").await), (Vec::<String>::new(), 1));
    world.say(&cancellation("WEB-1", 51)).await;
    world.settled().await;
    assert_eq!(world.shop.effects(), ["WEB-1 cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn our_own_cancel_and_re_import_comes_back_as_a_cancellation() {
    let world = imported().await;
    world.say(&order("2", 2)).await;
    world.settled().await;
    world.say(&cancellation("WEB-1", 50)).await;
    world.settled().await;
    amended_once(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_notice_of_our_own_cancellation_is_faster_than_our_settlement() {
    let world = imported().await;
    world.http.script(ORDERS, [HttpFault::Hold]);
    world.say(&order("2", 2)).await;
    world.until_asked(ORDERS, 2).await;
    world.say(&cancellation("WEB-1", 50)).await;
    sleep(3 * SECOND).await;
    assert_eq!((world.ended("echo").await, world.shop.effects().len()), (0, 0));
    world.http.release();
    world.settled().await;
    amended_once(&world).await;
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_re_import_is_lost() {
    let world = imported().await;
    world.http.script(ORDERS, [HttpFault::ApplyThenDrop]);
    world.say(&order("2", 2)).await;
    world.until_asked(ORDERS, 2).await;
    world.say(&cancellation("WEB-1", 50)).await;
    world.settled().await;
    assert_eq!(world.http.count(CANCEL), 1);
    amended_once(&world).await;
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_our_own_cancellation_is_lost() {
    for fault in [HttpFault::ApplyThenDrop, HttpFault::Stall] {
        let world = imported().await;
        world.http.script(CANCEL, [fault]);
        world.say(&order("2", 2)).await;
        world.settled().await;
        world.say(&cancellation("WEB-1", 50)).await;
        world.settled().await;
        amended_once(&world).await;
    }
}

/// The first one was not taken, and nobody knows; the second one finds no connection.
#[tokio::test(start_paused = true)]
async fn a_cancellation_without_an_answer_is_followed_by_one_that_is_not_sent() {
    let world = imported().await;
    world.http.script(CANCEL, [HttpFault::Stall, HttpFault::Refuse]);
    world.say(&order("2", 2)).await;
    world.settled().await;
    assert_eq!(world.http.count(CANCEL), 3);
    world.say(&cancellation("WEB-1", 50)).await;
    world.settled().await;
    amended_once(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_loader_is_killed_between_cancelling_and_importing_again() {
    let mut world = imported().await;
    world.http.script(CANCEL, [HttpFault::Hold]);
    world.say(&order("2", 2)).await;
    world.until_asked(CANCEL, 1).await;
    world.kill(0).await;
    world.start("warehouse");
    world.say(&cancellation("WEB-1", 50)).await;
    world.settled().await;
    assert_eq!(world.http.count(CANCEL), 1);
    amended_once(&world).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_tells_of_our_own_cancellation_and_a_person_cancels_two_days_later() {
    let world = imported().await;
    world.say(&order("2", 2)).await;
    world.settled().await;
    sleep(Duration::from_hours(48)).await;
    world.say(&cancellation("WEB-1", 50)).await;
    world.settled().await;
    assert_eq!(world.warehouse.effects(), AMENDED);
    assert_eq!(world.shop.effects(), ["WEB-1 cancelled"]);
}

/// The letter says that the order is gone. Setting the order back is no state that the warehouse
/// holds already.
#[tokio::test(start_paused = true)]
async fn a_cancelled_order_is_refused_when_it_is_imported_again_and_then_set_back() {
    let world = imported().await;
    world.warehouse.refuses_orders_of("2");
    world.say(&order("2", 2)).await;
    world.settled().await;
    let dead = world.broker.messages(ORDERS_DEAD);
    let told = dead[0].headers.text(header::DETAIL).unwrap();
    assert!(
        told.starts_with("the order is cancelled at OrderFlow and not imported again"),
        "{told}"
    );
    assert_eq!(world.warehouse.quantity("WEB-1"), None);
    world.say(&order("1", 3)).await;
    world.settled().await;
    assert_eq!(world.warehouse.effects(), AMENDED);
    assert_eq!(world.warehouse.quantity("WEB-1").as_deref(), Some("1"));
    world.say(&cancellation("WEB-1", 50)).await;
    world.settled().await;
    assert_eq!((world.shop.effects().len(), world.ended("echo").await), (0, 1));
}

/// The shop says that a mug comes back.
fn returned() -> Event {
    let returned = json!({"order": "WEB-1", "reference": "R-33",
        "lines": [{"sku": "MUG", "quantity": "1"}]});
    let part = Part::from_json(Facet::Return, returned.to_string().as_bytes()).unwrap();
    event("shop", part, 1)
}

/// The order is in the warehouse, and nobody knows whether its return is: the answer was lost, and
/// nobody can look.
async fn with_a_lost_return() -> World {
    let world = imported().await;
    world.http.script(RETURNS, [HttpFault::Stall]);
    world.say(&returned()).await;
    world.settled().await;
    let dead = world.broker.messages(ORDERS_DEAD);
    assert_eq!(dead[0].headers.text(header::FAILURE_KIND), Some("ambiguous"));
    assert_eq!(world.http.count(RETURNS), 1);
    world
}

/// Somebody has looked, and sends a dead letter again.
async fn send_again(world: &World, place: usize) {
    let mut letter = world.broker.messages(ORDERS_DEAD).remove(place);
    "requeue".clone_into(&mut letter.exchange);
    letter.headers.insert_number(header::GENERATION, 1);
    world.broker.publish(letter).await;
    world.settled().await;
}

/// What is not known of a return is no reason to bring back an order that somebody took away.
#[tokio::test(start_paused = true)]
async fn a_lost_return_brings_no_order_back_that_was_cancelled_by_hand() {
    let world = with_a_lost_return().await;
    world.warehouse.lose_to_somebody("WEB-1");
    world.say(&order("2", 2)).await;
    world.settled().await;
    assert_eq!(world.warehouse.effects(), ["order WEB-1"]);
    let dead = world.broker.messages(ORDERS_DEAD);
    let told = dead[1].headers.text(header::DETAIL).unwrap();
    assert!(told.contains("it is not imported again"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_return_goes_to_the_warehouse_when_somebody_sends_it_again() {
    let world = with_a_lost_return().await;
    send_again(&world, 0).await;
    assert_eq!(world.warehouse.effects(), ["order WEB-1", "return R-33"]);
}

/// Of the order nothing is known but that it may have been imported once.
#[tokio::test(start_paused = true)]
async fn an_order_that_never_came_is_imported_when_somebody_sends_its_change_again() {
    let world = World::with(&["warehouse"]);
    world.http.script(ORDERS, [HttpFault::Stall]);
    for quantity in ["1", "2"] {
        world.warehouse.refuses_orders_of(quantity);
        world.say(&order(quantity, quantity.parse().unwrap())).await;
        world.settled().await;
    }
    assert_eq!((world.warehouse.effects().len(), world.ended("dead").await), (0, 2));
    world.warehouse.refuses_orders_of("3");
    send_again(&world, 1).await;
    assert_eq!(world.warehouse.effects(), ["order WEB-1"]);
    assert_eq!(world.warehouse.quantity("WEB-1").as_deref(), Some("2"));
}

/// The ERP cancels the order.
fn cancelled_by_the_erp() -> Event {
    Event { source: "erp".to_owned(), ..cancellation("WEB-1", 1) }
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_cancellation_from_elsewhere_is_lost_beside_a_change() {
    let world = imported().await;
    world.http.script(CANCEL, [HttpFault::ApplyThenDrop]);
    world.say(&cancelled_by_the_erp()).await;
    world.until_asked(CANCEL, 1).await;
    world.say(&order("2", 2)).await;
    world.settled().await;
    assert_eq!(world.warehouse.effects(), ["order WEB-1", "closed WEB-1"]);
    assert_eq!(world.http.count(CANCEL), 1);
    let dead = world.broker.messages(ORDERS_DEAD);
    let told = dead[0].headers.text(header::DETAIL).unwrap();
    assert!(told.starts_with("the order was cancelled at OrderFlow"), "{told}");
}

/// It is no step of ours: the shop has to hear of it.
#[tokio::test(start_paused = true)]
async fn the_warehouse_tells_the_shop_of_a_cancellation_that_came_from_elsewhere() {
    let world = imported().await;
    world.say(&cancelled_by_the_erp()).await;
    world.settled().await;
    let told = json!({"order": "WEB-1", "cancelled_at": "2026-01-01T00:05:00Z"});
    let part = Part::from_json(Facet::Cancellation, told.to_string().as_bytes()).unwrap();
    world.say(&Event { part, ..cancellation("WEB-1", 50) }).await;
    world.settled().await;
    assert_eq!(world.warehouse.effects(), ["order WEB-1", "closed WEB-1"]);
    assert_eq!(world.shop.effects(), ["WEB-1 cancelled"]);
}
