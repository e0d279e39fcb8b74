//! Documents of the shapes that Oro's own functional tests show, and what becomes of them. The
//! documents are ours; which fields, titles and places there are is Oro's.

mod refused;
mod taken;

use serde_json::{Value, json};

use super::{Desk, Reply, order, product};
use refused::{customers_refused, orders_refused, people_refused, products_refused};
use taken::{customers_taken, discounts_taken, orders_taken, products_taken};

/// A shop with all that the documents below point at: a customer, a person, a product sold by the
/// bottle, an order, a second language, a category below the first.
fn furnished() -> Desk {
    let desk = Desk::open();
    for (kind, row) in [
        (
            "productunits",
            json!({"id": "bottle", "attributes": {"label": "bottle", "defaultPrecision": 0}}),
        ),
        (
            "productunits",
            json!({"id": "crate", "attributes": {"label": "crate", "defaultPrecision": 0}}),
        ),
        ("localizations", json!({"id": 2, "attributes": {"name": "Polski"}})),
        (
            "categories",
            json!({"id": 2, "attributes": {"title": "Cups"}, "relationships": {"parentCategory": "1"}}),
        ),
        ("customergroups", json!({"id": 1, "attributes": {"name": "Trade"}})),
        ("customertaxcodes", json!({"id": 1, "attributes": {"code": "FULL"}})),
        ("producttaxcodes", json!({"id": 1, "attributes": {"code": "GOODS"}})),
        ("paymentterms", json!({"id": 1, "attributes": {"label": "14 days"}})),
        ("customers", json!({"id": 1, "attributes": {"name": "Acme"}})),
        (
            "customers",
            json!({"id": 2, "attributes": {"name": "Acme East"}, "relationships": {"parent": "1"}}),
        ),
        (
            "customerusers",
            json!({"id": 1, "attributes": {"email": "ann@acme.example", "firstName": "Ann",
            "lastName": "Lee"}, "relationships": {"customer": "1", "userRoles": ["1"]}}),
        ),
    ] {
        let reply =
            desk.raw("POST", &format!("/_sim/rows/{kind}"), &[], row.to_string().as_bytes());
        assert_eq!(reply.status, 201, "{kind}: {}", reply.body);
    }
    assert_eq!(desk.post("products", &product("MUG-1", "Kubek", false)).status, 201);
    assert_eq!(desk.post("orders", &order("OLD-1", "1", "MUG-1")).status, 201);
    desk
}

/// A relationship to one row, or to several of one kind.
fn to(kind: &str, id: &str) -> Value {
    json!({"data": {"type": kind, "id": id}})
}

fn all(kind: &str, ids: &[&str]) -> Value {
    json!({"data": ids.iter().map(|id| json!({"type": kind, "id": id})).collect::<Vec<_>>()})
}

fn document(kind: &str, attributes: &Value, relationships: &Value, included: &[Value]) -> Value {
    let mut resource = json!({"type": kind});
    for (name, members) in [("attributes", attributes), ("relationships", relationships)] {
        if members.as_object().is_some_and(|members| !members.is_empty()) {
            resource[name] = members.clone();
        }
    }
    let mut document = json!({"data": resource});
    if !included.is_empty() {
        document["included"] = included.iter().cloned().collect();
    }
    document
}

fn part(kind: &str, id: &str, attributes: &Value, relationships: &Value) -> Value {
    let mut part = document(kind, attributes, relationships, &[])["data"].clone();
    part["id"] = json!(id);
    part
}

fn address(id: &str, street: &str) -> Value {
    let attributes = json!({"label": "Dock", "street": street, "city": "Gent", "postalCode": "9000",
        "organization": "Acme", "primary": true, "types": [{"default": true, "addressType": "shipping"}]});
    part("customeraddresses", id, &attributes, &json!({"country": to("countries", "BE")}))
}

fn fallback(id: &str, name: &str, value: &Value) -> Value {
    let mut attributes = json!({"fallback": null, "scalarValue": null, "arrayValue": null});
    attributes[name] = value.clone();
    part("entityfieldfallbackvalues", id, &attributes, &json!({}))
}

fn precision(id: &str, unit: &str) -> Value {
    let attributes = json!({"precision": 0, "conversionRate": 6, "sell": 1});
    part("productunitprecisions", id, &attributes, &json!({"unit": to("productunits", unit)}))
}

