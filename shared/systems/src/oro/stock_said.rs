//! One inventory level of the shop as the canonical facet `stock`.
//!
//! A product has a level for each of its units; that of its primary unit, which Ferry writes where the
//! shop is a target, is its stock. The shop is one site.

use ferry_canonical::{Part, product::ProductStock, value::Extensions};
use serde_json::Value;

use super::{
    document,
    product::PRODUCTS,
    read::{Bad, Included},
};

/// The product's id in the shop and its stock; none of a unit that is not the product's own.
pub(super) fn stock(
    row: &Value,
    included: &Included<'_>,
    site: &str,
) -> Result<Option<(String, Part)>, Bad> {
    let id = document::one(row, "product").ok_or_else(|| Bad::new("product", "a product's id"))?;
    let product = included.get(PRODUCTS, id);
    let product = product.ok_or_else(|| Bad::new("product", "its resource in `included`"))?;
    let primary = document::one(product, "primaryUnitPrecision");
    if primary.is_none() || document::one(row, "productUnitPrecision") != primary {
        return Ok(None);
    }
    let sku = document::text(product, "sku");
    let stock = ProductStock {
        sku: sku.ok_or_else(|| Bad::new("product.sku", "a text that is not empty"))?.to_owned(),
        site: site.to_owned(),
        available: document::number(row, "quantity")
            .ok_or_else(|| Bad::new("quantity", "a decimal"))?,
        total: None,
        allocated: None,
        on_order: None,
        extensions: Extensions::new(),
    };
    Ok(Some((id.to_owned(), Part::ProductStock(stock))))
}
