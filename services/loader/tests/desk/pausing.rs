//! Targets that are left alone: by an operator, by a window, for their credentials, on their wish.

use ferry_broker::Headers;
use ferry_canonical::{Outcome, header};
use ferry_config::{MaintenanceWindow, system::Limits};
use ferry_http::Response;
use ferry_sim::HttpFault;
use ferry_store::Care as _;
use jiff::{civil::time, tz::TimeZone};
use tokio::time::{Instant, sleep};

use crate::{
    bench::{Bench, ORDERS, ORDERS_DEAD, SECOND, limits, order},
    warehouse,
};

async fn say_orders(bench: &Bench, from: usize, count: usize) {
    for number in from..from + count {
        bench.say(&order(&format!("WEB-{number}"))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_target_is_not_written_to_until_it_is_resumed_and_then_within_a_second() {
    let bench = Bench::new();
    bench.store.pause("warehouse", "ada", "stock count", None).await.unwrap();
    sleep(SECOND).await;
    say_orders(&bench, 0, 40).await;
    sleep(3600 * SECOND).await;
    assert_eq!(bench.http.requests().len(), 0);
    assert_eq!(bench.broker.in_hand(ORDERS), 0, "a paused target's queue has a consumer");
    bench.store.resume("warehouse").await.unwrap();
    let resumed = Instant::now();
    bench.until_empty(ORDERS).await;
    assert!(resumed.elapsed() <= SECOND, "{:?}", resumed.elapsed());
    bench.assert_outcomes(&[(Outcome::Delivered, 40)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_with_an_end_ends_by_itself() {
    let bench = Bench::new();
    bench.store.pause("warehouse", "ada", "", Some(300 * SECOND)).await.unwrap();
    sleep(SECOND).await;
    let paused = Instant::now();
    say_orders(&bench, 0, 1).await;
    bench.until_empty(ORDERS).await;
    assert_eq!(paused.elapsed().as_secs(), 299);
}

/// What is held when a pause begins is held for a minute and then goes back to its queue, confirmed:
/// the broker's count of deliveries, which kills at a hundred, does not grow.
#[tokio::test(start_paused = true)]
async fn a_hundred_and_twenty_pauses_kill_no_message_and_burn_no_attempt() {
    let bench = Bench::new();
    // Taken, but never started: what is in hand when the pause comes.
    bench.ledger.fail_claims(true);
    say_orders(&bench, 0, 40).await;
    for cycle in 0..120_u64 {
        bench.store.pause("warehouse", "ada", "again", None).await.unwrap();
        sleep(SECOND * if cycle % 2 == 0 { 65 } else { 3 }).await;
        bench.store.resume("warehouse").await.unwrap();
        sleep(3 * SECOND).await;
        assert!(bench.broker.in_hand(ORDERS) > 0);
    }
    let returned = bench.broker.tried("requeue");
    assert!(returned.len() >= 60 * 32, "{}", returned.len());
    assert!(returned.iter().all(|message| message.headers == Headers::default()));
    bench.ledger.fail_claims(false);
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.warehouse.effects().len(), 40);
    assert!(bench.broker.messages(ORDERS_DEAD).is_empty());
    bench.assert_outcomes(&[(Outcome::Delivered, 40)]).await;
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_pause_the_target_for_every_loader_and_one_of_them_probes() {
    let mut bench = Bench::with_concurrency(2);
    bench.add_loader(2);
    bench.warehouse.refuse([401; 2]);
    say_orders(&bench, 0, 1).await;
    bench.http.until(|http| http.count(warehouse::ORDERS) == 1).await;
    sleep(2 * SECOND).await;
    say_orders(&bench, 1, 60).await;
    sleep(27 * SECOND).await;
    assert_eq!(bench.http.requests().len(), 1, "it was called while it was paused");
    sleep(29 * SECOND).await;
    assert_eq!(bench.http.count("probe"), 1);
    let state = bench.store.cares().await.unwrap().remove(0);
    assert!(state.refusal.unwrap().because.contains("refuses user or password"));
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.http.count("probe"), 2);
    assert_eq!(bench.broker.tried("delay.5s").len(), 0);
    bench.assert_outcomes(&[(Outcome::Delivered, 61)]).await;
}

fn asks_for(status: u16, seconds: u64) -> Response {
    let headers = vec![("retry-after".to_owned(), seconds.to_string())];
    Response { status, headers, body: "later".into() }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_asks_for_time_is_left_alone_for_it_as_a_whole() {
    for status in [429, 503] {
        let bench = Bench::new();
        bench.warehouse.say_instead([asks_for(status, 20)]);
        let asked = Instant::now();
        say_orders(&bench, 0, 1).await;
        bench.http.until(|http| http.requests().len() == 1).await;
        say_orders(&bench, 1, 50).await;
        bench.http.until(|http| http.requests().len() > 1).await;
        let waited = asked.elapsed().as_secs();
        assert!((20..=21).contains(&waited), "{waited}");
        bench.until_empty(ORDERS).await;
        bench.http.until(|_| bench.warehouse.effects().len() == 51).await;
        // The one that was answered so has its delay level; the others burn nothing.
        assert_eq!(bench.broker.tried("delay.30s").len(), 1);
        assert_eq!(bench.broker.tried("delay.5s").len(), 0);
    }
}

/// A route gives up after two minutes.
#[tokio::test(start_paused = true)]
async fn a_target_that_asks_for_time_without_end_makes_a_dead_letter() {
    let bench = Bench::new();
    bench.warehouse.say_instead((0..100).map(|_| asks_for(429, 20)));
    let asked = Instant::now();
    say_orders(&bench, 0, 1).await;
    bench.broker.until(|broker| !broker.messages(ORDERS_DEAD).is_empty()).await;
    assert_eq!(asked.elapsed().as_secs(), 120);
    let dead = bench.broker.messages(ORDERS_DEAD).remove(0);
    assert_eq!(dead.headers.text(header::FAILURE_KIND), Some("rate_limited"));
    bench.until_empty(ORDERS).await;
    bench.assert_outcomes(&[(Outcome::Dead, 1)]).await;
}

/// A route gives up after two minutes. The pauses come so often that none of them is over for so long.
#[tokio::test(start_paused = true)]
async fn a_target_that_is_left_alone_again_and_again_does_not_keep_a_delivery_for_ever() {
    let bench = Bench::new();
    bench.warehouse.refuse([503; 100]);
    say_orders(&bench, 0, 1).await;
    let pausing = async {
        loop {
            bench.store.pause("warehouse", "ada", "", Some(10 * SECOND)).await.unwrap();
            sleep(70 * SECOND).await;
        }
    };
    tokio::select! {
        () = bench.broker.until(|broker| !broker.messages(ORDERS_DEAD).is_empty()) => {}
        () = pausing => {}
    }
    let attempts = bench.broker.messages(ORDERS_DEAD)[0].headers.number(header::ATTEMPT);
    assert!(attempts.is_some_and(|attempts| (6..10).contains(&attempts)), "{attempts:?}");
}

#[tokio::test(start_paused = true)]
async fn an_absurd_wish_is_respected_up_to_the_bound() {
    let bench = Bench::new();
    bench.warehouse.say_instead([asks_for(429, 10_000_000)]);
    let asked = Instant::now();
    say_orders(&bench, 0, 1).await;
    bench.http.until(|http| http.requests().len() == 1).await;
    say_orders(&bench, 1, 1).await;
    bench.http.until(|http| http.requests().len() > 1).await;
    let waited = asked.elapsed().as_secs();
    assert!((600..=602).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_in_a_maintenance_window_and_it_ends_on_time() {
    // The simulation's clock begins at midnight.
    let window = MaintenanceWindow {
        days: Vec::new(),
        from: time(0, 1, 0, 0),
        to: time(0, 31, 0, 0),
        time_zone: TimeZone::UTC,
    };
    let bench = Bench::with(&Limits { maintenance: vec![window], ..limits(4) });
    let started = Instant::now();
    say_orders(&bench, 0, 5).await;
    bench.until_empty(ORDERS).await;
    assert!(started.elapsed() < SECOND);
    sleep(62 * SECOND).await;
    say_orders(&bench, 5, 5).await;
    bench.until_empty(ORDERS).await;
    let ended = started.elapsed().as_secs();
    assert!((31 * 60..=31 * 60 + 1).contains(&ended), "{ended}");
    bench.assert_outcomes(&[(Outcome::Delivered, 10)]).await;
}

/// A route gives up after two minutes; of the time since the first failure, half an hour was a pause.
#[tokio::test(start_paused = true)]
async fn time_in_which_the_target_was_left_alone_does_not_count_towards_giving_up() {
    let bench = Bench::new();
    bench.warehouse.refuse([503, 503]);
    say_orders(&bench, 0, 1).await;
    bench.broker.until(|broker| !broker.messages("delay.5s").is_empty()).await;
    bench.store.pause("warehouse", "ada", "", Some(1800 * SECOND)).await.unwrap();
    bench.http.until(|http| http.count(warehouse::ORDERS) == 3).await;
    bench.until_empty(ORDERS).await;
    let again = bench.broker.tried("delay.30s");
    assert_eq!(again[0].headers.number(header::ATTEMPT), Some(3));
    assert!(bench.broker.messages(ORDERS_DEAD).is_empty());
    bench.assert_outcomes(&[(Outcome::Delivered, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_loader_that_cannot_ask_for_its_share_stops_before_another_may_have_it() {
    let bench = Bench::new();
    say_orders(&bench, 0, 1).await;
    bench.until_empty(ORDERS).await;
    bench.ledger.fail_cares(true);
    sleep(4 * SECOND).await;
    say_orders(&bench, 1, 1).await;
    sleep(60 * SECOND).await;
    assert_eq!(bench.warehouse.effects().len(), 1);
    bench.ledger.fail_cares(false);
    let back = Instant::now();
    bench.until_empty(ORDERS).await;
    assert!(back.elapsed() <= SECOND, "{:?}", back.elapsed());
}

/// Other loaders may reach the store, and what is held here is theirs as well.
#[tokio::test(start_paused = true)]
async fn a_loader_without_its_store_stops_consuming_and_gives_back_what_it_holds() {
    let bench = Bench::new();
    bench.ledger.fail_cares(true);
    say_orders(&bench, 0, 20).await;
    sleep(15 * SECOND).await;
    say_orders(&bench, 20, 20).await;
    sleep(SECOND).await;
    assert_eq!(bench.broker.in_hand(ORDERS), 20, "its queue has a consumer");
    sleep(60 * SECOND).await;
    assert_eq!(bench.broker.in_hand(ORDERS), 0);
    bench.ledger.fail_cares(false);
    let back = Instant::now();
    bench.until_empty(ORDERS).await;
    assert!(back.elapsed() <= 2 * SECOND, "{:?}", back.elapsed());
    bench.assert_outcomes(&[(Outcome::Delivered, 40)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_result_that_waits_for_the_store_keeps_nothing_else_here() {
    let bench = Bench::with_concurrency(1);
    bench.http.script(warehouse::ORDERS, [HttpFault::Hold]);
    say_orders(&bench, 0, 1).await;
    bench.http.until(|http| http.count(warehouse::ORDERS) == 1).await;
    say_orders(&bench, 1, 40).await;
    bench.ledger.fail_cares(true);
    bench.ledger.fail_settlements(true);
    sleep(SECOND).await;
    bench.http.release();
    sleep(90 * SECOND).await;
    assert_eq!(bench.broker.in_hand(ORDERS), 1);
    bench.ledger.fail_cares(false);
    bench.ledger.fail_settlements(false);
    bench.until_empty(ORDERS).await;
    bench.assert_outcomes(&[(Outcome::Delivered, 41)]).await;
    assert_eq!(bench.warehouse.effects().len(), 41);
}
