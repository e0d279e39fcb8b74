//! The workbench: one store, one broker, one warehouse, any number of loaders.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use ferry_broker::{Headers, Message};
use ferry_canonical::{Clock, Event, Facet, Outcome, Part, Sequence, event::CONTENT_TYPE};
use ferry_config::{
    HumanDuration, Secret, SystemConfig,
    system::{ChangedOrders, Limits, OrderflowConfig, OroBatch, OroConfig, OroScan},
};
use ferry_http::HttpPort;
use ferry_loader::{Desk, DeskDied, Gate, LoaderMetrics, Route, Seams, StoreLedger, Target};
use ferry_retry::{Levels, Schedule};
use ferry_service::Metrics;
use ferry_sim::{SimBroker, SimHttp};
use ferry_store::{
    Attendance, Attended, Care, CareState, GroupClaim, JournalEntry, Ledger, Overviews as _,
    Settled, Settlement, SqliteStore, StoreError,
};
use ferry_systems::System;
use ferry_topology::{Inputs, LoadBinding, Topology};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::warehouse::Warehouse;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const ORDERS: &str = "load.warehouse.order";
pub(crate) const ORDERS_BULK: &str = "load.warehouse.order.bulk";
pub(crate) const ORDERS_DEAD: &str = "load.warehouse.order.dead";
pub(crate) const PRODUCTS: &str = "load.warehouse.product";
/// Orders for another target, whose desk runs only where a test adds it.
pub(crate) const OUTLET: &str = "load.outlet.order";

pub(crate) struct Bench {
    pub(crate) broker: SimBroker,
    pub(crate) http: SimHttp,
    pub(crate) warehouse: Warehouse,
    pub(crate) store: SqliteStore,
    pub(crate) ledger: FlakyLedger,
    pub(crate) draining: CancellationToken,
    /// Of the first loader's process, in which the outlet's desk runs too.
    gate: Gate,
    pub(crate) loaders: JoinSet<Result<(), DeskDied>>,
}

impl Bench {
    /// With one loader, and `concurrency` calls at a time.
    pub(crate) fn with_concurrency(concurrency: u16) -> Self {
        Self::with(&limits(concurrency))
    }

    pub(crate) fn with(limits: &Limits) -> Self {
        ferry_sim::start_clock();
        let warehouse = Warehouse::default();
        let store = SqliteStore::in_memory(ferry_sim::now).unwrap();
        let ledger = FlakyLedger::new(&store);
        let mut bench = Self {
            broker: SimBroker::new(topology(&[
                ("warehouse", Facet::Placed, "shop"),
                ("warehouse", Facet::Catalogue, "catalogue"),
                ("outlet", Facet::Placed, "shop"),
                ("outlet", Facet::Catalogue, "catalogue"),
            ])),
            http: warehouse.http(),
            warehouse,
            store,
            ledger,
            draining: CancellationToken::new(),
            gate: Gate::default(),
            loaders: JoinSet::new(),
        };
        bench.add_desk("warehouse", limits, bench.http.clone(), bench.gate.clone());
        bench
    }

    pub(crate) fn new() -> Self {
        Self::with_concurrency(4)
    }

    pub(crate) fn add_loader(&mut self, concurrency: u16) {
        self.add_loader_with(&limits(concurrency));
    }

    pub(crate) fn add_loader_with(&mut self, limits: &Limits) {
        self.add_desk("warehouse", limits, self.http.clone(), Gate::default());
    }

    /// Another target, with a system of its own.
    pub(crate) fn add_outlet(&mut self) -> Warehouse {
        let outlet = Warehouse::default();
        self.add_outlet_at(&outlet.http());
        outlet
    }

    pub(crate) fn add_outlet_at(&mut self, http: &SimHttp) {
        self.add_desk("outlet", &limits(4), http.clone(), self.gate.clone());
    }

    fn add_desk(&mut self, target: &str, limits: &Limits, http: SimHttp, gate: Gate) {
        let seams = seams(&self.broker, &self.ledger, Arc::new(http), 32);
        let seams = Seams { gate, ..seams };
        let routes = vec![
            route("orders", "shop", Facet::Placed),
            route("catalogue", "catalogue", Facet::Catalogue),
        ];
        let target = orderflow(target, limits, routes);
        self.loaders.spawn(Desk::run(target, seams, self.draining.clone()));
    }

    /// Publishes to `events`.
    pub(crate) async fn say(&self, event: &Event) {
        self.broker.publish(message(event, "live")).await;
    }

