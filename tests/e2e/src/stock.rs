//! A load whose truth is easy: levels of a few products that only grow, pushed until they are taken.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{Simulator, http};

/// Between two pushes, and between a refusal and the push again.
const PAUSE: Duration = Duration::from_millis(5);

/// Pushes levels to a producer until it is stopped. A push that was not answered 200 is pushed
/// again, as a warehouse would.
#[derive(Debug)]
pub struct StockLoad {
    producer: Arc<Mutex<String>>,
    stopping: Arc<AtomicBool>,
    pusher: Option<JoinHandle<BTreeMap<String, u64>>>,
}

impl StockLoad {
    /// Puts products into the shop and begins to push their levels.
    pub fn start(shop: &Simulator, products: usize, producer: &str) -> Self {
        let names = (0..products).map(|number| format!("W-{number}"));
        let skus: Vec<String> = names
            .map(|order| {
                shop.place_order(&order);
                format!("SKU-{order}")
            })
            .collect();
        let producer = Arc::new(Mutex::new(producer.to_owned()));
        let stopping = Arc::new(AtomicBool::new(false));
        let (at, end) = (Arc::clone(&producer), Arc::clone(&stopping));
        let pusher = Some(thread::spawn(move || push_all(&skus, &at, &end)));
        Self { producer, stopping, pusher }
    }

    /// Where the producer answers from here on.
    pub fn moved_to(&self, producer: &str) {
        producer.clone_into(&mut self.producer.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Ends with the push that is under way taken; the level of each product that is the truth.
    ///
    /// # Panics
    /// When the pusher did.
    pub fn stop(&mut self) -> BTreeMap<String, u64> {
        self.stopping.store(true, Ordering::SeqCst);
        let pusher = self.pusher.take().unwrap_or_else(|| panic!("it was stopped before"));
        pusher.join().unwrap_or_else(|_| panic!("the pusher panicked"))
    }
}

impl Drop for StockLoad {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
    }
}

fn push_all(skus: &[String], at: &Mutex<String>, end: &AtomicBool) -> BTreeMap<String, u64> {
    let mut truth = BTreeMap::new();
    for (level, sku) in (1_u64..).zip(skus.iter().cycle()) {
        if end.load(Ordering::SeqCst) {
            break;
        }
        let body = format!(
            r#"<inventory messageId="{level}"><product externalReference="{sku}" site="LDN" total="{level}" available="{level}" lastStockChangeId="{level}" lastLineRequirementChangeId="1"/></inventory>"#
        );
        while !push(&at.lock().unwrap_or_else(PoisonError::into_inner).clone(), &body) {
            thread::sleep(PAUSE);
        }
        truth.insert(sku.clone(), level);
        thread::sleep(PAUSE);
    }
    truth
}

fn push(producer: &str, body: &str) -> bool {
    let headers = [("authorization", "Basic Zmxvdzpwdw=="), ("content-type", "application/xml")];
    let answer =
        http::send("POST", &format!("{producer}/push/warehouse"), &headers, body.as_bytes());
    answer.is_ok_and(|answer| answer.status == 200)
}

/// The level of each product in the shop.
pub fn levels(shop: &Simulator) -> BTreeMap<String, u64> {
    let rows = shop.state("inventorylevels");
    let level = |row: &serde_json::Value| {
        let quantity: f64 = row["quantity"].as_str()?.parse().ok()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "they are counted up from one"
        )]
        Some((row["sku"].as_str()?.to_owned(), quantity as u64))
    };
    rows.iter().filter_map(level).collect()
}

/// Every level the shop showed, in the order in which it was written, must be one after the other.
///
/// # Panics
/// When a level went back.
pub fn assert_no_level_went_back(shop: &Simulator) {
    let mut highest: BTreeMap<String, f64> = BTreeMap::new();
    let mut effects: Vec<serde_json::Value> = shop
        .history()
        .iter()
        .filter_map(|entry| entry["effects"].as_array().cloned())
        .flatten()
        .filter(|effect| effect["fields"]["quantity"].is_string())
        .collect();
    effects.sort_by_key(|effect| effect["order"].as_u64());
    assert!(!effects.is_empty(), "the history shows no level");
    for effect in effects {
        let key = effect["key"].to_string();
        let quantity = effect["fields"]["quantity"].as_str().and_then(|text| text.parse().ok());
        let quantity: f64 = quantity.unwrap_or_default();
        let before = highest.insert(key, quantity).unwrap_or_default();
        assert!(quantity >= before, "a level went from {before} back: {effect}");
    }
}
