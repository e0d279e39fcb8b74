//! Prices: what one must say, and that no list has two for the same.

use super::Subject;
use crate::oro::problem::Problem;
use crate::oro::record::Record;
use crate::oro::schema::Kind;
use crate::oro::version::Feature;

pub(super) fn list(subject: &mut Subject<'_>) {
    let currencies = subject.record.attribute("priceListCurrencies");
    let none = currencies.and_then(|list| list.as_array()).is_none_or(Vec::is_empty);
    if none {
        let detail = "This collection should contain 1 element or more. Source: currencies.";
        subject.refuse(Problem::constraint("count", detail));
    }
}

pub(super) fn price(subject: &mut Subject<'_>) {
    let worded = subject.version.has(Feature::LineTaxCode);
    let currency_is = if worded { "Currency" } else { "This value" };
    for (name, what) in [("value", "Price value"), ("currency", currency_is)] {
        if subject.record.attribute(name).is_none() {
            let detail = format!("{what} should not be blank.");
            subject.refuse_at("not blank", &detail, subject.attribute(name));
        }
    }
    currency(subject);
    unit(subject);
    if twice(subject) {
        let detail = "Product has duplication of product prices. Set of fields \"PriceList\", \
                      \"Quantity\" , \"Unit\" and \"Currency\" should be unique.";
        subject.refuse(Problem::constraint("unique entity", detail));
    }
}

fn currency(subject: &mut Subject<'_>) {
    let Some(currency) = subject.record.text("currency") else { return };
    let list = subject.record.one.get("priceList");
    let list = list.and_then(|id| subject.store.get(Kind::PriceLists, id));
    let known = list.and_then(|list| list.attribute("priceListCurrencies")?.as_array());
    if known.is_some_and(|known| !known.iter().any(|known| known == currency)) {
        let detail = format!("Currency \"{currency}\" is not valid for current price list.");
        subject.refuse_at("product price currency", &detail, subject.attribute("currency"));
    }
}

/// A product has prices in its own units.
fn unit(subject: &mut Subject<'_>) {
    let product = subject.record.one.get("product");
    let product = product.and_then(|id| subject.store.get(Kind::Products, id));
    let (Some(product), Some(unit)) = (product, subject.record.one.get("unit")) else { return };
    let sold_by = |precision: &&crate::oro::record::Id| {
        let precision = subject.store.get(Kind::ProductUnitPrecisions, precision);
        precision.and_then(|precision| precision.one.get("unit")) == Some(unit)
    };
    if !product.list("unitPrecisions").iter().any(|precision| sold_by(&precision)) {
        let sku = product.text("sku").unwrap_or_default();
        let detail = format!("Unit \"{unit}\" is not allowed for product \"{sku}\".");
        subject.refuse_at("product price allowed units", &detail, subject.relation("unit"));
    }
}

fn twice(subject: &Subject<'_>) -> bool {
    let Some(product) = subject.record.one.get("product") else { return false };
    let same = |other: &Record| {
        let ties = ["priceList", "unit"];
        ties.iter().all(|name| other.one.get(name) == subject.record.one.get(name))
            && other.text("currency") == subject.record.text("currency")
            && other.number("quantity") == subject.record.number("quantity")
    };
    let mut others = subject.store.find(Kind::ProductPrices, "product", &product.to_string());
    others.any(|other| other.id != subject.record.id && same(other))
}
