//! A record as a message.

use std::fmt;

use ferry_broker::{Headers, Message};
use ferry_canonical::{Lane, header};
use ferry_topology::name;
use jiff::Timestamp;
use uuid::Uuid;

use crate::as_of::Place;

/// Where a record comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub source: String,
    pub endpoint: String,
    /// The entity, where the endpoint says only one.
    pub entity: Option<&'static str>,
    pub lane: Lane,
}

impl Origin {
    pub(crate) fn of_file(source: &str, kind: &str, lane: Lane) -> Self {
        Self { source: source.to_owned(), endpoint: kind.to_owned(), entity: None, lane }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.source, self.endpoint)
    }
}

/// What makes a record one of its own: an id, kept on every repeat of its publish, and a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub id: Uuid,
    pub received_at: Timestamp,
}

/// The namespace of the ids of chunks.
const CHUNKS: Uuid = Uuid::from_u128(0x5d31_8c2e_6a0f_5b47_9e1d_70c4_3fb8_a926);

/// The id of what stands at one place of a file: the same each time it is read, so that what became of
/// it twice is one.
pub(crate) fn chunk_id(origin: &Origin, place: Place, first_line: u32, body: &[u8]) -> Uuid {
    let Place { as_of, before } = place;
    let place = format!("{origin}\n{as_of}\n{before}\n{first_line}");
    Uuid::new_v5(&Uuid::new_v5(&CHUNKS, place.as_bytes()), body)
}

/// The message of a record that was just received.
pub fn message(
    origin: &Origin,
    stamp: Stamp,
    content_type: &str,
    extra: &[(&'static str, String)],
    body: Vec<u8>,
) -> (Uuid, Message) {
    let Stamp { id, received_at } = stamp;
    let mut headers = Headers::default();
    headers.insert(header::SOURCE, origin.source.as_str());
    headers.insert(header::ENDPOINT, origin.endpoint.as_str());
    headers.insert(header::RECEIVED_AT, received_at.to_string());
    headers.insert(header::LANE, origin.lane.as_str());
    for (name, value) in extra {
        headers.insert(name, value.as_str());
    }
    let entity = origin.entity.unwrap_or(name::ANY_ENTITY);
    let message = Message {
        exchange: name::RECORDS.to_owned(),
        key: ferry_topology::record_key(&origin.source, entity, origin.lane.as_str()),
        id: id.to_string(),
        content_type: content_type.to_owned(),
        headers,
        body: body.into(),
    };
    (id, message)
}
