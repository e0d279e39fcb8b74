//! Products in one call, against a shop that answers from a script.

use std::sync::Arc;

use ferry_http::{HttpError, Response};
use serde_json::json;

use super::*;
use crate::oro::scripted::{Shop, answer, oro, row, write};

type Answer = (String, Result<Response, HttpError>);

fn part(sku: &str) -> Part {
    let catalogue = json!({"sku": sku, "name": format!("Cup {sku}"), "unit": "item"});
    Part::from_json(Facet::Catalogue, catalogue.to_string().as_bytes()).unwrap()
}

/// The answer to a list of so many, of which new ones get ids from `first` on.
fn made(first: u32, many: u32) -> Answer {
    let row = |n: u32| {
        let mut row = row("products", &(first + n).to_string(), json!({}), Value::Null);
        row["meta"] = json!({"dataId": format!("new-{n}")});
        row
    };
    let rows: Vec<Value> = (0..many).map(row).collect();
    answer("PATCH /products", 200, &json!({ "data": rows }))
}

/// Products as the shop has them, with a name in two languages each.
fn there(request: &str, products: &[(&str, &str, &str)]) -> Answer {
    let (mut rows, mut included) = (Vec::new(), Vec::new());
    for (id, sku, name) in products {
        let (default, german) = (format!("{id}1"), format!("{id}2"));
        let named = |id: &str| json!({"type": "productnames", "id": id});
        rows.push(row(
            "products",
            id,
            json!({"sku": sku, "status": "enabled"}),
            json!({"names": [named(&german), named(&default)],
                "primaryUnitPrecision": {"type": "productunitprecisions", "id": id}}),
        ));
        let language = json!({"localization": {"type": "localizations", "id": "2"}});
        included.push(row("productnames", &german, json!({"string": "Tasse"}), language));
        let default =
            row("productnames", &default, json!({ "string": name }), json!({"localization": null}));
        included.push(default);
        let unit = json!({"unit": {"type": "productunits", "id": "kg"}});
        included.push(row("productunitprecisions", id, json!({}), unit));
    }
    answer(request, 200, &json!({"data": rows, "included": included}))
}

