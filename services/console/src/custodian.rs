//! The custodian of dead letters: closes those that a later success has dealt with, and sends those
//! again that waited for something which has come since.
//!
//! A letter is closed as sent again only after the broker has confirmed the message. A crash between
//! the two sends the same message twice, which is one delivery to the ledger: it has one outcome per
//! event and generation. Of several consoles the one that holds the lease does this; if two do for a
//! moment, that is the same harmless copy. Every other letter waits for a person.

use std::collections::BTreeMap;

use ferry_broker::{
    Broker, Headers, Message, Publisher,
    letter::{self, Dead},
};
use ferry_store::{DeadLetter, DeadLetters, Lease, Leases, StoreError};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::limits;

/// Looks after the letters until `draining`. `owner` names this process in the lease.
pub async fn run<B, S>(broker: B, store: S, owner: String, draining: CancellationToken)
where
    B: Broker,
    S: DeadLetters + Leases,
{
    let publisher = broker.publisher();
    let lease = Lease { name: "custodian".to_owned(), owner };
    let mut pause = limits::CUSTODY_EVERY;
    loop {
        tokio::select! {
            () = draining.cancelled() => break,
            () = sleep(pause) => {}
        }
        let started = Instant::now();
        if let Err(error) = look(&publisher, &store, &lease).await {
            warn!(%error, "dead letters are not looked after");
        }
        // A long look at very many letters must not be all that the store does.
        pause = limits::CUSTODY_EVERY.max(started.elapsed() * limits::CUSTODY_REST);
    }
    // Another console need not wait for the lease to end.
    if let Err(error) = store.release(lease).await {
        warn!(%error, "the lease on dead letters is not given back");
    }
}

async fn look<P, S>(publisher: &P, store: &S, lease: &Lease) -> Result<(), StoreError>
where
    P: Publisher,
    S: DeadLetters + Leases,
{
    if !store.lease(lease.clone(), limits::CUSTODY).await? {
        return Ok(());
    }
    let closed = store.close_overtaken(limits::LETTERS_CLOSED).await?;
    if closed > 0 {
        info!(count = closed, "dead letters are closed by a later success");
    }
    let awaited = store.awaited(limits::LETTERS_AGAIN).await?;
    if awaited.is_empty() {
        return Ok(());
    }
    let messages: Vec<Message> = awaited.iter().map(|(_, letter)| again(letter)).collect();
    let patience = limits::PUBLISH_PATIENCE;
    if let Err(error) = publisher.publish_until_confirmed(messages, patience).await {
        warn!(%error, count = awaited.len(), "dead letters are not sent again yet");
        return Ok(());
    }
    for (because, ids) in by_cause(&awaited) {
        info!(count = ids.len(), because, "dead letters are sent again");
        store.close(ids, &because).await?;
    }
    Ok(())
}

fn by_cause(awaited: &[(i64, DeadLetter)]) -> BTreeMap<String, Vec<i64>> {
    let mut causes: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (id, letter) in awaited {
        let came = letter.missing.as_ref().map_or_else(String::new, ToString::to_string);
        causes.entry(format!("sent again, because {came} has come")).or_default().push(*id);
    }
    causes
}

fn again(letter: &DeadLetter) -> Message {
    letter::send_again(Dead {
        origin: letter.origin.clone(),
        id: letter.message_id.clone().unwrap_or_default(),
        content_type: letter.content_type.clone().unwrap_or_default(),
        headers: headers(&letter.headers),
        body: letter.body.clone().into(),
    })
}

/// The headers as the letter keeps them: a JSON object of texts and numbers.
fn headers(kept: &str) -> Headers {
    let kept: BTreeMap<String, Value> = serde_json::from_str(kept).unwrap_or_default();
    let mut headers = Headers::default();
    for (name, value) in kept {
        match (value.as_str(), value.as_i64()) {
            (Some(text), _) => headers.insert(&name, text),
            (None, Some(number)) => headers.insert_number(&name, number),
            (None, None) => {}
        }
    }
    headers
}
