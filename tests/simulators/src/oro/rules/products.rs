//! Products and their units.

use super::Subject;
use crate::oro::problem::Problem;
use crate::oro::record::Id;
use crate::oro::schema::Kind;
use crate::oro::settle::default_name;
use crate::oro::store::Store;

pub(super) fn product(subject: &mut Subject<'_>) {
    sku(subject);
    status(subject);
    names(subject);
    units(subject);
    fallbacks(subject);
}

fn sku(subject: &mut Subject<'_>) {
    let Some(sku) = subject.record.text("sku") else { return };
    let pointer = subject.attribute("sku");
    if sku.chars().count() < 3 {
        let detail = "This value is too short. It should have 3 characters or more.";
        subject.refuse_at("length", detail, pointer);
    } else if !sku.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        let detail = "This value should contain only latin letters, numbers and symbols \"-\", \
                      \"_\", \".\".";
        subject.refuse_at("sku regex", detail, pointer);
    } else if subject.others("sku", sku) {
        subject.refuse_at("unique entity", "This value is already used.", pointer);
    }
}

fn status(subject: &mut Subject<'_>) {
    let choices = [
        ("status", &["enabled", "disabled"][..]),
        ("productType", &["simple", "configurable", "kit"][..]),
    ];
    for (name, known) in choices {
        match subject.record.text(name) {
            None => subject.refuse_blank(subject.attribute(name)),
            Some(choice) if !known.contains(&choice) => {
                let detail = "The value you selected is not a valid choice.";
                subject.refuse_at("choice", detail, subject.attribute(name));
            }
            Some(_) => {}
        }
    }
}

fn names(subject: &mut Subject<'_>) {
    let pointer = subject.relation("names");
    let names = subject.record.list("names");
    let empty = names.is_empty() && subject.before.is_none();
    if default_name(subject.store, subject.record).is_none() {
        let title = "not blank default localized fallback value";
        subject.refuse_at(title, "Product default name is blank", pointer.clone());
    }
    if empty {
        // Both are told of the same place.
        let detail = "This collection should contain 1 element or more.";
        subject.problems.push(Problem::constraint("count", detail).at(pointer));
    }
}

/// Where a product's value may come from if it has none of its own.
const FALLBACKS: [(&str, &[&str]); 10] = [
    ("manageInventory", CATEGORY_OR_SYSTEM),
    ("highlightLowInventory", CATEGORY_OR_SYSTEM),
    ("inventoryThreshold", CATEGORY_OR_SYSTEM),
    ("lowInventoryThreshold", CATEGORY_OR_SYSTEM),
    ("isUpcoming", &["category"]),
    ("minimumQuantityToOrder", CATEGORY_OR_SYSTEM),
    ("maximumQuantityToOrder", CATEGORY_OR_SYSTEM),
    ("decrementQuantity", CATEGORY_OR_SYSTEM),
    ("backOrder", CATEGORY_OR_SYSTEM),
    ("pageTemplate", &["systemConfig"]),
];

const CATEGORY_OR_SYSTEM: &[&str] = &["category", "systemConfig"];

fn fallbacks(subject: &mut Subject<'_>) {
    for (relation, known) in FALLBACKS {
        let value = subject.record.one.get(relation);
        let value = value.and_then(|id| subject.store.get(Kind::EntityFieldFallbackValues, id));
        let Some(fallback) = value.and_then(|value| value.text("fallback")) else { continue };
        if !known.contains(&fallback) {
            let acceptable = known.join(", ");
            let detail = format!("The value is not valid. Acceptable values: {acceptable}.");
            let title = "related entity field fallback value";
            subject.refuse_at(title, &detail, subject.relation(relation));
        }
    }
}

/// A value comes from exactly one place.
pub(super) fn fallback(subject: &mut Subject<'_>) {
    let fields = ["fallback", "scalarValue", "arrayValue"];
    let given = fields.iter().filter(|name| subject.record.attribute(name).is_some()).count();
    if given != 1 {
        let detail =
            "Either \"fallback\", \"scalarValue\" or \"arrayValue\" property should be specified.";
        let pointer = subject.pointer.to_owned();
        subject.refuse_at("entity field fallback value", detail, pointer);
    }
}

fn units(subject: &mut Subject<'_>) {
    let record = subject.record;
    let precisions = record.list("unitPrecisions");
    if precisions.is_empty() {
        let detail = "At least one unit precision should be specified.";
        subject.refuse_at("count", detail, subject.relation("unitPrecisions"));
        return;
    }
    let had = units_before(subject.store, &record.id);
    let mut units: Vec<Id> = Vec::new();
    let mut twice = false;
    for id in precisions {
        let precision = subject.store.get(Kind::ProductUnitPrecisions, id);
        let Some(unit) = precision.and_then(|precision| precision.one.get("unit")) else {
            continue;
        };
        // A unit the product had is there as long as its row is, even if the row is taken off now.
        let taken = had.iter().any(|(other, row)| other == unit && row != id);
        if taken || units.contains(unit) {
            let detail = format!("Unit precision \"{unit}\" already exists for this product.");
            let pointer = subject.relation("unitPrecisions");
            subject.refuse(Problem::constraint("form", detail).at(pointer));
            twice = true;
        }
        units.push(unit.clone());
    }
    let primary = record.one.get("primaryUnitPrecision");
    if !twice && primary.is_some_and(|primary| !precisions.contains(primary)) {
        let detail = "A primary product unit precision should be in the collection of product unit \
                      precisions.";
        let title = "primary product unit precision";
        subject.refuse_at(title, detail, subject.relation("unitPrecisions"));
    }
}

/// The units a product had before it was written, each with its row.
fn units_before(store: &Store, product: &Id) -> Vec<(Id, Id)> {
    let product = store.before(Kind::Products, product);
    let rows = product.map(|product| product.list("unitPrecisions")).unwrap_or_default().iter();
    rows.filter_map(|id| {
        let unit = store.before(Kind::ProductUnitPrecisions, id)?.one.get("unit")?;
        Some((unit.clone(), id.clone()))
    })
    .collect()
}

pub(super) fn tax_code(subject: &mut Subject<'_>) {
    let code = subject.record.text("code");
    if code.is_some_and(|code| subject.others("code", code)) {
        let detail = "This value is already used.";
        subject.refuse_at("unique tax code", detail, subject.attribute("code"));
    }
}

/// Whether the product had this unit before, in another row.
fn is_there(subject: &Subject<'_>) -> bool {
    let Some(product) = subject.record.one.get("product") else { return false };
    let had = units_before(subject.store, product);
    let unit = subject.record.one.get("unit");
    had.iter().any(|(other, row)| Some(other) == unit && *row != subject.record.id)
}

pub(super) fn unit_precision(subject: &mut Subject<'_>) {
    if subject.before.is_none() && is_there(subject) {
        let detail = "This value is already used.";
        subject.refuse_at("unique entity", detail, subject.relation("product"));
    }
    let precision = subject.record.number("precision");
    if precision.is_some_and(|precision| !(0.0..=10.0).contains(&precision)) {
        let detail = "This value should be between 0 and 10.";
        subject.refuse_at("range", detail, subject.attribute("precision"));
    }
}
