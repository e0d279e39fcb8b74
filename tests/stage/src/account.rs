//! The end: what the simulators saw against the world, and Ferry's own counters against both.

use std::collections::BTreeSet;

use ferry_world::account::{Account, Entry, HistoryPage, OrderflowSeen, OroSeen};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    http,
    told::{Dead, Overview},
};

/// Everything both targets show, by their addresses.
///
/// # Errors
/// When one does not answer.
pub fn seen(shop: &str, warehouse: &str) -> anyhow::Result<(OroSeen, OrderflowSeen)> {
    let oro = OroSeen {
        customers: state(shop, "customers")?,
        products: state(shop, "products")?,
        levels: state(shop, "inventorylevels")?,
        orders: state(shop, "orders")?,
        history: history(shop)?,
    };
    let orderflow = OrderflowSeen {
        products: state(warehouse, "products")?,
        orders: state(warehouse, "orders")?,
        push_failures: state(warehouse, "push_failures")?,
        history: history(warehouse)?,
    };
    Ok((oro, orderflow))
}

fn state<T: DeserializeOwned>(simulator: &str, collection: &str) -> anyhow::Result<Vec<T>> {
    http::json(&format!("{simulator}/_sim/state/{collection}"))
}

/// Everything a simulator recorded.
///
/// # Errors
/// When it does not answer.
pub fn history(simulator: &str) -> anyhow::Result<Vec<Entry>> {
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

/// The findings as lines for people, a few of each sort.
pub fn explain(account: &Account) -> Vec<String> {
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

/// Where Ferry's own counters do not add up, or do not say what the world says. A letter that is
/// dealt with (`closed`) had no more reason to be than an open one.
pub fn disagreements(
    account: &Account,
    view: &Overview,
    open: &[Dead],
    closed: &[Dead],
) -> Vec<String> {
    let mut found = Vec::new();
    for route in &view.routes {
        let ended: u64 = route.outcomes.values().sum();
        if route.received != ended {
            let (name, target) = (&route.name, &route.target);
            let received = route.received;
            found.push(format!("{name} to {target}: {received} received, {ended} ended"));
        }
    }
    let listed = u64::try_from(open.len()).unwrap_or(u64::MAX);
    if listed != view.dead_total() {
        found.push(format!("{listed} dead letters are listed, {} are counted", view.dead_total()));
    }
    let dead: Vec<&Dead> = open.iter().chain(closed).collect();
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

/// How all deliveries ended, as Ferry counts them.
pub fn counts(view: &Overview) -> Map<String, Value> {
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
