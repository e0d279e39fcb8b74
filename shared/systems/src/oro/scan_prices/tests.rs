use ferry_canonical::{Clock, Part, Sequence, header};
use ferry_http::{HttpError, Response};
use jiff::Timestamp;

use super::*;
use crate::{
    draft::{Draft, PartDraft},
    oro::{
        Oro,
        scripted::{Shop, answer, config, errors, row},
    },
};

type Answer = (String, Result<Response, HttpError>);

const PRODUCT_PAGE: &str = "GET /products?sort=id&page[size]=3&fields[products]=sku";

fn products(after: &str, ids: &[&str]) -> Answer {
    let row = |id: &&str| row("products", id, json!({"sku": format!("SKU-{id}")}), Value::Null);
    let rows: Vec<Value> = ids.iter().map(row).collect();
    let line = if after.is_empty() {
        PRODUCT_PAGE.to_owned()
    } else {
        format!("{PRODUCT_PAGE}&filter[id][gt]={after}")
    };
    answer(&line, 200, &json!({ "data": rows }))
}

/// A price of a product, from a quantity on.
fn price(product: &str, quantity: u32, value: &str) -> Value {
    row(
        "productprices",
        &format!("{product}{quantity}-1"),
        json!({"quantity": quantity, "value": value, "currency": "EUR"}),
        json!({"product": {"type": "products", "id": product},
            "unit": {"type": "productunits", "id": "item"}}),
    )
}

fn prices(list: &str, (products, number): (&str, usize), rows: &[Value]) -> Answer {
    let line = format!(
        "GET /productprices?filter[priceList]={list}&filter[product]={products}\
         &fields[productprices]=quantity,value,currency,product,unit&sort=id&page[size]=1000\
         &page[number]={number}"
    );
    answer(&line, 200, &json!({ "data": rows }))
}

fn any(list: &str, rows: &[Value]) -> Answer {
    let line = format!("GET /productprices?filter[priceList]={list}&page[size]=1");
    answer(&line, 200, &json!({ "data": rows }))
}

fn shop_of(lists: &[(&str, &str)]) -> Oro {
    let lists = lists.iter().map(|(name, id)| ((*name).to_owned(), (*id).to_owned()));
    Oro::new(&ferry_config::system::OroConfig { price_lists: lists.collect(), ..config() }).unwrap()
}

async fn walk_of(oro: &Oro, script: Vec<Answer>, after: Option<&str>) -> Result<ScanPage, Failure> {
    let shop = Shop::answering(script);
    let ask = ScanAsk { endpoint: PRICES, after, as_of: None };
    let page = oro.scan(&shop.conversation(), &ask).await;
    shop.asked();
    page
}

async fn walk(script: Vec<Answer>) -> Result<ScanPage, Failure> {
    walk_of(&shop_of(&[("retail", "1")]), script, None).await
}

fn told(page: &ScanPage, wanted: &[bool]) -> Vec<PartDraft> {
    let record = Oro::scanned(page, wanted);
    let as_of = record.headers.iter().find(|(name, _)| *name == header::AS_OF).unwrap();
    let read = Record {
        endpoint: PRICES,
        scope: None,
        message_id: None,
        received_at: Timestamp::UNIX_EPOCH,
        as_of: Some(as_of.1.parse().unwrap()),
        first_line: 1,
        body: &record.body,
    };
    let part = |item: Item| match item.draft {
        Ok(Draft::Part(draft)) => *draft,
        other => panic!("{other:?}"),
    };
    shop_of(&[]).read(&read).into_iter().map(part).collect()
}

fn of(draft: &PartDraft) -> (&str, &str, Vec<&str>) {
    let Part::ProductPrice(part) = &draft.part else { panic!("{draft:?}") };
    let values = part.prices.iter().map(|price| price.value.as_str());
    (&part.sku, &part.list, values.collect())
}

#[tokio::test]
async fn a_page_of_products_is_asked_for_once_a_list_and_told_product_by_product() {
    let oro = shop_of(&[("retail", "1"), ("trade", "7")]);
    let script = vec![
        products("", &["5", "10"]),
        prices("1", ("5,10", 1), &[price("10", 1, "4"), price("5", 2, "8"), price("5", 1, "9")]),
        prices("1", ("5,10", 2), &[]),
        prices("7", ("5,10", 1), &[price("5", 1, "6")]),
        prices("7", ("5,10", 2), &[]),
    ];
    let page = walk_of(&oro, script, None).await.unwrap();
    let ids: Vec<&str> = page.rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, ["5/retail", "5/trade", "10/retail", "10/trade"]);
    assert!(matches!(page.rows[3].said, RowSaid::Nothing(_)), "{:?}", page.rows);
    let told = told(&page, &[true, true, true, false]);
    let said: Vec<_> = told.iter().map(of).collect();
    assert_eq!(
        said,
        [
            ("SKU-5", "retail", vec!["9", "8"]),
            ("SKU-5", "trade", vec!["6"]),
            ("SKU-10", "retail", vec!["4"]),
        ]
    );
    assert_eq!(told[2].source_id.as_deref(), Some("10"));
    assert_eq!((&told[0].clock, told[0].time), (&Clock::named("as-of"), Some(page.as_of)));
    assert_eq!(told[0].sequence, Sequence::of_time(page.as_of));
    // The walk goes on behind the product, and ends where there is none.
    let end = walk_of(&oro, vec![products("10", &[])], Some("10/trade")).await.unwrap();
    assert_eq!(end.rows, []);
}

