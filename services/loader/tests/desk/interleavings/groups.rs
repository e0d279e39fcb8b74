//! Customer groups of a shop, which has no key for them and takes a second one of the same name.

use std::time::Duration;

use ferry_canonical::{Event, Facet, Part};
use ferry_sim::HttpFault;
use tokio::time::{Instant, sleep};

use super::{
    shop::{CREATE_ADDRESS, CREATE_GROUP, READ_CUSTOMER},
    world::World,
};
use crate::bench::{SECOND, event};

fn customer(number: &str) -> Event {
    let json = format!(r#"{{"number":"{number}","name":"Acme","group":"Trade"}}"#);
    event("erp", Part::from_json(Facet::Profile, json.as_bytes()).unwrap(), 1)
}

/// Two loaders, each with room for one delivery.
fn world() -> World {
    let mut world = World::with(&[]);
    world.start_taking("shop", 1);
    world.start_taking("shop", 1);
    world
}

#[tokio::test(start_paused = true)]
async fn two_loaders_meet_a_new_customer_group_at_once() {
    let world = world();
    world.wire.be_slow(SECOND);
    let started = Instant::now();
    world.say(&customer("C-1")).await;
    world.say(&customer("C-2")).await;
    world.settled().await;
    let mut effects = world.shop.effects();
    effects[1..].sort();
    let customers = ["customer C-1 in group 1", "customer C-2 in group 1"];
    assert_eq!(effects, [&["group Trade"][..], &customers].concat());
    assert!(started.elapsed() < 10 * SECOND, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_new_customer_group_is_lost_and_it_is_made_later() {
    let world = world();
    world.shop.be_late(CREATE_GROUP, Duration::from_secs(3));
    world.http.script(CREATE_GROUP, [HttpFault::ApplyThenDrop]);
    world.say(&customer("C-1")).await;
    world.until_asked(CREATE_GROUP, 1).await;
    sleep(SECOND).await;
    world.say(&customer("C-2")).await;
    world.settled().await;
    let mut effects = world.shop.effects();
    effects[1..].sort();
    let customers = ["customer C-1 in group 1", "customer C-2 in group 1"];
    assert_eq!(effects, [&["group Trade"][..], &customers].concat());
    assert_eq!(world.http.count(CREATE_GROUP), 1);
}

#[tokio::test(start_paused = true)]
async fn a_customer_that_was_made_without_its_addresses_is_known_by_the_shops_own_id() {
    let world = World::with(&["shop"]);
    world.shop.refuse(CREATE_ADDRESS, 400);
    let json = r#"{"number":"C-1","name":"Acme","group":"Trade","addresses":
        [{"code":"B","street":"1 Rd","city":"York","country":"GB"}]}"#;
    let part = Part::from_json(Facet::Profile, json.as_bytes()).unwrap();
    world.say(&event("erp", part, 1)).await;
    world.settled().await;
    assert_eq!(world.ended("dead").await, 1);
    assert_eq!(world.http.count(READ_CUSTOMER), 0);
    let later = Event { sequence: ferry_canonical::Sequence(2), ..customer("C-1") };
    world.say(&later).await;
    world.until_asked(READ_CUSTOMER, 1).await;
}
