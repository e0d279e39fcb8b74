//! Polling orders and customers by (updatedAt, id).
//!
//! Oro stamps whole seconds and commits later than it stamps (OroCommerce reference §9), so each
//! walk over the list begins an overlap before the last row seen. Within a walk each page begins
//! where the last one ended: at its last second, or, where that second fills a page, behind the last
//! id of that second. Offsets are not used, because rows that change while they are paged shift
//! them, and a shifted row would be skipped. A page that is byte for byte one of the walk before is
//! not recorded again.
//!
//! However far ahead the shop dates an order, the next walk begins before the time this one began:
//! what changes after a page was read gets a time after that.

use std::time::Duration;

use ferry_canonical::FailureKind;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    ORDERS,
    client::{Api, Call, MEDIA_TYPE, Query, Said},
    customer::CUSTOMERS,
    customer_said, document,
};
use crate::{
    poll::{self, NewRecord, Page},
    target::Failure,
};

/// What is polled, and what comes with each row.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    resource: &'static str,
    operation: &'static str,
    include: &'static str,
}

const LISTS: [List; 2] = [
    List {
        resource: ORDERS,
        operation: "poll orders",
        include: "lineItems,billingAddress,shippingAddress,customer,customerUser",
    },
    List { resource: CUSTOMERS, operation: "poll customers", include: customer_said::INCLUDE },
];
/// Fingerprints kept of one walk.
const SEEN_MAX: usize = 64;

/// How far the list has been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    /// Of the last row seen, or when its walk began, where that row was ahead of it.
    updated_at: Timestamp,
    id: String,
    /// Fingerprints of the pages of the last finished walk.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seen: Vec<String>,
    /// Present while a walk is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    walk: Option<Walk>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Walk {
    /// When its first page was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    began: Option<Timestamp>,
    from: Timestamp,
    /// Only the second `from`, behind this id: it alone fills a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seen: Vec<String>,
}

/// Where a row stands in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    updated_at: Timestamp,
    id: String,
}

impl Place {
    /// Ids are numbers without leading zeros: the longer one is greater.
    fn key(&self) -> (Timestamp, usize, &str) {
        (self.updated_at, self.id.len(), &self.id)
    }
}

pub(super) fn list(endpoint: &str) -> Option<List> {
    LISTS.into_iter().find(|list| list.resource == endpoint)
}

pub(super) async fn poll(api: &Api<'_>, list: List, cursor: Option<&str>) -> Result<Page, Failure> {
    let config = &api.oro.config;
    let before = cursor.map(parse).transpose()?;
    let mut query = query(before.as_ref(), config.overlap.0);
    query.push(("page[size]", config.page_size.to_string()));
    query.push(("include", list.include.to_owned()));
    let said = api.ask(&Call { query, ..Call::read(list.operation, list.resource) }).await?;
    page(before, cursor, &said, usize::from(config.page_size))
}

/// Reads a cursor, or a bare RFC 3339 time that a person set.
fn parse(text: &str) -> Result<Cursor, Failure> {
    if let Ok(cursor) = serde_json::from_str(text) {
        return Ok(cursor);
    }
    let detail = "its cursor cannot be read: set it to an RFC 3339 time";
    let updated_at =
        text.trim().parse().map_err(|_| Failure::new(FailureKind::Internal, detail))?;
    Ok(Cursor { updated_at, id: "0".to_owned(), seen: Vec::new(), walk: None })
}

/// Filter and order of the next page. Filter times are whole seconds (reference §3).
fn query(cursor: Option<&Cursor>, overlap: Duration) -> Query {
    let since =
        |time| vec![("filter[updatedAt][gte]", stamp(time)), ("sort", "updatedAt,id".to_owned())];
    match cursor {
        None => vec![("sort", "updatedAt,id".to_owned())],
        Some(Cursor { walk: Some(Walk { from, after: Some(after), .. }), .. }) => vec![
            ("filter[updatedAt]", format!("{0}..{0}", stamp(*from))),
            ("filter[id][gt]", after.clone()),
            ("sort", "id".to_owned()),
        ],
        Some(Cursor { walk: Some(Walk { from, .. }), .. }) => since(*from),
        Some(Cursor { updated_at, .. }) => {
            let overlap = SignedDuration::try_from(overlap).unwrap_or(SignedDuration::MAX);
            since(updated_at.checked_sub(overlap).unwrap_or(Timestamp::UNIX_EPOCH))
        }
    }
}

fn stamp(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

fn page(
    before: Option<Cursor>,
    text: Option<&str>,
    said: &Said,
    size: usize,
) -> Result<Page, Failure> {
    let rows = document::rows(&said.document);
    let idle = before.as_ref().is_none_or(|cursor| cursor.walk.is_none());
    if rows.is_empty() && idle {
        return none(before, text, said);
    }
    let fingerprint = fingerprint(&said.body);
    let known = before.as_ref().is_some_and(|cursor| cursor.seen.contains(&fingerprint));
    let places: Vec<Place> = rows.iter().filter_map(place).collect();
    let ahead = poll::ahead(places.iter().map(|place| place.updated_at), said.asked_at);
    let cursor = after(before, &places, rows.len() >= size, (fingerprint, said.asked_at))?;
    let records =
        if known || rows.is_empty() { Vec::new() } else { vec![record(said, rows.len())] };
    let more = cursor.walk.is_some();
    Ok(Page { cursor: Some(written(&cursor)?), more, ahead, ..Page::of(records) })
}

/// Nothing is there. Where the last order seen was ahead, it may be gone, and its time with it.
fn none(before: Option<Cursor>, text: Option<&str>, said: &Said) -> Result<Page, Failure> {
    let ahead = before.filter(|cursor| cursor.updated_at > said.asked_at);
    let back = ahead.map(|cursor| written(&Cursor { updated_at: said.asked_at, ..cursor }));
    let cursor = back.transpose()?.or_else(|| text.map(str::to_owned));
    Ok(Page { cursor, ..Page::of(Vec::new()) })
}

fn written(cursor: &Cursor) -> Result<String, Failure> {
    serde_json::to_string(cursor)
        .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))
}

