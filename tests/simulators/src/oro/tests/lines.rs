//! Lines of orders, what is below them, and addresses of orders.

use serde_json::{Value, json};

use super::{Desk, Reply, customer, order, product};

/// A shop with customers 1 and 2, product `MUG-1`, and an order of each customer.
fn stocked(desk: Desk) -> Desk {
    for (name, order_of) in [("Acme", "ERP-1"), ("Oy", "ERP-2")] {
        let mut document = customer(name, name);
        document["data"]["attributes"].as_object_mut().unwrap().remove("externalId");
        let id = desk.post("customers", &document).id();
        if order_of == "ERP-1" {
            assert_eq!(desk.post("products", &product("MUG-1", "Kubek", false)).status, 201);
        }
        let reply = desk.post("orders", &order(order_of, &id, "MUG-1"));
        assert_eq!(reply.status, 201, "{}", reply.body);
    }
    desk
}

fn row(desk: &Desk, kind: &str, row: &Value) {
    let path = format!("/_sim/rows/{kind}");
    let reply = desk.raw("POST", &path, &[], row.to_string().as_bytes());
    assert!([200, 201].contains(&reply.status), "{}", reply.body);
}

fn relate(desk: &Desk, path: &str, relationships: &Value) -> Reply {
    let (kind, id) = path.split_once('/').unwrap();
    let row = json!({"type": kind, "id": id, "relationships": relationships});
    desk.patch(path, &json!({"data": row}))
}

#[test]
fn the_last_line_of_an_order_is_not_deleted() {
    let desk = stocked(Desk::open());
    for path in ["orderlineitems/1", "orderlineitems?filter[id]=1"] {
        let reply = desk.send("DELETE", path, &[("content-type", super::JSON_API)], None);
        assert_eq!(reply.errors(), (403, vec![("access denied exception", "")]), "{path}");
        let detail =
            "The delete operation is forbidden. Reason: Please add at least one Line Item.";
        assert_eq!(reply.body["errors"][0]["detail"], detail);
    }
    assert_eq!(desk.get("orderlineitems").ids(), ["1", "2"]);
}

#[test]
fn a_line_stays_with_its_order() {
    let desk = stocked(Desk::open());
    let place = "/data/relationships/orders/data";
    let (moved, lost) = ("unchangeable field constraint", "count constraint");
    for (orders, expected) in [
        (json!([{"type": "orders", "id": "1"}]), vec![]),
        (json!([{"type": "orders", "id": "2"}]), vec![(moved, place)]),
        (json!([]), vec![(lost, place), (moved, place)]),
    ] {
        let reply = relate(&desk, "orderlineitems/1", &json!({"orders": {"data": orders}}));
        assert_eq!(reply.errors().1, expected, "{orders}");
    }
}

#[test]
fn lines_are_found_by_whose_order_it_is_from_6_1_on() {
    let desk = stocked(Desk::open());
    assert_eq!(desk.get("orderlineitems?filter[customer]=2").ids(), ["2"]);
    assert_eq!(desk.get("orderlineitems?filter[customer]=1,2").ids(), ["1", "2"]);
    assert_eq!(desk.get("orderlineitems?filter[customer][neq]=2").ids(), ["1"]);
    assert_eq!(desk.get("orderlineitems?filter[customerUser]=1").ids(), [""; 0]);
    let older = stocked(Desk::of_version("6.0"));
    let expected = (400, vec![("filter constraint", "filter[customer]")]);
    assert_eq!(older.get("orderlineitems?filter[customer]=2").errors(), expected);
}

#[test]
fn a_line_has_a_tax_code_and_a_word_for_its_currency_from_6_1_10_on() {
    for (version, there) in [("6.1.9", false), ("6.1.10", true), ("7.0", true)] {
        let desk = stocked(Desk::of_version(version));
        let line = desk.get("orderlineitems/1").body;
        assert_eq!(line["data"]["attributes"]["productVariantFields"], json!([]));
        let coded = line["data"]["relationships"].get("freeFormTaxCode").is_some();
        assert_eq!(coded, there, "{version}");
        let mut document = order("ERP-3", "1", "MUG-1");
        document["included"][0]["attributes"].as_object_mut().unwrap().remove("currency");
        let reply = desk.post("orders", &document);
        let expected = (400, vec![("not blank constraint", "/included/0/attributes/currency")]);
        assert_eq!(reply.errors(), expected);
        let subject = if there { "Currency" } else { "This value" };
        let detail = format!("{subject} should not be blank.");
        assert_eq!(reply.body["errors"][0]["detail"], *detail, "{version}");
        let wrong = json!({"data": {"type": "orderlineitems", "id": "1",
            "attributes": {"value": "much"}}});
        let reply = desk.patch("orderlineitems/1", &wrong).body;
        let own = reply["errors"][0]["detail"] == "Price value should be a valid number.";
        assert_eq!(own, there, "{version}: {reply}");
    }
}