fn named(id: &str, name: &str, localization: &Value) -> Value {
    let attributes = json!({"fallback": null, "string": name});
    part("productnames", id, &attributes, &json!({"localization": {"data": localization}}))
}

/// The least a product can be, by the bottle; more may be laid over it.
fn bottle(relationships: &Value, more: &[Value]) -> Value {
    let mut all_of_it = json!({
        "names": all("productnames", &["name"]),
        "attributeFamily": to("attributefamilies", "1"),
        "primaryUnitPrecision": to("productunitprecisions", "unit"),
        "unitPrecisions": all("productunitprecisions", &["unit"]),
    });
    for (name, value) in relationships.as_object().unwrap() {
        all_of_it[name] = value.clone();
    }
    let mut included = vec![named("name", "Bidon", &Value::Null), precision("unit", "bottle")];
    included.extend_from_slice(more);
    document("products", &json!({"sku": "BID-1"}), &all_of_it, &included)
}

fn line(id: &str, product: &Value) -> Value {
    let mut attributes = json!({"quantity": 3, "value": 20, "currency": "EUR"});
    let mut relationships = json!({"productUnit": to("productunits", "item")});
    match product {
        Value::String(sku) => attributes["productSku"] = json!(sku),
        product => relationships["product"] = product.clone(),
    }
    part("orderlineitems", id, &attributes, &relationships)
}

/// An order of sixty, with more laid over it.
fn placed(attributes: &Value, relationships: &Value, more: &[Value]) -> Value {
    let (mut own, mut ties) = (
        json!({"currency": "EUR"}),
        json!({"customer": to("customers", "1"), "lineItems": all("orderlineitems", &["line"])}),
    );
    for (all, over) in [(&mut own, attributes), (&mut ties, relationships)] {
        for (name, value) in over.as_object().unwrap() {
            all[name] = value.clone();
        }
    }
    let mut included = vec![line("line", &to("products", "1"))];
    included.extend_from_slice(more);
    document("orders", &own, &ties, &included)
}

fn discount(id: &str, kind: &str, field: &str, value: &Value) -> Value {
    let kind = format!("oro_order_discount_item_type_{kind}");
    part("orderdiscounts", id, &json!({"orderDiscountType": kind, field: value}), &json!({}))
}

fn user(attributes: &Value, relationships: &Value) -> Value {
    let mut own = json!({"email": "bo@acme.example", "firstName": "Bo", "lastName": "Oz"});
    for (name, value) in attributes.as_object().unwrap() {
        own[name] = value.clone();
    }
    document("customerusers", &own, relationships, &[])
}

fn included_user(id: &str, customer: &str) -> Value {
    let attributes = json!({"email": "bo@acme.example", "firstName": "Bo", "lastName": "Oz"});
    part("customerusers", id, &attributes, &json!({"customer": to("customers", customer)}))
}

#[test]
fn documents_shaped_like_oros_own_are_taken() {
    let taken = [customers_taken(), products_taken(), orders_taken(), discounts_taken()].concat();
    assert!(taken.len() > 25, "{}", taken.len());
    for (resource, document) in taken {
        // Each in a shop of its own: none of them is there before.
        let reply = furnished().post(resource, &document);
        assert_eq!(reply.status, 201, "{document}\n{}", reply.body);
    }
}

#[test]
fn documents_shaped_like_oros_own_are_refused_where_oro_refuses() {
    let refused =
        [customers_refused(), people_refused(), products_refused(), orders_refused()].concat();
    assert!(refused.len() > 20, "{}", refused.len());
    for (resource, document, title, place) in refused {
        let reply = furnished().post(resource, &document);
        let (status, errors) = reply.errors();
        assert_eq!(status, 400, "{document}\n{}", reply.body);
        assert!(errors.contains(&(title, place)), "{document}\n{}", reply.body);
    }
}

fn changed(desk: &Desk, path: &str, id: &str, relationships: &Value) -> Reply {
    let (kind, _) = path.split_once('/').unwrap();
    let resource = part(kind, id, &json!({}), relationships);
    desk.patch(path, &json!({"data": resource}))
}

