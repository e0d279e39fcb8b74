//! What a backfill does to live traffic, measured.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use crate::{Foreign, Installation, Letter, Simulator, event, wait_until};

/// Bulk events published in one go.
const BATCH: usize = 1_000;

/// Customers of both lanes, brought to a simulated shop.
#[derive(Debug)]
pub struct Lanes<'a> {
    pub ferry: &'a Installation,
    pub shop: &'a Simulator,
    pub foreign: &'a Foreign,
    /// Between two live events.
    pub every: Duration,
}

/// What one lane did while the other was quiet, and while it was not.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub live_quiet_p95: Duration,
    pub live_loaded_p95: Duration,
    /// Events per second.
    pub bulk_solo: f64,
    pub bulk_loaded: f64,
    /// How long the whole backfill took beside live traffic.
    pub bulk_took: Duration,
}

impl Lanes<'_> {
    /// Live alone, `live` of them; then bulk alone, a tenth of `bulk`; then `bulk` of them with live
    /// traffic until they are through.
    pub fn measure(&self, live: usize, bulk: usize) -> Measured {
        let within = Duration::from_mins(20);
        let quiet = self.live("quiet", |sent| sent == live);
        self.publish_bulk("solo", (bulk / 10).max(1));
        let before = self.bulk_left();
        let began = Instant::now();
        wait_until("bulk alone", within, || self.bulk_left() == 0);
        let bulk_solo = per_second(before, began.elapsed());
        self.publish_bulk("loaded", bulk);
        let before = self.bulk_left();
        let began = Instant::now();
        let loaded = self.live("loaded", |_| self.bulk_left() == 0);
        let bulk_took = began.elapsed();
        Measured {
            live_quiet_p95: p95(quiet),
            live_loaded_p95: p95(loaded),
            bulk_solo,
            bulk_loaded: per_second(before, bulk_took),
            bulk_took,
        }
    }

    fn bulk_left(&self) -> usize {
        let ready = self.foreign.ready(&self.ferry.named("load.shop.customer.bulk"));
        usize::try_from(ready).unwrap_or(usize::MAX)
    }

    fn publish_bulk(&self, name: &str, count: usize) {
        let letters: Vec<Letter> = (0..count)
            .map(|number| {
                event::customer(&format!("B-{name}-{number}"), "Acme", 1).with("ferry-lane", "bulk")
            })
            .collect();
        for batch in letters.chunks(BATCH) {
            self.foreign.publish_all(
                &self.ferry.named("events"),
                "customer.profile.erp.bulk",
                batch,
            );
        }
    }

    /// Publishes live events one after the other until `enough`, and answers how long each took to
    /// show in the shop.
    fn live(&self, name: &str, enough: impl Fn(usize) -> bool) -> Vec<Duration> {
        let exchange = self.ferry.named("events");
        let mut sent = BTreeMap::new();
        let mut took = Vec::new();
        let mut after = 0;
        let (mut number, mut next) = (0, Instant::now());
        loop {
            let done = enough(number);
            if done && sent.is_empty() {
                return took;
            }
            if !done && next <= Instant::now() {
                let key = format!("L-{name}-{number}");
                let customer = event::customer(&key, "Acme", 1).with("ferry-lane", "live");
                sent.insert(key, Instant::now());
                self.foreign.publish(&exchange, "customer.profile.erp.live", &customer);
                number += 1;
                next += self.every;
            }
            let (entries, from) = self.shop.history_after(after);
            after = from;
            let effects = entries.iter().filter_map(|entry| entry["effects"].as_array()).flatten();
            for effect in effects.filter(|effect| effect["effect"] == "created") {
                let began = effect["key"].as_str().and_then(|key| sent.remove(key));
                took.extend(began.map(|began| began.elapsed()));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few digits are shown")]
fn per_second(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn p95(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all.get(all.len() * 95 / 100).copied().unwrap_or_default()
}
