//! `product.stock`: one level, set absolutely.
//!
//! The level is the sum of `available` over all known sites, at least 0: an oversold site takes from
//! the others, but a shop cannot offer less than nothing. Oro makes the level itself when the
//! product is made; Ferry writes that of the product's primary unit. Checkout lowers the level in
//! between, so it is written each time, equal or not (OroCommerce reference §6).

use std::sync::PoisonError;

use ferry_canonical::{Entity, FailureKind, Part, product::ProductStock, value::Decimal};
use serde_json::Value;

use super::{
    client::{Api, Call},
    document::{self, Resource},
    product,
};
use crate::{
    decimal,
    target::{Applied, Effect, Failure, Write},
};

pub(super) const LEVELS: &str = "inventorylevels";
/// Levels remembered; more than that and all are looked up anew.
const LEVELS_MAX: usize = 100_000;

/// Where a SKU's level lives.
#[derive(Clone, Debug)]
pub(super) struct Level {
    pub(super) id: String,
    pub(super) product: String,
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
    Applied { effect, target_id: Some(level.product.clone()), warning: None, rule: None }
}

/// What sets it.
pub(super) fn change(level: &Level, quantity: &Decimal) -> Resource {
    Resource::with_id(LEVELS, &level.id).attribute("quantity", quantity.as_str())
}

async fn set(api: &Api<'_>, level: &Level, quantity: &Decimal) -> Result<Applied, Failure> {
    let change = change(level, quantity);
    api.ask(&Call::change("set stock level", change, Vec::new())).await?;
    Ok(applied(level, Effect::Updated))
}

pub(super) fn quantity(write: &Write<'_>, stock: &ProductStock) -> Result<Decimal, Failure> {
    let others = write.parts.iter().filter_map(|part| match part {
        Part::ProductStock(other) if other.site != stock.site => Some(&other.available),
        Part::ProductStock(_)
        | Part::CustomerProfile(_)
        | Part::OrderPlaced(_)
        | Part::OrderShipment(_)
        | Part::OrderCancellation(_)
        | Part::OrderReturn(_)
        | Part::ProductCatalogue(_)
        | Part::ProductPrice(_) => None,
    });
    let too_long =
        || Failure::new(FailureKind::Validation, "available: the sum over all sites is too long");
    let total = decimal::sum(others.chain([&stock.available])).ok_or_else(too_long)?;
    if total.is_negative() { Decimal::parse("0").map_err(|_| too_long()) } else { Ok(total) }
}

pub(super) fn remembered(api: &Api<'_>, sku: &str) -> Option<Level> {
    api.oro.levels.lock().unwrap_or_else(PoisonError::into_inner).get(sku).cloned()
}

pub(super) fn forget(api: &Api<'_>, sku: &str) {
    api.oro.levels.lock().unwrap_or_else(PoisonError::into_inner).remove(sku);
}

pub(super) fn remember(api: &Api<'_>, sku: &str, level: &Level) {
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
    let product = product::number_of(api, sku).await?.ok_or_else(|| no_product(sku))?;
    level_of(api, sku, &product).await?.ok_or_else(|| no_level(sku))
}

pub(super) fn no_product(sku: &str) -> Failure {
    Failure::missing(Entity::Product, sku, format!("product `{sku}` is not in the shop"))
}

pub(super) fn no_level(sku: &str) -> Failure {
    let detail = format!("product `{sku}` has no inventory level in the shop yet");
    Failure::missing(Entity::Product, sku, detail)
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
    let Some(row) = primary_level(document::rows(&document), &document, product) else {
        return Ok(None);
    };
    let id = document::id(row).unwrap_or_default().to_owned();
    let level = Level { id, product: product.to_owned() };
    remember(api, sku, &level);
    Ok(Some((level, document::number(row, "quantity"))))
}

