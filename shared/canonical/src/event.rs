//! The envelope: CloudEvents 1.0, structured mode.

use jiff::Timestamp;
use schemars::JsonSchema;
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

/// An event as it lies in a queue: CloudEvents 1.0, structured mode. Readers pass over attributes
/// they do not know.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Event")]
pub(crate) struct Wire<'a> {
    #[schemars(extend("const" = "1.0"))]
    specversion: String,
    /// Name-based on (record id, ordinal): equal for every copy of one event.
    #[schemars(with = "String", extend("format" = "uuid"))]
    id: Uuid,
    /// `/` and the source system's name.
    source: String,
    #[serde(rename = "type")]
    #[schemars(extend("pattern" = r"^ferry\.[a-z]+\.[a-z]+\.changed\.v1$"))]
    kind: String,
    /// `entity/id/facet` or `entity/id/facet/part`; `/` and `%` in an id are percent-encoded.
    subject: String,
    /// When it happened at the source.
    #[schemars(with = "String", extend("format" = "date-time"))]
    time: Timestamp,
    datacontenttype: String,
    /// The address of the schema of `data`.
    dataschema: String,
    /// Zero-padded, comparable as text within one (source, clock): the greater is the newer state.
    #[schemars(extend("pattern" = "^[0-9]{24}$"))]
    sequence: String,
    /// The source's clock that `sequence` was read from.
    clock: String,
    /// When the source was read; breaks ties of equal sequences.
    #[schemars(with = "String", extend("format" = "date-time"))]
    observedat: Timestamp,
    /// `entity/id`: what two events about one entity share.
    partitionkey: String,
    #[schemars(with = "String", extend("format" = "uuid"))]
    correlationid: Uuid,
    /// The record this was cut from.
    #[schemars(with = "String", extend("format" = "uuid"))]
    causationid: Uuid,
    /// The source's own id of the entity, where that differs from the subject's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sourceid: Option<String>,
    /// W3C Trace Context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    /// The whole part, as `dataschema` describes it.
    #[serde(borrow)]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    data: &'a RawValue,
}

impl Event {
    /// `ferry.order.shipment.changed.v1`
    pub fn kind(&self) -> String {
        format!("ferry.{}.{}.changed.v1", self.subject.entity(), self.subject.facet)
    }

