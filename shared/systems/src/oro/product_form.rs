//! What a product is made of in the shop, and what makes one that is there as its source has it.
//!
//! A product that is there keeps its first unit, its family, its texts in other languages, its further
//! units, and what of it people of the shop decide: its stock status and its category, unless its source
//! says them.

use ferry_canonical::product::{Availability, ProductCatalogue, ProductStatus, ProductUnit};
use ferry_config::system::{OroConfig, ProductDefault};
use serde_json::{Value, json};

use super::{
    document::{self, Resource},
    localized::Text,
    product::PRODUCTS,
};

const PRECISIONS: &str = "productunitprecisions";
const FALLBACKS: &str = "entityfieldfallbackvalues";
const STATUSES: &str = "prodinventorystatuses";
const CATEGORIES: &str = "categories";

/// It, and what goes with it.
type Whole = (Resource, Vec<Resource>);

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

const fn inventory_status(availability: Availability) -> &'static str {
    match availability {
        Availability::InStock => "in_stock",
        Availability::OutOfStock => "out_of_stock",
        Availability::Discontinued => "discontinued",
    }
}

/// What is counted has whole quantities; what is weighed has grams. Oro has a default precision for
/// each unit, but sending one is required.
fn precision_of(unit: &str) -> u8 {
    if unit == "kg" { 3 } else { 0 }
}

/// Everything that Oro needs to make it.
pub(super) fn new(config: &OroConfig, catalogue: &ProductCatalogue, by_sku: bool) -> Whole {
    const UNIT: &str = "new-unit";
    let product = if by_sku {
        Resource::with_id(PRODUCTS, document::kept(&catalogue.sku))
    } else {
        Resource::new(PRODUCTS).attribute("sku", catalogue.sku.as_str())
    };
    let mut product = product.attribute("status", status(catalogue));
    let mut included = Vec::new();
    for text in texts(catalogue) {
        product = text.link(product, [text.temporary_id().as_str()]);
        included.push(text.included());
    }
    let unit = catalogue.unit.as_deref().unwrap_or(&config.default_unit);
    let first = catalogue.units.iter().find(|other| other.unit == unit);
    let precision = first.and_then(|first| first.precision).unwrap_or_else(|| precision_of(unit));
    let first = Resource::with_id(PRECISIONS, UNIT)
        .attribute("precision", precision)
        .attribute("conversionRate", 1)
        .attribute("sell", first.is_none_or(|first| first.sell))
        .one("unit", "productunits", unit);
    included.push(first);
    let further = further(catalogue, unit).map(|(index, further)| new_unit(index, further));
    included.extend(further);
    let units = included.iter().filter(|resource| resource.kind == PRECISIONS);
    let units: Vec<String> = units.filter_map(|unit| unit.id.clone()).collect();
    let availability = catalogue.availability.unwrap_or(Availability::InStock);
    product = product
        .one("attributeFamily", "attributefamilies", &config.attribute_family)
        .one("primaryUnitPrecision", PRECISIONS, UNIT)
        .many("unitPrecisions", PRECISIONS, units.iter().map(String::as_str))
        .one("inventory_status", STATUSES, inventory_status(availability));
    if let Some(category) = category(config, catalogue) {
        product = product.one("category", CATEGORIES, category);
    }
    for (name, default) in &config.product_defaults {
        let id = format!("new-{name}");
        product = product.one(name, FALLBACKS, &id);
        included.push(fallback(default).named(id));
    }
    (product, included)
}

/// The shop's category, where the configuration names one for the source's.
fn category<'a>(config: &'a OroConfig, catalogue: &ProductCatalogue) -> Option<&'a str> {
    config.categories.get(catalogue.category.as_ref()?).map(String::as_str)
}

/// Exactly one of the three says where the value comes from (OroCommerce reference §6).
fn fallback(default: &ProductDefault) -> Resource {
    let value = Resource::new(FALLBACKS);
    match default {
        ProductDefault::Fallback(from) => value.attribute("fallback", from.as_str()),
        ProductDefault::Value(one) => value.attribute("scalarValue", one.as_str()),
        ProductDefault::Values(many) => value.attribute("arrayValue", json!(many)),
    }
}

/// The units beside the first one, by their places.
fn further<'a>(
    catalogue: &'a ProductCatalogue,
    first: &'a str,
) -> impl Iterator<Item = (usize, &'a ProductUnit)> {
    catalogue.units.iter().enumerate().filter(move |(_, unit)| unit.unit != first)
}

fn unit(unit: &ProductUnit) -> Resource {
    Resource::new(PRECISIONS)
        .attribute("precision", unit.precision.unwrap_or_else(|| precision_of(&unit.unit)))
        .attribute("conversionRate", unit.conversion_rate.as_str())
        .attribute("sell", unit.sell)
}

