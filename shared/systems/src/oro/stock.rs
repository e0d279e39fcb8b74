//! `product.stock`: one level, set absolutely.
//!
//! The level is the sum of `available` over all known sites, at least 0: an oversold site takes from
//! the others, but a shop cannot offer less than nothing. Oro makes the level itself when the
//! product is made; Ferry writes that of the product's primary unit. Checkout lowers the level in
//! between, so it is written each time, equal or not (OroCommerce reference §6).

use std::sync::PoisonError;

use ferry_canonical::{FailureKind, Part, product::ProductStock, value::Decimal};
use serde_json::Value;

use super::{
    client::{Api, Call},
    decimal,
    document::{self, Resource},
    product,
};
use crate::target::{Applied, Effect, Failure, Write};

const LEVELS: &str = "inventorylevels";
/// Levels remembered; more than that and all are looked up anew.
const LEVELS_MAX: usize = 100_000;

/// Where a SKU's level lives.
#[derive(Clone, Debug)]
pub(super) struct Level {
    id: String,
    product: String,
}

pub(super) async fn apply(
    api: &Api<'_>,
    write: &Write<'_>,
    stock: &ProductStock,
) -> Result<Applied, Failure> {
    let quantity = quantity(write, stock)?;
    if !write.read_first
        && let Some(level) = remembered(api, &stock.sku)
    {
        match set(api, &level, &quantity).await {
            Err(failure) if failure.kind == FailureKind::Conflict => forget(api, &stock.sku),
            other => return other,
        }
    }
    let (level, current) = look_up(api, write, &stock.sku).await?;
    if write.read_first && current.as_ref() == Some(&quantity) {
        return Ok(applied(&level, Effect::AlreadySo));
    }
    set(api, &level, &quantity).await
}

fn applied(level: &Level, effect: Effect) -> Applied {
    Applied { effect, target_id: Some(level.product.clone()), warning: None }
}

async fn set(api: &Api<'_>, level: &Level, quantity: &Decimal) -> Result<Applied, Failure> {
    let change = Resource::with_id(LEVELS, &level.id).attribute("quantity", quantity.as_str());
    api.ask(&Call::change("set stock level", change, Vec::new())).await?;
    Ok(applied(level, Effect::Updated))
}

fn quantity(write: &Write<'_>, stock: &ProductStock) -> Result<Decimal, Failure> {
    let others = write.parts.iter().filter_map(|part| match part {
        Part::ProductStock(other) if other.site != stock.site => Some(&other.available),
        Part::ProductStock(_)
        | Part::CustomerProfile(_)
        | Part::OrderPlaced(_)
        | Part::OrderShipment(_)
        | Part::OrderCancellation(_)
        | Part::ProductCatalogue(_) => None,
    });
    let too_long = || Failure::new(FailureKind::Validation, "available: the sum over all sites is too long");
    let total = decimal::sum(others.chain([&stock.available])).ok_or_else(too_long)?;
    if total.is_negative() { Decimal::parse("0").map_err(|_| too_long()) } else { Ok(total) }
}

fn remembered(api: &Api<'_>, sku: &str) -> Option<Level> {
    api.oro.levels.lock().unwrap_or_else(PoisonError::into_inner).get(sku).cloned()
}

fn forget(api: &Api<'_>, sku: &str) {
    api.oro.levels.lock().unwrap_or_else(PoisonError::into_inner).remove(sku);
}

fn remember(api: &Api<'_>, sku: &str, level: &Level) {
    let mut levels = api.oro.levels.lock().unwrap_or_else(PoisonError::into_inner);
    if levels.len() >= LEVELS_MAX {
        levels.clear();
    }
    levels.insert(sku.to_owned(), level.clone());
}

/// The level of the product's primary unit, and what it stands at. A product that was removed and
/// made again is found by its SKU.
async fn look_up(
    api: &Api<'_>,
    write: &Write<'_>,
    sku: &str,
) -> Result<(Level, Option<Decimal>), Failure> {
    if let Some(product) = write.target_id
        && let Some(found) = level_of(api, sku, product).await?
    {
        return Ok(found);
    }
    let missing = |detail: String| Failure::new(FailureKind::MissingReference, detail);
    let product = product::number_of(api, sku)
        .await?
        .ok_or_else(|| missing(format!("product `{sku}` is not in the shop")))?;
    level_of(api, sku, &product).await?.ok_or_else(|| {
        missing(format!("product `{sku}` has no inventory level in the shop yet"))
    })
}

async fn level_of(
    api: &Api<'_>,
    sku: &str,
    product: &str,
) -> Result<Option<(Level, Option<Decimal>)>, Failure> {
    let query = vec![
        ("filter[product]", product.to_owned()),
        ("include", "product".to_owned()),
        ("page[size]", "100".to_owned()),
    ];
    let document = api.list("look up stock level", LEVELS, query).await?;
    let Some(row) = primary_level(&document, product) else { return Ok(None) };
    let id = document::id(row).unwrap_or_default().to_owned();
    let level = Level { id, product: product.to_owned() };
    remember(api, sku, &level);
    Ok(Some((level, current(row))))
}

fn primary_level<'a>(document: &'a Value, product: &str) -> Option<&'a Value> {
    let rows = document::rows(document);
    let primary = document::included(document, "products", product)
        .and_then(|product| document::one(product, "primaryUnitPrecision"));
    let of_primary = |row: &&Value| {
        primary.is_some() && document::one(row, "productUnitPrecision") == primary
    };
    rows.iter().find(of_primary).or_else(|| rows.first())
}

fn current(level: &Value) -> Option<Decimal> {
    match document::attribute(level, "quantity")? {
        Value::String(text) => Decimal::parse(text).ok(),
        other => Decimal::parse(&other.to_string()).ok(),
    }
}
