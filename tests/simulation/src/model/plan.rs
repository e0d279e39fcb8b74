//! What will be so: products and their versions, orders and their parcels, stock; drawn from the seed.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each of its questions is about one kind of change"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::people;
use crate::chance::Chance;

/// When the sources have said their last new thing.
pub(crate) const STORY: Duration = Duration::from_mins(1);
/// Each with half of its order.
pub(crate) const PARCELS: usize = 2;
pub(crate) const SITES: [&str; 2] = ["LEEDS", "DOVER"];
/// A level is the sum of its sites: each site counts in a unit of its own, so that the sum tells
/// which state of which site it was made of.
pub(crate) const UNITS: [u64; 2] = [1, 1_000];

/// One thing that becomes so at its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) at: Duration,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Product {
        sku: String,
        /// Which of its names it has; a source may go back to an earlier one.
        name: u32,
        flawed: bool,
    },
    Order {
        reference: String,
        sku: String,
        whole: bool,
    },
    /// Somebody changes a customer at one end, or makes it there.
    Person {
        number: String,
        end: usize,
        /// Which of its names it gets.
        name: u32,
    },
    /// The state of one site: so many changes have happened there.
    Stock {
        sku: String,
        site: usize,
        version: u32,
    },
    /// One of the parcels of an order, packed or on its way.
    Shipment {
        order: String,
        number: usize,
        despatched: bool,
    },
    Cancellation {
        order: String,
    },
    /// The warehouse takes this order from now on, which it refused before.
    Mend {
        order: String,
    },
    /// An operator sends what died of the orders that were mended again.
    SendAgain,
    /// An operator sends every product of the ERP through the bulk lane.
    Backfill,
}

/// The whole story, in the order in which it happens.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) changes: Vec<Change>,
}

impl Plan {
    pub(crate) fn new(chance: &Chance) -> Self {
        let mut changes = Vec::new();
        let products = chance.count(4..9);
        for number in 0..products {
            let flawed = number == 0 && chance.coin();
            let sku = format!("MUG-{number}");
            let versions = if flawed { 1 } else { chance.count(1..5) };
            for (name, at) in names(chance, versions).into_iter().zip(times(chance, versions)) {
                changes.push(Change { at, what: What::Product { sku: sku.clone(), name, flawed } });
            }
            for site in 0..SITES.len() {
                let versions = if flawed { 0 } else { chance.count(0..4) };
                for (version, at) in (1..).zip(times(chance, versions)) {
                    changes
                        .push(Change { at, what: What::Stock { sku: sku.clone(), site, version } });
                }
            }
        }
        for number in 0..chance.count(2..7) {
            let sku = format!("MUG-{}", chance.count(1..products));
            let whole = !chance.permille(200);
            let what = What::Order { reference: format!("WEB-{number}"), sku, whole };
            for at in times(chance, 1) {
                changes.push(Change { at, what: what.clone() });
                let order = format!("WEB-{number}");
                changes.extend(if whole { parcels(chance, &order, at) } else { Vec::new() });
                changes.extend(if whole { Vec::new() } else { mending(chance, &order, at) });
            }
        }
        for number in 0..chance.count(1..5) {
            let versions = chance.count(1..6);
            for (name, at) in names(chance, versions).into_iter().zip(times(chance, versions)) {
                let (number, end) = (format!("C-{number}"), chance.count(0..people::ENDS.len()));
                changes.push(Change { at, what: What::Person { number, end, name } });
            }
        }
        for at in times(chance, 2) {
            changes.push(Change { at, what: What::SendAgain });
        }
        let backfills = chance.count(0..3);
        changes.extend(times(chance, backfills).map(|at| Change { at, what: What::Backfill }));
        changes.sort_by_key(|change| change.at);
        // No two in one moment.
        for (number, change) in (0..).zip(&mut changes) {
            change.at += Duration::from_micros(number);
        }
        Self { changes }
    }

    /// The last name of every product that is sound.
    pub(crate) fn products(&self) -> BTreeMap<String, u32> {
        let last = |(sku, names): (String, Vec<u32>)| Some((sku, *names.last()?));
        self.names().into_iter().filter_map(last).collect()
    }

