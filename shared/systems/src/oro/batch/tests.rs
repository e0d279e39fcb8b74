//! Whatever a shop answers to a list, each item gets one answer, and nothing is sent twice that may have
//! been written.

use std::{sync::Arc, time::Duration};

use ferry_http::{Conversation, HttpError, Method, Request, Subjects};
use serde_json::json;

use super::*;
use crate::oro::{
    Oro,
    scripted::{Shop, answer, bytes, config, oro, row},
};

const LIST: &str = "PATCH /customers";

fn items(names: &[&str]) -> Vec<Item> {
    let item = |(of, name): (usize, &&str)| {
        let resource = match name.strip_prefix('#') {
            Some(id) => Resource::with_id("customers", id).attribute("name", "changed"),
            None => Resource::new("customers").attribute("name", *name),
        };
        Item::new(of, resource)
    };
    names.iter().enumerate().map(item).collect()
}

/// The rows of an answer, each with what was sent as its id and what it is there.
fn rows(ids: &[(&str, &str)]) -> Value {
    let row = |(sent, id): &(&str, &str)| {
        let mut row = row("customers", id, json!({}), Value::Null);
        row["meta"] = json!({"dataId": sent});
        row
    };
    json!({"data": ids.iter().map(row).collect::<Vec<_>>()})
}

fn errors(entries: &[(&str, &str)]) -> Value {
    let entry = |(title, pointer): &(&str, &str)| {
        let mut error = json!({"status": "400", "title": title, "detail": "Oro says why."});
        if !pointer.is_empty() {
            error["source"] = json!({ "pointer": pointer });
        }
        error
    };
    json!({"errors": entries.iter().map(entry).collect::<Vec<_>>()})
}

/// What became of each, in a word, and which writes a request is known to have changed.
async fn written(shop: &Arc<Shop>, oro: &Oro, items: &[Item]) -> Option<Vec<String>> {
    let conversation = shop.conversation();
    let api = Api { oro, conversation: &conversation };
    let came = write(&api, ("write customers", "customers"), items, How::AtOnce).await?;
    let word = |came: &Came| match came {
        Came::Taken(Some(row)) => format!("taken {}", document::id(row).unwrap()),
        Came::Taken(None) => "taken".to_owned(),
        Came::Refused(No { failure, .. }) => format!("refused: {}", failure.detail),
        Came::Failed(failure) if failure.withheld => "not sent".to_owned(),
        Came::Failed(failure) if failure.unread => format!("in doubt: {}", failure.kind),
        Came::Failed(failure) => format!("failed: {}", failure.kind),
    };
    Some(came.iter().map(word).collect())
}

/// The names, or ids, of the resources in each list that was sent.
fn sent(shop: &Shop) -> Vec<Vec<String>> {
    let names = |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let name = |row: &Value| match row.pointer("/meta/update") {
            Some(_) => format!("#{}", document::id(row).unwrap()),
            None => document::text(row, "name").unwrap().to_owned(),
        };
        document::rows(&body).iter().map(name).collect()
    };
    let asked = shop.asked();
    asked.iter().filter(|request| request.method == Method::Patch).map(names).collect()
}

