//! A target that does not serve: nobody is hurt, nothing is burned, and it goes on by itself.

use ferry_canonical::{Outcome, header};
use ferry_config::{HumanDuration, system::Limits};
use ferry_store::{BreakerState, Care as _};
use tokio::time::{Instant, sleep};

use crate::{
    bench::{Bench, ORDERS, ORDERS_DEAD, OUTLET, PRODUCTS, SECOND, limits, order, product},
    warehouse,
};

async fn breaker(bench: &Bench) -> BreakerState {
    let cares = bench.store.cares().await.unwrap();
    cares.iter().find(|care| care.target == "warehouse").unwrap().breaker.state
}

async fn until_breaker(bench: &Bench, state: BreakerState) {
    for _ in 0..6000 {
        if breaker(bench).await == state {
            return;
        }
        sleep(SECOND / 10).await;
    }
    panic!("the breaker is {:?}", breaker(bench).await);
}

/// Every attempt that was burned, as its message says.
fn burned(bench: &Bench) -> usize {
    bench.broker.tried("delay.5s").len() + bench.broker.tried("delay.30s").len()
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_down_for_ten_minutes_costs_no_dead_letter_and_nobody_else_any_time() {
    let mut bench = Bench::new();
    let outlet = bench.add_outlet();
    bench.warehouse.is_down(true);
    for number in 0..600 {
        let said = Instant::now();
        bench.say(&order(&format!("WEB-{number}"))).await;
        bench.until_empty(OUTLET).await;
        assert!(said.elapsed() < SECOND / 10, "{:?}", said.elapsed());
        sleep(SECOND).await;
    }
    assert_eq!(outlet.effects().len(), 600);
    assert_eq!(breaker(&bench).await, BreakerState::Open);
    // Three calls opened it; each look that fails comes later than the one before.
    assert_eq!((bench.http.count(warehouse::ORDERS), burned(&bench)), (3, 3));
    let probes = bench.http.count("probe");
    assert!((20..=30).contains(&probes), "{probes}");
    bench.warehouse.is_down(false);
    let up = Instant::now();
    bench.until_empty(ORDERS).await;
    assert!(up.elapsed() < 40 * SECOND, "{:?}", up.elapsed());
    assert_eq!(bench.warehouse.effects().len(), 600);
    assert_eq!((breaker(&bench).await, burned(&bench)), (BreakerState::Closed, 3));
    assert!(bench.broker.messages(ORDERS_DEAD).is_empty());
    bench.assert_outcomes(&[(Outcome::Delivered, 1200)]).await;
}

/// Each fails half a minute after the one before.
#[tokio::test(start_paused = true)]
async fn a_target_that_answers_one_call_at_a_time_never_is_left_alone() {
    let bench = Bench::with(&Limits { timeout: HumanDuration(30 * SECOND), ..limits(1) });
    bench.http.script(warehouse::ORDERS, [ferry_sim::HttpFault::Stall; 8]);
    for number in 1..=3 {
        // What waits together would be sent together.
        bench.say(&order(&format!("WEB-{number}"))).await;
        sleep(31 * SECOND).await;
    }
    until_breaker(&bench, BreakerState::Open).await;
    assert!(bench.http.count(warehouse::ORDERS) <= 4);
}

#[tokio::test(start_paused = true)]
async fn calls_that_end_after_the_breaker_has_opened_burn_no_attempt() {
    let bench = Bench::with(&Limits { concurrency_min: 4, ..limits(8) });
    bench.http.script(warehouse::PRODUCTS, [ferry_sim::HttpFault::Stall]);
    bench.say(&product("SLOW", "Slow", 1)).await;
    bench.http.until(|http| http.count(warehouse::PRODUCTS) == 1).await;
    sleep(10 * SECOND).await;
    bench.warehouse.is_down(true);
    for number in 1..=3 {
        bench.say(&order(&format!("WEB-{number}"))).await;
        bench.http.until(|http| http.count(warehouse::ORDERS) == number).await;
    }
    until_breaker(&bench, BreakerState::Open).await;
    sleep(15 * SECOND).await;
    assert_eq!(burned(&bench), 3, "the product's time-out burned an attempt");
    bench.warehouse.is_down(false);
    bench.until_empty(PRODUCTS).await;
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.warehouse.effects().len(), 4);
    bench.assert_outcomes(&[(Outcome::Delivered, 4)]).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_breaker_has_opened_makes_somebody_look_at_once() {
    let bench = Bench::with(&Limits { concurrency_min: 4, ..limits(8) });
    bench.warehouse.is_poisoned_by("BAD");
    for (n, sku) in (1..).zip(["GOOD", "BAD"]) {
        bench.http.script(warehouse::PRODUCTS, [ferry_sim::HttpFault::Hold]);
        bench.say(&product(sku, "Mug", 1)).await;
        bench.http.until(|http| http.count(warehouse::PRODUCTS) == n).await;
    }
    bench.warehouse.is_down(true);
    for (n, identifier) in (1..).zip(["WEB-1", "WEB-2", "WEB-3"]) {
        bench.say(&order(identifier)).await;
        bench.http.until(|http| http.count(warehouse::ORDERS) == n).await;
    }
    until_breaker(&bench, BreakerState::Open).await;
    bench.warehouse.is_down(false);
    bench.warehouse.is_poisoned_by("nothing");
    // One of these calls was served and one was not; both tell the store in one breath.
    let answered = Instant::now();
    bench.http.release();
    bench.http.until(|http| http.count("probe") == 1).await;
    assert!(answered.elapsed() < SECOND, "{:?}", answered.elapsed());
    bench.http.until(|_| bench.warehouse.effects().len() == 5).await;
}

#[tokio::test(start_paused = true)]
async fn one_order_that_is_never_answered_holds_nobody_not_even_those_it_was_sent_with() {
    let bench = Bench::new();
    bench.warehouse.is_poisoned_by("POISON");
    let started = Instant::now();
    for number in 0..60 {
        let identifier = if number == 7 { "POISON".to_owned() } else { format!("WEB-{number}") };
        bench.say(&order(&identifier)).await;
    }
    bench.http.until(|_| bench.warehouse.effects().len() == 59).await;
    assert!(started.elapsed() < 7 * SECOND, "{:?}", started.elapsed());
    // The others go on at full speed while it is tried again and again.
    for number in 100..200 {
        let said = Instant::now();
        bench.say(&order(&format!("WEB-{number}"))).await;
        bench.http.until(|_| bench.warehouse.effects().len() == number - 40).await;
        assert!(said.elapsed() < SECOND / 10, "{:?}", said.elapsed());
        sleep(SECOND).await;
    }
    assert_eq!((breaker(&bench).await, bench.http.count("probe")), (BreakerState::Closed, 0));
    bench.broker.until(|broker| broker.messages(ORDERS_DEAD).len() == 1).await;
    bench.assert_outcomes(&[(Outcome::Delivered, 159), (Outcome::Dead, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn answers_that_leave_imports_out_open_no_breaker_and_the_orders_are_read_first() {
    let bench = Bench::new();
    let says_nothing = || ferry_sim::answer(200, "<importResult/>");
    for number in 0..4 {
        bench.warehouse.say_instead([says_nothing()]);
        bench.say(&order(&format!("WEB-{number}"))).await;
        bench.http.until(|http| http.count(warehouse::ORDERS) == number + 1).await;
    }
    bench.broker.until(|broker| broker.messages("delay.5s").len() == 4).await;
    let waiting = bench.broker.messages("delay.5s").remove(0);
    assert_eq!(waiting.headers.text(header::FAILURE_KIND), Some("conflict"));
    assert_eq!((breaker(&bench).await, bench.http.count("probe")), (BreakerState::Closed, 0));
    bench.until_empty(ORDERS).await;
    bench.http.until(|_| bench.warehouse.effects().len() == 4).await;
    assert_eq!((breaker(&bench).await, bench.http.count("read order")), (BreakerState::Closed, 4));
    bench.until_empty(ORDERS).await;
    bench.assert_outcomes(&[(Outcome::Delivered, 4)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_poisonous_order_among_the_first_writes_does_not_keep_the_target_from_coming_back() {
    let bench = Bench::new();
    bench.warehouse.is_down(true);
    bench.say(&order("POISON")).await;
    bench.http.until(|http| http.count(warehouse::ORDERS) == 1).await;
    for number in 0..40 {
        bench.say(&order(&format!("WEB-{number}"))).await;
    }
    until_breaker(&bench, BreakerState::Open).await;
    sleep(20 * SECOND).await;
    bench.warehouse.is_poisoned_by("POISON");
    bench.warehouse.is_down(false);
    let up = Instant::now();
    bench.http.until(|_| bench.warehouse.effects().len() == 40).await;
    assert!(up.elapsed() < 20 * SECOND, "{:?}", up.elapsed());
    assert_eq!(breaker(&bench).await, BreakerState::Closed);
    let poison = bench.broker.tried("delay.30s");
    assert!(poison.iter().all(|message| message.headers.number(header::ATTEMPT) > Some(2)));
}

#[tokio::test(start_paused = true)]
async fn all_loaders_know_within_a_second_and_one_of_them_probes() {
    let mut bench = Bench::with_concurrency(4);
    bench.add_loader(4);
    bench.add_loader(4);
    bench.warehouse.is_down(true);
    for number in 0..40 {
        bench.say(&order(&format!("WEB-{number}"))).await;
        sleep(SECOND / 20).await;
    }
    sleep(SECOND).await;
    let calls = bench.http.count(warehouse::ORDERS);
    assert_eq!(breaker(&bench).await, BreakerState::Open);
    sleep(62 * SECOND).await;
    assert_eq!(bench.http.count(warehouse::ORDERS), calls, "something was written");
    // At 1, 3, 7, 15, 31 and 61 seconds.
    assert_eq!(bench.http.count("probe"), 6);
    bench.warehouse.is_down(false);
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.warehouse.effects().len(), 40);
    assert!(bench.broker.messages(ORDERS_DEAD).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_target_whose_reads_are_answered_but_no_write_burns_a_few_attempts_at_each_look() {
    let bench = Bench::with(&limits(8));
    // Every order contains it; the probe does not.
    bench.warehouse.is_poisoned_by("WEB-");
    for number in 0..100 {
        bench.say(&order(&format!("WEB-{number}"))).await;
    }
    sleep(600 * SECOND).await;
    let looks = bench.http.count("probe");
    assert!((18..=40).contains(&looks), "{looks}");
    assert!(bench.http.count(warehouse::ORDERS) <= 8 + looks * 3);
    assert!(bench.broker.messages(ORDERS_DEAD).is_empty());
}
