//! Walking over all rows of a list, for what no filter by time tells (OroCommerce reference §9).
//!
//! A change of a customer's user, address or group moves no time of the customer, and an inventory level
//! has no time at all. Each page goes on behind the last id of the one before, so that rows that are
//! made or removed meanwhile shift nothing. A walk ends with a page that has no rows, and not with one
//! that is shorter than was asked for: a shop may have a limit of its own. Prices are walked over by
//! their products (`scan_prices`).

use ferry_canonical::{FailureKind, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    ORDERS,
    client::{Api, Call, MEDIA_TYPE},
    customer::CUSTOMERS,
    customer_said, document, placed, read,
    stock::LEVELS,
};
use crate::{
    draft::{Draft, Item, Record},
    poll::NewRecord,
    scan::{self, Missed, MissedRow, ScanAsk, ScanPage, ScanRow},
    target::Failure,
};

/// What is scanned, and what comes with each row.
#[derive(Debug)]
pub(super) struct List {
    resource: &'static str,
    operation: &'static str,
    include: &'static str,
    /// What is said of what comes with it, where that is not all.
    fields: Option<(&'static str, &'static str)>,
    /// Its rows say when they were changed; else they are as of when they were asked for.
    timed: bool,
    /// For the journal, where one row is asked for whether it is there.
    missed: &'static str,
    /// Somebody is told of a row that is gone.
    removes: bool,
}

static LISTS: [List; 3] = [
    List {
        resource: CUSTOMERS,
        operation: "scan customers",
        include: customer_said::INCLUDE,
        fields: None,
        timed: true,
        missed: "ask whether a customer is there",
        removes: true,
    },
    // For a shop before 6.0.5, where polls hear of an order while it is new.
    List {
        resource: ORDERS,
        operation: "scan orders",
        include: placed::INCLUDE,
        fields: None,
        timed: true,
        missed: "ask whether an order is there",
        removes: false,
    },
    List {
        resource: LEVELS,
        operation: "scan inventory levels",
        include: "product",
        fields: Some(("fields[products]", "sku,primaryUnitPrecision")),
        timed: false,
        missed: "ask whether an inventory level is there",
        removes: false,
    },
];
/// The longest id that is kept of a row.
const ID_BYTES_MAX: usize = 64;

pub(super) fn list(endpoint: &str) -> Option<&'static List> {
    LISTS.iter().find(|list| list.resource == endpoint)
}

pub(super) async fn page(
    api: &Api<'_>,
    list: &List,
    ask: &ScanAsk<'_>,
) -> Result<ScanPage, Failure> {
    let mut query = vec![
        ("sort", "id".to_owned()),
        ("page[size]", api.oro.config.page_size.to_string()),
        ("include", list.include.to_owned()),
    ];
    query.extend(ask.after.map(|after| ("filter[id][gt]", after.to_owned())));
    query.extend(list.fields.map(|(name, fields)| (name, fields.to_owned())));
    let said = api.ask(&Call { query, ..Call::read(list.operation, list.resource) }).await?;
    let as_of = later(said.asked_at, ask.as_of);
    let record = Record {
        endpoint: list.resource,
        scope: None,
        message_id: None,
        received_at: as_of,
        as_of: Some(as_of),
        first_line: 1,
        body: &said.body,
    };
    let items = read::read(&record, &api.oro.config.stock_site);
    let ids = in_order(listed(&said.document)?, ask.after)?;
    if ids.len() != items.len() {
        return Err(disorder("a page of it cannot be told apart into rows"));
    }
    let row = |(id, item): (String, &Item)| ScanRow {
        id,
        said: scan::said(item, list.timed),
        known_as: list.removes.then(|| known_as(item)).flatten(),
    };
    let rows = ids.into_iter().zip(&items).map(row).collect();
    Ok(ScanPage { rows, as_of, body: said.body })
}