    pub(crate) async fn until_empty(&self, queue: &str) {
        self.broker.until(|broker| broker.messages(queue).is_empty()).await;
    }

    /// How often deliveries ended so, by the store, over all routes.
    pub(crate) async fn outcomes(&self) -> BTreeMap<String, u64> {
        let mut outcomes = BTreeMap::new();
        for route in self.store.overview().await.unwrap().routes {
            for (outcome, count) in route.outcomes.into_iter().filter(|(_, count)| *count > 0) {
                *outcomes.entry(outcome).or_default() += count;
            }
        }
        outcomes
    }

    /// Asserts that the store has counted exactly these.
    pub(crate) async fn assert_outcomes(&self, expected: &[(Outcome, u64)]) {
        let expected: BTreeMap<String, u64> =
            expected.iter().map(|(outcome, count)| (outcome.as_str().to_owned(), *count)).collect();
        assert_eq!(self.outcomes().await, expected);
    }

    /// Ends every loader where it stands, as SIGKILL does.
    pub(crate) async fn kill_loaders(&mut self) {
        self.loaders.abort_all();
        while self.loaders.join_next().await.is_some() {}
    }

    /// Lets every loader end, as a first signal does.
    pub(crate) async fn drain(mut self) {
        self.draining.cancel();
        while let Some(ended) = self.loaders.join_next().await {
            ended.unwrap().unwrap();
        }
    }
}

fn levels() -> [Duration; 2] {
    [5 * SECOND, 30 * SECOND]
}

/// What one loader reaches the world through.
pub(crate) fn seams(
    broker: &SimBroker,
    ledger: &FlakyLedger,
    http: Arc<dyn HttpPort>,
    prefetch: u16,
) -> Seams<SimBroker, FlakyLedger> {
    Seams {
        broker: broker.clone(),
        ledger: ledger.clone(),
        http,
        port: Arc::new(StoreLedger::new(ledger.inner.clone(), Uuid::new_v4)),
        clock: ferry_sim::now,
        ids: Uuid::new_v4,
        levels: Levels::new(levels()).unwrap(),
        metrics: LoaderMetrics::new(&Metrics::new("loader").unwrap()).unwrap(),
        host: "host/1".to_owned(),
        prefetch,
        gate: Gate::default(),
    }
}

/// Every route as target, facet, source.
pub(crate) fn topology(routes: &[(&str, Facet, &str)]) -> Topology {
    let binding = |(target, facet, source): &(&str, Facet, &str)| LoadBinding {
        target: (*target).to_owned(),
        entity: facet.entity().to_string(),
        facet: facet.to_string(),
        source: (*source).to_owned(),
    };
    Topology::new(&Inputs {
        prefix: "sim".to_owned(),
        levels: levels().to_vec(),
        bindings: routes.iter().map(binding).collect(),
        lanes: vec!["live".to_owned(), "bulk".to_owned()],
    })
}

/// Retries after 5 s, then every 30 s, for two minutes; a missing reference every 30 s for ten.
pub(crate) fn route(name: &str, source: &str, facet: Facet) -> Route {
    Route {
        name: name.to_owned(),
        source: source.to_owned(),
        facet,
        schedule: Schedule::new(vec![5 * SECOND, 30 * SECOND], 120 * SECOND).unwrap(),
        reference_schedule: Schedule::new(vec![30 * SECOND], 600 * SECOND).unwrap(),
        two_way: None,
    }
}

/// A call is over after 20 s, and what it lost has taken effect 4 s later.
pub(crate) fn limits(concurrency: u16) -> Limits {
    Limits {
        concurrency,
        timeout: HumanDuration::from_secs(20),
        settle_after: HumanDuration::from_secs(4),
        ..Limits::default()
    }
}

/// The warehouse, with these routes.
pub(crate) fn warehouse(concurrency: u16, routes: Vec<Route>) -> Target {
    orderflow("warehouse", &limits(concurrency), routes)
}

fn orderflow(name: &str, limits: &Limits, routes: Vec<Route>) -> Target {
    let config = SystemConfig::Orderflow(OrderflowConfig {
        base_url: "http://warehouse.test".to_owned(),
        organisation: "acme".to_owned(),
        channel: "web".to_owned(),
        time_zone: "Europe/London".to_owned(),
        user: Secret::new("ferry"),
        password: Secret::new("pw"),
        push: None,
        changed_orders: ChangedOrders::Amend,
        writes: Box::default(),
        pull: ferry_config::system::PullConfig::default(),
        responses: Vec::new(),
        limits: limits.clone(),
    });
    Target::new(name, System::new(name, &config).unwrap(), limits, routes)
}

