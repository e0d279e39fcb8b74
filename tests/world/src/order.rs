//! Orders as shoppers place them.

use serde::Serialize;

use crate::chance::{self, Topic, cents, pick};
use crate::customer::{Address, AddressKind, Customer};
use crate::flaw::Flaw;
use crate::names::SENTENCES;
use crate::world::{NUMBERED_FROM, World};

/// An order, flaw and all, as it is placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Order {
    pub index: u32,
    /// The business key: `WEB-100001`.
    pub identifier: String,
    pub po_number: Option<String>,
    /// ISO 4217.
    pub currency: &'static str,
    /// Index and number of the customer, who is sound.
    pub customer: u32,
    pub customer_number: String,
    /// A contact of the customer.
    pub customer_user_email: String,
    /// Several lines, or none.
    pub notes: Option<String>,
    pub billing: OrderAddress,
    pub shipping: OrderAddress,
    /// One to twelve, each of another product.
    pub lines: Vec<OrderLine>,
    /// Decimal with two places, before shipping: the sum over the lines.
    pub subtotal: String,
    pub shipping_cost: String,
    /// Decimal with two places: `subtotal` and `shipping_cost`.
    pub total: String,
    pub flaw: Option<Flaw>,
}

/// An address as the shop holds it with an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderAddress {
    pub organization: Option<String>,
    pub first_name: String,
    pub last_name: String,
    pub street: String,
    pub street2: Option<String>,
    pub city: String,
    pub postcode: String,
    /// ISO 3166-2.
    pub region: Option<&'static str>,
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    pub phone: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderLine {
    /// Index of a sound, enabled product.
    pub product: u32,
    pub sku: String,
    pub product_name: String,
    /// Decimal text: `7`, `2.5`, or `0.3333` where it is a flaw.
    pub quantity: String,
    /// `item`, `kg`, `set` or `piece`.
    pub unit: &'static str,
    /// Decimal with two places.
    pub unit_price: String,
    /// `quantity` × `unit_price`, rounded half up to two places.
    pub total: String,
}

/// Quantities that are asked for, in units.
const QUANTITIES: [u64; 8] = [1, 1, 2, 3, 6, 7, 12, 144];
const FLAWED_QUANTITY: &str = "0.3333";
/// What is charged for carriage, in hundredths.
const CARRIAGE: [u64; 3] = [0, 495, 1250];

impl World {
    /// An order. It names sound customers and products only, by what they are at version 1.
    pub fn order(&self, index: u32) -> Order {
        let mut rng = chance::of(self.seed, Topic::Order, u64::from(index), 0);
        let customer = self.customer(pick(&mut rng, &self.sound_customers), 1);
        let contact = rng.usize(..customer.contacts.len().max(1));
        let flaw = self.order_flaw(index);
        let (lines, subtotal) = self.lines(index, flaw.is_some());
        let carriage = pick(&mut rng, &CARRIAGE);
        let ship_to = customer.addresses.last();
        Order {
            index,
            identifier: format!("WEB-{}", NUMBERED_FROM + 1 + index),
            po_number: rng.bool().then(|| format!("PO/{}", rng.u32(1000..99_999))),
            currency: "GBP",
            customer: customer.index,
            customer_number: customer.number.clone(),
            customer_user_email: customer
                .contacts
                .get(contact)
                .map_or_else(String::new, |contact| contact.email.clone()),
            notes: (rng.u8(..) < 90)
                .then(|| format!("{}\nRef = {index}", pick(&mut rng, &SENTENCES))),
            billing: order_address(&customer, customer.addresses.first(), contact),
            shipping: order_address(&customer, ship_to, contact),
            lines,
            subtotal: cents(subtotal),
            shipping_cost: cents(carriage),
            total: cents(subtotal + carriage),
            flaw,
        }
    }

    /// The lines and their sum in hundredths. A flawed order is flawed in its first line, which is of
    /// a product that comes whole.
    fn lines(&self, order: u32, flawed: bool) -> (Vec<OrderLine>, u64) {
        let mut rng = chance::of(self.seed, Topic::Order, u64::from(order), 1);
        let count = 1 + rng.usize(..12).min(rng.usize(..12));
        let mut products = rng.choose_multiple(self.sold_products.iter().copied(), count);
        products.sort_by_key(|product| self.unit(*product).is_divisible());
        let whole = |product: &u32| !self.unit(*product).is_divisible();
        if flawed && !products.first().is_some_and(whole) {
            products.splice(..0, self.sold_products.iter().copied().find(whole));
        }
        let mut sum = 0;
        let mut lines = Vec::with_capacity(products.len());
        for product in products {
            let unit = self.unit(product);
            let flawed = flawed && lines.is_empty();
            let thousandths = if unit.is_divisible() {
                rng.u64(1..25) * 500
            } else {
                pick(&mut rng, &QUANTITIES) * 1000
            };
            let price = self.price_cents(product, 1);
            let tenthousandths = if flawed { 3333 } else { thousandths * 10 };
            let total = (tenthousandths * price + 5000) / 10_000;
            sum += total;
            lines.push(OrderLine {
                product,
                sku: self.sku(product),
                product_name: self.product(product, 1).name,
                quantity: if flawed { FLAWED_QUANTITY.to_owned() } else { decimal(thousandths) },
                unit: unit.name(),
                unit_price: cents(price),
                total: cents(total),
            });
        }
        (lines, sum)
    }
}

/// Thousandths as a decimal without trailing zeros.
fn decimal(thousandths: u64) -> String {
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn order_address(customer: &Customer, address: Option<&Address>, contact: usize) -> OrderAddress {
    let blank = Address {
        code: String::new(),
        kind: AddressKind::Billing,
        street: String::new(),
        street2: None,
        city: String::new(),
        postcode: String::new(),
        region: None,
        country: "GB",
        contact_name: None,
    };
    let address = address.unwrap_or(&blank).clone();
    let contact = customer.contacts.get(contact);
    OrderAddress {
        organization: address.contact_name.is_none().then(|| customer.name.clone()),
        first_name: contact.map_or_else(String::new, |contact| contact.first_name.clone()),
        last_name: contact.map_or_else(String::new, |contact| contact.last_name.clone()),
        street: address.street,
        street2: address.street2,
        city: address.city,
        postcode: address.postcode,
        region: address.region,
        country: address.country,
        phone: contact.and_then(|contact| contact.phone.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flawed_line_is_of_a_product_that_comes_whole() {
        let world = World::new(1, 20_000);
        let orders = (0..world.plan().orders).map(|index| world.order(index));
        for order in orders.filter(|order| order.flaw.is_some()) {
            let first = order.lines.first().unwrap();
            assert_eq!(first.quantity, FLAWED_QUANTITY);
            assert!(!world.unit(first.product).is_divisible(), "{}", order.identifier);
        }
    }
}
