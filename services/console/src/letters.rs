//! What lies in a `.dead` queue, as a dead letter. Anything may lie there.

use ferry_broker::{Delivery, HeaderValue, Headers, letter::History};
use ferry_canonical::{Event, Outcome, header};
use ferry_store::{DeadLetter, Position};
use jiff::Timestamp;
use uuid::Uuid;

/// The namespace of keys that are made from bodies.
const BODIES: Uuid = Uuid::from_u128(0x41d7_0c55_9be2_5b0e_8f31_76aa_d2c4_09e8);

/// Why the broker moved a message last: out of a delay level as well.
const LAST_DEATH_REASON: &str = "x-last-death-reason";

/// Never fails: bytes that mean nothing to us are kept as they are.
pub(crate) fn letter(delivery: &Delivery, now: Timestamp) -> DeadLetter {
    let headers = &delivery.headers;
    let text = |name: &str| headers.text(name).map(str::to_owned);
    let number = |name: &str| headers.number(name);
    let time = |name: &str| headers.text(name).and_then(|text| text.parse::<Timestamp>().ok());
    let origin = origin(delivery);
    // Most dead letters of loaders are events; those of the transformer are records.
    let event = Event::decode(&delivery.body).ok();
    let target = target(origin);
    DeadLetter {
        key: key(delivery, event.as_ref(), origin),
        died_at: time(header::LAST_FAILED_AT).unwrap_or(now),
        first_failed_at: time(header::FIRST_FAILED_AT),
        kind: kind(headers),
        detail: text(header::DETAIL).unwrap_or_else(|| unexplained(headers)),
        status: number(header::STATUS).and_then(|status| u16::try_from(status).ok()),
        response: text(header::RESPONSE),
        rule: text(header::RULE),
        attempts: number(header::ATTEMPT).and_then(|attempt| u32::try_from(attempt).ok()),
        route: text(header::ROUTE),
        source: text(header::SOURCE).or_else(|| event.as_ref().map(|event| event.source.clone())),
        target: target.map(str::to_owned),
        entity: event.as_ref().map(|event| event.subject.entity().to_string()),
        entity_id: text(header::KEY).or_else(|| event.as_ref().map(|e| e.subject.id.clone())),
        pointer: text(header::POINTER),
        position: event.as_ref().map(position),
        missing: headers.text(header::MISSING).and_then(|text| text.parse().ok()),
        message_id: delivery.id.clone(),
        content_type: delivery.content_type.clone(),
        headers: rendered(headers),
        body: delivery.body.to_vec(),
        origin: origin.to_owned(),
    }
}

fn origin(delivery: &Delivery) -> &str {
    delivery.queue.trim_end_matches(".dead")
}

fn target(origin: &str) -> Option<&str> {
    origin.strip_prefix("load.").and_then(|rest| rest.split('.').next())
}

/// Event, generation, outcome and reason.
pub(crate) type Ended = (Uuid, u32, Outcome, String);

/// How a delivery to a target ended, and which, if the broker has ended it: no loader has told the
/// ledger so.
pub(crate) fn ended_by_the_broker(delivery: &Delivery) -> Option<(String, Ended)> {
    let headers = &delivery.headers;
    let reason = brokers_reason(headers)?;
    let target = target(origin(delivery))?.to_owned();
    let event = Event::decode(&delivery.body).ok()?;
    let generation = History::of(delivery).generation;
    let because = format!("{}: dead-lettered by the broker: {reason}", kind(headers));
    Some((target, (event.id, generation, Outcome::Dead, because)))
}

/// A letter that the store does not take as it is: its key, where it died, and its bytes.
pub(crate) fn reduced(letter: DeadLetter) -> DeadLetter {
    let DeadLetter { key, origin, died_at, target, body, .. } = letter;
    DeadLetter {
        key,
        origin,
        died_at,
        first_failed_at: None,
        kind: "unknown".to_owned(),
        detail: "what its headers say cannot be stored; its bytes are whole".to_owned(),
        status: None,
        response: None,
        rule: None,
        attempts: None,
        route: None,
        source: None,
        target,
        entity: None,
        entity_id: None,
        pointer: None,
        position: None,
        missing: None,
        message_id: None,
        content_type: None,
        headers: "{}".to_owned(),
        body,
    }
}

fn position(event: &Event) -> Position {
    Position {
        facet: event.subject.facet,
        part: event.subject.part.clone(),
        source_id: event.source_id.clone(),
        clock: event.clock.clone(),
        sequence: event.sequence,
        observed_at: event.observed_at,
    }
}

