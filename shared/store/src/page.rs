//! A page of the ledger: the rows one batch may touch, as they were read, and what the batch makes
//! of them.
//!
//! A backend reads a page under its locks, has claims or settlements decided on it, and writes the
//! rows that changed, so that every backend decides alike and one that is far away needs few round
//! trips. A page reads no clock and no database; a row that is absent from it does not exist.

mod agreed;
mod brief;
mod claim;
mod entity;
mod known;
mod rows;
mod settle;
mod steps;
mod wanted;

use std::{collections::BTreeMap, time::Duration};

use ferry_canonical::{Entity, Facet, Outcome, Sequence};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use self::{
    agreed::{Agreement, Meeting},
    rows::Rows,
    steps::StepRow,
    wanted::{Wanted, own_names, target_names},
};
use crate::{Group, Member, decide::Mark};

/// How far the clocks of hosts may be apart: what a source said is dated by its producer.
const CLOCKS_APART: Duration = Duration::from_mins(1);

/// Names one entity by its canonical id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) entity: Entity,
    pub(crate) id: String,
}

/// One entity at one system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) key: Key,
    pub(crate) system: String,
}

impl At {
    pub(crate) fn new(key: &Key, system: &str) -> Self {
        Self { key: key.clone(), system: system.to_owned() }
    }
}

/// One part of one entity at one system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) at: At,
    pub(crate) facet: Facet,
    /// Empty where the facet has none.
    pub(crate) part: String,
}

impl Place {
    fn of(member: &Member, at: At) -> Self {
        let part = member.subject.part.clone().unwrap_or_default();
        Self { at, facet: member.subject.facet, part }
    }
}

/// A system's own id of an entity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OwnId {
    pub(crate) entity: Entity,
    pub(crate) system: String,
    pub(crate) id: String,
}

/// One event handed to one target, by its retries by hand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Delivery {
    pub(crate) target: String,
    pub(crate) event_id: Uuid,
    pub(crate) generation: u32,
}

impl Delivery {
    pub(crate) fn of(group: &Group, member: &Member) -> Self {
        let target = group.target.clone();
        Self { target, event_id: member.event_id, generation: member.generation }
    }
}

/// How a delivery ended.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) route: String,
    pub(crate) outcome: Outcome,
    pub(crate) because: Option<String>,
}

/// The cross-reference, and what guards an entity at a target. Times are microseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    pub(crate) own_id: Option<String>,
    /// How often it has been granted.
    pub(crate) grants: i64,
    /// Of the claim that holds it.
    pub(crate) token: Option<Uuid>,
    /// Present while it is unknown: when a lost write can be read at the latest.
    pub(crate) unknown_until: Option<i64>,
}

/// A claim as it was committed. Times are microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) at: At,
    /// The system that says the facet and takes it too: the claim holds the entity there as well.
    pub(crate) other: Option<String>,
    /// Of its first member.
    pub(crate) route: String,
    pub(crate) facet: Facet,
    pub(crate) members: Vec<Claimant>,
    pub(crate) started_at: i64,
    pub(crate) lease_until: i64,
    /// How long a lost write may still take effect.
    pub(crate) settle_after: i64,
}

/// A lead or a rider, as the claim keeps it until it is settled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claimant {
    /// Its place in the group.
    pub(crate) index: usize,
    /// A rider's lead. A lead has none.
    pub(crate) rides: Option<usize>,
    pub(crate) event_id: Uuid,
    /// None in a claim that a program wrote which knew one route per claim.
    #[serde(default)]
    pub(crate) route: Option<String>,
    pub(crate) generation: u32,
    pub(crate) part: Option<String>,
    pub(crate) source: String,
    pub(crate) source_id: Option<String>,
    pub(crate) clock: String,
    pub(crate) sequence: String,
    pub(crate) observed_at: i64,
    pub(crate) fingerprint: String,
}

