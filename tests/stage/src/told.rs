//! What Ferry's console says.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::http;

/// The part of `GET /api/v1/overview` that is looked at here.
#[derive(Clone, Debug, Deserialize)]
pub struct Overview {
    pub routes: Vec<Route>,
    pub records: BTreeMap<String, u64>,
    pub skipped_items: BTreeMap<String, u64>,
    pub dead: BTreeMap<String, BTreeMap<String, u64>>,
    pub claimed: BTreeMap<String, u64>,
    pub queues: BTreeMap<String, Option<u32>>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Route {
    #[serde(rename = "route")]
    pub name: String,
    pub source: String,
    pub target: String,
    pub entity: String,
    pub facet: String,
    pub received: u64,
    pub outcomes: BTreeMap<String, u64>,
    pub retrying: u64,
    pub waiting: Option<u32>,
    pub oldest_seconds: Option<i64>,
    pub rate: f64,
}

/// A dead letter in the console's list.
#[derive(Clone, Debug, Deserialize)]
pub struct Dead {
    pub origin: String,
    pub kind: String,
    pub detail: String,
    pub entity_id: Option<String>,
    pub pointer: Option<String>,
}

/// # Errors
/// When the console does not answer so.
pub fn overview(console: &str) -> anyhow::Result<Overview> {
    http::json(&format!("{console}/api/v1/overview"))
}

/// Every dead letter there is, or with `closed` every one that is dealt with.
///
/// # Errors
/// When the console does not answer so.
pub fn dead(console: &str, closed: bool) -> anyhow::Result<Vec<Dead>> {
    const PAGE: usize = 500;
    let mut all = Vec::new();
    loop {
        let url =
            format!("{console}/api/v1/dead?limit={PAGE}&offset={}&resolved={closed}", all.len());
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
    pub fn is_quiet(&self) -> bool {
        let empty = self.queues.values().all(|ready| *ready == Some(0));
        let retrying: u64 = self.routes.iter().map(|route| route.retrying).sum();
        empty && retrying == 0 && self.claimed.values().sum::<u64>() == 0
    }

    /// Changes whenever something moves.
    pub fn fingerprint(&self) -> String {
        let ended: Vec<u64> =
            self.routes.iter().map(|route| route.outcomes.values().sum()).collect();
        format!("{ended:?}{:?}{:?}{:?}", self.dead, self.skipped_items, self.queues)
    }

    pub fn dead_total(&self) -> u64 {
        self.dead.values().flat_map(BTreeMap::values).sum()
    }
}