/// A shop that takes so many customers at once, and leaves a request as long as any other.
pub(crate) fn shop(name: &str, limits: &Limits, most: u16, routes: Vec<Route>) -> Target {
    let config = SystemConfig::Oro(OroConfig {
        base_url: format!("http://{name}.test"),
        backend_prefix: "/admin".to_owned(),
        client_id: Secret::new("ferry"),
        client_secret: Secret::new("secret"),
        external_status_management: true,
        external_orders: true,
        page_size: 100,
        overlap: HumanDuration::from_secs(10),
        attribute_family: "1".to_owned(),
        default_unit: "item".to_owned(),
        customer_user_role: None,
        price_lists: BTreeMap::new(),
        categories: BTreeMap::new(),
        product_defaults: BTreeMap::new(),
        batch: OroBatch { most, timeout: limits.timeout },
        scan: OroScan::default(),
        stock_site: "shop".to_owned(),
        webhook: None,
        responses: Vec::new(),
        limits: limits.clone(),
    });
    Target::new(name, System::new(name, &config).unwrap(), limits, routes)
}

pub(crate) fn order(identifier: &str) -> Event {
    let json = format!(
        r#"{{"identifier":"{identifier}","placed_at":"2026-01-01T00:00:00Z","currency":"GBP",
        "customer":{{"name":"Ada"}},
        "shipping_address":{{"street":"1 High St","city":"Leeds","country":"GB"}},
        "lines":[{{"number":1,"sku":"MUG","quantity":"1","unit_price":"5","total":"5"}}],
        "totals":{{"subtotal":"5","total":"5"}}}}"#
    );
    event("shop", Part::from_json(Facet::Placed, json.as_bytes()).unwrap(), 1)
}

/// The state of a product at `sequence`.
pub(crate) fn product(sku: &str, name: &str, sequence: u128) -> Event {
    let json = format!(r#"{{"sku":"{sku}","name":"{name}"}}"#);
    event("catalogue", Part::from_json(Facet::Catalogue, json.as_bytes()).unwrap(), sequence)
}

pub(crate) fn event(source: &str, part: Part, sequence: u128) -> Event {
    let said = format!("{source} {sequence} {}", part.to_json());
    let record = Uuid::new_v5(&Uuid::NAMESPACE_OID, said.as_bytes());
    let time = ferry_sim::now();
    Event {
        id: ferry_canonical::event_id(record, 0),
        source: source.to_owned(),
        subject: part.subject(),
        time,
        sequence: Sequence(sequence),
        clock: Clock::named("updated-at"),
        observed_at: time,
        source_id: None,
        causation_id: record,
        correlation_id: record,
        traceparent: None,
        part,
    }
}

/// The message of an event that failed for want of an answer: its entity is written alone.
pub(crate) fn alone(event: &Event, lane: &str) -> Message {
    let mut message = message(event, lane);
    message.headers.insert("ferry-failure-kind", "timeout");
    message
}

pub(crate) fn message(event: &Event, lane: &str) -> Message {
    let (entity, facet) = (event.subject.entity().as_str(), event.subject.facet.as_str());
    Message {
        exchange: "events".to_owned(),
        key: ferry_topology::event_key(entity, facet, &event.source, lane),
        id: event.id.to_string(),
        content_type: CONTENT_TYPE.to_owned(),
        headers: Headers::default(),
        body: event.encode().unwrap().into(),
    }
}

/// The store's ledger, which can be out of order.
#[derive(Clone, Debug)]
pub(crate) struct FlakyLedger {
    inner: SqliteStore,
    switches: Arc<Switches>,
}

#[derive(Debug, Default)]
struct Switches {
    claims_fail: AtomicBool,
    settlements_fail: AtomicBool,
    frozen: watch::Sender<bool>,
    settlements_lost: AtomicBool,
    cares_fail: AtomicBool,
    renewals_panic: AtomicBool,
    ends_fail: AtomicBool,
    unstorable: Mutex<Option<String>>,
    renewals: AtomicUsize,
    claims: AtomicUsize,
}

impl FlakyLedger {
    pub(crate) fn new(store: &SqliteStore) -> Self {
        Self { inner: store.clone(), switches: Arc::default() }
    }

    async fn thaws(&self) {
        self.switches.frozen.subscribe().wait_for(|frozen| !frozen).await.unwrap();
    }

    /// Stops the loader behind it where it settles or renews, as a process that gets no
    /// time stops; its leases go on.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.switches.frozen.send_replace(frozen);
    }

    pub(crate) fn fail_claims(&self, fails: bool) {
        self.switches.claims_fail.store(fails, Ordering::SeqCst);
    }

    pub(crate) fn fail_settlements(&self, fails: bool) {
        self.switches.settlements_fail.store(fails, Ordering::SeqCst);
    }
}

