//! A shop's webhooks at `POST /push/{system}`: what they wake, what they are told, and that nothing
//! depends on them.

use std::{path::Path, sync::Arc};

use axum::{Router, body::Body, http::Request};
use ferry_canonical::{header, limits::RECORD_BYTES};
use ferry_config::{
    HumanDuration, ScheduleConfig, Secret, SystemConfig,
    system::{Limits, OroBatch, OroConfig, OroScan, OroWebhook},
};
use ferry_producer::{
    poll::Poll,
    reading::{Reading, Way},
    receive::{Receiver, router},
    woken::Woken,
};
use ferry_sim::{SimHttp, answer};
use ferry_store::{Cursors, JournalEntry, SqliteStore, Wakes};
use ferry_systems::{Anew, System};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{
    bench::{Bench, RECORDS, SECOND},
    wakes::Deaf,
};

/// Body and signature, with the secret `abcdef`.
type Signed = (&'static str, &'static str);

const CREATED: Signed = (
    r#"{"topic":"order.created","eventData":{"data":{"type":"orders","id":"1"}},"timestamp":1767225600,"messageId":"oro.1"}"#,
    "e44fe64c378f875f232bb09337e8018beb9cc1a4a301eb3135d581da650d62ff",
);
const UPDATED: Signed = (
    r#"{"topic":"order.updated","eventData":{"data":{"type":"orders","id":1}},"timestamp":1767225601,"messageId":"oro.2"}"#,
    "96eefa14c8cb46873ba22cdeca92539efd84bac05dc09687a66489597b50d496",
);
const OF_A_PRODUCT: Signed = (
    r#"{"topic":"product.updated","eventData":{"data":{"type":"products","id":"7"}},"timestamp":1767225602,"messageId":"oro.3"}"#,
    "bc5d07576989cfba81e5b9895e24275ebf59bbdec0c3761e2a472ef7fc643ecb",
);
const ORDERS: &str =
    r#"{"data":[{"type":"orders","id":"1","attributes":{"updatedAt":"2026-01-01T00:00:00Z"}}]}"#;
const TOKEN: &str = r#"{"token_type":"Bearer","expires_in":3600,"access_token":"t"}"#;

/// A shop with one order, and a producer.
struct Shop {
    bench: Bench,
    http: SimHttp,
    tasks: JoinSet<()>,
}

fn shop() -> Shop {
    let mut bench = Bench::new(Path::new("unused"));
    let system = System::new("shop", &SystemConfig::Oro(config())).unwrap();
    bench.systems = Arc::new([("shop".to_owned(), system)].into());
    let http = SimHttp::new(|request| {
        answer(200, if request.url.ends_with("/oauth2-token") { TOKEN } else { ORDERS })
    });
    Shop { bench, http, tasks: JoinSet::new() }
}

pub(crate) fn config() -> OroConfig {
    OroConfig {
        external_orders: true,
        base_url: "http://shop.test".to_owned(),
        backend_prefix: "/admin".to_owned(),
        client_id: Secret::new("ferry"),
        client_secret: Secret::new("secret"),
        external_status_management: false,
        page_size: 100,
        overlap: HumanDuration::from_secs(10),
        attribute_family: "1".to_owned(),
        default_unit: "item".to_owned(),
        customer_user_role: None,
        price_lists: std::collections::BTreeMap::new(),
        categories: std::collections::BTreeMap::new(),
        product_defaults: std::collections::BTreeMap::new(),
        batch: OroBatch { most: 1, timeout: HumanDuration::from_secs(5) },
        scan: OroScan::default(),
        stock_site: "shop".to_owned(),
        webhook: Some(OroWebhook {
            url: "http://ferry.test/push/shop".to_owned(),
            secret: Secret::new("abcdef"),
            topics: vec!["order.created".to_owned(), "order.updated".to_owned()],
        }),
        responses: Vec::new(),
        limits: Limits { timeout: HumanDuration::from_secs(5), ..Limits::default() },
    }
}

impl Shop {
    fn reading(&self) -> Reading<ferry_sim::SimPublisher, SqliteStore> {
        Reading {
            source: "shop".to_owned(),
            endpoint: "orders".to_owned(),
            way: Way::Poll,
            entity: Some("order"),
            systems: Arc::clone(&self.bench.systems),
            http: Arc::new(self.http.clone()),
            publisher: ferry_broker::Broker::publisher(&self.bench.broker),
            store: self.bench.store.clone(),
            notes: self.bench.notes.clone(),
            metrics: self.bench.metrics.clone(),
            clock: ferry_sim::now,
            ids: uuid::Uuid::new_v4,
        }
    }

    fn follow(&mut self) {
        let (reading, owner) = (self.reading(), "one".to_owned());
        let woken = Woken { reading, at_once: 50, anew: Anew::Never, owner };
        self.tasks.spawn(woken.run(CancellationToken::new()));
    }

    fn poll(&mut self) {
        let schedule = ScheduleConfig::every(600 * SECOND);
        let poll = Poll { reading: self.reading(), schedule, owner: "one".to_owned() };
        self.tasks.spawn(poll.run(CancellationToken::new()));
    }

    /// One process.
    fn receiver(&self, store: impl Wakes + Cursors + 'static) -> Router {
        router(Receiver {
            systems: Arc::clone(&self.bench.systems),
            publisher: ferry_broker::Broker::publisher(&self.bench.broker),
            store,
            notes: self.bench.notes.clone(),
            metrics: self.bench.metrics.clone(),
            clock: ferry_sim::now,
            ids: uuid::Uuid::new_v4,
            listens_on: std::net::Ipv4Addr::LOCALHOST.into(),
        })
    }

