//! `product.catalogue`: created with everything Oro needs, changed only where it differs.
//!
//! A product that is there keeps its unit, its family, its stock status and its texts in other
//! languages.

use ferry_canonical::{
    FailureKind,
    product::{ProductCatalogue, ProductStatus},
};
use serde_json::Value;

use super::{
    client::{Api, Call},
    document::{self, Resource},
    localized::Text,
    problem::No,
    reads_first,
};
use crate::target::{Applied, Effect, Failure, Write};

const PRODUCTS: &str = "products";
const INCLUDE: &str =
    "names,shortDescriptions,descriptions,primaryUnitPrecision,primaryUnitPrecision.unit";

pub(super) async fn apply(
    api: &Api<'_>,
    write: &Write<'_>,
    catalogue: &ProductCatalogue,
) -> Result<Applied, Failure> {
    let by_sku = names_by_sku(api, &catalogue.sku).await?;
    let known = write.target_id.is_some() || reads_first(write);
    if known && let Some(found) = find(api, write, catalogue, by_sku).await? {
        return update(api, catalogue, &found, by_sku).await;
    }
    match create(api, catalogue, by_sku).await {
        Ok(applied) => Ok(applied),
        Err(no) if no.duplicate => match find(api, write, catalogue, by_sku).await? {
            Some(found) => update(api, catalogue, &found, by_sku).await,
            None => Err(no.failure),
        },
        Err(no) => Err(no.failure),
    }
}

/// The number of the product with this SKU.
pub(super) async fn number_of(api: &Api<'_>, sku: &str) -> Result<Option<String>, Failure> {
    let query = vec![
        ("filter[sku]", sku.to_owned()),
        ("fields[products]", "sku".to_owned()),
    ];
    let document = api.list("look up product", PRODUCTS, query).await?;
    let row = document::named(document::rows(&document), "sku", sku);
    Ok(row.and_then(document::id).map(str::to_owned))
}

/// Whether this shop names products by SKU (EXT ID): asked once a product is there to show it, and
/// only for SKUs that may stand in an address (OroCommerce reference §4.4, its detection is
/// inferred).
async fn names_by_sku(api: &Api<'_>, sku: &str) -> Result<bool, Failure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if sku.starts_with('.') || !sku.bytes().all(plain) {
        return Ok(false);
    }
    if let Some(known) = api.oro.names_by_sku.get() {
        return Ok(*known);
    }
    let query = vec![("page[size]", "1".to_owned())];
    let call = Call { query, by_sku: true, ..Call::read("probe ext id", PRODUCTS) };
    let said = match api.ask(&call).await {
        Ok(said) => said,
        // A client that is bound to the plain API view is refused this one (reference §2).
        Err(no) if no.failure.kind == FailureKind::Rejected => {
            api.oro.names_by_sku.set(false).ok();
            return Ok(false);
        }
        Err(no) => return Err(no.failure),
    };
    let Some(product) = document::rows(&said.document).first() else { return Ok(false) };
    let shown = document::attribute(product, "dbId").is_some();
    // Somebody else may have learnt the same meanwhile.
    api.oro.names_by_sku.set(shown).ok();
    Ok(shown)
}

/// The product as it is, with its texts and unit.
async fn find(
    api: &Api<'_>,
    write: &Write<'_>,
    catalogue: &ProductCatalogue,
    by_sku: bool,
) -> Result<Option<Value>, Failure> {
    let id = if by_sku {
        Some(catalogue.sku.clone())
    } else {
        match write.target_id {
            Some(id) if !reads_first(write) => Some(id.to_owned()),
            Some(_) | None => number_of(api, &catalogue.sku).await?,
        }
    };
    let Some(id) = id else { return Ok(None) };
    let call = Call {
        id: Some(id),
        by_sku,
        query: vec![("include", INCLUDE.to_owned())],
        ..Call::read("read product", PRODUCTS)
    };
    Ok(api.find(&call).await?)
}

/// Oro answers an EXT ID product with its number beside the SKU.
fn number(product: Option<&Value>) -> Option<String> {
    let product = product?;
    match document::attribute(product, "dbId") {
        Some(number) => Some(number.to_string()),
        None => document::id(product).map(str::to_owned),
    }
}

