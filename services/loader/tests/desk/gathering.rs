//! What comes while a call of many runs waits for its end, and goes together.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use ferry_canonical::{Event, Facet, Part};
use ferry_config::ConflictPolicy;
use ferry_http::{Method, Request, Response};
use ferry_loader::{Desk, DeskDied, Route, Target, TwoWay};
use ferry_sim::{HttpFault, SimBroker, SimHttp, answer};
use ferry_store::SqliteStore;
use ferry_systems::System;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::bench::{
    FlakyLedger, SECOND, alone, event, limits, message, route, seams, shop, topology,
};

const QUEUE: &str = "load.shop.customer";
const BULK: &str = "load.shop.customer.bulk";
/// How the shop's customers are made, one and many.
const ONE: &str = "create customer";
const MANY: &str = "write customers";
const LOOK: &str = "look at customers";

/// A shop that makes every customer it is told of, and one loader.
struct Bench {
    broker: SimBroker,
    http: SimHttp,
    ledger: FlakyLedger,
    shop: Arc<Mutex<Shop>>,
    loader: JoinSet<Result<(), DeskDied>>,
    is_two_way: bool,
}

#[derive(Default)]
struct Shop {
    /// How many came with each request that made some.
    made: Vec<usize>,
    /// By number, how often each was made.
    customers: BTreeMap<String, u32>,
    /// What its own people call some of them.
    renamed: BTreeMap<String, String>,
}

impl Bench {
    fn new() -> Self {
        Self::with(false)
    }

    /// The shop brings its customers back to the ERP.
    fn both_ways() -> Self {
        Self::with(true)
    }

    fn with(is_two_way: bool) -> Self {
        ferry_sim::start_clock();
        let shop = Arc::<Mutex<Shop>>::default();
        let asked = Arc::clone(&shop);
        let http = SimHttp::new(move |request| asked.lock().unwrap().answer(request));
        let broker = SimBroker::new(topology(&[("shop", Facet::Profile, "erp")]));
        let ledger = FlakyLedger::new(&SqliteStore::in_memory(ferry_sim::now).unwrap());
        let mut bench = Self { broker, http, ledger, shop, loader: JoinSet::new(), is_two_way };
        bench.start_loader();
        bench
    }

    fn start_loader(&mut self) {
        let route = route("customers", "erp", Facet::Profile);
        let system = |name: &str| Arc::clone(&shop(name, &limits(4), 100, Vec::new()).system);
        let (erp, there) = (system("erp"), system("shop"));
        let two_way = self.is_two_way.then(|| TwoWay {
            policy: ConflictPolicy::Prefer("shop".to_owned()),
            source: erp,
            target: Arc::<System>::clone(&there),
        });
        let target = Target::new("shop", there, &limits(4), vec![Route { two_way, ..route }]);
        let seams = seams(&self.broker, &self.ledger, Arc::new(self.http.clone()), 32);
        self.loader.spawn(Desk::run(target, seams, CancellationToken::new()));
    }

    async fn say(&self, lane: &str, numbers: std::ops::Range<u32>) {
        for number in numbers {
            self.broker.publish(message(&customer(lane, number), lane)).await;
        }
    }

    fn made(&self) -> Vec<usize> {
        self.shop.lock().unwrap().made.clone()
    }

    /// Customers, and that none is there twice.
    fn customers(&self) -> usize {
        let shop = self.shop.lock().unwrap();
        assert!(shop.customers.values().all(|count| *count == 1), "{:?}", shop.customers);
        shop.customers.len()
    }

    async fn until_empty(&self, queue: &str) {
        self.broker.until(|broker| broker.messages(queue).is_empty()).await;
    }
}

fn customer(lane: &str, number: u32) -> Event {
    let profile = json!({"number": format!("{lane}-{number}"), "name": "Acme"}).to_string();
    event("erp", Part::from_json(Facet::Profile, profile.as_bytes()).unwrap(), 1)
}

