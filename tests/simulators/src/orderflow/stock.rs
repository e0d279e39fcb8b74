//! The stock of one product at one site as OrderFlow tells it (OrderFlow reference §4, §5.2).
//!
//! Numbers are kept as text: a flawed level is told as it is.

use std::collections::BTreeSet;

use ferry_world::account::{Effect, EffectKind};
use ferry_world::{SITES, Stock};
use serde_json::json;

use super::effect::effect;
use super::warehouse::Warehouse;

/// Products in one inventory document at most.
pub(super) const PRODUCTS_PER_DOCUMENT: usize = 50;

/// One row of an inventory document. `lastStockChangeId` and `lastLineRequirementChangeId` never go
/// down, and every change raises one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) inventory_id: u64,
    pub(super) stock: Stock,
    pub(super) last_stock_change_id: u64,
    pub(super) last_line_requirement_change_id: u64,
}

impl Level {
    /// What is told of a product that has no stock, at `site` if the question named one.
    pub(super) fn nothing(inventory_id: u64, sku: &str, site: Option<&str>) -> Self {
        let zero = || "0".to_owned();
        let stock = Stock {
            product: 0,
            site: 0,
            site_name: SITES.into_iter().find(|name| Some(*name) == site).unwrap_or_default(),
            version: 0,
            sku: sku.to_owned(),
            total: zero(),
            allocated: zero(),
            available: zero(),
            frozen: zero(),
            inspection: zero(),
            damaged: zero(),
            quarantined: zero(),
            on_order: zero(),
            flaw: None,
        };
        Self { inventory_id, stock, last_stock_change_id: 0, last_line_requirement_change_id: 0 }
    }

    /// What the two change numbers say together: it grows with every change.
    pub(super) const fn sequence(&self) -> u64 {
        self.last_stock_change_id + self.last_line_requirement_change_id
    }

    /// What the receiver of the row learns.
    pub(super) fn effect(&self) -> Effect {
        let fields = json!({
            "product": self.stock.told_reference(),
            "site": self.stock.site_name,
            "available": self.stock.told_available(),
            "version": self.stock.version,
            "sequence": self.sequence(),
        });
        let key = format!("{}/{}", self.stock.sku, self.stock.site_name);
        effect("stock", &key, EffectKind::Pushed, fields)
    }
}

/// Levels in batches of at most [`PRODUCTS_PER_DOCUMENT`] products.
pub(super) fn batches(levels: &[Level]) -> Vec<&[Level]> {
    let mut batches = Vec::new();
    let mut rest = levels;
    while !rest.is_empty() {
        let mut products = BTreeSet::new();
        let one_too_many = |level: &Level| {
            products.insert(level.stock.product);
            products.len() > PRODUCTS_PER_DOCUMENT
        };
        let end = rest.iter().position(one_too_many).unwrap_or(rest.len());
        let (batch, others) = rest.split_at(end);
        batches.push(batch);
        rest = others;
    }
    batches
}

/// Puts stock in its place and gives it its change numbers.
pub(super) fn store(warehouse: &mut Warehouse, stock: Stock) -> Level {
    let number = warehouse.next_item();
    let sites = warehouse.levels.entry(stock.sku.clone()).or_default();
    let level = sites.entry(stock.site_name.to_owned()).or_insert_with(|| Level {
        inventory_id: number,
        stock: stock.clone(),
        last_stock_change_id: number,
        last_line_requirement_change_id: number,
    });
    // Stock is counted in one version and promised to orders in the next.
    if stock.version.is_multiple_of(2) {
        level.last_line_requirement_change_id = number;
    } else {
        level.last_stock_change_id = number;
    }
    level.stock = stock;
    level.clone()
}
