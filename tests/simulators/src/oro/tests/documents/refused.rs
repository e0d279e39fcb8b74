//! What Oro refuses, and where it says so.

use serde_json::{Value, json};

use super::{
    address, all, bottle, discount, document, fallback, part, placed, precision, to, user,
};

/// What is refused: where, what, and with which title at which place.
pub(super) type Refused = (&'static str, Value, &'static str, &'static str);

pub(super) fn customers_refused() -> Vec<Refused> {
    let existence = "new included entity existence constraint";
    let child = part("customers", "other", &json!({"name": "Other"}), &json!({}));
    let with = |relation: &str, linkage: Value| {
        document(
            "customers",
            &json!({"name": "New"}),
            &json!({relation: linkage}),
            std::slice::from_ref(&child),
        )
    };
    let mut streetless = address("a", "");
    streetless["attributes"].as_object_mut().unwrap().remove("street");
    vec![
        ("customers", with("parent", to("customers", "other")), existence, "/included/0"),
        ("customers", with("children", all("customers", &["other"])), existence, "/included/0"),
        (
            "customers",
            document("customers", &json!({"name": ""}), &json!({}), &[]),
            "not blank constraint",
            "/data/attributes/name",
        ),
        (
            "customers",
            document(
                "customers",
                &json!({"name": "New"}),
                &json!({"group": to("customergroups", "77")}),
                &[],
            ),
            "form constraint",
            "/data/relationships/group/data",
        ),
        (
            "customers",
            document(
                "customers",
                &json!({"name": "New"}),
                &json!({"addresses": all("customeraddresses", &["a"])}),
                &[streetless],
            ),
            "not blank constraint",
            "/included/0/attributes/street",
        ),
        (
            "customers",
            document(
                "customers",
                &json!({"name": "New"}),
                &json!({"addresses": all("customeraddresses", &["a"])}),
                &[address("a", "Kaai 1"), address("a", "Kaai 2")],
            ),
            "request data constraint",
            "/included/1",
        ),
    ]
}

pub(super) fn people_refused() -> Vec<Refused> {
    let user_of = |attributes: Value| user(&attributes, &json!({"customer": to("customers", "1")}));
    vec![
        (
            "customerusers",
            user_of(json!({"password": "1"})),
            "password complexity constraint",
            "/data/attributes/password",
        ),
        (
            "customerusers",
            user_of(json!({"email": "ANN@acme.example"})),
            "unique customer user name and email constraint",
            "/data/attributes/email",
        ),
        (
            "customerusers",
            user(&json!({}), &json!({"userRoles": all("customeruserroles", &["1"])})),
            "not blank constraint",
            "/data/relationships/customer/data",
        ),
    ]
}

pub(super) fn products_refused() -> Vec<Refused> {
    let upcoming = |value: Value| {
        bottle(&json!({"isUpcoming": to("entityfieldfallbackvalues", "f")}), &[value])
    };
    let nowhere = "entity field fallback value constraint";
    let text = part("localizedfallbackvalues", "text", &json!({"string": "Bidon"}), &json!({}));
    let mut texts = bottle(&json!({"names": all("localizedfallbackvalues", &["text"])}), &[text]);
    texts["included"].as_array_mut().unwrap().remove(0);
    let mut twice = fallback("f", "fallback", &json!("category"));
    twice["attributes"]["scalarValue"] = json!("1");
    vec![
        ("products", upcoming(fallback("f", "fallback", &Value::Null)), nowhere, "/included/2"),
        ("products", upcoming(twice), nowhere, "/included/2"),
        (
            "products",
            upcoming(fallback("f", "fallback", &json!("systemConfig"))),
            "related entity field fallback value constraint",
            "/data/relationships/isUpcoming/data",
        ),
        (
            "products",
            bottle(
                &json!({"unitPrecisions": all("productunitprecisions", &["unit", "again"])}),
                &[precision("again", "bottle")],
            ),
            "form constraint",
            "/data/relationships/unitPrecisions/data",
        ),
        ("products", texts, "form constraint", "/data/relationships/names/data/0"),
        (
            "products",
            bottle(&json!({"category": to("categories", "9")}), &[]),
            "form constraint",
            "/data/relationships/category/data",
        ),
    ]
}

pub(super) fn orders_refused() -> Vec<Refused> {
    let with = |discounts: &[Value]| {
        let ids: Vec<&str> =
            discounts.iter().map(|discount| discount["id"].as_str().unwrap()).collect();
        placed(&json!({}), &json!({"discounts": all("orderdiscounts", &ids)}), discounts)
    };
    let mut odd = discount("d", "amount", "amount", &json!(5));
    odd["attributes"]["orderDiscountType"] = json!("gift");
    let mut big = discount("d", "percent", "percent", &json!(1.2));
    big["attributes"]["description"] = json!("Too much");
    vec![
        (
            "orders",
            with(&[odd]),
            "discount type constraint",
            "/included/1/attributes/orderDiscountType",
        ),
        (
            "orders",
            with(&[discount("d", "amount", "percent", &json!(0.1))]),
            "not blank constraint",
            "/included/1/attributes/amount",
        ),
        (
            "orders",
            with(&[discount("d", "percent", "amount", &json!(1))]),
            "not blank constraint",
            "/included/1/attributes/percent",
        ),
        ("orders", with(&[big]), "range constraint", "/included/1/attributes/percent"),
        (
            "orders",
            with(&[
                discount("d1", "amount", "amount", &json!(50)),
                discount("d2", "amount", "amount", &json!(11)),
            ]),
            "discounts constraint",
            "/included/1/relationships/order/data",
        ),
        (
            "orders",
            placed(
                &json!({}),
                &json!({"customerUser": to("customerusers", "1"), "customer": to("customers", "2")}),
                &[],
            ),
            "customer owner constraint",
            "",
        ),
        (
            "orders",
            placed(&json!({"currency": null}), &json!({}), &[]),
            "not blank constraint",
            "/data/attributes/currency",
        ),
        (
            "orders",
            placed(&json!({}), &json!({"lineItems": all("orderlineitems", &["1"])}), &[]),
            "request data constraint",
            "/included/0",
        ),
    ]
}
