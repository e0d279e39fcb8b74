//! Facts and dead letters on their way into the store.

use std::collections::BTreeMap;

use ferry_broker::Delivery;
use ferry_canonical::fact::Fact;
use ferry_store::{DeadLetters, Direction, Journal, JournalEntry, Ledger, NO_ROUTE, StoreError};
use jiff::Timestamp;

use crate::{
    intake::Form,
    letters::{self, Ended},
};

/// Stores what lies in a `.dead` queue. Deliveries that the broker put there have ended in the ledger
/// before they are letters: older states of their parts wait for that.
pub async fn bury<S: DeadLetters + Ledger>(
    store: &S,
    taken: Vec<Delivery>,
    form: Form,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut ended: BTreeMap<String, Vec<Ended>> = BTreeMap::new();
    for (target, end) in taken.iter().filter_map(letters::ended_by_the_broker) {
        ended.entry(target).or_default().push(end);
    }
    for (target, ended) in ended {
        store.end(&target, NO_ROUTE, ended).await?;
    }
    let letter = |delivery: &Delivery| {
        let letter = letters::letter(delivery, now);
        if form == Form::Whole { letter } else { letters::reduced(letter) }
    };
    store.bury(taken.iter().map(letter).collect()).await
}

/// Stores facts as journal notes, one per skipped item.
pub async fn note<S: Journal>(
    store: &S,
    taken: Vec<Delivery>,
    form: Form,
    now: Timestamp,
) -> Result<(), StoreError> {
    let entries = taken.iter().flat_map(|delivery| match form {
        Form::Whole => entries(delivery, now),
        Form::Reduced => vec![reduced(delivery, now)],
    });
    store.append(entries.collect()).await
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

/// What the store does not take as it is.
fn reduced(delivery: &Delivery, now: Timestamp) -> JournalEntry {
    JournalEntry {
        operation: "fact".to_owned(),
        result: "parse".to_owned(),
        detail: Some("a message among the facts cannot be stored as it is".to_owned()),
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