/// Of a product's levels that of its primary unit; `beside` is the document that the product is
/// included in.
pub(super) fn primary_level<'a>(
    levels: &'a [Value],
    beside: &Value,
    product: &str,
) -> Option<&'a Value> {
    let primary = document::included(beside, "products", product)
        .and_then(|product| document::one(product, "primaryUnitPrecision"));
    let of_primary =
        |row: &&Value| primary.is_some() && document::one(row, "productUnitPrecision") == primary;
    levels.iter().find(of_primary).or_else(|| levels.first())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oro::scripted::{Shop, answer, errors, oro, row, write};

    fn site(site: &str, available: &str) -> Part {
        let stock = json!({"sku": "SKU-1", "site": site, "available": available});
        Part::from_json(ferry_canonical::Facet::Stock, stock.to_string().as_bytes()).unwrap()
    }

    fn product() -> (String, Result<ferry_http::Response, ferry_http::HttpError>) {
        let row = row("products", "55", json!({"sku": "SKU-1"}), Value::Null);
        answer("GET /products?filter[sku]=SKU-1&fields[products]=sku", 200, &json!({"data": [row]}))
    }

    fn levels(quantity: &str) -> (String, Result<ferry_http::Response, ferry_http::HttpError>) {
        let level = |id: &str, precision: &str| {
            row(
                "inventorylevels",
                id,
                json!({ "quantity": quantity }),
                json!({"productUnitPrecision": {"type": "productunitprecisions", "id": precision}}),
            )
        };
        let product = row(
            "products",
            "55",
            json!({}),
            json!({"primaryUnitPrecision": {"type": "productunitprecisions", "id": "14"}}),
        );
        let document =
            json!({"data": [level("90", "13"), level("91", "14")], "included": [product]});
        answer("GET /inventorylevels?filter[product]=55&include=product", 200, &document)
    }

    fn set() -> (String, Result<ferry_http::Response, ferry_http::HttpError>) {
        answer(
            "PATCH /inventorylevels/91",
            200,
            &json!({"data": {"type": "inventorylevels", "id": "91"}}),
        )
    }

    #[tokio::test]
    async fn the_level_is_the_sum_of_all_sites_and_is_looked_up_once() {
        let shop = Shop::answering([product(), levels("0"), set(), set()]);
        let (oro, conversation) = (oro(), shop.conversation());
        let parts = [site("A", "7"), site("B", "2.5"), site("C", "-4")];
        let part = site("A", "10");
        let subject = part.subject();
        let write = Write { parts: &parts, ..write(&subject, &part) };
        for _ in 0..2 {
            let applied = oro.apply(&conversation, &[write]).await.pop().unwrap().unwrap();
            assert_eq!(
                (applied.effect, applied.target_id.as_deref()),
                (Effect::Updated, Some("55"))
            );
        }
        insta::assert_snapshot!(shop.written().join("\n"), @r#"
        PATCH /inventorylevels/91 {"data":{"type":"inventorylevels","id":"91","attributes":{"quantity":"8.5"}}}
        PATCH /inventorylevels/91 {"data":{"type":"inventorylevels","id":"91","attributes":{"quantity":"8.5"}}}
        "#);
    }

    #[tokio::test]
    async fn less_than_nothing_is_nothing() {
        let shop = Shop::answering([levels("3"), set()]);
        let (oro, conversation, part) = (oro(), shop.conversation(), site("A", "-2"));
        let subject = part.subject();
        let write = Write { target_id: Some("55"), ..write(&subject, &part) };
        oro.apply(&conversation, &[write]).await.pop().unwrap().unwrap();
        assert!(shop.written()[0].contains(r#""quantity":"0""#));
    }

    #[tokio::test]
    async fn stock_of_a_product_that_is_not_there_waits_for_it() {
        let shop =
            Shop::answering([answer("GET /products?filter[sku]=SKU-1", 200, &json!({"data": []}))]);
        let (oro, conversation, part) = (oro(), shop.conversation(), site("A", "1"));
        let subject = part.subject();
        let failure =
            oro.apply(&conversation, &[write(&subject, &part)]).await.pop().unwrap().unwrap_err();
        assert_eq!(failure.kind, FailureKind::MissingReference);
        assert_eq!(failure.detail, "product `SKU-1` is not in the shop");
    }

    #[tokio::test]
    async fn after_a_lost_answer_the_level_is_read_before_it_is_written() {
        let part = site("A", "4");
        let subject = part.subject();
        let again = Write { read_first: true, ..write(&subject, &part) };
        for (standing, effect) in [("4.0000", Effect::AlreadySo), ("5", Effect::Updated)] {
            let mut script = vec![product(), levels(standing)];
            script.extend((effect == Effect::Updated).then(set));
            let shop = Shop::answering(script);
            let applied = oro().apply(&shop.conversation(), &[again]).await.pop().unwrap().unwrap();
            assert_eq!(applied.effect, effect);
            shop.asked();
        }
    }

    #[tokio::test]
    async fn an_equal_level_is_written_all_the_same_because_a_checkout_may_lower_it() {
        let shop = Shop::answering([product(), levels("4"), set()]);
        let part = site("A", "4");
        let subject = part.subject();
        let write = write(&subject, &part);
        let applied = oro().apply(&shop.conversation(), &[write]).await.pop().unwrap().unwrap();
        assert_eq!(applied.effect, Effect::Updated);
        shop.asked();
    }

    #[tokio::test]
    async fn a_remembered_level_that_is_gone_is_looked_up_again() {
        let gone = errors("PATCH /inventorylevels/91", 404, "not found http exception");
        let shop =
            Shop::answering([product(), levels("0"), set(), gone, product(), levels("0"), set()]);
        let (oro, conversation, part) = (oro(), shop.conversation(), site("A", "4"));
        let subject = part.subject();
        for _ in 0..2 {
            oro.apply(&conversation, &[write(&subject, &part)]).await.pop().unwrap().unwrap();
        }
        shop.asked();
    }
}
