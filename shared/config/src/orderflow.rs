//! What OrderFlow is written: which import each facet becomes there, and in which words.

use std::{collections::BTreeMap, fmt};

use ferry_canonical::Facet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::system::Mapping;

/// What is said about writing, beyond what Ferry does by itself.
#[derive(Clone, Debug, Default)]
pub struct OrderflowWrites {
    /// At most one for each facet.
    pub imports: BTreeMap<String, OrderflowImport>,
    pub returns: ReturnWords,
    /// Characters a property takes at this instance, by the property's name without its number
    /// (`orderLine.description`): where OrderFlow's own documentation says nothing, or says less.
    pub lengths: BTreeMap<ImportType, BTreeMap<String, u16>>,
    /// The site of which OrderFlow's inventory is asked for, where the instance has several.
    pub site: Option<String>,
    /// What is done with a product's description that is longer than OrderFlow's. Default `cut`.
    pub long_names: LongNames,
}

/// What one facet becomes.
#[derive(Clone, Debug)]
pub struct OrderflowImport {
    pub facet: Facet,
    pub kind: ImportType,
    pub operation: ImportOperation,
    /// jq program: canonical part → properties. Where Ferry makes this import of this facet by itself,
    /// they are laid over its own.
    pub mapping: Option<Mapping>,
    pub deliver_by: DeliverBy,
    /// Whether this instance is known to answer a second insert of one reference as a duplicate, also of
    /// what is neither order nor product.
    pub refuses_duplicates: bool,
}

/// The kinds of import that OrderFlow knows.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum ImportType {
    Product,
    Order,
    Return,
    PurchaseOrder,
    Campaign,
    StockMoveTask,
}

impl ImportType {
    /// OrderFlow's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Order => "order",
            Self::Return => "return",
            Self::PurchaseOrder => "purchaseOrder",
            Self::Campaign => "campaign",
            Self::StockMoveTask => "stockMoveTask",
        }
    }

    /// The facet of which Ferry makes this import by itself.
    pub const fn own_facet(self) -> Option<Facet> {
        match self {
            Self::Product => Some(Facet::Catalogue),
            Self::Order => Some(Facet::Placed),
            Self::Return => Some(Facet::Return),
            Self::PurchaseOrder | Self::Campaign | Self::StockMoveTask => None,
        }
    }

    /// What is done where nothing is said: what has a state is written as the state it is.
    pub const fn own_operation(self) -> ImportOperation {
        match self {
            Self::Product | Self::Campaign => ImportOperation::Merge,
            Self::Order | Self::Return | Self::PurchaseOrder | Self::StockMoveTask => {
                ImportOperation::Insert
            }
        }
    }
}

impl fmt::Display for ImportType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What OrderFlow is to do with an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportOperation {
    /// It makes one; what is there already stays as it is.
    Insert,
    /// It changes one that is there.
    Update,
    /// Whichever is needed.
    Merge,
}

impl ImportOperation {
    /// OrderFlow's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Merge => "merge",
        }
    }
}

/// How a facet comes to OrderFlow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliverBy {
    /// Ferry sends it.
    #[default]
    Import,
    /// OrderFlow is told that there is something, and fetches it from the shop itself.
    Notification,
}

/// What is done with a product's name that is longer than OrderFlow's description.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LongNames {
    /// Its beginning is sent, and the journal says so.
    #[default]
    Cut,
    /// The product is a dead letter.
    Refuse,
}

/// A return's words: the source's to this instance's. Without a table words go as they are; with one, a
/// word that is on neither side of it is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReturnWords {
    pub types: Option<BTreeMap<String, String>>,
    pub reasons: Option<BTreeMap<String, String>>,
    pub conditions: Option<BTreeMap<String, String>>,
}
