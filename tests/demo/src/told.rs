//! What Ferry's console says.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::http;

/// The part of `GET /api/v1/overview` that the demo looks at.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Overview {
    pub(crate) routes: Vec<Route>,
    pub(crate) records: BTreeMap<String, u64>,
    pub(crate) skipped_items: BTreeMap<String, u64>,
    pub(crate) dead: BTreeMap<String, BTreeMap<String, u64>>,
    pub(crate) claimed: BTreeMap<String, u64>,
    pub(crate) queues: BTreeMap<String, Option<u32>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Route {
    #[serde(rename = "route")]
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) received: u64,
    pub(crate) outcomes: BTreeMap<String, u64>,
    pub(crate) retrying: u64,
    pub(crate) waiting: Option<u32>,
    pub(crate) oldest_seconds: Option<i64>,
    pub(crate) rate: f64,
}

/// A dead letter in the console's list.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dead {
    pub(crate) origin: String,
    pub(crate) kind: String,
    pub(crate) detail: String,
    pub(crate) entity_id: Option<String>,
    pub(crate) pointer: Option<String>,
}

pub(crate) fn overview(console: &str) -> anyhow::Result<Overview> {
    http::json(&format!("{console}/api/v1/overview"))
}

/// Every dead letter there is.
pub(crate) fn dead(console: &str) -> anyhow::Result<Vec<Dead>> {
    const PAGE: usize = 500;
    let mut all = Vec::new();
    loop {
        let url = format!("{console}/api/v1/dead?limit={PAGE}&offset={}", all.len());
        let page: Vec<Dead> = http::json(&url)?;
        let last = page.len() < PAGE;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}

impl Overview {
    /// Nothing waits anywhere, as far as the broker and the store say.
    pub(crate) fn is_quiet(&self) -> bool {
        let empty = self.queues.values().all(|ready| *ready == Some(0));
        let retrying: u64 = self.routes.iter().map(|route| route.retrying).sum();
        empty && retrying == 0 && self.claimed.values().sum::<u64>() == 0
    }

    /// Changes whenever something moves.
    pub(crate) fn fingerprint(&self) -> String {
        let ended: Vec<u64> =
            self.routes.iter().map(|route| route.outcomes.values().sum()).collect();
        format!("{ended:?}{:?}{:?}{:?}", self.dead, self.skipped_items, self.queues)
    }

    pub(crate) fn dead_total(&self) -> u64 {
        self.dead.values().flat_map(BTreeMap::values).sum()
    }
}
