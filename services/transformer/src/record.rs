//! A record as it comes from its queue: the headers, typed.

use ferry_broker::Delivery;
use ferry_canonical::{FailureKind, Lane, header};
use jiff::Timestamp;
use uuid::Uuid;

/// The namespace of ids for records that a foreign hand published without one.
const FOREIGN: Uuid = Uuid::from_u128(0x0d2b_6f0a_93c4_5f7e_8a61_1c57_2e90_b34d);

/// What the headers say about a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heading {
    pub(crate) id: Uuid,
    pub(crate) source: String,
    pub(crate) endpoint: String,
    pub(crate) scope: Option<String>,
    pub(crate) received_at: Timestamp,
    pub(crate) as_of: Option<Timestamp>,
    pub(crate) first_line: u32,
    pub(crate) message_id: Option<String>,
    pub(crate) lane: Lane,
    pub(crate) traceparent: Option<String>,
}

impl Heading {
    /// Reads the headers. The error is the dead letter's kind and detail.
    pub(crate) fn of(delivery: &Delivery) -> Result<Self, (FailureKind, String)> {
        let text = |name: &str| delivery.headers.text(name).map(str::to_owned);
        let required = |name: &str| {
            text(name).ok_or_else(|| {
                (FailureKind::Validation, format!("header {name}: missing; this is no record"))
            })
        };
        let time = |name: &str| match delivery.headers.text(name) {
            Some(found) => found.parse::<Timestamp>().map(Some).map_err(|_| {
                let found: String = found.chars().take(40).collect();
                let detail = format!("header {name}: `{found}` is not an RFC 3339 time");
                (FailureKind::Validation, detail)
            }),
            None => Ok(None),
        };
        let received_at = time(header::RECEIVED_AT)?.ok_or_else(|| {
            (FailureKind::Validation, format!("header {}: missing", header::RECEIVED_AT))
        })?;
        let lane = match delivery.headers.text(header::LANE) {
            Some("bulk") => Lane::Bulk,
            None if ferry_topology::is_bulk(&delivery.queue) => Lane::Bulk,
            Some(_) | None => Lane::Live,
        };
        let first_line = delivery.headers.number(header::FIRST_LINE);
        Ok(Self {
            id: record_id(delivery),
            source: required(header::SOURCE)?,
            endpoint: required(header::ENDPOINT)?,
            scope: text(header::SCOPE),
            received_at,
            as_of: time(header::AS_OF)?,
            first_line: first_line.and_then(|line| u32::try_from(line).ok()).unwrap_or(2),
            message_id: text(header::SOURCE_MESSAGE_ID),
            lane,
            traceparent: text(header::TRACEPARENT),
        })
    }
}

/// The producer's id; for a message of somebody else one that its repeats share.
pub(crate) fn record_id(delivery: &Delivery) -> Uuid {
    delivery
        .id
        .as_deref()
        .and_then(|id| id.parse().ok())
        .unwrap_or_else(|| Uuid::new_v5(&FOREIGN, &delivery.body))
}
