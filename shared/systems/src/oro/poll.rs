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
//!
//! A shop before 6.0.5 finds no orders by their last change: they are polled by their creation in the
//! same way, and of what changes later the overlap tells, and a scan where one is configured.

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
    customer_said, document, placed,
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
    by: By,
}

/// The time by which rows are asked for: its name, as a filter, as one from a time on, and the order.
#[derive(Clone, Copy, Debug)]
struct By {
    name: &'static str,
    at: &'static str,
    since: &'static str,
    sort: &'static str,
}

const UPDATED: By = By {
    name: "updatedAt",
    at: "filter[updatedAt]",
    since: "filter[updatedAt][gte]",
    sort: "updatedAt,id",
};
const CREATED: By = By {
    name: "createdAt",
    at: "filter[createdAt]",
    since: "filter[createdAt][gte]",
    sort: "createdAt,id",
};

const LISTS: [List; 2] = [
    List { resource: ORDERS, operation: "poll orders", include: placed::INCLUDE, by: UPDATED },
    List {
        resource: CUSTOMERS,
        operation: "poll customers",
        include: customer_said::INCLUDE,
        by: UPDATED,
    },
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
    let ask = async |by: By| {
        let mut query = query(before.as_ref(), config.overlap.0, by);
        query.push(("page[size]", config.page_size.to_string()));
        query.push(("include", list.include.to_owned()));
        api.ask(&Call { query, ..Call::read(list.operation, list.resource) }).await
    };
    let is_old = list.resource == ORDERS && api.oro.capability.orders_by_creation();
    let by = if is_old { CREATED } else { list.by };
    let (by, said) = match ask(by).await {
        Err(no)
            if list.resource == ORDERS
                && !is_old
                && no.failure.kind == FailureKind::Unsupported =>
        {
            let said = ask(CREATED).await?;
            api.oro.capability.polls_orders_by_creation();
            (CREATED, said)
        }
        said => (by, said?),
    };
    page(before, (cursor, by), &said, usize::from(config.page_size))
}

/// The rows with these ids, in one request.
pub(super) async fn by_id(api: &Api<'_>, list: List, ids: &[String]) -> Result<Page, Failure> {
    let query = vec![
        ("filter[id]", ids.join(",")),
        ("sort", "id".to_owned()),
        ("page[size]", ids.len().to_string()),
        ("include", list.include.to_owned()),
    ];
    let said = api.ask(&Call { query, ..Call::read(list.operation, list.resource) }).await?;
    let rows = document::rows(&said.document);
    let records = if rows.is_empty() { Vec::new() } else { vec![record(&said, rows.len())] };
    Ok(Page::of(records))
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
fn query(cursor: Option<&Cursor>, overlap: Duration, by: By) -> Query {
    let since = |time| vec![(by.since, stamp(time)), ("sort", by.sort.to_owned())];
    match cursor {
        None => vec![("sort", by.sort.to_owned())],
        Some(Cursor { walk: Some(Walk { from, after: Some(after), .. }), .. }) => vec![
            (by.at, format!("{0}..{0}", stamp(*from))),
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
    (text, by): (Option<&str>, By),
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
    let places: Vec<Place> = rows.iter().filter_map(|row| place(row, by)).collect();
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

fn place(row: &Value, by: By) -> Option<Place> {
    let updated_at = document::text(row, by.name)?.parse().ok()?;
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
mod tests;
