//! Two targets, one store, one broker, and loaders that can be started, frozen and killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use ferry_canonical::{Clock, Event, Facet, Part};
use ferry_config::{HumanDuration, system::Limits};
use ferry_http::{HttpError, HttpPort, Method, Request, Response};
use ferry_loader::{Desk, DeskDied, Route, Target};
use ferry_sim::{SimBroker, SimHttp};
use ferry_store::SqliteStore;
use futures_util::{FutureExt as _, future::BoxFuture};
use serde_json::json;
use tokio::{
    task::{AbortHandle, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::shop::Shop;
use crate::{
    bench::{FlakyLedger, event, limits, message, route, seams, shop, topology, warehouse},
    warehouse::Warehouse,
};

/// Target, facet, source.
const ROUTES: [(&str, Facet, &str); 10] = [
    ("warehouse", Facet::Placed, "shop"),
    ("warehouse", Facet::Return, "shop"),
    ("warehouse", Facet::Cancellation, "erp"),
    ("warehouse", Facet::Catalogue, "shop"),
    ("shop", Facet::Profile, "erp"),
    ("shop", Facet::Catalogue, "catalogue"),
    ("shop", Facet::Catalogue, "warehouse"),
    ("shop", Facet::Stock, "warehouse"),
    ("shop", Facet::Shipment, "warehouse"),
    ("shop", Facet::Cancellation, "warehouse"),
];

pub(super) struct World {
    pub(super) broker: SimBroker,
    pub(super) http: SimHttp,
    pub(super) wire: Wire,
    pub(super) shop: Shop,
    pub(super) warehouse: Warehouse,
    pub(super) store: SqliteStore,
    pub(super) loaders: Vec<Loader>,
    /// How long after its answer was lost a request to the shop may still take effect.
    pub(super) settle_after: Duration,
    tasks: JoinSet<Result<(), DeskDied>>,
}

/// One loader process with a desk for one target.
pub(super) struct Loader {
    pub(super) ledger: FlakyLedger,
    task: AbortHandle,
}

impl World {
    /// With these loaders, by the target they write to.
    pub(super) fn with(targets: &[&str]) -> Self {
        ferry_sim::start_clock();
        let (shop, warehouse) = (Shop::default(), Warehouse::default());
        let (of_shop, of_warehouse) = (shop.clone(), warehouse.clone());
        let http = SimHttp::new(move |request| {
            if request.url.starts_with("http://shop.test") {
                of_shop.respond(request)
            } else {
                of_warehouse.respond(request)
            }
        });
        let mut world = Self {
            broker: SimBroker::new(topology(&ROUTES)),
            wire: Wire::to(http.clone()),
            http,
            shop,
            warehouse,
            store: SqliteStore::in_memory(ferry_sim::now).unwrap(),
            loaders: Vec::new(),
            settle_after: limits(4).settle_after.0,
            tasks: JoinSet::new(),
        };
        for target in targets {
            world.start(target);
        }
        world
    }

    pub(super) fn start(&mut self, target: &str) {
        self.start_taking(target, 200);
    }

    /// A loader that has at most so many deliveries of each queue in hand.
    pub(super) fn start_taking(&mut self, target: &str, prefetch: u16) {
        let ledger = FlakyLedger::new(&self.store);
        let http = Arc::new(self.wire.clone());
        let seams = seams(&self.broker, &ledger, http, prefetch);
        let routes = ROUTES.iter().filter(|(to, ..)| *to == target);
        let routes = routes
            .map(|(_, facet, source)| route(&format!("{facet} from {source}"), source, *facet))
            .collect();
        let target = if target == "shop" {
            oro_that_settles(target, self.settle_after, routes)
        } else {
            warehouse(4, routes)
        };
        let task = self.tasks.spawn(Desk::run(target, seams, CancellationToken::new()));
        self.loaders.push(Loader { ledger, task });
    }

    /// Ends a loader as SIGKILL does: nothing is finished, nothing is given back.
    pub(super) async fn kill(&mut self, loader: usize) {
        self.loaders[loader].task.abort();
        while !self.loaders[loader].task.is_finished() {
            tokio::task::yield_now().await;
        }
        // Its parts are gone once the runtime has turned to them.
        sleep(Duration::from_millis(1)).await;
    }

    pub(super) async fn say(&self, event: &Event) {
        self.broker.publish(message(event, "live")).await;
    }

    /// Waits until every delivery has ended.
    pub(super) async fn settled(&self) {
        let queues = ["load.shop.customer", "load.shop.product", "load.shop.order"];
        let warehouse = ["load.warehouse.product", "load.warehouse.order"];
        let queues = [&queues[..], &warehouse, &["delay.5s", "delay.30s"]].concat();
        let empty = |broker: &SimBroker| queues.iter().all(|q| broker.messages(q).is_empty());
        self.broker.until(empty).await;
    }

    pub(super) async fn until_asked(&self, operation: &str, times: usize) {
        self.http.until(|http| http.count(operation) == times).await;
    }

    /// Entities of the shop that are claimed, and those of which nobody knows how they stand.
    pub(super) async fn claims(&self) -> (u64, u64) {
        use ferry_store::Overviews as _;
        let overview = self.store.overview().await.unwrap();
        let of_the_shop = |counts: &BTreeMap<String, u64>| counts.get("shop").copied().unwrap_or(0);
        (of_the_shop(&overview.claimed), of_the_shop(&overview.unknown))
    }

    /// How many deliveries ended so.
    pub(super) async fn ended(&self, outcome: &str) -> u64 {
        use ferry_store::Overviews as _;
        let routes = self.store.overview().await.unwrap().routes;
        routes.iter().filter_map(|route| route.outcomes.get(outcome)).sum()
    }
}

/// An Oro shop, or what is spoken to like one.
pub(super) fn oro(name: &str, routes: Vec<Route>) -> Target {
    oro_that_settles(name, limits(4).settle_after.0, routes)
}

fn oro_that_settles(name: &str, settle_after: Duration, routes: Vec<Route>) -> Target {
    let limits = Limits { settle_after: HumanDuration(settle_after), ..limits(4) };
    shop(name, &limits, 1, routes)
}

/// The way to the targets: as slow as a test wants it, and it sees who writes side by side.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    http: SimHttp,
    state: Arc<Mutex<WireState>>,
}

#[derive(Debug, Default)]
struct WireState {
    slowness: Duration,
    writing: BTreeSet<String>,
    side_by_side: Vec<String>,
}

impl Wire {
    fn to(http: SimHttp) -> Self {
        Self { http, state: Arc::default() }
    }

    /// How long every request takes from now on.
    pub(super) fn be_slow(&self, slowness: Duration) {
        self.state.lock().unwrap().slowness = slowness;
    }

    /// What was written by two at one time.
    pub(super) fn side_by_side(&self) -> Vec<String> {
        self.state.lock().unwrap().side_by_side.clone()
    }
}

/// Ends with the request, also where its caller is killed.
struct Writing<'a>(&'a Wire, &'a str);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap().writing.remove(self.1);
    }
}

