//! A push that says little wakes a read that says it all, by way of the store.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, http::Request};
use ferry_broker::Broker as _;
use ferry_canonical::header;
use ferry_config::{
    ScheduleConfig, SystemConfig,
    system::{OrderflowConfig, PullConfig},
};
use ferry_producer::{
    poll::Poll,
    reading::{Reading, Way},
    receive::{Receiver, router},
    woken::Woken,
};
use ferry_sim::{HttpFault, SimHttp, answer};
use ferry_store::{
    Because, Cursors, ScheduleChange, Schedules as _, SqliteStore, StoreError, Wake, Wakes,
};
use ferry_systems::{Anew, System};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::bench::{Bench, RECORDS, SECOND, orderflow};

const LEVELS: &str = r#"<inventory><product externalReference="MUG" available="3"/></inventory>"#;
const CHANGED: &str =
    r#"<stockChanges messageId="1509"><stockChange id="1" product="MUG"/></stockChanges>"#;

const PENDING: &str = "<shipments><shipment><reference>W-1</reference><orderReference>W-1</orderReference></shipment></shipments>";
const DETAIL: &str = r#"<order externalReference="W-1"><shipments><shipment externalReference="W-1" state="ready"/></shipments></order>"#;

/// A warehouse that answers one body to whatever it is asked, and a producer.
struct Warehouse {
    bench: Bench,
    http: SimHttp,
    tasks: JoinSet<()>,
}

fn warehouse(status: u16, body: &'static str) -> Warehouse {
    warehouse_with(SimHttp::new(move |_| answer(status, body)))
}

fn warehouse_with(http: SimHttp) -> Warehouse {
    Warehouse { bench: Bench::new(std::path::Path::new("unused")), http, tasks: JoinSet::new() }
}

impl Warehouse {
    fn reading(&self, endpoint: &str) -> Reading<ferry_sim::SimPublisher, SqliteStore> {
        Reading {
            source: "warehouse".to_owned(),
            endpoint: endpoint.to_owned(),
            way: Way::Poll,
            entity: Some("product"),
            systems: Arc::clone(&self.bench.systems),
            http: Arc::new(self.http.clone()),
            publisher: self.bench.broker.publisher(),
            store: self.bench.store.clone(),
            notes: self.bench.notes.clone(),
            metrics: self.bench.metrics.clone(),
            clock: ferry_sim::now,
            ids: uuid::Uuid::new_v4,
        }
    }

    fn follow_wakes(&mut self) {
        for endpoint in ["inventory", "order"] {
            self.follow(endpoint, Anew::Never);
        }
    }

    fn follow(&mut self, endpoint: &str, anew: Anew) {
        let (reading, owner) = (self.reading(endpoint), "one".to_owned());
        let woken = Woken { reading, at_once: 50, anew, owner };
        self.tasks.spawn(woken.run(CancellationToken::new()));
    }

    fn write_notes(&mut self) {
        let writer = self.bench.writer();
        let (store, draining) = (self.bench.store.clone(), CancellationToken::new());
        self.tasks.spawn(writer.run(store, draining));
    }

    async fn push(&self, body: &str) -> u16 {
        self.push_to("/push/warehouse", self.bench.store.clone(), body).await
    }

    async fn push_to(&self, path: &str, store: impl Wakes + Cursors + 'static, body: &str) -> u16 {
        let receiver = Receiver {
            systems: Arc::clone(&self.bench.systems),
            publisher: self.bench.broker.publisher(),
            store,
            notes: self.bench.notes.clone(),
            metrics: self.bench.metrics.clone(),
            clock: ferry_sim::now,
            ids: uuid::Uuid::new_v4,
            listens_on: std::net::Ipv4Addr::LOCALHOST.into(),
        };
        let push = Request::post(path)
            .header("authorization", "Basic Zmxvdzpwdw==")
            .header("content-type", "application/xml")
            .body(Body::from(body.to_owned()))
            .unwrap();
        router(receiver).oneshot(push).await.unwrap().status().as_u16()
    }

    async fn waiting(&self, endpoint: &str) -> usize {
        self.bench.store.woken("warehouse", endpoint, 999).await.unwrap().len()
    }
}

/// A store that takes nothing that pushes say: it refuses, or does not answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deaf {
    is_silent: Arc<AtomicBool>,
}

