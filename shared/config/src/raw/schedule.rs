//! Schedules as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CatchUp, HumanDuration};

/// When something is done by itself: `every` or `cron`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawSchedule {
    /// At intervals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) every: Option<HumanDuration>,
    /// By the clock: minute, hour, day of the month, month, day of the week. With six fields the first
    /// is the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cron: Option<String>,
    /// Whose clock: an IANA name. Default UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time_zone: Option<String>,
    /// What was missed, while nobody was there or it was paused: `once`, however often; or `skip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) catch_up: Option<CatchUp>,
}
