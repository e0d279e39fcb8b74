//! Counts over the last seconds, for rates.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use ferry_store::{Overview, Overviews};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::limits;

type Totals = BTreeMap<(String, String), u64>;

/// The last few totals by route and target. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Samples(Arc<Mutex<VecDeque<(Instant, Totals)>>>);

impl Samples {
    /// Looks at the store until `draining`.
    pub async fn run<S: Overviews>(self, store: S, draining: CancellationToken) {
        let mut ticks = interval(limits::SAMPLE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = draining.cancelled() => return,
                _ = ticks.tick() => {}
            }
            match store.overview().await {
                Ok(overview) => self.push(totals(&overview)),
                Err(error) => warn!(%error, "the counts cannot be read"),
            }
        }
    }

    fn push(&self, totals: Totals) {
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push_back((Instant::now(), totals));
        while samples.len() > limits::SAMPLES {
            samples.pop_front();
        }
    }

    /// Deliveries that ended per second, over the samples there are.
    pub(crate) fn rate(&self, route: &str, target: &str) -> f64 {
        let samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some((from, before)), Some((to, after))) = (samples.front(), samples.back()) else {
            return 0.0;
        };
        let key = (route.to_owned(), target.to_owned());
        let ended = after.get(&key).copied().unwrap_or(0);
        let ended = ended.saturating_sub(before.get(&key).copied().unwrap_or(0));
        let seconds = to.duration_since(*from).as_secs_f64();
        if seconds <= 0.0 {
            return 0.0;
        }
        f64::from(u32::try_from(ended).unwrap_or(u32::MAX)) / seconds
    }
}

fn totals(overview: &Overview) -> Totals {
    overview
        .routes
        .iter()
        .map(|tally| {
            let ended = tally.outcomes.values().sum();
            ((tally.route.clone(), tally.target.clone()), ended)
        })
        .collect()
}
