//! An ERP and a shop that bring each other the names of products. Both are spoken to like an Oro shop,
//! and both can be looked at.

use std::sync::Arc;

use ferry_canonical::{Clock, Event, Facet, Part, Sequence, Subject, product::ProductCatalogue};
use ferry_config::ConflictPolicy;
use ferry_http::{Conversation, Method, Request};
use ferry_loader::{Desk, DeskDied, Route, Shows, TwoWay};
use ferry_sim::{SimBroker, SimHttp};
use ferry_store::SqliteStore;
use ferry_systems::{Failure, Held, Look};
use futures_util::{FutureExt as _, future::BoxFuture};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use super::super::{
    shop::{LOOK, Shop},
    world::{named, oro},
};
use crate::bench::{FlakyLedger, SECOND, message, route, seams, topology};

const SKU: &str = "MUG";

pub(super) fn prefer(system: &str) -> ConflictPolicy {
    ConflictPolicy::Prefer(system.to_owned())
}

pub(super) struct Side {
    name: &'static str,
    pub(super) shop: Shop,
    pub(super) http: SimHttp,
    brand: Option<&'static str>,
}

impl Side {
    fn new(name: &'static str, brand: Option<&'static str>) -> Self {
        let shop = Shop::default();
        let answering = shop.clone();
        let http = SimHttp::new(move |request| answering.respond(request));
        Self { name, shop, http, brand }
    }

    fn name_there(&self) -> String {
        self.shop.shows(SKU).unwrap().0
    }

    /// A user there gives it another name, and this is what the system says of it.
    pub(super) fn renamed(&self, name: &str) -> Event {
        self.shop.rename_by_hand(SKU, name);
        self.says()
    }

    /// A user there takes the product off the market. Only the ERP says so.
    pub(super) fn disabled(&self) -> Event {
        self.shop.touch(SKU);
        let said = self.says();
        let json = json!({"sku": SKU, "name": self.name_there(), "status": "disabled"}).to_string();
        Event { part: Part::from_json(Facet::Catalogue, json.as_bytes()).unwrap(), ..said }
    }

    /// What a poll of it brings.
    pub(super) fn says(&self) -> Event {
        let (name, version, changed_at) = self.shop.shows(SKU).unwrap();
        let mut event = Event { time: changed_at, ..named(self.name, SKU, &name, version) };
        event.part = branded(&event.part, self.brand);
        event
    }
}

fn branded(part: &Part, brand: Option<&str>) -> Part {
    let Part::ProductCatalogue(product) = part else { panic!("{part:?}") };
    let brand = brand.map(str::to_owned);
    Part::ProductCatalogue(Box::new(ProductCatalogue { brand, ..(**product).clone() }))
}

pub(super) struct Sides {
    pub(super) broker: SimBroker,
    pub(super) erp: Side,
    pub(super) shop: Side,
    pub(super) store: SqliteStore,
    policy: ConflictPolicy,
    /// What the ERP says of every product, and of none anything else. The shop has no word for it.
    brand: Option<&'static str>,
    loaders: JoinSet<Result<(), DeskDied>>,
}

impl Sides {
    /// Both hold this name, by a change of the ERP that was delivered; both loaders run.
    pub(super) async fn agreed_on(name: &str, policy: ConflictPolicy) -> Self {
        Self::of_brand(None, name, policy).await
    }

    pub(super) async fn of_brand(
        brand: Option<&'static str>,
        name: &str,
        policy: ConflictPolicy,
    ) -> Self {
        ferry_sim::start_clock();
        let routes = [("shop", Facet::Catalogue, "erp"), ("erp", Facet::Catalogue, "shop")];
        let mut sides = Self {
            broker: SimBroker::new(topology(&routes)),
            erp: Side::new("erp", brand),
            shop: Side::new("shop", None),
            store: SqliteStore::in_memory(ferry_sim::now).unwrap(),
            policy,
            brand,
            loaders: JoinSet::new(),
        };
        sides.start("shop");
        sides.start("erp");
        sides.erp.shop.stock(SKU);
        let first = sides.erp.renamed(name);
        sides.say(&first).await;
        sides.settled().await;
        sleep(SECOND).await;
        sides
    }

    fn side(&self, name: &str) -> &Side {
        if name == "erp" { &self.erp } else { &self.shop }
    }

    /// Starts a loader that writes to `target`.
    pub(super) fn start(&mut self, target: &str) {
        let source = if target == "erp" { "shop" } else { "erp" };
        let shows = |name: &str| {
            let url = format!("http://{name}.test/admin/api/{LOOK}/");
            let is_erp = name == "erp";
            Arc::new(Eyes { url, says_status: is_erp, brand: self.brand.filter(|_| is_erp) })
        };
        let two_way =
            TwoWay { policy: self.policy.clone(), source: shows(source), target: shows(target) };
        let route = Route {
            two_way: Some(two_way),
            ..route(&format!("names from {source}"), source, Facet::Catalogue)
        };
        let http = Arc::new(self.side(target).http.clone());
        let seams = seams(&self.broker, &FlakyLedger::new(&self.store), http, 32);
        let target = oro(target, vec![route]);
        self.loaders.spawn(Desk::run(target, seams, CancellationToken::new()));
    }

