//! The end: what the simulators saw against the world, and Ferry's own counters against both.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use anyhow::Context as _;
use ferry_world::{
    World,
    account::{Account, Entry, HistoryPage, OrderflowSeen, OroSeen, audit},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::{
    arguments::Arguments,
    http,
    misfortune::{self, Misfortune},
    stage::Stage,
    told::{self, Dead, Overview},
};

/// The bound on each service's resident memory.
const RESIDENT_MAX: u64 = 100 * 1024 * 1024;

pub(crate) struct Verdict {
    pub(crate) clean: bool,
    pub(crate) json: Value,
    /// For people, on standard error.
    pub(crate) explanations: Vec<String>,
}

pub(crate) fn settle(
    stage: &Stage,
    world: &World,
    arguments: &Arguments,
    started: Instant,
    misfortune: Option<&Misfortune>,
) -> anyhow::Result<Verdict> {
    let (shop, warehouse) = seen(stage)?;
    let account = audit(world, arguments.ticks, &shop, &warehouse);
    let view = told::overview(&stage.console).context("asking the console")?;
    let dead = told::dead(&stage.console).context("asking the console for its dead letters")?;
    let mut explanations = explain(&account);
    let disagreements = disagreements(&account, &view, &dead);
    explanations.extend(disagreements.iter().map(|text| format!("counters: {text}")));
    let mut end = counts(&view);
    let mut clean = account.is_clean() && disagreements.is_empty();
    let unaccounted = account.unaccounted.count
        + account.doubled.count
        + account.stale.count
        + u64::try_from(disagreements.len()).unwrap_or(u64::MAX);
    let seconds = (started.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    let mut put = |name: &str, value: Value| end.insert(name.to_owned(), value);
    put("unaccounted", unaccounted.into());
    put("seconds", seconds.into());
    put("expected", account.expected.into());
    put("doubled", account.doubled.count.into());
    put("stale", account.stale.count.into());
    if let Some(misfortune) = misfortune {
        let (fired, never) = misfortune::fired(stage, misfortune)?;
        put("misfortune", json!(fired));
        for kind in never {
            clean = false;
            explanations.push(format!("misfortune: {kind} never happened"));
        }
    }
    let resident: BTreeMap<&str, u64> = stage
        .services
        .iter()
        .map(|service| (service.name.as_str(), service.resident_peak))
        .collect();
    for (service, bytes) in &resident {
        if *bytes > RESIDENT_MAX {
            clean = false;
            explanations.push(format!("memory: {service} grew to {} MB", bytes / 1_000_000));
        }
    }
    put("resident_peak_bytes", json!(resident));
    Ok(Verdict { clean, json: end.into(), explanations })
}

/// Everything both targets show.
fn seen(stage: &Stage) -> anyhow::Result<(OroSeen, OrderflowSeen)> {
    let shop = OroSeen {
        customers: state(&stage.shop, "customers")?,
        products: state(&stage.shop, "products")?,
        levels: state(&stage.shop, "inventorylevels")?,
        orders: state(&stage.shop, "orders")?,
        history: history(&stage.shop)?,
    };
    let warehouse = OrderflowSeen {
        products: state(&stage.warehouse, "products")?,
        orders: state(&stage.warehouse, "orders")?,
        push_failures: state(&stage.warehouse, "push_failures")?,
        history: history(&stage.warehouse)?,
    };
    Ok((shop, warehouse))
}

fn state<T: DeserializeOwned>(simulator: &str, collection: &str) -> anyhow::Result<Vec<T>> {
    http::json(&format!("{simulator}/_sim/state/{collection}"))
}

fn history(simulator: &str) -> anyhow::Result<Vec<Entry>> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let url = format!("{simulator}/_sim/history?after={after}&limit=1000");
        let page: HistoryPage = http::json(&url)?;
        if page.entries.is_empty() {
            return Ok(all);
        }
        after = page.next;
        all.extend(page.entries);
    }
}

fn explain(account: &Account) -> Vec<String> {
    let sorts = [
        ("unaccounted", &account.unaccounted),
        ("doubled", &account.doubled),
        ("stale", &account.stale),
    ];
    let mut lines = Vec::new();
    for (sort, findings) in sorts {
        for finding in findings.shown.iter().take(10) {
            let (route, key, what) = (finding.route, &finding.key, &finding.what);
            lines.push(format!("{sort}: {route:?} {} {key}: {what}", finding.entity));
        }
        if findings.count > 10 {
            lines.push(format!("{sort}: {} in all", findings.count));
        }
    }
    lines
}

