//! What of a kit was ordered: what the kit says of it, and what the kit costs with it.

use crate::oro::record::{Id, Record};
use crate::oro::schema::Kind;
use crate::oro::store::Store;
use crate::oro::values::decimal;

/// A part of an ordered kit gets its product by the SKU, and remembers what the kit said of it.
pub(super) fn complete(store: &mut Store, id: &Id) {
    let Some(mut part) = store.get(Kind::OrderProductKitItemLineItems, id).cloned() else { return };
    let named = |part: &Record| store.find(Kind::Products, "sku", part.text("productSku")?).next();
    let product = match part.one.get("product") {
        Some(product) => store.get(Kind::Products, product),
        None => named(&part),
    };
    if let Some(product) = product {
        part.link("product", product.id.clone());
        part.set("productSku", product.text("sku").unwrap_or_default());
        if let Some(name) = super::default_name(store, product) {
            part.set("productName", name);
        }
        set_number(&mut part, "productId", &product.id);
    }
    if let Some(item) = part.one.get("kitItem").and_then(|id| store.get(Kind::ProductKitItems, id))
    {
        for name in ["optional", "minimumQuantity", "maximumQuantity"] {
            part.set(name, item.attribute(name).cloned());
        }
        if let Some(label) = label(store, item) {
            part.set("kitItemLabel", label);
        }
        set_number(&mut part, "kitItemId", &item.id);
    }
    if let Some(unit) = part.one.get("productUnit").cloned() {
        let precision = store.get(Kind::ProductUnits, &unit);
        let digits = precision.and_then(|unit| unit.attribute("defaultPrecision")).cloned();
        part.set("productUnitPrecision", digits);
        part.set("productUnitCode", unit.to_string());
    }
    store.put(part);
}

fn set_number(part: &mut Record, name: &'static str, id: &Id) {
    if let Id::Number(number) = id {
        part.set(name, *number);
    }
}

/// The label without a localization.
fn label<'store>(store: &'store Store, item: &Record) -> Option<&'store str> {
    let labels = item.list("labels").iter();
    let mut labels = labels.filter_map(|id| store.get(Kind::ProductKitItemLabels, id));
    labels.find(|label| !label.one.contains_key("localization"))?.text("string")
}

/// A line of a kit costs what its parts cost, whatever was said.
pub(super) fn price(store: &mut Store) {
    let touched = store.touched().into_iter();
    let lines: Vec<Id> = touched
        .filter(|(kind, ..)| {
            [Kind::OrderProductKitItemLineItems, Kind::OrderLineItems].contains(kind)
        })
        .filter_map(|(kind, id, before)| match kind {
            Kind::OrderLineItems => Some(id),
            _ => store.get(kind, &id).or(before.as_deref())?.one.get("lineItem").cloned(),
        })
        .collect();
    for id in lines {
        let Some(mut line) = store.get(Kind::OrderLineItems, &id).cloned() else { continue };
        let parts = line.list("kitItemLineItems").iter();
        let parts = parts.filter_map(|id| store.get(Kind::OrderProductKitItemLineItems, id));
        let number = |part: &Record, name| part.number(name).unwrap_or_default();
        let costs: Vec<f64> =
            parts.map(|part| number(part, "quantity") * number(part, "value")).collect();
        if costs.is_empty() {
            continue;
        }
        line.set("value", decimal(costs.iter().sum(), 4));
        if store.get(Kind::OrderLineItems, &id) != Some(&line) {
            store.put(line);
        }
    }
}
