//! Facts and dead letters on their way into the store.

use ferry_broker::Delivery;
use ferry_canonical::fact::Fact;
use ferry_store::{DeadLetters, Direction, Journal, JournalEntry, StoreError};
use jiff::Timestamp;

use crate::letters;

/// Stores what lies in a `.dead` queue.
pub async fn bury<S: DeadLetters>(
    store: &S,
    taken: Vec<Delivery>,
    now: Timestamp,
) -> Result<(), StoreError> {
    store.bury(taken.iter().map(|delivery| letters::letter(delivery, now)).collect()).await
}

/// Stores facts as journal notes, one per skipped item.
pub async fn note<S: Journal>(
    store: &S,
    taken: Vec<Delivery>,
    now: Timestamp,
) -> Result<(), StoreError> {
    store.append(taken.iter().flat_map(|delivery| entries(delivery, now)).collect()).await
}

fn entries(delivery: &Delivery, now: Timestamp) -> Vec<JournalEntry> {
    let Ok(fact) = serde_json::from_slice::<Fact>(&delivery.body) else {
        return vec![unreadable(delivery, now)];
    };
    fact.items
        .iter()
        .map(|item| JournalEntry {
            at: fact.at,
            direction: Direction::Note,
            system: fact.source.clone(),
            operation: format!("{} {}", fact.endpoint, item.what),
            record_id: Some(fact.record_id),
            result: "skipped".to_owned(),
            detail: Some(item.reason.clone()),
            part: Some(item.pointer.clone()),
            key: Some(format!("{}#{}", fact.record_id, item.pointer)),
            ..empty(now)
        })
        .collect()
}

/// Somebody else published into the facts queue: it is said, not lost.
fn unreadable(delivery: &Delivery, now: Timestamp) -> JournalEntry {
    JournalEntry {
        operation: format!("fact {}", delivery.key),
        result: "parse".to_owned(),
        detail: Some("a message among the facts is no fact".to_owned()),
        request: Some(String::from_utf8_lossy(&delivery.body).into_owned()),
        ..empty(now)
    }
}

pub(crate) fn empty(at: Timestamp) -> JournalEntry {
    JournalEntry {
        at,
        direction: Direction::Note,
        system: "-".to_owned(),
        operation: String::new(),
        route: None,
        entity: None,
        entity_id: None,
        part: None,
        event_id: None,
        record_id: None,
        attempt: None,
        status: None,
        duration: None,
        result: String::new(),
        detail: None,
        rule: None,
        request: None,
        response: None,
        key: None,
    }
}
