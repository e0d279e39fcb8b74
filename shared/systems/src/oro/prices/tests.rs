//! Prices, alone and many in one call, against a shop that answers from a script.

use ferry_http::{HttpError, Response};
use serde_json::json;

use super::*;
use crate::oro::scripted::{Shop, answer, bytes, errors, keyless, oro, row, write};

type Answer = (String, Result<Response, HttpError>);

/// From how many on, of which unit, for how much; in euro.
type Row<'a> = (&'a str, &'a str, &'a str);

const ITEM: &str = "item";

fn part_on(list: &str, sku: &str, prices: &[Row<'_>]) -> Part {
    let price = |(quantity, unit, value): &Row<'_>| {
        let mut price = json!({"quantity": quantity, "value": value, "currency": "EUR"});
        if !unit.is_empty() {
            price["unit"] = json!(unit);
        }
        price
    };
    let prices: Vec<Value> = prices.iter().map(price).collect();
    let part = json!({"sku": sku, "list": list, "prices": prices}).to_string();
    Part::from_json(Facet::Price, part.as_bytes()).unwrap()
}

fn part(sku: &str, prices: &[Row<'_>]) -> Part {
    part_on("retail", sku, prices)
}

/// Products as the shop has them, each sold by the item first.
fn products(request: &str, products: &[(&str, &str)]) -> Answer {
    let (mut rows, mut included) = (Vec::new(), Vec::new());
    for (id, sku) in products {
        let precision = format!("{id}0");
        let first =
            json!({"primaryUnitPrecision": {"type": "productunitprecisions", "id": precision}});
        rows.push(row("products", id, json!({ "sku": sku }), first));
        let unit = json!({"unit": {"type": "productunits", "id": "item"}});
        included.push(row("productunitprecisions", &precision, json!({}), unit));
    }
    answer(request, 200, &json!({"data": rows, "included": included}))
}

/// What stands on a list: id, product, and the price.
fn there(request: &str, prices: &[(&str, &str, Row<'_>)]) -> Answer {
    let price = |(id, product, (quantity, unit, value)): &(&str, &str, Row<'_>)| {
        let quantity: f64 = quantity.parse().unwrap();
        let value =
            if value.contains('.') { format!("{value}00") } else { format!("{value}.0000") };
        row(
            "productprices",
            id,
            json!({"quantity": quantity, "value": value, "currency": "EUR"}),
            json!({"product": {"type": "products", "id": product},
                "unit": {"type": "productunits", "id": unit}}),
        )
    };
    let rows: Vec<Value> = prices.iter().map(price).collect();
    answer(request, 200, &json!({ "data": rows }))
}

/// The answer to a list of so many.
fn taken(many: usize) -> Answer {
    let rows: Vec<Value> = (0..many)
        .map(|n| row("productprices", &format!("a{n}-1"), json!({}), Value::Null))
        .collect();
    answer("PATCH /productprices", 200, &json!({ "data": rows }))
}

fn done(request: &str) -> Answer {
    answer(request, 200, &json!({"data": {}}))
}

fn word(answer: &Result<Applied, Failure>) -> String {
    match answer {
        Ok(Applied { effect, target_id, warning, .. }) => {
            let warning = warning.as_ref().map(|warning| format!(": {warning}"));
            let id = target_id.as_deref().unwrap_or("?");
            format!("{effect:?} {id}{}", warning.unwrap_or_default())
        }
        Err(failure) => format!("{} {} {}", failure.kind, failure.unread, failure.detail),
    }
}

async fn applied_by(oro: &Oro, shop: &Arc<Shop>, parts: &[Part], recalled: &[Part]) -> Vec<String> {
    let subjects: Vec<_> = parts.iter().map(Part::subject).collect();
    let writes = parts.iter().zip(&subjects);
    let writes: Vec<Write<'_>> =
        writes.map(|(part, subject)| Write { recalled, ..write(subject, part) }).collect();
    let answers = oro.apply(&shop.conversation(), &writes).await;
    shop.asked();
    answers.iter().map(word).collect()
}

async fn applied(shop: &Arc<Shop>, parts: &[Part], recalled: &[Part]) -> Vec<String> {
    applied_by(&oro(), shop, parts, recalled).await
}

const BY_SKU: &str = "GET /products?filter[sku]=S-0,S-1";
const ON_LIST: &str = "GET /productprices?filter[priceList]=1&filter[product]=5,6";
const ALONE: &str = "GET /products?filter[sku]=S-0&";
const ITS: &str = "GET /productprices?filter[priceList]=1&filter[product]=5&";

fn both() -> Answer {
    products(BY_SKU, &[("5", "S-0"), ("6", "S-1")])
}

fn first() -> Answer {
    products(ALONE, &[("5", "S-0")])
}

#[tokio::test]
async fn prices_of_many_products_are_read_together_and_written_in_one_request() {
    let shop = Shop::answering([both(), there(ON_LIST, &[]), taken(3)]);
    let parts = [
        part("S-0", &[("1", ITEM, "12.5"), ("10", ITEM, "11")]),
        part("S-1", &[("1", "set", "9")]),
    ];
    assert_eq!(applied(&shop, &parts, &[]).await, ["Updated 5", "Updated 6"]);
    insta::assert_snapshot!(shop.written().join("\n"), @r#"PATCH /productprices {"data":[{"type":"productprices","id":"new-0","attributes":{"quantity":"1","value":"12.5","currency":"EUR"},"relationships":{"priceList":{"data":{"type":"pricelists","id":"1"}},"product":{"data":{"type":"products","id":"5"}},"unit":{"data":{"type":"productunits","id":"item"}}}},{"type":"productprices","id":"new-1","attributes":{"quantity":"10","value":"11","currency":"EUR"},"relationships":{"priceList":{"data":{"type":"pricelists","id":"1"}},"product":{"data":{"type":"products","id":"5"}},"unit":{"data":{"type":"productunits","id":"item"}}}},{"type":"productprices","id":"new-2","attributes":{"quantity":"1","value":"9","currency":"EUR"},"relationships":{"priceList":{"data":{"type":"pricelists","id":"1"}},"product":{"data":{"type":"products","id":"6"}},"unit":{"data":{"type":"productunits","id":"set"}}}}]}"#);
}

#[tokio::test]
async fn a_hundred_products_take_three_requests() {
    let skus: Vec<String> = (0..100).map(|n| format!("S-{n}")).collect();
    let ids: Vec<String> = (100..200).map(|n| n.to_string()).collect();
    let found: Vec<(&str, &str)> = ids.iter().zip(&skus).map(|(id, sku)| (&**id, &**sku)).collect();
    let shop = Shop::answering([
        products("GET /products?filter[sku]=S-0,S-1,", &found),
        there("GET /productprices?filter[priceList]=1&filter[product]=100,101,", &[]),
        taken(100),
    ]);
    let parts: Vec<Part> = skus.iter().map(|sku| part(sku, &[("1", ITEM, "2")])).collect();
    let answers = applied(&shop, &parts, &[]).await;
    assert!(answers.iter().all(|answer| answer.starts_with("Updated")), "{answers:?}");
    assert_eq!((answers.len(), shop.asked().len()), (100, 3));
}

#[tokio::test]
async fn only_a_price_that_differs_is_changed() {
    let there_are = [
        ("a-1", "5", ("1", ITEM, "12.5")),
        ("b-1", "5", ("10", ITEM, "11")),
        ("c-1", "6", ("1", ITEM, "9")),
    ];
    let shop =
        Shop::answering([both(), there(ON_LIST, &there_are), done("PATCH /productprices/b-1")]);
    let parts = [
        part("S-0", &[("1.0", ITEM, "12.50"), ("10", ITEM, "10.75")]),
        part("S-1", &[("1", ITEM, "9")]),
    ];
    assert_eq!(applied(&shop, &parts, &[]).await, ["Updated 5", "AlreadySo 6"]);
    insta::assert_snapshot!(shop.written().join("\n"), @r#"PATCH /productprices/b-1 {"data":{"type":"productprices","id":"b-1","attributes":{"value":"10.75"}}}"#);
}

#[tokio::test]
async fn what_ferry_brought_is_taken_away_and_what_others_have_made_stays_with_a_warning() {
    let there_are = [
        ("a-1", "5", ("1", ITEM, "12.5")),
        ("b-1", "5", ("10", ITEM, "11")),
        ("c-1", "5", ("50", ITEM, "9")),
    ];
    let removed = bytes("DELETE /productprices/b-1", 204, "");
    let shop = Shop::answering([first(), there(ITS, &there_are), removed]);
    let earlier = [part("S-0", &[("1", ITEM, "14"), ("10", ITEM, "13")])];
    let answers = applied(&shop, &[part("S-0", &[("1", ITEM, "12.5")])], &earlier).await;
    assert_eq!(
        answers,
        [
            "Updated 5: on the list `retail` stay 1 price that the source does not have and Ferry has not \
          brought (from 50 item on in EUR): remove them in the shop if they are not wanted"
        ]
    );
}

#[tokio::test]
async fn a_product_that_has_no_price_any_more_loses_those_that_ferry_brought() {
    let shop = Shop::answering([
        first(),
        there(ITS, &[("a-1", "5", ("1", ITEM, "2"))]),
        // Somebody was faster.
        errors("DELETE /productprices/a-1", 404, "not found http exception"),
    ]);
    let answers = applied(&shop, &[part("S-0", &[])], &[part("S-0", &[("1", "", "2")])]).await;
    assert_eq!(answers, ["Updated 5"]);
}

#[tokio::test]
async fn a_price_that_may_not_be_removed_is_a_failure_after_the_others_are_written() {
    let shop = Shop::answering([
        first(),
        there(ITS, &[("a-1", "5", ("10", ITEM, "2"))]),
        done("POST /productprices"),
        errors("DELETE /productprices/a-1", 403, "access denied exception"),
    ]);
    let earlier = [part("S-0", &[("10", ITEM, "2")])];
    let answers = applied(&shop, &[part("S-0", &[("1", ITEM, "3")])], &earlier).await;
    assert!(answers[0].starts_with("rejected true Oro says why."), "{answers:?}");
}

#[tokio::test]
async fn a_list_is_the_one_that_is_configured_or_the_shops_of_that_name() {
    let list = |id: &str, name: &str| row("pricelists", id, json!({ "name": name }), Value::Null);
    let lists = json!({"data": [list("1", "Default"), list("7", "trade"), list("8", "two"),
        list("9", "two")]});
    let shop = Shop::answering([
        answer("GET /pricelists?fields[pricelists]=name", 200, &lists),
        both(),
        there(ITS, &[("a-1", "5", ("1", ITEM, "1"))]),
        there(
            "GET /productprices?filter[priceList]=7&filter[product]=6",
            &[("a-7", "6", ("1", ITEM, "1"))],
        ),
    ]);
    let one = [("1", ITEM, "1")];
    let parts = [
        part_on("retail", "S-0", &one),
        part_on("trade", "S-1", &one),
        part_on("Trade", "S-1", &one),
        part_on("two", "S-1", &one),
    ];
    assert_eq!(
        applied(&shop, &parts, &[]).await,
        [
            "AlreadySo 5",
            "AlreadySo 6",
            "missing_reference false list: the shop has no price list named `Trade`, and none is named \
             for it (price_lists in ferry.toml)",
            "validation false list: the shop has several price lists named `two`: say which one it is \
             (price_lists in ferry.toml)",
        ]
    );
}

#[tokio::test]
async fn a_price_without_a_unit_is_of_the_products_first_one() {
    let shop = Shop::answering([first(), there(ITS, &[]), done("POST /productprices")]);
    assert_eq!(applied(&shop, &[part("S-0", &[("1", "", "3")])], &[]).await, ["Updated 5"]);
    assert!(shop.written()[0].contains(r#""unit":{"data":{"type":"productunits","id":"item"}}"#));
    let shop = Shop::answering([first(), there(ITS, &[])]);
    let answers = applied(&shop, &[part("S-0", &[("1", "", "3"), ("1", ITEM, "4")])], &[]).await;
    assert_eq!(
        answers,
        ["validation false prices[1]: another price is for the same quantity, unit and currency"]
    );
}

#[tokio::test]
async fn a_unit_that_the_product_is_not_sold_by_is_named_by_its_place() {
    let refused = |pointer: &str| {
        json!({"errors": [{"status": "400", "title": "product price allowed units constraint",
            "detail": "Unit \"kg\" is not allowed for product \"S-0\".", "source": {"pointer": pointer}}]})
    };
    let shop = Shop::answering([
        both(),
        there(ON_LIST, &[]),
        answer("PATCH /productprices", 400, &refused("/data/1/relationships/unit/data")),
        taken(2),
    ]);
    let parts =
        [part("S-0", &[("1", ITEM, "2"), ("1", "kg", "3")]), part("S-1", &[("1", ITEM, "1")])];
    let no = "prices[1].unit: Unit \"kg\" is not allowed for product \"S-0\". (product price allowed \
              units constraint)";
    let answers = applied(&shop, &parts, &[]).await;
    assert_eq!(answers, [format!("validation true {no}"), "Updated 6".to_owned()]);
    let alone = answer("POST /productprices", 400, &refused("/data/relationships/unit/data"));
    let shop = Shop::answering([first(), there(ITS, &[]), alone]);
    let answers = applied(&shop, &[part("S-0", &[("1", "kg", "3")])], &[]).await;
    assert_eq!(answers, [format!("validation false {}", no.replace("[1]", "[0]"))]);
}

#[tokio::test]
async fn prices_of_a_product_that_is_not_there_wait_for_it() {
    let shop = Shop::answering([
        products(BY_SKU, &[("6", "S-1")]),
        there("GET /productprices?filter[priceList]=1&filter[product]=6", &[]),
        done("POST /productprices"),
    ]);
    let parts = [part("S-0", &[("1", ITEM, "2")]), part("S-1", &[("1", ITEM, "1")])];
    let answers = applied(&shop, &parts, &[]).await;
    assert_eq!(answers, ["missing_reference false product `S-0` is not in the shop", "Updated 6"]);
}

#[tokio::test]
async fn a_price_that_somebody_has_made_meanwhile_is_read_and_changed() {
    let exists = json!({"errors": [{"status": "400", "title": "unique entity constraint",
        "detail": "Product has duplication of product prices.", "source": {"pointer": "/data/0"}}]});
    let shop = Shop::answering([
        both(),
        there(ON_LIST, &[]),
        answer("PATCH /productprices", 400, &exists),
        taken(1),
        products("GET /products?filter[id]=5&", &[("5", "S-0")]),
        there(ITS, &[("a-1", "5", ("1", ITEM, "8"))]),
        done("PATCH /productprices/a-1"),
    ]);
    let parts = [part("S-0", &[("1", ITEM, "2")]), part("S-1", &[("1", ITEM, "1")])];
    assert_eq!(applied(&shop, &parts, &[]).await, ["Updated 5", "Updated 6"]);
}

#[tokio::test]
async fn what_is_written_alone_is_noted_under_its_own_place_in_the_call() {
    let exists = json!({"errors": [{"status": "400", "title": "unique entity constraint",
        "detail": "Product has duplication of product prices.", "source": {"pointer": "/data/1"}}]});
    let shop = Shop::answering([
        both(),
        there(ON_LIST, &[]),
        answer("PATCH /productprices", 400, &exists),
        taken(1),
        products("GET /products?filter[id]=6&", &[("6", "S-1")]),
        there(
            "GET /productprices?filter[priceList]=1&filter[product]=6&",
            &[("b-1", "6", ("1", ITEM, "8"))],
        ),
        done("PATCH /productprices/b-1"),
    ]);
    let parts = [part("S-0", &[("1", ITEM, "2")]), part("S-1", &[("1", ITEM, "1")])];
    let subjects: Vec<_> = parts.iter().map(Part::subject).collect();
    let writes = [write(&subjects[0], &parts[0]), write(&subjects[1], &parts[1])];
    let conversation = shop.conversation();
    oro().apply(&conversation, &writes).await;
    shop.asked();
    let exchanges = conversation.take();
    let alone = exchanges.iter().filter(|exchange| exchange.url.contains("/productprices/b-1"));
    let about: Vec<_> = alone.map(|exchange| exchange.about.as_deref()).collect();
    assert_eq!(about, [Some(&[1][..])]);
}

#[tokio::test]
async fn a_price_that_is_there_and_is_not_shown_is_a_conflict_and_no_loop() {
    let exists = || errors("POST /productprices", 400, "unique entity constraint");
    let again =
        [products("GET /products?filter[id]=5&", &[("5", "S-0")]), there(ITS, &[]), exists()];
    let shop = Shop::answering([vec![first(), there(ITS, &[]), exists()], again.to_vec()].concat());
    let answers = applied(&shop, &[part("S-0", &[("1", ITEM, "2")])], &[]).await;
    assert!(answers[0].starts_with("conflict false"), "{answers:?}");
}

#[tokio::test]
async fn after_a_lost_answer_prices_are_read_and_nothing_is_made_twice() {
    let lost =
        ("PATCH /productprices".to_owned(), Err(HttpError::Timeout(std::time::Duration::ZERO)));
    let there_are = [("a-1", "5", ("1", ITEM, "2")), ("b-1", "6", ("1", ITEM, "1"))];
    let shop =
        Shop::answering([both(), there(ON_LIST, &[]), lost, both(), there(ON_LIST, &there_are)]);
    let oro = oro();
    let parts = [part("S-0", &[("1", ITEM, "2")]), part("S-1", &[("1", ITEM, "1")])];
    let subjects: Vec<_> = parts.iter().map(Part::subject).collect();
    let writes = [write(&subjects[0], &parts[0]), write(&subjects[1], &parts[1])];
    let answers = oro.apply(&shop.conversation(), &writes).await;
    let is_lost = |answer: &Result<Applied, Failure>| answer.as_ref().is_err_and(|no| no.unread);
    assert!(answers.iter().all(is_lost), "{answers:?}");
    assert_eq!(applied_by(&oro, &shop, &parts, &[]).await, ["AlreadySo 5", "AlreadySo 6"]);
}

#[tokio::test(start_paused = true)]
async fn a_shop_that_may_be_older_than_6_1_8_is_asked_to_write_them_later() {
    let operation = |status: &str| {
        json!({"data": row("asyncoperations", "3", json!({"status": status, "summary":
            {"createCount": 1, "updateCount": 1, "errorCount": 0}}), Value::Null)})
    };
    let shop = Shop::answering([
        both(),
        there(ON_LIST, &[("a-1", "5", ("1", ITEM, "1"))]),
        answer("PATCH /productprices", 202, &operation("new")),
        answer("GET /asyncoperations/3", 200, &operation("running")),
        answer("GET /asyncoperations/3", 200, &operation("success")),
    ]);
    let parts = [part("S-0", &[("1", ITEM, "2")]), part("S-1", &[("1", ITEM, "1")])];
    assert_eq!(applied_by(&keyless(), &shop, &parts, &[]).await, ["Updated 5", "Updated 6"]);
    let list = |request: &ferry_http::Request| request.method == Method::Patch;
    let asked = shop.asked().into_iter().find(list).unwrap();
    assert!(asked.headers.iter().all(|(name, _)| name != "x-mode"), "{:?}", asked.headers);
}

#[tokio::test]
async fn a_shop_that_takes_no_lists_of_prices_is_written_one_by_one() {
    let none = || there(ON_LIST, &[]);
    let each = || [done("POST /productprices"), done("POST /productprices")].to_vec();
    let no = errors("PATCH /productprices", 405, "method not allowed");
    let shop =
        Shop::answering([vec![both(), none(), no], each(), vec![both(), none()], each()].concat());
    let oro = oro();
    let parts = [part("S-0", &[("1", ITEM, "2")]), part("S-1", &[("1", ITEM, "1")])];
    for _ in 0..2 {
        let subjects: Vec<_> = parts.iter().map(Part::subject).collect();
        let writes = [write(&subjects[0], &parts[0]), write(&subjects[1], &parts[1])];
        let answers = prices_of(&oro, &shop, &writes).await;
        assert_eq!(answers, ["Updated 5", "Updated 6"]);
    }
    assert_eq!((oro.together(Facet::Price).most, oro.together(Facet::Stock).most), (1, 100));
    shop.asked();
}

/// Whatever goes together.
async fn prices_of(oro: &Oro, shop: &Arc<Shop>, writes: &[Write<'_>]) -> Vec<String> {
    apply(oro, &shop.conversation(), writes).await.iter().map(word).collect()
}

#[tokio::test]
async fn the_ledgers_product_that_got_another_sku_is_looked_up_by_its_own() {
    let shop = Shop::answering([
        products("GET /products?filter[id]=4&", &[("4", "OTHER")]),
        first(),
        there(ITS, &[("a-1", "5", ("1", ITEM, "2"))]),
    ]);
    let part = part("S-0", &[("1", ITEM, "2")]);
    let subject = part.subject();
    let linked = Write { target_id: Some("4"), ..write(&subject, &part) };
    assert_eq!(prices_of(&oro(), &shop, &[linked]).await, ["AlreadySo 5"]);
    shop.asked();
}

#[tokio::test]
async fn a_value_with_more_digits_than_the_shop_keeps_is_written_with_a_warning() {
    let shop = Shop::answering([first(), there(ITS, &[]), done("POST /productprices")]);
    let answers = applied(&shop, &[part("S-0", &[("1", ITEM, "0.00125")])], &[]).await;
    assert_eq!(
        answers,
        [
            "Updated 5: prices[0].value: the shop keeps 4 digits after the point: let the source round it"
        ]
    );
}

#[test]
fn the_sample_mapping_makes_a_part_of_an_article_and_its_scale() {
    let program = include_str!("../../../../../ops/mappings/erp-price.jq");
    let mapping = ferry_mapping::Mapping::compile("erp-price.jq", program).unwrap();
    let article = json!({"article": "S-0", "list": "trade", "unit": "ITEM", "price": 12.5,
        "currency": "EUR", "scale": [{"from": 10, "price": "11.25"}], "valid_from": "2026-12-01"});
    let made = mapping.run(&article).unwrap();
    let Part::ProductPrice(mut price) =
        Part::from_json(Facet::Price, made.to_string().as_bytes()).unwrap()
    else {
        panic!("a price");
    };
    price.extensions.clear();
    let expected = part_on("trade", "S-0", &[("1", ITEM, "12.5"), ("10", ITEM, "11.25")]);
    assert_eq!(Part::ProductPrice(price), expected);
    let none = mapping.run(&json!({"article": "S-0", "unit": "item", "currency": "EUR"})).unwrap();
    assert_eq!(none["prices"], json!([]));
}