    async fn tells(&self, request: Request<Body>) -> u16 {
        tell(&self.receiver(self.bench.store.clone()), request).await
    }

    async fn waiting(&self) -> usize {
        self.bench.store.woken("shop", "orders", 99).await.unwrap().len()
    }

    fn asked(&self) -> Vec<String> {
        let asked = self.http.requests().into_iter();
        asked.map(|request| request.url).filter(|url| url.contains("/api/")).collect()
    }
}

async fn tell(receiver: &Router, request: Request<Body>) -> u16 {
    receiver.clone().oneshot(request).await.unwrap().status().as_u16()
}

fn webhook((body, signature): Signed) -> Request<Body> {
    Request::post("/push/shop")
        .header("content-type", "application/json")
        .header("webhook-signature", signature)
        .header("webhook-signature-algorithm", "HMAC-SHA256")
        .body(body.into())
        .unwrap()
}

fn told(noted: &[JournalEntry]) -> Vec<(&str, &str, Option<u16>)> {
    let told = noted
        .iter()
        .rev()
        .map(|entry| (entry.operation.as_str(), entry.result.as_str(), entry.status));
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn a_webhook_wakes_a_read_of_its_order_by_id_and_is_no_record_itself() {
    let mut shop = shop();
    assert_eq!(shop.tells(webhook(CREATED)).await, 200);
    assert_eq!((shop.bench.bodies(), shop.waiting().await), (vec![], 1));
    shop.follow();
    shop.bench.broker.until(|broker| broker.messages(RECORDS).len() == 1).await;
    let asked = shop.asked();
    assert!(
        asked[0].contains("/orders?filter[id]=1&") || asked[0].contains("filter%5Bid%5D=1&"),
        "{asked:?}"
    );
    let record = shop.bench.broker.messages(RECORDS).remove(0);
    assert_eq!(record.headers.text(header::ENDPOINT), Some("orders"));
    assert_eq!(shop.bench.bodies(), [ORDERS]);
    let name = "poll/shop/orders";
    assert_eq!(shop.bench.store.cursor(name).await.unwrap(), None, "no cursor moves");
}

#[tokio::test(start_paused = true)]
async fn a_webhook_without_its_signature_is_401() {
    let mut shop = shop();
    let mut unsigned = webhook(CREATED);
    unsigned.headers_mut().remove("webhook-signature");
    let forged = webhook((CREATED.0, UPDATED.1));
    assert_eq!([shop.tells(unsigned).await, shop.tells(forged).await], [401, 401]);
    assert_eq!(shop.waiting().await, 0);
    let noted = shop.bench.noted().await;
    assert_eq!(told(&noted), [("push", "refused", Some(401)); 2]);
    assert!(noted.iter().all(|entry| entry.request.is_none()), "{noted:?}");
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_is_doubled_wakes_once() {
    let mut shop = shop();
    shop.follow();
    let one = shop.receiver(shop.bench.store.clone());
    assert_eq!(tell(&one, webhook(CREATED)).await, 200);
    shop.bench.broker.until(|broker| broker.messages(RECORDS).len() == 1).await;
    assert_eq!(tell(&one, webhook(CREATED)).await, 200);
    assert_eq!(shop.waiting().await, 0, "what is heard is not woken again");
    assert_eq!(tell(&one, webhook(UPDATED)).await, 200);
    shop.bench.broker.until(|broker| broker.messages(RECORDS).len() == 2).await;
    assert_eq!(shop.asked().len(), 2);
    let noted = shop.bench.noted().await;
    let pushes: Vec<_> =
        told(&noted).into_iter().filter(|(operation, ..)| operation.starts_with("push")).collect();
    assert_eq!(
        pushes,
        [
            ("push oro.1", "heard", Some(200)),
            ("push oro.1", "duplicate", Some(200)),
            ("push oro.2", "heard", Some(200)),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_cannot_be_noted_hears_503_and_is_heard_when_it_comes_again() {
    let shop = shop();
    assert_eq!(tell(&shop.receiver(Deaf::default()), webhook(CREATED)).await, 503);
    assert_eq!(shop.tells(webhook(CREATED)).await, 200);
    assert_eq!(shop.waiting().await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_webhook_says_in_vain_hears_200_and_the_journal_says_why() {
    let mut shop = shop();
    assert_eq!(shop.tells(webhook(OF_A_PRODUCT)).await, 200);
    let large = Request::post("/push/shop")
        .header("webhook-signature", CREATED.1)
        .body(Body::from(vec![b' '; RECORD_BYTES + 1]))
        .unwrap();
    assert_eq!(shop.tells(large).await, 401);
    assert_eq!((shop.waiting().await, shop.bench.bodies()), (0, vec![]));
    let noted = shop.bench.noted().await;
    assert_eq!(told(&noted)[0], ("push oro.3", "skipped", Some(200)));
    let why: Vec<_> = noted.iter().rev().filter_map(|entry| entry.detail.as_deref()).collect();
    assert!(why[0].contains("`product.updated` is not among the `topics`"), "{why:?}");
}

#[tokio::test(start_paused = true)]
async fn without_webhooks_everything_is_polled_all_the_same() {
    let mut shop = shop();
    shop.follow();
    shop.poll();
    shop.bench.broker.until(|broker| broker.messages(RECORDS).len() == 1).await;
    assert_eq!(shop.bench.bodies(), [ORDERS]);
    assert!(shop.asked()[0].contains("sort"), "{:?}", shop.asked());
}
