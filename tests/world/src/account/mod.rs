//! The account: what the simulators saw against what the world says must have become of everything.
//!
//! Promises that every entity of the world is looked at once per target, and that its verdict rests
//! on the simulators' words alone. It does not read Ferry's own counters, and does not know how Ferry
//! got there.

mod facts;
mod history;
mod seen;
mod shop;
#[cfg(test)]
mod tests;
mod warehouse;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::change::Versions;
use crate::manifest::{ExpectedDead, Route};
use crate::world::World;

pub use seen::{
    Effect, EffectKind, Entry, HistoryPage, OrderflowSeen, OroSeen, Progress, SeenAddress,
    SeenCustomer, SeenImportedOrder, SeenImportedProduct, SeenLevel, SeenOrder, SeenProduct,
    SeenPushFailure, SeenShipment, SeenTracking, SeenUser,
};

/// Findings of one sort are counted without end and shown up to here.
pub const SHOWN_MAX: usize = 50;

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    pub route: Route,
    /// `customer`, `product`, `level`, `order`, `shipment`.
    pub entity: &'static str,
    /// The business key.
    pub key: String,
    /// A sentence: what was expected and what was seen.
    pub what: String,
}

/// Findings of one sort.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    pub count: u64,
    /// The first of them, at most [`SHOWN_MAX`].
    pub shown: Vec<Finding>,
}

/// What is expected of one route, and how much of it is as it must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub expected: u64,
    pub accounted: u64,
}

/// The verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Ends that the world expects: one per entity and target, for sound entities that they are
    /// there, for flawed ones that they are not.
    pub expected: u64,
    pub accounted: u64,
    /// By the way things go.
    pub routes: BTreeMap<Route, Tally>,
    /// Ends that are not as expected, and things in a target that the world does not know.
    pub unaccounted: Findings,
    /// Keys that a target holds, or once made, more than once.
    pub doubled: Findings,
    /// Writes that showed an older state after a newer one.
    pub stale: Findings,
    /// What must have ended as dead letters, for whoever compares them.
    pub dead_expected: Vec<ExpectedDead>,
}

impl Account {
    /// Everything is accounted for, once, and nothing went backwards.
    pub const fn is_clean(&self) -> bool {
        self.unaccounted.count == 0
            && self.doubled.count == 0
            && self.stale.count == 0
            && self.expected == self.accounted
    }

    /// Settles one expectation: `fault` says what is not as it must be.
    fn settle(&mut self, about: About<'_>, fault: Option<String>) {
        let tally = self.routes.entry(about.route).or_default();
        tally.expected += 1;
        self.expected += 1;
        match fault {
            None => {
                tally.accounted += 1;
                self.accounted += 1;
            }
            Some(what) => self.unaccounted.add(about.finding(what)),
        }
    }
}

impl Findings {
    fn add(&mut self, finding: Finding) {
        self.count += 1;
        if self.shown.len() < SHOWN_MAX {
            self.shown.push(finding);
        }
    }
}

/// What a finding is about.
#[derive(Clone, Copy, Debug)]
struct About<'a> {
    route: Route,
    entity: &'static str,
    key: &'a str,
}

impl About<'_> {
    fn finding(self, what: String) -> Finding {
        Finding { route: self.route, entity: self.entity, key: self.key.to_owned(), what }
    }
}

/// Compares what was seen after `ticks` ticks with the world. The shop is expected to take a status
/// from outside: without that, cancellations are findings.
pub fn audit(world: &World, ticks: u32, oro: &OroSeen, orderflow: &OrderflowSeen) -> Account {
    let versions = Versions::at(world, ticks);
    let mut account = Account { dead_expected: world.expected_dead(), ..Account::default() };
    let audit = Audit { world, versions: &versions };
    let customers = shop::named(world, &oro.customers);
    audit.customers(&customers, &mut account);
    audit.products(oro, &mut account);
    audit.levels(oro, &mut account);
    audit.shop_orders(oro, &mut account);
    audit.imported_products(orderflow, &mut account);
    audit.imported_orders(orderflow, &mut account);
    let mut doubled = BTreeSet::new();
    shop::doubled(oro, &customers, &mut doubled);
    warehouse::doubled(orderflow, &mut doubled);
    history::doubled(&oro.history, &orderflow.history, &mut doubled);
    for finding in doubled {
        account.doubled.add(finding);
    }
    audit.stale(&oro.history, &orderflow.history, &mut account);
    account
}

/// The world and the versions it has come to.
#[derive(Clone, Copy, Debug)]
struct Audit<'a> {
    world: &'a World,
    versions: &'a Versions,
}

/// Finds the rows of each key.
fn by_key<T>(rows: &[T], key: fn(&T) -> &str) -> BTreeMap<&str, Vec<&T>> {
    let mut all: BTreeMap<&str, Vec<&T>> = BTreeMap::new();
    for row in rows {
        all.entry(key(row)).or_default().push(row);
    }
    all
}

/// Adds a finding for each key that has several rows.
fn add_doubled<T>(
    rows: &BTreeMap<&str, Vec<&T>>,
    route: Route,
    entity: &'static str,
    doubled: &mut BTreeSet<Finding>,
) {
    for (key, rows) in rows {
        if rows.len() > 1 && !key.is_empty() {
            doubled.insert(About { route, entity, key }.finding("is there twice".to_owned()));
        }
    }
}
