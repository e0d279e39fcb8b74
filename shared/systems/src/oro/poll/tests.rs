use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::oro::scripted::{Shop, answer, errors, oro, row};

const SIZE: usize = 3;

fn order(second: i64, id: i64) -> Value {
    let updated_at = stamp(Timestamp::from_second(second).unwrap());
    row("orders", &id.to_string(), json!({ "updatedAt": updated_at }), Value::Null)
}

/// A shop's list: second of the last update by id.
fn list(rows: &BTreeMap<i64, i64>, query: &Query, now: i64) -> Said {
    let get = |name: &str| query.iter().find(|(found, _)| *found == name).map(|(_, v)| v.as_str());
    let second = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
    let from = get("filter[updatedAt][gte]").map(second);
    let at = get("filter[updatedAt]").map(|range| second(range.split_once("..").unwrap().0));
    let behind: Option<i64> = get("filter[id][gt]").map(|id| id.parse().unwrap());
    let mut found: Vec<(i64, i64)> = rows
        .iter()
        .map(|(id, second)| (*second, *id))
        .filter(|(second, id)| {
            from.is_none_or(|from| *second >= from)
                && at.is_none_or(|at| *second == at)
                && behind.is_none_or(|behind| *id > behind)
        })
        .collect();
    found.sort_unstable();
    let rows: Vec<Value> =
        found.iter().take(SIZE).map(|(second, id)| order(*second, *id)).collect();
    let document = json!({ "data": rows });
    let asked_at = Timestamp::from_second(now).unwrap();
    Said { body: Bytes::from(document.to_string()), document, asked_at }
}

/// One poll of a walk; says whether to go on.
fn step(
    rows: &BTreeMap<i64, i64>,
    now: i64,
    cursor: &mut Option<String>,
    seen: &mut BTreeSet<(i64, i64)>,
) -> (usize, bool) {
    let before = cursor.as_deref().map(|text| parse(text).unwrap());
    let said = list(rows, &query(before.as_ref(), Duration::from_secs(10), UPDATED), now);
    let page = page(before, (cursor.as_deref(), UPDATED), &said, SIZE).unwrap();
    for record in &page.records {
        let document: Value = serde_json::from_slice(&record.body).unwrap();
        for order in document::rows(&document) {
            let place = place(order, UPDATED).unwrap();
            seen.insert((place.updated_at.as_second(), place.id.parse().unwrap()));
        }
    }
    *cursor = page.cursor;
    (page.records.len(), page.more)
}

proptest! {
    /// Orders change while they are paged, many within one second, some dated far ahead.
    #[test]
    fn every_order_is_seen_as_it_last_was_and_every_walk_ends(
        start in prop::collection::btree_map(1_i64..40, prop_oneof![9 => 100_i64..105, 1 => 9_000_i64..9_003], 0..25),
        touches in prop::collection::vec((1_i64..40, 105_i64..109), 0..10),
    ) {
        let (mut rows, mut cursor, mut seen) = (start, None, BTreeSet::new());
        let mut touches = touches;
        touches.sort_by_key(|(_, second)| *second);
        for (id, second) in touches {
            step(&rows, second, &mut cursor, &mut seen);
            rows.insert(id, second);
        }
        for _ in 0..3 {
            let mut steps = 0;
            while step(&rows, 200, &mut cursor, &mut seen).1 {
                steps += 1;
                prop_assert!(steps < 200, "the walk does not end");
            }
        }
        for (id, second) in &rows {
            prop_assert!(seen.contains(&(*second, *id)), "{id} at {second} was never seen");
        }
        // A list at rest says nothing any more, however much of it lies within the overlap.
        loop {
            let (records, more) = step(&rows, 200, &mut cursor, &mut seen);
            prop_assert_eq!(records, 0);
            if !more { break; }
        }
    }

    #[test]
    fn no_cursor_text_panics(text in ".{0,60}") {
        let _ = parse(&text);
    }
}

#[test]
fn a_second_that_fills_a_page_is_walked_by_id() {
    let rows: BTreeMap<i64, i64> = (1..=7).map(|id| (id, 1_000)).collect();
    let (mut cursor, mut seen) = (None, BTreeSet::new());
    let mut trail = Vec::new();
    while step(&rows, 2_000, &mut cursor, &mut seen).1 {
        let walk = parse(cursor.as_deref().unwrap()).unwrap().walk.unwrap();
        trail.push((walk.from.as_second(), walk.after));
    }
    assert_eq!(trail, [(1_000, Some("3".into())), (1_000, Some("6".into())), (1_001, None)]);
    assert_eq!(seen.len(), 7);
}

#[test]
fn a_late_commit_within_the_overlap_is_found() {
    let mut rows = BTreeMap::from([(1, 1_000), (2, 1_008)]);
    let (mut cursor, mut seen) = (None, BTreeSet::new());
    step(&rows, 2_000, &mut cursor, &mut seen);
    rows.insert(3, 999);
    step(&rows, 2_000, &mut cursor, &mut seen);
    assert!(seen.contains(&(999, 3)));
}

