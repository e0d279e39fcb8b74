//! What an operator does by hand: dead letters are sent again, products go through the bulk lane.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ferry_broker::{
    Broker as _, Headers, Message, Publisher as _,
    letter::{self, Dead},
};
use ferry_canonical::Lane;
use ferry_producer::record::{self, Origin, Stamp};
use ferry_store::{DeadFilter, DeadLetter, DeadLetters as _};
use serde_json::Value;

use crate::{chance::record_id, sim::Sim};

/// The refused orders that the warehouse takes by now: each letter once, as two copies.
pub(crate) async fn send_again(
    sim: &Sim,
    sent: &mut BTreeMap<String, String>,
) -> anyhow::Result<Vec<Message>> {
    let origin = Some("load.warehouse.order".to_owned());
    let filter = DeadFilter { origin, limit: Some(500), ..DeadFilter::default() };
    let mut messages = Vec::new();
    for summary in sim.store.dead(filter).await? {
        let order = summary.entity_id.unwrap_or_default();
        let is_mended = sim.models().warehouse.is_mended(&order);
        let Some((_, letter)) = sim.store.dead_letter(summary.id).await?.filter(|_| is_mended)
        else {
            continue;
        };
        let message = again(&letter);
        if sent.insert(message.id.clone(), order).is_none() {
            sim.say(format!("the operator sends {} again", message.id));
            messages.extend([message.clone(), message]);
        }
    }
    Ok(messages)
}

/// A page of the ERP's products, as `ferry backfill` sends one.
pub(crate) async fn backfill(sim: Arc<Sim>, page: String) {
    let origin = Origin {
        source: "erp".to_owned(),
        endpoint: "products".to_owned(),
        entity: Some("product"),
        lane: Lane::Bulk,
    };
    let stamp = Stamp { id: record_id(), received_at: ferry_sim::now() };
    let (_, message) = record::message(&origin, stamp, "application/json", &[], page.into_bytes());
    publish(sim, vec![message]).await;
}

/// Again and again, until all of it is stored.
pub(crate) async fn publish(sim: Arc<Sim>, messages: Vec<Message>) {
    const PATIENCE: Duration = Duration::from_secs(5);
    let publisher = sim.broker.publisher();
    while publisher.publish_until_confirmed(messages.clone(), PATIENCE).await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn again(letter: &DeadLetter) -> Message {
    let kept: BTreeMap<String, Value> = serde_json::from_str(&letter.headers).unwrap_or_default();
    let mut headers = Headers::default();
    for (name, value) in kept {
        match (value.as_str(), value.as_i64()) {
            (Some(text), _) => headers.insert(&name, text),
            (None, Some(number)) => headers.insert_number(&name, number),
            (None, None) => {}
        }
    }
    letter::send_again(Dead {
        origin: letter.origin.clone(),
        id: letter.message_id.clone().unwrap_or_default(),
        content_type: letter.content_type.clone().unwrap_or_default(),
        headers,
        body: letter.body.clone().into(),
    })
}