async fn applied(
    shop: &Arc<Shop>,
    skus: &[&str],
    change: impl Fn(Write<'_>) -> Write<'_>,
) -> Vec<String> {
    applied_by(&oro(), shop, skus, change).await
}

async fn applied_by(
    oro: &Oro,
    shop: &Arc<Shop>,
    skus: &[&str],
    change: impl Fn(Write<'_>) -> Write<'_>,
) -> Vec<String> {
    let parts: Vec<Part> = skus.iter().map(|sku| part(sku)).collect();
    let subjects: Vec<_> = parts.iter().map(Part::subject).collect();
    let writes: Vec<Write<'_>> =
        parts.iter().zip(&subjects).map(|(part, subject)| change(write(subject, part))).collect();
    let answers = oro.apply(&shop.conversation(), &writes).await;
    let word = |answer: &Result<Applied, Failure>| match answer {
        Ok(Applied { effect, target_id, warning, .. }) => {
            let id = target_id.as_deref().unwrap_or("?");
            format!("{effect:?} {id}{}", if warning.is_some() { " with a warning" } else { "" })
        }
        Err(failure) => format!("{} {} {}", failure.kind, failure.unread, failure.detail),
    };
    answers.iter().map(word).collect()
}

#[tokio::test]
async fn new_products_are_written_unread_twenty_five_at_a_time() {
    let skus: Vec<String> = (0..60).map(|n| format!("S-{n}")).collect();
    let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
    let shop = Shop::answering([made(100, 25), made(200, 25), made(300, 10)]);
    let answers = applied(&shop, &skus, |write| write).await;
    assert_eq!((answers.len(), &*answers[0], &*answers[59]), (60, "Created 100", "Created 309"));
    assert!(
        shop.asked().iter().all(|request| {
            request.headers.iter().all(|(name, _)| name != "x-integration-type")
        })
    );
}

#[tokio::test]
async fn changed_ones_are_read_together_and_keep_their_texts_in_other_languages() {
    let (first, second) = (("5", "S-0", "Mug"), ("6", "S-1", "Cup S-1"));
    let five = row("products", "5", json!({}), Value::Null);
    let shop = Shop::answering([
        there("GET /products?filter[id]=5,6&sort=id", &[first, second]),
        answer("PATCH /products", 200, &json!({"data": [five]})),
    ]);
    let answers = applied(&shop, &["S-0", "S-1"], linked).await;
    assert_eq!(answers, ["Updated 5 with a warning", "AlreadySo 6 with a warning"]);
    insta::assert_snapshot!(shop.written().join("\n"), @r#"PATCH /products {"data":[{"type":"products","id":"5","meta":{"update":true},"relationships":{"names":{"data":[{"type":"productnames","id":"52"},{"type":"productnames","id":"51"}]}}}],"included":[{"type":"productnames","id":"51","meta":{"update":true},"attributes":{"string":"Cup S-0"}}]}"#);
}

/// `S-0` is product 5, `S-1` is product 6.
fn linked(write: Write<'_>) -> Write<'_> {
    Write { target_id: Some(if write.subject.id == "S-0" { "5" } else { "6" }), ..write }
}

#[tokio::test]
async fn one_that_was_removed_from_the_shop_is_looked_up_by_its_sku_and_made_again() {
    let second = ("6", "S-1", "Cup S-1");
    let shop = Shop::answering([
        there("GET /products?filter[id]=5,6", &[second]),
        there("GET /products?filter[sku]=S-0", &[]),
        made(70, 1),
    ]);
    let answers = applied(&shop, &["S-0", "S-1"], linked).await;
    assert_eq!(answers, ["Created 70", "AlreadySo 6 with a warning"]);
    shop.asked();
}

#[tokio::test]
async fn one_that_the_shop_has_already_is_taken_up_alone_and_the_next_are_looked_for() {
    let taken = json!({"title": "unique constraint", "detail": "Oro says why.",
        "source": {"pointer": "/data/0/attributes/sku"}});
    let there_is = |request: &str| there(request, &[("5", "S-0", "Cup S-0")]);
    let shop = Shop::answering([
        answer("PATCH /products", 400, &json!({ "errors": [taken] })),
        made(70, 1),
        answer("GET /products?page[size]=1", 200, &json!({"data": []})),
        there_is("GET /products?filter[sku]=S-0"),
        there_is("GET /products/5"),
        there_is("GET /products?filter[sku]=S-0,S-1"),
        made(71, 1),
    ]);
    let oro = oro();
    let answers = applied_by(&oro, &shop, &["S-0", "S-1"], |write| write).await;
    assert_eq!(answers, ["AlreadySo 5 with a warning", "Created 70"]);
    let answers = applied_by(&oro, &shop, &["S-0", "S-1"], |write| write).await;
    assert_eq!(answers, ["AlreadySo 5 with a warning", "Created 71"]);
    shop.asked();
}

#[tokio::test]
async fn a_text_that_is_refused_takes_no_other_product_along() {
    let long = json!({"title": "length constraint", "detail": "Oro says why.",
        "source": {"pointer": "/included/2/attributes/string"}});
    let shop = Shop::answering([
        answer("PATCH /products", 400, &json!({ "errors": [long] })),
        made(70, 2),
    ]);
    let answers = applied(&shop, &["S-0", "S-1", "S-2"], |write| write).await;
    assert_eq!(
        answers,
        ["Created 70", "validation false name: Oro says why. (length constraint)", "Created 71"]
    );
    shop.asked();
}

#[tokio::test]
async fn a_sku_with_a_comma_goes_by_itself() {
    let made_alone = json!({"data": row("products", "9", json!({}), Value::Null)});
    let shop = Shop::answering([
        made(70, 2),
        there("GET /products?filter[sku]=A,B", &[]),
        answer("POST /products", 201, &made_alone),
    ]);
    let answers = applied(&shop, &["S-0", "A,B", "S-1"], |write| write).await;
    assert_eq!(answers, ["Created 70", "Created 9", "Created 71"]);
    shop.asked();
}
