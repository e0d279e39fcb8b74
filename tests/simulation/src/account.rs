//! What must hold at the end, by what the other sides saw.

use std::collections::{BTreeMap, BTreeSet};

use ferry_store::{DeadFilter, DeadLetters as _, Overviews as _};
use ferry_topology::name;

use crate::{
    drive::Run,
    model::{
        plan::{PARCELS, Plan},
        warehouse,
    },
    sim::Models,
};

/// Everything that is wrong; empty where all is well.
pub(crate) async fn audit(run: &Run) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    {
        let models = run.sim.models();
        states(&run.plan, &models, &mut wrong);
        orders(run, &models, &mut wrong);
        histories(&run.plan, &models, &mut wrong);
        wrong.extend(models.people.wrong());
    }
    outcomes(run, &mut wrong).await?;
    dead_letters(run, &mut wrong).await?;
    attempts(run, &mut wrong);
    let left = run.sim.broker.depths();
    if !left.is_empty() {
        wrong.push(format!("something is left in the broker: {left:?}"));
    }
    Ok(wrong)
}

/// The final state is the source's, and nothing was made twice.
fn states(plan: &Plan, models: &Models, wrong: &mut Vec<String>) {
    let last = |seen: &BTreeMap<String, Vec<u32>>| -> BTreeMap<String, u32> {
        seen.iter().filter_map(|(sku, versions)| Some((sku.clone(), *versions.last()?))).collect()
    };
    let products = last(models.warehouse.products());
    if products != plan.products() {
        wrong.push(format!("the warehouse's products are {products:?}, not {:?}", plan.products()));
    }
    let names = last(models.shop.names());
    if names != plan.products() {
        wrong.push(format!("the shop's products are {names:?}, not {:?}", plan.products()));
    }
    let twice: Vec<_> = models.shop.count().into_iter().filter(|(_, count)| *count > 1).collect();
    if !twice.is_empty() {
        wrong.push(format!("the shop has products more than once: {twice:?}"));
    }
    levels(plan, models, wrong);
    parcels(plan, models, wrong);
}

/// Orders that were refused and mended may be made by whatever is read again, and are by what is sent
/// again; once.
fn orders(run: &Run, models: &Models, wrong: &mut Vec<String>) {
    let mended = run.plan.mended();
    let mut orders: BTreeMap<String, u32> =
        run.plan.orders(true).into_iter().map(|reference| (reference, 1)).collect();
    let found = models.warehouse.orders();
    orders.extend(found.keys().filter(|order| mended.contains(*order)).map(|o| (o.clone(), 1)));
    orders.extend(run.sent_again.values().map(|order| (order.clone(), 1)));
    if *found != orders {
        wrong.push(format!("the warehouse's orders are {found:?}, not {orders:?}"));
    }
}

/// Every parcel that left is on its order once, and the order knows how much of it has left.
fn parcels(plan: &Plan, models: &Models, wrong: &mut Vec<String>) {
    let (despatched, cancelled) = (plan.despatched(), plan.cancelled());
    for (name, order) in models.shop.orders.by_identifier() {
        let numbers = despatched.get(name).cloned().unwrap_or_default();
        let mut expected: Vec<String> =
            numbers.iter().map(|number| warehouse::tracking(name, *number)).collect();
        let mut found = order.trackings.clone();
        expected.sort();
        found.sort();
        if found != expected {
            wrong.push(format!("order {name} has the parcels {found:?}, not {expected:?}"));
        }
        let last = match numbers.len() {
            0 => None,
            PARCELS => Some("shipped"),
            _ => Some("partially_shipped"),
        };
        // `partially_shipped` stands before `shipped` in the alphabet too.
        let steps = &order.shipped;
        if steps.last().map(String::as_str) != last || !steps.is_sorted() {
            wrong.push(format!("order {name} was shipped so: {steps:?}; at the end {last:?}"));
        }
        let expected: &[&str] = if cancelled.contains(name) { &["cancelled"] } else { &[] };
        if order.statuses != expected {
            wrong.push(format!("order {name} was {:?}, not {expected:?}", order.statuses));
        }
    }
}

/// Each site's last state is in the product's level.
fn levels(plan: &Plan, models: &Models, wrong: &mut Vec<String>) {
    let mut expected: BTreeMap<String, [u64; 2]> = BTreeMap::new();
    for ((sku, site), version) in plan.stock() {
        if let Some(slot) = expected.entry(sku).or_default().get_mut(site) {
            *slot = u64::from(version);
        }
    }
    let found: BTreeMap<String, [u64; 2]> = models
        .shop
        .levels()
        .iter()
        .filter_map(|(sku, levels)| Some((sku.clone(), *levels.last()?)))
        .collect();
    if found != expected {
        wrong.push(format!("the shop's levels are {found:?}, not {expected:?}"));
    }
}

/// No target showed an older state after a newer one.
fn histories(plan: &Plan, models: &Models, wrong: &mut Vec<String>) {
    let names = plan.names();
    let targets = [("warehouse", models.warehouse.products()), ("shop", models.shop.names())];
    for (target, products) in targets {
        for (sku, seen) in products {
            let said = names.get(sku).map(Vec::as_slice).unwrap_or_default();
            if !follows(seen, said) {
                wrong
                    .push(format!("product {sku} went back in the {target}: {seen:?} of {said:?}"));
            }
        }
    }
    for (sku, levels) in models.shop.levels() {
        let site = |site: fn(&[u64; 2]) -> u64| levels.iter().map(site).is_sorted();
        if !site(|level| level[0]) || !site(|level| level[1]) {
            wrong.push(format!("stock of {sku} went back in the shop: {levels:?}"));
        }
    }
}

