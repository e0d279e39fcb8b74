use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex},
};

use ferry_config::{HumanDuration, system};
use ferry_http::{HttpError, HttpPort};
use futures_util::{FutureExt as _, future::BoxFuture};
use proptest::prelude::*;

use super::*;

fn endpoint() -> RestEndpoint {
    RestEndpoint {
        path: "/api/customers".to_owned(),
        facet: Facet::Profile,
        items: "/customers".to_owned(),
        mapping: system::Mapping { name: "m.jq".to_owned(), program: "{number, name}".to_owned() },
        sequence: "/updated_at".to_owned(),
        clock: "updated_at".to_owned(),
        page_param: Some("page".to_owned()),
        pages: None,
        size_param: Some("per_page".to_owned()),
        page_size: 2,
        since_param: Some("since".to_owned()),
        overlap: HumanDuration::from_secs(5),
    }
}

fn rest() -> Rest {
    Rest::new(&RestConfig {
        base_url: "http://erp.test".to_owned(),
        bearer: None,
        endpoints: BTreeMap::from([("customers".to_owned(), endpoint())]),
        targets: BTreeMap::new(),
        responses: Vec::new(),
        limits: system::Limits {
            concurrency: 1,
            timeout: HumanDuration::from_secs(1),
            settle_after: HumanDuration::from_secs(2),
            ..system::Limits::default()
        },
    })
    .unwrap()
}

/// Answers in order; remembers what was asked.
#[derive(Debug, Default)]
struct Script {
    answers: Mutex<VecDeque<String>>,
    asked: Mutex<Vec<String>>,
}

impl HttpPort for Script {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        self.asked.lock().unwrap().push(request.url);
        let body = self.answers.lock().unwrap().pop_front().unwrap().into();
        Box::pin(async { Ok(Response { status: 200, headers: Vec::new(), body }) })
    }
}

fn page(times: &[&str]) -> String {
    let items: Vec<String> = times
        .iter()
        .enumerate()
        .map(|(n, time)| {
            format!("{{\"number\":\"C{n}\",\"name\":\"N\",\"updated_at\":\"{time}\"}}")
        })
        .collect();
    format!("{{\"customers\":[{}]}}", items.join(","))
}

async fn polled(pages: &[String], cursor: Option<String>) -> (Vec<String>, String) {
    let script = Arc::new(Script::default());
    *script.answers.lock().unwrap() = pages.iter().cloned().collect();
    let port: Arc<dyn HttpPort> = Arc::clone(&script) as Arc<dyn HttpPort>;
    let conversation = Conversation::new(port, || Timestamp::MAX);
    let (rest, mut cursor) = (rest(), cursor);
    loop {
        let page = rest.poll(&conversation, "customers", cursor.as_deref()).await.unwrap();
        cursor = page.cursor;
        if !page.more {
            let asked = script.asked.lock().unwrap().clone();
            return (asked, cursor.unwrap());
        }
    }
}

