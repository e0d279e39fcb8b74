//! The stock of one product at one site as OrderFlow tells it (OrderFlow reference §4, §5.2).
//!
//! Numbers are kept as text: a flawed level is told as it is.

/// One row of an inventory document. `lastStockChangeId` and `lastLineRequirementChangeId` never go
/// down, and every change raises one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) inventory_id: u64,
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
}