    /// Ends every loader where it stands, as SIGKILL does.
    pub(super) async fn stop(&mut self) {
        self.loaders.abort_all();
        while self.loaders.join_next().await.is_some() {}
        sleep(SECOND).await;
    }

    pub(super) async fn say(&self, event: &Event) {
        self.broker.publish(message(event, "live")).await;
    }

    /// Both are polled, and what they say is delivered.
    pub(super) async fn say_what_is_there(&self) {
        for side in [&self.erp, &self.shop] {
            self.say(&side.says()).await;
        }
        self.settled().await;
    }

    pub(super) async fn nothing_left_for(&self, target: &str) {
        let queue = ferry_topology::load_queue(target, "product", "live");
        self.broker.until(|broker| broker.messages(&queue).is_empty()).await;
    }

    /// Waits until every delivery has ended.
    pub(super) async fn settled(&self) {
        let queues = ["load.shop.product", "load.erp.product", "delay.5s", "delay.30s"];
        let empty = |broker: &SimBroker| queues.iter().all(|q| broker.messages(q).is_empty());
        self.broker.until(empty).await;
    }

    /// Of the ERP and of the shop.
    pub(super) fn names(&self) -> [String; 2] {
        [self.erp.name_there(), self.shop.name_there()]
    }

    /// How many deliveries ended so.
    pub(super) async fn ended(&self, outcome: &str) -> u64 {
        use ferry_store::Overviews as _;
        let routes = self.store.overview().await.unwrap().routes;
        routes.iter().filter_map(|route| route.outcomes.get(outcome)).sum()
    }
}

/// Reads a name, with its place on the system's clock.
#[derive(Debug)]
struct Eyes {
    url: String,
    says_status: bool,
    /// It has no place for it, and says it of every product.
    brand: Option<&'static str>,
}

impl Shows for Eyes {
    fn look<'a>(
        &'a self,
        conversation: &'a Conversation,
        looks: &'a [Look<'a>],
    ) -> BoxFuture<'a, Vec<Result<Option<Held>, Failure>>> {
        async move {
            let mut shown = Vec::new();
            for look in looks {
                let held = self.look_at(conversation, look.subject).await;
                let branded = |held: Held| Held { part: branded(&held.part, self.brand), ..held };
                shown.push(held.map(|held| held.map(branded)));
            }
            shown
        }
        .boxed()
    }
    fn complete(&self, said: &Part, known: &Part) -> Part {
        match (said, known) {
            (Part::ProductCatalogue(said), Part::ProductCatalogue(known)) if !self.says_status => {
                let brand = known.brand.clone();
                let whole = ProductCatalogue { status: known.status, brand, ..(**said).clone() };
                Part::ProductCatalogue(Box::new(whole))
            }
            (said, known) if self.brand.is_some() && branded(known, self.brand) == *said => {
                known.clone()
            }
            (said, _) => said.clone(),
        }
    }
}

impl Eyes {
    async fn look_at(
        &self,
        conversation: &Conversation,
        subject: &Subject,
    ) -> Result<Option<Held>, Failure> {
        let request = Request {
            operation: LOOK,
            method: Method::Get,
            url: format!("{}{}", self.url, subject.id),
            headers: Vec::new(),
            body: bytes::Bytes::new(),
            deadline: 20 * SECOND,
            secret: false,
            carries: 1,
        };
        let answer = conversation.send(request).await;
        let answer = answer.map_err(|error| Failure::unanswered(&error, false))?;
        match answer.status {
            200 => Ok(Some(held(&subject.id, &answer.text()))),
            404 => Ok(None),
            _ => {
                let kind = ferry_canonical::FailureKind::Unavailable;
                Err(Failure::new(kind, "not now").with_response(&answer))
            }
        }
    }
}

fn held(sku: &str, text: &str) -> Held {
    let shown: Value = serde_json::from_str(text).unwrap();
    let json = json!({"sku": sku, "name": shown["name"]}).to_string();
    Held {
        part: Part::from_json(Facet::Catalogue, json.as_bytes()).unwrap(),
        target_id: shown["id"].as_str().map(str::to_owned),
        clock: Clock::named("updated-at"),
        sequence: Sequence(shown["version"].as_str().unwrap().parse().unwrap()),
        changed_at: Some(shown["at"].as_str().unwrap().parse().unwrap()),
    }
}