/// A part's content, as far as the page has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// In the store, and not read: nothing decided here needs it.
    Stored,
    Read(String),
    /// To be written.
    Given(String),
    /// To be written: what the claim with this token intended.
    Intended(Uuid),
}

impl Document {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Read(text) | Self::Given(text) => Some(text),
            Self::Stored | Self::Intended(_) => None,
        }
    }

    /// Of the claim whose intent it is copied from.
    pub(crate) fn token(&self) -> Option<Uuid> {
        match self {
            Self::Intended(token) => Some(*token),
            Self::Stored | Self::Read(_) | Self::Given(_) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct IntentKey {
    pub(crate) place: Place,
    /// Which of the entity's grants it was written by.
    pub(crate) grant: i64,
}

/// What a claim meant to write. Stays while nobody knows whether it was written.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) token: Uuid,
    pub(crate) document: Document,
    pub(crate) fingerprint: String,
    /// The systems the content came through.
    pub(crate) via: Vec<String>,
    pub(crate) event_id: Uuid,
    pub(crate) generation: u32,
    pub(crate) source: String,
    pub(crate) clock: String,
    pub(crate) sequence: Sequence,
    pub(crate) observed_at: i64,
    pub(crate) started_at: i64,
    /// When the system said something else after the start.
    pub(crate) said_at: Option<i64>,
    /// Its delivery has ended.
    pub(crate) ended: bool,
}

/// What a system was last known to hold.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) document: Document,
    pub(crate) fingerprint: String,
    pub(crate) via: Vec<String>,
    /// Not so once the system has said something else since we wrote.
    pub(crate) ours: bool,
    pub(crate) started_at: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MarkKey {
    pub(crate) place: Place,
    pub(crate) source: String,
    pub(crate) clock: String,
}

/// A position on a source's clock, and by which outcome it was reached.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    pub(crate) mark: Mark,
    pub(crate) outcome: Outcome,
}

#[derive(Debug)]
pub(crate) struct Page {
    /// The store's time, read under the locks.
    pub(crate) now: Timestamp,
    /// The canonical id behind a system's own id.
    pub(crate) own_ids: BTreeMap<OwnId, String>,
    pub(crate) standings: Rows<At, Standing>,
    pub(crate) claims: Rows<Uuid, Claim>,
    pub(crate) intents: Rows<IntentKey, Intent>,
    pub(crate) states: Rows<Place, State>,
    pub(crate) agreements: Rows<Meeting, Agreement>,
    pub(crate) marks: Rows<MarkKey, Position>,
    pub(crate) steps: Rows<IntentKey, StepRow>,
    pub(crate) ends: Rows<Delivery, End>,
    /// Parts that were settled for an export, each with the number of the grant that was settled.
    pub(crate) kept: BTreeMap<Place, i64>,
    /// Deliveries that failed and will be tried again, with their routes.
    pub(crate) retrying: BTreeMap<Delivery, String>,
}

impl Page {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self {
            now,
            own_ids: BTreeMap::new(),
            standings: Rows::default(),
            claims: Rows::default(),
            intents: Rows::default(),
            states: Rows::default(),
            agreements: Rows::default(),
            marks: Rows::default(),
            steps: Rows::default(),
            ends: Rows::default(),
            kept: BTreeMap::new(),
            retrying: BTreeMap::new(),
        }
    }

    fn now_micros(&self) -> i64 {
        micros(self.now)
    }

    fn before(&self, ago: Duration) -> Timestamp {
        self.now.checked_sub(ago).unwrap_or(self.now)
    }

    /// Records the end of a delivery, unless it has one: the first outcome is the one that counts.
    pub(crate) fn end(&mut self, delivery: Delivery, end: End) {
        if self.ends.get(&delivery).is_none() {
            self.retrying.remove(&delivery);
            self.ends.put(delivery, end);
        }
    }
}

/// A time in microseconds since the epoch. Finer digits of an event's time are not kept.
pub(crate) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

pub(crate) fn span(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
