use std::time::Duration;

use ferry_canonical::{Clock, Part, Sequence};
use ferry_config::{ScheduleConfig, system::OroScan};

use super::*;
use crate::{
    RowSaid,
    draft::PartDraft,
    oro::{
        Oro,
        scripted::{Shop, answer, errors, oro, row},
    },
};

const CUSTOMER_PAGE: &str = "GET /customers?sort=id&page[size]=3&include=group,users,addresses";
const ORDER_PAGE: &str = "GET /orders?sort=id&page[size]=3\
                          &include=lineItems,billingAddress,shippingAddress,customer,customerUser";
const LEVEL_PAGE: &str = "GET /inventorylevels?sort=id&page[size]=3&include=product";

fn customer(id: &str, user: &str) -> [Value; 2] {
    let of = json!([{"type": "customerusers", "id": user}]);
    let said = json!({"name": "Acme", "externalId": format!("C-{id}"),
        "updatedAt": "2026-11-22T09:15:01Z"});
    let person = json!({"firstName": "Jo", "lastName": "Li", "email": "jo@acme.example"});
    [
        row("customers", id, said, json!({"group": null, "users": of, "addresses": []})),
        row("customerusers", user, person, Value::Null),
    ]
}

fn document(rows: &[[Value; 2]]) -> Value {
    let (data, included): (Vec<_>, Vec<_>) =
        rows.iter().map(|[row, beside]| (row.clone(), beside.clone())).unzip();
    json!({ "data": data, "included": included })
}

fn level(id: &str, quantity: &str, precision: &str) -> [Value; 2] {
    let product = format!("5{id}");
    let relations = json!({
        "product": {"type": "products", "id": product},
        "productUnitPrecision": {"type": "productunitprecisions", "id": precision},
    });
    let unit = json!({"primaryUnitPrecision": {"type": "productunitprecisions", "id": "14"}});
    [
        row("inventorylevels", id, json!({ "quantity": quantity }), relations),
        row("products", &product, json!({"sku": format!("SKU-{id}")}), unit),
    ]
}

async fn walk(answers: &[(&str, Value)], ask: ScanAsk<'_>) -> Result<ScanPage, Failure> {
    let script = answers.iter().map(|(line, body)| answer(line, 200, body));
    let shop = Shop::answering(script);
    let page = oro().scan(&shop.conversation(), &ask).await;
    shop.asked();
    page
}

fn first(endpoint: &str) -> ScanAsk<'_> {
    ScanAsk { endpoint, after: None, as_of: None }
}

/// The parts of a record of these rows.
fn parts(page: &ScanPage, endpoint: &str, wanted: &[bool]) -> Vec<PartDraft> {
    let record = record(page, wanted);
    let as_of = record.headers.iter().find(|(name, _)| *name == header::AS_OF);
    let read = Record {
        endpoint,
        scope: None,
        message_id: None,
        received_at: Timestamp::UNIX_EPOCH,
        as_of: Some(as_of.unwrap().1.parse().unwrap()),
        first_line: 1,
        body: &record.body,
    };
    let part = |item: Item| match item.draft {
        Ok(Draft::Part(draft)) => *draft,
        other => panic!("{other:?}"),
    };
    oro().read(&read).into_iter().map(part).collect()
}

#[tokio::test]
async fn a_users_change_changes_the_hash_of_its_customer_and_of_no_other() {
    let body = document(&[customer("9", "70"), customer("10", "71")]);
    let before = walk(&[(CUSTOMER_PAGE, body.clone())], first(CUSTOMERS)).await.unwrap();
    let again = walk(&[(CUSTOMER_PAGE, body.clone())], first(CUSTOMERS)).await.unwrap();
    assert_eq!(before.rows, again.rows);
    let mut renamed = body.clone();
    renamed["included"][1]["attributes"]["lastName"] = json!("Ray");
    let after = walk(&[(CUSTOMER_PAGE, renamed)], first(CUSTOMERS)).await.unwrap();
    assert_eq!(after.rows[0], before.rows[0]);
    assert_eq!((after.rows[1].id.as_str(), before.rows[1].id.as_str()), ("10", "10"));
    assert_ne!(after.rows[1].said, before.rows[1].said);
    // A poll may have heard another state meanwhile, and this one is the old one set back.
    let mut touched = body;
    touched["data"][0]["attributes"]["updatedAt"] = json!("2026-11-22T09:15:02Z");
    let after = walk(&[(CUSTOMER_PAGE, touched)], first(CUSTOMERS)).await.unwrap();
    assert_ne!(after.rows[0].said, before.rows[0].said);
}

