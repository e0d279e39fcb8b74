//! What the warehouse holds, site by site.

use serde::Serialize;

use crate::chance::{self, Topic};
use crate::flaw::Flaw;
use crate::world::World;

/// The warehouse's sites; stock names them by index.
pub const SITES: [&str; 3] = ["LEEDS", "DOVER", "GHENT"];

/// The stock of one product at one site. Quantities are decimal text as the warehouse writes them:
/// whole numbers, or with one decimal where the product is sold by weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stock {
    pub product: u32,
    pub site: usize,
    pub site_name: &'static str,
    pub version: u32,
    pub sku: String,
    pub total: String,
    pub allocated: String,
    /// What can be sold: the number the shop's level is the sum of.
    pub available: String,
    pub frozen: String,
    pub inspection: String,
    pub damaged: String,
    pub quarantined: String,
    pub on_order: String,
    /// How the row that announces it is wrong. `available` above is what it would have said.
    pub flaw: Option<Flaw>,
}

impl Stock {
    /// What the row says as `externalReference`; `None` is a flaw.
    pub fn told_reference(&self) -> Option<&str> {
        (self.flaw != Some(Flaw::StockWithoutProduct)).then_some(self.sku.as_str())
    }

    /// What the row says as `available`.
    pub fn told_available(&self) -> &str {
        if self.flaw == Some(Flaw::StockNotANumber) { "many" } else { &self.available }
    }

    /// The available quantity in tenths.
    pub fn available_tenths(&self) -> u64 {
        let (whole, tenth) = self.available.split_once('.').unwrap_or((&self.available, "0"));
        let whole: u64 = whole.parse().unwrap_or(0);
        whole * 10 + tenth.parse::<u64>().unwrap_or(0)
    }
}

impl World {
    /// Whether a site holds a product. Every sound product is somewhere, some at all sites; a flawed
    /// one nowhere, so that no stock waits for a product that never comes.
    pub fn holds(&self, product: u32, site: usize) -> bool {
        if self.product_flaw(product).is_some() || site >= SITES.len() {
            return false;
        }
        let mut rng = chance::of(self.seed, Topic::Stock, u64::from(product), u64::MAX);
        let always = rng.usize(..SITES.len());
        site == always || rng.usize(..100) < [80, 60, 35].get(site).copied().unwrap_or(0)
    }

    /// The stock of a product at a site; `None` where the site does not hold it. Versions count from
    /// 1; each differs from the one before in `available`.
    pub fn stock(&self, product: u32, site: usize, version: u32) -> Option<Stock> {
        let site_name = SITES.get(site).copied().filter(|_| self.holds(product, site))?;
        let entity = u64::from(product) * SITES.len() as u64 + site as u64;
        let mut base = chance::of(self.seed, Topic::Stock, entity, 0);
        let mut now = chance::of(self.seed, Topic::Stock, entity, u64::from(version));
        let by_weight = self.unit(product).is_divisible();
        // The last digits count the versions, so that neighbours always differ.
        let available = base.u64(0..40) * 25 + u64::from(version % 25);
        let tenths = |rng: &mut fastrand::Rng, whole: u64| {
            if by_weight { format!("{whole}.{}", rng.u8(0..10)) } else { whole.to_string() }
        };
        let [allocated, frozen, inspection, damaged, quarantined] =
            [now.u64(0..20), now.u64(0..3), now.u64(0..2), now.u64(0..4), now.u64(0..2)];
        let total = available + allocated + frozen + inspection + damaged + quarantined;
        let told = tenths(&mut now, available);
        let rest = told.split_once('.').map(|(_, tenth)| format!(".{tenth}")).unwrap_or_default();
        Some(Stock {
            product,
            site,
            site_name,
            version,
            sku: self.sku(product),
            total: format!("{total}{rest}"),
            allocated: allocated.to_string(),
            available: told,
            frozen: frozen.to_string(),
            inspection: inspection.to_string(),
            damaged: damaged.to_string(),
            quarantined: quarantined.to_string(),
            on_order: (now.u64(0..5) * 24).to_string(),
            flaw: self.stock_flaw(product, site),
        })
    }
}
