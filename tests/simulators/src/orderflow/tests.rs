//! A whole instance over real HTTP, with a receiver for its pushes.

mod clients;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::routing::post;
use ferry_world::account::{EffectKind, HistoryPage, SeenImportedOrder, SeenImportedProduct};
use ferry_world::{Flaw, Fulfilment, SITES, Versions, World};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use super::access::Credentials;
use super::{Options, start};
use crate::control::{self, SimOptions};

/// Nothing in these tests takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

struct Scene {
    base: String,
    client: Client<HttpConnector, Body>,
    /// Bodies that were pushed, in order of arrival.
    received: Arc<Mutex<Vec<String>>>,
}

/// A receiver that answers 200, and an instance that pushes to it.
async fn scene(records: u32, ticks: u32) -> Scene {
    scene_with(records, ticks, false).await
}

async fn scene_with(records: u32, ticks: u32, takes_repeats: bool) -> Scene {
    let received = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&received);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let push_url = format!("http://{}/push/warehouse", listener.local_addr().unwrap());
    let receive = post(async move |body: String| seen.lock().unwrap().push(body));
    let router = Router::new().route("/push/warehouse", receive);
    control::start(async move { axum::serve(listener, router).await.unwrap() });

    let options = Options {
        sim: SimOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            seed: 7,
            records,
            ticks,
            tick_ms: 20,
        },
        organisation: "acme".into(),
        channel: "web".into(),
        user: "ferry".into(),
        password: "secret".into(),
        push_url: Some(push_url.parse().unwrap()),
        push_user: Some("orderflow".into()),
        push_password: Some("secret".into()),
        push_retry_ms: 20,
        fetches: true,
        takes_repeats,
        push_tries: 50,
        time_zone: "UTC".into(),
    };
    let app = start(&options).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    control::start(async move { control::serve(listener, app).await.unwrap() });
    Scene { base, client: Client::builder(TokioExecutor::new()).build_http(), received }
}

