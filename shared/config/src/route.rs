//! The routes: (source, entity, facet) → targets.

use std::time::Duration;

use ferry_canonical::{Entity, Facet};

use crate::{ConflictPolicy, ScheduleConfig};

#[derive(Clone, Debug)]
pub struct RouteConfig {
    pub name: String,
    pub from: String,
    pub entity: Entity,
    pub facet: Facet,
    pub to: Vec<String>,
    /// When the source is polled; pushes need none.
    pub schedule: Option<ScheduleConfig>,
    pub retry: RetryConfig,
    /// What was declared where two sources bring one facet to one target, or two systems bring it
    /// to each other.
    pub conflict: Option<ConflictPolicy>,
}

/// How long failures of one route are tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryConfig {
    /// Delays by attempt; the last one repeats.
    pub schedule: Vec<Duration>,
    /// Since the first failure.
    pub give_up_after: Duration,
    /// The schedule for what waits for its customer or product.
    pub reference_schedule: Vec<Duration>,
    pub reference_give_up_after: Duration,
}
