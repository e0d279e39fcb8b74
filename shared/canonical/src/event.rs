//! The envelope: CloudEvents 1.0, structured mode.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    entity::{Subject, SubjectError},
    limits,
    part::{Part, PartError},
    sequence::{Clock, Sequence, SequenceError},
};

/// The media type of an encoded event.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";
/// Schemas are at `<base>/<entity>.<facet>.v1.json`; the committed copies are in `schemas/`.
pub const SCHEMA_BASE: &str = "https://ferry.example/schemas";
/// The namespace of event ids.
const EVENTS: Uuid = Uuid::from_u128(0x6f5c_2b1e_7c0d_5a34_9d1f_3e8a_41b6_f0c2);

/// One part of one entity, whole, as a source had it at a point of its clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Name-based on (record id, ordinal): a record transformed twice gives the same ids.
    pub id: Uuid,
    /// The system it came from, as configured.
    pub source: String,
    pub subject: Subject,
    /// When it happened at the source.
    pub time: Timestamp,
    pub sequence: Sequence,
    pub clock: Clock,
    /// When the source was read; breaks ties of equal sequences.
    pub observed_at: Timestamp,
    /// The source's own id of the entity, where that differs from the subject's id.
    pub source_id: Option<String>,
    /// The record this was cut from.
    pub causation_id: Uuid,
    pub correlation_id: Uuid,
    pub traceparent: Option<String>,
    pub part: Part,
}

#[derive(Debug, thiserror::Error)]
pub enum EventError {
    #[error("not a JSON object in the CloudEvents structured form: {0}")]
    Envelope(String),
    #[error("attribute {name}: `{found}` is not supported; expected {expected}")]
    Attribute { name: &'static str, found: String, expected: String },
    #[error("attribute subject")]
    Subject(#[source] SubjectError),
    #[error("attribute sequence")]
    Sequence(#[source] SequenceError),
    #[error("attribute data")]
    Part(#[source] PartError),
    #[error("subject names {subject}, but the content of data names {content}")]
    Mismatch { subject: String, content: String },
    #[error("{bytes} bytes are more than the limit of {}", limits::EVENT_BYTES)]
    TooLarge { bytes: usize },
}

/// The id of the `ordinal`th event of a record.
pub fn event_id(record: Uuid, ordinal: u32) -> Uuid {
    let mut name = [0_u8; 20];
    let (head, tail) = name.split_at_mut(16);
    head.copy_from_slice(record.as_bytes());
    tail.copy_from_slice(&ordinal.to_be_bytes());
    Uuid::new_v5(&EVENTS, &name)
}

#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    specversion: String,
    id: Uuid,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    subject: String,
    time: Timestamp,
    datacontenttype: String,
    dataschema: String,
    sequence: String,
    clock: String,
    observedat: Timestamp,
    partitionkey: String,
    correlationid: Uuid,
    causationid: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sourceid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Event {
    /// `ferry.order.shipment.changed.v1`
    pub fn kind(&self) -> String {
        format!("ferry.{}.{}.changed.v1", self.subject.entity(), self.subject.facet)
    }

    /// The event as it lies in a queue.
    pub fn encode(&self) -> Result<Vec<u8>, EventError> {
        let envelope = |error: serde_json::Error| EventError::Envelope(error.to_string());
        let part = RawValue::from_string(self.part.to_json()).map_err(envelope)?;
        let (entity, facet) = (self.subject.entity(), self.subject.facet);
        let wire = Wire {
            specversion: "1.0".to_owned(),
            id: self.id,
            source: format!("/{}", self.source),
            kind: self.kind(),
            subject: self.subject.to_string(),
            time: self.time,
            datacontenttype: "application/json".to_owned(),
            dataschema: format!("{SCHEMA_BASE}/{entity}.{facet}.v1.json"),
            sequence: self.sequence.to_string(),
            clock: self.clock.to_string(),
            observedat: self.observed_at,
            partitionkey: self.subject.partition_key(),
            correlationid: self.correlation_id,
            causationid: self.causation_id,
            sourceid: self.source_id.clone(),
            traceparent: self.traceparent.clone(),
            data: &part,
        };
        let bytes = serde_json::to_vec(&wire).map_err(envelope)?;
        if bytes.len() > limits::EVENT_BYTES {
            return Err(EventError::TooLarge { bytes: bytes.len() });
        }
        Ok(bytes)
    }

    /// Reads what [`Event::encode`] wrote, of this version or a later one: unknown attributes and
    /// fields are passed over.
    pub fn decode(bytes: &[u8]) -> Result<Self, EventError> {
        if bytes.len() > limits::EVENT_BYTES {
            return Err(EventError::TooLarge { bytes: bytes.len() });
        }
        let wire: Wire<'_> = serde_json::from_slice(bytes)
            .map_err(|error| EventError::Envelope(error.to_string()))?;
        expect("specversion", &wire.specversion, "1.0")?;
        let subject = Subject::parse(&wire.subject).map_err(EventError::Subject)?;
        let kind = format!("ferry.{}.{}.changed.v1", subject.entity(), subject.facet);
        expect("type", &wire.kind, &kind)?;
        let part = Part::from_json(subject.facet, wire.data.get().as_bytes())
            .map_err(EventError::Part)?;
        if part.subject().part != subject.part {
            let content = part.subject().to_string();
            return Err(EventError::Mismatch { subject: wire.subject, content });
        }
        Ok(Self {
            id: wire.id,
            source: wire.source.trim_start_matches('/').to_owned(),
            subject,
            time: wire.time,
            sequence: wire.sequence.parse().map_err(EventError::Sequence)?,
            clock: Clock(wire.clock),
            observed_at: wire.observedat,
            source_id: wire.sourceid,
            causation_id: wire.causationid,
            correlation_id: wire.correlationid,
            traceparent: wire.traceparent,
            part,
        })
    }
}

fn expect(name: &'static str, found: &str, expected: &str) -> Result<(), EventError> {
    if found == expected {
        return Ok(());
    }
    let found = found.chars().take(80).collect();
    Err(EventError::Attribute { name, found, expected: expected.to_owned() })
}
