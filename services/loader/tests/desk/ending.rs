//! Deliveries that end well, and how a loader ends.

use ferry_broker::Message;
use ferry_canonical::{Event, Outcome, Removal, Sequence};
use ferry_sim::HttpFault;
use ferry_store::{Journal as _, JournalFilter};
use tokio::time::{Instant, sleep};

use crate::{
    bench::{Bench, ORDERS, ORDERS_BULK, PRODUCTS, SECOND, message, order, product},
    warehouse,
};

#[tokio::test(start_paused = true)]
async fn what_was_applied_is_recorded_and_acknowledged() {
    let bench = Bench::new();
    let event = order("WEB-1");
    bench.say(&event).await;
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.warehouse.effects(), ["order WEB-1"]);
    bench.assert_outcomes(&[(Outcome::Delivered, 1)]).await;
    let rows = bench.store.search(JournalFilter::default()).await.unwrap();
    assert_eq!((rows.len(), rows[0].entry.event_id), (1, Some(event.id)));
    assert_eq!(rows[0].entry.result, "delivered");
}

/// More than one hand-over holds, while five other queues of the desk have nothing to say.
#[tokio::test(start_paused = true)]
async fn quiet_queues_do_not_hold_up_a_busy_one() {
    let bench = Bench::new();
    for number in 0..300 {
        bench.say(&order(&format!("WEB-{number}"))).await;
    }
    let started = Instant::now();
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.warehouse.effects().len(), 300);
    assert!(started.elapsed() < SECOND, "{:?}", started.elapsed());
}

/// While one call holds the only place, `busy` and then `other` fill up. Answers which place among
/// the effects the one order of `other` takes.
async fn place_of_the_other_lane(busy: &str, other: &str) -> usize {
    let bench = Bench::with_concurrency(1);
    bench.http.script(warehouse::PRODUCTS, [HttpFault::Hold]);
    bench.say(&product("MUG", "Holds the only place", 1)).await;
    bench.http.until(|http| http.count(warehouse::PRODUCTS) == 1).await;
    for number in 0..100 {
        bench.broker.publish(message(&order(&format!("BUSY-{number}")), busy)).await;
    }
    bench.broker.publish(message(&order("OTHER"), other)).await;
    let queue = ferry_topology::load_queue("warehouse", "order", other);
    bench.broker.until(|broker| broker.in_hand(&queue) == 1).await;
    sleep(SECOND).await;
    bench.http.release();
    bench.until_empty(ORDERS).await;
    bench.until_empty(ORDERS_BULK).await;
    bench.assert_outcomes(&[(Outcome::Delivered, 102)]).await;
    bench.warehouse.effects().iter().position(|effect| effect == "order OTHER").unwrap()
}

#[tokio::test(start_paused = true)]
async fn live_work_overtakes_a_full_bulk_lane() {
    assert_eq!(place_of_the_other_lane("bulk", "live").await, 1);
}

#[tokio::test(start_paused = true)]
async fn bulk_work_has_its_share_of_a_call_beside_a_full_live_lane() {
    let place = place_of_the_other_lane("live", "bulk").await;
    assert!(place <= 25, "it waited for the call after: {place}");
}

#[tokio::test(start_paused = true)]
async fn a_draining_loader_finishes_what_runs_and_gives_back_what_never_started() {
    let bench = Bench::with_concurrency(1);
    bench.http.script(warehouse::PRODUCTS, [HttpFault::Hold]);
    bench.say(&product("RUNS", "Runs", 1)).await;
    bench.http.until(|http| http.count(warehouse::PRODUCTS) == 1).await;
    for sku in ["HELD-1", "HELD-2"] {
        bench.say(&product(sku, "Held", 1)).await;
    }
    // The desk has had the time to take these in; for the next one it has none.
    sleep(SECOND).await;
    bench.say(&product("LATE", "Late", 1)).await;
    assert_eq!(bench.broker.in_hand(PRODUCTS), 4);
    let (broker, http, store) = (bench.broker.clone(), bench.http.clone(), bench.store.clone());
    let warehouse = bench.warehouse.clone();
    tokio::join!(bench.drain(), async {
        sleep(SECOND).await;
        http.release();
    });
    assert_eq!(warehouse.effects(), ["product RUNS: Runs"]);
    let left = broker.messages(PRODUCTS);
    assert_eq!(left.len(), 3);
    assert!(left.iter().all(|message| message.exchange == "requeue"));
    assert!(left.iter().all(|message| message.headers.number("ferry-attempt").is_none()));
    assert_eq!(broker.in_hand(PRODUCTS), 0);
    let rows = store.search(JournalFilter::default()).await.unwrap();
    assert_eq!(rows[0].entry.result, "delivered");
}

