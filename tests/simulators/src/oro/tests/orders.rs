//! Orders, their lines, trackings and statuses.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, Desk, customer, order, product};
use crate::oro::values::stamp;

/// A shop with customer 1 and product `MUG-1`.
fn stocked(external_status: bool) -> Desk {
    let desk = Desk::with(3600, external_status);
    assert_eq!(desk.post("customers", &customer("Acme", "C-1")).status, 201);
    assert_eq!(desk.post("products", &product("MUG-1", "Kubek", false)).status, 201);
    desk
}

fn with_order(external_status: bool) -> Desk {
    let desk = stocked(external_status);
    let reply = desk.post("orders", &order("WEB-100001", "1", "mug-1"));
    assert_eq!(reply.status, 201, "{}", reply.body);
    desk
}

fn related(desk: &Desk, name: &str) -> Value {
    desk.get("orders/1").body["data"]["relationships"][name]["data"]["id"].clone()
}

#[test]
fn an_order_resolves_its_skus_and_adds_itself_up() {
    let desk = with_order(true);
    let reply = desk.get("orders/1?include=lineItems,lineItems.product,shippingAddress");
    let attributes = &reply.body["data"]["attributes"];
    assert_eq!(attributes["totalValue"], "21.0000");
    let included = reply.body["included"].as_array().unwrap();
    let line = included.iter().find(|item| item["type"] == "orderlineitems").unwrap();
    assert_eq!(line["attributes"]["productSku"], "MUG-1");
    assert_eq!(line["attributes"]["productName"], "Kubek");
    assert_eq!(line["attributes"]["quantity"], 2);
    assert_eq!(line["attributes"]["value"], "10.5000");
    assert_eq!(line["relationships"]["product"]["data"]["id"], "1");
    assert!(included.iter().any(|item| item["attributes"]["city"] == "Łódź"));
    assert_eq!(related(&desk, "shippingStatus"), "not_shipped");
    assert_eq!(related(&desk, "internalStatus"), "open");
}

#[test]
fn an_order_without_what_it_needs_is_refused_with_each_place() {
    let desk = stocked(true);
    let unknown = desk.post("orders", &order("WEB-1", "1", "NO-SUCH"));
    assert_eq!(
        unknown.errors(),
        (400, vec![("line item product constraint", "/included/0/relationships/product/data")])
    );
    let mut bare = order("WEB-1", "1", "MUG-1");
    bare["data"]["attributes"].as_object_mut().unwrap().remove("currency");
    let reply = desk.post("orders", &bare);
    assert_eq!(reply.errors(), (400, vec![("not blank constraint", "/data/attributes/currency")]));
    let empty = desk.post(
        "orders",
        &json!({"data": {"type": "orders",
        "attributes": {"currency": "EUR"}, "relationships": {
            "customer": {"data": {"type": "customers", "id": "1"}}}}}),
    );
    assert_eq!(
        empty.errors(),
        (400, vec![("count constraint", "/data/relationships/lineItems/data")])
    );
    assert_eq!(desk.get("orders").ids(), [""; 0]);
    assert_eq!(desk.get("orderlineitems").ids(), [""; 0]);
}

#[test]
fn an_identifier_is_used_once_whatever_the_case() {
    let desk = with_order(true);
    let reply = desk.post("orders", &order("web-100001", "1", "MUG-1"));
    assert_eq!(
        reply.errors(),
        (400, vec![("unique entity constraint", "/data/attributes/identifier")])
    );
    assert_eq!(desk.get("orders?filter[identifier]=web-100001,WEB-2").ids(), ["1"]);
    let mut upsert = json!({"data": {"type": "orders", "meta": {"upsert": ["identifier"]},
        "attributes": {"identifier": "WEB-100001", "poNumber": "77"}}});
    assert_eq!(desk.post("orders", &upsert).status, 200);
    upsert["data"]["attributes"].as_object_mut().unwrap().remove("identifier");
    assert_eq!(desk.post("orders", &upsert).errors().1, [("value constraint", "/meta/upsert")]);
}

