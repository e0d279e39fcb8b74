//! Levels in one call, against a shop that answers from a script.

use std::sync::Arc;

use ferry_http::{HttpError, Response};
use serde_json::{Value, json};

use super::*;
use crate::oro::scripted::{Shop, answer, errors, oro, row, write};

type Answer = (String, Result<Response, HttpError>);

fn part(sku: &str, available: &str) -> Part {
    let stock = json!({"sku": sku, "site": "A", "available": available});
    Part::from_json(Facet::Stock, stock.to_string().as_bytes()).unwrap()
}

/// Two levels of each product, of which the second is that of its primary unit.
fn levels(request: &str, products: &[(&str, &str)]) -> Answer {
    let (mut rows, mut included) = (Vec::new(), Vec::new());
    for (id, quantity) in products {
        for (unit, stands) in [("1", "77"), ("2", *quantity)] {
            let precision = format!("{id}{unit}");
            rows.push(row(
                "inventorylevels",
                &format!("9{precision}"),
                json!({ "quantity": stands }),
                json!({"product": {"type": "products", "id": id},
                    "productUnitPrecision": {"type": "productunitprecisions", "id": precision}}),
            ));
        }
        let primary = json!({"type": "productunitprecisions", "id": format!("{id}2")});
        included.push(row("products", id, json!({}), json!({ "primaryUnitPrecision": primary })));
    }
    answer(request, 200, &json!({"data": rows, "included": included}))
}

fn products(request: &str, products: &[(&str, &str)]) -> Answer {
    let row = |(id, sku): &(&str, &str)| row("products", id, json!({ "sku": sku }), Value::Null);
    answer(request, 200, &json!({"data": products.iter().map(row).collect::<Vec<_>>()}))
}

fn set(ids: &[&str]) -> Answer {
    let row = |id: &&str| row("inventorylevels", id, json!({}), Value::Null);
    let rows: Vec<Value> = ids.iter().map(row).collect();
    answer("PATCH /inventorylevels", 200, &json!({ "data": rows }))
}

