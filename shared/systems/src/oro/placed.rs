//! One order of the shop as the canonical facet `placed`.
//!
//! An address carries no email and an order no phone of its own in Oro; a customer's number is the
//! `externalId` of its customer. Fields without a canonical place survive as `extensions.oro`.

use ferry_canonical::{
    order::{OrderCustomer, OrderLine, OrderPlaced, ShippingChoice, Totals},
    value::{Address, AddressKind, Country, Currency, Decimal, Extensions},
};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    document,
    read::{Bad, Included},
};
use crate::decimal;

/// What comes with an order.
pub(super) const INCLUDE: &str = "lineItems,billingAddress,shippingAddress,customer,customerUser";

/// Attributes with a canonical place, or that say nothing of the order itself.
const CARRIED: &[&str] = &[
    "createdAt",
    "currency",
    "customerNotes",
    "estimatedShippingCostAmount",
    "identifier",
    "overriddenShippingCostAmount",
    "poNumber",
    "shippingMethod",
    "subtotalValue",
    "totalDiscountsAmount",
    "totalValue",
    "updatedAt",
];

pub(super) fn placed(order: &Value, included: &Included<'_>) -> Result<OrderPlaced, Bad> {
    let lines = lines(order, included)?;
    Ok(OrderPlaced {
        identifier: required(order, "identifier")?.to_owned(),
        placed_at: time(order, "createdAt")?,
        currency: Currency::parse(required(order, "currency")?)
            .map_err(|_| Bad::new("currency", "an ISO 4217 currency such as EUR"))?,
        purchase_order_number: owned(order, "poNumber"),
        customer: customer(order, included),
        billing_address: address(order, included, "billingAddress", AddressKind::Billing)?,
        shipping_address: address(order, included, "shippingAddress", AddressKind::Shipping)?,
        shipping: shipping(order)?,
        totals: totals(order, &lines)?,
        lines,
        notes: owned(order, "customerNotes"),
        extensions: extensions(order),
    })
}

/// A required time of the order.
pub(super) fn time(order: &Value, name: &str) -> Result<Timestamp, Bad> {
    let expected = || Bad::new(name, "an RFC 3339 time such as 2026-11-22T09:15:00Z");
    required(order, name)?.parse().map_err(|_| expected())
}

fn required<'a>(resource: &'a Value, name: &str) -> Result<&'a str, Bad> {
    document::text(resource, name).ok_or_else(|| Bad::new(name, "a text that is not empty"))
}

fn owned(resource: &Value, name: &str) -> Option<String> {
    document::text(resource, name).map(str::to_owned)
}

fn number(resource: &Value, name: &str, field: &str) -> Result<Option<Decimal>, Bad> {
    if document::attribute(resource, name).is_none() {
        return Ok(None);
    }
    let number = document::number(resource, name);
    number.map(Some).ok_or_else(|| Bad::new(field, "a decimal number such as 12.50"))
}

fn customer(order: &Value, included: &Included<'_>) -> OrderCustomer {
    let find = |relation, kind| included.get(kind, document::one(order, relation)?);
    let customer = find("customer", "customers");
    let user = find("customerUser", "customerusers");
    let person = user.map(|user| {
        let names = ["firstName", "lastName"].map(|name| document::text(user, name).unwrap_or(""));
        names.join(" ").trim().to_owned()
    });
    OrderCustomer {
        number: customer.and_then(|customer| owned(customer, "externalId")),
        name: customer
            .and_then(|customer| owned(customer, "name"))
            .or(person.filter(|name| !name.is_empty())),
        email: user.and_then(|user| owned(user, "email")),
        phone: None,
    }
}

fn lines(order: &Value, included: &Included<'_>) -> Result<Vec<OrderLine>, Bad> {
    let ids = document::many(order, "lineItems");
    if ids.is_empty() {
        return Err(Bad::new("lineItems", "at least one line"));
    }
    let lines = ids.into_iter().zip(1_u32..);
    lines
        .map(|(id, number)| {
            let item = included.get("orderlineitems", id).ok_or_else(|| {
                Bad::new(&format!("lineItems[{number}]"), "its resource in `included`")
            })?;
            line(item, id, number)
        })
        .collect()
}