/// Where Ferry's own counters do not add up, or do not say what the world says.
fn disagreements(account: &Account, view: &Overview, dead: &[Dead]) -> Vec<String> {
    let mut found = Vec::new();
    for route in &view.routes {
        let ended: u64 = route.outcomes.values().sum();
        if route.received != ended {
            let (name, target) = (&route.name, &route.target);
            let received = route.received;
            found.push(format!("{name} to {target}: {received} received, {ended} ended"));
        }
    }
    let listed = u64::try_from(dead.len()).unwrap_or(u64::MAX);
    if listed != view.dead_total() {
        found.push(format!("{listed} dead letters are listed, {} are counted", view.dead_total()));
    }
    // A flawed entity that changes is flawed in every version: each is a letter of its own.
    let mut unmatched: BTreeSet<usize> = (0..dead.len()).collect();
    for expected in &account.dead_expected {
        let before = unmatched.len();
        unmatched
            .retain(|index| !dead.get(*index).is_some_and(|letter| is_letter_of(letter, expected)));
        if unmatched.len() == before && !dead.iter().any(|letter| is_letter_of(letter, expected)) {
            found.push(format!(
                "no dead letter tells of {:?} ({} {})",
                expected.flaw, expected.entity, expected.locator
            ));
        }
    }
    for letter in unmatched.iter().filter_map(|index| dead.get(*index)).take(10) {
        let about = letter.entity_id.as_deref().or(letter.pointer.as_deref()).unwrap_or("?");
        found.push(format!(
            "a dead letter nobody expected: {} in {}, {about}: {}",
            letter.kind, letter.origin, letter.detail
        ));
    }
    found
}

/// Whether a dead letter is the one the world expects: its queue and key; without a key its place.
fn is_letter_of(letter: &Dead, expected: &ferry_world::ExpectedDead) -> bool {
    use ferry_world::Flaw;
    let (origin, says) = match expected.flaw {
        Flaw::MissingName => ("transform", "name"),
        Flaw::WrongType => ("transform", ""),
        Flaw::UnknownCountry => ("transform", "country"),
        Flaw::WrongColumnCount => ("transform", "columns"),
        Flaw::NotANumber => ("transform", "weight"),
        Flaw::MissingSku => ("transform", "id of the product"),
        Flaw::InvalidUtf8 => ("transform", "UTF-8"),
        Flaw::NameTooLong => ("load.shop.product", "name"),
        Flaw::QuantityNotWhole => ("load.warehouse.order", ""),
        Flaw::StockNotANumber => ("transform", "available"),
        Flaw::StockWithoutProduct | Flaw::ShipmentWithoutReference => {
            ("transform", "externalReference")
        }
    };
    if letter.origin != origin || !letter.detail.contains(says) {
        return false;
    }
    match (&letter.entity_id, &expected.key) {
        (Some(found), Some(key)) => found == key,
        // Rows that cannot be read carry no key that can be trusted.
        (None, _) | (Some(_), None) => true,
    }
}

fn counts(view: &Overview) -> Map<String, Value> {
    let sum = |outcome: &str| -> u64 {
        view.routes.iter().filter_map(|route| route.outcomes.get(outcome)).sum()
    };
    let skipped_items: u64 = view.skipped_items.values().sum();
    let in_loaders: u64 = view.routes.iter().map(|route| route.received).sum();
    let dead_in_loaders = sum("dead");
    // Items that ended in the transformer are deliveries that never reached a loader.
    let dead_in_transformer = view.dead_total().saturating_sub(dead_in_loaders);
    let mut routes = Map::new();
    for route in &view.routes {
        let mut counts = Map::new();
        counts.insert("received".to_owned(), route.received.into());
        for (outcome, count) in &route.outcomes {
            counts.insert(outcome.clone(), (*count).into());
        }
        routes.insert(format!("{} to {}", route.name, route.target), counts.into());
    }
    let ends: [(&str, Value); 12] = [
        ("records", view.records.values().sum::<u64>().into()),
        ("received", (in_loaders + skipped_items + dead_in_transformer).into()),
        ("delivered", sum("delivered").into()),
        ("duplicate", sum("duplicate").into()),
        ("superseded", sum("superseded").into()),
        ("unchanged", sum("unchanged").into()),
        ("echo", sum("echo").into()),
        ("skipped", (sum("skipped") + skipped_items).into()),
        ("dead", view.dead_total().into()),
        ("unaccounted", 0.into()),
        ("seconds", 0.0.into()),
        ("routes", Value::Object(routes)),
    ];
    ends.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
