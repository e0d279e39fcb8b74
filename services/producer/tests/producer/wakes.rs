//! A push that says little wakes a read that says it all, by way of the store.

use std::{collections::BTreeMap, sync::Arc};

use axum::{body::Body, http::Request};
use ferry_broker::Broker as _;
use ferry_canonical::header;
use ferry_config::ScheduleConfig;
use ferry_producer::{
    poll::Poll,
    reading::Reading,
    receive::{Receiver, router},
    woken::Woken,
};
use ferry_sim::{HttpFault, SimHttp, answer};
use ferry_store::{Because, Schedules as _, SqliteStore, Wakes as _};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::bench::{Bench, RECORDS, SECOND};

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
        let readings = ["inventory", "order"]
            .map(|endpoint| (endpoint.to_owned(), (self.reading(endpoint), 50)));
        let woken = Woken {
            source: "warehouse".to_owned(),
            readings: BTreeMap::from(readings),
            store: self.bench.store.clone(),
            owner: "one".to_owned(),
        };
        self.tasks.spawn(woken.run(CancellationToken::new()));
        let writer = self.bench.writer();
        let (store, draining) = (self.bench.store.clone(), CancellationToken::new());
        self.tasks.spawn(writer.run(store, draining));
    }

    async fn push(&self, body: &str) -> u16 {
        let receiver = Receiver {
            systems: Arc::clone(&self.bench.systems),
            publisher: self.bench.broker.publisher(),
            notes: self.bench.notes.clone(),
            metrics: self.bench.metrics.clone(),
            clock: ferry_sim::now,
            ids: uuid::Uuid::new_v4,
            listens_on: std::net::Ipv4Addr::LOCALHOST.into(),
        };
        let push = Request::post("/push/warehouse")
            .header("authorization", "Basic Zmxvdzpwdw==")
            .header("content-type", "application/xml")
            .body(Body::from(body.to_owned()))
            .unwrap();
        router(receiver).oneshot(push).await.unwrap().status().as_u16()
    }
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
    assert_eq!(warehouse.bench.store.woken("warehouse", 9).await.unwrap(), []);
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
    assert_eq!(warehouse.bench.store.woken("warehouse", 9).await.unwrap(), []);
    let state = warehouse.bench.store.schedule("poll/warehouse/order").await.unwrap();
    assert!(state.runs[0].detail.as_ref().unwrap().starts_with("missing_reference"));
}
