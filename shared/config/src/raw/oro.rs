//! What of a shop has a section of its own, as it is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RawSchedule;
use crate::{HumanDuration, secret::SecretRef};

/// How changes go together that wait for a shop.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawOroBatch {
    /// Changes in one request, at most. 1: each goes by itself.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) most: u16,
    /// The hard deadline of such a request. The shop itself waits for 25 seconds before it puts one
    /// off.
    pub(crate) timeout: HumanDuration,
}

impl Default for RawOroBatch {
    fn default() -> Self {
        Self { most: 100, timeout: HumanDuration::from_secs(40) }
    }
}

/// A value that new products get, from exactly one place.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawProductDefault {
    /// Where the shop has it from: `category`, `systemConfig`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fallback: Option<String>,
    /// The value itself: `1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
    /// The values themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) values: Option<Vec<String>>,
}

/// When all rows of a list are walked over: what no time of theirs tells is heard so, and nothing else.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawOroScan {
    /// Customers with their users, addresses and groups, whose changes move no time of the customer.
    /// Inventory levels and prices have no times at all: a route says when they are scanned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customers: Option<RawSchedule>,
    /// Orders, for a shop before 6.0.5: it finds them by their creation alone, and what changes later of
    /// one is heard only so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) orders: Option<RawSchedule>,
}

/// How an OroCommerce shop tells of changes, so that they are read at once and not with the next poll.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawOroWebhook {
    /// Where the shop reaches the producer: `https://ferry.example/push/NAME`.
    pub(crate) url: String,
    /// What the shop signs with; without the right signature nothing is heard.
    pub(crate) secret: SecretRef,
    /// What is listened to: `order.created`, `order.updated`, `customer.created`, `customer.updated`.
    pub(crate) topics: Vec<String>,
}