async fn applied(
    shop: &Arc<Shop>,
    oro: &Oro,
    stock: &[(&str, &str)],
    change: impl Fn(Write<'_>) -> Write<'_>,
) -> Vec<String> {
    let parts: Vec<Part> = stock.iter().map(|(sku, available)| part(sku, available)).collect();
    let subjects: Vec<_> = parts.iter().map(Part::subject).collect();
    let writes: Vec<Write<'_>> =
        parts.iter().zip(&subjects).map(|(part, subject)| change(write(subject, part))).collect();
    let answers = oro.apply(&shop.conversation(), &writes).await;
    let word = |answer: &Result<Applied, Failure>| match answer {
        Ok(Applied { effect, target_id, .. }) => format!("{effect:?} {target_id:?}"),
        Err(failure) => format!("{} {} {}", failure.kind, failure.unread, failure.detail),
    };
    answers.iter().map(word).collect()
}

#[tokio::test]
async fn levels_are_looked_up_together_once_and_set_together() {
    let shop = Shop::answering([
        products("GET /products?filter[sku]=S-0,S-1,S-2", &[("5", "S-0"), ("6", "S-1")]),
        levels("GET /inventorylevels?filter[product]=5,6", &[("5", "1"), ("6", "4")]),
        set(&["952", "962"]),
        set(&["952", "962"]),
    ]);
    let oro = oro();
    let stock = [("S-0", "3"), ("S-1", "4"), ("S-2", "1")];
    let answers = applied(&shop, &oro, &stock, |write| write).await;
    let none = "missing_reference false product `S-2` is not in the shop";
    assert_eq!(answers, ["Updated Some(\"5\")", "Updated Some(\"6\")", none]);
    let answers = applied(&shop, &oro, &[("S-0", "2"), ("S-1", "0")], |write| write).await;
    assert_eq!(answers, ["Updated Some(\"5\")", "Updated Some(\"6\")"]);
    insta::assert_snapshot!(shop.written().join("\n"), @r#"
    PATCH /inventorylevels {"data":[{"type":"inventorylevels","id":"952","meta":{"update":true},"attributes":{"quantity":"3"}},{"type":"inventorylevels","id":"962","meta":{"update":true},"attributes":{"quantity":"4"}}]}
    PATCH /inventorylevels {"data":[{"type":"inventorylevels","id":"952","meta":{"update":true},"attributes":{"quantity":"2"}},{"type":"inventorylevels","id":"962","meta":{"update":true},"attributes":{"quantity":"0"}}]}
    "#);
}

#[tokio::test]
async fn after_a_lost_answer_the_levels_are_read_and_only_those_that_differ_are_set() {
    let shop = Shop::answering([
        levels("GET /inventorylevels?filter[product]=5,6", &[("5", "3.0"), ("6", "9")]),
        set(&["962"]),
    ]);
    let answers = applied(&shop, &oro(), &[("S-0", "3"), ("S-1", "4")], |write| {
        let target_id = Some(if write.subject.id == "S-0" { "5" } else { "6" });
        Write { target_id, read_first: true, ..write }
    })
    .await;
    assert_eq!(answers, ["AlreadySo Some(\"5\")", "Updated Some(\"6\")"]);
    shop.asked();
}

#[tokio::test]
async fn a_remembered_level_that_is_gone_is_looked_up_again_and_set_all_the_same() {
    let gone = json!({"title": "not found http exception", "detail": "Oro says why.",
        "source": {"pointer": "/data/0"}});
    let shop = Shop::answering([
        products("GET /products?filter[sku]=S-0,S-1", &[("5", "S-0"), ("6", "S-1")]),
        levels("GET /inventorylevels?filter[product]=5,6", &[("5", "1"), ("6", "4")]),
        set(&["952", "962"]),
        answer("PATCH /inventorylevels", 404, &json!({ "errors": [gone] })),
        set(&["962"]),
        levels("GET /inventorylevels?filter[product]=5", &[]),
        products("GET /products?filter[sku]=S-0", &[("8", "S-0")]),
        levels("GET /inventorylevels?filter[product]=8", &[("8", "0")]),
        answer(
            "PATCH /inventorylevels/982",
            200,
            &json!({"data": {"type": "inventorylevels", "id": "982"}}),
        ),
    ]);
    let oro = oro();
    let stock = [("S-0", "3"), ("S-1", "4")];
    applied(&shop, &oro, &stock, |write| write).await;
    let answers = applied(&shop, &oro, &stock, |write| write).await;
    assert_eq!(answers, ["Updated Some(\"8\")", "Updated Some(\"6\")"]);
    shop.asked();
}

#[tokio::test]
async fn a_shop_without_lists_of_levels_is_written_one_by_one() {
    let shop = Shop::answering([
        products("GET /products?filter[sku]=S-0,S-1", &[("5", "S-0"), ("6", "S-1")]),
        levels("GET /inventorylevels?filter[product]=5,6", &[("5", "1"), ("6", "4")]),
        errors("PATCH /inventorylevels", 405, "method not allowed"),
        answer("PATCH /inventorylevels/952", 200, &json!({"data": {}})),
        answer("PATCH /inventorylevels/962", 200, &json!({"data": {}})),
    ]);
    let oro = oro();
    let answers = applied(&shop, &oro, &[("S-0", "3"), ("S-1", "4")], |write| write).await;
    assert_eq!(answers, ["Updated Some(\"5\")", "Updated Some(\"6\")"]);
    assert_eq!((oro.together(Facet::Stock).most, oro.together(Facet::Catalogue).most), (1, 100));
    shop.asked();
}

#[tokio::test]
async fn a_key_that_the_shop_does_not_take_keeps_no_other_from_being_set() {
    let refused = || errors("GET /products?filter[sku]=S-0,S-1", 400, "filter constraint");
    let one = |sku: &str, id: &str| {
        [
            products(&format!("GET /products?filter[sku]={sku}&fields"), &[(id, sku)]),
            levels(&format!("GET /inventorylevels?filter[product]={id}"), &[(id, "0")]),
            answer(
                &format!("PATCH /inventorylevels/9{id}2"),
                200,
                &json!({"data": {"type": "inventorylevels", "id": "1"}}),
            ),
        ]
    };
    let bad = errors("GET /products?filter[sku]=S-0&fields", 400, "filter constraint");
    let script = [vec![refused(), bad], one("S-1", "6").to_vec()].concat();
    let shop = Shop::answering(script);
    let answers = applied(&shop, &oro(), &[("S-0", "3"), ("S-1", "4")], |write| write).await;
    assert!(answers[0].starts_with("unsupported"), "{answers:?}");
    assert_eq!(answers[1], "Updated Some(\"6\")");
    shop.asked();
}

#[tokio::test]
async fn the_ledgers_product_that_got_another_sku_is_looked_up_by_its_own() {
    let renamed = {
        let (request, answered) =
            levels("GET /inventorylevels?filter[product]=5,6", &[("5", "1"), ("6", "4")]);
        let mut response = answered.unwrap();
        let mut document: Value = serde_json::from_slice(&response.body).unwrap();
        document["included"][0]["attributes"]["sku"] = json!("OTHER");
        response.body = document.to_string().into();
        (request, Ok(response))
    };
    let shop = Shop::answering([
        renamed,
        products("GET /products?filter[sku]=S-0&sort", &[("7", "S-0")]),
        levels("GET /inventorylevels?filter[product]=7", &[("7", "0")]),
        set(&["972", "962"]),
    ]);
    let answers = applied(&shop, &oro(), &[("S-0", "3"), ("S-1", "4")], |write| {
        let target_id = Some(if write.subject.id == "S-0" { "5" } else { "6" });
        Write { target_id, ..write }
    })
    .await;
    assert_eq!(answers, ["Updated Some(\"7\")", "Updated Some(\"6\")"]);
    shop.asked();
}
