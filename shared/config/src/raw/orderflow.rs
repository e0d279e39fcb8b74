//! What OrderFlow is written, as it is written down.

use std::{collections::BTreeMap, path::PathBuf};

use ferry_canonical::Facet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::orderflow::{DeliverBy, ImportOperation, ImportType};

/// What one facet becomes at OrderFlow. Without such a table `placed` is imported as order,
/// `catalogue` as product and `return` as return.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawOrderflowImport {
    /// placed, shipment, return or catalogue.
    pub(crate) facet: Facet,
    /// product, order, return, purchaseOrder, campaign or stockMoveTask.
    #[serde(rename = "type")]
    pub(crate) kind: ImportType,
    /// insert, update or merge. Default: merge for products and campaigns, insert for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<ImportOperation>,
    /// File with the jq program: canonical part → properties. Laid over Ferry's own where it makes
    /// this import of this facet by itself; required where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mapping: Option<PathBuf>,
    /// import: Ferry sends it. notification: OrderFlow is told to fetch it from the shop.
    #[serde(default)]
    pub(crate) deliver_by: DeliverBy,
    /// Says that this instance answers a second insert of one reference as a duplicate, so that Ferry
    /// may send a return, purchase order, campaign or stock move again whose answer was lost. Without
    /// it such a letter is dead, and a person looks.
    #[serde(default)]
    pub(crate) refuses_duplicates: bool,
}

/// A return's words: the source's to this instance's. Without a table words go as they are; with one, a
/// word that is on neither side of it makes a dead letter.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawReturnWords {
    /// Of `return.type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) types: Option<BTreeMap<String, String>>,
    /// Of `returnLine.N.reason`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reasons: Option<BTreeMap<String, String>>,
    /// Of `returnLine.N.condition`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) conditions: Option<BTreeMap<String, String>>,
}
