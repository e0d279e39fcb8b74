//! How a shop tells of changes, as it is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RawSchedule;
use crate::secret::SecretRef;

/// When all rows of a list are walked over: what no time of theirs tells is heard so, and nothing else.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawOroScan {
    /// Customers with their users, addresses and groups, whose changes move no time of the customer.
    /// Inventory levels have no times at all: a route of stock says when they are scanned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customers: Option<RawSchedule>,
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