/// The event's id; for an item cut from a record its source and content, because a poll reads an
/// unchanged bad item again and again; else the message id; else the body. Then origin and
/// generation.
fn key(delivery: &Delivery, event: Option<&Event>, origin: &str) -> String {
    let generation = delivery.headers.number(header::GENERATION).unwrap_or(0);
    let content = || Uuid::new_v5(&BODIES, &delivery.body);
    let name = match (event, delivery.id.as_deref().filter(|id| !id.is_empty())) {
        (Some(event), _) => event.id.to_string(),
        (None, _) if delivery.headers.text(header::POINTER).is_some() => {
            let source = delivery.headers.text(header::SOURCE).unwrap_or_default();
            let endpoint = delivery.headers.text(header::ENDPOINT).unwrap_or_default();
            format!("{source}/{endpoint}#{}", content())
        }
        (None, Some(id)) if id.parse::<Uuid>().is_ok() => id.to_owned(),
        // A foreign hand may use one id for two messages.
        (None, Some(id)) => format!("{id}#{}", content()),
        (None, None) => format!("body-{}", content()),
    };
    format!("{name}@{origin}/{generation}")
}

/// Why the broker dead-lettered it. What we bury says where it died; what we retried and the broker
/// buried says only why the retry was made.
fn brokers_reason(headers: &Headers) -> Option<&str> {
    let is_ours = headers.text(header::ORIGIN).is_some();
    // Nothing expires in a work queue: what came out of a level was put here by another hand.
    headers.text(LAST_DEATH_REASON).filter(|reason| !is_ours && *reason != "expired")
}

fn kind(headers: &Headers) -> String {
    match (brokers_reason(headers), headers.text(header::FAILURE_KIND)) {
        (Some("delivery_limit"), _) => "crashed".to_owned(),
        // Given up by us, because it could not be published here with a cause.
        (Some("rejected"), _) => "too_large".to_owned(),
        (None, Some(kind)) => kind.to_owned(),
        (Some(_), _) | (None, None) => "unknown".to_owned(),
    }
}

fn unexplained(headers: &Headers) -> String {
    match brokers_reason(headers) {
        Some("rejected") => {
            "too large to be published with its cause; it is here as it came".to_owned()
        }
        Some(reason) => format!("dead-lettered by the broker: {reason}"),
        None => "it carries no failure headers; a foreign hand may have put it here".to_owned(),
    }
}

fn rendered(headers: &Headers) -> String {
    let map: serde_json::Map<String, serde_json::Value> = headers
        .iter()
        .map(|(name, value)| {
            let value = match value {
                HeaderValue::Text(text) | HeaderValue::Other(text) => text.clone().into(),
                HeaderValue::Number(number) => (*number).into(),
            };
            (name.to_owned(), value)
        })
        .collect();
    serde_json::Value::Object(map).to_string()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ferry_broker::Receipt;

    use super::*;

    fn delivery(body: &'static [u8]) -> Delivery {
        Delivery {
            queue: "load.shop.order.dead".to_owned(),
            exchange: "dead".to_owned(),
            key: "load.shop.order".to_owned(),
            id: None,
            content_type: None,
            headers: Headers::default(),
            body: Bytes::from_static(body),
            delivery_count: 0,
            receipt: Receipt { epoch: 0, tag: 0 },
        }
    }

    #[test]
    fn arbitrary_bytes_are_kept_and_two_copies_are_one() {
        let of = |body| letter(&delivery(body), Timestamp::UNIX_EPOCH);
        let first = of(b"\xff\x00garbage");
        assert_eq!(
            (first.kind.as_str(), first.body.as_slice()),
            ("unknown", &b"\xff\x00garbage"[..])
        );
        assert_eq!(first.key, of(b"\xff\x00garbage").key);
        assert_ne!(first.key, of(b"other").key);
        assert_eq!(first.target.as_deref(), Some("shop"));
    }

    #[test]
    fn items_of_one_record_are_letters_of_their_own_and_an_item_read_again_is_one() {
        let with = |record: &str, body| {
            let mut delivery = delivery(body);
            delivery.id = Some(record.to_owned());
            delivery.headers.insert(header::POINTER, "/customers/3");
            letter(&delivery, Timestamp::UNIX_EPOCH).key
        };
        assert_ne!(with("record", b"{}"), with("record", b"[]"));
        assert_eq!(with("record", b"{}"), with("record read again", b"{}"));
    }

    #[test]
    fn what_the_broker_dead_lettered_is_called_crashed() {
        let mut delivery = delivery(b"{}");
        delivery.headers.insert(LAST_DEATH_REASON, "delivery_limit");
        assert_eq!(letter(&delivery, Timestamp::UNIX_EPOCH).kind, "crashed");
    }

    #[test]
    fn a_delivery_that_was_retried_before_is_called_by_its_own_death() {
        let mut delivery = delivery(b"{}");
        for (name, value) in [
            (header::FAILURE_KIND, "timeout"),
            ("x-first-death-reason", "expired"),
            (LAST_DEATH_REASON, "delivery_limit"),
        ] {
            delivery.headers.insert(name, value);
        }
        let of = |delivery: &Delivery| letter(delivery, Timestamp::UNIX_EPOCH);
        assert_eq!(of(&delivery).kind, "crashed");
        assert_eq!(of(&delivery).detail, "dead-lettered by the broker: delivery_limit");
        delivery.headers.insert(header::ORIGIN, "load.shop.order");
        assert_eq!(of(&delivery).kind, "timeout");
    }
}
