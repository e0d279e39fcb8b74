//! Queues in which anything may lie, and a store that does not take all of it.

use std::sync::{Arc, Mutex};

use ferry_broker::{Delivery, Headers, Message};
use ferry_console::intake::{self, Form};
use ferry_sim::SimBroker;
use ferry_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::{DEAD, topology};

/// What was stored, and in which form.
type Shelf = Arc<Mutex<Vec<(String, Form)>>>;

/// Takes every message as it is but those that say so.
fn keep(shelf: &Shelf, taken: &[Delivery], form: Form) -> Result<(), StoreError> {
    let odd = |delivery: &Delivery| form == Form::Whole && delivery.body.starts_with(b"odd");
    if taken.iter().any(odd) {
        return Err(StoreError::Unstorable("the database says 22021".to_owned()));
    }
    let kept = taken.iter().map(|d| (String::from_utf8_lossy(&d.body).into_owned(), form));
    shelf.lock().unwrap().extend(kept);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn one_message_that_the_store_does_not_take_stops_no_other() {
    let (broker, shelf) = (SimBroker::new(topology()), Shelf::default());
    for number in 0..300 {
        let odd = [7, 8, 250].contains(&number);
        broker
            .publish(Message {
                exchange: "dead".to_owned(),
                key: "load.warehouse.order".to_owned(),
                id: number.to_string(),
                content_type: "text/plain".to_owned(),
                headers: Headers::default(),
                body: format!("{} {number}", if odd { "odd" } else { "plain" }).into(),
            })
            .await;
    }
    let kept = Arc::clone(&shelf);
    let store = move |taken: Vec<Delivery>, form| {
        let result = keep(&kept, &taken, form);
        async move { result }
    };
    let draining = CancellationToken::new();
    let running = intake::run(broker.clone(), DEAD.to_owned(), draining.clone(), store);
    tokio::join!(running, async {
        broker.until(|broker| broker.messages(DEAD).is_empty()).await;
        draining.cancel();
    });
    let shelf = shelf.lock().unwrap();
    let reduced: Vec<_> = shelf.iter().filter(|(_, form)| *form == Form::Reduced).collect();
    assert_eq!(shelf.len(), 300);
    assert_eq!(
        reduced.iter().map(|(body, _)| body.as_str()).collect::<Vec<_>>(),
        ["odd 7", "odd 8", "odd 250"]
    );
}