fn new_unit(index: usize, wanted: &ProductUnit) -> Resource {
    unit(wanted).named(format!("units[{index}]")).one("unit", "productunits", &wanted.unit)
}

/// Where a unit that goes with a product stands in the canonical part.
pub(super) fn place_of(included: &Value) -> Option<&str> {
    document::id(included).filter(|id| id.starts_with("units["))
}

/// What differs from the product as it is; `beside` is the document that what goes with it is included
/// in.
pub(super) fn change(
    config: &OroConfig,
    catalogue: &ProductCatalogue,
    (product, beside): (&Value, &Value),
) -> Option<Whole> {
    let id = document::id(product).unwrap_or_default();
    let mut wanted = Resource::new(PRODUCTS).attribute("status", status(catalogue));
    if let Some(availability) = catalogue.availability {
        wanted = wanted.one("inventory_status", STATUSES, inventory_status(availability));
    }
    if let Some(category) = category(config, catalogue) {
        wanted = wanted.one("category", CATEGORIES, category);
    }
    let mut change = wanted.changes(product).unwrap_or_else(|| Resource::with_id(PRODUCTS, id));
    let mut included = Vec::new();
    for text in texts(catalogue) {
        if let Some(needed) = text.change(product, beside) {
            change = needed.text.link(change, needed.ids.iter().map(String::as_str));
            included.push(needed.included);
        }
    }
    if let Some((ids, units)) = units(catalogue, product, beside) {
        change = change.many("unitPrecisions", PRECISIONS, ids.iter().map(String::as_str));
        included.extend(units);
    }
    (!change.is_empty()).then_some((change, included))
}

/// All units of the product by their ids, with those that are new or changed: what is not named is lost,
/// and its stock with it (OroCommerce reference §3). Nothing where one of them is not shown.
fn units(
    catalogue: &ProductCatalogue,
    product: &Value,
    beside: &Value,
) -> Option<(Vec<String>, Vec<Resource>)> {
    let first = first_unit(product, beside)?;
    let mut ids: Vec<String> =
        document::many(product, "unitPrecisions").into_iter().map(str::to_owned).collect();
    let found: Vec<&Value> =
        ids.iter().map(|id| document::included(beside, PRECISIONS, id)).collect::<Option<_>>()?;
    let mut included = Vec::new();
    for (index, wanted) in further(catalogue, first) {
        let there = found.iter().find(|found| document::one(found, "unit") == Some(&wanted.unit));
        if let Some(there) = there {
            included.extend(differing(wanted, there));
        } else {
            let made = new_unit(index, wanted);
            ids.extend(made.id.clone());
            included.push(made);
        }
    }
    (!included.is_empty()).then_some((ids, included))
}

/// A precision that its source does not say is the shop's.
fn differing(wanted: &ProductUnit, there: &Value) -> Option<Resource> {
    let is_so = document::number(there, "conversionRate").as_ref() == Some(&wanted.conversion_rate);
    let mut differs = unit(wanted);
    if is_so {
        differs = differs.without("conversionRate");
    }
    if wanted.precision.is_none() {
        differs = differs.without("precision");
    }
    differs.changes(there).map(Resource::updating)
}

fn first_unit<'a>(product: &Value, beside: &'a Value) -> Option<&'a str> {
    let precision = document::one(product, "primaryUnitPrecision")?;
    document::one(document::included(beside, PRECISIONS, precision)?, "unit")
}

/// What a person should see although it worked. `there` is the product as it was before, if it was.
pub(super) fn warning(
    config: &OroConfig,
    catalogue: &ProductCatalogue,
    there: Option<(&Value, &Value)>,
) -> Option<String> {
    let unit = there.and_then(|there| unit_warning(catalogue, there));
    let unknown = catalogue
        .category
        .as_ref()
        .filter(|name| !config.categories.is_empty() && !config.categories.contains_key(*name));
    let category = unknown.map(|name| {
        format!(
            "category `{name}` is none of those that `categories` in ferry.toml names: it is left"
        )
    });
    let warnings: Vec<String> = [unit, category].into_iter().flatten().collect();
    (!warnings.is_empty()).then(|| warnings.join("; "))
}

/// Another first unit would remove the stock level of the present one.
fn unit_warning(
    catalogue: &ProductCatalogue,
    (product, beside): (&Value, &Value),
) -> Option<String> {
    let wanted = catalogue.unit.as_deref()?;
    let present = first_unit(product, beside).filter(|present| *present != wanted)?;
    Some(format!(
        "unit is `{present}` in the shop and `{wanted}` at the source; it is changed in the shop by \
         hand, because that moves its stock"
    ))
}

#[cfg(test)]
mod tests;
