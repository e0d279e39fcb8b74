//! Deliveries that end well, and how a loader ends.

use ferry_canonical::Outcome;
use ferry_sim::HttpFault;
use ferry_store::{Journal as _, JournalFilter};

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
    let started = tokio::time::Instant::now();
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.warehouse.effects().len(), 300);
    assert!(started.elapsed() < SECOND, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_full_bulk_lane_does_not_starve_the_live_one_and_is_not_starved() {
    let bench = Bench::with_concurrency(1);
    bench.http.script(warehouse::ORDERS, [HttpFault::Hold]);
    for number in 0..100 {
        bench.broker.publish(message(&order(&format!("OLD-{number}")), "bulk")).await;
    }
    bench.http.until(|http| http.count(warehouse::ORDERS) == 1).await;
    bench.say(&order("NEW")).await;
    bench.http.release();
    bench.until_empty(ORDERS).await;
    assert!(!bench.broker.messages(ORDERS_BULK).is_empty(), "live work waited for all of bulk");
    bench.until_empty(ORDERS_BULK).await;
    bench.assert_outcomes(&[(Outcome::Delivered, 101)]).await;
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
    bench.broker.until(|broker| broker.in_hand(PRODUCTS) == 3).await;
    let (broker, http, store) = (bench.broker.clone(), bench.http.clone(), bench.store.clone());
    let warehouse = bench.warehouse.clone();
    tokio::join!(bench.drain(), async {
        tokio::time::sleep(SECOND).await;
        http.release();
    });
    assert_eq!(warehouse.effects(), ["product RUNS: Runs"]);
    let left = broker.messages(PRODUCTS);
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|message| message.exchange == "requeue"));
    assert!(left.iter().all(|message| message.headers.number("ferry-attempt").is_none()));
    assert_eq!(broker.in_hand(PRODUCTS), 0);
    let rows = store.search(JournalFilter::default()).await.unwrap();
    assert_eq!(rows[0].entry.result, "delivered");
}
