//! What the shop does by itself when something is written: ties children to parents, creates stock
//! levels, adds up orders, stamps times.

mod addresses;
mod kits;
mod sums;
mod texts;

pub(super) use addresses::owner_of;

use std::collections::BTreeSet;

use super::plan::Plan;
use super::record::{Id, Record};
use super::schema::{Kind, Relation, Ties, parent_of};
use super::store::Store;
use super::values::stamp;
use super::version::Feature;
use super::write::Terms;

/// A column the API does not show; a change of it moves the product's `updatedAt`, as the shop's
/// denormalised default name does.
const DEFAULT_NAME: &str = "denormalizedDefaultName";

pub(super) fn settle(store: &mut Store, terms: Terms, plans: &[Plan<'_>]) {
    for plan in plans {
        tie_children(store, plan.kind, &plan.id, plan.before.as_ref());
        tie_to_parent(store, plan.kind, &plan.id);
    }
    for plan in plans {
        if plan.before.is_none() {
            own(store, plan.kind, &plan.id);
        }
        match plan.kind {
            Kind::CustomerAddresses | Kind::CustomerUserAddresses => {
                addresses::keep_one_of_each(store, plan.kind, &plan.id);
            }
            Kind::OrderLineItems => complete_line(store, &plan.id),
            Kind::OrderAddresses => complete_address(store, &plan.id),
            Kind::OrderProductKitItemLineItems => kits::complete(store, &plan.id),
            Kind::Orders if plan.before.is_none() => complete_order(store, terms, &plan.id),
            Kind::Products if plan.before.is_none() => complete_product(store, &plan.id),
            _ => {}
        }
    }
    refresh_roots(store);
    stamp_times(store, terms);
}

/// What is made up after a document was found to be right.
pub(super) fn complete(store: &mut Store, plans: &[Plan<'_>]) {
    let new = |plan: &&Plan<'_>| plan.kind == Kind::Products && plan.before.is_none();
    for plan in plans.iter().filter(new) {
        texts::complete(store, &plan.id);
    }
}

/// The same for a row that was put past the API: it is tied, and nothing of it is made up but what
/// is computed from others.
pub(super) fn raw(store: &mut Store, terms: Terms, kind: Kind, id: &Id, before: Option<&Record>) {
    tie_children(store, kind, id, before);
    tie_to_parent(store, kind, id);
    refresh_roots(store);
    stamp_missing(store, terms, kind, id);
}

/// Removes a row with everything that cannot be without it.
pub(super) fn remove(store: &mut Store, kind: Kind, id: &Id) {
    let Some(record) = store.get(kind, id).cloned() else { return };
    for relation in kind.resource().relations {
        let ids = match relation.ties {
            Ties::Many { back: Some(_) } => record.list(relation.name).to_vec(),
            Ties::Inverse { via: "customer" | "customerUser" | "order" } => {
                super::find::related(store, &record, relation)
            }
            Ties::One | Ties::Many { back: None } | Ties::Inverse { .. } => continue,
        };
        for child in ids {
            remove(store, relation.target, &child);
        }
    }
    if kind == Kind::Products {
        let key = id.to_string();
        let prices: Vec<Id> = store
            .find(Kind::ProductPrices, "product", &key)
            .map(|price| price.id.clone())
            .collect();
        for price in prices {
            store.remove(Kind::ProductPrices, &price);
        }
    }
    if kind == Kind::ProductUnitPrecisions {
        let key = id.to_string();
        let levels: Vec<Id> = store
            .find(Kind::InventoryLevels, "productUnitPrecision", &key)
            .map(|level| level.id.clone())
            .collect();
        for level in levels {
            store.remove(Kind::InventoryLevels, &level);
        }
    }
    untie_from_parent(store, &record);
    for (of, holder, relation) in OUTLIVED {
        if of == kind {
            forget(store, (holder, relation), id);
        }
    }
    store.remove(kind, id);
}

/// What names a row and stays when that goes, and by which relation.
const OUTLIVED: [(Kind, Kind, &str); 9] = [
    (Kind::OrderAddresses, Kind::Orders, "billingAddress"),
    (Kind::OrderAddresses, Kind::Orders, "shippingAddress"),
    (Kind::ProductKitItems, Kind::OrderProductKitItemLineItems, "kitItem"),
    (Kind::ProductUnits, Kind::OrderLineItems, "productUnit"),
    (Kind::ProductUnits, Kind::OrderProductKitItemLineItems, "productUnit"),
    (Kind::Products, Kind::OrderLineItems, "parentProduct"),
    (Kind::Products, Kind::OrderLineItems, "product"),
    (Kind::Products, Kind::OrderProductKitItemLineItems, "product"),
    (Kind::ProductTaxCodes, Kind::OrderLineItems, "freeFormTaxCode"),
];

fn forget(store: &mut Store, (holder, relation): (Kind, &str), id: &Id) {
    let names = |row: &&Record| row.one.get(relation) == Some(id);
    let rows: Vec<Record> = store.all(holder).filter(names).cloned().collect();
    for mut row in rows {
        row.one.remove(relation);
        store.put(row);
    }
}

/// After a deletion: totals and times of what it hung on.
pub(super) fn after_removal(store: &mut Store, terms: Terms) {
    refresh_roots(store);
    stamp_times(store, terms);
}

fn tie_children(store: &mut Store, kind: Kind, id: &Id, before: Option<&Record>) {
    let Some(record) = store.get(kind, id).cloned() else { return };
    let parent = id;
    for relation in kind.resource().relations {
        let Ties::Many { back: Some(back) } = relation.ties else { continue };
        let ids = record.list(relation.name);
        let gone: Vec<Id> =
            before.map(|before| before.list(relation.name).to_vec()).unwrap_or_default();
        for id in gone.iter().filter(|id| !ids.contains(id)) {
            remove(store, relation.target, id);
        }
        for id in ids {
            let Some(mut child) = store.get(relation.target, id).cloned() else { continue };
            let many = relation.target.resource().relation(back).is_some_and(Relation::is_list);
            if many {
                let parents = child.many.entry(back).or_default();
                // A child that has a parent keeps it: `rules` says so to the client.
                if parents.is_empty() {
                    parents.push(parent.clone());
                }
            } else {
                child.one.entry(back).or_insert(parent.clone());
            }
            if store.get(relation.target, id) != Some(&child) {
                store.put(child);
            }
        }
    }
}

fn tie_to_parent(store: &mut Store, kind: Kind, id: &Id) {
    let Some((back, parent_kind, list)) = parent_of(kind) else { return };
    let Some(record) = store.get(kind, id) else { return };
    let one = record.one.get(back).cloned().into_iter();
    let parents: Vec<Id> = one.chain(record.list(back).iter().cloned()).collect();
    for parent_id in parents {
        let Some(parent) = store.get(parent_kind, &parent_id) else { continue };
        if !parent.list(list).contains(id) {
            let mut parent = parent.clone();
            parent.many.entry(list).or_default().push(id.clone());
            store.put(parent);
        }
    }
}

fn untie_from_parent(store: &mut Store, record: &Record) {
    let Some((back, parent_kind, list)) = parent_of(record.kind) else { return };
    let parents = record.one.get(back).into_iter().chain(record.list(back));
    for parent_id in parents {
        if let Some(parent) = store.get(parent_kind, parent_id)
            && parent.list(list).contains(&record.id)
        {
            let mut parent = parent.clone();
            parent.many.entry(list).or_default().retain(|child| *child != record.id);
            store.put(parent);
        }
    }
}

/// What nobody said whose it is belongs to the API's user, and to his organization.
fn own(store: &mut Store, kind: Kind, id: &Id) {
    let Some(mut row) = store.get(kind, id).cloned() else { return };
    for relation in kind.resource().relations {
        let whose = matches!(
            (relation.name, relation.target),
            ("owner", Kind::Users | Kind::BusinessUnits)
                | ("organization" | "systemOrganization", Kind::Organizations)
        );
        if whose {
            row.one.entry(relation.name).or_insert(Id::Number(1));
        }
    }
    store.put(row);
}

/// A line that only names a SKU gets its product, whatever the case; a line with a product gets its
/// SKU.
fn complete_line(store: &mut Store, id: &Id) {
    let Some(mut line) = store.get(Kind::OrderLineItems, id).cloned() else { return };
    let product = match line.one.get("product") {
        Some(product) => store.get(Kind::Products, product),
        // What is named freely is none of the shop's products, whatever its SKU.
        None if line.text("freeFormProduct").is_some() => None,
        None => {
            line.text("productSku").and_then(|sku| store.find(Kind::Products, "sku", sku).next())
        }
    };
    if let Some(product) = product {
        line.link("product", product.id.clone());
        line.set("productSku", product.text("sku").unwrap_or_default());
        if line.text("productName").is_none()
            && let Some(name) = product.text(DEFAULT_NAME)
        {
            line.set("productName", name);
        }
    }
    if let Some(unit) = line.one.get("productUnit") {
        line.set("productUnitCode", unit.to_string());
    }
    store.put(line);
}

/// An order address made from an address of the customer or of his user is a copy of it.
fn complete_address(store: &mut Store, id: &Id) {
    let Some(mut address) = store.get(Kind::OrderAddresses, id).cloned() else { return };
    let from = |name: &str, kind: Kind| store.get(kind, address.one.get(name)?);
    let source = from("customerAddress", Kind::CustomerAddresses)
        .or_else(|| from("customerUserAddress", Kind::CustomerUserAddresses));
    let Some(source) = source.cloned() else { return };
    let own = ["createdAt", "updatedAt", "fromExternalSource"];
    let attributes = Kind::OrderAddresses.resource().attributes.iter();
    for attribute in attributes.filter(|attribute| !own.contains(&attribute.name)) {
        address.set(attribute.name, source.attribute(attribute.name).cloned());
    }
    for name in ["country", "region"] {
        address.one.remove(name);
        if let Some(id) = source.one.get(name) {
            address.link(name, id.clone());
        }
    }
    store.put(address);
}

fn complete_order(store: &mut Store, terms: Terms, id: &Id) {
    let Some(mut order) = store.get(Kind::Orders, id).cloned() else { return };
    if order.text("identifier").is_none() {
        order.set("identifier", id.to_string());
    }
    let mut default = |name: &'static str, value: Id| {
        order.one.entry(name).or_insert(value);
    };
    if terms.dialect.has(Feature::ShippingStatus) {
        default("shippingStatus", Id::name("not_shipped"));
    }
    default("internalStatus", Id::name("open"));
    if !terms.dialect.hides_status {
        default("status", Id::name("open"));
    }
    store.put(order);
}

fn complete_product(store: &mut Store, id: &Id) {
    let Some(mut product) = store.get(Kind::Products, id).cloned() else { return };
    product.one.entry("inventory_status").or_insert(Id::name("in_stock"));
    // The primary unit is one of the product's, whether or not the list said so.
    if let Some(primary) = product.one.get("primaryUnitPrecision").cloned() {
        let precisions = product.many.entry("unitPrecisions").or_default();
        if !precisions.is_empty() && !precisions.contains(&primary) {
            precisions.push(primary.clone());
            if let Some(mut precision) = store.get(Kind::ProductUnitPrecisions, &primary).cloned() {
                precision.link("product", id.clone());
                store.put(precision);
            }
        }
    }
    store.put(product);
}

/// Products and orders that were touched, or whose children were, get what is computed from them.
fn refresh_roots(store: &mut Store) {
    kits::price(store);
    let mut roots = BTreeSet::new();
    for (kind, id, before) in store.touched() {
        let now = store.get(kind, &id);
        let record = now.or(before.as_deref());
        let Some(record) = record else { continue };
        match kind {
            Kind::Products | Kind::Orders => {
                roots.insert((kind, id));
            }
            Kind::OrderLineItems => {
                roots.extend(record.list("orders").iter().map(|id| (Kind::Orders, id.clone())));
            }
            Kind::OrderDiscounts => {
                roots.extend(record.one.get("order").map(|id| (Kind::Orders, id.clone())));
            }
            Kind::ProductNames | Kind::ProductUnitPrecisions => {
                roots.extend(record.one.get("product").map(|id| (Kind::Products, id.clone())));
            }
            _ => {}
        }
    }
    for (kind, id) in roots {
        match kind {
            Kind::Orders => sums::add_up(store, &id),
            _ => refresh_product(store, &id),
        }
    }
}

fn refresh_product(store: &mut Store, id: &Id) {
    let Some(mut product) = store.get(Kind::Products, id).cloned() else { return };
    let name = default_name(store, &product).map(str::to_owned);
    product.set(DEFAULT_NAME, name);
    if store.get(Kind::Products, id) != Some(&product) {
        store.put(product.clone());
    }
    for precision in product.list("unitPrecisions") {
        let key = precision.to_string();
        if store.find(Kind::InventoryLevels, "productUnitPrecision", &key).next().is_none() {
            let mut level =
                Record::new(Kind::InventoryLevels, store.next_id(Kind::InventoryLevels));
            level.set("quantity", "0");
            level.link("product", id.clone());
            level.link("productUnitPrecision", precision.clone());
            level.link("organization", Id::Number(1));
            store.put(level);
        }
    }
}

/// The name without a localization.
pub(super) fn default_name<'store>(store: &'store Store, product: &Record) -> Option<&'store str> {
    product
        .list("names")
        .iter()
        .filter_map(|name| store.get(Kind::ProductNames, name))
        .find(|name| !name.one.contains_key("localization"))?
        .text("string")
}

/// The times of a row that came without.
fn stamp_missing(store: &mut Store, terms: Terms, kind: Kind, id: &Id) {
    let Some(mut record) = store.get(kind, id).cloned() else { return };
    for name in ["createdAt", "updatedAt"] {
        if kind.resource().attribute(name).is_some() && record.text(name).is_none() {
            record.set(name, stamp(terms.now));
        }
    }
    if store.get(kind, id) != Some(&record) {
        store.put(record);
    }
}

/// `createdAt` and `updatedAt` of rows that were made or changed themselves.
fn stamp_times(store: &mut Store, terms: Terms) {
    let now = stamp(terms.now);
    for (kind, id, before) in store.touched() {
        let Some(record) = store.get(kind, &id) else { continue };
        let stamped = |name: &str| kind.resource().attribute(name).is_some();
        let changed = before.as_deref().is_none_or(|before| record.row_differs(before));
        if !changed || !stamped("updatedAt") {
            continue;
        }
        let mut record = record.clone();
        if record.text("createdAt").is_none() {
            record.set("createdAt", now.clone());
        }
        record.set("updatedAt", now.clone());
        store.put(record);
    }
}
