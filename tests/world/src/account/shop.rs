//! What the shop must hold.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::facts::{self, decimal};
use super::seen::{OroSeen, SeenCustomer, SeenLevel, SeenOrder, SeenProduct};
use super::{About, Account, Audit, Finding, add_doubled, by_key};
use crate::flaw::Flaw;
use crate::fulfilment::{Fulfilment, PlannedShipment};
use crate::manifest::Route;
use crate::stock::SITES;
use crate::world::World;

/// A shop that has no field for numbers knows customers by their people: what it holds, each under
/// the number that its first known person has in the world. A shop that has the field has to hold it.
pub(super) fn named<'a>(world: &World, customers: &'a [SeenCustomer]) -> Cow<'a, [SeenCustomer]> {
    if customers.iter().any(|customer| customer.external_id.is_some()) {
        return Cow::Borrowed(customers);
    }
    let named = |customer: &SeenCustomer| SeenCustomer {
        external_id: of_its_people(world, customer).map(|index| world.customer(index, 1).number),
        ..customer.clone()
    };
    Cow::Owned(customers.iter().map(named).collect())
}

pub(super) fn of_its_people(world: &World, customer: &SeenCustomer) -> Option<u32> {
    customer.users.iter().find_map(|user| world.customer_of_email(&user.email))
}

fn customer_key(customer: &SeenCustomer) -> &str {
    customer.external_id.as_deref().unwrap_or_default()
}

fn product_key(product: &SeenProduct) -> &str {
    &product.sku
}

fn level_key(level: &SeenLevel) -> &str {
    &level.sku
}

fn order_key(order: &SeenOrder) -> &str {
    &order.identifier
}

impl Audit<'_> {
    pub(super) fn customers(self, customers: &[SeenCustomer], account: &mut Account) {
        let rows = by_key(customers, customer_key);
        for index in 0..self.world.plan().customers {
            let customer = self.world.customer(index, self.versions.customer(index));
            let seen = rows.get(customer.number.as_str()).and_then(|rows| rows.first());
            let fault = match (customer.flaw, seen) {
                (Some(Flaw::UnknownCountry), Some(seen)) => unknown_country(seen),
                (Some(flaw), Some(_)) => Some(format!("is in the shop despite {flaw:?}")),
                (Some(_), None) => None,
                (None, None) => Some("is not in the shop".to_owned()),
                (None, Some(seen)) => facts::difference(
                    &facts::expected_customer(&customer),
                    &facts::seen_customer(seen),
                ),
            };
            account.settle(about_customer(&customer.number), fault);
        }
        for key in rows.keys().filter(|key| self.world.customer_of(key).is_none()) {
            account.unaccounted.add(about_customer(key).finding(STRANGER.to_owned()));
        }
    }

    pub(super) fn products(self, oro: &OroSeen, account: &mut Account) {
        let rows = by_key(&oro.products, product_key);
        for index in 0..self.world.plan().products {
            let product = self.world.product(index, self.versions.product(index));
            let seen = rows.get(product.sku.as_str()).and_then(|rows| rows.first());
            let fault = match (product.flaw, seen) {
                (Some(flaw), Some(_)) => Some(format!("is in the shop despite {flaw:?}")),
                (Some(_), None) => None,
                (None, None) => Some("is not in the shop".to_owned()),
                (None, Some(seen)) => facts::difference(
                    &facts::expected_product(&product),
                    &facts::seen_product(seen),
                ),
            };
            account.settle(about_product(&product.sku), fault);
        }
        for key in rows.keys().filter(|key| self.world.product_of(key).is_none()) {
            account.unaccounted.add(about_product(key).finding(STRANGER.to_owned()));
        }
    }

    /// One level per product that has sound stock somewhere: the sum of what its sites can sell.
    pub(super) fn levels(self, oro: &OroSeen, account: &mut Account) {
        let rows = by_key(&oro.levels, level_key);
        for index in 0..self.world.plan().products {
            let Some(expected) = self.level(index) else { continue };
            let sku = self.world.product(index, 1).sku;
            let seen = rows.get(sku.as_str()).and_then(|rows| rows.first());
            let fault = match seen {
                None => Some("has no level in the shop".to_owned()),
                Some(seen) if decimal(&seen.quantity) == expected => None,
                Some(seen) => Some(format!("level is {}, not {expected}", seen.quantity)),
            };
            account.settle(about_level(&sku), fault);
        }
    }

    fn level(self, product: u32) -> Option<String> {
        let sound = |site: &usize| self.world.stock_flaw(product, *site).is_none();
        let stock = (0..SITES.len())
            .filter(sound)
            .filter_map(|site| self.world.stock(product, site, self.versions.stock(product, site)));
        let tenths: Vec<u64> = stock.map(|stock| stock.available_tenths()).collect();
        let sum: u64 = tenths.iter().sum();
        (!tenths.is_empty()).then(|| decimal(&format!("{}.{}", sum / 10, sum % 10)))
    }

    pub(super) fn shop_orders(self, oro: &OroSeen, account: &mut Account) {
        let rows = by_key(&oro.orders, order_key);
        let nothing = SeenOrder::default();
        // A shop before 6.1 has no shipping status.
        let has_status = oro.orders.iter().any(|order| order.shipping_status.is_some());
        for index in 0..self.world.plan().orders {
            let order = self.world.order(index).identifier;
            let seen = rows.get(order.as_str()).and_then(|rows| rows.first());
            let seen = *seen.unwrap_or(&&nothing);
            match self.world.fulfilment(index) {
                Fulfilment::Shipments(shipments) => {
                    settle_shipments(account, (&order, seen), &shipments, has_status);
                }
                Fulfilment::Cancelled => {
                    let about = About { route: Route::Cancellations, entity: "order", key: &order };
                    account.settle(about, not_cancelled(seen));
                }
                Fulfilment::Open => {
                    account.settle(about_shipment(&order), not_open(seen));
                }
            }
        }
        for key in rows.keys().filter(|key| self.world.order_of(key).is_none()) {
            let about = About { route: Route::Orders, entity: "order", key };
            account.unaccounted.add(about.finding(STRANGER.to_owned()));
        }
    }
}

