//! Deliveries that fail: retries, dead letters, a paused target.

use bytes::Bytes;
use ferry_broker::{Headers, Message, letter};
use ferry_canonical::{Outcome, header};
use ferry_sim::{Fault, answer};
use ferry_store::{Journal as _, JournalFilter};
use tokio::time::{Instant, sleep};

use crate::{
    bench::{Bench, ORDERS, ORDERS_DEAD, PRODUCTS, SECOND, message, order, product},
    warehouse::{self, missing},
};

#[tokio::test(start_paused = true)]
async fn a_failed_delivery_waits_in_its_delay_level_and_comes_back_as_the_next_attempt() {
    let bench = Bench::new();
    bench.warehouse.refuse([503, 503]);
    let started = Instant::now();
    bench.say(&order("WEB-1")).await;
    bench.broker.until(|broker| !broker.messages("delay.5s").is_empty()).await;
    let waiting = bench.broker.messages("delay.5s").remove(0);
    assert_eq!(waiting.headers.number(header::ATTEMPT), Some(2));
    assert_eq!(waiting.headers.text(header::FAILURE_KIND), Some("unavailable"));
    assert_eq!(waiting.headers.text(header::FIRST_FAILED_AT), Some("2026-01-01T00:00:00Z"));
    bench.broker.until(|broker| !broker.messages("delay.30s").is_empty()).await;
    let waiting = bench.broker.messages("delay.30s").remove(0);
    assert_eq!(waiting.headers.number(header::ATTEMPT), Some(3));
    assert_eq!(waiting.headers.text(header::FIRST_FAILED_AT), Some("2026-01-01T00:00:00Z"));
    assert_eq!(waiting.headers.text("x-death"), None);
    bench.http.until(|http| http.count(warehouse::ORDERS) == 3).await;
    assert_eq!(started.elapsed().as_secs(), 35);
    bench.until_empty(ORDERS).await;
    bench.assert_outcomes(&[(Outcome::Delivered, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_403_is_a_dead_letter_of_the_same_bytes_and_the_target_goes_on() {
    let bench = Bench::with_concurrency(1);
    bench.warehouse.refuse([403]);
    let refused = order("WEB-1");
    bench.say(&refused).await;
    bench.broker.until(|broker| !broker.messages(ORDERS_DEAD).is_empty()).await;
    let dead = bench.broker.messages(ORDERS_DEAD).remove(0);
    let sent = message(&refused, "live");
    assert_eq!((dead.body, dead.id), (sent.body, sent.id));
    assert_eq!(dead.headers.text(header::FAILURE_KIND), Some("rejected"));
    assert_eq!(dead.headers.number(header::STATUS), Some(403));
    assert_eq!(dead.headers.text(header::ORIGIN), Some(ORDERS));
    let started = Instant::now();
    bench.say(&order("WEB-2")).await;
    bench.until_empty(ORDERS).await;
    assert!(started.elapsed() < SECOND);
    assert_eq!(bench.warehouse.effects(), ["order WEB-2"]);
    bench.assert_outcomes(&[(Outcome::Dead, 1), (Outcome::Delivered, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn the_rule_that_decided_an_answer_stands_in_the_journal_and_in_the_dead_letter() {
    let bench = Bench::new();
    let duplicate = "<importResult><importDuplicates><import type=\"order\" \
                     externalReference=\"WEB-1\"/></importDuplicates></importResult>";
    bench.warehouse.say_instead([answer(200, duplicate), answer(200, "<error>closed</error>")]);
    bench.say(&order("WEB-1")).await;
    bench.until_empty(ORDERS).await;
    bench.say(&order("WEB-2")).await;
    bench.broker.until(|broker| !broker.messages(ORDERS_DEAD).is_empty()).await;
    let dead = bench.broker.messages(ORDERS_DEAD).remove(0);
    assert_eq!(dead.headers.text(header::RULE), Some("orderflow: error root"));
    let rows = bench.store.search(JournalFilter::default()).await.unwrap();
    let mut told: Vec<_> =
        rows.iter().map(|row| (row.entry.result.as_str(), row.entry.rule.as_deref())).collect();
    told.sort_unstable();
    let duplicate = ("delivered", Some("orderflow: importDuplicates"));
    assert_eq!(told, [duplicate, ("rejected", Some("orderflow: error root"))]);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_fails_for_longer_than_its_route_waits_is_a_dead_letter() {
    let bench = Bench::new();
    bench.warehouse.refuse([503; 20]);
    let started = Instant::now();
    bench.say(&order("WEB-1")).await;
    bench.broker.until(|broker| !broker.messages(ORDERS_DEAD).is_empty()).await;
    // Two minutes, counted from the first failure, seen at the next failure after them.
    assert_eq!(started.elapsed().as_secs(), 5 + 4 * 30);
    let dead = bench.broker.messages(ORDERS_DEAD).remove(0);
    assert_eq!(dead.headers.number(header::ATTEMPT), Some(6));
    assert_eq!(dead.headers.text(header::FAILURE_KIND), Some("unavailable"));
    assert_eq!(dead.headers.text(header::FIRST_FAILED_AT), Some("2026-01-01T00:00:00Z"));
    bench.until_empty(ORDERS).await;
    bench.assert_outcomes(&[(Outcome::Dead, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn what_misses_a_reference_waits_by_the_schedule_of_references() {
    let bench = Bench::new();
    bench.warehouse.say_instead([missing("WEB-1"), missing("WEB-1")]);
    let started = Instant::now();
    bench.say(&order("WEB-1")).await;
    bench.http.until(|http| http.count(warehouse::ORDERS) == 3).await;
    assert_eq!(started.elapsed().as_secs(), 60);
    assert_eq!(bench.broker.tried("delay.30s").len(), 2);
    bench.until_empty(ORDERS).await;
    bench.assert_outcomes(&[(Outcome::Delivered, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_pause_the_target_until_a_probe_is_answered() {
    let bench = Bench::with_concurrency(1);
    // The import, then the first probe.
    bench.warehouse.refuse([401, 401]);
    let started = Instant::now();
    bench.say(&order("WEB-1")).await;
    bench.http.until(|http| http.count(warehouse::ORDERS) == 1).await;
    bench.say(&product("MUG", "Red", 1)).await;
    bench.http.until(|http| http.count("probe") == 1).await;
    assert_eq!(started.elapsed().as_secs(), 30);
    sleep(29 * SECOND).await;
    assert_eq!(bench.http.requests().len(), 2, "something was called while it was paused");
    bench.http.until(|http| http.count("probe") == 2).await;
    bench.until_empty(ORDERS).await;
    bench.until_empty(PRODUCTS).await;
    assert_eq!(started.elapsed().as_secs(), 60);
    // No attempt was burnt: nothing went through a delay level.
    assert_eq!(bench.broker.tried("delay.5s").len(), 0);
    bench.assert_outcomes(&[(Outcome::Delivered, 2)]).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_a_dead_letter_and_what_stands_behind_it_goes_on() {
    let bench = Bench::new();
    let garbage = Message {
        body: Bytes::from_static(b"\xff\x00 no event"),
        headers: Headers::default(),
        id: "not a uuid".to_owned(),
        ..message(&order("WEB-0"), "live")
    };
    bench.broker.publish(garbage.clone()).await;
    bench.say(&order("WEB-1")).await;
    bench.until_empty(ORDERS).await;
    let dead = bench.broker.messages(ORDERS_DEAD);
    assert_eq!(dead.len(), 1);
    assert_eq!((&dead[0].body, &dead[0].id), (&garbage.body, &garbage.id));
    assert_eq!(dead[0].headers.text(header::FAILURE_KIND), Some("parse"));
    assert_eq!(bench.warehouse.effects(), ["order WEB-1"]);
}

/// Also where the letter is written a second time, from what the ledger knows alone.
#[tokio::test(start_paused = true)]
async fn a_dead_letter_says_what_its_target_lacked() {
    let bench = Bench::new();
    bench.warehouse.say_instead((0..30).map(|_| missing("WEB-1")));
    bench.broker.script("dead", [Fault::Hold]);
    bench.say(&order("WEB-1")).await;
    bench.broker.until(|broker| broker.messages(ORDERS_DEAD).len() == 1).await;
    bench.broker.sever(ORDERS);
    bench.broker.release();
    bench.until_empty(ORDERS).await;
    let letters = bench.broker.messages(ORDERS_DEAD);
    assert_eq!(letters.len(), 2);
    for letter in letters {
        assert_eq!(letter.headers.text(header::FAILURE_KIND), Some("missing_reference"));
        assert_eq!(letter.headers.text(header::MISSING), Some("product/MUG"));
        let detail = letter.headers.text(header::DETAIL).unwrap();
        assert!(detail.starts_with("Product MUG not found"), "{detail}");
    }
}

/// As the console sends a dead letter again: a delivery of its own, with one outcome for its copies.
#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_is_sent_again_twice_is_one_delivery_in_its_next_generation() {
    let bench = Bench::new();
    bench.warehouse.refuse([403]);
    bench.say(&order("WEB-1")).await;
    bench.broker.until(|broker| broker.messages(ORDERS_DEAD).len() == 1).await;
    let letter = bench.broker.messages(ORDERS_DEAD).remove(0);
    let again = letter::send_again(letter::Dead {
        origin: ORDERS.to_owned(),
        id: letter.id,
        content_type: letter.content_type,
        headers: letter.headers,
        body: letter.body,
    });
    bench.broker.publish(again.clone()).await;
    bench.broker.publish(again).await;
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.warehouse.effects(), ["order WEB-1"]);
    assert_eq!(bench.http.requests().len(), 2);
    bench.assert_outcomes(&[(Outcome::Dead, 1), (Outcome::Delivered, 1)]).await;
}