fn texts(catalogue: &ProductCatalogue) -> Vec<Text<'_>> {
    let short = catalogue.short_description.as_deref().map(Text::short_description);
    let long = catalogue.description.as_deref().map(Text::description);
    [Some(Text::name(&catalogue.name)), short, long].into_iter().flatten().collect()
}

const fn status(catalogue: &ProductCatalogue) -> &'static str {
    match catalogue.status {
        ProductStatus::Enabled => "enabled",
        ProductStatus::Disabled => "disabled",
    }
}

fn unit<'a>(api: &'a Api<'_>, catalogue: &'a ProductCatalogue) -> &'a str {
    catalogue.unit.as_deref().unwrap_or(&api.oro.config.default_unit)
}

/// What is counted has whole quantities; what is weighed has grams. Oro has a default precision for
/// each unit, but sending one is required.
fn precision(unit: &str) -> u8 {
    if unit == "kg" { 3 } else { 0 }
}

async fn create(
    api: &Api<'_>,
    catalogue: &ProductCatalogue,
    by_sku: bool,
) -> Result<Applied, No> {
    const UNIT: &str = "new-unit";
    let mut product = match by_sku {
        true => Resource::with_id(PRODUCTS, &catalogue.sku),
        false => Resource::new(PRODUCTS).attribute("sku", catalogue.sku.as_str()),
    }
    .attribute("status", status(catalogue));
    let mut included = Vec::new();
    for text in texts(catalogue) {
        product = text.link(product, [text.temporary_id().as_str()]);
        included.push(text.included());
    }
    let unit = unit(api, catalogue);
    let unit_precision = Resource::with_id("productunitprecisions", UNIT)
        .attribute("precision", precision(unit))
        .attribute("conversionRate", 1)
        .attribute("sell", true)
        .one("unit", "productunits", unit);
    included.push(unit_precision);
    let product = product
        .one("attributeFamily", "attributefamilies", &api.oro.config.attribute_family)
        .one("primaryUnitPrecision", "productunitprecisions", UNIT)
        .many("unitPrecisions", "productunitprecisions", [UNIT])
        .one("inventory_status", "prodinventorystatuses", "in_stock");
    let call = Call { by_sku, ..Call::create("create product", product, included) };
    let said = api.ask(&call).await?;
    let target_id = number(document::rows(&said.document).first());
    Ok(Applied { effect: Effect::Created, target_id, warning: None })
}

async fn update(
    api: &Api<'_>,
    catalogue: &ProductCatalogue,
    found: &Value,
    by_sku: bool,
) -> Result<Applied, Failure> {
    let product = document::rows(found).first().unwrap_or(&Value::Null);
    let id = document::id(product).unwrap_or_default();
    let wanted = Resource::new(PRODUCTS).attribute("status", status(catalogue));
    let mut change =
        wanted.changes(product).unwrap_or_else(|| Resource::with_id(PRODUCTS, id));
    let mut included = Vec::new();
    for text in texts(catalogue) {
        if let Some(needed) = text.change(product, found) {
            change = needed.text.link(change, needed.ids.iter().map(String::as_str));
            included.push(needed.included);
        }
    }
    let target_id = number(Some(product));
    let warning = unit_warning(catalogue, product, found);
    if change.is_empty() {
        return Ok(Applied { effect: Effect::AlreadySo, target_id, warning });
    }
    let call = Call { by_sku, ..Call::change("update product", change, included) };
    api.ask(&call).await?;
    Ok(Applied { effect: Effect::Updated, target_id, warning })
}

/// Another primary unit would remove the stock level of the present one.
fn unit_warning(catalogue: &ProductCatalogue, product: &Value, found: &Value) -> Option<String> {
    let wanted = catalogue.unit.as_deref()?;
    let precision = document::one(product, "primaryUnitPrecision")?;
    let precision = document::included(found, "productunitprecisions", precision)?;
    let present = document::one(precision, "unit").filter(|present| *present != wanted)?;
    Some(format!(
        "unit is `{present}` in the shop and `{wanted}` at the source; it is changed in the shop by \
         hand, because that moves its stock"
    ))
}
