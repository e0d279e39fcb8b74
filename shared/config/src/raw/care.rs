//! Limits and care of one target as they are written.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CareConfig, HumanDuration};

/// Limits of one target, over all loaders together.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawLimits {
    /// Calls at one time, at most.
    #[schemars(range(min = 1, max = 256))]
    pub(crate) concurrency: u16,
    /// What the number of calls at one time is never lowered below while the target is slow.
    #[schemars(range(min = 1, max = 256))]
    pub(crate) concurrency_min: u16,
    /// Calls per second; without it there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub(crate) rate: Option<u32>,
    /// Calls at once after a quiet time. Default: what `rate` allows in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub(crate) burst: Option<u32>,
}

impl Default for RawLimits {
    fn default() -> Self {
        Self { concurrency: 8, concurrency_min: 1, rate: None, burst: None }
    }
}

/// When writing to a target stops by itself, and how Ferry finds out that it may go on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawCare {
    /// Calls in a row without a common entity that must fail to open the breaker.
    #[schemars(range(min = 2, max = 100))]
    pub(crate) failing_entities: u32,
    /// Failures further apart do not count together, unless so many calls may time out one after the other
    /// in a longer time.
    pub(crate) window: HumanDuration,
    /// Between the breaker's opening and the first probe; doubled up to `probe_at_most`.
    pub(crate) probe_every: HumanDuration,
    pub(crate) probe_at_most: HumanDuration,
    /// Between two probes of a target that refuses our credentials.
    pub(crate) refused_probe_every: HumanDuration,
    /// The longest `Retry-After` that is respected.
    pub(crate) hold_at_most: HumanDuration,
}

impl Default for RawCare {
    fn default() -> Self {
        let CareConfig {
            failing_entities,
            window,
            probe_every,
            probe_at_most,
            refused_probe_every,
            hold_at_most,
        } = CareConfig::default();
        let human = |duration: Duration| HumanDuration(duration);
        Self {
            failing_entities,
            window: human(window),
            probe_every: human(probe_every),
            probe_at_most: human(probe_at_most),
            refused_probe_every: human(refused_probe_every),
            hold_at_most: human(hold_at_most),
        }
    }
}

/// A time of the week in which nothing is written to the target.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawMaintenance {
    /// The days on which it begins. Default: every day.
    #[serde(default)]
    pub(crate) days: Vec<RawDay>,
    /// `02:00`, by the clocks of the time zone.
    pub(crate) from: String,
    /// Not later than `from`: on the day after.
    pub(crate) to: String,
    /// IANA name.
    pub(crate) time_zone: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RawDay {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}