impl HttpPort for Wire {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        let slowness = self.state.lock().unwrap().slowness;
        async move {
            let url = request.url.clone();
            let _writing = matches!(request.method, Method::Patch).then(|| {
                let mut state = self.state.lock().unwrap();
                if !state.writing.insert(url.clone()) {
                    state.side_by_side.push(url.clone());
                }
                Writing(self, &url)
            });
            sleep(slowness).await;
            self.http.send(request).await
        }
        .boxed()
    }
}

/// The name of a product at a position on `source`'s clock.
pub(super) fn named(source: &str, sku: &str, name: &str, sequence: u128) -> Event {
    let json = json!({"sku": sku, "name": name}).to_string();
    event(source, Part::from_json(Facet::Catalogue, json.as_bytes()).unwrap(), sequence)
}

/// What of a product can be sent from one site. All sites share the warehouse's clock.
pub(super) fn stock(sku: &str, site: &str, available: &str, change: u128) -> Event {
    let json = json!({"sku": sku, "site": site, "available": available}).to_string();
    let part = Part::from_json(Facet::Stock, json.as_bytes()).unwrap();
    Event { clock: Clock::named("change-id"), ..event("warehouse", part, change) }
}

/// A shipment of an order that has left, as one message of the warehouse says it.
pub(super) fn shipment(order: &str, reference: &str, message_id: u128) -> Event {
    let json = json!({"order": order, "reference": reference, "state": "despatched",
        "despatched": true, "tracking": [{"number": format!("T-{reference}")}]});
    let part = Part::from_json(Facet::Shipment, json.to_string().as_bytes()).unwrap();
    Event { clock: Clock::named("message-id"), ..event("warehouse", part, message_id) }
}

pub(super) fn cancellation(order: &str, message_id: u128) -> Event {
    let json = json!({"order": order, "cancelled_at": "2026-01-01T00:00:00Z"}).to_string();
    let part = Part::from_json(Facet::Cancellation, json.as_bytes()).unwrap();
    Event { clock: Clock::named("message-id"), ..event("warehouse", part, message_id) }
}

/// The event of another record that was read from its source so much later.
pub(super) fn read_later(event: Event, by: Duration) -> Event {
    let observed_at = event.observed_at + jiff::SignedDuration::try_from(by).unwrap();
    let id = Uuid::new_v5(&event.id, observed_at.to_string().as_bytes());
    Event { id, observed_at, ..event }
}