#[test]
fn nobody_is_above_himself() {
    let desk = furnished();
    let place = |relation: &str| format!("/data/relationships/{relation}/data");
    let ring = "circular customer reference constraint";
    let up = changed(&desk, "customers/1", "1", &json!({"parent": to("customers", "2")}));
    assert_eq!(up.errors(), (400, vec![(ring, place("parent").as_str())]));
    let detail = "Circular reference detected. 'Acme East' cannot be a parent of 'Acme' because it is its child.";
    assert_eq!(up.body["errors"][0]["detail"], detail);
    let down = changed(&desk, "customers/2", "2", &json!({"children": all("customers", &["1"])}));
    assert_eq!(down.errors(), (400, vec![(ring, place("children").as_str())]));
    assert_eq!(
        changed(&desk, "customers/1", "1", &json!({"parent": to("customers", "1")})).status,
        400
    );
    assert_eq!(
        desk.get("customers/1").body["data"]["relationships"]["parent"]["data"],
        Value::Null
    );
}

#[test]
fn a_list_of_addresses_replaces_the_one_before_and_people_stay() {
    let desk = furnished();
    let mut first = document(
        "customers",
        &json!({"name": "New"}),
        &json!({"addresses": all("customeraddresses", &["a", "b"])}),
        &[address("a", "Kaai 1"), address("b", "Kaai 2")],
    );
    first["included"].as_array_mut().unwrap().push(included_user("u", "c"));
    first["data"]["id"] = json!("c");
    let id = desk.post("customers", &first).id();
    let path = format!("customers/{id}");
    assert_eq!(desk.get(&format!("{path}/addresses")).ids(), ["1", "2"]);
    let kept = changed(
        &desk,
        &path,
        &id,
        &json!({"addresses": all("customeraddresses", &["2"]), "users": {"data": []}}),
    );
    assert_eq!(kept.status, 200, "{}", kept.body);
    assert_eq!(desk.get(&format!("{path}/addresses")).ids(), ["2"]);
    assert_eq!(desk.get("customeraddresses/1").status, 404);
    assert_eq!(desk.get(&format!("{path}/users")).ids().len(), 1);
    assert_eq!(desk.get("customers/2/children").status, 200);
}

#[test]
fn discounts_are_taken_off_and_each_shows_both_of_its_forms() {
    let desk = furnished();
    let both = [
        discount("d1", "amount", "amount", &json!(15)),
        discount("d2", "percent", "percent", &json!(0.1)),
    ];
    let reply = desk.post(
        "orders",
        &placed(
            &json!({"overriddenShippingCostAmount": "5"}),
            &json!({"discounts": all("orderdiscounts", &["d1", "d2"])}),
            &both,
        ),
    );
    let attributes = &reply.body["data"]["attributes"];
    assert_eq!(attributes["subtotalValue"], "60.0000");
    assert_eq!(attributes["totalDiscountsAmount"], "21.0000");
    assert_eq!(attributes["totalValue"], "44.0000");
    let id = reply.id();
    let discounts = desk.get(&format!("orders/{id}/discounts")).body;
    assert_eq!(discounts["data"][0]["attributes"]["percent"], 0.25);
    assert_eq!(discounts["data"][1]["attributes"]["amount"], "6.0000");
    let sums = desk.get(&format!("orders/{id}?include=orderSubtotals")).body;
    let sums: Vec<&str> = sums["included"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["attributes"]["signedAmount"].as_str().unwrap())
        .collect();
    assert_eq!(sums, ["60.0000", "-21.0000", "5.0000", "0.0000", "0.0000", "0.0000", "0.0000"]);
    assert_eq!(desk.send("DELETE", "orderdiscounts/1", &[], None).status, 204);
    assert_eq!(
        desk.get(&format!("orders/{id}")).body["data"]["attributes"]["totalValue"],
        "59.0000"
    );
}

#[test]
fn the_primary_unit_is_one_of_the_products_units_also_where_the_list_left_it_out() {
    let desk = furnished();
    let document = bottle(
        &json!({"unitPrecisions": all("productunitprecisions", &["second"])}),
        &[precision("second", "crate")],
    );
    let id = desk.post("products", &document).id();
    assert_eq!(desk.get(&format!("products/{id}/unitPrecisions")).ids().len(), 2);
    assert_eq!(desk.get(&format!("inventorylevels?filter[product]={id}")).ids().len(), 2);
}
