//! A record in, messages out: events for what routes want, dead letters for bad items, one fact for
//! what was skipped.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use ferry_broker::{
    Delivery, Headers, Message,
    letter::{self, Failed},
};
use ferry_canonical::{
    Event, Facet, FailureKind, Removal, Subject,
    event::CONTENT_TYPE,
    event_id,
    fact::{Fact, SkippedItem},
    header,
};
use ferry_systems::{
    BadItem, Draft, Record, System,
    draft::{PartDraft, RemovedDraft},
};
use ferry_topology::name;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    metrics::TransformerMetrics,
    record::{Heading, record_id},
};

/// What a record becomes.
#[derive(Debug, Default)]
pub struct Transformed {
    pub messages: Vec<Message>,
    pub events: u32,
    pub skipped: u32,
    pub dead: u32,
}

/// Where an item stood.
struct Place<'a> {
    delivery: &'a Delivery,
    heading: &'a Heading,
    pointer: String,
}

/// Knows the systems and what the routes want. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Transformer {
    systems: Arc<BTreeMap<String, System>>,
    wanted: Arc<BTreeSet<(String, Facet)>>,
    clock: fn() -> Timestamp,
    /// Names this process in dead letters.
    host: String,
    metrics: TransformerMetrics,
}

impl Transformer {
    pub fn new(
        systems: BTreeMap<String, System>,
        wanted: BTreeSet<(String, Facet)>,
        clock: fn() -> Timestamp,
        host: String,
        metrics: TransformerMetrics,
    ) -> Self {
        Self { systems: Arc::new(systems), wanted: Arc::new(wanted), clock, host, metrics }
    }

    /// Never fails: what cannot be read becomes a dead letter.
    pub fn transform(&self, delivery: &Delivery) -> Transformed {
        let mut out = Transformed::default();
        let heading = match Heading::of(delivery) {
            Ok(heading) => heading,
            Err((kind, detail)) => {
                self.bury(&mut out, delivery, kind, &detail);
                return out;
            }
        };
        let Some(system) = self.systems.get(&heading.source) else {
            let detail = format!("no system is called `{}`", heading.source);
            self.bury(&mut out, delivery, FailureKind::Unsupported, &detail);
            return out;
        };
        let record = Record {
            endpoint: &heading.endpoint,
            scope: heading.scope.as_deref(),
            message_id: heading.message_id.as_deref(),
            received_at: heading.received_at,
            as_of: heading.as_of,
            first_line: heading.first_line,
            body: &delivery.body,
        };
        let mut skipped = Vec::new();
        for (ordinal, item) in (0..).zip(system.read(&record)) {
            match item.draft {
                Ok(Draft::Part(draft)) => {
                    let event = event(&heading, ordinal, *draft);
                    let at = Place { delivery, heading: &heading, pointer: item.pointer };
                    skipped.extend(self.emit(&mut out, at, &event));
                }
                Ok(Draft::Removed(draft)) => {
                    let removal = removal(&heading, ordinal, *draft);
                    skipped.extend(self.emit_removal(&mut out, &heading, item.pointer, &removal));
                }
                Ok(Draft::Skip { what, reason }) => {
                    skipped.push(SkippedItem { pointer: item.pointer, what, reason });
                }
                Err(bad) => self.bury_item(&mut out, delivery, &item.pointer, bad),
            }
        }
        self.tell(&mut out, &heading, skipped);
        self.metrics.count(&heading.source, &out);
        out
    }

    /// The event's message, or what is skipped because no route wants it.
    fn emit(&self, out: &mut Transformed, at: Place<'_>, event: &Event) -> Option<SkippedItem> {
        let Place { delivery, heading, pointer } = at;
        let facet = event.subject.facet;
        if !self.wanted.contains(&(heading.source.clone(), facet)) {
            let reason = format!("no route takes {}.{facet} from {}", facet.entity(), event.source);
            return Some(SkippedItem { pointer, what: event.subject.to_string(), reason });
        }
        match event.encode() {
            Ok(body) => {
                out.events += 1;
                out.messages.push(message(heading, &event.subject, (event.id, body)));
            }
            Err(error) => {
                let bad = BadItem {
                    kind: FailureKind::TooLarge,
                    detail: error.to_string(),
                    fragment: delivery.body.to_vec(),
                    key: Some(event.subject.id.clone()),
                };
                self.bury_item(out, delivery, &pointer, bad);
            }
        }
        None
    }

