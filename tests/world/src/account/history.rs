//! What the histories tell beyond the end: what was made twice, and what went backwards.
//!
//! The targets hold no versions, so a version is told by its values: each fact of an entity has, in
//! the world, a value per version. A written value that only versions before one already seen had is
//! stale. Where a value recurs, the reading in favour of the writer counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::facts::{self, Expected, Facts, decimal, is_right};
use super::seen::{Effect, EffectKind, Entry, SeenOrder};
use super::{About, Account, Audit, Finding};
use crate::manifest::Route;
use crate::stock::SITES;

/// Effects in the order in which they happened.
fn effects(history: &[Entry]) -> Vec<&Effect> {
    let mut effects: Vec<&Effect> = history.iter().flat_map(|entry| &entry.effects).collect();
    effects.sort_by_key(|effect| effect.order);
    effects
}

const fn writes(effect: EffectKind) -> bool {
    match effect {
        EffectKind::Created | EffectKind::Updated | EffectKind::Unchanged => true,
        EffectKind::Refused
        | EffectKind::Deleted
        | EffectKind::Duplicate
        | EffectKind::Cancelled
        | EffectKind::Pushed
        | EffectKind::Released => false,
    }
}

/// What an effect on an entity is a matter of; `None` for what the account leaves alone.
type RouteOf = fn(&str) -> Option<(Route, &'static str)>;

const fn shop_route(entity: &str) -> Option<(Route, &'static str)> {
    match entity.as_bytes() {
        b"customer" => Some((Route::Customers, "customer")),
        b"product" => Some((Route::ProductsToShop, "product")),
        b"level" => Some((Route::Stock, "level")),
        b"order" => Some((Route::Shipments, "order")),
        _ => None,
    }
}

const fn warehouse_route(entity: &str) -> Option<(Route, &'static str)> {
    match entity.as_bytes() {
        b"product" => Some((Route::ProductsToWarehouse, "product")),
        b"order" => Some((Route::Orders, "order")),
        _ => None,
    }
}

/// Keys that were created again without having gone in between.
pub(super) fn doubled(shop: &[Entry], warehouse: &[Entry], doubled: &mut BTreeSet<Finding>) {
    let known: [(&[Entry], RouteOf); 2] = [(shop, shop_route), (warehouse, warehouse_route)];
    for (history, route_of) in known {
        let mut there = BTreeSet::new();
        for effect in effects(history) {
            let Some((route, entity)) = route_of(&effect.entity) else { continue };
            let key = (entity, effect.key.as_str());
            match effect.effect {
                EffectKind::Created if effect.key.is_empty() || there.insert(key) => {}
                EffectKind::Created => {
                    let about = About { route, entity, key: &effect.key };
                    doubled.insert(about.finding("was created twice".to_owned()));
                }
                EffectKind::Deleted | EffectKind::Cancelled => drop(there.remove(&key)),
                EffectKind::Updated
                | EffectKind::Unchanged
                | EffectKind::Refused
                | EffectKind::Duplicate
                | EffectKind::Pushed
                | EffectKind::Released => {}
            }
        }
    }
}

/// What the writes on one key have shown so far.
#[derive(Debug, Default)]
struct Course {
    /// The lowest version each fact can be at.
    versions: BTreeMap<String, u32>,
    /// The lowest versions the sites of a level can be at; 0 is not counted yet.
    levels: Vec<Vec<u32>>,
    shipping: usize,
    cancelled: bool,
    trackings: BTreeSet<String>,
}

impl Audit<'_> {
    /// Adds what went backwards in the targets, and writes that do not show what they wrote.
    pub(super) fn stale(self, shop: &[Entry], warehouse: &[Entry], account: &mut Account) {
        let known: [(&[Entry], RouteOf); 2] = [(shop, shop_route), (warehouse, warehouse_route)];
        for (history, route_of) in known {
            let mut courses: BTreeMap<(&str, &str), Course> = BTreeMap::new();
            for effect in effects(history).into_iter().filter(|effect| writes(effect.effect)) {
                let Some((route, entity)) = route_of(&effect.entity) else { continue };
                let about = About { route, entity, key: &effect.key };
                let course = courses.entry((entity, &effect.key)).or_default();
                match self.step(about, effect, course) {
                    Ok(None) => {}
                    Ok(Some(what)) => account.stale.add(about.finding(what)),
                    Err(what) => account.unaccounted.add(about.finding(what)),
                }
            }
        }
    }

    /// Follows one write. `Ok(Some)` says what is stale, `Err` that the write cannot be judged.
    fn step(
        self,
        about: About<'_>,
        effect: &Effect,
        course: &mut Course,
    ) -> Result<Option<String>, String> {
        let world = self.world;
        match about.route {
            Route::Customers => {
                let seen = read(effect)?;
                let of_its_people = || super::shop::of_its_people(world, &seen);
                let Some(index) = world.customer_of(&effect.key).or_else(of_its_people) else {
                    return Ok(None);
                };
                let seen = facts::seen_customer(&seen);
                let at = |version| facts::expected_customer(&world.customer(index, version));
                Ok(course.advance(&seen, self.versions.customer(index), at))
            }
            Route::ProductsToShop => {
                let Some(index) = world.product_of(&effect.key) else { return Ok(None) };
                let seen = facts::seen_product(&read(effect)?);
                let at = |version| facts::expected_product(&world.product(index, version));
                Ok(course.advance(&seen, self.versions.product(index), at))
            }
            Route::ProductsToWarehouse => {
                let Some(index) = world.product_of(&effect.key) else { return Ok(None) };
                let seen = facts::seen_import(&read(effect)?);
                let at = |version| facts::expected_import(&world.product(index, version));
                Ok(course.advance(&seen, self.versions.product(index), at))
            }
            Route::Stock => {
                let Some(index) = world.product_of(&effect.key) else { return Ok(None) };
                let quantity = effect.fields.get("quantity").ok_or_else(unseen)?;
                Ok(self.advance_level(index, &plain(quantity), course))
            }
            Route::Shipments | Route::Cancellations => Ok(course.advance_order(&read(effect)?)),
            // An order is imported once; that it is not imported twice is told elsewhere.
            Route::Orders => Ok(None),
        }
    }

    /// The level is a sum over sites: keeps every lowest combination of versions it can stand for.
    fn advance_level(self, product: u32, quantity: &str, course: &mut Course) -> Option<String> {
        if course.levels.is_empty() {
            course.levels.push(vec![0; SITES.len()]);
        }
        let sites: Vec<Vec<u64>> =
            (0..SITES.len()).map(|site| self.tenths(product, site)).collect();
        let target = tenths(quantity)?;
        let all = combinations(&sites, target);
        let mut reached: Vec<Vec<u32>> = all
            .iter()
            .filter(|versions| course.levels.iter().any(|floor| reaches(floor, versions)))
            .cloned()
            .collect();
        if reached.is_empty() {
            // A sum that no versions make is wrong, not stale; the end tells.
            return (!all.is_empty())
                .then(|| format!("level {quantity} is of older stock than the level before it"));
        }
        let lowest = reached.clone();
        reached.retain(|this| !lowest.iter().any(|other| other != this && reaches(other, this)));
        course.levels = reached;
        None
    }

    /// The available tenths of a site by version; version 0, not counted yet, has none. A flawed or
    /// absent site only has that.
    fn tenths(self, product: u32, site: usize) -> Vec<u64> {
        let sound = self.world.stock_flaw(product, site).is_none();
        let last = if sound { self.versions.stock(product, site) } else { 0 };
        let known = (1..=last).filter_map(|version| self.world.stock(product, site, version));
        std::iter::once(0).chain(known.map(|stock| stock.available_tenths())).collect()
    }
}

