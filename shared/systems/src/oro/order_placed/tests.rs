use std::sync::Arc;

use ferry_canonical::{Facet, Part};
use ferry_http::{HttpError, Response};
use serde_json::json;

use super::*;
use crate::oro::{
    Oro,
    scripted::{Ledger, Shop, answer, errors, keyless, oro, row, write},
};

type Answer = (String, Result<Response, HttpError>);

fn part() -> Part {
    let address = json!({"first_name": "Jo", "last_name": "Li", "street": "1 Rd", "city": "York",
        "postcode": "YO1", "country": "GB"});
    let order = json!({
        "identifier": "ERP-7", "placed_at": "2026-11-20T08:00:00.25Z", "currency": "EUR",
        "purchase_order_number": "77", "customer": {"number": "C-1", "email": "Jo@acme.example"},
        "billing_address": address, "shipping_address": address,
        "lines": [
            {"number": 1, "sku": "CUP", "quantity": "2", "unit_price": "10.50", "total": "21.00"},
            {"number": 2, "sku": "TEA", "quantity": "0.5", "unit": "kg", "unit_price": "8",
             "total": "4.00", "comment": "loose"}],
        "shipping": {"price": "4.90"}, "notes": "Ring twice",
        "totals": {"subtotal": "25.00", "total": "27.90", "discount": "2.00"}
    });
    Part::from_json(Facet::Placed, order.to_string().as_bytes()).unwrap()
}

fn customers() -> Answer {
    let customer = row("customers", "5", json!({"externalId": "C-1"}), Value::Null);
    answer("GET /customers?filter[externalId]=C-1", 200, &json!({"data": [customer]}))
}

/// The people of the customer.
fn users() -> Answer {
    users_of("5", &[("8", "li@acme.example"), ("9", "jo@acme.example")])
}

fn users_of(customer: &str, users: &[(&str, &str)]) -> Answer {
    let user = |(id, email): &(&str, &str)| {
        let of = json!({"customer": {"type": "customers", "id": customer}});
        row("customerusers", id, json!({ "email": email }), of)
    };
    let users: Vec<Value> = users.iter().map(user).collect();
    let request = format!("GET /customerusers?filter[customer]={customer}&sort");
    answer(&request, 200, &json!({ "data": users }))
}

fn made() -> Answer {
    let order = row("orders", "41", json!({"totalValue": "27.9000"}), Value::Null);
    answer("POST /orders", 201, &json!({ "data": order }))
}

/// The order as the shop has it; `change` makes it otherwise.
fn there(request: &str, change: impl Fn(&mut Value)) -> Answer {
    let linked = |kind: &str, id: &str| json!({"type": kind, "id": id});
    let order = row(
        "orders",
        "41",
        json!({"identifier": "ERP-7", "poNumber": "77", "currency": "EUR", "customerNotes": "Ring twice",
            "createdAt": "2026-11-20T08:00:00Z", "overriddenShippingCostAmount": "4.9000",
            "totalValue": "27.9000"}),
        json!({"customer": linked("customers", "5"), "customerUser": linked("customerusers", "9"),
            "lineItems": [linked("orderlineitems", "1"), linked("orderlineitems", "2")],
            "billingAddress": linked("orderaddresses", "3"),
            "shippingAddress": linked("orderaddresses", "4"),
            "discounts": [linked("orderdiscounts", "6")]}),
    );
    let line = |id: &str, sku: &str, quantity: f64, value: &str, unit: &str, comment: Value| {
        row(
            "orderlineitems",
            id,
            json!({"productSku": sku, "quantity": quantity, "value": value, "currency": "EUR",
                "comment": comment}),
            json!({"productUnit": linked("productunits", unit)}),
        )
    };
    let address = |id: &str| {
        row(
            "orderaddresses",
            id,
            json!({"firstName": "Jo", "lastName": "Li", "street": "1 Rd", "city": "York",
                "postalCode": "YO1", "organization": null}),
            json!({"country": linked("countries", "GB"), "region": null}),
        )
    };
    let discount = json!({"description": "Discount of the order's source",
        "orderDiscountType": "oro_order_discount_item_type_amount", "amount": "2.0000"});
    let mut document = json!({"data": order, "included": [
        line("1", "cup", 2.0, "10.5000", "item", Value::Null),
        line("2", "TEA", 0.5, "8.0000", "kg", json!("loose")),
        address("3"), address("4"),
        row("orderdiscounts", "6", discount, Value::Null)]});
    change(&mut document);
    answer(request, 200, &document)
}

