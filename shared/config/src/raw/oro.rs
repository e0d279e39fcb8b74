//! How a shop tells of changes, as it is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::SecretRef;

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
