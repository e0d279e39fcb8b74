//! An order as an import (OrderFlow reference §3.3).

use ferry_canonical::{
    FailureKind,
    order::{OrderLine, OrderPlaced},
    value::Address,
};
use jiff::tz::TimeZone;

use super::{
    properties::{self, Import, Properties},
    times,
};
use crate::Failure;

pub(super) fn import(placed: &OrderPlaced, zone: &TimeZone) -> Result<Import, Failure> {
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
    let reference = placed.identifier.clone();
    Ok(Import { kind: "order", operation: "insert", reference, properties })
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

/// Six lines: streets from the top, the city fifth, the region sixth; blank ones collapse upward.
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
    let lines = [
        Some(address.street.as_str()),
        address.street2.as_deref(),
        Some(address.city.as_str()),
        address.region.as_deref(),
    ];
    let lines = lines.into_iter().flatten().filter(|line| !line.trim().is_empty());
    for (index, line) in lines.enumerate() {
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
    put("shipment", "entity:shipment");
}

fn shipment(properties: &mut Properties, placed: &OrderPlaced) {
    properties.put("shipment.state", "ready");
    if let Some(choice) = &placed.shipping {
        properties.put_some("shipment.deliverySuggestionCode", choice.code.as_deref());
        properties.put_some("shipment.deliverySuggestionName", choice.name.as_deref());
    }
    properties.put("shipment.orderItem", "entity:order");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orderflow::properties::document;

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
        let document = document(&[import(&placed, &zone).unwrap()]);
        insta::assert_snapshot!(document, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <imports>
        <import type="order" operation="insert" externalReference="WEB-1001">externalReference=WEB-1001
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
        orderLine.1.shipment=entity:shipment
        shipment.state=ready
        shipment.orderItem=entity:order</import>
        </imports>
        "#);
    }

    #[test]
    fn an_order_without_address_or_lines_is_refused_by_name() {
        let mut placed: OrderPlaced = serde_json::from_str(ORDER).unwrap();
        placed.lines.clear();
        let failure = import(&placed, &TimeZone::UTC).unwrap_err();
        assert!(failure.detail.starts_with("/lines"), "{}", failure.detail);
        placed.shipping_address = None;
        let failure = import(&placed, &TimeZone::UTC).unwrap_err();
        assert!(failure.detail.starts_with("/shipping_address"), "{}", failure.detail);
    }

    #[test]
    fn an_order_whose_keys_orderflow_cannot_hold_is_refused_by_the_field() {
        let placed: OrderPlaced = serde_json::from_str(ORDER).unwrap();
        let mut order = placed.clone();
        order.identifier = "WEB\\1".to_owned();
        let failure = import(&order, &TimeZone::UTC).unwrap_err();
        assert!(failure.detail.starts_with("/identifier: \"WEB\\\\1\""), "{}", failure.detail);
        let mut order = placed;
        order.lines[0].sku = "MUG ".to_owned();
        let failure = import(&order, &TimeZone::UTC).unwrap_err();
        assert!(failure.detail.starts_with("/lines/0/sku: \"MUG \""), "{}", failure.detail);
        assert_eq!(failure.kind, FailureKind::Validation);
    }
}