async fn applied(
    shop: &Arc<Shop>,
    oro: &Oro,
    part: &Part,
    id: Option<&str>,
) -> Result<Applied, Failure> {
    let subject = part.subject();
    let write = Write { target_id: id, ..write(&subject, part) };
    oro.apply(&shop.conversation(), &[write]).await.pop().unwrap()
}

#[tokio::test]
async fn an_order_is_placed_with_its_lines_addresses_and_discount() {
    let shop = Shop::answering([customers(), users(), made()]);
    let applied = applied(&shop, &oro(), &part(), None).await.unwrap();
    let made = Applied {
        effect: Effect::Created,
        target_id: Some("41".to_owned()),
        warning: None,
        rule: None,
    };
    assert_eq!(applied, made);
    insta::assert_snapshot!(shop.written().join("\n"), @r#"POST /orders {"data":{"type":"orders","attributes":{"poNumber":"77","customerNotes":"Ring twice","createdAt":"2026-11-20T08:00:00Z","identifier":"ERP-7","currency":"EUR","disablePromotions":true,"external":true,"overriddenShippingCostAmount":"4.9"},"relationships":{"customer":{"data":{"type":"customers","id":"5"}},"customerUser":{"data":{"type":"customerusers","id":"9"}},"lineItems":{"data":[{"type":"orderlineitems","id":"new-line-0"},{"type":"orderlineitems","id":"new-line-1"}]},"billingAddress":{"data":{"type":"orderaddresses","id":"new-billingAddress"}},"shippingAddress":{"data":{"type":"orderaddresses","id":"new-shippingAddress"}},"discounts":{"data":[{"type":"orderdiscounts","id":"new-discount"}]}}},"included":[{"type":"orderlineitems","id":"new-line-0","attributes":{"productSku":"CUP","quantity":2,"value":"10.5","currency":"EUR"},"relationships":{"productUnit":{"data":{"type":"productunits","id":"item"}}}},{"type":"orderlineitems","id":"new-line-1","attributes":{"productSku":"TEA","quantity":0.5,"value":"8","currency":"EUR","comment":"loose"},"relationships":{"productUnit":{"data":{"type":"productunits","id":"kg"}}}},{"type":"orderaddresses","id":"new-billingAddress","attributes":{"organization":null,"firstName":"Jo","lastName":"Li","street":"1 Rd","street2":null,"city":"York","postalCode":"YO1","phone":null,"customRegion":null},"relationships":{"country":{"data":{"type":"countries","id":"GB"}},"region":{"data":null}}},{"type":"orderaddresses","id":"new-shippingAddress","attributes":{"organization":null,"firstName":"Jo","lastName":"Li","street":"1 Rd","street2":null,"city":"York","postalCode":"YO1","phone":null,"customRegion":null},"relationships":{"country":{"data":{"type":"countries","id":"GB"}},"region":{"data":null}}},{"type":"orderdiscounts","id":"new-discount","attributes":{"description":"Discount of the order's source","orderDiscountType":"oro_order_discount_item_type_amount","amount":"2"}}]}"#);
}

#[tokio::test]
async fn what_is_so_already_is_not_written() {
    let shop = Shop::answering([customers(), users(), there("GET /orders/41", |_| {})]);
    let applied = applied(&shop, &oro(), &part(), Some("41")).await.unwrap();
    assert_eq!(applied.effect, Effect::AlreadySo);
    assert_eq!(shop.written(), [""; 0]);
}

#[tokio::test]
async fn a_changed_line_is_changed_in_place_and_the_list_stays_whole() {
    let change = |document: &mut Value| {
        document["included"][0]["attributes"]["quantity"] = json!(3);
        document["included"][2]["attributes"]["city"] = json!("Leeds");
        document["included"][4]["attributes"]["amount"] = json!("1.0000");
        document["data"]["attributes"]["poNumber"] = json!("76");
    };
    let shop = Shop::answering([
        customers(),
        users(),
        there("GET /orders/41", change),
        there("PATCH /orders/41", |_| {}),
    ]);
    let applied = applied(&shop, &oro(), &part(), Some("41")).await.unwrap();
    assert_eq!(applied.effect, Effect::Updated);
    insta::assert_snapshot!(shop.written().join("\n"), @r#"PATCH /orders/41 {"data":{"type":"orders","id":"41","attributes":{"poNumber":"77"},"relationships":{"lineItems":{"data":[{"type":"orderlineitems","id":"1"},{"type":"orderlineitems","id":"2"}]},"billingAddress":{"data":{"type":"orderaddresses","id":"new-billingAddress"}},"discounts":{"data":[{"type":"orderdiscounts","id":"6"}]}}},"included":[{"type":"orderlineitems","id":"1","meta":{"update":true},"attributes":{"quantity":2}},{"type":"orderaddresses","id":"new-billingAddress","attributes":{"organization":null,"firstName":"Jo","lastName":"Li","street":"1 Rd","street2":null,"city":"York","postalCode":"YO1","phone":null,"customRegion":null},"relationships":{"country":{"data":{"type":"countries","id":"GB"}},"region":{"data":null}}},{"type":"orderdiscounts","id":"6","meta":{"update":true},"attributes":{"amount":"2"}}]}"#);
}

#[tokio::test]
async fn a_line_that_the_source_took_off_is_left_out_of_the_list() {
    let change = |document: &mut Value| {
        let more = json!({"type": "orderlineitems", "id": "7"});
        document["data"]["relationships"]["lineItems"]["data"].as_array_mut().unwrap().push(more);
        let mut line = document["included"][1].clone();
        line["id"] = json!("7");
        document["included"].as_array_mut().unwrap().push(line);
    };
    let shop = Shop::answering([
        customers(),
        users(),
        there("GET /orders/41", change),
        there("PATCH /orders/41", |_| {}),
    ]);
    applied(&shop, &oro(), &part(), Some("41")).await.unwrap();
    insta::assert_snapshot!(shop.written().join("\n"), @r#"PATCH /orders/41 {"data":{"type":"orders","id":"41","relationships":{"lineItems":{"data":[{"type":"orderlineitems","id":"1"},{"type":"orderlineitems","id":"2"}]}}}}"#);
}

#[tokio::test]
async fn an_order_whose_customer_is_not_there_names_it() {
    let nobody = answer("GET /customers?filter[externalId]=C-1", 200, &json!({"data": []}));
    let shop = Shop::answering([nobody]);
    let failure = applied(&shop, &oro(), &part(), None).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::MissingReference);
    assert_eq!(failure.detail, "customer `C-1` is not in the shop");
    assert_eq!(failure.missing.unwrap().to_string(), "customer/C-1");
    // A shop that knows no numbers is not asked.
    let failure = applied(&Shop::answering([]), &keyless(), &part(), None).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::MissingReference);
}

#[tokio::test]
async fn an_order_without_a_customer_is_refused_by_us() {
    for number in [None, Some(" ".to_owned())] {
        let Part::OrderPlaced(mut order) = part() else { unreachable!() };
        order.customer.number = number;
        let shop = Shop::answering([]);
        let failure = applied(&shop, &oro(), &Part::OrderPlaced(order), None).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Validation);
        assert!(failure.detail.starts_with("customer.number: "), "{}", failure.detail);
    }
}