#[test]
fn a_shop_that_ignores_the_order_or_the_filter_is_reported_and_not_polled_for_ever() {
    let said = |orders: &[Value]| {
        let document = json!({ "data": orders });
        let asked_at = Timestamp::from_second(1_000).unwrap();
        Said { body: Bytes::from(document.to_string()), document, asked_at }
    };
    let same = said(&[order(5, 1), order(5, 2), order(5, 3)]);
    let first = page(None, (None, UPDATED), &same, SIZE).unwrap();
    let cursor = parse(first.cursor.as_deref().unwrap()).unwrap();
    assert_eq!(
        page(Some(cursor), (None, UPDATED), &same, SIZE).unwrap_err().kind,
        FailureKind::Internal
    );
    let backwards = said(&[order(9, 1), order(8, 2), order(5, 3)]);
    assert_eq!(
        page(None, (None, UPDATED), &backwards, SIZE).unwrap_err().kind,
        FailureKind::Internal
    );
    let nameless = said(&[json!({}), json!(null), json!([])]);
    assert_eq!(
        page(None, (None, UPDATED), &nameless, SIZE).unwrap_err().kind,
        FailureKind::Internal
    );
}

#[test]
fn an_order_dated_ahead_holds_no_other_back_and_its_time_is_forgotten_with_it() {
    let mut rows = BTreeMap::from([(1, 1_000), (2, 90_000)]);
    let (mut cursor, mut seen) = (None, BTreeSet::new());
    step(&rows, 1_001, &mut cursor, &mut seen);
    rows.insert(1, 1_050);
    step(&rows, 1_060, &mut cursor, &mut seen);
    assert!(seen.contains(&(1_050, 1)), "{seen:?}");
    // A cursor that stands where no order is yet.
    let mut cursor = Some("1970-01-02T00:00:00Z".to_owned());
    step(&BTreeMap::new(), 1_070, &mut cursor, &mut seen);
    let cursor = parse(cursor.as_deref().unwrap()).unwrap();
    assert_eq!(cursor.updated_at.as_second(), 1_070);
}

#[tokio::test]
async fn the_page_is_recorded_as_it_came_and_an_empty_one_moves_nothing() {
    let document = json!({"data": [order(1_000, 7)], "included": [{"odd": "spacing"}]});
    let shop = Shop::answering([
        answer(
            "GET /orders?sort=updatedAt,id&page[size]=3&include=lineItems,billingAddress,\
             shippingAddress,customer,customerUser",
            200,
            &document,
        ),
        answer(
            "GET /orders?filter[updatedAt][gte]=1970-01-01T00:16:30Z&sort=updatedAt,id",
            200,
            &json!({"data": []}),
        ),
    ]);
    let (oro, conversation) = (oro(), shop.conversation());
    let first = oro.poll(&conversation, ORDERS, None).await.unwrap();
    let [record] = first.records.as_slice() else { panic!("one record") };
    assert_eq!(record.body, document.to_string().as_bytes());
    assert_eq!((record.content_type, record.items), ("application/vnd.api+json", Some(1)));
    assert!(!first.more);
    let second = oro.poll(&conversation, ORDERS, first.cursor.as_deref()).await.unwrap();
    assert!(second.records.is_empty() && !second.more);
    assert_eq!(second.cursor, first.cursor);
    let asked = shop.asked();
    assert!(asked.iter().all(|request| {
        request.headers.contains(&("x-include".to_owned(), "noHateoas".to_owned()))
    }));
}

#[tokio::test]
async fn a_shop_that_does_not_find_orders_by_their_change_is_polled_by_their_creation() {
    let times = json!({"createdAt": "2026-11-22T09:15:00Z", "updatedAt": "2026-11-25T10:00:00Z"});
    let rows = json!({"data": [row("orders", "1", times, Value::Null)]});
    let shop = Shop::answering([
        errors("GET /orders?sort=updatedAt,id&", 400, "sort constraint"),
        answer("GET /orders?sort=createdAt,id&", 200, &rows),
        answer("GET /orders?filter[createdAt][gte]=2026-11-22T09:14:50Z&", 200, &rows),
        errors("GET /customers?sort=updatedAt,id&", 400, "sort constraint"),
    ]);
    let (oro, conversation) = (oro(), shop.conversation());
    let first = oro.poll(&conversation, ORDERS, None).await.unwrap();
    let second = oro.poll(&conversation, ORDERS, first.cursor.as_deref()).await.unwrap();
    assert_eq!((first.records.len(), second.records.len()), (1, 0), "nothing is new");
    let failure = oro.poll(&conversation, CUSTOMERS, None).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsupported, "customers are found by theirs anywhere");
    shop.asked();
}

#[test]
fn a_person_may_set_the_cursor_to_a_time() {
    let cursor = parse("2026-11-22T09:15:00Z").unwrap();
    assert_eq!(
        query(Some(&cursor), Duration::from_secs(10), UPDATED)[0],
        ("filter[updatedAt][gte]", "2026-11-22T09:14:50Z".to_owned())
    );
    assert_eq!(parse("yesterday").unwrap_err().kind, FailureKind::Internal);
}