impl Wakes for Deaf {
    async fn hear(&self, _: &str, _: Option<u64>, _: Vec<Wake>) -> Result<(), StoreError> {
        if self.is_silent.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        Err(StoreError::Busy)
    }

    async fn heard(&self, _: &str) -> Result<Option<u64>, StoreError> {
        Err(StoreError::Busy)
    }

    async fn woken(&self, _: &str, _: &str, _: u32) -> Result<Vec<ferry_store::Woken>, StoreError> {
        Err(StoreError::Busy)
    }

    async fn rest(&self, _: Vec<ferry_store::Woken>) -> Result<(), StoreError> {
        Err(StoreError::Busy)
    }
}

impl Cursors for Deaf {
    async fn cursor(&self, _: &str) -> Result<Option<String>, StoreError> {
        Err(StoreError::Busy)
    }

    async fn move_cursor(&self, _: &str, _: Option<&str>, _: &str) -> Result<bool, StoreError> {
        Err(StoreError::Busy)
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_push_says_should_be_read_is_stored_when_its_sender_hears_200() {
    // Nobody writes notes: what is only in this process would die with it.
    let warehouse = warehouse(200, LEVELS);
    assert_eq!(warehouse.push(CHANGED).await, 200);
    assert_eq!(warehouse.waiting("inventory").await, 1);
    assert_eq!(warehouse.bench.store.heard("warehouse").await.unwrap(), Some(1_509));
}

#[tokio::test(start_paused = true)]
async fn a_push_needs_no_store_and_what_it_says_is_stored_once_there_is_one() {
    let mut warehouse = warehouse(200, LEVELS);
    let deaf = Deaf::default();
    assert_eq!(warehouse.push_to("/push/warehouse", deaf.clone(), CHANGED).await, 200);
    deaf.is_silent.store(true, Ordering::Relaxed);
    let began = tokio::time::Instant::now();
    let other = CHANGED.replace("MUG", "TEA");
    assert_eq!(warehouse.push_to("/push/warehouse", deaf, &other).await, 200);
    assert!(began.elapsed() <= Duration::from_millis(1_100), "{:?}", began.elapsed());
    assert_eq!(warehouse.waiting("inventory").await, 0);
    warehouse.write_notes();
    sleep(SECOND).await;
    assert_eq!(warehouse.waiting("inventory").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_starts_reads_anew_what_the_one_before_it_may_have_missed() {
    let mut warehouse = warehouse(200, LEVELS);
    warehouse.follow("inventory", Anew::Started);
    warehouse.follow("pending", Anew::Missed);
    warehouse.http.until(|http| http.count("poll") == 1).await;
    let asked = warehouse.http.requests().remove(0);
    assert!(asked.url.contains("/inventory.xml?"), "{}", asked.url);
    assert!(!asked.url.contains("externalReferences"), "{}", asked.url);
    sleep(60 * SECOND).await;
    assert_eq!(warehouse.http.count("poll"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_known_to_be_missed_is_counted_and_read_anew() {
    let mut warehouse = warehouse(200, PENDING);
    // There is no room for what the store does not take.
    drop(warehouse.bench.writer());
    warehouse.follow("pending", Anew::Missed);
    warehouse.follow("order", Anew::Never);
    sleep(5 * SECOND).await;
    assert_eq!(warehouse.http.count("poll"), 0);
    warehouse.push_to("/push/warehouse", Deaf::default(), CHANGED).await;
    assert_eq!(warehouse.bench.metrics.heard_lost.get(), 1);
    warehouse.http.until(|http| http.count("poll") >= 1).await;
    assert!(warehouse.http.requests()[0].url.contains("/pending.xml?"));
}

#[tokio::test(start_paused = true)]
async fn orders_that_cannot_be_read_do_not_keep_levels_from_being_read() {
    let mut warehouse = warehouse_with(SimHttp::new(|request| {
        answer(200, if request.url.contains("/inventory.xml") { LEVELS } else { "<order" })
    }));
    let order = |n: u32| Wake {
        source: "warehouse".to_owned(),
        endpoint: "order".to_owned(),
        scope: String::new(),
        key: format!("W-{n}"),
    };
    let orders = (0..201).map(order).collect();
    warehouse.bench.store.hear("warehouse", None, orders).await.unwrap();
    warehouse.follow_wakes();
    warehouse.http.until(|http| http.count("poll") >= 3).await;
    let began = tokio::time::Instant::now();
    warehouse.push(CHANGED).await;
    let read = |http: &SimHttp| http.requests().iter().any(|asked| asked.url.contains("=MUG"));
    warehouse.http.until(read).await;
    assert!(began.elapsed() <= 2 * SECOND, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_is_woken_waits_while_an_operator_holds_its_endpoint() {
    let mut warehouse = warehouse(200, LEVELS);
    let (by, reason) = ("ada".to_owned(), "stock count".to_owned());
    let pause = ScheduleChange::Pause { by, reason, lasting: None };
    let name = "poll/warehouse/inventory";
    warehouse.bench.store.change_schedule(name, pause).await.unwrap();
    warehouse.follow_wakes();
    warehouse.push(CHANGED).await;
    sleep(10 * SECOND).await;
    assert_eq!((warehouse.http.count("poll"), warehouse.waiting("inventory").await), (0, 1));
    warehouse.bench.store.change_schedule(name, ScheduleChange::Resume).await.unwrap();
    warehouse.http.until(|http| http.count("poll") == 1).await;
}

#[tokio::test(start_paused = true)]
async fn what_another_channel_pushes_is_asked_for_under_its_name() {
    let mut warehouse = warehouse(200, LEVELS);
    warehouse.follow_wakes();
    warehouse.push(CHANGED).await;
    let store = warehouse.bench.store.clone();
    warehouse.push_to("/push/warehouse?channel=outlet&organisation=other", store, CHANGED).await;
    warehouse.http.until(|http| http.count("poll") == 2).await;
    let asked = warehouse.http.requests();
    let of = |channel: &str| {
        asked.iter().find(|asked| asked.url.contains(&format!("channel={channel}"))).unwrap()
    };
    assert!(of("web").url.contains("organisation=acme&"), "{}", of("web").url);
    let outlet = of("outlet");
    assert!(outlet.url.contains("organisation=other&"), "{}", outlet.url);
    let said: Vec<_> = outlet
        .headers
        .iter()
        .filter(|(name, _)| name == "channel" || name == "organisation")
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(said, ["outlet", "other"]);
}

#[tokio::test(start_paused = true)]
async fn changes_of_stock_wake_a_read_of_their_levels() {
    let mut warehouse = warehouse(200, LEVELS);
    warehouse.follow_wakes();
    assert_eq!(warehouse.push(CHANGED).await, 200);
    warehouse.bench.broker.until(|broker| broker.messages(RECORDS).len() == 2).await;
    let asked = warehouse.http.requests();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].url.ends_with("&externalReferences=MUG"), "{}", asked[0].url);
    let record = warehouse.bench.broker.messages(RECORDS).remove(1);
    assert_eq!(record.headers.text(header::ENDPOINT), Some("inventory"));
    // It was asked for after this message was heard, and has its place behind it.
    assert_eq!(record.headers.text(header::SOURCE_MESSAGE_ID), Some("1509"));
    sleep(5 * SECOND).await;
    assert_eq!(warehouse.http.requests().len(), 1, "what is done is not done again");
    let state = warehouse.bench.store.schedule("poll/warehouse/inventory").await.unwrap();
    assert_eq!((state.runs[0].because, state.runs[0].records), (Because::Push, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_new_among_pending_shipments_wakes_a_read_of_its_order() {
    let mut warehouse = warehouse_with(SimHttp::new(|request| {
        answer(200, if request.url.contains("/pending.xml") { PENDING } else { DETAIL })
    }));
    warehouse.follow_wakes();
    let reading = warehouse.reading("pending");
    let schedule = ScheduleConfig::every(10 * SECOND);
    let poll = Poll { reading, schedule, owner: "one".to_owned() };
    warehouse.tasks.spawn(poll.run(CancellationToken::new()));
    warehouse.bench.broker.until(|broker| broker.messages(RECORDS).len() == 2).await;
    let detail = warehouse.bench.broker.messages(RECORDS).remove(1);
    assert_eq!(detail.headers.text(header::ENDPOINT), Some("order"));
    sleep(25 * SECOND).await;
    let asked = warehouse.http.requests();
    let details = asked.iter().filter(|request| request.url.contains("externalReference=W-1"));
    // The list is read again and says the same: its order is not read again.
    assert_eq!((asked.len(), details.count()), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_wake_outlives_a_warehouse_that_is_away() {
    let mut warehouse = warehouse(200, LEVELS);
    warehouse.http.script("poll", [HttpFault::Refuse; 3]);
    warehouse.follow_wakes();
    warehouse.push(CHANGED).await;
    warehouse.bench.broker.until(|broker| broker.messages(RECORDS).len() == 2).await;
    assert_eq!(warehouse.http.count("poll"), 4);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_cannot_be_read_holds_no_other_up_and_is_given_up_in_the_end() {
    let mut warehouse = warehouse_with(SimHttp::new(|request| {
        let poison = request.url.contains("externalReference=BAD");
        answer(200, if poison { "<order" } else { DETAIL })
    }));
    warehouse.follow_wakes();
    let event = |id: u32, order: &str| {
        format!(r#"<event messageId="{id}" entity="order" externalReference="{order}"/>"#)
    };
    warehouse.push(&event(1, "BAD")).await;
    warehouse.http.until(|http| http.count("poll") == 2).await;
    let began = tokio::time::Instant::now();
    warehouse.push(&event(2, "GOOD")).await;
    // Both pushes, and the one detail.
    warehouse.bench.broker.until(|broker| broker.messages(RECORDS).len() == 3).await;
    assert!(began.elapsed() <= 2 * SECOND, "{:?}", began.elapsed());
    sleep(3_600 * SECOND).await;
    assert_eq!(warehouse.bench.store.woken("warehouse", "order", 9).await.unwrap(), []);
    assert_eq!(warehouse.http.count("poll"), 11);
}

#[tokio::test(start_paused = true)]
async fn what_the_warehouse_says_no_to_is_given_up() {
    let gone = "<r><exception>rtd.exceptions.MissingDataException</exception></r>";
    let mut warehouse = warehouse(200, gone);
    warehouse.follow_wakes();
    warehouse.push(r#"<event messageId="7" entity="order" externalReference="W-1"/>"#).await;
    warehouse.http.until(|http| http.count("poll") == 1).await;
    sleep(60 * SECOND).await;
    assert_eq!(warehouse.http.count("poll"), 1);
    assert_eq!(warehouse.bench.store.woken("warehouse", "order", 9).await.unwrap(), []);
    let state = warehouse.bench.store.schedule("poll/warehouse/order").await.unwrap();
    assert!(state.runs[0].detail.as_ref().unwrap().starts_with("missing_reference"));
}

#[tokio::test(start_paused = true)]
async fn a_site_that_is_refused_fails_its_run_and_the_others_are_read() {
    let no = "<error>no such site</error>";
    let mut warehouse = warehouse_with(SimHttp::new(move |request| {
        answer(200, if request.url.contains("site=LEEDS") { no } else { LEVELS })
    }));
    let sites = vec!["LEEDS".to_owned(), "YORK".to_owned()];
    let config =
        OrderflowConfig { pull: PullConfig { sites, ..PullConfig::default() }, ..orderflow() };
    let system = System::new("warehouse", &SystemConfig::Orderflow(config)).unwrap();
    warehouse.bench.systems = Arc::new([("warehouse".to_owned(), system)].into());
    let reading = warehouse.reading("inventory");
    let schedule = ScheduleConfig::every(600 * SECOND);
    let poll = Poll { reading, schedule, owner: "one".to_owned() };
    warehouse.tasks.spawn(poll.run(CancellationToken::new()));
    warehouse.bench.broker.until(|broker| !broker.messages(RECORDS).is_empty()).await;
    sleep(SECOND).await;
    let state = warehouse.bench.store.schedule("poll/warehouse/inventory").await.unwrap();
    let runs: Vec<_> = state.runs.iter().map(|run| (run.ok, run.records)).collect();
    assert_eq!(runs, [(true, 1), (false, 0)]);
    let noted = warehouse.bench.noted().await;
    let told = noted.iter().find(|entry| entry.operation == "poll inventory in part").unwrap();
    assert_eq!(told.detail.as_deref(), Some("no such site"));
}