#[tokio::test]
async fn one_that_is_there_after_all_is_found_by_its_identifier_and_changed() {
    let change = |document: &mut Value| {
        document["data"] = json!([document["data"]]);
        document["data"][0]["attributes"]["customerNotes"] = Value::Null;
    };
    let shop = Shop::answering([
        customers(),
        users(),
        errors("POST /orders", 400, "unique entity constraint"),
        there("GET /orders?filter[identifier]=ERP-7", change),
        there("PATCH /orders/41", |_| {}),
    ]);
    let applied = applied(&shop, &oro(), &part(), None).await.unwrap();
    assert_eq!((applied.effect, applied.target_id.as_deref()), (Effect::Updated, Some("41")));
    shop.asked();
}

#[tokio::test]
async fn a_shop_that_knows_no_external_orders_gets_them_without() {
    let unknown = errors("POST /orders", 400, "extra fields constraint");
    let shop =
        Shop::answering([customers(), users(), unknown, made(), customers(), users(), made()]);
    let oro = oro();
    applied(&shop, &oro, &part(), None).await.unwrap();
    applied(&shop, &oro, &part(), None).await.unwrap();
    let with = |body: &String| body.contains(r#""external":true"#);
    assert_eq!(shop.written().iter().map(with).collect::<Vec<_>>(), [true, false, false]);
}

#[tokio::test]
async fn another_sum_in_the_shop_is_a_warning() {
    let change = |document: &mut Value| {
        document["data"]["attributes"]["totalValue"] = json!("29.9000");
    };
    let shop = Shop::answering([customers(), users(), there("GET /orders/41", change)]);
    let warning =
        applied(&shop, &oro(), &part(), Some("41")).await.unwrap().warning.unwrap_or_default();
    assert!(warning.starts_with("the shop comes to a total of 29.9"), "{warning}");
}

#[tokio::test]
async fn a_line_whose_product_is_not_there_names_it_and_a_wrong_field_its_place() {
    let refused = |title: &str, pointer: &str| {
        let error =
            json!({"title": title, "detail": "Oro says \"why\".", "source": {"pointer": pointer}});
        answer("POST /orders", 400, &json!({ "errors": [error] }))
    };
    for (title, pointer, kind, missing, detail) in [
        (
            "line item product constraint",
            "/included/1/relationships/product",
            FailureKind::MissingReference,
            Some("product/TEA"),
            "lines[TEA].sku: Oro says \"why\". (line item product constraint)",
        ),
        (
            "not blank constraint",
            "/included/2/attributes/postalCode",
            FailureKind::Validation,
            None,
            "billing_address.postcode: Oro says …. (not blank constraint)",
        ),
        (
            "range constraint",
            "/included/4/attributes/amount",
            FailureKind::Validation,
            None,
            "totals.discount: Oro says \"why\". (range constraint)",
        ),
    ] {
        let shop = Shop::answering([customers(), users(), refused(title, pointer)]);
        let failure = applied(&shop, &oro(), &part(), None).await.unwrap_err();
        assert_eq!((failure.kind, failure.detail.as_str()), (kind, detail));
        assert_eq!(failure.missing.map(|missing| missing.to_string()).as_deref(), missing);
    }
}

#[tokio::test]
async fn another_order_of_the_same_identifier_is_left_as_it_is() {
    let shops_own = |name: &'static str, value: Value| {
        move |document: &mut Value| {
            document["data"] = json!([document["data"]]);
            let (member, name) = name.split_once('.').unwrap();
            document["data"][0][member][name] = value.clone();
        }
    };
    let customer = json!({"data": {"type": "customers", "id": "4"}});
    for (name, value, says) in [
        ("attributes.currency", json!("USD"), "currency: the shop has an order `ERP-7` of another"),
        ("relationships.customer", customer, "customer.number: the shop has an order `ERP-7`"),
    ] {
        let shop = Shop::answering([
            customers(),
            users(),
            errors("POST /orders", 400, "unique entity constraint"),
            there("GET /orders?filter[identifier]=ERP-7", shops_own(name, value)),
        ]);
        let failure = applied(&shop, &oro(), &part(), None).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Rejected);
        assert!(failure.detail.starts_with(says), "{}", failure.detail);
        shop.asked();
    }
    // What differs in case is another one, which Oro finds all the same.
    let differs = shops_own("attributes.identifier", json!("erp-7"));
    let shop = Shop::answering([
        customers(),
        users(),
        there("GET /orders?filter[identifier]=ERP-7", differs),
        made(),
    ]);
    let part = part();
    let subject = part.subject();
    let doubted = Write { read_first: true, ..write(&subject, &part) };
    let applied = oro().apply(&shop.conversation(), &[doubted]).await.pop().unwrap().unwrap();
    assert_eq!(applied.effect, Effect::Created);
}

