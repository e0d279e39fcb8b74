//! What a fuzzer feeds the parsers of what an Oro shop says: plain functions, which run on stable as
//! well. Each panics where, for whatever bytes, one of these does not hold:
//!
//! - nothing panics; what cannot be read says why;
//! - a row that cannot be read can be sent again as its fragment, and fails as it did (what a relation
//!   names by a wrong type is read, and not cut out with the row: then for want of it);
//! - the rows that are wanted of the page of a walk are cut out of it, and no others;
//! - every write has one answer;
//! - what a webhook wakes can be asked for.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use ferry_canonical::{Brought, Doubt, Facet, Part, Subject};
use ferry_config::{
    HumanDuration, Secret,
    system::{Limits, OroBatch, OroConfig, OroScan, OroWebhook},
};
use ferry_http::{Conversation, HttpError, HttpPort, Request, Response};
use futures_util::{FutureExt as _, future::BoxFuture};
use jiff::Timestamp;

use super::{ORDERS, Oro, customer::CUSTOMERS, price_form::PRICES, stock::LEVELS, webhook};
use crate::{
    draft::{Item, Record},
    scan::{ScanAsk, ScanPage},
    target::{Look, Write},
};

const STATUSES: [u16; 8] = [200, 201, 202, 400, 403, 404, 409, 500];

const PARTS: [(Facet, &str); 7] = [
    (
        Facet::Profile,
        r#"{"number":"C-1","name":"Acme","group":"Trade","contacts":[{"id":"P-1","first_name":"Jo","last_name":"Li","email":"jo@acme.example"}],"addresses":[{"code":"A","kinds":["billing"],"street":"1 Rd","city":"York","postcode":"YO1","country":"GB"}]}"#,
    ),
    (
        Facet::Placed,
        r#"{"identifier":"ERP-7","placed_at":"2026-11-20T08:00:00Z","currency":"EUR","customer":{"number":"C-1","email":"jo@acme.example"},"lines":[{"number":1,"sku":"CUP","quantity":"2","unit_price":"10.50","total":"21.00"}],"totals":{"subtotal":"21.00","total":"21.00"}}"#,
    ),
    (
        Facet::Shipment,
        r#"{"order":"ERP-7","reference":"S-1","state":"despatched","despatched":true,"tracking":[{"number":"T-1"}],"lines":[{"sku":"CUP","quantity":"1"}]}"#,
    ),
    (Facet::Cancellation, r#"{"order":"ERP-7","cancelled_at":"2026-11-22T09:15:00Z"}"#),
    (
        Facet::Catalogue,
        r#"{"sku":"CUP","name":"A cup","units":[{"unit":"set","conversion_rate":"6"}]}"#,
    ),
    (Facet::Stock, r#"{"sku":"CUP","site":"A","available":"1"}"#),
    (
        Facet::Price,
        r#"{"sku":"CUP","list":"retail","prices":[{"quantity":"1","value":"3.50","currency":"EUR"}]}"#,
    ),
];

/// A page of a list, and the records it became.
///
/// # Panics
/// When a promise is broken.
pub fn page(body: &[u8]) {
    for endpoint in [ORDERS, CUSTOMERS, LEVELS, PRICES] {
        read(&oro(), endpoint, body);
        walked(endpoint, body);
    }
    for endpoint in [ORDERS, CUSTOMERS] {
        polled(endpoint, body);
    }
}

fn polled(endpoint: &str, body: &[u8]) {
    let (oro, conversation) = (oro(), conversation(200, body));
    let asked = |cursor: Option<&str>| oro.poll(&conversation, endpoint, cursor).now_or_never();
    let mut cursor: Option<String> = None;
    // A first page, one behind it, and one that shows the same again.
    for _ in 0..3 {
        let Some(said) = asked(cursor.as_deref()) else { unreachable!("the answer is there") };
        match said {
            Ok(page) => {
                for new in &page.records {
                    read(&oro, endpoint, &new.body);
                }
                cursor = page.cursor;
            }
            Err(failure) => {
                assert!(!failure.detail.is_empty(), "{endpoint}: {failure:?}");
                return;
            }
        }
    }
}

fn walked(endpoint: &str, body: &[u8]) {
    let Some(page) = walk(endpoint, body) else { return };
    // All, none, and the others.
    for wanted in [|_| true, |_| false, |place: usize| place % 2 == 1] {
        let wanted: Vec<bool> = (0..page.rows.len()).map(wanted).collect();
        let record = Oro::scanned(&page, &wanted);
        let told = record.items.unwrap_or_default();
        if told == 0 {
            continue;
        }
        assert_eq!(read(&oro(), endpoint, &record.body).len(), told as usize, "{endpoint}");
        // A record of prices is made of several answers.
        if endpoint == PRICES {
            continue;
        }
        let Some(again) = walk(endpoint, &record.body) else {
            unreachable!("{endpoint}: {:?}", record.body)
        };
        let rows = page.rows.iter().zip(&wanted).filter(|(_, wanted)| **wanted);
        let ids = rows.map(|(row, _)| &row.id);
        assert!(ids.eq(again.rows.iter().map(|row| &row.id)), "{endpoint}: {again:?}");
    }
}

fn walk(endpoint: &str, body: &[u8]) -> Option<ScanPage> {
    let ask = ScanAsk { endpoint, after: None, as_of: None };
    let (oro, conversation) = (oro(), conversation(200, body));
    match oro.scan(&conversation, &ask).now_or_never() {
        Some(Ok(page)) => Some(page),
        Some(Err(failure)) => {
            assert!(!failure.detail.is_empty(), "{endpoint}: {failure:?}");
            None
        }
        None => unreachable!("the answer is there"),
    }
}

/// The answer to everything that is asked, looked at and written, with every status. Needs a runtime,
/// for what the shop puts off.
///
/// # Panics
/// When a promise is broken.
pub fn answers(body: &[u8]) {
    let parts: Vec<Part> = PARTS.into_iter().map(part).collect();
    let subjects: Vec<Subject> = parts.iter().map(Part::subject).collect();
    for status in STATUSES {
        let conversation = conversation(status, body);
        let shop = oro();
        for (part, subject) in parts.iter().zip(&subjects) {
            for target_id in [None, Some("7")] {
                let one = write(subject, part, target_id);
                for writes in [&[one][..], &[one, one][..]] {
                    answered(&shop, &conversation, writes);
                }
            }
        }
        let subjects = subjects.iter().filter(|subject| Oro::looks(subject.facet));
        let look = |subject| Look { subject, target_id: Some("7"), in_doubt: false };
        let looks: Vec<Look<'_>> = subjects.map(look).collect();
        if let Some(seen) = shop.look(&conversation, &looks).now_or_never() {
            assert_eq!(seen.len(), looks.len(), "{status}");
        }
    }
}

/// None where it waits for what the shop has put off.
fn answered(shop: &Oro, conversation: &Conversation, writes: &[Write<'_>]) {
    let Some(answers) = shop.apply(conversation, writes).now_or_never() else { return };
    assert_eq!(answers.len(), writes.len());
    for failure in answers.into_iter().filter_map(Result::err) {
        assert!(!failure.detail.is_empty(), "{failure:?}");
    }
}

/// A webhook that the shop has signed.
///
/// # Panics
/// When a promise is broken.
pub fn webhook(body: &[u8]) {
    let Some(config) = &oro().config.webhook else { unreachable!("one is configured") };
    for wake in webhook::heard(config, body).wakes {
        assert!([ORDERS, CUSTOMERS].contains(&wake.endpoint.as_str()), "{wake:?}");
        assert!(wake.key.bytes().all(|byte| byte.is_ascii_digit()), "{wake:?}");
        assert!((1..=20).contains(&wake.key.len()), "{wake:?}");
    }
}

fn read(oro: &Oro, endpoint: &str, body: &[u8]) -> Vec<Item> {
    let items = oro.read(&record(endpoint, body));
    for item in &items {
        let Err(bad) = &item.draft else { continue };
        assert!(!bad.detail.is_empty(), "{item:?}");
        let again = oro.read(&record(endpoint, &bad.fragment));
        let [Item { draft: Err(again), .. }] = &again[..] else {
            unreachable!("{endpoint}: {bad:?} is {again:?}")
        };
        assert_eq!(again.kind, bad.kind, "{endpoint}: {bad:?} is {again:?}");
    }
    items
}

fn record<'a>(endpoint: &'a str, body: &'a [u8]) -> Record<'a> {
    Record {
        endpoint,
        scope: None,
        message_id: None,
        received_at: now(),
        as_of: Some(now()),
        first_line: 1,
        body,
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_792_891_800).unwrap_or_default()
}

fn part((facet, json): (Facet, &str)) -> Part {
    match Part::from_json(facet, json.as_bytes()) {
        Ok(part) => part,
        Err(error) => unreachable!("{facet:?}: {error}"),
    }
}

fn write<'a>(subject: &'a Subject, part: &'a Part, target_id: Option<&'a str>) -> Write<'a> {
    Write {
        subject,
        part,
        parts: std::slice::from_ref(part),
        target_id,
        read_first: target_id.is_some(),
        doubt: Doubt::None,
        brought: Brought::Nothing,
        recalled: &[],
        attempt: 1,
        event_id: uuid::Uuid::nil(),
        amending: None,
    }
}

fn conversation(status: u16, body: &[u8]) -> Conversation {
    let port: Arc<dyn HttpPort> = Arc::new(Says { status, body: Bytes::copy_from_slice(body) });
    Conversation::new(port, now)
}

/// Answers everything so, but for the token.
#[derive(Debug)]
struct Says {
    status: u16,
    body: Bytes,
}

impl HttpPort for Says {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        let token: &[u8] = br#"{"token_type":"Bearer","expires_in":3600,"access_token":"t"}"#;
        let (status, body) = if request.url.ends_with("/oauth2-token") {
            (200, Bytes::from_static(token))
        } else {
            (self.status, self.body.clone())
        };
        std::future::ready(Ok(Response { status, headers: Vec::new(), body })).boxed()
    }
}

