//! The stock of one product at one site as OrderFlow tells it (OrderFlow reference §4, §5.2).
//!
//! Numbers are kept as text: a flawed level is told as it is.

use std::collections::BTreeSet;

use serde_json::json;

use super::effect::Effect;
use super::plan::PlannedLevel;
use super::warehouse::Warehouse;

/// Products in one inventory document at most.
pub(super) const PRODUCTS_PER_DOCUMENT: usize = 50;

/// One row of an inventory document. `lastStockChangeId` and `lastLineRequirementChangeId` never go
/// down, and every change raises one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) inventory_id: u64,
    /// Index of the product and of the site in the plan.
    pub(super) inventory_key: (u32, usize),
    /// Which version of this stock the level shows; not told to anyone but the history.
    pub(super) version: u32,
    /// `None` is a flaw.
    pub(super) product: Option<String>,
    pub(super) site: String,
    pub(super) total: String,
    pub(super) allocated: String,
    pub(super) available: String,
    pub(super) damaged: String,
    pub(super) on_order: String,
    pub(super) last_stock_change_id: u64,
    pub(super) last_line_requirement_change_id: u64,
}

impl Level {
    /// What is told of a product that has no stock, at `site` if the question named one.
    pub(super) fn nothing(product: &str, site: Option<&str>) -> Self {
        let zero = || "0".to_owned();
        Self {
            product: Some(product.to_owned()),
            site: site.unwrap_or_default().to_owned(),
            total: zero(),
            allocated: zero(),
            available: zero(),
            damaged: zero(),
            on_order: zero(),
            ..Self::default()
        }
    }

    /// What the receiver of the row learns.
    pub(super) fn effect(&self) -> Effect {
        let product = self.product.as_deref();
        let key = format!("{}/{}", product.unwrap_or_default(), self.site);
        let fields = json!({
            "product": product,
            "site": self.site,
            "available": self.available,
            "version": self.version,
            "sequence": self.last_stock_change_id + self.last_line_requirement_change_id,
        });
        Effect::new("stock", key, "pushed", Some(fields))
    }
}

/// Levels in batches of at most [`PRODUCTS_PER_DOCUMENT`] products.
pub(super) fn batches(levels: &[Level]) -> Vec<&[Level]> {
    let mut batches = Vec::new();
    let mut rest = levels;
    while !rest.is_empty() {
        let mut products = BTreeSet::new();
        let one_too_many = |level: &Level| {
            products.insert(level.inventory_key.0);
            products.len() > PRODUCTS_PER_DOCUMENT
        };
        let end = rest.iter().position(one_too_many).unwrap_or(rest.len());
        let (batch, others) = rest.split_at(end);
        batches.push(batch);
        rest = others;
    }
    batches
}

/// Puts a planned level in its place and gives it its change numbers.
pub(super) fn store(warehouse: &mut Warehouse, planned: PlannedLevel) -> Level {
    let number = warehouse.next_item();
    let sites = warehouse.levels.entry(planned.sku.clone()).or_default();
    let level = sites.entry(planned.site.clone()).or_insert_with(|| Level {
        inventory_id: number,
        inventory_key: planned.key,
        last_stock_change_id: number,
        last_line_requirement_change_id: number,
        ..Level::default()
    });
    // Stock is counted in one version and promised to orders in the next.
    if planned.version.is_multiple_of(2) {
        level.last_line_requirement_change_id = number;
    } else {
        level.last_stock_change_id = number;
    }
    level.version = planned.version;
    level.product = planned.told_as;
    level.site = planned.site;
    level.total = planned.total;
    level.allocated = planned.allocated;
    level.available = planned.available;
    level.damaged = planned.damaged;
    level.on_order = planned.on_order;
    level.clone()
}
