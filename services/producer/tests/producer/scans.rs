//! A shop's customers, walked over: what is told, when it is kept, and what a crash in between does.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
    },
};

use ferry_canonical::header;
use ferry_config::{ScheduleConfig, SystemConfig};
use ferry_producer::{
    poll::Poll,
    reading::{Reading, Way},
};
use ferry_sim::{Fault, HttpFault, SimHttp, answer};
use ferry_store::{
    Cursors as _, Decision, Scans as _, ScheduleChange, ScheduleState, Schedules as _,
};
use ferry_systems::System;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    bench::{Bench, RECORDS, SECOND},
    webhooks::config,
};

const NAME: &str = "scan/shop/customers";
const PAGE: &str = "scan customers";
/// Of what may not be seen.
const BY_ID: u8 = 1;
const ALL: u8 = 2;
const ASK: &str = "ask whether a customer is there";
const NOT_FOUND: &str = r#"{"errors":[{"status":"404","title":"not found http exception"}]}"#;
const DENIED: &str = r#"{"errors":[{"status":"403","title":"access denied exception"}]}"#;
const TOKEN: &str = r#"{"token_type":"Bearer","expires_in":36000,"access_token":"t"}"#;

/// Customers by id, each with the last name of its one user.
type Customers = Arc<Mutex<BTreeMap<u64, &'static str>>>;

/// A shop with customers, and a producer that walks over them every 100 seconds, two a page.
struct Scanning {
    bench: Bench,
    http: SimHttp,
    customers: Customers,
    /// Which customers may not be seen: by their ids, or at all.
    denied: Arc<AtomicU8>,
    tasks: JoinSet<()>,
}

fn prepared(ids: impl IntoIterator<Item = u64>) -> Scanning {
    let mut bench = Bench::new(Path::new("unused"));
    let config = ferry_config::system::OroConfig { page_size: 2, ..config() };
    let system = System::new("shop", &SystemConfig::Oro(config)).unwrap();
    bench.systems = Arc::new([("shop".to_owned(), system)].into());
    let customers: Customers = Arc::new(Mutex::new(ids.into_iter().map(|id| (id, "Li")).collect()));
    let (shown, denied) = (Arc::clone(&customers), Arc::new(AtomicU8::new(0)));
    let denying = Arc::clone(&denied);
    let http = SimHttp::new(move |request| {
        if request.url.ends_with("/oauth2-token") {
            return answer(200, TOKEN);
        }
        let shown = shown.lock().unwrap();
        match request.url.split("/customers/").nth(1) {
            _ if denying.load(Ordering::SeqCst) == ALL => answer(403, DENIED),
            Some(_) if denying.load(Ordering::SeqCst) == BY_ID => answer(403, DENIED),
            Some(id) if shown.contains_key(&id.parse().unwrap()) => answer(200, r#"{"data":{}}"#),
            Some(_) => answer(404, NOT_FOUND),
            None => answer(200, &page(&shown, &request.url).to_string()),
        }
    });
    Scanning { bench, http, customers, denied, tasks: JoinSet::new() }
}

/// Behind which id it was asked for.
fn after(url: &str) -> u64 {
    let after = url.split("filter[id][gt]=").nth(1);
    after.map_or(0, |rest| rest.split('&').next().unwrap().parse().unwrap())
}

/// Nobody has none, which nothing can be made of.
fn email(name: &str) -> Option<&'static str> {
    (name != "Nobody").then_some("jo@acme.example")
}

fn page(customers: &BTreeMap<u64, &'static str>, url: &str) -> Value {
    let rows = customers.range(after(url) + 1..).take(2);
    let (data, included): (Vec<Value>, Vec<Value>) = rows
        .map(|(id, name)| {
            let user = json!({"type": "customerusers", "id": format!("7{id}")});
            let customer = json!({"type": "customers", "id": id.to_string(),
                "attributes": {"name": "Acme", "externalId": format!("C-{id}"),
                    "updatedAt": "2025-12-31T23:00:01Z"},
                "relationships": {"users": {"data": [user]}, "addresses": {"data": []}}});
            let person = json!({"type": "customerusers", "id": format!("7{id}"), "attributes":
                {"firstName": "Jo", "lastName": name, "email": email(name)}});
            (customer, person)
        })
        .unzip();
    json!({ "data": data, "included": included })
}