fn line(item: &Value, id: &str, position: u32) -> Result<OrderLine, Bad> {
    let field = |name: &str| format!("lineItems[{position}].{name}");
    let needed = |name: &str| {
        let number = number(item, name, &field(name))?;
        number.ok_or_else(|| Bad::new(&field(name), "a decimal number such as 12.50"))
    };
    let (quantity, unit_price) = (needed("quantity")?, needed("value")?);
    let sku = owned(item, "productSku")
        .or_else(|| owned(item, "freeFormProduct"))
        .ok_or_else(|| Bad::new(&field("productSku"), "a text that is not empty"))?;
    let total = decimal::product(&quantity, &unit_price)
        .ok_or_else(|| Bad::new(&field("value"), "a price whose total fits in 30 digits"))?;
    Ok(OrderLine {
        number: position,
        sku,
        // What is named freely has no product whose name it could have.
        name: owned(item, "productName").or_else(|| owned(item, "freeFormProduct")),
        quantity,
        unit: owned(item, "productUnitCode")
            .or_else(|| document::one(item, "productUnit").map(str::to_owned)),
        unit_price,
        total,
        tax: None,
        reference: Some(id.to_owned()),
        comment: owned(item, "comment"),
    })
}

fn address(
    order: &Value,
    included: &Included<'_>,
    relation: &str,
    kind: AddressKind,
) -> Result<Option<Address>, Bad> {
    let Some(id) = document::one(order, relation) else { return Ok(None) };
    let found = included
        .get("orderaddresses", id)
        .ok_or_else(|| Bad::new(relation, "its resource in `included`"))?;
    said_address(found, relation, vec![kind]).map(Some)
}

/// An address as any resource of a shop says it; `at` is where it stands, for what is said of it.
pub(super) fn said_address(
    found: &Value,
    at: &str,
    kinds: Vec<AddressKind>,
) -> Result<Address, Bad> {
    // The value itself is personal and is not repeated.
    let required = |name: &str| {
        let missing = || Bad::new(&format!("{at}.{name}"), "a text that is not empty");
        owned(found, name).ok_or_else(missing)
    };
    let country = document::one(found, "country").and_then(|code| Country::parse(code).ok());
    let country = country.ok_or_else(|| {
        Bad::new(&format!("{at}.country"), "an assigned ISO 3166 code such as GB")
    })?;
    Ok(Address {
        code: owned(found, "label"),
        kinds,
        company: owned(found, "organization"),
        first_name: owned(found, "firstName"),
        last_name: owned(found, "lastName"),
        street: required("street")?,
        street2: owned(found, "street2"),
        city: required("city")?,
        postcode: owned(found, "postalCode"),
        region: document::one(found, "region")
            .map(str::to_owned)
            .or_else(|| owned(found, "customRegion")),
        country,
        phone: owned(found, "phone"),
        email: None,
    })
}

fn shipping(order: &Value) -> Result<Option<ShippingChoice>, Bad> {
    let cost = |name| number(order, name, name);
    let price = match cost("overriddenShippingCostAmount")? {
        Some(price) => Some(price),
        None => cost("estimatedShippingCostAmount")?,
    };
    let code = owned(order, "shippingMethod");
    let chosen = code.is_some() || price.is_some();
    Ok(chosen.then_some(ShippingChoice { code, name: None, price }))
}

/// Oro's own totals; the sum of the lines where it states none.
fn totals(order: &Value, lines: &[OrderLine]) -> Result<Totals, Bad> {
    let stated = |name| number(order, name, name);
    let subtotal = match stated("subtotalValue")? {
        Some(subtotal) => subtotal,
        None => decimal::sum(lines.iter().map(|line| &line.total))
            .ok_or_else(|| Bad::new("subtotalValue", "a sum that fits in 30 digits"))?,
    };
    let total = stated("totalValue")?.unwrap_or_else(|| subtotal.clone());
    Ok(Totals { subtotal, total, tax: None, discount: stated("totalDiscountsAmount")? })
}