impl Course {
    /// Moves every fact on to the lowest version that has what is seen.
    fn advance(&mut self, seen: &Facts, last: u32, at: impl Fn(u32) -> Expected) -> Option<String> {
        if last == 1 {
            return None;
        }
        let versions: Vec<(u32, Expected)> =
            (1..=last).map(|version| (version, at(version))).collect();
        let (_, first) = versions.first()?;
        let mut stale = None;
        for name in first.keys() {
            let right = |(_, facts): &&(u32, Expected)| {
                facts.get(name).is_some_and(|right| is_right(seen, name, right))
            };
            let fits: Vec<u32> =
                versions.iter().filter(right).map(|(version, _)| *version).collect();
            let floor = self.versions.get(name).copied().unwrap_or(1);
            match (fits.iter().find(|version| **version >= floor), fits.last()) {
                (Some(next), _) => drop(self.versions.insert(name.clone(), *next)),
                (None, Some(older)) => {
                    stale = Some(format!("{name} went back to version {older} after {floor}"));
                }
                // A value of no version is wrong, not stale; the end tells.
                (None, None) => {}
            }
        }
        stale
    }

    fn advance_order(&mut self, order: &SeenOrder) -> Option<String> {
        let shipping = match order.shipping_status.as_deref() {
            Some("shipped") => 2,
            Some("partially_shipped") => 1,
            _ => 0,
        };
        let cancelled = order.status.as_deref() == Some("cancelled");
        let numbers: BTreeSet<String> =
            order.trackings.iter().filter_map(|row| row.number.clone()).collect();
        let lost = self.trackings.difference(&numbers).next().cloned();
        let stale = if shipping < self.shipping {
            Some("shipping status went back".to_owned())
        } else if self.cancelled && !cancelled {
            Some("is open again after it was cancelled".to_owned())
        } else {
            lost.map(|number| format!("lost the tracking {number}"))
        };
        self.shipping = self.shipping.max(shipping);
        self.cancelled |= cancelled;
        self.trackings.extend(numbers);
        stale
    }
}

fn read<T: DeserializeOwned>(effect: &Effect) -> Result<T, String> {
    if effect.fields.is_empty() {
        return Err(unseen());
    }
    serde_json::from_value(Value::Object(effect.fields.clone()))
        .map_err(|cause| format!("a write shows what cannot be read: {cause}"))
}

fn unseen() -> String {
    "a write does not show what it wrote".to_owned()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn tenths(quantity: &str) -> Option<u64> {
    let quantity = decimal(quantity);
    let (whole, rest) = quantity.split_once('.').unwrap_or((&quantity, "0"));
    let tenth = (rest.len() == 1).then(|| rest.parse::<u64>().ok())??;
    whole.parse::<u64>().ok()?.checked_mul(10)?.checked_add(tenth)
}

fn reaches(floor: &[u32], versions: &[u32]) -> bool {
    floor.iter().zip(versions).all(|(floor, version)| floor <= version)
}

/// Every choice of one version per site whose quantities make the sum.
fn combinations(sites: &[Vec<u64>], sum: u64) -> Vec<Vec<u32>> {
    let Some((first, rest)) = sites.split_first() else {
        return if sum == 0 { vec![Vec::new()] } else { Vec::new() };
    };
    let mut all = Vec::new();
    for (version, quantity) in (0..).zip(first) {
        let Some(left) = sum.checked_sub(*quantity) else { continue };
        for mut tail in combinations(rest, left) {
            tail.insert(0, version);
            all.push(tail);
        }
    }
    all
}
