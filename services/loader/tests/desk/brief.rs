//! What an event about an order has no room for, and the list of what has left says: at a target that
//! holds whole documents, neither erases the other, whichever comes first.

use std::{collections::BTreeMap, sync::Arc};

use ferry_canonical::{Clock, Event, Facet, Outcome, Part};
use ferry_config::{
    SystemConfig,
    system::{Mapping, RestConfig, RestTarget, UpdateMethod},
};
use ferry_loader::{Desk, DeskDied, Target};
use ferry_sim::{SimBroker, SimHttp, answer};
use ferry_store::{Overviews as _, SqliteStore};
use ferry_systems::System;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bench::{FlakyLedger, event, limits, message, route, seams, topology};

const QUEUE: &str = "load.erp.order";

/// As the list of what has left says it.
const LISTED: &str = r#"{"order":"W-1","reference":"S1","state":"despatched","despatched":true,
    "carrier":"Royal Mail","service":"Tracked 48","despatched_at":"2026-01-01T00:00:00Z",
    "tracking":[{"number":"A","url":"https://t.test/A"},{"number":"B"}],
    "lines":[{"sku":"MUG","quantity":"2"}]}"#;
/// As an event says it.
const TOLD: &str = r#"{"order":"W-1","reference":"S1","state":"despatched","despatched":true,
    "carrier":"metapack","tracking":[{"number":"A"}],"lines":[{"sku":"MUG","quantity":"2"}],
    "brief":true}"#;

struct Erp {
    broker: SimBroker,
    http: SimHttp,
    store: SqliteStore,
    ledger: FlakyLedger,
    loaders: JoinSet<Result<(), DeskDied>>,
}

impl Erp {
    /// Its first answers are these; then it takes everything.
    fn new(refusals: &'static [u16]) -> Self {
        ferry_sim::start_clock();
        let store = SqliteStore::in_memory(ferry_sim::now).unwrap();
        let mut refusals = refusals.iter();
        Self {
            broker: SimBroker::new(topology(&[
                ("erp", Facet::Shipment, "warehouse"),
                ("erp", Facet::Cancellation, "warehouse"),
            ])),
            http: SimHttp::new(move |_| answer(refusals.next().copied().unwrap_or(200), "{}")),
            ledger: FlakyLedger::new(&store),
            store,
            loaders: JoinSet::new(),
        }
    }

    fn load(&mut self) {
        let target = |facet: Facet| RestTarget {
            facet,
            mapping: Mapping { name: "m.jq".to_owned(), program: ".".to_owned() },
            create: None,
            update: format!("/{facet}/{{key}}"),
            update_method: UpdateMethod::Put,
            look_up: None,
            found: None,
            key: None,
            id: None,
            signing: None,
        };
        let targets =
            [Facet::Shipment, Facet::Cancellation].map(|facet| (facet.to_string(), target(facet)));
        let config = SystemConfig::Rest(RestConfig {
            base_url: "http://erp.test".to_owned(),
            bearer: None,
            endpoints: BTreeMap::new(),
            targets: BTreeMap::from(targets),
            responses: Vec::new(),
            limits: limits(4),
        });
        let routes = vec![
            route("shipments", "warehouse", Facet::Shipment),
            route("cancellations", "warehouse", Facet::Cancellation),
        ];
        let erp = Target::new("erp", System::new("erp", &config).unwrap(), &limits(4), routes);
        let seams = seams(&self.broker, &self.ledger, Arc::new(self.http.clone()), 32);
        self.loaders.spawn(Desk::run(erp, seams, CancellationToken::new()));
    }

    async fn say(&self, facet: Facet, json: &str, sequence: u128) {
        let part = Part::from_json(facet, json.as_bytes()).unwrap();
        let said =
            Event { clock: Clock::named("message-id"), ..event("warehouse", part, sequence) };
        self.broker.publish(message(&said, "live")).await;
    }

    async fn has_loaded(&self) {
        self.broker.until(|broker| broker.messages(QUEUE).is_empty()).await;
    }

    /// What was written, the last of all last.
    fn written(&self) -> Vec<Value> {
        let body = |request: ferry_http::Request| serde_json::from_slice(&request.body).unwrap();
        self.http.requests().into_iter().map(body).collect()
    }

    async fn ended(&self, outcome: Outcome) -> u64 {
        let routes = self.store.overview().await.unwrap().routes;
        routes.iter().filter_map(|route| route.outcomes.get(outcome.as_str())).sum()
    }
}

fn listed() -> Value {
    serde_json::from_str(LISTED).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_an_event_has_no_room_for_stays_and_is_not_written_back_and_forth() {
    let mut erp = Erp::new(&[]);
    erp.load();
    for (json, sequence) in [(LISTED, 1_500), (TOLD, 1_510), (LISTED, 1_511), (TOLD, 1_512)] {
        erp.say(Facet::Shipment, json, sequence).await;
        erp.has_loaded().await;
    }
    assert_eq!(erp.written(), [listed()]);
    assert_eq!((erp.ended(Outcome::Delivered).await, erp.ended(Outcome::Unchanged).await), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn what_the_list_says_more_is_added_although_the_event_is_newer() {
    let mut erp = Erp::new(&[]);
    erp.load();
    for (json, sequence) in [(TOLD, 1_510), (LISTED, 1_500), (LISTED, 1_501)] {
        erp.say(Facet::Shipment, json, sequence).await;
        erp.has_loaded().await;
    }
    let written = erp.written();
    assert_eq!(written.len(), 2);
    assert_eq!(written[0]["carrier"], "metapack");
    assert_eq!(written[1], listed());
    assert_eq!(erp.ended(Outcome::Superseded).await, 1);
}

#[tokio::test(start_paused = true)]
async fn of_both_in_one_claim_the_whole_is_written_once() {
    let mut erp = Erp::new(&[]);
    erp.say(Facet::Shipment, TOLD, 1_510).await;
    erp.say(Facet::Shipment, LISTED, 1_500).await;
    erp.load();
    erp.has_loaded().await;
    assert_eq!(erp.written().last(), Some(&listed()));
    assert_eq!(erp.written().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_list_says_comes_through_a_retry_that_an_event_overtakes() {
    let mut erp = Erp::new(&[503]);
    erp.load();
    erp.say(Facet::Shipment, LISTED, 1_500).await;
    erp.has_loaded().await;
    erp.say(Facet::Shipment, TOLD, 1_510).await;
    erp.http.until(|http| http.requests().len() == 3).await;
    erp.has_loaded().await;
    assert_eq!(erp.written().last(), Some(&listed()));
    assert_eq!(erp.ended(Outcome::Delivered).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_is_written_once_however_often_it_is_seen() {
    let mut erp = Erp::new(&[]);
    erp.load();
    let told =
        r#"{"order":"W-1","cancelled_at":"2026-01-01T00:00:00Z","reason":"order_cancelled"}"#;
    let seen = |hour: u32| {
        format!(r#"{{"order":"W-1","cancelled_at":"2026-01-01T{hour:02}:00:00Z","brief":true}}"#)
    };
    erp.say(Facet::Cancellation, told, 1_500).await;
    erp.has_loaded().await;
    for hour in 1..4 {
        erp.say(Facet::Cancellation, &seen(hour), 1_500 + u128::from(hour)).await;
        erp.has_loaded().await;
    }
    let told: Value = serde_json::from_str(told).unwrap();
    assert_eq!(erp.written(), [told]);
    assert_eq!(erp.ended(Outcome::Unchanged).await, 3);
}
