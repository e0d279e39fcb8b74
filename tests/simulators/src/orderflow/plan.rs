//! What the warehouse will do, taken from the sample world.
//!
//! Promises that the same world gives the same plan. It says what happens and in which order, never
//! when.

/// What the actor asks. The world answers in earnest, a test with what it needs.
pub(super) trait Plan: Send {
    /// The index of a product by its reference; `None` for products the plan does not know.
    fn product(&self, reference: &str) -> Option<u32>;
    fn sites(&self) -> &[String];
    /// The stock of a product at one site as it is at a tick.
    fn level(&self, product: u32, site: usize, tick: u32) -> Option<PlannedLevel>;
    /// Product and site of the stock that changes at a tick.
    fn changed(&self, tick: u32) -> Vec<(u32, usize)>;
    fn fulfilment(&self, order: &str) -> Fulfilment;

    /// The stock of a product at every site as it is at a tick.
    fn levels(&self, product: u32, tick: u32) -> Vec<PlannedLevel> {
        (0..self.sites().len()).filter_map(|site| self.level(product, site, tick)).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlannedLevel {
    /// Index of the product and of the site.
    pub(super) key: (u32, usize),
    pub(super) version: u32,
    pub(super) sku: String,
    /// The reference the row carries; `None` is a flaw.
    pub(super) told_as: Option<String>,
    pub(super) site: String,
    pub(super) total: String,
    pub(super) allocated: String,
    pub(super) available: String,
    pub(super) damaged: String,
    pub(super) on_order: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fulfilment {
    /// In the order they leave.
    Shipments(Vec<PlannedShipment>),
    Cancelled,
    /// Stays as it is.
    Open,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlannedShipment {
    /// `None` is a flaw.
    pub(super) reference: Option<String>,
    pub(super) courier: String,
    pub(super) service: String,
    pub(super) tracking: String,
    /// How many ticks later than an ordinary one it leaves.
    pub(super) rank: u32,
    /// Product and quantity.
    pub(super) lines: Vec<(String, String)>,
}
