//! What a fuzzer feeds the parsers of what OrderFlow says: plain functions, which run on stable as
//! well. Each panics where, for whatever bytes, one of these does not hold:
//!
//! - nothing panics; what cannot be read says why;
//! - what a push wakes can be asked for;
//! - an item that cannot be read can be sent again as its fragment, and fails for the same reason;
//! - a list that was cut into records has in them the items that it has as a whole;
//! - a pull can go on from where another ended.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use ferry_canonical::{Facet, header, limits};
use ferry_config::{
    HumanDuration, ScheduleConfig, Secret,
    system::{
        AcknowledgeAs, ChangedOrders, Limits, Mapping, OrderDetail, OrderflowConfig, PullConfig,
        PushConfig, PushCredentials, ReportConfig,
    },
};
use ferry_http::{Conversation, HttpError, HttpPort, Request, Response};
use futures_util::{FutureExt as _, future::BoxFuture};
use jiff::Timestamp;

use super::{Orderflow, PUSH, answer, pull};
use crate::{Ask, BadItem, Draft, Item, NewRecord, PushRequest, Record};

const ENDPOINTS: [&str; 6] = [
    pull::DESPATCHES,
    pull::INVENTORY,
    pull::ORDER,
    pull::PENDING,
    "report-plain",
    "report-mapped",
];

/// A push, and the record it became.
///
/// # Panics
/// When a promise is broken.
pub fn push(body: &[u8]) {
    let orderflow = orderflow();
    read(&orderflow, PUSH, None, body);
    let headers = [("authorization".to_owned(), "Basic Zmxvdzpwdw==".to_owned())];
    let Ok(admitted) = orderflow.admit(&headers, &[]) else { unreachable!("these are its own") };
    let request = PushRequest { headers: &headers, query: &[], body };
    match orderflow.receive(&request, admitted) {
        Ok(acknowledged) => {
            for wake in acknowledged.wakes {
                assert!(wake.key.len() <= limits::ID_CHARS, "{wake:?}");
                assert!(!wake.key.contains(char::is_control), "{wake:?}");
            }
        }
        Err(refusal) => assert!((400..500).contains(&refusal.status) && refusal.status != 410),
    }
}

/// The answer to each pull, and the records it became.
///
/// # Panics
/// When a promise is broken.
pub fn pulled(body: &[u8]) {
    let orderflow = orderflow();
    for endpoint in ENDPOINTS {
        let asked = |cursor: Option<&str>| {
            let port: Arc<dyn HttpPort> = Arc::new(Says(Bytes::copy_from_slice(body)));
            let conversation = Conversation::new(port, now);
            let keys = ["W-1".to_owned()];
            let keys = if endpoint == pull::ORDER { &keys[..] } else { &[] };
            let (now, heard) = (now(), Some(7));
            let ask = Ask { endpoint, cursor, keys, scope: "", now, heard };
            orderflow.poll(&conversation, &ask).now_or_never()
        };
        let Some(said) = asked(None) else { unreachable!("the answer is there") };
        let page = match said {
            Ok(page) => page,
            Err(failure) => {
                assert!(!failure.detail.is_empty(), "{endpoint}: {failure:?}");
                continue;
            }
        };
        let whole = orderflow.read(&record(endpoint, Some("7"), body));
        let cut: Vec<Item> = page
            .records
            .iter()
            .flat_map(|new| read(&orderflow, endpoint, message_id(new), &new.body))
            .collect();
        let is_list = [pull::DESPATCHES, pull::INVENTORY].contains(&endpoint);
        if is_list && whole.iter().all(|item| item.pointer != "/") {
            let read = |items: &[Item]| items.iter().filter(|item| !is_skip(item)).count();
            assert_eq!(read(&cut), read(&whole), "{endpoint}");
        }
        let again = asked(page.cursor.as_deref());
        assert!(again.is_some_and(|said| said.is_ok()), "{endpoint} {:?}", page.cursor);
    }
}

