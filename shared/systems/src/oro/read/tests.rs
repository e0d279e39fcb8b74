use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::oro::scripted::row;

fn record(body: &[u8]) -> Record<'_> {
    Record {
        endpoint: ORDERS,
        scope: None,
        message_id: None,
        received_at: Timestamp::UNIX_EPOCH,
        as_of: None,
        first_line: 1,
        body,
    }
}

fn read_all(record: &Record<'_>) -> Vec<Item> {
    read(record, "shop")
}

fn order(identifier: &str) -> Value {
    row(
        "orders",
        "41",
        json!({
            "identifier": identifier, "poNumber": "PO-7", "currency": "EUR",
            "createdAt": "2026-11-20T08:00:00Z", "updatedAt": "2026-11-22T09:15:01Z",
            "customerNotes": "Ring twice", "shippingMethod": "flat_rate_1",
            "estimatedShippingCostAmount": "4.9000", "subtotalValue": "31.5000",
            "totalValue": "36.4000", "totalDiscountsAmount": null, "external": false,
            "shipUntil": null, "sourceEntityIdentifier": "Q-1"
        }),
        json!({
            "customer": {"type": "customers", "id": "5"},
            "customerUser": {"type": "customerusers", "id": "9"},
            "billingAddress": {"type": "orderaddresses", "id": "20"},
            "shippingAddress": null,
            "lineItems": [{"type": "orderlineitems", "id": "31"}]
        }),
    )
}

fn page(orders: &[Value]) -> Value {
    json!({"data": orders, "included": [
        row("customers", "5", json!({"name": "Acme", "externalId": "C-1001"}), Value::Null),
        row("customerusers", "9", json!({"firstName": "Jo", "lastName": "Li", "email": "jo@acme.example"}), Value::Null),
        row("orderaddresses", "20",
            json!({"organization": "Acme", "street": "1 Rd", "city": "York", "postalCode": "YO1", "phone": null}),
            json!({"country": {"type": "countries", "id": "GB"}})),
        row("orderlineitems", "31",
            json!({"productSku": "SKU-1", "productName": "Cup", "quantity": 3, "value": "10.5000", "productUnitCode": "item"}),
            Value::Null),
        row("orderlineitems", "99", json!({"productSku": "SOMEBODY-ELSE"}), Value::Null),
    ]})
}

fn bad(document: &Value) -> BadItem {
    let body = document.to_string();
    let mut items = read_all(&record(body.as_bytes()));
    items.pop().unwrap().draft.unwrap_err()
}

#[test]
fn an_order_becomes_a_part_on_the_shops_own_clock() {
    let body = page(&[order("WEB-1")]).to_string();
    let items = read_all(&record(body.as_bytes()));
    let [Item { pointer, draft: Ok(Draft::Part(draft)) }] = items.as_slice() else {
        panic!("{items:?}")
    };
    assert_eq!(pointer, "/data/0");
    assert_eq!(draft.source_id.as_deref(), Some("41"));
    assert_eq!(draft.sequence, Sequence(1_795_338_901_000_000));
    assert_eq!(draft.clock, Clock::named("updated-at"));
    assert_eq!(draft.time, Some("2026-11-22T09:15:01Z".parse().unwrap()));
    let part: Value = serde_json::from_str(&draft.part.to_json()).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&part).unwrap(), @r#"
    {
      "identifier": "WEB-1",
      "placed_at": "2026-11-20T08:00:00Z",
      "currency": "EUR",
      "purchase_order_number": "PO-7",
      "customer": {
        "number": "C-1001",
        "name": "Acme",
        "email": "jo@acme.example"
      },
      "billing_address": {
        "kinds": [
          "billing"
        ],
        "company": "Acme",
        "street": "1 Rd",
        "city": "York",
        "postcode": "YO1",
        "country": "GB"
      },
      "lines": [
        {
          "number": 1,
          "sku": "SKU-1",
          "name": "Cup",
          "quantity": "3",
          "unit": "item",
          "unit_price": "10.5",
          "total": "31.5",
          "reference": "31"
        }
      ],
      "shipping": {
        "code": "flat_rate_1",
        "price": "4.9"
      },
      "totals": {
        "subtotal": "31.5",
        "total": "36.4"
      },
      "notes": "Ring twice",
      "extensions": {
        "oro": {
          "external": false,
          "sourceEntityIdentifier": "Q-1"
        }
      }
    }
    "#);
}

#[test]
fn one_bad_order_names_its_field_and_can_be_sent_again_alone() {
    let mut broken = order("WEB-2");
    broken["attributes"]["currency"] = json!("euro");
    let body = page(&[order("WEB-1"), broken]).to_string();
    let items = read_all(&record(body.as_bytes()));
    assert!(items[0].draft.is_ok());
    assert_eq!(items[1].pointer, "/data/1");
    let bad = items[1].draft.as_ref().unwrap_err();
    assert_eq!(bad.kind, FailureKind::Validation);
    assert_eq!(bad.detail, "currency: expected an ISO 4217 currency such as EUR");
    assert_eq!(bad.key.as_deref(), Some("WEB-2"));
    let fragment = String::from_utf8(bad.fragment.clone()).unwrap();
    assert!(!fragment.contains("SOMEBODY-ELSE"));
    let mended = fragment.replace("\"euro\"", "\"EUR\"");
    assert!(read_all(&record(mended.as_bytes()))[0].draft.is_ok());
}

