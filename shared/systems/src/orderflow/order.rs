//! An order as an import (OrderFlow reference §3.3).

use ferry_canonical::{
    FailureKind,
    order::{OrderLine, OrderPlaced},
    value::Address,
};
use jiff::tz::TimeZone;

use super::{
    properties::{self, Properties},
    times,
};
use crate::Failure;

/// The order's properties; what ties its lines and its shipment together is added to every import.
pub(super) fn properties(placed: &OrderPlaced, zone: &TimeZone) -> Result<Properties, Failure> {
    let missing = |field: &str| {
        let detail = format!("{field}: missing; OrderFlow cannot ship without it");
        Failure::new(FailureKind::Validation, detail)
    };
    let delivery = placed
        .shipping_address
        .as_ref()
        .or(placed.billing_address.as_ref())
        .ok_or_else(|| missing("/shipping_address"))?;
    if placed.lines.is_empty() {
        return Err(missing("/lines"));
    }
    properties::key("/identifier", &placed.identifier)?;
    for (index, line) in placed.lines.iter().enumerate() {
        properties::key(&format!("/lines/{index}/sku"), &line.sku)?;
    }
    let mut properties = Properties::default();
    properties.put("externalReference", &placed.identifier);
    properties.put("state", "created");
    properties.put("validated", "true");
    properties.put("placed", &times::format(placed.placed_at, zone));
    properties.put_some("customerComment", placed.notes.as_deref());
    properties.put_some("userDefined1", placed.purchase_order_number.as_deref());
    properties.put_some("userDefined2", placed.customer.number.as_deref());
    money(&mut properties, placed);
    address(&mut properties, "delivery", delivery, placed);
    if let Some(billing) = &placed.billing_address {
        address(&mut properties, "invoice", billing, placed);
    }
    for (index, line) in placed.lines.iter().enumerate() {
        order_line(&mut properties, index + 1, line);
    }
    shipment(&mut properties, placed);
    Ok(properties)
}

fn money(properties: &mut Properties, placed: &OrderPlaced) {
    let totals = &placed.totals;
    properties.put("currency", placed.currency.as_str());
    properties.put("totalPriceGross", totals.total.as_str());
    properties.put("goodsPriceNet", totals.subtotal.as_str());
    properties.put_decimal("totalTax", totals.tax.as_ref());
    let shipping = placed.shipping.as_ref();
    properties.put_decimal("shippingPriceNet", shipping.and_then(|choice| choice.price.as_ref()));
}

/// As many as OrderFlow has.
const ADDRESS_LINES: usize = 6;

