//! An order as OrderFlow keeps it: its properties as imported, its lines, and the shipments the
//! warehouse has made of it (OrderFlow reference §3.3, §6).
//!
//! Promises that a stored order has a delivery country, and lines whose products exist, whose
//! quantities the warehouse can count, and which belong to a shipment.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::product::Product;
use super::properties::Properties;
use super::report::Refusal;
use super::values;

const MONEY: [&str; 9] = [
    "totalPriceNet",
    "totalPriceGross",
    "totalTax",
    "goodsPriceNet",
    "goodsPriceGross",
    "goodsTax",
    "shippingPriceNet",
    "shippingPriceGross",
    "shippingTax",
];
const LINE_MONEY: [&str; 6] =
    ["totalPriceNet", "totalPriceGross", "totalTax", "unitPriceNet", "unitPriceGross", "unitTax"];
const ADDRESS_LINES_MAX: u32 = 6;

#[derive(Clone, Debug)]
pub(super) struct Order {
    /// OrderFlow's own number.
    pub(super) item: u64,
    pub(super) reference: String,
    pub(super) state: OrderState,
    pub(super) properties: Properties,
    pub(super) lines: Vec<OrderLine>,
    /// What has left the warehouse so far, in that order.
    pub(super) shipments: Vec<Shipment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderState {
    Created,
    Despatched,
    Cancelled,
}

impl OrderState {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Despatched => "despatched",
            Self::Cancelled => "cancelled",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OrderLine {
    /// The N of `orderLine.N`.
    pub(super) number: u32,
    pub(super) product: String,
    /// A decimal, as it was sent.
    pub(super) quantity: String,
}

#[derive(Clone, Debug)]
pub(super) struct Shipment {
    /// `None` is a flaw that is told to others as it is.
    pub(super) reference: Option<String>,
    pub(super) sequence: u32,
    pub(super) courier: &'static str,
    pub(super) service: &'static str,
    pub(super) despatch_reference: String,
    /// When it left, in the instance's local time.
    pub(super) completed: String,
    /// Product and quantity.
    pub(super) lines: Vec<(String, String)>,
}

impl Order {
    /// As the history and the state show it.
    pub(super) fn fields(&self) -> Value {
        json!({
            "externalReference": self.reference,
            "state": self.state.name(),
            "properties": self.properties.all(),
            "shipments": self.shipments.iter().map(Shipment::fields).collect::<Vec<_>>(),
        })
    }
}

impl Shipment {
    /// As the history and the state show it.
    pub(super) fn fields(&self) -> Value {
        json!({
            "reference": self.reference,
            "sequence": self.sequence,
            "state": "despatched",
            "tracking": self.despatch_reference,
            "completed": self.completed,
        })
    }
}

/// Checks the properties an order would have after the import, and reads its lines.
pub(super) fn check(
    properties: &Properties,
    products: &BTreeMap<String, Product>,
) -> Result<Vec<OrderLine>, Refusal> {
    values::required(properties, "deliveryCountryCode")?;
    values::letters(properties, "deliveryCountryCode", 2)?;
    values::letters(properties, "invoiceCountryCode", 2)?;
    values::letters(properties, "currency", 3)?;
    values::decimals(properties, &MONEY)?;
    values::times(properties, &["placed", "authorised", "exported"])?;
    address_lines(properties)?;
    let shipment = properties.child("shipment");
    if shipment.is_empty() {
        return Err(Refusal::invalid("shipment is required"));
    }
    link(&shipment, "shipment", "orderItem", "order")?;
    for (number, attribute) in properties.numbered("orderAttribute") {
        link(&attribute, &format!("orderAttribute.{number}"), "orderItem", "order")?;
    }
    let numbered = properties.numbered("orderLine");
    if numbered.is_empty() {
        return Err(Refusal::invalid("an order needs at least one orderLine"));
    }
    numbered.iter().map(|(number, found)| line(*number, found, products)).collect()
}

fn line(
    number: u32,
    properties: &Properties,
    products: &BTreeMap<String, Product>,
) -> Result<OrderLine, Refusal> {
    let name = |field: &str| format!("orderLine.{number}.{field}");
    let required = |field: &str| {
        properties
            .get(field)
            .ok_or_else(|| Refusal::invalid(format!("{} is required", name(field))))
    };
    link(properties, &format!("orderLine.{number}"), "shipment", "shipment")?;
    let reference = required("product.externalReference")?;
    let quantity = required("quantity")?;
    let product = products
        .get(reference)
        .ok_or_else(|| Refusal::missing(format!("Product {reference} not found")))?;
    values::quantity(&name("quantity"), quantity, product.divisible())?;
    values::decimals(properties, &LINE_MONEY)?;
    Ok(OrderLine { number, product: reference.to_owned(), quantity: quantity.to_owned() })
}

/// A link to a parent of the same import: `entity:shipment`, or bare `shipment` as some clients send
/// it.
fn link(properties: &Properties, owner: &str, field: &str, parent: &str) -> Result<(), Refusal> {
    match properties.get(field) {
        Some(value) if value.strip_prefix("entity:").unwrap_or(value) == parent => Ok(()),
        Some(value) => Err(Refusal::missing(format!("{owner}.{field} refers to no {value}"))),
        None => Err(Refusal::invalid(format!("{owner}.{field} is required"))),
    }
}

fn address_lines(properties: &Properties) -> Result<(), Refusal> {
    for (key, _) in properties.iter() {
        for prefix in ["deliveryAddressLine", "invoiceAddressLine", "shipment.addressLine"] {
            let Some(number) = key.strip_prefix(prefix) else { continue };
            if !number.parse().is_ok_and(|n: u32| (1..=ADDRESS_LINES_MAX).contains(&n)) {
                return Err(Refusal::invalid(format!("an order has no property {key}")));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Product, check};
    use crate::orderflow::properties::Properties;
    use crate::orderflow::report::Refusal;

    const GOOD: &str = "externalReference=WEB-1001\nplaced=2024-03-01 09:15:00\ncurrency=GBP\n\
        totalPriceNet=12.50\ndeliveryAddressLine1=1 High Street\ndeliveryCountryCode=GB\n\
        orderLine.1.product.externalReference=MUG\norderLine.1.quantity=2\n\
        orderLine.1.shipment=entity:shipment\n\
        orderLine.2.product.externalReference=TEA\norderLine.2.quantity=2.5\n\
        orderLine.2.shipment=shipment\nshipment.state=ready\nshipment.orderItem=entity:order";

    fn products() -> BTreeMap<String, Product> {
        let product =
            |text: &str| Product { item: 1, properties: Properties::parse(text).unwrap() };
        BTreeMap::from([
            ("MUG".to_owned(), product("")),
            ("TEA".to_owned(), product("quantityType=weight")),
        ])
    }

    /// The verdict on the good order after one of its lines was changed; an empty line removes it.
    fn refusal(line: &str, instead: &str) -> Refusal {
        assert!(GOOD.contains(line), "{line}");
        let properties = Properties::parse(&GOOD.replace(line, instead)).unwrap();
        check(&properties, &products()).unwrap_err()
    }

    #[test]
    fn a_complete_order_is_read_line_by_line() {
        let lines = check(&Properties::parse(GOOD).unwrap(), &products()).unwrap();
        let read: Vec<_> =
            lines.iter().map(|l| (l.number, l.product.as_str(), l.quantity.as_str())).collect();
        assert_eq!(read, [(1, "MUG", "2"), (2, "TEA", "2.5")]);
    }

    #[test]
    fn an_unknown_product_is_missing_and_not_invalid() {
        let refusal = refusal("externalReference=MUG", "externalReference=NOPE");
        assert_eq!(refusal.message, "Product NOPE not found");
        assert_eq!(refusal.detail, "rtd.exceptions.MissingDataException");
    }

    #[test]
    fn a_part_of_a_unit_is_refused_by_name() {
        let refusal = refusal("orderLine.1.quantity=2", "orderLine.1.quantity=0.3333");
        assert_eq!(refusal.message, "orderLine.1.quantity must be a whole number of units: 0.3333");
        assert_eq!(refusal.detail, "rtd.exceptions.ValidationException");
    }

    #[test]
    fn what_is_missing_is_named() {
        for (line, field) in [
            ("orderLine.1.shipment=entity:shipment", "orderLine.1.shipment"),
            ("deliveryCountryCode=GB", "deliveryCountryCode"),
            ("orderLine.2.quantity=2.5", "orderLine.2.quantity"),
            ("shipment.orderItem=entity:order", "shipment.orderItem"),
        ] {
            assert_eq!(refusal(line, "").message, format!("{field} is required"));
        }
    }

    #[test]
    fn money_times_codes_and_a_seventh_address_line_are_refused() {
        for (line, instead) in [
            ("totalPriceNet=12.50", "totalPriceNet=12,50"),
            ("placed=2024-03-01 09:15:00", "placed=yesterday"),
            ("currency=GBP", "currency=pounds"),
            ("deliveryCountryCode=GB", "deliveryCountryCode=GBR"),
            ("deliveryAddressLine1=", "deliveryAddressLine7="),
        ] {
            assert_eq!(refusal(line, instead).detail, "rtd.exceptions.ValidationException");
        }
    }
}