    /// The names of every product that is sound, in the order in which it had them.
    pub(crate) fn names(&self) -> BTreeMap<String, Vec<u32>> {
        let mut names: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for change in &self.changes {
            if let What::Product { sku, name, flawed: false } = &change.what {
                names.entry(sku.clone()).or_default().push(*name);
            }
        }
        names
    }

    /// The last version of every site of every product.
    pub(crate) fn stock(&self) -> BTreeMap<(String, usize), u32> {
        let stock = self.changes.iter().filter_map(|change| match &change.what {
            What::Stock { sku, site, version } => Some(((sku.clone(), *site), *version)),
            _ => None,
        });
        stock.collect()
    }

    /// Orders that the warehouse can take, or those it cannot.
    pub(crate) fn orders(&self, wanted: bool) -> Vec<String> {
        let orders = self.changes.iter().filter_map(|change| match &change.what {
            What::Order { reference, whole, .. } if *whole == wanted => Some(reference.clone()),
            _ => None,
        });
        orders.collect()
    }

    /// Numbers of the parcels of each order that were despatched.
    pub(crate) fn despatched(&self) -> BTreeMap<String, Vec<usize>> {
        let mut despatched = BTreeMap::<String, Vec<usize>>::new();
        for change in &self.changes {
            if let What::Shipment { order, number, despatched: true } = &change.what {
                despatched.entry(order.clone()).or_default().push(*number);
            }
        }
        despatched
    }

    pub(crate) fn cancelled(&self) -> BTreeSet<String> {
        let cancelled = self.changes.iter().filter_map(|change| match &change.what {
            What::Cancellation { order } => Some(order.clone()),
            _ => None,
        });
        cancelled.collect()
    }

    /// Orders that the warehouse refused at first.
    pub(crate) fn mended(&self) -> BTreeSet<String> {
        let mended = self.changes.iter().filter_map(|change| match &change.what {
            What::Mend { order } => Some(order.clone()),
            _ => None,
        });
        mended.collect()
    }

    /// Products without a name.
    pub(crate) fn flawed(&self) -> Vec<String> {
        let flawed = self.changes.iter().filter_map(|change| match &change.what {
            What::Product { sku, flawed: true, .. } => Some(sku.clone()),
            _ => None,
        });
        flawed.collect()
    }
}

/// So many names of a product, one after the other; now and then the one before the last comes back.
fn names(chance: &Chance, count: usize) -> Vec<u32> {
    let mut names: Vec<u32> = Vec::new();
    for number in (1..).take(count) {
        let earlier = names.len().checked_sub(2).and_then(|at| names.get(at).copied());
        let name = earlier.filter(|_| chance.permille(400)).unwrap_or(number);
        names.push(name);
    }
    names
}

/// Up to two parcels, each packed before it is despatched, and now and then a cancellation.
fn parcels(chance: &Chance, order: &str, placed: Duration) -> Vec<Change> {
    let mut changes = Vec::new();
    for number in 1..=chance.count(0..PARCELS + 1) {
        let mut at = [later(chance, placed), later(chance, placed)];
        at.sort();
        for (at, despatched) in at.into_iter().zip([false, true]) {
            let order = order.to_owned();
            changes.push(Change { at, what: What::Shipment { order, number, despatched } });
        }
    }
    if chance.permille(200) {
        let what = What::Cancellation { order: order.to_owned() };
        changes.push(Change { at: later(chance, placed), what });
    }
    changes
}

fn mending(chance: &Chance, order: &str, placed: Duration) -> Vec<Change> {
    if chance.coin() {
        return Vec::new();
    }
    let what = What::Mend { order: order.to_owned() };
    vec![Change { at: later(chance, placed), what }]
}

fn later(chance: &Chance, than: Duration) -> Duration {
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    chance.millis(millis(than)..millis(STORY) + 1)
}

/// So many times of the story, in order; now and then two follow within a moment.
fn times(chance: &Chance, count: usize) -> impl Iterator<Item = Duration> + use<> {
    let story = u64::try_from(STORY.as_millis()).unwrap_or(u64::MAX);
    let mut times: Vec<Duration> = (0..count).map(|_| chance.millis(0..story)).collect();
    times.sort();
    for at in 1..times.len() {
        if chance.permille(300)
            && let (Some(before), Some(time)) = (times.get(at - 1).copied(), times.get_mut(at))
        {
            *time = before + chance.millis(1..50);
        }
    }
    times.sort();
    times.into_iter()
}