fn record(said: &Said, rows: usize) -> NewRecord {
    NewRecord {
        content_type: MEDIA_TYPE,
        headers: Vec::new(),
        body: said.body.to_vec(),
        items: u32::try_from(rows).ok(),
    }
}

fn place(row: &Value) -> Option<Place> {
    let updated_at = document::text(row, "updatedAt")?.parse().ok()?;
    Some(Place { updated_at, id: document::id(row)?.to_owned() })
}

/// 64 bits of the page's content.
fn fingerprint(body: &[u8]) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, body).simple().to_string().chars().take(16).collect()
}

/// The cursor behind a page.
fn after(
    before: Option<Cursor>,
    places: &[Place],
    full: bool,
    (fingerprint, asked_at): (String, Timestamp),
) -> Result<Cursor, Failure> {
    let (walk, seen, position) = match before {
        Some(Cursor { updated_at, id, seen, walk }) => (walk, seen, Some(Place { updated_at, id })),
        None => (None, Vec::new(), None),
    };
    let began = walk.as_ref().and_then(|walk| walk.began).unwrap_or(asked_at);
    let mut walked = walk.as_ref().map(|walk| walk.seen.clone()).unwrap_or_default();
    walked.push(fingerprint);
    walked.drain(..walked.len().saturating_sub(SEEN_MAX));
    let next = if full { Some(onward(walk.as_ref(), places)?) } else { behind_second(walk) };
    let Some(position) = position.iter().chain(places).max_by_key(|place| place.key()).cloned()
    else {
        return Err(disorder("no row of the page has an id and an updatedAt"));
    };
    let (seen, walk) = match next {
        Some((from, after)) => (seen, Some(Walk { began: Some(began), from, after, seen: walked })),
        None => (walked, None),
    };
    let updated_at = position.updated_at.min(began);
    Ok(Cursor { updated_at, id: position.id, seen, walk })
}

/// The page was not full: a walk inside one second goes on behind that second, another one ends.
fn behind_second(walk: Option<Walk>) -> Option<(Timestamp, Option<String>)> {
    let Walk { from, after, .. } = walk?;
    after?;
    Some((from.checked_add(SignedDuration::from_secs(1)).unwrap_or(from), None))
}

/// The page was full: the next one begins at its last second, or inside it where nothing else was
/// on the page. Each step is strictly forward, so a walk ends.
fn onward(walk: Option<&Walk>, places: &[Place]) -> Result<(Timestamp, Option<String>), Failure> {
    let (Some(first), Some(last)) = (places.first(), places.last()) else {
        return Err(disorder("no row of the page has an id and an updatedAt"));
    };
    let inside = first.updated_at == last.updated_at;
    let forward = match walk {
        None => first.key() <= last.key(),
        Some(Walk { from, after: None, .. }) => {
            *from <= first.updated_at && first.key() <= last.key()
        }
        Some(Walk { from, after: Some(after), .. }) => {
            let behind = Place { updated_at: *from, id: after.clone() };
            inside && behind.key() < first.key() && first.key() <= last.key()
        }
    };
    if !forward {
        return Err(disorder("its pages are not in the order that was asked for"));
    }
    Ok((last.updated_at, inside.then(|| last.id.clone())))
}

fn disorder(what: &str) -> Failure {
    Failure::new(FailureKind::Internal, format!("the list cannot be polled: {what}"))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::oro::scripted::{Shop, answer, oro, row};

    const SIZE: usize = 3;

    fn order(second: i64, id: i64) -> Value {
        let updated_at = stamp(Timestamp::from_second(second).unwrap());
        row("orders", &id.to_string(), json!({ "updatedAt": updated_at }), Value::Null)
    }

    /// A shop's list: second of the last update by id.
    fn list(rows: &BTreeMap<i64, i64>, query: &Query, now: i64) -> Said {
        let get =
            |name: &str| query.iter().find(|(found, _)| *found == name).map(|(_, v)| v.as_str());
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
        let said = list(rows, &query(before.as_ref(), Duration::from_secs(10)), now);
        let page = page(before, cursor.as_deref(), &said, SIZE).unwrap();
        for record in &page.records {
            let document: Value = serde_json::from_slice(&record.body).unwrap();
            for order in document::rows(&document) {
                let place = place(order).unwrap();
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
        let first = page(None, None, &same, SIZE).unwrap();
        let cursor = parse(first.cursor.as_deref().unwrap()).unwrap();
        assert_eq!(page(Some(cursor), None, &same, SIZE).unwrap_err().kind, FailureKind::Internal);
        let backwards = said(&[order(9, 1), order(8, 2), order(5, 3)]);
        assert_eq!(page(None, None, &backwards, SIZE).unwrap_err().kind, FailureKind::Internal);
        let nameless = said(&[json!({}), json!(null), json!([])]);
        assert_eq!(page(None, None, &nameless, SIZE).unwrap_err().kind, FailureKind::Internal);
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

    #[test]
    fn a_person_may_set_the_cursor_to_a_time() {
        let cursor = parse("2026-11-22T09:15:00Z").unwrap();
        assert_eq!(
            query(Some(&cursor), Duration::from_secs(10))[0],
            ("filter[updatedAt][gte]", "2026-11-22T09:14:50Z".to_owned())
        );
        assert_eq!(parse("yesterday").unwrap_err().kind, FailureKind::Internal);
    }
}