/// The rows of a page that are to be told, as a record; `wanted` says which.
pub(super) fn record(page: &ScanPage, wanted: &[bool]) -> NewRecord {
    NewRecord {
        content_type: MEDIA_TYPE,
        headers: vec![(header::AS_OF, page.as_of.to_string())],
        body: read::cut(&page.body, wanted),
        items: u32::try_from(wanted.iter().filter(|wanted| **wanted).count()).ok(),
    }
}

/// The number that other systems know a row by.
fn known_as(item: &Item) -> Option<String> {
    match &item.draft {
        Ok(Draft::Part(draft)) => Some(draft.part.subject().id),
        Ok(Draft::Removed(_) | Draft::Skip { .. }) | Err(_) => None,
    }
}

pub(super) async fn missed(
    api: &Api<'_>,
    (list, control): (&List, &str),
    rows: Vec<MissedRow>,
) -> Result<Missed, Failure> {
    living(api, list, control).await?;
    let mut gone = Vec::new();
    for row in rows {
        if one(api, list, &row.id).await?.is_none() {
            gone.push(row);
        }
    }
    let as_of = living(api, list, control).await?;
    Ok(Missed { gone, as_of })
}

/// Asks for a row that is there, and says when.
async fn living(api: &Api<'_>, list: &List, id: &str) -> Result<Timestamp, Failure> {
    let detail = "a row that was there is not: what else is gone cannot be told";
    let said = one(api, list, id).await?;
    said.ok_or_else(|| Failure::new(FailureKind::Unavailable, detail))
}

/// When it was asked for; none where Oro itself says that it has none.
async fn one(api: &Api<'_>, list: &List, id: &str) -> Result<Option<Timestamp>, Failure> {
    let call = Call { id: Some(id.to_owned()), ..Call::read(list.missed, list.resource) };
    match api.ask(&call).await {
        Ok(said) => Ok(Some(said.asked_at)),
        Err(no) if no.is_not_found() => Ok(None),
        Err(no) => Err(no.failure),
    }
}

/// No document of the shop's: what Ferry has found.
pub(super) fn gone(missed: &Missed) -> NewRecord {
    let rows = missed.gone.iter().map(|row| json!({"id": row.id, "known_as": row.known_as}));
    let rows: Vec<Value> = rows.collect();
    NewRecord {
        content_type: "application/json",
        headers: vec![(header::AS_OF, missed.as_of.to_string())],
        items: u32::try_from(rows.len()).ok(),
        body: json!({ "removed": rows }).to_string().into_bytes(),
    }
}

/// When the page was asked for, or right behind the one before it: whole seconds, and what a slow answer
/// is dated back by, may say less.
pub(super) fn later(asked_at: Timestamp, before: Option<Timestamp>) -> Timestamp {
    let least = |before: Timestamp| before.checked_add(SignedDuration::from_micros(1)).ok();
    before.and_then(least).map_or(asked_at, |least| asked_at.max(least))
}

/// The rows of a page, which is a list also where it has one row.
pub(super) fn listed(document: &Value) -> Result<&[Value], Failure> {
    let rows = document.get("data").and_then(Value::as_array);
    rows.map(Vec::as_slice).ok_or_else(|| disorder("what was answered is no list"))
}

/// The ids of a page. Each is behind the one before, so that a walk ends.
pub(super) fn in_order(rows: &[Value], after: Option<&str>) -> Result<Vec<String>, Failure> {
    // Ids are numbers without leading zeros: the longer one is greater.
    let key = |id: &str| (id.len(), id.to_owned());
    let mut last = after.map(key);
    let mut ids = Vec::with_capacity(rows.len());
    for row in rows {
        let id = document::id(row).filter(|id| !id.is_empty() && id.len() <= ID_BYTES_MAX);
        let id = id.ok_or_else(|| disorder("a row of it has no id"))?;
        let this = Some(key(id));
        if this <= last {
            return Err(disorder("its pages are not in the order that was asked for"));
        }
        last = this;
        ids.push(id.to_owned());
    }
    Ok(ids)
}

fn disorder(what: &str) -> Failure {
    Failure::new(FailureKind::Internal, format!("the list cannot be scanned: {what}"))
}

#[cfg(test)]
mod tests;
