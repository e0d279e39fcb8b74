//! What the warehouse will do, taken from the sample world.
//!
//! Promises that the same world gives the same plan. It says what happens and in which order, never
//! when.

use ferry_world::{Fulfilment, SITES, Stock, Versions, World};

/// What the actor asks. The world answers in earnest, a test with what it needs.
pub(super) trait Plan: Send {
    /// The index of a product by its reference; `None` for products the plan does not know.
    fn product(&self, reference: &str) -> Option<u32>;
    /// Goes on to the next tick; product and site of the stock it changes.
    fn advance(&mut self) -> Vec<(u32, usize)>;
    /// The stock of a product at one site at the present tick; `None` where it is not held.
    fn stock(&self, product: u32, site: usize) -> Option<Stock>;
    /// What becomes of an order; one the plan does not know stays open.
    fn fulfilment(&self, order: &str) -> Fulfilment;

    /// The stock of a product at every site at the present tick.
    fn stocks(&self, product: u32) -> Vec<Stock> {
        (0..SITES.len()).filter_map(|site| self.stock(product, site)).collect()
    }
}

/// The sample world's plan.
pub(super) struct WorldPlan {
    world: World,
    versions: Versions,
}

impl WorldPlan {
    pub(super) fn new(world: World) -> Self {
        Self { world, versions: Versions::default() }
    }
}

impl Plan for WorldPlan {
    fn product(&self, reference: &str) -> Option<u32> {
        self.world.product_of(reference)
    }

    fn advance(&mut self) -> Vec<(u32, usize)> {
        self.versions.advance(&self.world).stock
    }

    fn stock(&self, product: u32, site: usize) -> Option<Stock> {
        self.world.stock(product, site, self.versions.stock(product, site))
    }

    fn fulfilment(&self, order: &str) -> Fulfilment {
        let index = self.world.order_of(order);
        index.map_or(Fulfilment::Open, |index| self.world.fulfilment(index))
    }
}