/// An order of six kits, each of two mugs in a box.
fn kit() -> Value {
    let mut document = order("KIT-1", "1", "MUG-1");
    document["included"][0]["attributes"]["quantity"] = json!(6);
    document["included"][0]["relationships"]["kitItemLineItems"] =
        json!({"data": [{"type": "orderproductkititemlineitems", "id": "p1"}]});
    let part = json!({"type": "orderproductkititemlineitems", "id": "p1",
        "attributes": {"productSku": "MUG-1", "quantity": 2, "sortOrder": 1, "value": "3.25",
            "currency": "EUR", "kitItemLabel": "not this", "optional": true},
        "relationships": {
            "kitItem": {"data": {"type": "productkititems", "id": "5"}},
            "productUnit": {"data": {"type": "productunits", "id": "item"}}}});
    document["included"].as_array_mut().unwrap().push(part);
    document
}

#[test]
fn a_kit_costs_what_its_parts_cost_and_they_keep_what_it_said() {
    let desk = stocked(Desk::open());
    row(&desk, "productkititemlabels", &json!({"id": 3, "attributes": {"string": "A mug"}}));
    let item = json!({"id": 5, "attributes": {"optional": false, "minimumQuantity": 1},
        "relationships": {"productKit": "1", "labels": ["3"]}});
    row(&desk, "productkititems", &item);
    let made = desk.post("orders", &kit());
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["data"]["attributes"]["subtotalValue"], "39.0000");
    assert_eq!(desk.get("orderlineitems/3").body["data"]["attributes"]["value"], "6.5000");
    let part = desk.get("orderproductkititemlineitems/1").body;
    let attributes = &part["data"]["attributes"];
    assert_eq!(
        ["kitItemLabel", "kitItemId", "optional", "minimumQuantity", "productName"]
            .map(|name| attributes[name].clone()),
        [json!("A mug"), json!(5), json!(false), json!(1), json!("Kubek")]
    );
    let dearer = json!({"data": {"type": "orderproductkititemlineitems", "id": "1",
        "attributes": {"value": 10}}});
    assert_eq!(desk.patch("orderproductkititemlineitems/1", &dearer).status, 200);
    let sums = desk.get("orders/3").body["data"]["attributes"]["subtotalValue"].clone();
    assert_eq!(sums, "120.0000");
    let (path, place) = ("orderproductkititemlineitems/1", "/data/relationships/lineItem/data");
    let (lost, moved) = ("not null constraint", "unchangeable field constraint");
    for (line, expected) in [
        (Value::Null, vec![(lost, place), (moved, place)]),
        (json!({"type": "orderlineitems", "id": "1"}), vec![(moved, place)]),
    ] {
        let reply = relate(&desk, path, &json!({"lineItem": {"data": line}}));
        assert_eq!(reply.errors(), (400, expected), "{line}");
    }
    let gone = desk.raw("DELETE", "/_sim/rows/productkititems/5", &[], b"");
    assert_eq!(gone.status, 204);
    let part = desk.get(path).body;
    assert_eq!(part["data"]["relationships"]["kitItem"]["data"], Value::Null);
    assert_eq!(part["data"]["attributes"]["kitItemLabel"], "A mug");
}

#[test]
fn a_line_outlives_its_product() {
    let desk = stocked(Desk::open());
    let gone = desk.send("DELETE", "products/1", &[("content-type", super::JSON_API)], None);
    assert_eq!(gone.status, 204);
    let line = desk.get("orderlineitems/1").body;
    assert_eq!(line["data"]["relationships"]["product"]["data"], Value::Null);
    assert_eq!(line["data"]["attributes"]["productSku"], "MUG-1");
}