#[test]
fn a_fragment_is_cut_byte_for_byte() {
    let body = br#"{ "data" : [ {"type":"orders", "id" : "1","attributes":{"updatedAt":"x", "totalValue":1.10},
        "relationships":{"customer":{"data":{"type":"customers","id":"5"}}}} ],
        "included":[{ "id":"5",  "type":"customers","attributes":{"name":"\u00e9"}}] }"#;
    let items = read_all(&record(body));
    let fragment = &items[0].draft.as_ref().unwrap_err().fragment;
    let text = std::str::from_utf8(fragment).unwrap();
    assert!(text.contains(r#"{"updatedAt":"x", "totalValue":1.10}"#));
    assert!(text.contains(r#"{ "id":"5",  "type":"customers","attributes":{"name":"\u00e9"}}"#));
}

#[test]
fn every_missing_piece_is_named_with_what_was_expected() {
    let without = |pointer: &str| {
        let mut page = page(&[order("WEB-1")]);
        *page.pointer_mut(pointer).unwrap() = Value::Null;
        bad(&page).detail
    };
    for (pointer, field) in [
        ("/data/0/attributes/identifier", "identifier: "),
        ("/data/0/attributes/updatedAt", "updatedAt: "),
        ("/data/0/attributes/createdAt", "createdAt: "),
        ("/data/0/relationships/lineItems", "lineItems: "),
        ("/included/3", "lineItems[1]: "),
        ("/included/3/attributes/quantity", "lineItems[1].quantity: "),
        ("/included/3/attributes/value", "lineItems[1].value: "),
        ("/included/3/attributes/productSku", "lineItems[1].productSku: "),
        ("/included/2/attributes/street", "billingAddress.street: "),
        ("/included/2/relationships/country", "billingAddress.country: "),
        ("/included/2", "billingAddress: "),
    ] {
        let detail = without(pointer);
        assert!(detail.starts_with(field) && detail.contains("expected"), "{pointer}: {detail}");
    }
}

#[test]
fn what_is_no_document_is_one_bad_item_with_all_of_it() {
    for body in ["", "{", "[]", "null", "{\"errors\":[]}", "<html>"] {
        let items = read_all(&record(body.as_bytes()));
        let [Item { pointer, draft: Err(bad) }] = items.as_slice() else { panic!("{items:?}") };
        assert_eq!((pointer.as_str(), bad.kind), ("", FailureKind::Parse));
        assert_eq!(bad.fragment, body.as_bytes());
    }
    assert!(read_all(&record(b"{\"data\":[]}")).is_empty());
}

#[test]
fn a_document_nested_without_end_is_refused_and_not_followed() {
    let depth = 100_000;
    let nest = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let body =
        format!(r#"{{"data":[{{"type":"orders","attributes":{nest}}}],"included":[{nest}]}}"#);
    let items = read_all(&record(body.as_bytes()));
    assert_eq!(items[0].draft.as_ref().unwrap_err().kind, FailureKind::Parse);
}

#[test]
fn resources_that_name_each_other_are_added_once() {
    let mut page = page(&[order("WEB-1")]);
    page["data"][0]["attributes"]["currency"] = Value::Null;
    let loops = json!({"orders": {"data": [{"type": "orderlineitems", "id": "31"}]}});
    page["included"][3]["relationships"] = loops;
    let fragment: Value = serde_json::from_slice(&bad(&page).fragment).unwrap();
    assert_eq!(fragment["included"].as_array().unwrap().len(), 4);
}

proptest! {
    #[test]
    fn no_document_panics(place in 0_usize..14, value in prop_oneof![
        Just(json!(null)), Just(json!([])), Just(json!({})), Just(json!("x")), Just(json!(-1)),
        Just(json!([[null]])), Just(json!("9".repeat(40))), Just(json!(1e300)),
    ]) {
        let mut page = page(&[order("WEB-1")]);
        let pointer = [
            "", "/data", "/data/0", "/data/0/attributes", "/data/0/relationships", "/included",
            "/data/0/relationships/lineItems/data", "/data/0/relationships/lineItems",
            "/included/3", "/included/3/attributes", "/included/3/attributes/quantity",
            "/included/3/attributes/value", "/included/2/relationships/country/data",
            "/data/0/attributes/totalValue",
        ][place];
        *page.pointer_mut(pointer).unwrap() = value;
        let body = page.to_string();
        for item in read_all(&record(body.as_bytes())) {
            if let Err(bad) = item.draft {
                prop_assert!(serde_json::from_slice::<Value>(&bad.fragment).is_ok());
            }
        }
    }

    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&record(&body));
    }
}