#[tokio::test]
async fn an_order_keeps_its_currency() {
    let change = |document: &mut Value| document["data"]["attributes"]["currency"] = json!("USD");
    let shop = Shop::answering([customers(), users(), there("GET /orders/41", change)]);
    let failure = applied(&shop, &oro(), &part(), Some("41")).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Rejected);
    assert_eq!(failure.detail, "currency: the order is in USD in the shop, and keeps it");
}

#[tokio::test]
async fn a_customer_that_was_removed_and_made_again_is_found_by_its_number() {
    let gone = json!({"title": "form constraint", "detail": "The entity does not exist.",
        "source": {"pointer": "/data/relationships/customer"}});
    let shop = Shop::answering([
        users_of("3", &[]),
        answer("POST /orders", 400, &json!({ "errors": [gone] })),
        customers(),
        users(),
        made(),
    ]);
    let part = part();
    let subject = part.subject();
    let conversation =
        shop.conversation().among("shop", Arc::new(Ledger::default().called("C-1", "3")));
    let write = write(&subject, &part);
    let applied = oro().apply(&conversation, &[write]).await.pop().unwrap().unwrap();
    assert_eq!(applied.target_id.as_deref(), Some("41"));
    shop.asked();
}

#[tokio::test]
async fn somebody_whom_the_shop_does_not_know_takes_the_former_persons_place() {
    let shop = Shop::answering([
        customers(),
        users_of("5", &[("8", "li@acme.example")]),
        there("GET /orders/41", |_| {}),
        there("PATCH /orders/41", |_| {}),
    ]);
    applied(&shop, &oro(), &part(), Some("41")).await.unwrap();
    insta::assert_snapshot!(shop.written().join("\n"), @r#"PATCH /orders/41 {"data":{"type":"orders","id":"41","relationships":{"customerUser":{"data":null}}}}"#);
}

#[tokio::test]
async fn what_a_person_takes_off_in_the_shop_stays_beside_the_sources_discount() {
    let change = |document: &mut Value| {
        let more = json!({"type": "orderdiscounts", "id": "7"});
        document["data"]["relationships"]["discounts"]["data"].as_array_mut().unwrap().push(more);
        let discount = json!({"description": "Sorry", "amount": "1.0000",
            "orderDiscountType": "oro_order_discount_item_type_amount"});
        let discount = row("orderdiscounts", "7", discount, Value::Null);
        document["included"].as_array_mut().unwrap().push(discount);
    };
    let Part::OrderPlaced(mut order) = part() else { unreachable!() };
    for discount in ["3.00", "0"] {
        order.totals.discount = Some(ferry_canonical::value::Decimal::parse(discount).unwrap());
        let shop = Shop::answering([
            customers(),
            users(),
            there("GET /orders/41", change),
            there("PATCH /orders/41", |_| {}),
        ]);
        applied(&shop, &oro(), &Part::OrderPlaced(order.clone()), Some("41")).await.unwrap();
        let written = shop.written().join("");
        let names = |ids: &[&str]| {
            let list = ids.iter().map(|id| json!({"type": "orderdiscounts", "id": id}));
            json!({"discounts": {"data": list.collect::<Vec<_>>()}}).to_string()
        };
        let ids: &[&str] = if discount == "0" { &["7"] } else { &["6", "7"] };
        assert!(written.contains(&names(ids)), "{written}");
    }
}