#[test]
fn a_part_of_a_kit_needs_a_price_and_there_are_parts_from_5_1_3_on() {
    let desk = stocked(Desk::open());
    row(&desk, "productkititems", &json!({"id": 5}));
    let mut document = kit();
    document["included"][2]["attributes"].as_object_mut().unwrap().remove("value");
    let (title, place) = ("not blank constraint", "/included/2");
    let value = "/included/2/attributes/value";
    assert_eq!(
        desk.post("orders", &document).errors(),
        (400, vec![(title, place), (title, value)])
    );
    let kinds = ["5.1.2", "5.1.3"]
        .map(|version| Desk::of_version(version).get("orderproductkititemlineitems").status);
    assert_eq!(kinds, [404, 200]);
}

#[test]
fn an_address_of_an_order_is_a_copy_or_said_field_by_field() {
    let desk = stocked(Desk::open());
    let address = json!({"data": {"type": "customeraddresses",
        "attributes": {"street": "Kaai 1", "city": "Gent", "postalCode": "9000",
            "organization": "Acme"},
        "relationships": {"customer": {"data": {"type": "customers", "id": "1"}},
            "country": {"data": {"type": "countries", "id": "BE"}}}}});
    let source = desk.post("customeraddresses", &address).id();
    let source = json!({"customerAddress": {"data": {"type": "customeraddresses", "id": source}}});
    let said = json!({"data": {"type": "orderaddresses", "id": "1",
        "attributes": {"firstName": "Zoë", "lastName": "B", "label": null}}});
    assert_eq!(desk.patch("orderaddresses/1", &said).status, 200);
    let copied = relate(&desk, "orderaddresses/1", &source);
    assert_eq!(copied.status, 200, "{}", copied.body);
    let attributes = &copied.body["data"]["attributes"];
    assert_eq!(
        ["street", "city", "firstName", "lastName"].map(|name| attributes[name].clone()),
        [json!("Kaai 1"), json!("Gent"), Value::Null, Value::Null]
    );
    assert_eq!(copied.body["data"]["relationships"]["country"]["data"]["id"], "BE");
    let mut both = said.clone();
    both["data"]["relationships"] = source;
    let reply = desk.patch("orderaddresses/1", &both);
    assert_eq!(reply.errors(), (400, vec![("order address constraint", "")]));
}

#[test]
fn an_address_of_an_order_is_made_and_deleted_by_itself() {
    let desk = stocked(Desk::open());
    let mut address = order("", "1", "")["included"][1].clone();
    address.as_object_mut().unwrap().remove("id");
    let id = desk.post("orderaddresses", &json!({"data": address})).id();
    let to = json!({"shippingAddress": {"data": {"type": "orderaddresses", "id": id}}});
    assert_eq!(relate(&desk, "orders/1", &to).status, 200);
    let json_api = [("content-type", super::JSON_API)];
    let gone = desk.send("DELETE", &format!("orderaddresses/{id}"), &json_api, None);
    assert_eq!(gone.status, 204);
    let order = desk.get("orders/1").body;
    assert_eq!(order["data"]["relationships"]["shippingAddress"]["data"], Value::Null);
}

#[test]
fn when_an_order_was_placed_is_the_shops_word_before_6_1_2() {
    for (version, taken) in [("5.1", false), ("6.1.1", false), ("6.1.2", true)] {
        let desk = stocked(Desk::of_version(version));
        let time = "2026-01-02T03:04:05Z";
        let mut document = order("ERP-3", "1", "MUG-1");
        document["data"]["attributes"]["createdAt"] = json!(time);
        let made = desk.post("orders", &document);
        assert_eq!(made.status, 201, "{}", made.body);
        assert_eq!(made.body["data"]["attributes"]["createdAt"] == time, taken, "{version}");
        let later = json!({"data": {"type": "orders", "id": "3",
            "attributes": {"createdAt": "2026-01-03T00:00:00Z"}}});
        let kept = desk.patch("orders/3", &later).body["data"]["attributes"]["createdAt"].clone();
        assert_eq!(kept == "2026-01-03T00:00:00Z", taken, "{version}");
    }
}

#[test]
fn files_of_an_order_have_an_order_of_their_own_from_6_1_4_on() {
    for (version, there) in [("6.1.3", false), ("6.1.4", true)] {
        let desk = stocked(Desk::of_version(version));
        for id in ["8", "5"] {
            row(&desk, "files", &json!({"id": id}));
        }
        row(&desk, "orders", &json!({"id": "1", "relationships": {"documents": ["8", "5"]}}));
        let file =
            |id: &str, place: u8| json!({"type": "files", "id": id, "meta": {"sortOrder": place}});
        let order = desk.get("orders/1").body;
        let told = order["data"]["relationships"].get("documents").map(|files| &files["data"]);
        assert_eq!(told, there.then_some(&json!([file("8", 1), file("5", 2)])), "{version}");
    }
}

