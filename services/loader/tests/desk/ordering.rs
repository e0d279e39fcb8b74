//! Several states of one entity: the newest wins, and one at a time is written.

use ferry_canonical::Outcome;
use ferry_sim::HttpFault;
use tokio::time::{Instant, sleep};

use crate::{
    bench::{Bench, PRODUCTS, SECOND, product},
    warehouse,
};

#[tokio::test(start_paused = true)]
async fn an_older_state_after_a_newer_one_is_superseded_without_a_call() {
    let bench = Bench::new();
    bench.say(&product("MUG", "New", 2)).await;
    bench.until_empty(PRODUCTS).await;
    bench.say(&product("MUG", "Old", 1)).await;
    bench.until_empty(PRODUCTS).await;
    assert_eq!(bench.warehouse.effects(), ["product MUG: New"]);
    assert_eq!(bench.http.requests().len(), 1);
    bench.assert_outcomes(&[(Outcome::Delivered, 1), (Outcome::Superseded, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn states_that_wait_together_become_one_call_with_the_newest() {
    let bench = Bench::with_concurrency(1);
    bench.http.script(warehouse::PRODUCTS, [HttpFault::Hold]);
    bench.say(&product("BOWL", "Holds the only place", 1)).await;
    bench.http.until(|http| http.count(warehouse::PRODUCTS) == 1).await;
    for (name, sequence) in [("One", 1), ("Three", 3), ("Two", 2)] {
        bench.say(&product("MUG", name, sequence)).await;
    }
    bench.broker.until(|broker| broker.in_hand(PRODUCTS) == 4).await;
    bench.http.release();
    bench.until_empty(PRODUCTS).await;
    assert_eq!(
        bench.warehouse.effects(),
        ["product BOWL: Holds the only place", "product MUG: Three"]
    );
    bench.assert_outcomes(&[(Outcome::Delivered, 2), (Outcome::Superseded, 2)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_state_waits_while_another_of_its_entity_is_being_written() {
    let bench = Bench::new();
    bench.http.script(warehouse::PRODUCTS, [HttpFault::Hold]);
    bench.say(&product("MUG", "One", 1)).await;
    bench.http.until(|http| http.count(warehouse::PRODUCTS) == 1).await;
    bench.say(&product("MUG", "Two", 2)).await;
    bench.say(&product("BOWL", "Free", 1)).await;
    sleep(3 * SECOND).await;
    assert_eq!(bench.warehouse.effects(), ["product MUG: One", "product BOWL: Free"]);
    let started = Instant::now();
    bench.http.release();
    bench.until_empty(PRODUCTS).await;
    assert!(started.elapsed() <= SECOND, "{:?}", started.elapsed());
    assert_eq!(bench.warehouse.effects()[2], "product MUG: Two");
    bench.assert_outcomes(&[(Outcome::Delivered, 3)]).await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_too_long_for_its_entity_goes_round_without_burning_an_attempt() {
    let bench = Bench::new();
    bench.http.script(warehouse::PRODUCTS, [HttpFault::Hold]);
    bench.say(&product("MUG", "One", 1)).await;
    bench.http.until(|http| http.count(warehouse::PRODUCTS) == 1).await;
    bench.say(&product("MUG", "Two", 2)).await;
    bench.broker.until(|broker| !broker.messages("delay.5s").is_empty()).await;
    let waiting = bench.broker.messages("delay.5s").remove(0);
    assert_eq!(waiting.headers.number("ferry-attempt"), None);
    bench.http.release();
    bench.until_empty("delay.5s").await;
    bench.until_empty(PRODUCTS).await;
    assert_eq!(bench.warehouse.effects(), ["product MUG: One", "product MUG: Two"]);
    bench.assert_outcomes(&[(Outcome::Delivered, 2)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_newer_state_is_not_held_up_by_an_older_one_that_waits_for_its_retry() {
    let bench = Bench::new();
    bench.warehouse.refuse([503]);
    bench.say(&product("MUG", "One", 1)).await;
    bench.broker.until(|broker| !broker.messages("delay.5s").is_empty()).await;
    let started = Instant::now();
    bench.say(&product("MUG", "Two", 2)).await;
    bench.until_empty(PRODUCTS).await;
    assert!(started.elapsed() < SECOND);
    bench.until_empty("delay.5s").await;
    bench.until_empty(PRODUCTS).await;
    assert_eq!(bench.warehouse.effects(), ["product MUG: Two"]);
    bench.assert_outcomes(&[(Outcome::Delivered, 1), (Outcome::Superseded, 1)]).await;
}

/// A page that is read again: the same state under another event id.
#[tokio::test(start_paused = true)]
async fn the_same_state_said_again_is_a_duplicate_and_unchanged_content_is_not_written() {
    let bench = Bench::new();
    bench.say(&product("MUG", "One", 1)).await;
    bench.until_empty(PRODUCTS).await;
    let mut again = product("MUG", "One", 1);
    again.id = uuid::Uuid::nil();
    bench.say(&again).await;
    bench.say(&product("MUG", "One", 2)).await;
    bench.until_empty(PRODUCTS).await;
    assert_eq!(bench.http.requests().len(), 1);
    let expected = [(Outcome::Delivered, 1), (Outcome::Duplicate, 1), (Outcome::Unchanged, 1)];
    bench.assert_outcomes(&expected).await;
}
