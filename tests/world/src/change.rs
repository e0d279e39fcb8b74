//! What changes from tick to tick, and which version that makes.

use std::collections::BTreeMap;

use crate::chance::{self, Topic};
use crate::world::World;

/// What changes in one tick. Every entity at most once, none with a flaw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Customer indexes.
    pub customers: Vec<u32>,
    /// Product indexes.
    pub products: Vec<u32>,
    /// Product index and index into [`crate::SITES`].
    pub stock: Vec<(u32, usize)>,
}

/// Entities of each kind that change in a tick; the count grows with the world.
const CHANGES_MIN: usize = 3;

impl World {
    /// What changes in a tick. Ticks count from 1 and never end; tick 0 changes nothing.
    pub fn changes(&self, tick: u32) -> Changes {
        if tick == 0 {
            return Changes::default();
        }
        Changes {
            customers: self.some_of(&self.sound_customers, tick, 0),
            products: self.some_of(&self.sound_products, tick, 1),
            stock: self.some_of(&self.sound_stock, tick, 2),
        }
    }

    fn some_of<T: Copy + Ord>(&self, all: &[T], tick: u32, kind: u64) -> Vec<T> {
        let mut rng = chance::of(self.seed, Topic::Changes, u64::from(tick), kind);
        let count = CHANGES_MIN.max(all.len() / 100).min(all.len());
        let mut chosen = rng.choose_multiple(all.iter().copied(), count);
        chosen.sort_unstable();
        chosen
    }

    /// 1 and the number of changes of a customer up to and including a tick.
    pub fn customer_version(&self, customer: u32, tick: u32) -> u32 {
        self.version(tick, |changes| changes.customers.contains(&customer))
    }

    /// 1 and the number of changes of a product up to and including a tick.
    pub fn product_version(&self, product: u32, tick: u32) -> u32 {
        self.version(tick, |changes| changes.products.contains(&product))
    }

    /// 1 and the number of changes of a product's stock at a site up to and including a tick.
    pub fn stock_version(&self, product: u32, site: usize, tick: u32) -> u32 {
        self.version(tick, |changes| changes.stock.contains(&(product, site)))
    }

    fn version(&self, tick: u32, changed: impl Fn(&Changes) -> bool) -> u32 {
        let times = (1..=tick).filter(|tick| changed(&self.changes(*tick))).count();
        u32::try_from(times).unwrap_or(u32::MAX).saturating_add(1)
    }
}

/// The versions of everything, kept while ticks go by; answers what the world answers, without
/// counting from the beginning each time.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    tick: u32,
    customers: BTreeMap<u32, u32>,
    products: BTreeMap<u32, u32>,
    stock: BTreeMap<(u32, usize), u32>,
}

impl Versions {
    /// The versions after the last change of a tick.
    pub fn at(world: &World, tick: u32) -> Self {
        let mut versions = Self::default();
        for _ in 0..tick {
            versions.advance(world);
        }
        versions
    }

    /// Goes on to the next tick and says what it changed.
    pub fn advance(&mut self, world: &World) -> Changes {
        self.tick = self.tick.saturating_add(1);
        let changes = world.changes(self.tick);
        for customer in &changes.customers {
            *self.customers.entry(*customer).or_insert(1) += 1;
        }
        for product in &changes.products {
            *self.products.entry(*product).or_insert(1) += 1;
        }
        for key in &changes.stock {
            *self.stock.entry(*key).or_insert(1) += 1;
        }
        changes
    }

    pub const fn tick(&self) -> u32 {
        self.tick
    }

    pub fn customer(&self, customer: u32) -> u32 {
        self.customers.get(&customer).copied().unwrap_or(1)
    }

    pub fn product(&self, product: u32) -> u32 {
        self.products.get(&product).copied().unwrap_or(1)
    }

    pub fn stock(&self, product: u32, site: usize) -> u32 {
        self.stock.get(&(product, site)).copied().unwrap_or(1)
    }
}