/// Whether what was seen is what was said, in its order; some of it left out, some of it repeated.
fn follows(seen: &[u32], said: &[u32]) -> bool {
    let mut rest = said.iter().peekable();
    seen.iter().all(|name| {
        while rest.next_if(|said| *said != name).is_some() {}
        rest.peek().is_some()
    })
}

/// Every event that was published ended exactly once at every target it was for.
async fn outcomes(run: &Run, wrong: &mut Vec<String>) -> anyhow::Result<()> {
    let mut expected: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for message in run.sim.broker.tried(name::EVENTS) {
        if !seen.insert(message.id.clone()) {
            continue;
        }
        let words: Vec<&str> = message.key.split('.').collect();
        for route in &run.sim.config.routes {
            let facet = (route.entity.as_str(), route.facet.as_str(), route.from.as_str());
            if words.first_chunk::<3>().is_some_and(|[e, f, s]| (*e, *f, *s) == facet) {
                for target in &route.to {
                    *expected.entry((route.name.clone(), target.clone())).or_default() += 1;
                }
            }
        }
    }
    let again = u64::try_from(run.sent_again.len())?;
    if again > 0 {
        *expected.entry(("orders".to_owned(), "warehouse".to_owned())).or_default() += again;
    }
    let overview = run.sim.store.overview().await?;
    let mut found = BTreeMap::new();
    for tally in &overview.routes {
        let count: u64 = tally.outcomes.values().sum();
        if count > 0 {
            found.insert((tally.route.clone(), tally.target.clone()), count);
        }
        if tally.retrying > 0 {
            wrong.push(format!("{} deliveries of {} have no end", tally.retrying, tally.route));
        }
    }
    if found != expected {
        wrong.push(format!("deliveries that ended: {found:?}; events for them: {expected:?}"));
    }
    if overview.claimed.values().any(|count| *count > 0) {
        wrong.push(format!("claims are left: {:?}", overview.claimed));
    }
    Ok(())
}

/// Exactly those that deserve it.
async fn dead_letters(run: &Run, wrong: &mut Vec<String>) -> anyhow::Result<()> {
    let flawed = run.plan.flawed().into_iter().map(|sku| ("transform".to_owned(), sku));
    // Whether an order dies before it is mended is a matter of time.
    let mended = run.plan.mended();
    let refused = run.plan.orders(false).into_iter().filter(|order| !mended.contains(order));
    let refused = refused.map(|reference| ("load.warehouse.order".to_owned(), reference));
    let mut expected: Vec<(String, String)> = flawed.chain(refused).collect();
    expected.sort();
    let found =
        run.sim.store.dead(DeadFilter { limit: Some(1_000), ..DeadFilter::default() }).await?;
    let mut dead: Vec<(String, String)> = found
        .iter()
        .filter(|letter| letter.entity_id.as_ref().is_none_or(|order| !mended.contains(order)))
        .map(|letter| (letter.origin.clone(), letter.entity_id.clone().unwrap_or_default()))
        .collect();
    dead.sort();
    // What is read again after a crash is refused again.
    dead.dedup();
    if dead != expected {
        let why: Vec<_> = found.iter().map(|letter| (&letter.kind, &letter.detail)).collect();
        wrong.push(format!("dead letters: {dead:?}, deserved: {expected:?}; {why:?}"));
    }
    Ok(())
}

/// Attempts of one delivery grow one by one from 1, with its first failure on, and nothing is
/// dead-lettered by the broker.
fn attempts(run: &Run, wrong: &mut Vec<String>) {
    const MOST: i64 = 60;
    let mut seen: BTreeMap<(String, String, i64), BTreeSet<i64>> = BTreeMap::new();
    for level in &run.sim.config.broker.levels {
        let exchange = ferry_topology::delay_exchange(level.0);
        for message in run.sim.broker.tried(&exchange) {
            let attempt = message.headers.number("ferry-attempt").unwrap_or(1);
            if !(1..=MOST).contains(&attempt) {
                wrong.push(format!("{} is at attempt {attempt}", message.id));
            }
            let failed = message.headers.text("ferry-failure-kind").is_some();
            if failed != (attempt > 1) {
                wrong.push(format!("{} is at attempt {attempt}, failed: {failed}", message.id));
            }
            let generation = message.headers.number("ferry-generation").unwrap_or(0);
            let delivery = (message.key.clone(), message.id.clone(), generation);
            seen.entry(delivery).or_default().insert(attempt);
            if message.headers.text("x-death").is_some() {
                wrong.push(format!("{} carries x-death into {exchange}", message.id));
            }
        }
    }
    for ((queue, id, _), attempts) in seen {
        let last = attempts.last().copied().unwrap_or(1);
        if let Some(left_out) = (2..last).find(|attempt| !attempts.contains(attempt)) {
            wrong.push(format!("{id} of {queue} came to attempt {last} without {left_out}"));
        }
    }
}
