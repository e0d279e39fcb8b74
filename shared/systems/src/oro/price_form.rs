//! What makes the prices of a product on one list of the shop those of the source.

use std::collections::BTreeSet;

use ferry_canonical::{
    FailureKind, Part,
    price::{Price, ProductPrice},
    value::Decimal,
};
use serde_json::Value;

use super::{
    batch::Item,
    document::{self, Resource},
    price_list::PRICE_LISTS,
    product::PRODUCTS,
};
use crate::target::Failure;

pub(super) const PRICES: &str = "productprices";
/// Digits that the shop keeps of a value, after the point.
const DIGITS: usize = 4;
/// Prices of others that a warning names.
const NAMED_MAX: usize = 5;

/// Where the prices go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) list: &'a str,
    pub(super) product: &'a str,
    /// The unit of prices whose source names none: the product's first one.
    pub(super) unit: Option<&'a str>,
}

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// New prices, and changed ones.
    pub(super) items: Vec<Item>,
    /// Ids of prices that Ferry has brought, and that the source does not have any more.
    pub(super) obsolete: Vec<String>,
    pub(super) warning: Option<String>,
}

/// What no two prices of a product on one list have in common (OroCommerce reference §6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    quantity: Decimal,
    unit: String,
    currency: String,
}

impl Key {
    fn of(price: &Price, place: Place<'_>) -> Option<Self> {
        let unit = price.unit.as_deref().or(place.unit)?.to_owned();
        let currency = price.currency.as_str().to_owned();
        Some(Self { quantity: price.quantity.clone(), unit, currency })
    }

    fn in_row(row: &Value) -> Option<Self> {
        let quantity = document::number(row, "quantity")?;
        let unit = document::one(row, "unit")?.to_owned();
        let currency = document::text(row, "currency")?.to_owned();
        Some(Self { quantity, unit, currency })
    }

    fn said(&self) -> String {
        let Self { quantity, unit, currency } = self;
        format!("from {quantity} {unit} on in {currency}")
    }
}

/// What makes `rows`, the prices in the shop, those of `price`. `recalled` is what Ferry may have brought
/// there before.
pub(super) fn changes(
    of: usize,
    price: &ProductPrice,
    (place, rows): (Place<'_>, &[Value]),
    recalled: &[Part],
) -> Result<Changes, Failure> {
    let mut changes = Changes::default();
    let mut wanted = BTreeSet::new();
    let mut warnings = Vec::new();
    for (index, price) in price.prices.iter().enumerate() {
        let at = format!("prices[{index}]");
        let key = Key::of(price, place).ok_or_else(|| no_unit(&at))?;
        let found = rows.iter().find(|row| Key::in_row(row).as_ref() == Some(&key));
        warnings.extend(rounded(price, &at));
        let resource = match found {
            Some(row) if document::number(row, "value").as_ref() == Some(&price.value) => None,
            Some(row) => {
                let id = document::id(row).unwrap_or_default();
                Some(Resource::with_id(PRICES, id).attribute("value", price.value.as_str()))
            }
            None => Some(new(&key, &price.value, place)),
        };
        let item = |resource| Item { at: Some(at.clone()), ..Item::new(of, resource) };
        changes.items.extend(resource.map(item));
        if !wanted.insert(key) {
            let detail = format!("{at}: another price is for the same quantity, unit and currency");
            return Err(Failure::new(FailureKind::Validation, detail));
        }
    }
    let ours = brought(recalled, place);
    let mut others = Vec::new();
    for row in rows {
        match (Key::in_row(row), document::id(row)) {
            (Some(key), _) if wanted.contains(&key) => {}
            (Some(key), Some(id)) if ours.contains(&key) => changes.obsolete.push(id.to_owned()),
            (key, _) => others.push(key),
        }
    }
    warnings.extend(stays(&price.list, &others));
    changes.warning = (!warnings.is_empty()).then(|| warnings.join("; "));
    Ok(changes)
}

fn new(key: &Key, value: &Decimal, place: Place<'_>) -> Resource {
    Resource::new(PRICES)
        .attribute("quantity", key.quantity.as_str())
        .attribute("value", value.as_str())
        .attribute("currency", key.currency.as_str())
        .one("priceList", PRICE_LISTS, place.list)
        .one("product", PRODUCTS, place.product)
        .one("unit", "productunits", &key.unit)
}

fn brought(recalled: &[Part], place: Place<'_>) -> BTreeSet<Key> {
    let prices = recalled.iter().filter_map(|part| match part {
        Part::ProductPrice(price) => Some(&price.prices),
        Part::CustomerProfile(_)
        | Part::OrderPlaced(_)
        | Part::OrderShipment(_)
        | Part::OrderCancellation(_)
        | Part::OrderReturn(_)
        | Part::ProductCatalogue(_)
        | Part::ProductStock(_) => None,
    });
    prices.flatten().filter_map(|price| Key::of(price, place)).collect()
}

fn no_unit(at: &str) -> Failure {
    let detail = format!(
        "{at}.unit: the shop does not say by which unit the product is sold first: let the source say \
         the unit of the price, or give the product one in the shop"
    );
    Failure::new(FailureKind::Validation, detail)
}

fn rounded(price: &Price, at: &str) -> Option<String> {
    let (_, fraction) = price.value.as_str().split_once('.')?;
    (fraction.len() > DIGITS).then(|| {
        format!(
            "{at}.value: the shop keeps {DIGITS} digits after the point: let the source round it"
        )
    })
}

fn stays(list: &str, others: &[Option<Key>]) -> Option<String> {
    if others.is_empty() {
        return None;
    }
    let said = others.iter().flatten().take(NAMED_MAX).map(Key::said);
    let said = said.collect::<Vec<_>>().join(", ");
    let more = if others.len() > NAMED_MAX { " and more" } else { "" };
    Some(format!(
        "on the list `{list}` stay {} that the source does not have and Ferry has not brought \
         ({said}{more}): remove them in the shop if they are not wanted",
        match others.len() {
            1 => "1 price".to_owned(),
            many => format!("{many} prices"),
        }
    ))
}
