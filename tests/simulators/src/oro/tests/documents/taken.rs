//! What Oro takes.

use serde_json::{Value, json};

use super::{
    address, all, bottle, discount, document, fallback, included_user, line, named, part, placed,
    precision, to, user,
};

pub(super) fn customers_taken() -> Vec<(&'static str, Value)> {
    let whole = json!({"parent": to("customers", "1"), "owner": to("users", "1"), "organization": to("organizations", "1"),
        "salesRepresentatives": all("users", &["1"]), "internal_rating": to("customerratings", "1_of_5"),
        "group": to("customergroups", "1"), "taxCode": to("customertaxcodes", "1"), "paymentTerm": to("paymentterms", "1")});
    let mut with_user =
        document("customers", &json!({"name": "New"}), &json!({}), &[included_user("u", "c")]);
    with_user["data"]["id"] = json!("c");
    let mut owner = user(&json!({}), &json!({"customer": to("customers", "c")}));
    owner["included"] = json!([part("customers", "c", &json!({"name": "New"}), &json!({}))]);
    vec![
        ("customers", document("customers", &json!({"name": "New"}), &json!({}), &[])),
        ("customers", document("customers", &json!({"name": "New"}), &whole, &[])),
        ("customers", with_user),
        (
            "customers",
            document(
                "customers",
                &json!({"name": "New"}),
                &json!({"addresses": all("customeraddresses", &["a"])}),
                &[address("a", "Kaai 1")],
            ),
        ),
        (
            "customers",
            document(
                "customers",
                &json!({"name": "New"}),
                &json!({"children": all("customers", &["2"])}),
                &[],
            ),
        ),
        ("customerusers", user(&json!({}), &json!({"customer": to("customers", "1")}))),
        (
            "customerusers",
            user(&json!({"password": null}), &json!({"customer": to("customers", "1")})),
        ),
        (
            "customerusers",
            user(&json!({"password": ""}), &json!({"customer": to("customers", "1")})),
        ),
        (
            "customerusers",
            user(
                &json!({"password": "correct horse"}),
                &json!({"customer": to("customers", "1"),
            "userRoles": all("customeruserroles", &["1"]), "website": to("websites", "1")}),
            ),
        ),
        ("customerusers", owner),
        ("customeruseraddresses", {
            let mut own = address("x", "Kaai 2");
            own["type"] = json!("customeruseraddresses");
            own["relationships"]["customerUser"] = to("customerusers", "1");
            own.as_object_mut().unwrap().remove("id");
            json!({"data": own})
        }),
        (
            "customergroups",
            document(
                "customergroups",
                &json!({"name": "Gold"}),
                &json!({"taxCode": to("customertaxcodes", "1")}),
                &[],
            ),
        ),
    ]
}

pub(super) fn products_taken() -> Vec<(&'static str, Value)> {
    let slug = |id: &str, text: Value, language: Value| {
        part(
            "localizedfallbackvalues",
            id,
            &json!({"fallback": null, "string": text, "text": null}),
            &json!({"localization": {"data": language}}),
        )
    };
    let polish = json!({"type": "localizations", "id": "2"});
    vec![
        ("products", bottle(&json!({}), &[])),
        (
            "products",
            bottle(
                &json!({"inventory_status": to("prodinventorystatuses", "out_of_stock"),
            "owner": to("businessunits", "1"), "organization": to("organizations", "1"),
            "category": to("categories", "2"), "taxCode": to("producttaxcodes", "1")}),
                &[],
            ),
        ),
        (
            "products",
            bottle(
                &json!({"names": all("productnames", &["name", "pl"])}),
                &[named("pl", "Bidon", &polish)],
            ),
        ),
        (
            "products",
            bottle(
                &json!({"slugPrototypes": all("localizedfallbackvalues", &["s1", "s2"])}),
                &[slug("s1", json!("bidon"), Value::Null), slug("s2", Value::Null, polish.clone())],
            ),
        ),
        (
            "products",
            bottle(
                &json!({"unitPrecisions": all("productunitprecisions", &["second"])}),
                &[precision("second", "crate")],
            ),
        ),
        (
            "products",
            bottle(
                &json!({"manageInventory": to("entityfieldfallbackvalues", "f1"),
            "backOrder": to("entityfieldfallbackvalues", "f2"), "minimumQuantityToOrder": to("entityfieldfallbackvalues", "f3"),
            "isUpcoming": to("entityfieldfallbackvalues", "f4"), "pageTemplate": to("entityfieldfallbackvalues", "f5")}),
                &[
                    fallback("f1", "fallback", &json!("systemConfig")),
                    fallback("f2", "scalarValue", &json!(0)),
                    fallback("f3", "scalarValue", &json!("12")),
                    fallback("f4", "fallback", &json!("category")),
                    fallback("f5", "scalarValue", &json!("wide")),
                ],
            ),
        ),
    ]
}

pub(super) fn orders_taken() -> Vec<(&'static str, Value)> {
    let person = json!({"customerUser": to("customerusers", "1")});
    let paper = part(
        "files",
        "paper",
        &json!({"mimeType": "text/plain", "originalFilename": "a.txt", "content": "YQ=="}),
        &json!({}),
    );
    let mut kept = all("files", &["paper"]);
    kept["data"][0]["meta"] = json!({"sortOrder": 1});
    let tracking =
        part("ordershippingtrackings", "t", &json!({"method": "DHL", "number": "A1"}), &json!({}));
    vec![
        ("orders", placed(&json!({}), &json!({}), &[])),
        (
            "orders",
            placed(
                &json!({"identifier": "N-1", "poNumber": "77", "shipUntil": "2027-01-02",
            "createdAt": "2026-01-02T03:04:05Z", "updatedAt": "2026-01-02T03:04:05Z", "external": true}),
                &person,
                &[],
            ),
        ),
        (
            "orders",
            placed(
                &json!({}),
                &json!({"status": to("orderstatuses", "open"), "createdBy": to("users", "1"),
            "organization": to("organizations", "1"), "shippingStatus": to("ordershippingstatuses", "shipped")}),
                &[],
            ),
        ),
        ("orders", placed(&json!({}), &json!({"documents": kept}), &[paper])),
        (
            "orders",
            placed(
                &json!({}),
                &json!({"paymentTerm": to("paymentterms", "1"), "source": {"data": null},
            "orderSubtotals": {"data": []}}),
                &[],
            ),
        ),
        (
            "orders",
            placed(
                &json!({}),
                &json!({"discounts": all("orderdiscounts", &["d1", "d2"])}),
                &[
                    discount("d1", "amount", "amount", &json!("15.0000")),
                    discount("d2", "percent", "percent", &json!(0.1)),
                ],
            ),
        ),
        (
            "orders",
            placed(
                &json!({}),
                &json!({"shippingTrackings": all("ordershippingtrackings", &["t"])}),
                &[tracking],
            ),
        ),
        (
            "orders",
            placed(
                &json!({}),
                &json!({"lineItems": all("orderlineitems", &["line", "second"])}),
                &[line("second", &json!("mug-1"))],
            ),
        ),
    ]
}

pub(super) fn discounts_taken() -> Vec<(&'static str, Value)> {
    vec![("orderdiscounts", {
        let mut own = discount("x", "percent", "percent", &json!(0.2));
        own["relationships"] = json!({"order": to("orders", "1")});
        own.as_object_mut().unwrap().remove("id");
        json!({"data": own})
    })]
}