impl FlakyLedger {
    /// The next settlement finds that the lease has ended.
    pub(crate) fn lose_a_settlement(&self) {
        self.switches.settlements_lost.store(true, Ordering::SeqCst);
    }

    pub(crate) fn fail_ends(&self, fails: bool) {
        self.switches.ends_fail.store(fails, Ordering::SeqCst);
    }

    /// The task that renews leases dies of it.
    pub(crate) fn panic_at_renewals(&self) {
        self.switches.renewals_panic.store(true, Ordering::SeqCst);
    }

    /// Nothing that holds this is taken, as a database refuses a value.
    pub(crate) fn refuse_value(&self, value: &str) {
        *self.switches.unstorable.lock().unwrap() = Some(value.to_owned());
    }

    /// How often leases were renewed.
    pub(crate) fn renewals(&self) -> usize {
        self.switches.renewals.load(Ordering::SeqCst)
    }

    /// How often the store was asked what may start.
    pub(crate) fn claims(&self) -> usize {
        self.switches.claims.load(Ordering::SeqCst)
    }

    pub(crate) fn fail_cares(&self, fails: bool) {
        self.switches.cares_fail.store(fails, Ordering::SeqCst);
    }
}

fn check(fails: &AtomicBool) -> Result<(), StoreError> {
    if fails.load(Ordering::SeqCst) { Err(StoreError::Busy) } else { Ok(()) }
}

impl Ledger for FlakyLedger {
    async fn claim(&self, groups: Vec<ferry_store::Group>) -> Result<Vec<GroupClaim>, StoreError> {
        check(&self.switches.claims_fail)?;
        self.switches.claims.fetch_add(1, Ordering::SeqCst);
        self.inner.claim(groups).await
    }

    async fn settle(
        &self,
        settlements: Vec<Settlement>,
        journal: Vec<JournalEntry>,
    ) -> Result<Vec<Settled>, StoreError> {
        check(&self.switches.settlements_fail)?;
        self.thaws().await;
        let said = format!("{settlements:?} {journal:?}");
        if self.switches.unstorable.lock().unwrap().as_ref().is_some_and(|v| said.contains(v)) {
            return Err(StoreError::Unstorable("the database says 22021".to_owned()));
        }
        if self.switches.settlements_lost.swap(false, Ordering::SeqCst) {
            return Ok(settlements.iter().map(|_| Settled::Lost).collect());
        }
        self.inner.settle(settlements, journal).await
    }

    async fn renew(
        &self,
        target: &str,
        tokens: Vec<Uuid>,
        lease: Duration,
    ) -> Result<Vec<Uuid>, StoreError> {
        self.thaws().await;
        assert!(!self.switches.renewals_panic.load(Ordering::SeqCst), "a fault of our own");
        self.switches.renewals.fetch_add(1, Ordering::SeqCst);
        self.inner.renew(target, tokens, lease).await
    }

    async fn end(
        &self,
        target: &str,
        route: &str,
        ended: Vec<(Uuid, u32, Outcome, String)>,
    ) -> Result<(), StoreError> {
        check(&self.switches.ends_fail)?;
        self.inner.end(target, route, ended).await
    }
}

impl Care for FlakyLedger {
    async fn cares(&self) -> Result<Vec<CareState>, StoreError> {
        self.inner.cares().await
    }

    async fn attend(&self, attendance: Attendance) -> Result<Attended, StoreError> {
        check(&self.switches.cares_fail)?;
        self.inner.attend(attendance).await
    }

    async fn pause(
        &self,
        target: &str,
        by: &str,
        reason: &str,
        lasting: Option<Duration>,
    ) -> Result<CareState, StoreError> {
        self.inner.pause(target, by, reason, lasting).await
    }

    async fn resume(&self, target: &str) -> Result<CareState, StoreError> {
        self.inner.resume(target).await
    }
}