#[test]
fn orders_are_polled_by_the_time_of_their_update() {
    let desk = with_order(true);
    desk.post("orders", &order("WEB-100002", "1", "MUG-1"));
    let query = "orders?filter[updatedAt][gte]=2026-01-01T00:00:00Z&sort=updatedAt,id&page[size]=100\
                 &include=lineItems&fields[orders]=identifier,updatedAt,lineItems";
    let reply = desk.get(query);
    assert_eq!(reply.ids(), ["1", "2"]);
    let attributes = reply.body["data"][0]["attributes"].as_object().unwrap();
    assert_eq!(attributes.keys().collect::<Vec<_>>(), ["identifier", "updatedAt"]);
    assert_eq!(reply.body["included"].as_array().unwrap().len(), 2);
    assert_eq!(desk.get("orders?filter[updatedAt][gt]=2999-01-01").ids(), [""; 0]);
}

fn track(existing: &[&str], number: &str) -> Value {
    let mut trackings: Vec<_> =
        existing.iter().map(|id| json!({"type": "ordershippingtrackings", "id": id})).collect();
    trackings.push(json!({"type": "ordershippingtrackings", "id": "t"}));
    json!({
        "data": {"type": "orders", "id": "1", "relationships": {
            "shippingTrackings": {"data": trackings},
            "shippingStatus": {"data": {"type": "ordershippingstatuses", "id": "shipped"}}}},
        "included": [{"type": "ordershippingtrackings", "id": "t",
            "attributes": {"method": "DHL", "number": number}}]})
}

#[test]
fn a_list_of_trackings_replaces_the_one_before() {
    let desk = with_order(true);
    assert_eq!(desk.patch("orders/1", &track(&[], "A")).status, 200);
    assert_eq!(desk.patch("orders/1", &track(&["1"], "B")).status, 200);
    assert_eq!(desk.get("ordershippingtrackings").ids(), ["1", "2"]);
    assert_eq!(desk.patch("orders/1", &track(&[], "C")).status, 200);
    assert_eq!(desk.get("ordershippingtrackings").ids(), ["3"]);
    assert_eq!(related(&desk, "shippingStatus"), "shipped");
    let direct = desk.post(
        "ordershippingtrackings",
        &json!({"data": {
        "type": "ordershippingtrackings", "attributes": {"method": "UPS", "number": "D"},
        "relationships": {"orders": {"data": [{"type": "orders", "id": "1"}]}}}}),
    );
    assert_eq!(direct.status, 201, "{}", direct.body);
    let listed = desk.get("orders/1/shippingTrackings");
    assert_eq!(listed.ids(), ["3", "4"]);
}

#[test]
fn the_shipping_status_can_be_set_through_its_own_address() {
    let desk = with_order(true);
    let path = "orders/1/relationships/shippingStatus";
    let status = |id| json!({"data": {"type": "ordershippingstatuses", "id": id}});
    assert_eq!(desk.patch(path, &status("partially_shipped")).status, 204);
    assert_eq!(related(&desk, "shippingStatus"), "partially_shipped");
    assert_eq!(desk.get(path).body["data"]["id"], "partially_shipped");
    assert_eq!(desk.patch(path, &status("lost")).status, 400);
    assert_eq!(desk.patch("orders/1/relationships/internalStatus", &status("open")).status, 405);
    assert_eq!(desk.post(path, &status("shipped")).status, 405);
}

#[test]
fn the_status_is_written_only_with_external_status_management() {
    let cancel = json!({"data": {"type": "orders", "id": "1", "relationships": {
        "status": {"data": {"type": "orderstatuses", "id": "cancelled"}}}}});
    for (managed, expected) in [(true, json!("cancelled")), (false, Value::Null)] {
        let desk = with_order(managed);
        assert_eq!(desk.patch("orders/1", &cancel).status, 200);
        assert_eq!(related(&desk, "status"), expected, "{managed}");
    }
}

#[test]
fn a_closed_order_is_read_only() {
    let desk = with_order(true);
    assert!(desk.front.floor().shop.set_internal_status("WEB-100001", "closed"));
    let reply = desk.patch("orders/1", &track(&[], "A"));
    assert_eq!(reply.errors(), (403, vec![("access denied exception", "")]));
    let path = "orders/1/relationships/shippingStatus";
    let reply =
        desk.patch(path, &json!({"data": {"type": "ordershippingstatuses", "id": "shipped"}}));
    assert_eq!(reply.status, 403);
    assert_eq!(
        reply.body["errors"][0]["detail"],
        "No access by \"EDIT\" permission to the parent entity."
    );
}

