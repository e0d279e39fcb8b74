//! Lost confirms and answers, copies, a broken store: one effect, and nothing missing.

use ferry_canonical::Outcome;
use ferry_sim::{Fault, HttpFault, answer};
use ferry_store::{Journal as _, JournalFilter};
use tokio::time::{Instant, sleep};

use crate::{
    bench::{Bench, ORDERS, ORDERS_DEAD, SECOND, alone, order},
    warehouse,
};

#[tokio::test(start_paused = true)]
async fn a_lost_confirm_of_a_retry_makes_copies_and_one_effect() {
    let bench = Bench::new();
    bench.warehouse.refuse([503]);
    bench.broker.script("delay.5s", [Fault::LoseConfirm]);
    bench.say(&order("WEB-1")).await;
    bench.broker.until(|broker| broker.messages("delay.5s").len() == 2).await;
    bench.until_empty("delay.5s").await;
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.http.count(warehouse::ORDERS), 2);
    assert_eq!(bench.warehouse.effects(), ["order WEB-1"]);
    bench.assert_outcomes(&[(Outcome::Delivered, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_retry_is_published_again_and_acknowledged_only_then() {
    let bench = Bench::new();
    bench.warehouse.refuse([503]);
    bench.broker.script("delay.5s", [Fault::Refuse, Fault::Hold]);
    bench.say(&order("WEB-1")).await;
    bench.broker.until(|broker| broker.tried("delay.5s").len() == 2).await;
    sleep(SECOND).await;
    assert_eq!(bench.broker.in_hand(ORDERS), 1, "it was acknowledged before the confirm");
    bench.broker.release();
    bench.broker.until(|broker| broker.in_hand(ORDERS) == 0).await;
    bench.http.until(|http| http.count(warehouse::ORDERS) == 2).await;
    bench.until_empty(ORDERS).await;
    bench.assert_outcomes(&[(Outcome::Delivered, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_confirmed_before_its_delivery_is_acknowledged() {
    let bench = Bench::new();
    bench.warehouse.refuse([403]);
    bench.broker.script("dead", [Fault::Hold]);
    bench.say(&order("WEB-1")).await;
    bench.broker.until(|broker| broker.messages(ORDERS_DEAD).len() == 1).await;
    sleep(SECOND).await;
    assert_eq!(bench.broker.in_hand(ORDERS), 1, "it was acknowledged before the confirm");
    bench.broker.release();
    bench.until_empty(ORDERS).await;
}

/// The ledger says dead, the broker may not have the letter: it is published again.
#[tokio::test(start_paused = true)]
async fn a_dying_delivery_that_comes_again_is_a_dead_letter_again_and_never_applied() {
    let bench = Bench::new();
    bench.warehouse.refuse([403]);
    bench.broker.script("dead", [Fault::Hold]);
    bench.say(&order("WEB-1")).await;
    bench.broker.until(|broker| broker.messages(ORDERS_DEAD).len() == 1).await;
    bench.broker.sever(ORDERS);
    bench.broker.release();
    bench.until_empty(ORDERS).await;
    let dead = bench.broker.messages(ORDERS_DEAD);
    assert_eq!(dead.len(), 2);
    assert!(dead[0].id == dead[1].id && dead[0].body == dead[1].body);
    assert_eq!(
        dead[0].headers.text("ferry-failure-kind"),
        dead[1].headers.text("ferry-failure-kind")
    );
    assert_eq!(bench.http.count(warehouse::ORDERS), 1);
    bench.assert_outcomes(&[(Outcome::Dead, 1)]).await;
}

/// Two calls end at one time; the store does not take what was said in one of them.
#[tokio::test(start_paused = true)]
async fn a_result_that_the_store_does_not_take_is_settled_without_what_it_does_not_take() {
    let bench = Bench::new();
    bench.ledger.refuse_value("BAD");
    bench.warehouse.say_instead([answer(403, "BAD")]);
    bench.say(&order("WEB-1")).await;
    bench.broker.until(|broker| !broker.messages(ORDERS_DEAD).is_empty()).await;
    for identifier in ["WEB-BAD", "WEB-2"] {
        bench.broker.publish(alone(&order(identifier), "live")).await;
    }
    bench.until_empty(ORDERS).await;
    bench.assert_outcomes(&[(Outcome::Dead, 1), (Outcome::Delivered, 2)]).await;
    let rows = bench.store.search(JournalFilter::default()).await.unwrap();
    let whole = rows.iter().filter(|row| row.entry.request.is_some()).count();
    assert_eq!((rows.len(), whole), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn one_event_twice_in_two_loaders_is_one_call() {
    let mut bench = Bench::with_concurrency(2);
    bench.add_loader(2);
    bench.http.script(warehouse::ORDERS, [HttpFault::Hold]);
    bench.broker.script("events", [Fault::Duplicate]);
    bench.say(&order("WEB-1")).await;
    bench.broker.until(|broker| broker.in_hand(ORDERS) == 2).await;
    sleep(SECOND).await;
    bench.http.release();
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.http.requests().len(), 1);
    bench.assert_outcomes(&[(Outcome::Delivered, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_lost_is_read_for_before_anything_is_created_again() {
    let bench = Bench::new();
    bench.http.script(warehouse::ORDERS, [HttpFault::ApplyThenDrop]);
    bench.say(&order("WEB-1")).await;
    bench.http.until(|http| http.requests().len() == 2).await;
    assert_eq!(bench.http.requests()[1].operation, "read order");
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.http.count(warehouse::ORDERS), 1);
    assert_eq!(bench.warehouse.effects(), ["order WEB-1"]);
    bench.assert_outcomes(&[(Outcome::Delivered, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_timeout_without_effect_is_read_for_and_then_created_once() {
    let bench = Bench::new();
    bench.http.script(warehouse::ORDERS, [HttpFault::Stall]);
    bench.say(&order("WEB-1")).await;
    bench.http.until(|http| http.requests().len() == 3).await;
    let operations: Vec<_> = bench.http.requests().iter().map(|asked| asked.operation).collect();
    assert_eq!(operations, [warehouse::ORDERS, "read order", warehouse::ORDERS]);
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.warehouse.effects(), ["order WEB-1"]);
    bench.assert_outcomes(&[(Outcome::Delivered, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_target_that_cannot_be_reached_heard_nothing_and_is_not_read_first() {
    let bench = Bench::new();
    bench.http.script(warehouse::ORDERS, [HttpFault::Refuse]);
    bench.say(&order("WEB-1")).await;
    bench.http.until(|http| http.requests().len() == 2).await;
    assert_eq!(bench.http.requests()[1].operation, warehouse::ORDERS);
    bench.until_empty(ORDERS).await;
    bench.assert_outcomes(&[(Outcome::Delivered, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn while_the_store_takes_no_claims_nothing_is_called_or_acknowledged() {
    let bench = Bench::new();
    bench.ledger.fail_claims(true);
    bench.say(&order("WEB-1")).await;
    sleep(60 * SECOND).await;
    assert_eq!((bench.http.requests().len(), bench.broker.in_hand(ORDERS)), (0, 1));
    bench.ledger.fail_claims(false);
    let started = Instant::now();
    bench.until_empty(ORDERS).await;
    assert!(started.elapsed() <= SECOND, "{:?}", started.elapsed());
    bench.assert_outcomes(&[(Outcome::Delivered, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_the_store_did_not_take_is_settled_later_and_acknowledged_only_then() {
    let bench = Bench::new();
    bench.ledger.fail_settlements(true);
    bench.say(&order("WEB-1")).await;
    bench.http.until(|http| http.count(warehouse::ORDERS) == 1).await;
    sleep(10 * SECOND).await;
    assert_eq!(bench.broker.in_hand(ORDERS), 1);
    bench.ledger.fail_settlements(false);
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.http.requests().len(), 1);
    bench.assert_outcomes(&[(Outcome::Delivered, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_lost_during_a_call_leads_to_no_second_call() {
    let bench = Bench::new();
    bench.http.script(warehouse::ORDERS, [HttpFault::Hold]);
    bench.say(&order("WEB-1")).await;
    bench.http.until(|http| http.count(warehouse::ORDERS) == 1).await;
    bench.broker.sever(ORDERS);
    bench.broker.until(|broker| broker.in_hand(ORDERS) == 1).await;
    sleep(SECOND).await;
    bench.http.release();
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.http.requests().len(), 1);
    bench.assert_outcomes(&[(Outcome::Delivered, 1)]).await;
}
