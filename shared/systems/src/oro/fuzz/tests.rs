//! The fuzzer's entry points on documents that are nearly Oro's.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::{answers, page, webhook};
use crate::damaged::damaged;

const KINDS: [&str; 14] = [
    "orders",
    "customers",
    "customerusers",
    "customeraddresses",
    "customergroups",
    "inventorylevels",
    "products",
    "productunits",
    "productunitprecisions",
    "productprices",
    "pricelists",
    "orderlineitems",
    "orderaddresses",
    "asyncoperations",
];
const FIELDS: [&str; 40] = [
    "identifier",
    "externalId",
    "name",
    "email",
    "firstName",
    "lastName",
    "street",
    "city",
    "postalCode",
    "label",
    "types",
    "createdAt",
    "updatedAt",
    "currency",
    "totalValue",
    "quantity",
    "price",
    "value",
    "sku",
    "productSku",
    "rates",
    "dbId",
    "status",
    "summary",
    "progress",
    "customer",
    "customerUser",
    "users",
    "addresses",
    "group",
    "lineItems",
    "billingAddress",
    "country",
    "region",
    "product",
    "primaryUnitPrecision",
    "productUnitPrecision",
    "unit",
    "priceList",
    "internalStatus",
];
const MEMBERS: [&str; 14] = [
    "data",
    "included",
    "errors",
    "removed",
    "type",
    "id",
    "meta",
    "dataId",
    "source",
    "pointer",
    "title",
    "detail",
    "topic",
    "eventData",
];

const WORDS: [&str; 20] = [
    "",
    " ",
    "0",
    "-1",
    "7",
    "1.50",
    "1.0e-7",
    "99999999999999999999",
    "C-1",
    "a,b",
    "billing",
    "2026-10-25T01:30:00Z",
    "9999-12-31T23:59:59Z",
    "not_shipped",
    "success",
    "item",
    "EUR",
    "order.updated",
    "/data/0/attributes/sku",
    "Łódź 🫖",
];

fn samples() -> Vec<String> {
    let linked = |kind: &str, id: &str| json!({"data": {"type": kind, "id": id}});
    let documents = [
        json!({"data": [
            {"type": "orders", "id": "1", "attributes": {"identifier": "W-1", "currency": "EUR",
             "createdAt": "2026-10-25T01:30:00Z", "updatedAt": "2026-10-25T01:30:00Z",
             "totalValue": "21.0000", "subtotalValue": "21.0000"},
             "relationships": {"customer": linked("customers", "5"),
             "lineItems": {"data": [{"type": "orderlineitems", "id": "2"}]}}},
            {"type": "orders", "id": "2", "attributes": {"identifier": 7}}],
          "included": [
            {"type": "customers", "id": "5", "attributes": {"externalId": "C-1", "name": "Acme"}},
            {"type": "orderlineitems", "id": "2", "attributes": {"productSku": "CUP", "quantity": 2,
             "value": "10.5000", "currency": "EUR"}}]}),
        json!({"data": [{"type": "customers", "id": "7", "attributes": {"externalId": "C-1",
            "name": "Acme", "updatedAt": "2026-10-25T01:30:00Z"},
            "relationships": {"addresses": {"data": [{"type": "customeraddresses", "id": "8"}]},
            "users": {"data": [{"type": "customerusers", "id": "9"}]}}},
            {"type": "customers", "id": "8", "attributes": {"externalId": null}}],
          "included": [{"type": "customeraddresses", "id": "8", "attributes": {"street": "1 Rd",
            "types": [{"addressType": "billing", "default": true}]},
            "relationships": {"country": linked("countries", "GB")}},
            {"type": "customerusers", "id": "9", "attributes": {"email": "jo@acme.example"}}]}),
        json!({"data": [{"type": "inventorylevels", "id": "3", "attributes": {"quantity": "17"},
            "relationships": {"product": linked("products", "4"),
            "productUnitPrecision": linked("productunitprecisions", "6")}}],
          "included": [{"type": "products", "id": "4", "attributes": {"sku": "CUP"},
            "relationships": {"primaryUnitPrecision": linked("productunitprecisions", "6")}}]}),
        json!({"data": {"type": "asyncoperations", "id": "5", "attributes": {"status": "failed",
            "summary": {"createCount": 1, "errorCount": 1}}}}),
        json!({"errors": [{"status": "400", "title": "unique entity constraint"},
            {"status": 409, "title": "conflict constraint", "detail": "The entity already exists.",
             "source": {"pointer": "/data/0/attributes/externalId"}}]}),
        json!({"removed": [{"id": "7", "known_as": "C-1"}]}),
        json!({"topic": "order.updated", "messageId": "m", "eventData": {"data":
            {"type": "orders", "id": "12"}}}),
    ];
    documents.iter().map(Value::to_string).collect()
}

fn all(body: &[u8]) {
    page(body);
    webhook(body);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    answers(body);
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(&WORDS[..]).prop_map(Value::from),
    ]
}

/// A reference or a few.
fn linkage() -> impl Strategy<Value = Value> {
    let one = (select(&KINDS[..]), 1_u8..4)
        .prop_map(|(kind, id)| json!({"type": kind, "id": id.to_string()}));
    let many = vec(one.clone(), 0..3).prop_map(Value::from);
    prop_oneof![one, many, scalar()].prop_map(|data| json!({ "data": data }))
}

fn resource() -> impl Strategy<Value = Value> {
    let attributes = vec((select(&FIELDS[..]), scalar()), 0..8);
    let relations = vec((select(&FIELDS[..]), linkage()), 0..5);
    (select(&KINDS[..]), 1_u8..4, attributes, relations).prop_map(
        |(kind, id, attributes, relations)| {
            let object = |pairs: Vec<(&str, Value)>| -> Map<String, Value> {
                pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            };
            json!({"type": kind, "id": id.to_string(), "attributes": object(attributes),
                "relationships": object(relations)})
        },
    )
}

/// Oro's own members and rows in any order.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![3 => resource(), 1 => scalar()];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let list = vec(inner.clone(), 0..4).prop_map(Value::from);
        let object = vec((select(&MEMBERS[..]), inner), 0..4).prop_map(|pairs| {
            pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
        });
        prop_oneof![list, object.prop_map(Value::Object)]
    })
}

/// A list of rows, with others beside them: what most answers are.
fn listed() -> impl Strategy<Value = Value> {
    (vec(resource(), 0..5), vec(resource(), 0..5))
        .prop_map(|(rows, beside)| json!({"data": rows, "included": beside}))
}

#[test]
fn known_documents_keep_every_promise() {
    for sample in samples() {
        all(sample.as_bytes());
    }
}

proptest! {
    #[test]
    fn documents_of_its_own_words_keep_every_promise(document in document()) {
        all(document.to_string().as_bytes());
    }

    #[test]
    fn lists_of_its_own_rows_keep_every_promise(document in listed()) {
        all(document.to_string().as_bytes());
    }

    #[test]
    fn damaged_documents_keep_every_promise(body in damaged(samples())) {
        all(&body);
    }

    #[test]
    fn any_bytes_keep_every_promise(body in vec(any::<u8>(), 0..200)) {
        all(&body);
    }
}
