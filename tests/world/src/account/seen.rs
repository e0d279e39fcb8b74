//! What the simulators show: `/_sim/state/{collection}` and `/_sim/history`, as serde types that
//! both sides use.
//!
//! Every state collection is a JSON array of one of these types; field names on the wire are
//! camelCase.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Everything the simulated shop shows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OroSeen {
    /// Collection `customers`.
    pub customers: Vec<SeenCustomer>,
    /// Collection `products`.
    pub products: Vec<SeenProduct>,
    /// Collection `inventorylevels`.
    pub levels: Vec<SeenLevel>,
    /// Collection `orders`.
    pub orders: Vec<SeenOrder>,
    /// All pages of the history, in order.
    pub history: Vec<Entry>,
}

/// Everything the simulated warehouse shows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OrderflowSeen {
    /// Collection `products`.
    pub products: Vec<SeenImportedProduct>,
    /// Collection `orders`.
    pub orders: Vec<SeenImportedOrder>,
    /// Collection `push_failures`.
    pub push_failures: Vec<SeenPushFailure>,
    /// All pages of the history, in order.
    pub history: Vec<Entry>,
}

/// A row of the shop's `customers`, with what hangs on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenCustomer {
    /// The shop's own id.
    pub id: String,
    pub external_id: Option<String>,
    pub name: String,
    /// Every `customeraddresses` row of this customer.
    pub addresses: Vec<SeenAddress>,
    /// Every `customerusers` row of this customer.
    pub users: Vec<SeenUser>,
}

/// A row of `customeraddresses`. What is not set is `null`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenAddress {
    pub id: String,
    pub label: Option<String>,
    pub street: Option<String>,
    pub street2: Option<String>,
    pub city: Option<String>,
    pub postal_code: Option<String>,
    /// The id of the country: ISO 3166-1 alpha-2.
    pub country: Option<String>,
    pub organization: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
}

/// A row of `customerusers`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenUser {
    pub id: String,
    pub email: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
}

/// A row of the shop's `products`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenProduct {
    pub id: String,
    pub sku: String,
    /// `string` of the `productnames` row without a localization.
    pub name: Option<String>,
    /// `wysiwyg.value` of the `productdescriptions` row without a localization.
    pub description: Option<String>,
    /// `enabled` or `disabled`.
    pub status: String,
    /// The id of the primary unit precision's unit.
    pub unit: Option<String>,
}

/// A row of `inventorylevels`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenLevel {
    pub id: String,
    pub sku: String,
    pub unit: Option<String>,
    /// Decimal text, any number of decimals.
    pub quantity: String,
}

/// A row of the shop's `orders`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenOrder {
    pub id: String,
    pub identifier: String,
    /// The id of the `orderstatuses` row: `open`, `cancelled` …
    pub status: Option<String>,
    /// The id of the `ordershippingstatuses` row: `not_shipped`, `partially_shipped`, `shipped`.
    pub shipping_status: Option<String>,
    pub trackings: Vec<SeenTracking>,
}

/// A row of `ordershippingtrackings`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenTracking {
    pub id: String,
    pub method: Option<String>,
    pub number: Option<String>,
}

/// A product the warehouse has imported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenImportedProduct {
    pub external_reference: String,
    /// The properties as they stand after all imports, keys as in OrderFlow reference §3.2, `[BR]`
    /// in values left as it came.
    pub properties: BTreeMap<String, String>,
}

/// An order the warehouse has imported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenImportedOrder {
    pub external_reference: String,
    /// `created`, `despatched`, `cancelled` …
    pub state: String,
    /// The properties as they were imported, keys as in OrderFlow reference §3.3.
    pub properties: BTreeMap<String, String>,
    /// What has left so far.
    pub shipments: Vec<SeenShipment>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenShipment {
    /// `None` for a flawed one.
    pub reference: Option<String>,
    pub tracking: String,
    pub state: String,
}

/// A push the warehouse gave up on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SeenPushFailure {
    pub message_id: u64,
    /// `inventory`, `event` …
    pub document: String,
    pub tries: u32,
    /// The last answer: a status, or what went wrong on the way.
    pub last: String,
}

/// A page of `/_sim/history`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HistoryPage {
    /// Pass as `after` to go on.
    pub next: u64,
    pub entries: Vec<Entry>,
}

/// One request that came in, or one thing the simulator's actor did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// Counts from 1.
    pub seq: u64,
    /// RFC 3339 with milliseconds.
    pub at: String,
    /// An HTTP method; `ACTOR` for what the simulator did by itself.
    pub method: String,
    /// The path with its query; credentials never.
    pub path: String,
    /// 0 where no answer was given.
    pub status: u16,
    /// The kind of the scripted fault that met this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
}

/// What became of one entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Grows in the order in which effects really happened, across entries.
    pub order: u64,
    /// Shop: `customer`, `product`, `level`, `order`. Warehouse: `product`, `order`, and what it
    /// pushed. A write to an address or user is an effect on its customer, one to a tracking an
    /// effect on its order.
    pub entity: String,
    /// Shop: the customer's `externalId`, the SKU, the SKU, the identifier. Warehouse: the external
    /// reference. Empty where there is none.
    pub key: String,
    pub effect: EffectKind,
    /// The entity as it stands right after the effect: the JSON of its `Seen…` type, with what hangs
    /// on it, exactly as `/_sim/state` would show it at that moment. A refusal may say its cause
    /// instead.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    Created,
    Updated,
    /// A write that changed nothing.
    Unchanged,
    /// A write that was refused.
    Refused,
    Deleted,
    /// An insert of what was already there.
    Duplicate,
    Cancelled,
    /// The actor's: sent out, whatever the answer.
    Pushed,
    /// The actor's: an order was placed, a version released, an order despatched.
    Released,
}

/// The part of `/_sim/progress` that every simulator shows; its own counts stand beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    pub tick: u32,
    pub ticks: u32,
    /// The actor has done all it will ever do, and nothing it sent is waiting for an answer.
    pub done: bool,
}
