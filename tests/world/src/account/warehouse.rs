//! What the warehouse must hold.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{self, DESCRIPTION_MAX, decimal, text};
use super::seen::{OrderflowSeen, SeenImportedOrder, SeenImportedProduct};
use super::{About, Account, Audit, Finding, add_doubled, by_key};
use crate::flaw::Flaw;
use crate::manifest::Route;
use crate::order::Order;
use crate::product::Product;
use crate::world::World;

/// Lines an address has at most, and lines an order has at most in what is read here.
const ADDRESS_LINES: usize = 6;
const LINES_MAX: usize = 100;

fn product_key(product: &SeenImportedProduct) -> &str {
    &product.external_reference
}

fn order_key(order: &SeenImportedOrder) -> &str {
    &order.external_reference
}

fn about_product(key: &str) -> About<'_> {
    About { route: Route::ProductsToWarehouse, entity: "product", key }
}

fn about_order(key: &str) -> About<'_> {
    About { route: Route::Orders, entity: "order", key }
}

impl Audit<'_> {
    pub(super) fn imported_products(self, seen: &OrderflowSeen, account: &mut Account) {
        let rows = by_key(&seen.products, product_key);
        for index in 0..self.world.plan().products {
            let product = self.world.product(index, self.versions.product(index));
            let seen = rows.get(product.sku.as_str()).and_then(|rows| rows.first());
            account.settle(about_product(&product.sku), product_fault(&product, seen.copied()));
        }
        for key in rows.keys().filter(|key| self.world.product_of(key).is_none()) {
            account.unaccounted.add(about_product(key).finding(STRANGER.to_owned()));
        }
    }

    pub(super) fn imported_orders(self, seen: &OrderflowSeen, account: &mut Account) {
        let rows = by_key(&seen.orders, order_key);
        for index in 0..self.world.plan().orders {
            let order = self.world.last_order(index);
            let seen = rows.get(order.identifier.as_str()).and_then(|rows| rows.first());
            let fault = match (order.flaw, seen) {
                (Some(flaw), Some(_)) => Some(format!("is in the warehouse despite {flaw:?}")),
                (Some(_), None) => None,
                (None, None) => Some("is not in the warehouse".to_owned()),
                (None, Some(seen)) => order_fault(&order, &seen.properties)
                    .or_else(|| notes_fault(self.world, index, &seen.properties)),
            };
            account.settle(about_order(&order.identifier), fault);
        }
        let known = |key: &str| self.world.order_of(key).is_some() || is_former(self.world, key);
        for key in rows.keys().filter(|key| !known(key)) {
            account.unaccounted.add(about_order(key).finding(STRANGER.to_owned()));
        }
    }
}

const STRANGER: &str = "is in the target, and the world does not know it";

fn product_fault(product: &Product, seen: Option<&SeenImportedProduct>) -> Option<String> {
    let Some(seen) = seen else {
        let absent = product.flaw.is_none_or(|flaw| flaw == Flaw::NameTooLong);
        return absent.then(|| "is not in the warehouse".to_owned());
    };
    match product.flaw {
        None => facts::difference(&facts::expected_import(product), &facts::seen_import(seen)),
        Some(Flaw::NameTooLong) => too_long_fault(product, seen),
        Some(flaw) => Some(format!("is in the warehouse despite {flaw:?}")),
    }
}

/// However it was cut, what is left is the beginning of the name.
fn too_long_fault(product: &Product, seen: &SeenImportedProduct) -> Option<String> {
    let described = seen.properties.get("description").map(|value| text(value)).unwrap_or_default();
    let kept = described.trim_end_matches('…').trim_end_matches('.');
    let long_enough = kept.chars().count() >= DESCRIPTION_MAX - 20;
    let right = product.name.starts_with(kept) && long_enough;
    (!right).then(|| "description is not the beginning of the name".to_owned())
}

