//! Limits in total, lanes under limits, and calls that end badly.

use ferry_canonical::{FailureKind, Outcome, header};
use ferry_config::system::Limits;
use ferry_sim::{Fault, HttpFault};
use tokio::time::{Instant, sleep};

use crate::{
    bench::{Bench, ORDERS, ORDERS_BULK, ORDERS_DEAD, SECOND, alone, limits, order},
    warehouse,
};

async fn say_alone(bench: &Bench, count: usize, lane: &str) {
    for number in 0..count {
        let event = order(&format!("{lane}-{number}"));
        bench.broker.publish(alone(&event, lane)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn calls_at_one_time_are_limited_over_all_loaders_together() {
    let mut bench = Bench::with(&limits(5));
    bench.add_loader_with(&limits(5));
    bench.add_loader_with(&limits(5));
    bench.http.script(warehouse::ORDERS, [HttpFault::Hold; 5]);
    say_alone(&bench, 90, "live").await;
    sleep(10 * SECOND).await;
    assert_eq!(bench.http.requests().len(), 5);
    bench.http.release();
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.warehouse.effects().len(), 90);
}

#[tokio::test(start_paused = true)]
async fn a_dead_loaders_part_of_the_limit_returns() {
    let mut bench = Bench::with(&limits(4));
    bench.http.script(warehouse::ORDERS, [HttpFault::Hold; 40]);
    say_alone(&bench, 1, "live").await;
    bench.http.until(|http| http.requests().len() == 1).await;
    bench.kill_loaders().await;
    bench.add_loader_with(&limits(4));
    let added = Instant::now();
    say_alone(&bench, 20, "bulk").await;
    bench.http.until(|http| http.requests().len() > 1).await;
    assert!(added.elapsed() <= 4 * SECOND, "{:?}", added.elapsed());
}

#[tokio::test(start_paused = true)]
async fn requests_per_second_are_limited_over_all_loaders_together() {
    let few = Limits { rate: Some(5), burst: Some(3), ..limits(8) };
    let mut bench = Bench::with(&few);
    bench.add_loader_with(&few);
    sleep(5 * SECOND).await;
    say_alone(&bench, 200, "live").await;
    let mut before = bench.http.requests().len();
    for _ in 0..6 {
        sleep(4 * SECOND).await;
        let made = bench.http.requests().len() - before;
        assert!((12..=23).contains(&made), "{made}");
        before += made;
    }
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.warehouse.effects().len(), 200);
}

#[tokio::test(start_paused = true)]
async fn bulk_work_has_its_share_of_a_single_call_at_a_time() {
    let bench = Bench::with(&Limits { rate: Some(10), burst: Some(1), ..limits(1) });
    for number in 0..30 {
        for lane in ["live", "bulk"] {
            bench.broker.publish(alone(&order(&format!("{lane}-{number}")), lane)).await;
        }
    }
    bench.http.until(|_| bench.warehouse.effects().len() == 24).await;
    let bulk = bench.warehouse.effects().iter().filter(|made| made.contains("bulk")).count();
    assert!((5..=8).contains(&bulk), "{bulk} of 24");
    bench.until_empty(ORDERS_BULK).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_lease_had_ended_is_looked_at_again_and_makes_no_second_effect() {
    let bench = Bench::new();
    bench.ledger.lose_a_settlement();
    bench.say(&order("WEB-1")).await;
    bench.http.until(|http| http.count("read order") == 1).await;
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.warehouse.effects(), ["order WEB-1"]);
    assert_eq!(bench.http.count(warehouse::ORDERS), 1);
    bench.assert_outcomes(&[(Outcome::Delivered, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_is_our_own_fault_and_its_delivery_ends_as_a_dead_letter() {
    let bench = Bench::new();
    bench.warehouse.blows_up_at("BOMB");
    bench.say(&order("BOMB")).await;
    bench.broker.until(|broker| !broker.messages(ORDERS_DEAD).is_empty()).await;
    let dead = bench.broker.messages(ORDERS_DEAD).remove(0);
    assert_eq!(dead.headers.text(header::FAILURE_KIND), Some(FailureKind::Internal.as_str()));
    bench.say(&order("WEB-1")).await;
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.warehouse.effects(), ["order WEB-1"]);
    bench.assert_outcomes(&[(Outcome::Dead, 1), (Outcome::Delivered, 1)]).await;
}

/// A dead letter's confirm stays away, and the desk waits for it; a call goes on meanwhile.
#[tokio::test(start_paused = true)]
async fn leases_are_renewed_while_the_desk_waits_for_a_confirm() {
    let bench = Bench::new();
    bench.http.script(warehouse::ORDERS, [HttpFault::Hold]);
    bench.say(&order("GOES-ON")).await;
    bench.http.until(|http| http.count(warehouse::ORDERS) == 1).await;
    bench.warehouse.refuse([403]);
    bench.broker.script("dead", [Fault::Hold]);
    bench.say(&order("DIES")).await;
    bench.broker.until(|broker| broker.messages(ORDERS_DEAD).len() == 1).await;
    let before = bench.ledger.renewals();
    sleep(10 * SECOND).await;
    bench.http.release();
    sleep(30 * SECOND).await;
    assert!(bench.ledger.renewals() >= before + 2, "{} after {before}", bench.ledger.renewals());
    bench.broker.release();
    bench.until_empty(ORDERS).await;
    bench.assert_outcomes(&[(Outcome::Dead, 1), (Outcome::Delivered, 1)]).await;
}