impl Scanning {
    fn start(&mut self, owner: &str) -> CancellationToken {
        let reading = Reading {
            source: "shop".to_owned(),
            endpoint: "customers".to_owned(),
            way: Way::Scan,
            entity: Some("customer"),
            systems: Arc::clone(&self.bench.systems),
            http: Arc::new(self.http.clone()),
            publisher: ferry_broker::Broker::publisher(&self.bench.broker),
            store: self.bench.store.clone(),
            notes: self.bench.notes.clone(),
            metrics: self.bench.metrics.clone(),
            clock: ferry_sim::now,
            ids: uuid::Uuid::new_v4,
        };
        let schedule = ScheduleConfig::every(100 * SECOND);
        let draining = CancellationToken::new();
        let poll = Poll { reading, schedule, owner: owner.to_owned() };
        self.tasks.spawn(poll.run(draining.clone()));
        draining
    }

    fn say(&self, id: u64, name: &'static str) {
        self.customers.lock().unwrap().insert(id, name);
    }

    /// The ids of the customers of every record so far, record by record.
    fn told(&self) -> Vec<Vec<u64>> {
        let ids = |body: String| {
            let document: Value = serde_json::from_str(&body).unwrap();
            let rows = document.get("data").and_then(Value::as_array).into_iter().flatten();
            let id = |row: &Value| row.get("id").and_then(Value::as_str).unwrap().parse().unwrap();
            rows.map(id).collect()
        };
        self.bench.bodies().into_iter().map(ids).collect()
    }

    /// Behind which ids pages were asked for.
    fn asked(&self) -> Vec<u64> {
        let pages = self.http.requests().into_iter().filter(|request| request.operation == PAGE);
        pages.map(|request| after(&request.url)).collect()
    }

    async fn kept(&self, ids: &[u64]) -> Vec<bool> {
        let ids = ids.iter().map(u64::to_string).collect();
        let kept = self.bench.store.scanned(NAME, ids).await.unwrap();
        kept.iter().map(Option::is_some).collect()
    }

    /// Takes these customers away in the shop.
    fn take(&self, ids: impl IntoIterator<Item = u64>) {
        let mut customers = self.customers.lock().unwrap();
        for id in ids {
            customers.remove(&id);
        }
    }

    /// The numbers of the customers that were told to be gone, record by record.
    fn removed(&self) -> Vec<Vec<String>> {
        let numbers = |body: String| {
            let record: Value = serde_json::from_str(&body).unwrap();
            let rows = record.get("removed")?.as_array()?.clone();
            Some(rows.iter().map(|row| row["known_as"].as_str().unwrap().to_owned()).collect())
        };
        self.bench.bodies().into_iter().filter_map(numbers).collect()
    }

    async fn run_now(&self) {
        let asked = ScheduleChange::Ask { by: "ada".to_owned() };
        self.bench.store.change_schedule(NAME, asked).await.unwrap();
        sleep(5 * SECOND).await;
    }

    async fn held(&self) -> u64 {
        self.bench.store.held(NAME, 100).await.unwrap().count
    }