/// Streets from the top, then city and region, without blank lines; what of the streets has no line of
/// its own shares the last one of theirs.
fn address_lines(address: &Address) -> Vec<String> {
    let lines = |text: Option<&str>| -> Vec<String> {
        let lines = text.unwrap_or_default().split(['\n', '\r']);
        lines.map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    let joined = |text: Option<&str>| lines(text).join(", ");
    let places = [joined(Some(&address.city)), joined(address.region.as_deref())];
    let places: Vec<String> = places.into_iter().filter(|place| !place.is_empty()).collect();
    let mut streets = [lines(Some(&address.street)), lines(address.street2.as_deref())].concat();
    let last = ADDRESS_LINES - places.len() - 1;
    if streets.len() > last + 1 {
        let shared = streets.split_off(last).join(", ");
        streets.push(shared);
    }
    [streets, places].concat()
}

fn address(properties: &mut Properties, prefix: &str, address: &Address, placed: &OrderPlaced) {
    let person = [address.first_name.as_deref(), address.last_name.as_deref()];
    let person: Vec<&str> = person.into_iter().flatten().collect();
    let contact = match (person.is_empty(), &placed.customer.name) {
        (false, _) => person.join(" "),
        (true, Some(name)) => name.clone(),
        (true, None) => address.company.clone().unwrap_or_default(),
    };
    properties.put(&format!("{prefix}ContactName"), &contact);
    properties.put_some(&format!("{prefix}CompanyName"), address.company.as_deref());
    for (index, line) in address_lines(address).iter().enumerate() {
        properties.put(&format!("{prefix}AddressLine{}", index + 1), line);
    }
    properties.put_some(&format!("{prefix}PostCode"), address.postcode.as_deref());
    properties.put(&format!("{prefix}CountryCode"), address.country.as_str());
    let email = address.email.as_deref().or(placed.customer.email.as_deref());
    properties.put_some(&format!("{prefix}EmailAddress"), email);
    let phone = address.phone.as_deref().or(placed.customer.phone.as_deref());
    properties.put_some(&format!("{prefix}DayPhoneNumber"), phone);
}

fn order_line(properties: &mut Properties, number: usize, line: &OrderLine) {
    let mut put = |key: &str, value: &str| {
        properties.put(&format!("orderLine.{number}.{key}"), value);
    };
    put("product.externalReference", &line.sku);
    put("quantity", line.quantity.as_str());
    put("state", "created");
    put("description", line.name.as_deref().unwrap_or_default());
    put("unitPriceNet", line.unit_price.as_str());
    put("totalPriceNet", line.total.as_str());
    put("userDefined1", line.reference.as_deref().unwrap_or_default());
}

fn shipment(properties: &mut Properties, placed: &OrderPlaced) {
    properties.put("shipment.state", "ready");
    if let Some(choice) = &placed.shipping {
        properties.put_some("shipment.deliverySuggestionCode", choice.code.as_deref());
        properties.put_some("shipment.deliverySuggestionName", choice.name.as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = r#"{
        "identifier":"WEB-1001","placed_at":"2024-07-01T08:15:00Z","currency":"GBP",
        "customer":{"number":"C-1","name":"Acme","email":"a@example.test"},
        "shipping_address":{"first_name":"Ada","last_name":"Łoś","street":"1 High St",
            "street2":" ","city":"Leeds","postcode":"LS1 1AA","country":"GB"},
        "lines":[{"number":1,"sku":"MUG-RED","quantity":"2","unit_price":"5.00","total":"10.00"}],
        "totals":{"subtotal":"10.00","total":"12.50"},"notes":"ring\ntwice"}"#;

    #[test]
    fn an_order_becomes_the_documented_properties() {
        let placed: OrderPlaced = serde_json::from_str(ORDER).unwrap();
        let zone = TimeZone::get("Europe/London").unwrap();
        let properties = properties(&placed, &zone).unwrap();
        let lines: Vec<String> =
            properties.iter().map(|(key, value)| format!("{key}={value}")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        externalReference=WEB-1001
        state=created
        validated=true
        placed=2024-07-01 09:15:00
        customerComment=ring[BR]twice
        userDefined2=C-1
        currency=GBP
        totalPriceGross=12.5
        goodsPriceNet=10
        deliveryContactName=Ada Łoś
        deliveryAddressLine1=1 High St
        deliveryAddressLine2=Leeds
        deliveryPostCode=LS1 1AA
        deliveryCountryCode=GB
        deliveryEmailAddress=a@example.test
        orderLine.1.product.externalReference=MUG-RED
        orderLine.1.quantity=2
        orderLine.1.state=created
        orderLine.1.unitPriceNet=5
        orderLine.1.totalPriceNet=10
        shipment.state=ready
        "#);
    }

    #[test]
    fn address_lines_collapse_upward_and_never_are_more_than_six() {
        let lines = |street: &str, street2: &str, city: &str, region: &str| {
            let json = serde_json::json!({"street": street, "street2": street2, "city": city,
                "region": region, "country": "GB"});
            address_lines(&serde_json::from_value(json).unwrap())
        };
        assert_eq!(lines("1 High St", " ", "Leeds", ""), ["1 High St", "Leeds"]);
        assert_eq!(lines("a\r\n\n b ", "c", "Leeds", "W"), ["a", "b", "c", "Leeds", "W"]);
        let long = lines("a\nb\nc\nd\ne", "f", "Leeds", "W");
        assert_eq!(long, ["a", "b", "c", "d, e, f", "Leeds", "W"]);
        assert_eq!(lines("a\nb\nc\nd\ne\nf", "", "Leeds", " ").len(), 6);
    }

    #[test]
    fn an_order_without_address_or_lines_is_refused_by_name() {
        let mut placed: OrderPlaced = serde_json::from_str(ORDER).unwrap();
        placed.lines.clear();
        let failure = properties(&placed, &TimeZone::UTC).unwrap_err();
        assert!(failure.detail.starts_with("/lines"), "{}", failure.detail);
        placed.shipping_address = None;
        let failure = properties(&placed, &TimeZone::UTC).unwrap_err();
        assert!(failure.detail.starts_with("/shipping_address"), "{}", failure.detail);
    }

    #[test]
    fn an_order_whose_keys_orderflow_cannot_hold_is_refused_by_the_field() {
        let placed: OrderPlaced = serde_json::from_str(ORDER).unwrap();
        let mut order = placed.clone();
        order.identifier = "WEB\\1".to_owned();
        let failure = properties(&order, &TimeZone::UTC).unwrap_err();
        assert!(failure.detail.starts_with("/identifier: \"WEB\\\\1\""), "{}", failure.detail);
        let mut order = placed;
        order.lines[0].sku = "MUG ".to_owned();
        let failure = properties(&order, &TimeZone::UTC).unwrap_err();
        assert!(failure.detail.starts_with("/lines/0/sku: \"MUG \""), "{}", failure.detail);
        assert_eq!(failure.kind, FailureKind::Validation);
    }
}