#[tokio::test]
async fn a_list_is_one_request_whose_answer_names_each() {
    let shop = Shop::answering([answer(
        LIST,
        200,
        &rows(&[("new-0", "70"), ("9", "9"), ("new-2", "71")]),
    )]);
    let came = written(&shop, &oro(), &items(&["A", "#9", "B"])).await.unwrap();
    assert_eq!(came, ["taken 70", "taken 9", "taken 71"]);
    let asked = shop.asked();
    let header = |name| asked[0].headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    assert_eq!(header("x-mode"), Some("sync"));
    assert_eq!(asked[0].deadline, Duration::from_secs(40));
    insta::assert_snapshot!(String::from_utf8_lossy(&asked[0].body), @r#"{"data":[{"type":"customers","id":"new-0","attributes":{"name":"A"}},{"type":"customers","id":"9","meta":{"update":true},"attributes":{"name":"changed"}},{"type":"customers","id":"new-2","attributes":{"name":"B"}}]}"#);
}

#[tokio::test]
async fn of_a_refused_list_the_named_items_fail_and_the_rest_is_sent_again() {
    let refusal = errors(&[
        ("not blank constraint", "/data/1/attributes/name"),
        ("length constraint", "/data/1/attributes/externalId"),
    ]);
    let shop = Shop::answering([
        answer(LIST, 400, &refusal),
        answer(LIST, 200, &rows(&[("new-0", "70"), ("new-1", "71")])),
    ]);
    let came = written(&shop, &oro(), &items(&["A", "B", "C"])).await.unwrap();
    let why = "refused: name: Oro says why. (not blank constraint); \
               number: Oro says why. (length constraint)";
    assert_eq!(came, ["taken 70", why, "taken 71"]);
    assert_eq!(sent(&shop), [vec!["A", "B", "C"], vec!["A", "C"]]);
}

#[tokio::test]
async fn a_refusal_that_names_nobody_is_found_by_halves() {
    let refusal = errors(&[("unique entity constraint", "")]);
    let shop = Shop::answering([
        answer(LIST, 400, &refusal),
        answer(LIST, 200, &rows(&[("new-0", "70"), ("new-1", "71")])),
        answer(LIST, 400, &refusal),
        answer(LIST, 400, &refusal),
        answer(LIST, 200, &rows(&[("new-0", "73")])),
    ]);
    let came = written(&shop, &oro(), &items(&["A", "B", "C", "D"])).await.unwrap();
    let why = "refused: Oro says why. (unique entity constraint)";
    assert_eq!(came, ["taken 70", "taken 71", why, "taken 73"]);
    assert_eq!(sent(&shop).concat(), ["A", "B", "C", "D", "A", "B", "C", "D", "C", "D"]);
}

#[tokio::test]
async fn after_a_silence_its_items_are_in_doubt_and_nothing_more_is_sent() {
    let lost = || Err(HttpError::Timeout(Duration::from_secs(40)));
    for (status, what) in
        [(None, "timeout"), (Some(500), "unavailable"), (Some(504), "unavailable")]
    {
        let shop = Shop::answering([match status {
            None => (LIST.to_owned(), lost()),
            Some(status) => bytes(LIST, status, ""),
        }]);
        let oro = two_at_a_time();
        let came = written(&shop, &oro, &items(&["A", "B", "C"])).await.unwrap();
        let doubt = format!("in doubt: {what}");
        assert_eq!(came, [&doubt, &doubt, "not sent"]);
    }
    let shop = Shop::answering([bytes(LIST, 503, "")]);
    let came = written(&shop, &two_at_a_time(), &items(&["A", "B", "C"])).await.unwrap();
    assert_eq!(came, ["failed: unavailable", "failed: unavailable", "not sent"]);
}

fn two_at_a_time() -> Oro {
    let mut config = config();
    config.batch.most = 2;
    Oro::new(&config).unwrap()
}

#[tokio::test]
async fn an_answer_that_does_not_name_each_leaves_all_in_doubt() {
    for data in [
        rows(&[("new-0", "70")]),
        rows(&[("new-0", "70"), ("new-7", "71")]),
        json!({"data": []}),
        json!({"data": [{"type": "customers"}, {"type": "customers"}]}),
    ] {
        let shop = Shop::answering([answer(LIST, 200, &data)]);
        let came = written(&shop, &oro(), &items(&["A", "B"])).await.unwrap();
        assert_eq!(came, ["in doubt: unavailable", "in doubt: unavailable"], "{data}");
    }
    let shop = Shop::answering([answer(LIST, 200, &rows(&[("8", "8")]))]);
    let came = written(&shop, &oro(), &items(&["#9"])).await.unwrap();
    assert_eq!(came, ["in doubt: unavailable"], "another one than the one that was changed");
}

#[tokio::test]
async fn a_shop_without_lists_says_so_and_has_written_nothing() {
    for status in [403, 404, 405] {
        let shop = Shop::answering([bytes(LIST, status, "")]);
        assert_eq!(written(&shop, &oro(), &items(&["A", "B"])).await, None, "{status}");
        shop.asked();
    }
    // But one that does not have what is to be changed takes lists.
    let gone = errors(&[("not found http exception", "/data/1")]);
    let shop =
        Shop::answering([answer(LIST, 404, &gone), answer(LIST, 200, &rows(&[("new-0", "70")]))]);
    let came = written(&shop, &oro(), &items(&["A", "#9"])).await.unwrap();
    assert_eq!(came, ["taken 70", "refused: Oro says why. (not found http exception)"]);
}

fn put_off() -> (String, Result<Response, HttpError>) {
    answer(LIST, 202, &json!({"data": row("asyncoperations", "5", json!({}), Value::Null)}))
}

fn operation(status: &str, summary: &Value) -> (String, Result<Response, HttpError>) {
    let operation =
        row("asyncoperations", "5", json!({"status": status, "summary": summary}), Value::Null);
    answer("GET /asyncoperations/5", 200, &json!({ "data": operation }))
}

fn counted(created: u64, updated: u64, errors: u64) -> Value {
    json!({"createCount": created, "updateCount": updated, "errorCount": errors})
}

#[tokio::test(start_paused = true)]
async fn what_the_shop_puts_off_is_followed_to_its_end() {
    let shop = Shop::answering([
        put_off(),
        operation("new", &Value::Null),
        operation("running", &Value::Null),
        operation("success", &counted(1, 1, 0)),
    ]);
    let came = written(&shop, &oro(), &items(&["A", "#9"])).await.unwrap();
    assert_eq!(came, ["taken", "taken"]);
    shop.asked();
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_wrote_a_part_says_which() {
    let error = json!({"status": 400, "title": "not blank constraint", "detail": "Oro says why.",
        "source": {"pointer": "/data/1/attributes/name"}});
    let error = row("asyncoperationerrors", "5-1-1", error, Value::Null);
    for (counts, rest) in [(counted(2, 0, 1), "taken"), (counted(1, 0, 1), "in doubt: unavailable")]
    {
        let shop = Shop::answering([
            put_off(),
            operation("success", &counts),
            answer(
                "GET /asyncoperations/5/errors?page[size]=100&page[number]=1",
                200,
                &json!({"data": [error.clone()]}),
            ),
        ]);
        let came = written(&shop, &oro(), &items(&["A", "B", "C"])).await.unwrap();
        assert_eq!(came, [rest, "refused: name: Oro says why. (not blank constraint)", rest]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_is_gone_or_never_ends_leaves_all_in_doubt() {
    let gone = Shop::answering([put_off(), bytes("GET /asyncoperations/5", 404, "")]);
    let came = written(&gone, &oro(), &items(&["A", "B"])).await.unwrap();
    assert_eq!(came, ["in doubt: unavailable", "in doubt: unavailable"]);
    let looks = (0..15).map(|_| operation("running", &Value::Null));
    let endless = Shop::answering(std::iter::once(put_off()).chain(looks));
    let came = written(&endless, &two_at_a_time(), &items(&["A", "B", "C"])).await.unwrap();
    assert_eq!(came[0], "in doubt: timeout");
}

/// A new product with one text and one unit, or a change of that of a product.
fn with_texts(of: usize, id: Option<&str>) -> Item {
    let text = Resource::with_id("productnames", "new-names").attribute("string", "Cup");
    match id {
        None => {
            let unit = Resource::with_id("productunitprecisions", "new-unit").one(
                "unit",
                "productunits",
                "new-unit",
            );
            let product = Resource::new("products")
                .many("names", "productnames", ["new-names"])
                .one("primaryUnitPrecision", "productunitprecisions", "new-unit");
            Item { included: vec![text, unit], ..Item::new(of, product) }
        }
        Some(id) => {
            let there = Resource::with_id("productnames", "7").attribute("string", "Tasse");
            let product =
                Resource::with_id("products", id).many("names", "productnames", ["7", "new-names"]);
            Item { included: vec![there.updating(), text], ..Item::new(of, product) }
        }
    }
}

#[test]
fn what_is_included_with_one_is_told_apart_from_that_of_another() {
    let (first, second) = (with_texts(0, None), with_texts(1, Some("9")));
    let document = pack::document(&[&first, &second]);
    insta::assert_snapshot!(document, @r#"{"data":[{"type":"products","id":"new-0","relationships":{"names":{"data":[{"type":"productnames","id":"0-new-names"}]},"primaryUnitPrecision":{"data":{"type":"productunitprecisions","id":"0-new-unit"}}}},{"type":"products","id":"9","meta":{"update":true},"relationships":{"names":{"data":[{"type":"productnames","id":"7"},{"type":"productnames","id":"1-new-names"}]}}}],"included":[{"type":"productnames","id":"0-new-names","attributes":{"string":"Cup"}},{"type":"productunitprecisions","id":"0-new-unit","relationships":{"unit":{"data":{"type":"productunits","id":"new-unit"}}}},{"type":"productnames","id":"7","meta":{"update":true},"attributes":{"string":"Tasse"}},{"type":"productnames","id":"1-new-names","attributes":{"string":"Cup"}}]}"#);
}

#[test]
fn a_request_holds_a_hundred_items_and_fifty_that_are_included() {
    let plain: Vec<Item> = (0..250).map(|of| Item::new(of, Resource::new("products"))).collect();
    let sizes = |items: &[Item]| -> Vec<usize> {
        pack::chunks(items, 100, pack::INCLUDED_MAX).iter().map(Vec::len).collect()
    };
    assert_eq!(sizes(&plain), [100, 100, 50]);
    let products: Vec<Item> = (0..60).map(|of| with_texts(of, None)).collect();
    assert_eq!(sizes(&products), [25, 25, 10]);
    let text = Resource::with_id("productnames", "new-names");
    let large = |many| Item { included: vec![text.clone(); many], ..with_texts(0, None) };
    assert_eq!(sizes(&[large(49), large(1), large(1)]), [2, 1]);
    assert!(large(50).fits() && !large(51).fits());
}

#[tokio::test]
async fn what_is_said_of_something_included_is_said_of_its_item() {
    let refusal = errors(&[
        ("not blank constraint", "/included/2/attributes/string"),
        ("length constraint", "/included/3"),
    ]);
    let made = rows(&[("new-0", "70")]);
    let shop = Shop::answering([
        answer("PATCH /products", 400, &refusal),
        answer("PATCH /products", 200, &made),
    ]);
    let conversation = shop.conversation();
    let oro = oro();
    let api = Api { oro: &oro, conversation: &conversation };
    let items = [with_texts(0, None), with_texts(1, Some("9"))];
    let came = write(&api, ("write products", "products"), &items, How::AtOnce).await.unwrap();
    let [Came::Taken(Some(_)), Came::Refused(no)] = came.as_slice() else { panic!("{came:?}") };
    assert_eq!(
        no.failure.detail,
        "name: Oro says why. (not blank constraint); /included/1: Oro says why. (length constraint)"
    );
    shop.asked();
}

#[test]
fn a_request_is_no_larger_than_a_proxy_takes() {
    let large = "x".repeat(300 * 1024);
    let items = items(&[&large, &large, &large, "A"]);
    assert_eq!(pack::chunks(&items, 100, 50), [vec![0, 1], vec![2, 3]]);
    assert_eq!(pack::chunks(&items, 1, 50), [vec![0], vec![1], vec![2], vec![3]]);
}

/// So many new products, of four texts and a unit each, that lists of them would be sixteen requests.
fn backfill() -> Vec<Item> {
    let text = Resource::with_id("productnames", "new-more").attribute("string", "Cup");
    let product = |of| {
        let mut item = with_texts(of, None);
        item.included.extend(vec![text.clone(); 3]);
        item
    };
    (0..160).map(product).collect()
}

fn in_bulk(shop: &Arc<Shop>) -> Conversation {
    let ids = (0..160).map(|n| format!("SKU-{n}")).collect();
    shop.conversation().writing(Subjects { entity: "product", ids, in_bulk: true })
}

#[tokio::test(start_paused = true)]
async fn what_a_backfill_would_send_in_many_requests_is_put_off_in_as_few_as_it_has_hundreds() {
    let error = json!({"status": 400, "title": "not blank constraint", "detail": "Oro says why.",
        "source": {"pointer": "/included/7/attributes/string"}});
    let error = row("asyncoperationerrors", "5-1-1", error, Value::Null);
    let put_off = || {
        let operation = json!({"data": row("asyncoperations", "5", json!({}), Value::Null)});
        answer("PATCH /products", 202, &operation)
    };
    let shop = Shop::answering([
        put_off(),
        operation("success", &counted(99, 0, 1)),
        answer("GET /asyncoperations/5/errors?", 200, &json!({"data": [error]})),
        put_off(),
        operation("success", &counted(60, 0, 0)),
    ]);
    let (oro, conversation) = (oro(), in_bulk(&shop));
    let api = Api { oro: &oro, conversation: &conversation };
    let came = write(&api, ("write products", "products"), &backfill(), How::AtOnce).await.unwrap();
    let refused = |(place, came): (usize, &Came)| matches!(came, Came::Refused(_)).then_some(place);
    assert_eq!(came.iter().enumerate().filter_map(refused).collect::<Vec<_>>(), [1]);
    assert_eq!(came.iter().filter(|came| matches!(came, Came::Taken(None))).count(), 159);
    let asked = shop.asked();
    let modes =
        asked.iter().flat_map(|request| &request.headers).filter(|(name, _)| name == "x-mode");
    assert_eq!(modes.count(), 0, "the shop is not to hold them up for it");
}

#[tokio::test]
async fn what_cannot_wait_or_would_be_few_requests_is_not_put_off() {
    let live = |many: usize| async move {
        let all: Vec<Item> = backfill().into_iter().take(many).collect();
        let chunks = pack::chunks(&all, 100, pack::INCLUDED_MAX);
        let made = |chunk: &Vec<usize>| {
            let ids: Vec<String> = (0..chunk.len()).map(|n| format!("new-{n}")).collect();
            let named: Vec<(&str, &str)> =
                ids.iter().map(|id| (id.as_str(), id.as_str())).collect();
            answer("PATCH /products", 200, &rows(&named))
        };
        let shop = Shop::answering(chunks.iter().map(made));
        let oro = oro();
        let conversation = if many == 160 { shop.conversation() } else { in_bulk(&shop) };
        let api = Api { oro: &oro, conversation: &conversation };
        write(&api, ("write products", "products"), &all, How::AtOnce).await.unwrap();
        shop.asked().len()
    };
    assert_eq!((live(160).await, live(50).await), (16, 5));
    // Prices have nothing included: put off, they would be as many requests, and looks beside.
    let prices: Vec<Item> =
        (0..600).map(|of| Item::new(of, Resource::new("productprices"))).collect();
    let shop = Shop::answering([]);
    let (oro, conversation) = (oro(), in_bulk(&shop));
    let api = Api { oro: &oro, conversation: &conversation };
    let (how, chunks) = planned(&api, "productprices", &prices, How::AtOnce);
    assert_eq!((how, chunks.len()), (How::AtOnce, 6));
}
