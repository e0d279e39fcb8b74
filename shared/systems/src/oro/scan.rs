//! Walking over all rows of a list, for what no filter by time tells (OroCommerce reference §9).
//!
//! A change of a customer's user, address or group moves no time of the customer, and an inventory level
//! has no time at all. Each page goes on behind the last id of the one before, so that rows that are
//! made or removed meanwhile shift nothing. A walk ends with a page that has no rows, and not with one
//! that is shorter than was asked for: a shop may have a limit of its own.
//!
//! A walk over a list of prices would be one more row of [`LISTS`].

use ferry_canonical::{FailureKind, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    client::{Api, Call, MEDIA_TYPE},
    customer::CUSTOMERS,
    customer_said, document, read,
    stock::LEVELS,
};
use crate::{
    draft::Record,
    poll::NewRecord,
    scan::{self, ScanAsk, ScanPage, ScanRow},
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
}

static LISTS: [List; 2] = [
    List {
        resource: CUSTOMERS,
        operation: "scan customers",
        include: customer_said::INCLUDE,
        fields: None,
        timed: true,
    },
    List {
        resource: LEVELS,
        operation: "scan inventory levels",
        include: "product",
        fields: Some(("fields[products]", "sku,primaryUnitPrecision")),
        timed: false,
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
    let ids = in_order(document::rows(&said.document), ask.after)?;
    if ids.len() != items.len() {
        return Err(disorder("a page of it cannot be told apart into rows"));
    }
    let rows = ids.into_iter().zip(&items);
    let rows = rows.map(|(id, item)| ScanRow { id, hash: scan::hash(item, list.timed) }).collect();
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

/// When the page was asked for, or right behind the one before it: whole seconds, and what a slow answer
/// is dated back by, may say less.
fn later(asked_at: Timestamp, before: Option<Timestamp>) -> Timestamp {
    let least = |before: Timestamp| before.checked_add(SignedDuration::from_micros(1)).ok();
    before.and_then(least).map_or(asked_at, |least| asked_at.max(least))
}

/// The ids of a page. Each is behind the one before, so that a walk ends.
fn in_order(rows: &[Value], after: Option<&str>) -> Result<Vec<String>, Failure> {
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
mod tests {
    use ferry_canonical::{Clock, Part, Sequence};
    use serde_json::json;

    use super::*;
    use crate::{
        draft::{Draft, PartDraft},
        oro::scripted::{Shop, answer, oro, row},
    };

    const CUSTOMER_PAGE: &str = "GET /customers?sort=id&page[size]=3&include=group,users,addresses";
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
        let part = |item: crate::Item| match item.draft {
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
        assert_ne!(after.rows[1].hash, before.rows[1].hash);
        // A poll may have heard another state meanwhile, and this one is the old one set back.
        let mut touched = body;
        touched["data"][0]["attributes"]["updatedAt"] = json!("2026-11-22T09:15:02Z");
        let after = walk(&[(CUSTOMER_PAGE, touched)], first(CUSTOMERS)).await.unwrap();
        assert_ne!(after.rows[0].hash, before.rows[0].hash);
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
        assert!(
            matches!(&items[0].draft, Ok(Draft::Skip { reason, .. }) if reason.contains("unit"))
        );
        let bad = items[1].draft.as_ref().unwrap_err();
        assert_eq!(
            (bad.detail.as_str(), bad.key.as_deref()),
            ("quantity: expected a decimal", None)
        );
        body["data"][1]["attributes"]["quantity"] = json!("few");
        let again = walk(&[(LEVEL_PAGE, body)], first(LEVELS)).await.unwrap();
        assert_eq!(again.rows[0], page.rows[0]);
        assert_ne!(again.rows[1].hash, page.rows[1].hash);
    }
}