#[tokio::test]
async fn what_was_taken_away_is_heard_as_what_is_left_and_as_nothing_where_that_was_all() {
    let page = |rows: Vec<Value>| {
        vec![
            products("", &["5", "6"]),
            prices("1", ("5,6", 1), &rows),
            prices("1", ("5,6", 2), &[]),
        ]
    };
    let (one, ten, other) = (price("5", 1, "9"), price("5", 10, "8"), price("6", 1, "3"));
    let both = walk(page(vec![one.clone(), ten.clone(), other.clone()])).await.unwrap();
    let turned = walk(page(vec![ten, other.clone(), one.clone()])).await.unwrap();
    assert_eq!(both.rows, turned.rows, "an order that says nothing is no change");
    let left = walk(page(vec![one, other.clone()])).await.unwrap();
    assert_ne!(left.rows[0].said, both.rows[0].said);
    assert_eq!(left.rows[1], both.rows[1]);
    let none = walk(page(vec![other])).await.unwrap();
    assert!(matches!(none.rows[0].said, RowSaid::Nothing(_)), "{:?}", none.rows);
    assert_eq!(of(&told(&none, &[true, false])[0]), ("SKU-5", "retail", vec![]));
}

#[tokio::test]
async fn a_list_that_shows_no_price_says_nothing_of_any_product() {
    let page = |more: Vec<Answer>| {
        let mut script = vec![products("", &["5"]), prices("1", ("5", 1), &[])];
        script.extend(more);
        script
    };
    // Another product of the list has a price: this one has none, also when it is asked for once more.
    let others = || any("1", &[price("9", 1, "1")]);
    let sure = walk(page(vec![others(), prices("1", ("5", 1), &[])])).await.unwrap();
    assert!(matches!(sure.rows[0].said, RowSaid::Nothing(_)), "{:?}", sure.rows);
    let one = [price("5", 1, "1")];
    let again = vec![others(), prices("1", ("5", 1), &one), prices("1", ("5", 2), &[])];
    let shown = walk(page(again)).await.unwrap();
    assert!(matches!(shown.rows[0].said, RowSaid::State(_)), "{:?}", shown.rows);
    let list = row("pricelists", "1", json!({"name": "Retail"}), Value::Null);
    let there = answer("GET /pricelists/1", 200, &json!({ "data": list }));
    let hidden = walk(page(vec![any("1", &[]), there])).await.unwrap();
    assert_eq!((hidden.rows.len(), hidden.rows[0].said), (1, RowSaid::Hidden));
    let gone = errors("GET /pricelists/1", 404, "not found http exception");
    let no = walk(page(vec![any("1", &[]), gone])).await.unwrap_err();
    assert!(no.detail.contains("the shop has no price list 1 (price_lists"), "{}", no.detail);
    let denied = || errors("GET /productprices", 403, "access denied exception");
    assert!(walk(page(vec![denied()])).await.is_err());
    assert!(walk(vec![products("", &["5"]), denied()]).await.is_err());
}

#[tokio::test]
async fn pages_are_read_to_an_empty_one_and_products_whose_prices_fill_more_are_halved() {
    let [five, six, seven] = ["5", "6", "7"].map(|product| price(product, 1, "2"));
    let ten = price("5", 10, "1");
    let script = vec![
        products("", &["5", "6", "7"]),
        prices("1", ("5,6,7", 1), &[five.clone(), six.clone()]),
        prices("1", ("5,6,7", 2), std::slice::from_ref(&seven)),
        prices("1", ("5", 1), &[five]),
        // The shop's own limit: what it shows is read on.
        prices("1", ("5", 2), &[ten]),
        prices("1", ("5", 3), &[]),
        prices("1", ("6,7", 1), &[six, seven]),
        prices("1", ("6,7", 2), &[]),
    ];
    let page = walk(script).await.unwrap();
    let told = told(&page, &[true; 3]);
    let said: Vec<_> = told.iter().map(|part| of(part).2).collect();
    assert_eq!(said, [vec!["2", "1"], vec!["2"], vec!["2"]]);
}

#[tokio::test]
async fn products_whose_prices_fill_a_page_are_halved_whatever_is_behind_it() {
    let full: Vec<Value> = (1..=1000).map(|from| price("5", from, "1")).collect();
    let script = vec![
        products("", &["5", "6"]),
        prices("1", ("5,6", 1), &full),
        prices("1", ("5", 1), &full[..2]),
        prices("1", ("5", 2), &[]),
        prices("1", ("6", 1), &[price("6", 1, "2")]),
        prices("1", ("6", 2), &[]),
    ];
    let page = walk(script).await.unwrap();
    assert_eq!(of(&told(&page, &[false, true])[0]), ("SKU-6", "retail", vec!["2"]));
}

#[test]
fn a_page_of_products_is_as_large_as_its_record_may_be() {
    let most = |lists| products_of_a_page(100, lists);
    assert_eq!([0, 1, 3, 100, 500].map(most), [100, 100, 33, 1, 1]);
    assert_eq!(products_of_a_page(10, 3), 10);
}

#[tokio::test]
async fn a_product_with_more_prices_than_one_may_have_is_a_bad_item_and_the_others_are_told() {
    let many: Vec<Value> = (1..=201).map(|from| price("5", from, "1")).collect();
    let script = vec![products("", &["5"]), prices("1", ("5", 1), &many)];
    let page = walk(script).await.unwrap();
    assert!(matches!(page.rows[0].said, RowSaid::NoState(_)), "{:?}", page.rows);
}