    /// The same of what is gone.
    fn emit_removal(
        &self,
        out: &mut Transformed,
        heading: &Heading,
        pointer: String,
        removal: &Removal,
    ) -> Option<SkippedItem> {
        let (facet, what) = (removal.subject.facet, removal.subject.to_string());
        if !self.wanted.contains(&(heading.source.clone(), facet)) {
            let reason =
                format!("no route takes {}.{facet} from {}", facet.entity(), removal.source);
            return Some(SkippedItem { pointer, what, reason });
        }
        match removal.encode() {
            Ok(body) => {
                out.events += 1;
                out.messages.push(message(heading, &removal.subject, (removal.id, body)));
                None
            }
            Err(error) => {
                Some(SkippedItem { pointer, what, reason: format!("it cannot be said: {error}") })
            }
        }
    }

    fn bury(&self, out: &mut Transformed, delivery: &Delivery, kind: FailureKind, detail: &str) {
        let failed = Failed::new(kind, detail, (self.clock)());
        out.dead += 1;
        let mut message = letter::dead(delivery, failed, &self.host);
        message.id = record_id(delivery).to_string();
        out.messages.push(message);
    }

    fn bury_item(&self, out: &mut Transformed, delivery: &Delivery, pointer: &str, bad: BadItem) {
        let failed = Failed::new(bad.kind, &bad.detail, (self.clock)());
        let fragment = Bytes::from(bad.fragment);
        let mut message =
            letter::dead_item(delivery, failed, &self.host, Some((pointer, fragment)));
        message.id = record_id(delivery).to_string();
        // A row that is sent again by itself stands where it stood in its file.
        if let Some(line) = pointer.strip_prefix("line ") {
            message.headers.insert(header::FIRST_LINE, line);
        }
        if let Some(key) = bad.key {
            let key = letter::cut(&key, ferry_canonical::limits::EXCERPT_BYTES);
            message.headers.insert(header::KEY, key);
        }
        out.dead += 1;
        out.messages.push(message);
    }

    fn tell(&self, out: &mut Transformed, heading: &Heading, items: Vec<SkippedItem>) {
        if items.is_empty() {
            return;
        }
        out.skipped = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let fact = Fact {
            service: "transformer".to_owned(),
            at: (self.clock)(),
            record_id: heading.id,
            source: heading.source.clone(),
            endpoint: heading.endpoint.clone(),
            message_id: heading.message_id.clone(),
            items,
        };
        out.messages.push(Message {
            exchange: name::FACTS.to_owned(),
            key: ferry_topology::fact_key("transformer", "skipped"),
            id: heading.id.to_string(),
            content_type: "application/json".to_owned(),
            headers: Headers::default(),
            // A fact is strings and times: it always has a JSON form.
            body: serde_json::to_vec(&fact).unwrap_or_default().into(),
        });
    }
}

fn event(heading: &Heading, ordinal: u32, draft: PartDraft) -> Event {
    Event {
        id: event_id(heading.id, ordinal),
        source: heading.source.clone(),
        subject: draft.part.subject(),
        time: draft.time.unwrap_or(heading.received_at),
        sequence: draft.sequence,
        clock: draft.clock,
        observed_at: heading.received_at,
        source_id: draft.source_id,
        causation_id: heading.id,
        correlation_id: heading.id,
        traceparent: heading.traceparent.clone(),
        part: draft.part,
    }
}

fn removal(heading: &Heading, ordinal: u32, draft: RemovedDraft) -> Removal {
    Removal {
        id: event_id(heading.id, ordinal),
        source: heading.source.clone(),
        subject: draft.subject,
        time: draft.time,
        sequence: draft.sequence,
        clock: draft.clock,
        observed_at: heading.received_at,
        source_id: draft.source_id,
        causation_id: heading.id,
        correlation_id: heading.id,
        traceparent: heading.traceparent.clone(),
    }
}

fn message(heading: &Heading, subject: &Subject, (id, body): (Uuid, Vec<u8>)) -> Message {
    let (entity, facet) = (subject.entity().as_str(), subject.facet.as_str());
    let mut headers = Headers::default();
    headers.insert(header::LANE, heading.lane.as_str());
    if let Some(traceparent) = &heading.traceparent {
        headers.insert(header::TRACEPARENT, traceparent.as_str());
    }
    Message {
        exchange: name::EVENTS.to_owned(),
        key: ferry_topology::event_key(entity, facet, &heading.source, heading.lane.as_str()),
        id: id.to_string(),
        content_type: CONTENT_TYPE.to_owned(),
        headers,
        body: body.into(),
    }
}