#[tokio::test(start_paused = true)]
async fn a_desk_of_which_a_part_dies_ends_in_order_and_says_so() {
    let mut bench = Bench::with_concurrency(1);
    bench.http.script(warehouse::PRODUCTS, [HttpFault::Hold]);
    bench.say(&product("RUNS", "Runs", 1)).await;
    bench.http.until(|http| http.count(warehouse::PRODUCTS) == 1).await;
    bench.say(&product("HELD", "Held", 1)).await;
    bench.ledger.panic_at_renewals();
    let http = bench.http.clone();
    let (ended, ()) = tokio::join!(bench.loaders.join_next(), async {
        sleep(15 * SECOND).await;
        http.release();
    });
    let died = ended.unwrap().unwrap().unwrap_err();
    assert_eq!(died.to_string(), "a part of the desk of `warehouse` has panicked");
    assert_eq!(bench.warehouse.effects(), ["product RUNS: Runs"]);
    assert_eq!((bench.broker.in_hand(PRODUCTS), bench.broker.messages(PRODUCTS).len()), (0, 1));
}

/// What another configuration bound here. The store takes its end, or it goes back.
#[tokio::test(start_paused = true)]
async fn what_no_route_brings_here_is_skipped_and_does_not_keep_a_loader_from_ending() {
    let bench = Bench::new();
    let stray = |name: &str| Event { source: "elsewhere".to_owned(), ..product("MUG", name, 1) };
    let lost = |event: &Event| Message {
        key: message(&product("MUG", "a", 1), "live").key,
        ..message(event, "live")
    };
    bench.broker.publish(lost(&stray("a"))).await;
    bench.until_empty(PRODUCTS).await;
    bench.assert_outcomes(&[(Outcome::Skipped, 1)]).await;
    bench.ledger.fail_ends(true);
    bench.broker.publish(lost(&stray("b"))).await;
    bench.say(&product("BOWL", "Bowl", 1)).await;
    bench.http.until(|http| http.count(warehouse::PRODUCTS) == 1).await;
    let broker = bench.broker.clone();
    bench.drain().await;
    let left = broker.messages(PRODUCTS);
    assert_eq!((broker.in_hand(PRODUCTS), left.len()), (0, 1));
    assert_eq!(left[0].exchange, "requeue");
}

/// That the product's source has it no more.
fn removal(of: &Event) -> Message {
    let removal = Removal {
        id: ferry_canonical::event_id(of.causation_id, 7),
        source: of.source.clone(),
        subject: of.subject.clone(),
        time: of.time,
        sequence: Sequence::MAX,
        clock: of.clock.clone(),
        observed_at: of.observed_at,
        source_id: None,
        causation_id: of.causation_id,
        correlation_id: of.correlation_id,
        traceparent: None,
    };
    let body = removal.encode().unwrap().into();
    Message { id: removal.id.to_string(), body, ..message(of, "live") }
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_at_its_source_is_skipped_and_is_no_newer_than_what_comes_back() {
    let bench = Bench::new();
    bench.broker.publish(removal(&product("MUG", "Red", 1))).await;
    bench.until_empty(PRODUCTS).await;
    bench.assert_outcomes(&[(Outcome::Skipped, 1)]).await;
    assert_eq!(bench.http.requests().len(), 0);
    bench.say(&product("MUG", "Red", 1)).await;
    bench.until_empty(PRODUCTS).await;
    assert_eq!(bench.warehouse.effects(), ["product MUG: Red"]);
    bench.assert_outcomes(&[(Outcome::Delivered, 1), (Outcome::Skipped, 1)]).await;
}
