//! Orders in one call, against a shop that answers from a script.

use std::sync::Arc;

use ferry_http::{HttpError, Response};
use serde_json::{Value, json};

use super::*;
use crate::oro::scripted::{Ledger, Shop, answer, bytes, oro, row, write};

type Answer = (String, Result<Response, HttpError>);

fn part(identifier: &str, customer: &str, lines: usize) -> Part {
    let address = json!({"company": "Acme", "street": "1 Rd", "city": "York", "postcode": "YO1",
        "country": "GB"});
    let line = |number: usize| {
        json!({"number": number + 1, "sku": format!("S-{number}"), "quantity": "1",
            "unit_price": "1", "total": "1"})
    };
    let order = json!({
        "identifier": identifier, "placed_at": "2026-11-20T08:00:00Z", "currency": "EUR",
        "customer": {"number": customer}, "billing_address": address, "shipping_address": address,
        "lines": (0..lines).map(line).collect::<Vec<_>>(),
        "totals": {"subtotal": lines.to_string(), "total": lines.to_string()}
    });
    Part::from_json(Facet::Placed, order.to_string().as_bytes()).unwrap()
}

/// The answer to a list of so many new ones, which get ids from `first` on.
fn made(first: u32, many: u32) -> Answer {
    let row = |n: u32| {
        let mut row = row("orders", &(first + n).to_string(), json!({}), Value::Null);
        row["meta"] = json!({"dataId": format!("new-{n}")});
        row
    };
    let rows: Vec<Value> = (0..many).map(row).collect();
    answer("PATCH /orders", 200, &json!({ "data": rows }))
}

async fn applied(
    shop: &Arc<Shop>,
    orders: &[Part],
    change: impl Fn(Write<'_>) -> Write<'_>,
) -> Vec<String> {
    let subjects: Vec<_> = orders.iter().map(Part::subject).collect();
    let writes: Vec<Write<'_>> =
        orders.iter().zip(&subjects).map(|(part, subject)| change(write(subject, part))).collect();
    let conversation =
        shop.conversation().among("shop", Arc::new(Ledger::default().called("C-1", "5")));
    let answers = oro().apply(&conversation, &writes).await;
    let word = |answer: &Result<Applied, Failure>| match answer {
        Ok(Applied { effect, target_id, .. }) => {
            format!("{effect:?} {}", target_id.as_deref().unwrap_or("?"))
        }
        Err(failure) => format!("{} {} {}", failure.kind, failure.unread, failure.detail),
    };
    answers.iter().map(word).collect()
}

#[tokio::test]
async fn orders_of_known_customers_are_written_unread_by_the_fifty_that_are_included() {
    // Five lines and two addresses each: seven orders to a request.
    let orders: Vec<Part> = (0..20).map(|n| part(&format!("ERP-{n}"), "C-1", 5)).collect();
    let shop = Shop::answering([made(100, 7), made(200, 7), made(300, 6)]);
    let answers = applied(&shop, &orders, |write| write).await;
    assert_eq!((answers.len(), &*answers[0], &*answers[19]), (20, "Created 100", "Created 305"));
    shop.asked();
}

#[tokio::test]
async fn customers_that_the_ledger_does_not_know_are_asked_for_once() {
    let two = row("customers", "6", json!({"externalId": "C-2"}), Value::Null);
    let shop = Shop::answering([
        answer("GET /customers?filter[externalId]=C-2,C-3", 200, &json!({"data": [two]})),
        made(100, 3),
    ]);
    let orders = [
        part("ERP-0", "C-1", 1),
        part("ERP-1", "C-3", 1),
        part("ERP-2", "C-2", 1),
        part("ERP-3", "C-2", 1),
    ];
    let answers = applied(&shop, &orders, |write| write).await;
    let missing = "missing_reference false customer `C-3` is not in the shop";
    assert_eq!(answers, ["Created 100", missing, "Created 101", "Created 102"]);
    let body = &shop.written()[0];
    assert_eq!(body.matches(r#""customer":{"data":{"type":"customers","id":"6"}}"#).count(), 2);
}

#[tokio::test]
async fn an_order_of_more_lines_than_a_list_takes_goes_by_itself() {
    let single = json!({"data": row("orders", "9", json!({}), Value::Null)});
    let shop = Shop::answering([
        made(100, 1),
        answer("GET /orders?filter[identifier]=ERP-1", 200, &json!({"data": []})),
        answer("POST /orders", 201, &single),
    ]);
    let orders = [part("ERP-0", "C-1", 48), part("ERP-1", "C-1", 49)];
    assert_eq!(applied(&shop, &orders, |write| write).await, ["Created 100", "Created 9"]);
    shop.asked();
}

#[tokio::test]
async fn a_lost_answer_leaves_its_orders_in_doubt_and_they_are_read_before_the_next_try() {
    let shop = Shop::answering([bytes("PATCH /orders", 504, "")]);
    let orders = [part("ERP-0", "C-1", 1), part("ERP-1", "C-1", 1)];
    let answers = applied(&shop, &orders, |write| write).await;
    assert!(answers.iter().all(|answer| answer.starts_with("unavailable true")), "{answers:?}");
    let found = row("orders", "100", json!({"identifier": "ERP-0"}), Value::Null);
    let shop = Shop::answering([
        answer("GET /orders?filter[identifier]=ERP-0,ERP-1", 200, &json!({"data": [found]})),
        answer(
            "PATCH /orders",
            200,
            &json!({"data": [row("orders", "100", json!({}), Value::Null),
                row("orders", "101", json!({}), Value::Null)]}),
        ),
    ]);
    let answers = applied(&shop, &orders, |write| Write { read_first: true, ..write }).await;
    assert_eq!(answers, ["Updated 100", "Created 101"]);
    shop.asked();
}

#[tokio::test]
async fn a_shop_that_knows_no_external_orders_is_asked_once_more_without() {
    let unknown = json!({"title": "extra fields constraint", "detail": "Oro says why.",
        "source": {"pointer": "/data/0/attributes/external"}});
    let single = |id: &str| {
        let made = json!({"data": row("orders", id, json!({}), Value::Null)});
        answer("POST /orders", 201, &made)
    };
    let none = || answer("GET /orders?filter[identifier]=ERP", 200, &json!({"data": []}));
    let shop = Shop::answering([
        answer("PATCH /orders", 400, &json!({ "errors": [unknown] })),
        made(100, 1),
        none(),
        answer(
            "POST /orders",
            400,
            &json!({"errors": [{"title": "extra fields constraint", "detail": "Oro says why."}]}),
        ),
        single("9"),
    ]);
    let orders = [part("ERP-0", "C-1", 1), part("ERP-1", "C-1", 1)];
    assert_eq!(applied(&shop, &orders, |write| write).await, ["Created 9", "Created 100"]);
    shop.asked();
}

#[tokio::test]
async fn a_number_that_two_customers_have_is_the_failure_of_its_own_orders_only() {
    let two = |id: &str| row("customers", id, json!({"externalId": "C-2"}), Value::Null);
    let shop = Shop::answering([
        answer(
            "GET /customers?filter[externalId]=C-2",
            200,
            &json!({"data": [two("6"), two("7")]}),
        ),
        made(100, 1),
    ]);
    let orders = [part("ERP-0", "C-1", 1), part("ERP-1", "C-2", 1)];
    let answers = applied(&shop, &orders, |write| write).await;
    assert_eq!(answers[0], "Created 100");
    assert!(answers[1].starts_with("ambiguous"), "{answers:?}");
    shop.asked();
}
