//! A target that takes its time.

use super::{
    shop::SET_STOCK,
    world::{World, stock},
};
use crate::bench::SECOND;

/// Calls of both loaders together.
const CALLS: u64 = 8;

/// Every request takes 15 s and a write up to four of them: longer than the 40 s for which an entity
/// is claimed. Of every product both loaders have a state. What cannot start now is not claimed, or
/// its lease would end in the queue; what runs keeps its lease, or another loader would take over.
#[tokio::test(start_paused = true)]
async fn a_claim_outlived_by_a_slow_queue_of_200() {
    let world = World::with(&["shop", "shop"]);
    for number in 0..100 {
        let sku = format!("SKU-{number}");
        world.shop.stock(&sku);
        world.say(&stock(&sku, "LEEDS", "1", 1)).await;
        world.say(&stock(&sku, "LEEDS", "2", 2)).await;
    }
    world.wire.be_slow(15 * SECOND);
    tokio::select! {
        () = world.settled() => {}
        () = no_lease_ends(&world) => {}
    }
    assert_eq!(world.wire.side_by_side(), [""; 0], "two loaders wrote one product at one time");
    let effects = world.shop.effects();
    for number in 0..100 {
        let sku = format!("SKU-{number} ");
        let seen: Vec<_> = effects.iter().filter(|effect| effect.starts_with(&sku)).collect();
        let newest = format!("{sku}2");
        assert_eq!(seen.last(), Some(&&newest), "{seen:?}");
        assert!(seen.iter().filter(|effect| ***effect == newest).count() == 1, "{seen:?}");
    }
    assert_eq!(world.ended("delivered").await + world.ended("superseded").await, 200);
    assert!(world.http.count(SET_STOCK) <= 200);
}

/// Looks again and again for as long as it is polled.
async fn no_lease_ends(world: &World) {
    let mut looks = tokio::time::interval(SECOND);
    loop {
        looks.tick().await;
        let (claimed, unknown) = world.claims().await;
        assert!(claimed <= CALLS, "{claimed} entities are claimed for {CALLS} calls");
        assert_eq!(unknown, 0, "leases have ended before their calls");
    }
}