fn oro() -> Oro {
    match Oro::new(&config()) {
        Ok(oro) => oro,
        Err(reason) => unreachable!("{reason}"),
    }
}

/// A shop of every kind of setting.
pub(super) fn config() -> OroConfig {
    OroConfig {
        base_url: "https://shop.test".to_owned(),
        backend_prefix: "/admin".to_owned(),
        client_id: Secret::new("ferry"),
        client_secret: Secret::new("secret"),
        external_status_management: true,
        external_orders: true,
        page_size: 3,
        overlap: HumanDuration::from_secs(10),
        attribute_family: "1".to_owned(),
        default_unit: "item".to_owned(),
        customer_user_role: Some("1".to_owned()),
        price_lists: [("retail".to_owned(), "1".to_owned())].into(),
        categories: BTreeMap::new(),
        product_defaults: BTreeMap::new(),
        batch: OroBatch { most: 100, timeout: HumanDuration::from_secs(40) },
        scan: OroScan::default(),
        stock_site: "shop".to_owned(),
        webhook: Some(OroWebhook {
            url: "https://ferry.test/push/shop".to_owned(),
            secret: Secret::new("secret"),
            topics: ["order.updated", "customer.created"].map(str::to_owned).to_vec(),
        }),
        responses: Vec::new(),
        limits: Limits::default(),
    }
}