/// What stands beside the items of a list is skipped once for each record.
const fn is_skip(item: &Item) -> bool {
    matches!(item.draft, Ok(Draft::Skip { .. }))
}

/// The answer to an import, whatever its status.
///
/// # Panics
/// When a promise is broken.
pub fn import_result(body: &[u8]) {
    let system = orderflow();
    for status in [200, 401, 500] {
        let body = Bytes::copy_from_slice(body);
        let response = Response { status, headers: Vec::new(), body };
        if let Err(failure) = answer::imports(&system.rules, &response) {
            assert!(!failure.detail.is_empty(), "{failure:?}");
        }
    }
}

/// Answers 200 with this.
#[derive(Debug)]
struct Says(Bytes);

impl HttpPort for Says {
    fn send(&self, _request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        let response = Response { status: 200, headers: Vec::new(), body: self.0.clone() };
        std::future::ready(Ok(response)).boxed()
    }
}

fn read(orderflow: &Orderflow, endpoint: &str, message_id: Option<&str>, body: &[u8]) -> Vec<Item> {
    let items = orderflow.read(&record(endpoint, message_id, body));
    for item in &items {
        let Err(bad) = &item.draft else { continue };
        assert!(!bad.detail.is_empty() && !item.pointer.is_empty(), "{item:?}");
        let again = orderflow.read(&record(endpoint, message_id, &bad.fragment));
        assert!(again.iter().any(|item| same(item, bad)), "{bad:?} {again:?}");
    }
    items
}

fn same(item: &Item, bad: &BadItem) -> bool {
    item.draft.as_ref().is_err_and(|again| (again.kind, &again.detail) == (bad.kind, &bad.detail))
}

fn message_id(new: &NewRecord) -> Option<&str> {
    let mut headers = new.headers.iter();
    headers.find(|(name, _)| *name == header::SOURCE_MESSAGE_ID).map(|(_, value)| value.as_str())
}

fn record<'a>(endpoint: &'a str, message_id: Option<&'a str>, body: &'a [u8]) -> Record<'a> {
    let received_at = now();
    Record { endpoint, scope: None, message_id, received_at, as_of: None, first_line: 1, body }
}

/// In the hour that comes twice.
fn now() -> Timestamp {
    Timestamp::from_second(1_792_891_800).unwrap_or_default()
}

fn orderflow() -> Orderflow {
    let report = |rows: Option<(Facet, Mapping)>| ReportConfig {
        key: "k".to_owned(),
        reference: None,
        organisation_id: None,
        back: HumanDuration::from_secs(60),
        schedule: ScheduleConfig::every(std::time::Duration::from_mins(1)),
        rows,
        group: Vec::new(),
    };
    let program = "{order, reference: .id, lines: [{sku: .sku, quantity}]}".to_owned();
    let mapping = Mapping { name: "returns.jq".to_owned(), program };
    let reports = BTreeMap::from([
        ("plain".to_owned(), report(None)),
        ("mapped".to_owned(), report(Some((Facet::Return, mapping)))),
    ]);
    let secret = || Secret::new("pw");
    let config = OrderflowConfig {
        base_url: "http://warehouse.test".to_owned(),
        organisation: "acme".to_owned(),
        channel: "web".to_owned(),
        time_zone: "Europe/London".to_owned(),
        user: secret(),
        password: secret(),
        push: Some(PushConfig {
            credentials: Some(PushCredentials { user: Secret::new("flow"), password: secret() }),
            scopes: Vec::new(),
            acknowledgement: "Message {id}".to_owned(),
            acknowledge_as: AcknowledgeAs::Xml,
        }),
        changed_orders: ChangedOrders::Amend,
        writes: Box::default(),
        pull: PullConfig { order_detail: OrderDetail::Always, reports, ..PullConfig::default() },
        responses: Vec::new(),
        limits: Limits::default(),
    };
    match Orderflow::new(&config) {
        Ok(orderflow) => orderflow,
        Err(reason) => unreachable!("{reason}"),
    }
}