fn extensions(order: &Value) -> Extensions {
    let attributes = order.get("attributes").and_then(Value::as_object);
    let rest: Map<String, Value> = attributes
        .into_iter()
        .flatten()
        .filter(|(name, value)| !CARRIED.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut extensions = Extensions::new();
    if !rest.is_empty() {
        extensions.insert("oro".to_owned(), rest.into());
    }
    extensions
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oro::read;

    /// The shape is Oro's: sums are texts, quantities numbers, and what is not there is written as null.
    #[test]
    fn an_order_of_oros_own_shape_is_read_whole() {
        let to = |data: Value| json!({"links": {"self": "http://a/b"}, "data": data});
        let order = json!({"type": "orders", "id": "9", "meta": {"title": "9"}, "attributes": {
                "identifier": "9", "poNumber": null, "customerNotes": null, "shipUntil": null, "currency": "USD",
                "subtotalValue": "789.0000", "totalValue": "1234.0000", "totalDiscountsAmount": null,
                "shippingMethod": null, "shippingMethodType": null, "estimatedShippingCostAmount": null,
                "overriddenShippingCostAmount": null, "sourceEntityIdentifier": null, "disablePromotions": null,
                "external": false, "externalId": null, "createdAt": "2026-01-02T03:04:05Z",
                "updatedAt": "2026-01-02T03:04:05Z"},
            "relationships": {"customer": to(json!({"type": "customers", "id": "7"})), "customerUser": to(Value::Null),
                "billingAddress": to(Value::Null), "shippingAddress": to(Value::Null), "parent": to(Value::Null),
                "lineItems": to(json!(["1", "2", "3"].map(|id| json!({"type": "orderlineitems", "id": id}))))}});
        let line = |id: &str, more: Value| {
            let mut attributes = json!({"productSku": null, "productName": null, "freeFormProduct": null,
                "value": "100.5000", "currency": "USD", "priceType": 10, "shipBy": null, "comment": null,
                "productUnitCode": null, "fromExternalSource": false, "productVariantFields": []});
            for (name, value) in more.as_object().unwrap() {
                attributes[name] = value.clone();
            }
            json!({"type": "orderlineitems", "id": id, "attributes": attributes, "relationships": {
                "product": to(Value::Null), "productUnit": to(json!({"type": "productunits", "id": "kg"}))}})
        };
        let body = json!({"data": order, "included": [
            line("1", json!({"freeFormProduct": "Bespoke", "quantity": 6})),
            line("2", json!({"productSku": "MUG-1", "productUnitCode": "kg", "quantity": 0.000_05})),
            line("3", json!({"productSku": "CLAY-1", "freeFormProduct": "A mug of clay", "quantity": 1})),
            {"type": "customers", "id": "7", "attributes": {"name": "Acme", "externalId": null}}]});
        // As PHP writes it.
        let body = body.to_string().replace("0.00005", "5.0e-5");
        assert!(body.contains("\"quantity\":5.0e-5"), "{body}");
        let placed = placed(&order, &read::included(body.as_bytes()));
        let placed = placed.unwrap_or_else(|Bad(detail)| panic!("{detail}"));
        let said = serde_json::to_value(&placed).unwrap();
        let of = |name: &str| [0, 1, 2].map(|at| said["lines"][at][name].clone());
        assert_eq!(of("sku"), ["Bespoke", "MUG-1", "CLAY-1"]);
        assert_eq!(of("name"), [json!("Bespoke"), Value::Null, json!("A mug of clay")]);
        assert_eq!(of("quantity"), ["6", "0.00005", "1"]);
        assert_eq!(of("unit"), ["kg", "kg", "kg"]);
        assert_eq!(said["customer"], json!({"name": "Acme"}));
        assert_eq!(said["totals"]["total"], "1234");
    }
}
