//! What we wrote coming back, and what only looks like it.

use super::world::{World, named};

/// The warehouse's name for it is written to the shop; a user of the shop wants the old one back.
#[tokio::test(start_paused = true)]
async fn a_user_sets_back_the_value_we_wrote() {
    let world = World::with(&["shop", "warehouse"]);
    for (name, change) in [("Red", 1), ("Blue", 2)] {
        world.say(&named("warehouse", "MUG", name, change)).await;
        world.settled().await;
        // The shop's own notification of what we wrote is no news to the warehouse.
        world.say(&named("shop", "MUG", name, 40 + change)).await;
        world.settled().await;
    }
    assert_eq!((world.warehouse.effects().len(), world.ended("echo").await), (0, 2));
    world.shop.rename_by_hand("MUG", "Red");
    world.say(&named("shop", "MUG", "Red", 50)).await;
    world.settled().await;
    assert_eq!(world.warehouse.effects(), ["product MUG: Red"]);
    // The shop does not hold Blue any more, so Blue is written again.
    world.say(&named("warehouse", "MUG", "Blue", 4)).await;
    world.settled().await;
    let expected = ["MUG created: Red", "MUG: Blue", "by hand MUG: Red", "MUG: Blue"];
    assert_eq!(world.shop.effects(), expected);
}
