//! Deliveries that may take the process down.

use ferry_broker::Message;
use ferry_sim::HttpFault;
use tokio::time::sleep;

use crate::{
    bench::{Bench, ORDERS, ORDERS_DEAD, OUTLET, SECOND, message, order},
    warehouse::{self, Warehouse},
};

async fn send(bench: &Bench, queue: &str, identifier: &str) {
    let message = message(&order(identifier), "live");
    let exchange = "requeue".to_owned();
    bench.broker.publish(Message { exchange, key: queue.to_owned(), ..message }).await;
}

/// What is in hand comes again as if its loader had died with it five times.
async fn come_again_five_times(bench: &Bench, queue: &str, count: usize) {
    for _ in 0..5 {
        bench.broker.until(|broker| broker.in_hand(queue) == count).await;
        bench.broker.sever(queue);
    }
    bench.broker.until(|broker| broker.in_hand(queue) == count).await;
}

#[tokio::test(start_paused = true)]
async fn what_may_take_the_process_down_waits_for_the_calls_of_every_target_and_runs_alone() {
    let mut bench = Bench::new();
    let outlet = Warehouse::default().http();
    bench.add_outlet_at(&outlet);
    outlet.script(warehouse::ORDERS, [HttpFault::Hold]);
    send(&bench, OUTLET, "RUNS").await;
    outlet.until(|http| http.requests().len() == 1).await;
    bench.ledger.fail_claims(true);
    send(&bench, ORDERS, "SUSPECT").await;
    come_again_five_times(&bench, ORDERS, 1).await;
    bench.ledger.fail_claims(false);
    sleep(2 * SECOND).await;
    send(&bench, OUTLET, "COMES-LATER").await;
    sleep(2 * SECOND).await;
    assert_eq!(bench.http.requests().len(), 0, "a call of another target was not waited for");
    assert_eq!(outlet.requests().len(), 1, "a call began that the suspect would have to wait for");
    bench.http.script(warehouse::ORDERS, [HttpFault::Hold]);
    outlet.release();
    bench.http.until(|http| http.requests().len() == 1).await;
    sleep(2 * SECOND).await;
    assert_eq!(outlet.requests().len(), 1, "a call began beside the suspect");
    bench.http.release();
    bench.until_empty(ORDERS).await;
    bench.until_empty(OUTLET).await;
    assert_eq!(bench.warehouse.effects(), ["order SUSPECT"]);
    assert_eq!(outlet.requests().len(), 2);
}

/// It was in the same hands as what killed its loaders, and never in a call.
#[tokio::test(start_paused = true)]
async fn what_was_lost_a_hundred_times_outside_a_call_is_tried() {
    let bench = Bench::new();
    bench.ledger.fail_claims(true);
    send(&bench, ORDERS, "NEIGHBOUR").await;
    for _ in 0..20 {
        come_again_five_times(&bench, ORDERS, 1).await;
    }
    bench.ledger.fail_claims(false);
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.warehouse.effects(), ["order NEIGHBOUR"]);
    assert!(bench.broker.messages(ORDERS_DEAD).is_empty());
}

/// A broker that was restarted often makes suspects of many: they go one after the other.
#[tokio::test(start_paused = true)]
async fn suspects_run_one_at_a_time_and_other_deliveries_side_by_side() {
    let bench = Bench::new();
    bench.ledger.fail_claims(true);
    for number in 0..3 {
        send(&bench, ORDERS, &format!("SUSPECT-{number}")).await;
    }
    come_again_five_times(&bench, ORDERS, 3).await;
    bench.http.script(warehouse::ORDERS, [HttpFault::Hold, HttpFault::Hold, HttpFault::Hold]);
    bench.ledger.fail_claims(false);
    for number in 1..=3 {
        bench.http.until(|http| http.requests().len() == number).await;
        sleep(SECOND).await;
        assert_eq!(bench.http.requests().len(), number);
        bench.http.release();
    }
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.warehouse.effects().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_row_of_suspects_gives_other_targets_their_turns_in_between() {
    let mut bench = Bench::new();
    let outlet = bench.add_outlet();
    bench.ledger.fail_claims(true);
    for number in 0..3 {
        send(&bench, ORDERS, &format!("SUSPECT-{number}")).await;
    }
    come_again_five_times(&bench, ORDERS, 3).await;
    bench.http.script(warehouse::ORDERS, [HttpFault::Hold, HttpFault::Hold]);
    bench.ledger.fail_claims(false);
    bench.http.until(|http| http.requests().len() == 1).await;
    send(&bench, OUTLET, "OTHER").await;
    sleep(SECOND).await;
    assert!(outlet.effects().is_empty(), "a call began beside the suspect");
    bench.http.release();
    bench.http.until(|http| http.requests().len() == 2).await;
    assert_eq!(outlet.effects(), ["order OTHER"]);
    bench.http.release();
    bench.until_empty(ORDERS).await;
    assert_eq!(bench.warehouse.effects().len(), 3);
}
