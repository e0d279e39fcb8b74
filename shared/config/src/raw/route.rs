//! Routes and retries as they are written.

use ferry_canonical::{Entity, Facet};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RawSchedule;
use crate::{CatchUp, ConflictPolicy, HumanDuration};

/// One facet of one entity, from one source to its targets.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRoute {
    /// For people: in logs, metrics and the console.
    pub(crate) name: String,
    /// The source, a name under `systems`.
    pub(crate) from: String,
    pub(crate) entity: Entity,
    pub(crate) facet: Facet,
    /// The targets, names under `systems`.
    pub(crate) to: Vec<String>,
    /// How often the source is polled, where it is polled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) every: Option<HumanDuration>,
    /// When it is polled, instead of `every`: minute, hour, day of the month, month, day of the week.
    /// With six fields the first is the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cron: Option<String>,
    /// Whose clock `cron` is about: an IANA name. Default UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time_zone: Option<String>,
    /// What polls were missed, while nobody was there or they were paused: `once`, however many; or
    /// `skip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) catch_up: Option<CatchUp>,
    /// What is different from `[retry]` for this route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retry: Option<RawRetryOverride>,
    /// Needed where two sources bring one facet to one target, and where two systems bring it to
    /// each other: says whose word stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) conflict: Option<ConflictPolicy>,
}

impl RawRoute {
    /// Its four keys about time.
    pub(crate) fn schedule(&self) -> RawSchedule {
        RawSchedule {
            every: self.every,
            cron: self.cron.clone(),
            time_zone: self.time_zone.clone(),
            catch_up: self.catch_up,
        }
    }
}

/// How failures are tried again.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawRetry {
    /// Delays by attempt; the last one repeats until `give_up_after`.
    pub(crate) schedule: Vec<HumanDuration>,
    /// Since the first failure; then it is a dead letter.
    pub(crate) give_up_after: HumanDuration,
    /// For what waits for a customer, order or product that is not at the target yet.
    pub(crate) missing_reference: RawReferenceRetry,
}

/// The retry schedule of what waits for something it refers to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawReferenceRetry {
    /// Delays by attempt; the last one repeats until `give_up_after`.
    pub(crate) schedule: Vec<HumanDuration>,
    /// Since the first failure; then it is a dead letter.
    pub(crate) give_up_after: HumanDuration,
}

impl Default for RawRetry {
    fn default() -> Self {
        Self {
            schedule: [5, 30, 120, 600, 1_800, 7_200].map(HumanDuration::from_secs).to_vec(),
            give_up_after: HumanDuration::from_secs(24 * 3_600),
            missing_reference: RawReferenceRetry::default(),
        }
    }
}

impl Default for RawReferenceRetry {
    fn default() -> Self {
        Self {
            schedule: [5, 30, 120, 600].map(HumanDuration::from_secs).to_vec(),
            give_up_after: HumanDuration::from_secs(24 * 3_600),
        }
    }
}

/// What one route does differently; what it leaves out is as in `[retry]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawRetryOverride {
    /// Delays by attempt; the last one repeats until `give_up_after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schedule: Option<Vec<HumanDuration>>,
    /// Since the first failure; then it is a dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) give_up_after: Option<HumanDuration>,
    /// For what waits for a customer, order or product that is not at the target yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missing_reference: Option<RawReferenceOverride>,
}

/// What one route does differently while it waits for something it refers to.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawReferenceOverride {
    /// Delays by attempt; the last one repeats until `give_up_after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schedule: Option<Vec<HumanDuration>>,
    /// Since the first failure; then it is a dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) give_up_after: Option<HumanDuration>,
}