impl Scene {
    async fn send(&self, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
        let response = self.client.request(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(Body::new(response.into_body()), usize::MAX).await.unwrap();
        (status, headers, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn call(&self, method: Method, target: &str, body: &str) -> (StatusCode, String) {
        let ferry = Credentials { user: "ferry".into(), password: "secret".into() };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.base))
            .header("authorization", ferry.basic())
            .header("organisation", "acme")
            .header("channel", "web")
            .body(Body::from(body.to_owned()))
            .unwrap();
        let (status, _, body) = self.send(request).await;
        (status, body)
    }

    async fn import(&self, module: &str, imports: &str) -> String {
        let target = format!("/web/{module}/imports/importitems.xml");
        let body = format!("<imports>{imports}</imports>");
        let (status, body) = self.call(Method::POST, &target, &body).await;
        assert_eq!(status, StatusCode::OK);
        body
    }

    async fn json<T: serde::de::DeserializeOwned>(&self, target: &str) -> T {
        let (_, body) = self.call(Method::GET, target, "").await;
        serde_json::from_str(&body).unwrap()
    }

    async fn done(&self) -> serde_json::Value {
        let wait = async {
            loop {
                let progress: serde_json::Value = self.json("/_sim/progress").await;
                if progress["done"] == true {
                    return progress;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap()
    }
}

fn product(sku: &str, divisible: bool) -> String {
    let quantity_type = if divisible { "weight" } else { "unit" };
    format!(
        "<import type=\"product\" operation=\"merge\" externalReference=\"{sku}\"><![CDATA[\
         description=A thing\ntype=default\nquantityType={quantity_type}]]></import>"
    )
}

fn order(order: &ferry_world::Order) -> String {
    let mut text = format!("deliveryCountryCode={}\n", order.shipping.country);
    for (index, line) in order.lines.iter().enumerate() {
        let key = format!("orderLine.{}", index + 1);
        writeln!(text, "{key}.product.externalReference={}", line.sku).unwrap();
        writeln!(text, "{key}.quantity={}\n{key}.shipment=entity:shipment", line.quantity).unwrap();
    }
    text.push_str("shipment.orderItem=entity:order");
    let reference = &order.identifier;
    format!(
        "<import type=\"order\" operation=\"insert\" externalReference=\"{reference}\">{text}</import>"
    )
}

/// Imports what a perfect integration would: every product that can be read, and every order.
async fn import_world(scene: &Scene, world: &World) {
    let mut products = String::new();
    for index in 0..world.plan().products {
        if world.product_flaw(index).is_none() {
            let found = world.product(index, 1);
            products.push_str(&product(&found.sku, found.unit.is_divisible()));
        }
    }
    assert!(!scene.import("remotewarehouse", &products).await.contains("<failureMessage>"));
    let orders: String = (0..world.plan().orders).map(|index| order(&world.order(index))).collect();
    scene.import("remoteorder", &orders).await;
}

#[tokio::test]
async fn without_credentials_the_answer_is_401_with_the_realm_and_a_text() {
    let scene = scene(100, 0).await;
    let target = format!("{}/web/remotewarehouse/inventory.xml", scene.base);
    let (status, headers, body) =
        scene.send(Request::get(target).body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(headers["www-authenticate"], "Basic realm=\"RTD\"");
    assert_eq!(body, "Bad credentials");
}

#[tokio::test]
async fn an_import_is_seen_in_the_history_and_the_state_as_it_was_sent() {
    let scene = scene(100, 0).await;
    let bad = "<import type='product' operation='merge' externalReference='BAD'>type=x</import>";
    let answer = scene.import("remotewarehouse", &format!("{}{bad}", product("X-1", false))).await;
    assert!(answer.contains("<failureMessage>description is required</failureMessage>"));

    let history: HistoryPage = scene.json("/_sim/history?after=0").await;
    let effects = &history.entries[0].effects;
    let told: Vec<_> = effects.iter().map(|e| (e.key.as_str(), e.effect)).collect();
    assert_eq!(told, [("X-1", EffectKind::Created), ("BAD", EffectKind::Refused)]);
    assert_eq!(effects[0].fields["properties"]["description"], "A thing");
    assert!(effects[0].order < effects[1].order);

    let products: Vec<SeenImportedProduct> = scene.json("/_sim/state/products").await;
    assert_eq!(products.len(), 1);
    assert_eq!(products[0].external_reference, "X-1");
    assert_eq!(products[0].properties["quantityType"], "unit");
}

#[tokio::test]
async fn a_perfect_integration_is_told_everything_the_world_plans() {
    let (world, ticks) = (World::new(7, 1000), 5);
    let scene = scene(1000, ticks).await;
    import_world(&scene, &world).await;
    let progress = scene.done().await;
    assert_eq!(progress["pushes_failed"], 0);
    assert_eq!(progress["pushes_repeated"], 0);

    let history: HistoryPage = scene.json("/_sim/history?after=0&limit=5000").await;
    let pushed = history.entries.iter().filter(|entry| entry.path.starts_with("push "));
    let effects: Vec<_> = pushed.flat_map(|entry| &entry.effects).collect();
    let mut last: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for effect in effects.iter().filter(|effect| effect.entity == "stock") {
        let number = |name: &str| effect.fields[name].as_u64().unwrap();
        let told = (number("sequence"), number("version"));
        let newest = last.entry(&effect.key).or_default();
        *newest = told.max(*newest);
    }
    let versions = Versions::at(&world, ticks);
    let mut planned = BTreeMap::new();
    for product in 0..world.plan().products {
        for (site, name) in SITES.iter().enumerate() {
            if let Some(stock) = world.stock(product, site, versions.stock(product, site)) {
                planned.insert(format!("{}/{name}", stock.sku), u64::from(stock.version));
            }
        }
    }
    let told: BTreeMap<_, _> = last.iter().map(|(key, told)| ((*key).to_owned(), told.1)).collect();
    assert_eq!(told, planned);
    assert!(planned.len() > 250, "{}", planned.len());
}

#[tokio::test]
async fn every_imported_order_ends_as_planned_and_its_documents_say_so() {
    let world = World::new(7, 1000);
    let scene = scene(1000, 0).await;
    import_world(&scene, &world).await;
    scene.done().await;
    let orders: Vec<SeenImportedOrder> = scene.json("/_sim/state/orders").await;
    let orders: BTreeMap<_, _> =
        orders.into_iter().map(|order| (order.external_reference.clone(), order)).collect();
    let received = scene.received.lock().unwrap().clone();
    for index in 0..world.plan().orders {
        let identifier = world.order(index).identifier;
        if world.order_flaw(index) == Some(Flaw::QuantityNotWhole) {
            assert!(!orders.contains_key(&identifier));
            continue;
        }
        let order = &orders[&identifier];
        let about = format!(" externalReference=\"{identifier}\" operation=");
        let told = || received.iter().filter(|body| body.contains(&about));
        match world.fulfilment(index) {
            Fulfilment::Shipments(planned) => {
                assert_eq!(order.state, "despatched");
                let trackings: Vec<_> = order.shipments.iter().map(|made| &made.tracking).collect();
                assert_eq!(
                    trackings,
                    planned.iter().map(|made| &made.tracking).collect::<Vec<_>>()
                );
                let counts: BTreeSet<_> =
                    told().map(|body| body.matches("<shipment ").count()).collect();
                assert_eq!(counts, (1..=planned.len()).collect());
            }
            Fulfilment::Cancelled => {
                assert_eq!(order.state, "cancelled");
                assert!(told().all(|body| body.contains("eventType=\"order_cancelled\"")));
                assert_eq!(told().count(), 1);
            }
            Fulfilment::Open => assert_eq!((order.state.as_str(), told().count()), ("created", 0)),
        }
    }
}

#[tokio::test]
async fn flawed_rows_and_shipments_ride_among_good_ones() {
    let world = World::new(7, 1000);
    let scene = scene(1000, 0).await;
    import_world(&scene, &world).await;
    scene.done().await;
    let received = scene.received.lock().unwrap().clone();
    let documents = |row: &dyn Fn(&str) -> bool, element: &str| {
        let rows = |body: &String| {
            body.split('<').filter(|text| text.starts_with(element)).map(str::to_owned).collect()
        };
        let all = received.iter().map(rows).filter(|rows: &Vec<String>| rows.len() > 1);
        all.filter(|rows| rows.iter().any(|text| row(text))).count()
    };
    assert!(documents(&|row| row.contains("available=\"many\""), "product ") > 0);
    assert!(documents(&|row| !row.contains("externalReference="), "product ") > 0);
    assert!(documents(&|row| !row.contains("externalReference="), "shipment ") > 0);
}

#[tokio::test]
async fn a_scripted_fault_pushes_twice_and_is_counted_as_fired() {
    let scene = scene(100, 0).await;
    scene.call(Method::POST, "/_sim/faults", "{\"kind\":\"push_twice\"}").await;
    let world = World::new(7, 100);
    import_world(&scene, &world).await;
    let progress = scene.done().await;
    assert_eq!(progress["pushes_repeated"], 1);
    let received = scene.received.lock().unwrap().clone();
    let distinct: BTreeSet<_> = received.iter().collect();
    assert_eq!(received.len(), distinct.len() + 1);
    let faults: serde_json::Value = scene.json("/_sim/faults").await;
    assert_eq!(faults[0]["fired"], 1);
}

#[tokio::test]
async fn an_answer_that_is_dropped_after_it_was_applied_leaves_the_order_in_the_warehouse() {
    let scene = scene(100, 0).await;
    let fault = "{\"kind\":\"apply_then_drop\",\"path_prefix\":\"/web/remotewarehouse\"}";
    scene.call(Method::POST, "/_sim/faults", fault).await;
    let body = format!("<imports>{}</imports>", product("X-1", false));
    let ferry = Credentials { user: "ferry".into(), password: "secret".into() };
    let request = Request::post(format!(
        "{}/web/remotewarehouse/imports/importitems.xml?organisation=acme",
        scene.base
    ))
    .header("authorization", ferry.basic())
    .body(Body::from(body))
    .unwrap();
    assert!(scene.client.request(request).await.is_err());
    let products: Vec<SeenImportedProduct> = scene.json("/_sim/state/products").await;
    assert_eq!(products.len(), 1);
}

#[tokio::test]
async fn what_a_person_does_by_hand_is_told_like_all_else() {
    let scene = scene(1, 0).await;
    scene.import("remotewarehouse", &product("X-1", false)).await;
    let text = "deliveryCountryCode=GB\norderLine.1.product.externalReference=X-1\n\
                orderLine.1.quantity=2\norderLine.1.shipment=entity:shipment\n\
                shipment.orderItem=entity:order";
    let order = format!(
        "<import type=\"order\" operation=\"insert\" externalReference=\"A-1\">{text}</import>"
    );
    scene.import("remoteorder", &order).await;
    for (method, target, status) in [
        (Method::PUT, "/_sim/stock/X-1/LEEDS/7", 204),
        (Method::PUT, "/_sim/stock/X-2/LEEDS/7", 404),
        (Method::PUT, "/_sim/stock/X-1/MARS/7", 404),
        (Method::POST, "/_sim/orders/A-1/despatch", 204),
        (Method::POST, "/_sim/orders/A-1/despatch", 404),
    ] {
        let (found, _) = scene.call(method, target, "").await;
        assert_eq!(found.as_u16(), status, "{target}");
    }
    let progress = scene.done().await;
    assert_eq!((&progress["levels"], &progress["shipments"]), (&1.into(), &1.into()));
    let received = scene.received.lock().unwrap().concat();
    assert!(
        received.contains("externalReference=\"X-1\" site=\"LEEDS\" total=\"7\""),
        "{received}"
    );
    assert!(received.contains("despatchReference=\"T-A-1-1\""), "{received}");
}