/// What is left of an order that was cancelled to be imported again: it has given its reference up.
fn is_former(world: &World, key: &str) -> bool {
    let order = key.split_once("_CANCELLED_").and_then(|(order, _)| world.order_of(order));
    order.is_some_and(|order| world.changed_notes(order).is_some())
}

/// The change of an order, where it was changed.
fn notes_fault(world: &World, order: u32, seen: &Properties) -> Option<String> {
    // A value is one line, and what a backslash means in it is nobody's knowledge.
    let changed = world.changed_notes(order)?.replace('\n', "[BR]").replace('\\', "/");
    let comment = property(seen, "customerComment");
    (comment != changed).then(|| format!("customerComment is {comment:?}, not {changed:?}"))
}

type Properties = BTreeMap<String, String>;

fn property<'a>(properties: &'a Properties, name: &str) -> &'a str {
    properties.get(name).map(|value| value.trim()).unwrap_or_default()
}

/// The first thing about an imported order that is not as it was placed.
fn order_fault(order: &Order, seen: &Properties) -> Option<String> {
    let to = &order.shipping;
    let person = format!("{} {}", to.first_name, to.last_name);
    let organization = to.organization.clone().unwrap_or_default();
    let differs = |name: &str, right: &[&str]| {
        let value = property(seen, name);
        let first = right.first().copied().unwrap_or_default();
        (!right.contains(&value)).then(|| format!("{name} is {value:?}, not {first:?}"))
    };
    differs("externalReference", &[&order.identifier])
        .or_else(|| differs("currency", &[order.currency]))
        .or_else(|| differs("deliveryContactName", &[person.trim(), &organization]))
        .or_else(|| differs("deliveryPostCode", &[&to.postcode]))
        .or_else(|| differs("deliveryCountryCode", &[to.country]))
        .or_else(|| differs("deliveryEmailAddress", &[&order.customer_user_email]))
        .or_else(|| address_fault(order, seen))
        .or_else(|| total_fault(order, seen))
        .or_else(|| lines_fault(order, seen))
}

fn address_fault(order: &Order, seen: &Properties) -> Option<String> {
    let lines: Vec<&str> =
        (1..=ADDRESS_LINES).map(|n| property(seen, &format!("deliveryAddressLine{n}"))).collect();
    let to = &order.shipping;
    let wanted = [Some(&to.street), to.street2.as_ref(), Some(&to.city)];
    let missing = wanted.into_iter().flatten().find(|line| !lines.contains(&line.as_str()));
    missing.map(|line| format!("no deliveryAddressLine is {line:?}"))
}

/// The sum with or without carriage, whichever the shop calls its total.
fn total_fault(order: &Order, seen: &Properties) -> Option<String> {
    let gross = property(seen, "totalPriceGross");
    let told = if gross.is_empty() { property(seen, "totalPriceNet") } else { gross };
    let right = [decimal(&order.total), decimal(&order.subtotal)];
    (!right.contains(&decimal(told))).then(|| format!("total is {told:?}, not {}", order.total))
}

fn lines_fault(order: &Order, seen: &Properties) -> Option<String> {
    let reference = |n: usize| seen.get(&format!("orderLine.{n}.product.externalReference"));
    let mut told: Vec<(String, String)> = (1..=LINES_MAX)
        .filter_map(|n| {
            let quantity = property(seen, &format!("orderLine.{n}.quantity"));
            Some((text(reference(n)?), decimal(quantity)))
        })
        .collect();
    let mut right: Vec<(String, String)> =
        order.lines.iter().map(|line| (line.sku.clone(), decimal(&line.quantity))).collect();
    told.sort();
    right.sort();
    (told != right).then(|| format!("has the lines {told:?}, not {right:?}"))
}

/// Rows of one key more than once.
pub(super) fn doubled(seen: &OrderflowSeen, doubled: &mut BTreeSet<Finding>) {
    let products = by_key(&seen.products, product_key);
    add_doubled(&products, Route::ProductsToWarehouse, "product", doubled);
    add_doubled(&by_key(&seen.orders, order_key), Route::Orders, "order", doubled);
}
