//! Rows that a fixture sets up past the API.

use serde_json::{Value, json};

use super::{Desk, Reply, order, product};

fn put(desk: &Desk, kind: &str, row: &Value) -> Reply {
    desk.raw("POST", &format!("/_sim/rows/{kind}"), &[], row.to_string().as_bytes())
}

/// The answer's id, where it was taken.
fn made(desk: &Desk, kind: &str, row: &Value) -> String {
    let reply = put(desk, kind, row);
    assert_eq!(reply.status, 201, "{}", reply.body);
    reply.body["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_row_of_any_kind_is_set_up_and_then_is_like_all_others() {
    let desk = Desk::open();
    made(
        &desk,
        "productunits",
        &json!({"id": "bottle", "attributes": {"label": "bottle", "defaultPrecision": 0}}),
    );
    let mut document = product("MUG-1", "Kubek", false);
    document["included"][1]["relationships"]["unit"]["data"]["id"] = json!("bottle");
    assert_eq!(desk.post("products", &document).status, 201);
    let user = made(&desk, "users", &json!({"attributes": {"username": "clerk"}}));
    let customer = made(
        &desk,
        "customers",
        &json!({"id": 40, "attributes": {"name": "Acme", "externalId": "C-40"},
        "relationships": {"owner": user, "salesRepresentatives": [user, "1"]}}),
    );
    assert_eq!(customer, "40");
    assert_eq!(desk.get("customers?filter[externalId]=C-40").ids(), ["40"]);
    assert!(desk.get("customers/40").body["data"]["attributes"]["createdAt"].is_string());
    assert_eq!(desk.get("customers/40/salesRepresentatives").ids(), ["2", "1"]);
    let next = desk
        .post("customers", &json!({"data": {"type": "customers", "attributes": {"name": "Next"}}}));
    assert_eq!(next.id(), "41");
}

#[test]
fn a_row_that_is_there_is_changed_where_it_is_named() {
    let desk = Desk::open();
    made(
        &desk,
        "customers",
        &json!({"id": 7, "attributes": {"name": "Acme", "externalId": "C-7"}}),
    );
    let reply = put(&desk, "customers", &json!({"id": "7", "attributes": {"name": "Beta"}}));
    assert_eq!((reply.status, &reply.body["id"]), (200, &json!("7")));
    let attributes = desk.get("customers/7").body["data"]["attributes"].clone();
    assert_eq!((&attributes["name"], &attributes["externalId"]), (&json!("Beta"), &json!("C-7")));
}

#[test]
fn no_rule_is_asked_and_parents_know_their_children() {
    let desk = Desk::open();
    let nameless = made(&desk, "customers", &json!({}));
    let order_id = made(
        &desk,
        "orders",
        &json!({"attributes": {"identifier": "OLD", "currency": "EUR"},
        "relationships": {"customer": nameless}}),
    );
    let line = made(
        &desk,
        "orderlineitems",
        &json!({"attributes": {"quantity": 3, "value": "2.5"},
        "relationships": {"orders": [order_id]}}),
    );
    let reply = desk.get(&format!("orders/{order_id}?include=lineItems"));
    assert_eq!(reply.body["included"][0]["id"], line);
    assert_eq!(reply.body["data"]["attributes"]["totalValue"], "7.5000");
    assert_eq!(
        desk.raw("DELETE", &format!("/_sim/rows/orderlineitems/{line}"), &[], b"").status,
        204
    );
    assert_eq!(
        desk.get(&format!("orders/{order_id}")).body["data"]["attributes"]["totalValue"],
        "0.0000"
    );
    assert_eq!(desk.raw("DELETE", "/_sim/rows/orders/99", &[], b"").status, 404);
}

#[test]
fn what_is_not_understood_is_told_by_name_and_changes_nothing() {
    let desk = Desk::open();
    for (kind, row, named) in [
        ("widgets", json!({}), "widgets"),
        ("customers", json!({"colour": "red"}), "colour"),
        ("customers", json!({"attributes": {"colour": "red"}}), "attributes.colour"),
        ("customers", json!({"attributes": {"name": ["a"]}}), "attributes.name"),
        ("customers", json!({"relationships": {"group": "9"}}), "customergroups 9"),
        ("customers", json!({"relationships": {"salesRepresentatives": "1"}}), "list of ids"),
        ("customers", json!({"relationships": {"users": ["1"]}}), "customer"),
        ("customers", json!({"id": "x"}), "\"x\""),
        ("countries", json!({}), "id"),
    ] {
        let reply = put(&desk, kind, &row);
        let reason = reply.body["reason"].as_str().unwrap_or_default();
        assert_eq!(reply.status, 400, "{row}");
        assert!(reason.contains(named), "{row}: {reason}");
    }
    assert_eq!(desk.get("customers").ids(), [""; 0]);
}

#[test]
fn rows_are_shown_as_they_are_kept() {
    let desk = Desk::open();
    made(&desk, "customers", &json!({"attributes": {"name": "Acme"}}));
    desk.post("products", &product("MUG-1", "Kubek", false));
    desk.post("orders", &order("WEB-1", "1", "MUG-1"));
    let rows = desk.raw("GET", "/_sim/rows/orders", &[], b"").body;
    assert_eq!(rows[0]["attributes"]["identifier"], "WEB-1");
    assert_eq!(rows[0]["relationships"]["lineItems"], json!(["1"]));
    assert_eq!(rows[0]["relationships"]["customer"], "1");
    assert_eq!(desk.raw("GET", "/_sim/rows/widgets", &[], b"").status, 404);
}