#[tokio::test]
async fn a_poll_goes_on_from_the_last_time_rather_than_the_next_page() {
    let pages = [
        page(&["2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"]),
        page(&["2026-01-01T00:00:02Z", "2026-01-01T00:00:03Z"]),
        page(&["2026-01-01T00:00:03Z"]),
    ];
    let (asked, cursor) = polled(&pages, None).await;
    insta::assert_debug_snapshot!(asked, @r#"
    [
        "http://erp.test/api/customers?page=1&per_page=2",
        "http://erp.test/api/customers?page=1&per_page=2&since=2026-01-01T00%3A00%3A02Z",
        "http://erp.test/api/customers?page=1&per_page=2&since=2026-01-01T00%3A00%3A03Z",
    ]
    "#);
    let (asked, _) = polled(&[page(&[])], Some(cursor)).await;
    assert!(asked[0].ends_with("since=2025-12-31T23%3A59%3A58Z"), "{asked:?}");
}

#[tokio::test]
async fn inside_one_identical_time_pages_are_counted_up_and_down_again() {
    let same = "2026-01-01T00:00:01Z";
    let full = page(&[same, same]);
    let pages = [&full, &full, &full, &page(&[same]), &full, &full].map(String::clone);
    let (asked, _) = polled(&pages, None).await;
    let numbers: Vec<&str> =
        asked.iter().map(|url| &url[url.find("page=").unwrap()..][..6]).collect();
    assert_eq!(numbers, ["page=1", "page=1", "page=2", "page=3", "page=2", "page=1"]);
}

fn read(body: &str) -> Vec<Item> {
    let record = Record {
        endpoint: "customers",
        scope: None,
        message_id: None,
        received_at: Timestamp::UNIX_EPOCH,
        as_of: None,
        first_line: 1,
        body: body.as_bytes(),
    };
    rest().read(&record)
}

#[test]
fn a_bad_item_is_a_record_of_one_and_the_others_go_on() {
    let body = r#"{"customers":[
        {"number":"C1","updated_at":"2026-01-01T00:00:01Z"},
        {"number":"C2","name":"Two","updated_at":"2026-01-01T00:00:01.5Z"},
        {"number":"C3","name":"Three","updated_at":"soon"}]}"#;
    let items = read(body);
    let bad = items[0].draft.as_ref().unwrap_err();
    assert_eq!((bad.kind, bad.key.as_deref()), (FailureKind::Validation, Some("C1")));
    assert!(bad.detail.starts_with("/name"), "{}", bad.detail);
    assert_eq!(
        bad.fragment,
        br#"{"customers":[{"number":"C1","updated_at":"2026-01-01T00:00:01Z"}]}"#
    );
    let Draft::Part(draft) = items[1].draft.as_ref().unwrap() else { panic!() };
    assert_eq!(draft.sequence, Sequence(1_767_225_601_500_000));
    let bad = items[2].draft.as_ref().unwrap_err();
    assert!(bad.detail.starts_with("/updated_at: `soon`"), "{}", bad.detail);
}

#[test]
fn what_is_no_page_is_one_bad_record() {
    for body in ["", "[]", "{\"customers\":1}", "<html>"] {
        let items = read(body);
        assert_eq!(items.len(), 1, "{body}");
        assert_eq!(items[0].draft.as_ref().unwrap_err().kind, FailureKind::Parse, "{body}");
    }
}

#[tokio::test]
async fn a_page_that_is_not_sorted_by_time_is_followed_by_the_next_page_of_the_same_run() {
    let pages = [
        page(&["2026-01-01T00:00:09Z", "2026-01-01T00:00:02Z"]),
        page(&["2026-01-01T00:00:03Z", "soon"]),
        page(&["2026-01-01T00:00:04Z"]),
        page(&["2026-01-01T00:00:03Z", "soon"]),
        page(&["2026-01-01T00:00:09Z", "2026-01-01T00:00:02Z"]),
    ];
    let (asked, cursor) = polled(&pages, None).await;
    let tails: Vec<&str> = asked.iter().map(|url| url.rsplit_once('?').unwrap().1).collect();
    let numbers = [1, 2, 3, 2, 1].map(|number| format!("page={number}&per_page=2"));
    assert_eq!(tails, numbers);
    assert_eq!(cursor, "{\"seen\":\"2026-01-01T00:00:09Z\"}");
}

/// The second everything here is counted from: 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

/// A source that sorts by time, gives its rows page by page, and dates its answers.
#[derive(Debug, Default)]
struct Source {
    /// When each row last changed, by its number.
    rows: Mutex<BTreeMap<u8, i64>>,
    now: Mutex<i64>,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

impl HttpPort for Source {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        let get = |name: &str| {
            let (_, query) = request.url.split_once('?').unwrap();
            let found = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
            found.map(|text| text.replace("%3A", ":"))
        };
        let page: usize = get("page").unwrap().parse().unwrap();
        let size: usize = get("per_page").unwrap().parse().unwrap();
        let since: Option<Timestamp> = get("since").map(|text| text.parse().unwrap());
        let mut rows: Vec<(i64, u8)> =
            self.rows.lock().unwrap().iter().map(|(number, second)| (*second, *number)).collect();
        rows.retain(|(second, _)| since.is_none_or(|since| at(*second) >= since));
        rows.sort_unstable();
        let rows = rows.iter().skip((page - 1) * size).take(size).map(|(second, number)| {
            format!(r#"{{"number":"{number}","updated_at":"{}"}}"#, at(*second))
        });
        let body = format!(r#"{{"customers":[{}]}}"#, rows.collect::<Vec<_>>().join(","));
        let date = at(*self.now.lock().unwrap());
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date);
        let headers = vec![("date".to_owned(), date.unwrap())];
        Box::pin(async { Ok(Response { status: 200, headers, body: body.into() }) })
    }
}

/// Somebody who polls it, and the rows that were passed on.
#[derive(Debug)]
struct Listener {
    rest: Rest,
    source: Arc<Source>,
    cursor: Option<String>,
    seen: BTreeSet<(String, Timestamp)>,
    ahead: Vec<Timestamp>,
}

impl Listener {
    fn new() -> Self {
        let (source, seen) = (Arc::default(), BTreeSet::new());
        Self { rest: rest(), source, cursor: None, seen, ahead: Vec::new() }
    }

