//! A scan: a walk over all rows of a list, for what no time of its rows tells.

use std::fmt::Write as _;

use bytes::Bytes;
use ferry_canonical::{Part, order::OrderCustomer};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::draft::{Draft, Item};

/// One page of a walk is asked for.
#[derive(Clone, Copy, Debug)]
pub struct ScanAsk<'a> {
    pub endpoint: &'a str,
    /// The last id of the page before; none for the first one.
    pub after: Option<&'a str>,
    /// As of when the page before was, also of an earlier walk: this one is of later.
    pub as_of: Option<Timestamp>,
}

/// A page of a walk. An empty one is behind the last row: nothing else ends a walk.
#[derive(Clone, Debug)]
pub struct ScanPage {
    pub rows: Vec<ScanRow>,
    /// When it was asked for, on the source's clock, and later than every page before it.
    pub as_of: Timestamp,
    pub(crate) body: Bytes,
}

/// One row, as what it said can be told from what it says another time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanRow {
    /// The source's own.
    pub id: String,
    pub said: RowSaid,
    /// What it is called elsewhere, where that is told once it is gone.
    pub known_as: Option<String>,
}

/// What a row says, as 128 bits of what is read from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowSaid {
    State(Uuid),
    /// The state of having nothing, which is no news of a row that nothing is known of.
    Nothing(Uuid),
    /// No state: it is skipped, or cannot be read.
    NoState(Uuid),
    /// What it says cannot be told now. What is known of it stands.
    Hidden,
}

/// A row that a walk has not seen any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissedRow {
    pub id: String,
    pub known_as: String,
}

/// Rows that were asked for one by one, beside one that is there.
#[derive(Clone, Debug)]
pub struct Missed {
    /// Those that the source says it has not.
    pub gone: Vec<MissedRow>,
    /// When the last of them was asked for, on the source's clock.
    pub as_of: Timestamp,
}

pub(crate) fn said(item: &Item, timed: bool) -> RowSaid {
    let hash = hash(item, timed);
    match &item.draft {
        Ok(Draft::Part(_) | Draft::Removed(_)) => RowSaid::State(hash),
        Ok(Draft::Skip { .. }) | Err(_) => RowSaid::NoState(hash),
    }
}

/// Without what a row shows of others as they are now: every order of a customer who is renamed would
/// have changed. What is not read but passed on does not count either.
fn own(part: &Part) -> Part {
    let mut part = part.clone();
    if let Part::OrderPlaced(order) = &mut part {
        let number = order.customer.number.take();
        order.customer = OrderCustomer { number, name: None, email: None, phone: None };
        order.extensions.clear();
    }
    part
}

/// Of what is read from a row, and not of the row itself: what nobody reads does not count as a change.
/// With `timed`, its times are a part of what it says.
fn hash(item: &Item, timed: bool) -> Uuid {
    let mut said = String::new();
    // Writing to a string cannot fail.
    _ = match &item.draft {
        Ok(Draft::Part(draft)) => {
            if timed {
                let time = draft.time.map(|time| time.to_string()).unwrap_or_default();
                _ = write!(said, "{} {time} ", draft.sequence);
            }
            let id = draft.source_id.as_deref().unwrap_or_default();
            write!(said, "{id} {}", own(&draft.part).to_json())
        }
        Ok(Draft::Removed(draft)) => write!(said, "{} is gone", draft.subject),
        Ok(Draft::Skip { what, reason }) => write!(said, "{what} {reason}"),
        Err(bad) => write!(said, "{} {}", bad.detail, String::from_utf8_lossy(&bad.fragment)),
    };
    let digest = Sha256::digest(said.as_bytes());
    let (half, _) = digest.split_at(16);
    Uuid::from_slice(half).unwrap_or_default()
}
