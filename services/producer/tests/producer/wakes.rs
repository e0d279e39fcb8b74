//! A push that says little wakes a read that says it all, by way of the store.

use std::{collections::BTreeMap, sync::Arc};

use axum::{body::Body, http::Request};
use ferry_broker::Broker as _;
use ferry_canonical::header;
use ferry_producer::{
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

/// A warehouse that answers `body` to whatever it is asked, and a producer.
struct Warehouse {
    bench: Bench,
    http: SimHttp,
    tasks: JoinSet<()>,
}

fn warehouse(status: u16, body: &'static str) -> Warehouse {
    let bench = Bench::new(std::path::Path::new("unused"));
    let http = SimHttp::new(move |_| answer(status, body));
    Warehouse { bench, http, tasks: JoinSet::new() }
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

    async fn push(&self, body: &'static str) -> u16 {
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
            .body(Body::from(body))
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
async fn a_wake_outlives_a_warehouse_that_is_away() {
    let mut warehouse = warehouse(200, LEVELS);
    warehouse.http.script("poll", [HttpFault::Refuse; 3]);
    warehouse.follow_wakes();
    warehouse.push(CHANGED).await;
    warehouse.bench.broker.until(|broker| broker.messages(RECORDS).len() == 2).await;
    assert_eq!(warehouse.http.count("poll"), 4);
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