    /// Asks for one page, and says whether there are more.
    fn step(&mut self, now: i64) -> bool {
        *self.source.now.lock().unwrap() = now;
        let port: Arc<dyn HttpPort> = Arc::clone(&self.source) as Arc<dyn HttpPort>;
        let conversation = Conversation::new(port, || Timestamp::UNIX_EPOCH);
        let polled = self.rest.poll(&conversation, "customers", self.cursor.as_deref());
        let page = polled.now_or_never().unwrap().unwrap();
        for record in &page.records {
            let body: Value = serde_json::from_slice(&record.body).unwrap();
            for row in body["customers"].as_array().unwrap() {
                let text = |name: &str| row[name].as_str().unwrap().to_owned();
                self.seen.insert((text("number"), text("updated_at").parse().unwrap()));
            }
        }
        self.ahead.extend(page.ahead);
        self.cursor = page.cursor;
        page.more
    }

    /// Whole runs, a second for each page.
    fn runs(&mut self, runs: u32, mut now: i64) {
        for _ in 0..runs {
            let began = now;
            while self.step(now) {
                now += 1;
                assert!(now < began + 200, "a run does not end: {:?}", self.cursor);
            }
            now += 1;
        }
    }

    fn change(&self, number: u8, second: i64) {
        self.source.rows.lock().unwrap().insert(number, second);
    }

    fn missed(&self) -> Vec<(u8, i64)> {
        let rows = self.source.rows.lock().unwrap();
        let seen = |number: u8, second| self.seen.contains(&(number.to_string(), at(second)));
        rows.iter().map(|(n, second)| (*n, *second)).filter(|(n, s)| !seen(*n, *s)).collect()
    }
}

#[test]
fn a_row_dated_ahead_holds_no_other_row_back_and_is_told_of() {
    let mut listener = Listener::new();
    listener.change(1, 10);
    listener.change(2, 1_000_000);
    listener.runs(1, 20);
    assert_eq!(listener.ahead.last(), Some(&at(1_000_000)));
    listener.change(1, 30);
    listener.runs(1, 31);
    assert_eq!(listener.missed(), []);
    // A cursor that was led ahead comes back.
    listener.cursor = Some(serde_json::json!({ "seen": at(2_000_000) }).to_string());
    listener.runs(1, 40);
    listener.change(1, 50);
    listener.runs(1, 51);
    assert_eq!(listener.missed(), []);
}

proptest! {
    /// Some of them far ahead of the source's clock.
    #[test]
    fn every_row_that_changes_while_it_is_polled_is_read(
        start in prop::collection::btree_map(
            1_u8..20,
            prop_oneof![8 => 0_i64..20, 1 => 5_000_i64..5_003],
            0..20,
        ),
        changes in prop::collection::vec((1_u8..20, prop::option::weighted(0.1, 5_000_i64..5_003)), 0..40),
    ) {
        let mut listener = Listener::new();
        *listener.source.rows.lock().unwrap() = start;
        let mut now = 100;
        for (number, ahead) in changes {
            listener.step(now);
            now += 1;
            listener.change(number, ahead.unwrap_or(now));
        }
        listener.runs(3, now);
        prop_assert_eq!(listener.missed(), []);
    }
}