impl Shop {
    fn answer(&mut self, request: &Request) -> Response {
        if request.url.ends_with("/oauth2-token") {
            return answer(200, r#"{"access_token": "t", "expires_in": 3600}"#);
        }
        let data = match request.method {
            Method::Get => self.list(&request.url),
            Method::Post | Method::Put | Method::Patch | Method::Delete => self.make(&request.body),
        };
        answer(200, &json!({ "data": data }).to_string())
    }

    /// Customers by their numbers or ids; nothing hangs on them.
    fn list(&self, url: &str) -> Value {
        let Some((_, filter)) = url.split_once("/customers?filter[") else {
            return json!([]);
        };
        let (_, keys) = filter.split_once("]=").unwrap();
        let numbers = keys.split('&').next().unwrap().split(',');
        let numbers = numbers.map(|key| key.strip_prefix("id-").unwrap_or(key));
        let there = numbers.filter(|number| self.customers.contains_key(*number));
        there.map(|number| self.row(number)).collect()
    }

    fn row(&self, number: &str) -> Value {
        let name = self.renamed.get(number).map_or("Acme", String::as_str);
        let updated_at = "2026-01-02T00:00:00Z";
        let attributes = json!({"externalId": number, "name": name, "updatedAt": updated_at});
        json!({"type": "customers", "id": format!("id-{number}"), "attributes": attributes})
    }

    fn make(&mut self, body: &[u8]) -> Value {
        let sent: Value = serde_json::from_slice(body).unwrap();
        let one = |shop: &mut Self, sent: &Value| {
            let number = sent["attributes"]["externalId"].as_str().unwrap();
            *shop.customers.entry(number.to_owned()).or_default() += 1;
            let mut row = shop.row(number);
            row["meta"] = json!({"dataId": sent["id"]});
            row
        };
        let Value::Array(many) = &sent["data"] else {
            self.made.push(1);
            return one(self, &sent["data"]);
        };
        self.made.push(many.len());
        many.iter().map(|sent| one(self, sent)).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_a_call_runs_goes_in_one_call_behind_it() {
    let bench = Bench::new();
    bench.http.script(ONE, [HttpFault::Hold]);
    bench.say("live", 0..1).await;
    bench.http.until(|http| http.count(ONE) == 1).await;
    bench.say("live", 1..151).await;
    sleep(5 * SECOND).await;
    assert_eq!(bench.made(), [1], "one call at a time, and the first goes at once");
    bench.http.release();
    bench.until_empty(QUEUE).await;
    assert_eq!(bench.made(), [1, 100, 50]);
}

#[tokio::test(start_paused = true)]
async fn a_live_change_does_not_wait_for_a_bulk_call() {
    let bench = Bench::new();
    bench.http.script(MANY, [HttpFault::Hold]);
    bench.http.script(ONE, [HttpFault::Hold]);
    bench.say("bulk", 0..1).await;
    bench.http.until(|http| http.count(ONE) == 1).await;
    bench.say("bulk", 1..40).await;
    bench.say("live", 0..1).await;
    bench.until_empty(QUEUE).await;
    assert_eq!(bench.made(), [1, 1], "the live one, beside the bulk one");
    bench.http.release();
    bench.http.until(|http| http.count(MANY) == 1).await;
    bench.say("live", 1..2).await;
    bench.until_empty(QUEUE).await;
    assert_eq!(bench.made(), [1, 1, 39, 1]);
    bench.http.release();
    bench.until_empty(BULK).await;
}

#[tokio::test(start_paused = true)]
async fn what_goes_alone_does_not_wait_for_a_call_of_many() {
    let bench = Bench::new();
    bench.http.script(ONE, [HttpFault::Hold]);
    bench.say("live", 0..1).await;
    bench.http.until(|http| http.count(ONE) == 1).await;
    bench.broker.publish(alone(&customer("live", 1), "live")).await;
    bench.http.until(|http| http.count(ONE) == 2).await;
    bench.http.release();
    bench.until_empty(QUEUE).await;
}

#[tokio::test(start_paused = true)]
async fn a_desk_that_waits_for_its_call_does_not_ask_the_store() {
    let bench = Bench::new();
    bench.http.script(ONE, [HttpFault::Hold]);
    bench.say("live", 0..1).await;
    bench.http.until(|http| http.count(ONE) == 1).await;
    let before = bench.ledger.claims();
    bench.say("live", 1..41).await;
    sleep(10 * SECOND).await;
    assert_eq!(bench.ledger.claims(), before);
    bench.http.release();
    bench.until_empty(QUEUE).await;
    assert_eq!(bench.made(), [1, 40]);
    assert_eq!(bench.ledger.claims(), before + 1, "one claim for all of them");
}

#[tokio::test(start_paused = true)]
async fn a_call_of_many_whose_answer_is_lost_makes_nobody_twice() {
    let bench = Bench::new();
    bench.http.script(ONE, [HttpFault::Hold]);
    bench.http.script(MANY, [HttpFault::ApplyThenDrop]);
    bench.say("live", 0..1).await;
    bench.http.until(|http| http.count(ONE) == 1).await;
    bench.say("live", 1..31).await;
    sleep(SECOND).await;
    bench.http.release();
    bench.http.until(|http| http.count("look up customer") == 30).await;
    bench.until_empty(QUEUE).await;
    assert_eq!((bench.customers(), bench.made()), (31, vec![1, 30]));
}

#[tokio::test(start_paused = true)]
async fn a_loader_that_is_killed_inside_a_call_of_many_leaves_nobody_out_and_nobody_twice() {
    let mut bench = Bench::new();
    bench.http.script(ONE, [HttpFault::Hold]);
    bench.http.script(MANY, [HttpFault::Hold]);
    bench.say("live", 0..1).await;
    bench.http.until(|http| http.count(ONE) == 1).await;
    bench.say("live", 1..31).await;
    sleep(SECOND).await;
    bench.http.release();
    bench.http.until(|http| http.count(MANY) == 1).await;
    bench.loader.abort_all();
    while bench.loader.join_next().await.is_some() {}
    bench.start_loader();
    bench.until_empty(QUEUE).await;
    assert_eq!(bench.customers(), 31);
}

#[tokio::test(start_paused = true)]
async fn what_goes_both_ways_is_looked_at_and_written_together_and_each_is_decided_by_itself() {
    let bench = Bench::both_ways();
    bench.http.script(ONE, [HttpFault::Hold]);
    bench.say("live", 0..1).await;
    bench.http.until(|http| http.count(ONE) == 1).await;
    // One of those that wait is there already, under another name: by the policy it stays.
    bench.shop.lock().unwrap().customers.insert("live-7".to_owned(), 1);
    bench.shop.lock().unwrap().renamed.insert("live-7".to_owned(), "Theirs".to_owned());
    bench.say("live", 1..61).await;
    sleep(SECOND).await;
    let looks = bench.http.count(LOOK);
    bench.http.release();
    bench.until_empty(QUEUE).await;
    assert_eq!((bench.customers(), bench.made()), (61, vec![1, 59]));
    assert_eq!(bench.http.count(LOOK), looks + 1, "one look for all of them");
}