const STRANGER: &str = "is in the target, and the world does not know it";

fn about_customer(key: &str) -> About<'_> {
    About { route: Route::Customers, entity: "customer", key }
}

fn about_product(key: &str) -> About<'_> {
    About { route: Route::ProductsToShop, entity: "product", key }
}

fn about_level(key: &str) -> About<'_> {
    About { route: Route::Stock, entity: "level", key }
}

fn about_shipment(key: &str) -> About<'_> {
    About { route: Route::Shipments, entity: "shipment", key }
}

/// The customer may have come as far as its address: what must not be there is the address.
fn unknown_country(seen: &SeenCustomer) -> Option<String> {
    let billed = seen.addresses.iter().any(|address| address.label.as_deref() == Some("BILL"));
    billed.then(|| "has the address that lies in no country".to_owned())
}

fn settle_shipments(
    account: &mut Account,
    (order, seen): (&str, &SeenOrder),
    shipments: &[PlannedShipment],
    has_status: bool,
) {
    let whole = shipments.iter().all(|shipment| shipment.flaw.is_none());
    for (n, shipment) in shipments.iter().enumerate() {
        let last = n + 1 == shipments.len();
        let fault = tracking_fault(seen, shipment)
            .or_else(|| if last && has_status { status_fault(seen, whole) } else { None })
            .or_else(|| if last { stranger(seen, shipments) } else { None });
        account.settle(about_shipment(&shipment.reference(order)), fault);
    }
}

fn tracking_fault(seen: &SeenOrder, shipment: &PlannedShipment) -> Option<String> {
    let number = Some(shipment.tracking.as_str());
    let times = seen.trackings.iter().filter(|row| row.number.as_deref() == number).count();
    match (shipment.flaw, times) {
        (None, 1) | (Some(_), 0) => None,
        (None, 0) => Some("tracking is not on the shop's order".to_owned()),
        (None, _) => Some(format!("tracking is on the shop's order {times} times")),
        (Some(flaw), _) => Some(format!("tracking is on the shop's order despite {flaw:?}")),
    }
}

fn status_fault(seen: &SeenOrder, whole: bool) -> Option<String> {
    match seen.shipping_status.as_deref() {
        Some("shipped") => None,
        Some("partially_shipped") if !whole => None,
        other => Some(format!("shipping status is {other:?}, not \"shipped\"")),
    }
}

fn stranger(seen: &SeenOrder, shipments: &[PlannedShipment]) -> Option<String> {
    let planned: BTreeSet<&str> = shipments.iter().map(|s| s.tracking.as_str()).collect();
    let numbers = seen.trackings.iter().filter_map(|row| row.number.as_deref());
    let stranger = numbers.into_iter().find(|number| !planned.contains(number));
    stranger.map(|number| format!("has the tracking {number:?} of no shipment"))
}

fn not_cancelled(seen: &SeenOrder) -> Option<String> {
    let status = seen.status.as_deref();
    (status != Some("cancelled")).then(|| format!("status is {status:?}, not \"cancelled\""))
}

fn not_open(seen: &SeenOrder) -> Option<String> {
    if seen.identifier.is_empty() {
        return Some("was never placed in the shop".to_owned());
    }
    let shipping = seen.shipping_status.as_deref().unwrap_or("not_shipped");
    let untouched = shipping == "not_shipped"
        && seen.trackings.is_empty()
        && seen.status.as_deref() != Some("cancelled");
    (!untouched).then(|| format!("is {:?} and {shipping:?}, but nothing became of it", seen.status))
}

/// Rows of one key more than once, within what a target holds.
pub(super) fn doubled(oro: &OroSeen, customers: &[SeenCustomer], doubled: &mut BTreeSet<Finding>) {
    add_doubled(&by_key(customers, customer_key), Route::Customers, "customer", doubled);
    add_doubled(&by_key(&oro.products, product_key), Route::ProductsToShop, "product", doubled);
    add_doubled(&by_key(&oro.orders, order_key), Route::Orders, "order", doubled);
    let mut emails = BTreeSet::new();
    for customer in customers {
        let mut labels = BTreeSet::new();
        for label in customer.addresses.iter().filter_map(|address| address.label.as_deref()) {
            if !labels.insert(label) {
                let what = format!("address {label} is there twice");
                doubled.insert(about_customer(customer_key(customer)).finding(what));
            }
        }
        for user in &customer.users {
            if !emails.insert(user.email.as_str()) {
                let what = format!("user {} is there twice", user.email);
                doubled.insert(about_customer(customer_key(customer)).finding(what));
            }
        }
    }
    for order in &oro.orders {
        let mut numbers = BTreeSet::new();
        for number in order.trackings.iter().filter_map(|row| row.number.as_deref()) {
            if !numbers.insert(number) {
                let what = format!("tracking {number} is there twice");
                doubled.insert(about_shipment(&order.identifier).finding(what));
            }
        }
    }
}
