//! What the console shows first: counts that add up, and the story of one entity.

use std::{collections::BTreeMap, future::Future};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{StoreError, journal::JournalRow};

/// Deliveries of one route at one target that have ended, by outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTally {
    pub route: String,
    pub target: String,
    pub outcomes: BTreeMap<String, u64>,
    /// Deliveries that failed and have not ended yet.
    pub retrying: u64,
    /// The earliest first failure among them.
    pub retrying_since: Option<Timestamp>,
}

impl RouteTally {
    /// Nothing has ended or failed yet.
    pub fn none(route: &str, target: &str) -> Self {
        Self {
            route: route.to_owned(),
            target: target.to_owned(),
            outcomes: BTreeMap::new(),
            retrying: 0,
            retrying_since: None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    pub routes: Vec<RouteTally>,
    /// Records accepted, by system.
    pub records: BTreeMap<String, u64>,
    /// Items the transformer skipped, by system.
    pub skipped_items: BTreeMap<String, u64>,
    /// Dead letters by origin queue, then by failure kind.
    pub dead: BTreeMap<String, BTreeMap<String, u64>>,
    /// The oldest dead letter.
    pub dead_oldest_at: Option<Timestamp>,
    /// Entities claimed at the moment, by target.
    pub claimed: BTreeMap<String, u64>,
    /// Entities whose state at a target is unknown, by target.
    pub unknown: BTreeMap<String, u64>,
}

/// Everything the store knows of one entity.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EntityView {
    /// System → its own id.
    pub ids: BTreeMap<String, String>,
    pub parts: Vec<AppliedPart>,
    /// Targets at which it is unknown or claimed.
    pub busy: Vec<String>,
    /// Newest first, at most 50.
    pub journal: Vec<JournalRow>,
    pub dead: Vec<crate::DeadSummary>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedPart {
    pub target: String,
    pub facet: String,
    pub part: Option<String>,
    pub source: String,
    pub sequence: String,
    pub observed_at: Timestamp,
    pub applied_at: Timestamp,
    pub outcome: String,
}

pub trait Overviews: Send + Sync {
    fn overview(&self) -> impl Future<Output = Result<Overview, StoreError>> + Send;

    fn entity(
        &self,
        entity: &str,
        id: &str,
    ) -> impl Future<Output = Result<EntityView, StoreError>> + Send;

    /// Counts records a producer made durable, by system.
    fn count_records(
        &self,
        system: &str,
        records: u64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