#[tokio::test]
async fn only_what_is_wanted_is_told_with_what_belongs_to_it() {
    let body = document(&[customer("9", "70"), customer("10", "71")]);
    let page = walk(&[(CUSTOMER_PAGE, body)], first(CUSTOMERS)).await.unwrap();
    let told = record(&page, &[false, true]);
    let text = String::from_utf8(told.body).unwrap();
    assert!(text.contains(r#""id":"71""#) && !text.contains(r#""id":"70""#), "{text}");
    assert_eq!(told.items, Some(1));
    let parts = parts(&page, CUSTOMERS, &[false, true]);
    let [PartDraft { part: Part::CustomerProfile(profile), clock, sequence, .. }] =
        parts.as_slice()
    else {
        panic!("{parts:?}")
    };
    assert_eq!((profile.number.as_str(), clock), ("C-10", &Clock::named("updated-at")));
    // As a poll says it: the customer's own time.
    assert_eq!(*sequence, Sequence(1_795_338_901_000_000));
}

#[tokio::test]
async fn a_walk_goes_on_behind_the_last_id_and_ends_with_an_empty_page() {
    let line = format!("{CUSTOMER_PAGE}&filter[id][gt]=10");
    let ask = ScanAsk { after: Some("10"), ..first(CUSTOMERS) };
    let page = walk(&[(&line, json!({"data": []}))], ask).await.unwrap();
    assert_eq!(page.rows, []);
    let backwards = document(&[customer("9", "70")]);
    let no = walk(&[(&line, backwards)], ask).await.unwrap_err();
    assert!(no.detail.contains("not in the order"), "{}", no.detail);
    let twice = document(&[customer("11", "70"), customer("11", "70")]);
    assert!(walk(&[(&line, twice)], ask).await.is_err());
    // Nothing could be cut out of it.
    let one = json!({"data": customer("11", "70")[0]});
    let no = walk(&[(&line, one)], ask).await.unwrap_err();
    assert!(no.detail.contains("is no list"), "{}", no.detail);
}

#[tokio::test]
async fn a_level_is_stock_of_the_shops_site_as_of_when_it_was_asked_for() {
    let body = document(&[level("1", "17.0000", "14"), level("2", "-3", "14")]);
    let page = walk(&[(LEVEL_PAGE, body)], first(LEVELS)).await.unwrap();
    let parts = parts(&page, LEVELS, &[true, true]);
    let [first, second] = parts.as_slice() else { panic!("{parts:?}") };
    let Part::ProductStock(stock) = &first.part else { panic!("{first:?}") };
    assert_eq!((stock.sku.as_str(), stock.site.as_str()), ("SKU-1", "shop"));
    assert_eq!(stock.available.as_str(), "17");
    assert_eq!(first.source_id.as_deref(), Some("51"));
    assert_eq!((&first.clock, first.time), (&Clock::named("as-of"), Some(page.as_of)));
    assert_eq!(first.sequence, Sequence::of_time(page.as_of));
    assert!(matches!(&second.part, Part::ProductStock(stock) if stock.available.is_negative()));
}

#[tokio::test]
async fn a_level_that_was_read_again_unchanged_has_its_hash_and_a_later_time() {
    let body = document(&[level("1", "17", "14")]);
    let before = walk(&[(LEVEL_PAGE, body.clone())], first(LEVELS)).await.unwrap();
    // The clock stands still, or the answer took longer.
    let ask = ScanAsk { as_of: Some(before.as_of), ..first(LEVELS) };
    let after = walk(&[(LEVEL_PAGE, body)], ask).await;
    // The clock of these tests stands at the end of time, behind which nothing is.
    let after = after.unwrap();
    assert_eq!(after.rows, before.rows);
    let at = |second| Timestamp::from_second(second).unwrap();
    assert!(later(at(5), Some(at(5))) > at(5));
    assert!(later(at(4), Some(at(5))) > at(5));
    assert_eq!(later(at(6), Some(at(5))), at(6));
    assert_eq!(later(at(6), None), at(6));
}

#[tokio::test]
async fn a_level_of_another_unit_is_skipped_and_one_that_cannot_be_read_is_told_once() {
    let mut body = document(&[level("1", "17", "13"), level("2", "many", "14")]);
    let page = walk(&[(LEVEL_PAGE, body.clone())], first(LEVELS)).await.unwrap();
    let told = record(&page, &[true, true]);
    let read = Record {
        endpoint: LEVELS,
        scope: None,
        message_id: None,
        received_at: Timestamp::UNIX_EPOCH,
        as_of: None,
        first_line: 1,
        body: &told.body,
    };
    let items = oro().read(&read);
    assert!(matches!(&items[0].draft, Ok(Draft::Skip { reason, .. }) if reason.contains("unit")));
    let bad = items[1].draft.as_ref().unwrap_err();
    assert_eq!((bad.detail.as_str(), bad.key.as_deref()), ("quantity: expected a decimal", None));
    body["data"][1]["attributes"]["quantity"] = json!("few");
    let again = walk(&[(LEVEL_PAGE, body)], first(LEVELS)).await.unwrap();
    assert_eq!(again.rows[0], page.rows[0]);
    assert!(page.rows.iter().all(|row| matches!(row.said, RowSaid::NoState(_))));
    assert_ne!(again.rows[1].said, page.rows[1].said);
}

fn order(id: &str, quantity: &str) -> [Value; 2] {
    let line = format!("4{id}");
    let said = json!({"identifier": format!("W-{id}"), "currency": "EUR", "poNumber": "P-1",
        "createdAt": "2026-01-02T03:04:05Z", "updatedAt": "2026-11-22T09:15:01Z"});
    let price = json!({"productSku": "MUG", "quantity": quantity, "value": "2"});
    let lines = json!([{"type": "orderlineitems", "id": line}]);
    [
        row("orders", id, said, json!({ "lineItems": lines })),
        row("orderlineitems", &line, price, Value::Null),
    ]
}

#[tokio::test]
async fn a_customer_that_is_renamed_is_no_change_of_its_orders() {
    let of = |name: &str| {
        let mut rows = order("9", "1");
        rows[0]["relationships"]["customer"] = json!({"data": {"type": "customers", "id": "7"}});
        let mut body = document(&[rows]);
        let customer = json!({"name": name, "externalId": "C-7"});
        body["included"].as_array_mut().unwrap().push(row("customers", "7", customer, Value::Null));
        body
    };
    let before = walk(&[(ORDER_PAGE, of("Acme"))], first(ORDERS)).await.unwrap();
    let after = walk(&[(ORDER_PAGE, of("Acme Ltd"))], first(ORDERS)).await.unwrap();
    assert_eq!(before.rows, after.rows);
    let mut other = of("Acme");
    other["included"][1]["attributes"]["externalId"] = json!("C-8");
    let after = walk(&[(ORDER_PAGE, other)], first(ORDERS)).await.unwrap();
    assert_ne!(before.rows, after.rows, "whose it is");
}

#[tokio::test]
async fn a_late_change_of_an_order_changes_its_hash_and_is_told_as_a_poll_says_it() {
    let body = document(&[order("9", "1"), order("10", "1")]);
    let before = walk(&[(ORDER_PAGE, body.clone())], first(ORDERS)).await.unwrap();
    let again = walk(&[(ORDER_PAGE, body)], first(ORDERS)).await.unwrap();
    assert_eq!(before.rows, again.rows, "a walk that finds no change tells nothing");
    // What belongs to an order is rows of their own, and some move no time of it.
    let body = document(&[order("9", "1"), order("10", "3")]);
    let after = walk(&[(ORDER_PAGE, body)], first(ORDERS)).await.unwrap();
    assert_eq!(after.rows[0], before.rows[0]);
    assert_ne!(after.rows[1].said, before.rows[1].said);
    assert_eq!(after.rows[1].known_as, None, "of orders that are gone nobody is told");
    let parts = parts(&after, ORDERS, &[false, true]);
    let [PartDraft { part: Part::OrderPlaced(order), clock, sequence, source_id, .. }] =
        parts.as_slice()
    else {
        panic!("{parts:?}")
    };
    assert_eq!((order.identifier.as_str(), order.lines[0].quantity.as_str()), ("W-10", "3"));
    assert_eq!((clock, source_id.as_deref()), (&Clock::named("updated-at"), Some("10")));
    assert_eq!(*sequence, Sequence(1_795_338_901_000_000));
}

#[test]
fn a_shop_scans_of_itself_what_is_configured() {
    let mut config = crate::oro::scripted::config();
    let every = |seconds| Some(ScheduleConfig::every(Duration::from_secs(seconds)));
    config.scan = OroScan { customers: every(60), orders: every(90) };
    let scans = Oro::new(&config).unwrap().own_scans();
    let scans: Vec<_> = scans.iter().map(|(list, schedule)| (list.as_str(), schedule)).collect();
    let (minute, more) = (every(60).unwrap(), every(90).unwrap());
    assert_eq!(scans, [(CUSTOMERS, &minute), (ORDERS, &more)]);
    assert!(oro().own_scans().is_empty());
}

const NOT_FOUND: &str = "not found http exception";

fn there(id: &str) -> (String, Result<ferry_http::Response, ferry_http::HttpError>) {
    answer(&format!("GET /customers/{id}"), 200, &document(&[customer(id, "70")]))
}

fn rows(ids: &[&str]) -> Vec<MissedRow> {
    let row = |id: &&str| MissedRow { id: (*id).to_owned(), known_as: format!("C-{id}") };
    ids.iter().map(row).collect()
}

#[tokio::test]
async fn a_customer_is_gone_when_the_shop_says_so_beside_one_that_is_there() {
    let shop = Shop::answering([
        there("9"),
        errors("GET /customers/5", 404, NOT_FOUND),
        there("6"),
        there("9"),
    ]);
    let asked = oro().missed(&shop.conversation(), (CUSTOMERS, "9"), rows(&["5", "6"])).await;
    let missed = asked.unwrap();
    shop.asked();
    assert_eq!(missed.gone, rows(&["5"]));
    let record = gone(&missed);
    let read = Record {
        endpoint: CUSTOMERS,
        scope: None,
        message_id: None,
        received_at: Timestamp::UNIX_EPOCH,
        as_of: Some(missed.as_of),
        first_line: 1,
        body: &record.body,
    };
    let items = oro().read(&read);
    let [Item { pointer, draft: Ok(Draft::Removed(removed)) }] = items.as_slice() else {
        panic!("{items:?}")
    };
    assert_eq!(pointer, "/removed/0");
    assert_eq!(removed.subject.to_string(), "customer/C-5/profile");
    assert_eq!(removed.source_id.as_deref(), Some("5"));
    assert_eq!((&removed.clock, removed.time), (&Clock::named("as-of"), missed.as_of));
}

#[tokio::test]
async fn nothing_is_gone_for_whom_may_not_see_or_where_a_proxy_answers() {
    let denied = |id: &str| errors(&format!("GET /customers/{id}"), 403, "access denied exception");
    let hidden = |id: &str| errors(&format!("GET /customers/{id}"), 404, NOT_FOUND);
    let page = crate::oro::scripted::bytes("GET /customers/5", 404, "<html>Not Found</html>");
    for script in [
        vec![denied("9")],
        vec![hidden("9")],
        vec![there("9"), denied("5")],
        vec![there("9"), page],
        vec![there("9"), hidden("5"), denied("9")],
        vec![there("9"), hidden("5"), hidden("9")],
    ] {
        let shop = Shop::answering(script);
        let asked = oro().missed(&shop.conversation(), (CUSTOMERS, "9"), rows(&["5"])).await;
        assert!(asked.is_err(), "{asked:?}");
        shop.asked();
    }
}

#[test]
fn a_shop_cannot_say_beside_its_rows_that_others_are_gone() {
    let body = br#"{"data":[],"removed":[{"id":"5","known_as":"C-5"}]}"#;
    let read = Record {
        endpoint: CUSTOMERS,
        scope: None,
        message_id: None,
        received_at: Timestamp::UNIX_EPOCH,
        as_of: None,
        first_line: 1,
        body,
    };
    assert!(oro().read(&read).is_empty());
}