    async fn state(&self) -> ScheduleState {
        self.bench.store.schedule(NAME).await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_new_is_told_by_two_walks_and_then_only_what_changes() {
    let mut scanning = prepared(8..=12);
    scanning.start("one");
    sleep(SECOND).await;
    assert_eq!(scanning.told(), [vec![8, 9], vec![10, 11], vec![12]]);
    assert_eq!(scanning.asked(), [0, 9, 11, 12]);
    let record = scanning.bench.broker.messages(RECORDS).remove(0);
    assert_eq!(record.key, "shop.customer.live");
    assert_eq!(record.headers.text(header::ENDPOINT), Some("customers"));
    sleep(100 * SECOND).await;
    assert_eq!(scanning.told().len(), 6);
    sleep(300 * SECOND).await;
    assert_eq!(scanning.told().len(), 6, "nothing has changed");
    // No time of the customer moves with its user.
    scanning.say(11, "Ray");
    sleep(100 * SECOND).await;
    assert_eq!(scanning.told()[6..], [vec![11]]);
    let told = scanning.bench.bodies().pop().unwrap();
    assert!(told.contains("Ray") && !told.contains("710"), "{told}");
    sleep(100 * SECOND).await;
    assert_eq!(scanning.told()[6..], [vec![11], vec![11]]);
    sleep(300 * SECOND).await;
    assert_eq!(scanning.told().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_cannot_be_read_is_told_once_and_by_two_walks_when_it_is_mended() {
    let mut scanning = prepared(1..=2);
    scanning.say(2, "Nobody");
    scanning.start("one");
    sleep(350 * SECOND).await;
    assert_eq!(scanning.told(), [vec![1, 2], vec![1]]);
    scanning.say(2, "Li");
    sleep(300 * SECOND).await;
    assert_eq!(scanning.told()[2..], [vec![2], vec![2]]);
}

#[tokio::test(start_paused = true)]
async fn what_a_page_has_shown_is_kept_only_after_its_record_is_confirmed() {
    let mut scanning = prepared(1..=2);
    scanning.bench.broker.script("records", [Fault::Hold]);
    scanning.start("one");
    scanning.bench.broker.until(|broker| broker.messages(RECORDS).len() == 1).await;
    sleep(SECOND).await;
    assert_eq!(scanning.kept(&[1, 2]).await, [false, false]);
    assert_eq!(scanning.bench.store.cursor(NAME).await.unwrap(), None);
    // Killed behind the broker's back: the next one tells the page again, and nothing is lost.
    scanning.tasks.abort_all();
    scanning.start("next");
    sleep(60 * SECOND).await;
    assert_eq!(scanning.told(), [vec![1, 2], vec![1, 2]]);
    assert_eq!(scanning.kept(&[1, 2]).await, [true, true]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_never_became_durable_is_told_again() {
    let mut scanning = prepared(1..=1);
    // Longer than a run waits for its confirms.
    scanning.bench.broker.script("records", [Fault::Refuse; 30]);
    scanning.start("one");
    scanning.http.until(|http| http.count(PAGE) == 2).await;
    assert_eq!(scanning.kept(&[1]).await, [false]);
    scanning.bench.broker.until(|broker| broker.messages(RECORDS).len() == 1).await;
    sleep(SECOND).await;
    assert_eq!(scanning.kept(&[1]).await, [true]);
}

#[tokio::test(start_paused = true)]
async fn a_walk_goes_on_after_a_restart_where_it_was() {
    let mut scanning = prepared(1..=6);
    scanning.http.script(PAGE, [HttpFault::Pass, HttpFault::Pass, HttpFault::Hold]);
    let draining = scanning.start("one");
    scanning.http.until(|http| http.count(PAGE) == 3).await;
    let walk = scanning.state().await.walk.unwrap();
    assert_eq!((walk.rows, walk.of, walk.ended_at), (4, None, None));
    draining.cancel();
    scanning.tasks.join_next().await.unwrap().unwrap();
    scanning.start("next");
    sleep(20 * SECOND).await;
    assert_eq!(scanning.asked(), [0, 2, 4, 4, 6]);
    assert_eq!(scanning.told(), [vec![1, 2], vec![3, 4], vec![5, 6]]);
    let state = scanning.state().await;
    let walk = state.walk.unwrap();
    assert_eq!((walk.rows, walk.ended_at.is_some()), (6, true));
    assert_eq!((state.runs[0].ok, state.times.as_deref()), (true, Some("every 100s")));
}

#[tokio::test(start_paused = true)]
async fn a_walk_that_meets_maintenance_fails_and_goes_on_and_forgets_nothing() {
    let mut scanning = prepared(1..=4);
    scanning.start("one");
    sleep(150 * SECOND).await;
    scanning.http.script(PAGE, [HttpFault::Pass, HttpFault::Refuse]);
    sleep(100 * SECOND).await;
    assert_eq!(scanning.asked()[6..], [0, 2, 2, 4]);
    assert_eq!(scanning.kept(&[1, 2, 3, 4]).await, [true; 4]);
    let state = scanning.state().await;
    assert_eq!(state.runs.iter().filter(|run| !run.ok).count(), 1);
    assert_eq!(state.walk.unwrap().of, Some(4));
}

#[tokio::test(start_paused = true)]
async fn a_row_that_is_gone_and_comes_back_is_new() {
    let mut scanning = prepared(1..=3);
    scanning.start("one");
    sleep(150 * SECOND).await;
    scanning.customers.lock().unwrap().remove(&2);
    sleep(100 * SECOND).await;
    assert_eq!(scanning.kept(&[1, 2, 3]).await, [true, false, true]);
    // Back again, it is new.
    let before = scanning.told().len();
    scanning.say(2, "Li");
    sleep(100 * SECOND).await;
    assert_eq!(scanning.told()[before..], [vec![2]]);
}

#[tokio::test(start_paused = true)]
async fn of_two_producers_one_walks_and_one_that_was_slow_keeps_nothing() {
    let mut scanning = prepared(1..=2);
    scanning.http.script(PAGE, [HttpFault::Hold]);
    scanning.start("slow");
    scanning.http.until(|http| http.count(PAGE) == 1).await;
    // Its lease is gone, as if its host had slept; what it was told is old by now.
    let lease = ferry_store::Lease { name: NAME.to_owned(), owner: "slow".to_owned() };
    ferry_store::Leases::release(&scanning.bench.store, lease).await.unwrap();
    scanning.say(2, "Ray");
    scanning.start("other");
    scanning.http.until(|http| http.count(PAGE) == 3).await;
    sleep(SECOND / 10).await;
    let kept = scanning.bench.store.scanned(NAME, vec!["2".to_owned()]).await.unwrap();
    scanning.http.release();
    sleep(SECOND).await;
    assert_eq!(scanning.bench.store.scanned(NAME, vec!["2".to_owned()]).await.unwrap(), kept);
    assert_eq!(
        scanning.bench.metrics.runs.with_label_values(&["shop", "customers", "failed"]).get(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_customer_that_is_gone_is_told_once_beside_one_that_is_there() {
    let mut scanning = prepared(1..=5);
    scanning.start("one");
    sleep(150 * SECOND).await;
    scanning.take([2, 4]);
    sleep(100 * SECOND).await;
    assert_eq!(scanning.removed(), [["C-2", "C-4"]]);
    let asked = scanning.http.requests().into_iter().filter(|request| request.operation == ASK);
    let asked: Vec<String> =
        asked.map(|request| request.url.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(asked, ["5", "2", "4", "5"]);
    let record = scanning.bench.broker.messages(RECORDS).pop().unwrap();
    assert_eq!(record.key, "shop.customer.live");
    assert!(record.headers.text(header::AS_OF).is_some());
    sleep(300 * SECOND).await;
    assert_eq!(scanning.removed().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_the_right_to_see_taken_away_nothing_is_gone_and_the_history_says_why() {
    let mut scanning = prepared(1..=5);
    scanning.start("one");
    sleep(150 * SECOND).await;
    // The list leaves out what may not be seen.
    scanning.take([2, 4]);
    scanning.denied.store(BY_ID, Ordering::SeqCst);
    sleep(100 * SECOND).await;
    assert_eq!(scanning.removed(), [[""; 0]; 0]);
    let run = scanning.state().await.runs.remove(0);
    let detail = run.detail.unwrap();
    assert!(run.ok && detail.starts_with("no removals: rejected: "), "{detail}");
    let rows = scanning.bench.noted().await;
    assert!(rows.iter().any(|row| row.operation.starts_with(ASK) && row.result == "rejected"));
    // It is given back: they are there.
    for id in [2, 4] {
        scanning.say(id, "Li");
    }
    scanning.denied.store(0, Ordering::SeqCst);
    sleep(200 * SECOND).await;
    assert_eq!(scanning.removed(), [[""; 0]; 0]);
    assert_eq!(scanning.state().await.runs[0].detail, None);
}

#[tokio::test(start_paused = true)]
async fn with_the_right_to_see_taken_away_in_mid_walk_nothing_is_gone() {
    let mut scanning = prepared(1..=6);
    scanning.start("one");
    sleep(150 * SECOND).await;
    scanning.take([5]);
    let before = scanning.http.count(PAGE);
    scanning.http.script(PAGE, [HttpFault::Hold]);
    scanning.http.until(|http| http.count(PAGE) == before + 1).await;
    scanning.denied.store(ALL, Ordering::SeqCst);
    scanning.http.release();
    sleep(90 * SECOND).await;
    assert_eq!((scanning.http.count(ASK), scanning.removed().len()), (0, 0));
    let failed = scanning.state().await.runs.remove(0);
    assert!(!failed.ok && failed.detail.unwrap().starts_with("rejected: "));
    // Given back, the walk goes on, and what is gone is told.
    scanning.denied.store(0, Ordering::SeqCst);
    sleep(200 * SECOND).await;
    assert_eq!(scanning.removed(), [["C-5"]]);
}

#[tokio::test(start_paused = true)]
async fn many_that_are_gone_at_once_wait_for_a_person_and_are_told_once_approved() {
    let mut scanning = prepared(1..=100);
    scanning.start("one");
    sleep(150 * SECOND).await;
    scanning.take(1..=25);
    sleep(100 * SECOND).await;
    assert_eq!((scanning.removed().len(), scanning.held().await), (0, 25));
    let told =
        "25 removals wait for approval: see `ferry schedules removals ls scan/shop/customers`";
    assert_eq!(scanning.state().await.runs[0].detail.as_deref(), Some(told));
    let asked = scanning.http.count(ASK);
    sleep(200 * SECOND).await;
    assert_eq!(scanning.http.count(ASK), asked, "nobody is asked until a person has decided");
    // One of them is back before anybody looks.
    scanning.say(7, "Li");
    assert!(scanning.bench.store.decide(NAME, 25, Decision::Approve).await.unwrap());
    scanning.run_now().await;
    let removed = scanning.removed();
    assert_eq!((removed.len(), removed[0].len()), (1, 24));
    assert!(!removed[0].contains(&"C-7".to_owned()));
    assert_eq!((scanning.held().await, scanning.state().await.runs[0].detail.clone()), (0, None));
}

#[tokio::test(start_paused = true)]
async fn what_was_dismissed_is_not_asked_for_until_it_was_back_and_is_gone_again() {
    let mut scanning = prepared(1..=100);
    scanning.start("one");
    sleep(150 * SECOND).await;
    scanning.take(1..=25);
    sleep(100 * SECOND).await;
    assert!(scanning.bench.store.decide(NAME, 25, Decision::Dismiss).await.unwrap());
    let asked = scanning.http.count(ASK);
    sleep(300 * SECOND).await;
    assert_eq!((scanning.http.count(ASK), scanning.removed().len()), (asked, 0));
    scanning.say(3, "Li");
    sleep(200 * SECOND).await;
    scanning.take([3]);
    sleep(100 * SECOND).await;
    assert_eq!(scanning.removed(), [["C-3"]]);
}