#[test]
fn a_status_is_told_only_with_external_status_management() {
    for managed in [true, false] {
        let desk = stocked(Desk::with(3600, managed));
        row(&desk, "orders", &json!({"id": "1", "relationships": {"status": "pending"}}));
        let told = if managed { json!("pending") } else { Value::Null };
        let order = desk.get("orders/1?include=status").body;
        assert_eq!(order["data"]["relationships"]["status"]["data"]["id"], told);
        assert_eq!(order.get("included").is_some(), managed);
        assert_eq!(desk.get("orders/1/status").body["data"]["id"], told);
        let alone = desk.get("orders/1/relationships/status").body;
        assert_eq!(alone["data"]["id"], told);
    }
}

#[test]
fn what_a_row_says_stands_where_the_shop_would_compute_it() {
    let desk = stocked(Desk::open());
    row(&desk, "orders", &json!({"id": "1", "attributes": {"totalValue": "1234"}}));
    let attributes = desk.get("orders/1").body["data"]["attributes"].clone();
    assert_eq!(
        (&attributes["totalValue"], &attributes["subtotalValue"]),
        (&json!("1234.0000"), &json!("21.0000"))
    );
}

#[test]
fn what_a_resource_offers_is_told_to_whoever_asks() {
    let desk = Desk::open();
    let reply = desk.raw("OPTIONS", "/admin/api/orders", &[("accept", super::JSON_API)], b"");
    assert_eq!(reply.status, 200);
    let head = format!("{}\r\n", reply.head);
    for header in ["allow: options, get, patch, post, delete", "vary: origin", "content-length: 0"]
    {
        assert!(head.contains(&format!("{header}\r\n")), "{header}: {head}");
    }
    assert!(head.contains("cache-control: max-age=600, public\r\n"), "{head}");
    assert_eq!(desk.raw("GET", "/admin/api/orders", &[], b"").status, 401);
}

#[test]
fn what_is_named_freely_is_none_of_the_shops_products() {
    let desk = stocked(Desk::open());
    let mut document = order("ERP-3", "1", "MUG-1");
    document["included"][0]["attributes"]["freeFormProduct"] = json!("A mug of clay");
    let reply = desk.post("orders", &document);
    assert_eq!(reply.status, 201, "{}", reply.body);
    let line = desk.get("orderlineitems/3").body;
    assert_eq!(line["data"]["relationships"]["product"]["data"], Value::Null);
    assert_eq!(line["data"]["attributes"]["productSku"], "MUG-1");
}

#[test]
fn the_text_of_a_discount_may_be_empty_and_its_share_has_a_word_of_its_own() {
    let desk = stocked(Desk::open());
    let discount = |attributes: &Value| {
        let order = json!({"order": {"data": {"type": "orders", "id": "1"}}});
        let mut row = json!({"type": "orderdiscounts", "relationships": order,
            "attributes": {"orderDiscountType": "oro_order_discount_item_type_percent"}});
        for (name, value) in attributes.as_object().unwrap() {
            row["attributes"][name] = value.clone();
        }
        desk.post("orderdiscounts", &json!({"data": row}))
    };
    for text in [json!(""), json!(null)] {
        let made = discount(&json!({"percent": 0.1, "description": text}));
        assert_eq!(made.body["data"]["attributes"]["description"], text, "{}", made.body);
    }
    let refused = discount(&json!({"percent": "a tenth"}));
    assert_eq!(refused.errors(), (400, vec![("form constraint", "/data/attributes/percent")]));
    assert_eq!(refused.body["errors"][0]["detail"], "This value is not valid.");
}

#[test]
fn an_order_of_a_fixture_without_lines_loses_its_address_all_the_same() {
    let desk = stocked(Desk::open());
    let order = json!({"id": 9, "attributes": {"identifier": "OLD"},
        "relationships": {"customer": "1", "shippingAddress": "1"}});
    row(&desk, "orders", &order);
    assert_eq!(desk.get("ordersubtotals?filter[order]=9").ids(), [""; 0]);
    let json_api = [("content-type", super::JSON_API)];
    assert_eq!(desk.send("DELETE", "orderaddresses/1", &json_api, None).status, 204);
}