#[test]
fn read_only_fields_are_ignored_and_created_at_is_not() {
    let desk = stocked(true);
    let mut document = order("WEB-1", "1", "MUG-1");
    let attributes = document["data"]["attributes"].as_object_mut().unwrap();
    attributes.insert("createdAt".to_owned(), json!("2020-01-02T03:04:05Z"));
    attributes.insert("updatedAt".to_owned(), json!("2020-01-02T03:04:05Z"));
    attributes.insert("totalValue".to_owned(), json!("1.00"));
    let reply = desk.post("orders", &document);
    let attributes = &reply.body["data"]["attributes"];
    assert_eq!(attributes["createdAt"], "2020-01-02T03:04:05Z");
    assert_ne!(attributes["updatedAt"], "2020-01-02T03:04:05Z");
    assert_eq!(attributes["totalValue"], "21.0000");
}

#[test]
fn a_customer_user_of_another_customer_is_refused() {
    let desk = stocked(true);
    desk.post("customers", &customer("Other", "C-2"));
    desk.post(
        "customerusers",
        &json!({"data": {"type": "customerusers",
        "attributes": {"email": "a@b.example", "firstName": "A", "lastName": "B"},
        "relationships": {"customer": {"data": {"type": "customers", "id": "2"}},
            "userRoles": {"data": [{"type": "customeruserroles", "id": "1"}]}}}}),
    );
    let mut document = order("WEB-1", "1", "MUG-1");
    document["data"]["relationships"]["customerUser"] =
        json!({"data": {"type": "customerusers", "id": "1"}});
    let reply = desk.post("orders", &document);
    assert_eq!(reply.errors(), (400, vec![("customer owner constraint", "")]));
}

#[test]
fn the_last_line_cannot_be_taken_from_an_order() {
    let desk = with_order(true);
    let body = json!({"data": [{"type": "orderlineitems", "id": "1"}]});
    let reply = desk.send("DELETE", "orders/1/relationships/lineItems", &[], Some(&body));
    assert_eq!(reply.errors().1, [("count constraint", "")]);
    assert_eq!(desk.send("DELETE", "orderlineitems/1", &[], None).status, 403);
    assert_eq!(desk.get("orders/1/lineItems").ids(), ["1"]);
}

#[test]
fn validation_only_answers_and_writes_nothing() {
    let desk = stocked(true);
    let mut document = order("WEB-1", "1", "MUG-1");
    document["data"]["meta"] = json!({"validate": true});
    assert_eq!(desk.post("orders", &document).status, 201);
    assert_eq!(desk.get("orders").ids(), [""; 0]);
}

#[test]
fn lines_may_name_their_product_by_sku_where_products_have_external_ids() {
    let desk = stocked(true).ext();
    let mut document = order("WEB-1", "1", "IGNORED");
    document["included"][0]["relationships"]["product"] =
        json!({"data": {"type": "products", "id": "MUG-1"}});
    let reply = desk.post("orders", &document);
    assert_eq!(reply.status, 201, "{}", reply.body);
    let line = &desk.get("orderlineitems/1").body["data"];
    assert_eq!(line["relationships"]["product"]["data"]["id"], "MUG-1");
    assert_eq!(line["attributes"]["productSku"], "MUG-1");
}

