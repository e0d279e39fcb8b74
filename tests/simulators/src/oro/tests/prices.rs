//! Price lists and prices.

use serde_json::{Value, json};

use super::{Desk, product};

/// A shop with product 1 and a list of prices in euro.
fn stocked(version: &str) -> Desk {
    let desk = Desk::of_version(version);
    assert_eq!(desk.post("products", &product("MUG-1", "Kubek", false)).status, 201);
    let list = json!({"data": {"type": "pricelists",
        "attributes": {"name": "Trade", "priceListCurrencies": ["EUR"]}}});
    assert_eq!(desk.post("pricelists", &list).id(), "2");
    desk
}

fn item(list: &str, quantity: u32, value: &Value) -> Value {
    json!({"type": "productprices",
        "attributes": {"quantity": quantity, "value": value, "currency": "EUR"},
        "relationships": {"priceList": {"data": {"type": "pricelists", "id": list}},
            "product": {"data": {"type": "products", "id": "1"}},
            "unit": {"data": {"type": "productunits", "id": "item"}}}})
}

fn price(list: &str, quantity: u32, value: &Value) -> Value {
    json!({"data": item(list, quantity, value)})
}

#[test]
fn a_price_is_named_by_the_shop_and_found_by_its_list_only() {
    let desk = stocked("7.0");
    let id = desk.post("productprices", &price("2", 10, &json!("9.9"))).id();
    assert!(id.len() == 38 && id.ends_with("-2"), "{id}");
    let without = desk.get("productprices");
    assert_eq!(without.errors(), (400, vec![("filter constraint", "")]));
    assert_eq!(without.body["errors"][0]["detail"], "The \"priceList\" filter is required.");
    assert_eq!(
        desk.get("productprices?filter[priceList]=2&filter[product]=1").ids(),
        [id.as_str()]
    );
    assert_eq!(desk.get("productprices?filter[priceList]=1").ids(), [""; 0]);
    assert_eq!(desk.send("DELETE", "productprices?filter[product]=1", &[], None).status, 400);
    let one = desk.get(&format!("productprices/{id}")).body;
    assert_eq!(
        one["data"]["attributes"],
        json!({"quantity": 10, "value": "9.9000", "currency": "EUR"})
    );
    let moved = json!({"data": {"type": "productprices", "id": id, "attributes": {"value": "8"}, "relationships": {
        "priceList": {"data": {"type": "pricelists", "id": "1"}}}}});
    let moved = desk.patch(&format!("productprices/{id}"), &moved);
    assert_eq!(moved.body["data"]["relationships"]["priceList"]["data"]["id"], "2");
    assert_eq!(moved.body["data"]["attributes"]["value"], "8.0000");
    assert_eq!(desk.send("DELETE", "products/1", &[], None).status, 204);
    assert_eq!(desk.get("productprices?filter[priceList]=2").ids(), [""; 0]);
}

#[test]
fn a_price_is_refused_where_oro_refuses_it() {
    let desk = stocked("7.0");
    desk.post("productprices", &price("2", 10, &json!(9)));
    let twice = desk.post("productprices", &price("2", 10, &json!(8)));
    assert_eq!(twice.errors(), (400, vec![("unique entity constraint", "")]));
    assert_eq!(desk.post("productprices", &price("2", 20, &json!(8))).status, 201);
    let changed = |path: &str, value: Value| {
        let mut document = price("2", 30, &json!(7));
        *document.pointer_mut(path).unwrap() = value;
        desk.post("productprices", &document)
    };
    for (path, value, title, place) in [
        ("/data/attributes/value", Value::Null, "not blank constraint", "/data/attributes/value"),
        ("/data/attributes/value", json!("dear"), "type constraint", "/data/attributes/value"),
        (
            "/data/attributes/currency",
            Value::Null,
            "not blank constraint",
            "/data/attributes/currency",
        ),
        (
            "/data/attributes/currency",
            json!("PLN"),
            "product price currency constraint",
            "/data/attributes/currency",
        ),
        (
            "/data/relationships/unit/data/id",
            json!("kg"),
            "product price allowed units constraint",
            "/data/relationships/unit/data",
        ),
        (
            "/data/relationships/priceList/data/id",
            json!("9"),
            "form constraint",
            "/data/relationships/priceList/data",
        ),
    ] {
        assert_eq!(changed(path, value).errors(), (400, vec![(title, place)]), "{path}");
    }
}

#[test]
fn a_sync_batch_of_prices_before_6_1_8_is_written_and_answered_400() {
    let items = json!({"data": [item("2", 1, &json!(5)), item("2", 10, &json!(4))]});
    for (version, status) in [("6.1.7", 400), ("6.1.8", 200), ("7.0", 200)] {
        let desk = stocked(version);
        let reply = desk.batch("productprices", &items);
        assert_eq!(reply.status, status, "{version}: {}", reply.body);
        assert_eq!(desk.get("productprices?filter[priceList]=2").ids().len(), 2, "{version}");
    }
}

#[test]
fn a_price_is_asked_for_by_ids_of_its_own_list() {
    let desk = stocked("7.0");
    let id = desk.post("productprices", &price("2", 10, &json!(9))).id();
    let ask = |query: &str| desk.get(&format!("productprices?filter[priceList]={query}"));
    assert_eq!(ask(&format!("2&filter[id]={id}")).ids(), [id.as_str()]);
    for (list, ids) in [("1", id.as_str()), ("2", "1"), ("2", id.trim_end_matches("-2"))] {
        let reply = ask(&format!("{list}&filter[id]={ids}"));
        assert_eq!(
            reply.errors(),
            (400, vec![("filter constraint", "filter[id]")]),
            "{list} {ids}"
        );
    }
    let reply = ask("trade");
    assert_eq!(reply.errors(), (400, vec![("filter constraint", "filter[priceList]")]));
    assert_eq!(desk.get(&format!("productprices/{id}/product")).status, 404);
}

#[test]
fn a_list_has_a_currency() {
    let desk = Desk::open();
    let bare = json!({"data": {"type": "pricelists", "attributes": {"name": "Trade"}}});
    let reply = desk.post("pricelists", &bare);
    assert_eq!(reply.errors(), (400, vec![("count constraint", "")]));
}
