//! What is gone at its source, in the same envelope as what changes there.
//!
//! It says of one part of one entity that its source has it no more. It carries no content, and it moves
//! nobody's mark on the source's clock: what comes back later is not older than it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    entity::Subject,
    event::{EventError, expect},
    limits,
    sequence::{Clock, Sequence},
};

/// One part of one entity that its source has no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// As an event's.
    pub id: Uuid,
    pub source: String,
    pub subject: Subject,
    /// When it was found to be gone, which is later than when it went.
    pub time: Timestamp,
    pub sequence: Sequence,
    pub clock: Clock,
    pub observed_at: Timestamp,
    /// The source's own id of the entity, where that differs from the subject's id.
    pub source_id: Option<String>,
    /// The record this was cut from.
    pub causation_id: Uuid,
    pub correlation_id: Uuid,
    pub traceparent: Option<String>,
}

/// A removal as it lies in a queue: CloudEvents 1.0, structured mode, without `data`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Removal")]
pub(crate) struct Wire {
    #[schemars(extend("const" = "1.0"))]
    specversion: String,
    /// Name-based on (record id, ordinal): equal for every copy of one removal.
    #[schemars(with = "String", extend("format" = "uuid"))]
    id: Uuid,
    /// `/` and the source system's name.
    source: String,
    #[serde(rename = "type")]
    #[schemars(extend("pattern" = r"^ferry\.[a-z]+\.[a-z]+\.removed\.v1$"))]
    kind: String,
    /// `entity/id/facet` or `entity/id/facet/part`; `/` and `%` in an id are percent-encoded.
    subject: String,
    /// When it was found to be gone.
    #[schemars(with = "String", extend("format" = "date-time"))]
    time: Timestamp,
    /// Zero-padded, comparable as text within one (source, clock).
    #[schemars(extend("pattern" = "^[0-9]{24}$"))]
    sequence: String,
    clock: String,
    /// When the source was asked.
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
}

impl Removal {
    /// `ferry.customer.profile.removed.v1`
    pub fn kind(&self) -> String {
        kind(&self.subject)
    }

    /// The removal as it lies in a queue. What cannot be decoded again is not encoded.
    pub fn encode(&self) -> Result<Vec<u8>, EventError> {
        self.subject.check().map_err(EventError::Subject)?;
        let wire = Wire {
            specversion: "1.0".to_owned(),
            id: self.id,
            source: format!("/{}", self.source),
            kind: self.kind(),
            subject: self.subject.to_string(),
            time: self.time,
            sequence: self.sequence.to_string(),
            clock: self.clock.to_string(),
            observedat: self.observed_at,
            partitionkey: self.subject.partition_key(),
            correlationid: self.correlation_id,
            causationid: self.causation_id,
            sourceid: self.source_id.clone(),
            traceparent: self.traceparent.clone(),
        };
        serde_json::to_vec(&wire).map_err(|error| EventError::Envelope(error.to_string()))
    }

    /// Reads what [`Removal::encode`] wrote, of this version or a later one. Whatever is no removal is
    /// an error.
    pub fn decode(bytes: &[u8]) -> Result<Self, EventError> {
        if bytes.len() > limits::EVENT_BYTES {
            return Err(EventError::TooLarge { bytes: bytes.len() });
        }
        let wire: Wire = serde_json::from_slice(bytes)
            .map_err(|error| EventError::Envelope(error.to_string()))?;
        expect("specversion", &wire.specversion, "1.0")?;
        let subject = Subject::parse(&wire.subject).map_err(EventError::Subject)?;
        expect("type", &wire.kind, &kind(&subject))?;
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
        })
    }
}

fn kind(subject: &Subject) -> String {
    format!("ferry.{}.{}.removed.v1", subject.entity(), subject.facet)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Event, Facet};

    fn removal() -> Removal {
        Removal {
            id: Uuid::from_u128(1),
            source: "shop".to_owned(),
            subject: Subject { facet: Facet::Profile, id: "C-1/2".to_owned(), part: None },
            time: "2026-11-22T09:15:01Z".parse().unwrap(),
            sequence: Sequence(17),
            clock: Clock::named("as-of"),
            observed_at: "2026-11-22T09:15:02Z".parse().unwrap(),
            source_id: Some("5".to_owned()),
            causation_id: Uuid::from_u128(2),
            correlation_id: Uuid::from_u128(2),
            traceparent: None,
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_and_is_no_change() {
        let bytes = removal().encode().unwrap();
        assert_eq!(Removal::decode(&bytes).unwrap(), removal());
        assert_eq!(removal().kind(), "ferry.customer.profile.removed.v1");
        assert!(Event::decode(&bytes).is_err());
        let (_, change) = crate::golden::samples().remove(0);
        assert!(Removal::decode(change.as_bytes()).is_err());
    }

    #[test]
    fn a_removal_of_nothing_is_not_encoded() {
        let mut nameless = removal();
        nameless.subject.id = String::new();
        assert!(matches!(nameless.encode(), Err(EventError::Subject(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Removal::decode(&bytes);
        }
    }
}