    /// The event as it lies in a queue. What cannot be decoded again is not encoded: an empty or
    /// overlong id, a part that the subject does not name, more than [`limits::EVENT_BYTES`].
    pub fn encode(&self) -> Result<Vec<u8>, EventError> {
        self.subject.check().map_err(EventError::Subject)?;
        same_part(&self.subject, &self.part)?;
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
        let part =
            Part::from_json(subject.facet, wire.data.get().as_bytes()).map_err(EventError::Part)?;
        same_part(&subject, &part)?;
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

/// The id may differ (a source's own id, resolved); facet and part may not.
fn same_part(subject: &Subject, part: &Part) -> Result<(), EventError> {
    let content = part.subject();
    if content.facet == subject.facet && content.part == subject.part {
        return Ok(());
    }
    Err(EventError::Mismatch { subject: subject.to_string(), content: content.to_string() })
}

pub(crate) fn expect(name: &'static str, found: &str, expected: &str) -> Result<(), EventError> {
    if found == expected {
        return Ok(());
    }
    let found = found.chars().take(80).collect();
    Err(EventError::Attribute { name, found, expected: expected.to_owned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::golden;

    fn event() -> Event {
        let (_, text) = golden::samples().remove(0);
        Event::decode(text.as_bytes()).unwrap()
    }

    fn refused(change: impl FnOnce(&mut serde_json::Value)) -> String {
        let mut json = serde_json::from_slice(&event().encode().unwrap()).unwrap();
        change(&mut json);
        Event::decode(json.to_string().as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_repeated_transformation_gives_the_same_ids() {
        let (record, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(event_id(record, 0), event_id(record, 0));
        assert_eq!(event_id(record, 0).to_string(), "55743a2b-8b63-5071-91e3-3ba356a56519");
        assert_ne!(event_id(record, 0), event_id(record, 1));
        assert_ne!(event_id(record, 0), event_id(other, 0));
    }

    #[test]
    fn what_a_later_writer_adds_is_passed_over() {
        let mut json: serde_json::Value =
            serde_json::from_slice(&event().encode().unwrap()).unwrap();
        json["tracestate"] = "vendor=1".into();
        json["data"]["loyalty"] = serde_json::json!({"tier": "gold"});
        assert_eq!(Event::decode(json.to_string().as_bytes()).unwrap(), event());
    }

    #[test]
    fn what_is_not_ours_is_refused_with_the_attribute_at_fault() {
        assert_eq!(
            refused(|json| json["specversion"] = "0.3".into()),
            "attribute specversion: `0.3` is not supported; expected 1.0"
        );
        let kind = refused(|json| json["type"] = "ferry.customer.profile.changed.v2".into());
        assert!(kind.starts_with("attribute type: `ferry.customer.profile.changed.v2`"), "{kind}");
        assert_eq!(refused(|json| json["subject"] = "customer".into()), "attribute subject");
        assert_eq!(refused(|json| json["sequence"] = "-1".into()), "attribute sequence");
        assert_eq!(refused(|json| json["data"] = 5.into()), "attribute data");
        assert!(refused(|json| json["id"] = "x".into()).starts_with("not a JSON object"));
    }

    #[test]
    fn what_could_not_be_decoded_is_not_encoded() {
        let mut nameless = event();
        nameless.subject.id = String::new();
        assert!(matches!(nameless.encode(), Err(EventError::Subject(_))));
        let mut other = event();
        other.subject.facet = crate::Facet::Stock;
        other.subject.part = Some("LDN".to_owned());
        assert!(matches!(other.encode(), Err(EventError::Mismatch { .. })));
    }

    #[test]
    fn size_is_bounded_both_ways() {
        let bytes = vec![b' '; limits::EVENT_BYTES + 1];
        assert!(matches!(Event::decode(&bytes), Err(EventError::TooLarge { .. })));
        let mut large = event();
        let text = "x".repeat(limits::EVENT_BYTES).into();
        large.part.extensions_mut().insert("shop".to_owned(), text);
        assert!(matches!(large.encode(), Err(EventError::TooLarge { .. })));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(Event::decode(deep.as_bytes()).is_err());
        let (_, text) = golden::samples().remove(0);
        let extensions = format!(r#""data":{{"extensions":{{"x":{deep}}},"#);
        assert!(Event::decode(text.replacen(r#""data":{"#, &extensions, 1).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            id in "\\PC{1,40}", source in "[a-z0-9-]{1,40}", sequence in 0..=Sequence::MAX.0,
            clock in "[a-z-]{1,20}", seconds in -2_000_000_000_i64..4_000_000_000, nanos in 0..1_000_000_000,
            source_id in proptest::option::of("\\PC{1,20}"), sample in 0_usize..6,
        ) {
            let (_, text) = golden::samples().remove(sample);
            let mut event = Event::decode(text.as_bytes()).unwrap();
            event.subject.id = id;
            event.source = source;
            event.sequence = Sequence(sequence);
            event.clock = Clock(clock);
            event.time = Timestamp::new(seconds, nanos).unwrap();
            event.source_id = source_id;
            prop_assert_eq!(Event::decode(&event.encode().unwrap()).unwrap(), event);
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Event::decode(&bytes);
        }

        #[test]
        fn no_damage_to_an_event_makes_the_decoder_panic(
            sample in 0_usize..6, at in any::<proptest::sample::Index>(), byte in any::<u8>(),
        ) {
            let (_, text) = golden::samples().remove(sample);
            let mut bytes = text.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = Event::decode(&bytes);
        }
    }
}