#[test]
fn an_update_moves_the_time_only_if_the_row_itself_changed() {
    let desk = with_order(true);
    let later = crate::control::now() + Duration::from_mins(1);
    let time = |answer: &Answer| {
        let body = answer.body.clone().unwrap();
        body["data"]["attributes"]["updatedAt"].as_str().unwrap().to_owned()
    };
    let note = |text: &str| json!({"data": {"type": "orders", "id": "1", "attributes": {"customerNotes": text}}});
    let first = desk.at(later, "PATCH", "orders/1", &note("a"));
    assert_eq!(time(&first), stamp(later));
    let later_still = later + Duration::from_mins(1);
    assert_eq!(time(&desk.at(later_still, "PATCH", "orders/1", &note("a"))), stamp(later));
    let mut tracked = track(&[], "A");
    tracked["data"]["relationships"].as_object_mut().unwrap().remove("shippingStatus");
    let tracked = desk.at(later_still, "PATCH", "orders/1", &tracked);
    assert_eq!((tracked.status, time(&tracked)), (200, stamp(later)));
    let last = desk.at(later_still, "PATCH", "orders/1", &note("b"));
    assert_eq!(time(&last), stamp(later_still));
}

#[test]
fn parts_of_an_order_are_listed_by_their_order_and_in_theirs() {
    let desk = stocked(true);
    let id = desk.post("orders", &order("ERP-100", "1", "MUG-1")).id();
    assert_eq!(desk.get("ordersubtotals").errors(), (400, vec![("filter constraint", "")]));
    let listed = desk.get(&format!("ordersubtotals?filter[order]={id}"));
    assert_eq!((listed.ids().len(), listed.ids()[0]), (7, format!("{id}-subtotal-0").as_str()));
    let included = desk.get(&format!("orders/{id}?include=orderSubtotals")).body;
    let ids: Vec<&str> = included["included"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids[..2], [format!("{id}-subtotal-0"), format!("{id}-discount-1")]);
    for path in [format!("ordersubtotals/{id}-subtotal-0"), format!("orders/{id}/orderSubtotals")] {
        assert_eq!(desk.get(&path).status, 404, "{path}");
    }
}

#[test]
fn what_hangs_on_an_order_is_not_moved_to_another() {
    let desk = stocked(true);
    let ids = ["ERP-1", "ERP-2"].map(|name| desk.post("orders", &order(name, "1", "MUG-1")).id());
    let to = |id: &str| json!({"data": {"type": "orders", "id": id}});
    let discount = json!({"data": {"type": "orderdiscounts", "attributes": {
        "orderDiscountType": "oro_order_discount_item_type_amount", "amount": 1},
        "relationships": {"order": to(&ids[0])}}});
    let discount = desk.post("orderdiscounts", &discount).id();
    let moved = json!({"data": {"type": "orderdiscounts", "id": discount,
        "relationships": {"order": to(&ids[1])}}});
    let path = format!("orderdiscounts/{discount}");
    let kept = desk.patch(&path, &moved).body;
    assert_eq!(kept["data"]["relationships"]["order"]["data"]["id"], *ids[0]);
    let relation = format!("{path}/relationships/order");
    assert_eq!(desk.patch(&relation, &to(&ids[1])).status, 405);
    let taken = json!({"data": {"type": "orders", "id": ids[1], "relationships": {
        "discounts": {"data": [{"type": "orderdiscounts", "id": discount}]}}}});
    assert_eq!(
        desk.patch(&format!("orders/{}", ids[1]), &taken).errors(),
        (400, vec![("unchangeable field constraint", "/data/relationships/discounts/data/0")])
    );
    let line = desk.get("orderlineitems").ids()[0].to_owned();
    let orders = format!("orderlineitems/{line}/relationships/orders");
    assert_eq!(desk.patch(&orders, &json!({"data": []})).status, 405);
}

#[test]
fn a_line_without_a_price_is_told_twice_and_a_wrong_date_by_its_text() {
    let desk = stocked(true);
    let mut document = order("ERP-1", "1", "MUG-1");
    document["data"]["attributes"]["shipUntil"] = json!("2026-02-30");
    document["included"][0]["attributes"].as_object_mut().unwrap().remove("value");
    let reply = desk.post("orders", &document);
    let (status, errors) = reply.errors();
    assert_eq!(status, 400);
    for error in [
        ("form constraint", "/data/attributes/shipUntil"),
        ("not blank constraint", "/included/0"),
        ("not blank constraint", "/included/0/attributes/value"),
    ] {
        assert!(errors.contains(&error), "{}", reply.body);
    }
    assert!(reply.body.to_string().contains(r#"The \"2026-02-30\" is not valid date."#));
}
