//! What is known of a product: its catalogue entry and its stock. Its prices are in
//! [`price`](crate::price).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::{Country, Currency, Decimal, Extensions};

/// The facet `catalogue`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductCatalogue {
    pub sku: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_description: Option<String>,
    /// `item`, `set`, `kg`: the source's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(default)]
    pub status: ProductStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_kg: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_cm: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width_cm: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_cm: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barcode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_of_origin: Option<Country>,
    /// The list price, as catalogues carry it; price lists are a facet of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    #[serde(default, skip_serializing_if = "Extensions::is_empty")]
    pub extensions: Extensions,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProductStatus {
    #[default]
    Enabled,
    Disabled,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    pub amount: Decimal,
    pub currency: Currency,
}

/// The facet `stock`: one part per site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductStock {
    pub sku: String,
    pub site: String,
    /// What can be sold from this site.
    pub available: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_order: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Extensions::is_empty")]
    pub extensions: Extensions,
}
