//! The world's size and which of its entities are flawed.

use std::collections::BTreeMap;

use crate::flaw::{self, Flaw};
use crate::fulfilment::{self, Fulfilment};
use crate::stock::SITES;

/// How many of each entity there are, and for how many ticks they change. Indexes run from 0 to the
/// count, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub customers: u32,
    pub products: u32,
    pub orders: u32,
    /// Ticks a run lasts unless it is told otherwise; the world itself goes on for ever.
    pub ticks: u32,
}

/// A seeded world. Asking costs time, not memory: entities are made when they are asked for.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) seed: u64,
    pub(crate) plan: Plan,
    pub(crate) customer_flaws: BTreeMap<u32, Flaw>,
    pub(crate) product_flaws: BTreeMap<u32, Flaw>,
    pub(crate) order_flaws: BTreeMap<u32, Flaw>,
    pub(crate) stock_flaws: BTreeMap<(u32, usize), Flaw>,
    /// Orders whose last shipment is flawed.
    pub(crate) shipment_flaws: BTreeMap<u32, Flaw>,
    /// Indexes of the entities without a flaw, ascending.
    pub(crate) sound_customers: Vec<u32>,
    pub(crate) sound_products: Vec<u32>,
    /// Products that orders may name: sound and enabled.
    pub(crate) sold_products: Vec<u32>,
    /// Product and site of the stock without a flaw, ascending.
    pub(crate) sound_stock: Vec<(u32, usize)>,
}

/// Ticks of a run that names none.
const TICKS: u32 = 20;

impl World {
    /// A world of this many records: 30 % customers, 25 % products, the rest orders; at least one of
    /// each.
    pub fn new(seed: u64, records: u32) -> Self {
        let share = |percent: u64| {
            u32::try_from(u64::from(records) * percent / 100).unwrap_or(u32::MAX).max(1)
        };
        let (customers, products) = (share(30), share(25));
        let orders = records.saturating_sub(customers).saturating_sub(products).max(1);
        Self::of_plan(seed, Plan { customers, products, orders, ticks: TICKS })
    }

    /// A world of exactly this plan.
    pub fn of_plan(seed: u64, plan: Plan) -> Self {
        let records = plan.customers.saturating_add(plan.products).saturating_add(plan.orders);
        let spread = |kinds: &[Flaw], count: u32| {
            flaw::spread(seed, records, kinds, (0..count).collect::<Vec<u32>>())
        };
        let customer_flaws = spread(&Flaw::CUSTOMER, plan.customers);
        let product_flaws = spread(&Flaw::PRODUCT, plan.products);
        let order_flaws = spread(&Flaw::ORDER, plan.orders);
        let sound = |count: u32, flaws: &BTreeMap<u32, Flaw>| {
            (0..count).filter(|index| !flaws.contains_key(index)).collect::<Vec<_>>()
        };
        let mut world = Self {
            seed,
            plan,
            sound_customers: sound(plan.customers, &customer_flaws),
            sound_products: sound(plan.products, &product_flaws),
            customer_flaws,
            product_flaws,
            order_flaws,
            stock_flaws: BTreeMap::new(),
            shipment_flaws: BTreeMap::new(),
            sold_products: Vec::new(),
            sound_stock: Vec::new(),
        };
        world.sold_products =
            world.sound_products.iter().copied().filter(|i| world.is_sold(*i)).collect();
        world.spread_over_warehouse(records);
        world
    }

    /// Flaws of what the warehouse says, which depend on what it holds and ships.
    fn spread_over_warehouse(&mut self, records: u32) {
        let held: Vec<(u32, usize)> =
            (0..self.plan.products).flat_map(|i| self.held_at(i).map(move |s| (i, s))).collect();
        self.stock_flaws = flaw::spread(self.seed, records, &Flaw::STOCK, held.clone());
        self.sound_stock =
            held.into_iter().filter(|key| !self.stock_flaws.contains_key(key)).collect();
        let split = (0..self.plan.orders)
            .filter(|i| fulfilment::splits(&self.fulfilment(*i)))
            .collect::<Vec<_>>();
        self.shipment_flaws = flaw::spread(self.seed, records, &Flaw::SHIPMENT, split);
    }

    fn held_at(&self, product: u32) -> impl Iterator<Item = usize> + use<'_> {
        (0..SITES.len()).filter(move |site| self.holds(product, *site))
    }

    pub const fn seed(&self) -> u64 {
        self.seed
    }

    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    pub fn customer_flaw(&self, customer: u32) -> Option<Flaw> {
        self.customer_flaws.get(&customer).copied()
    }

    pub fn product_flaw(&self, product: u32) -> Option<Flaw> {
        self.product_flaws.get(&product).copied()
    }

    pub fn order_flaw(&self, order: u32) -> Option<Flaw> {
        self.order_flaws.get(&order).copied()
    }

    pub fn stock_flaw(&self, product: u32, site: usize) -> Option<Flaw> {
        self.stock_flaws.get(&(product, site)).copied()
    }

    /// The flaw of an order's last shipment.
    pub fn shipment_flaw(&self, order: u32) -> Option<Flaw> {
        self.shipment_flaws.get(&order).copied()
    }

    /// The index of a customer by its number, `C-100001` being 0.
    pub fn customer_of(&self, number: &str) -> Option<u32> {
        indexed(number.strip_prefix("C-")?, self.plan.customers)
    }

    /// The index of a customer by the email of one of its contacts: `contact2.1001@customer.example`
    /// is of 0.
    pub fn customer_of_email(&self, email: &str) -> Option<u32> {
        let number = email.strip_suffix("@customer.example")?.split_once('.')?.1;
        indexed(number, self.plan.customers)
    }

    /// The index of an order by its identifier, `WEB-100001` being 0.
    pub fn order_of(&self, identifier: &str) -> Option<u32> {
        indexed(identifier.strip_prefix("WEB-")?, self.plan.orders)
    }

    /// The index of a product by its SKU: `MUG-0007-RED` is 6.
    pub fn product_of(&self, sku: &str) -> Option<u32> {
        let number: u32 = sku.split('-').nth(1)?.parse().ok()?;
        let index = number.checked_sub(1).filter(|index| *index < self.plan.products)?;
        (self.product(index, 1).sku == sku).then_some(index)
    }

    /// What becomes of an order in the warehouse.
    pub fn fulfilment(&self, order: u32) -> Fulfilment {
        fulfilment::of(self, order)
    }
}

/// Numbers of customers and orders start here, plus one.
pub(crate) const NUMBERED_FROM: u32 = 100_000;

fn indexed(digits: &str, count: u32) -> Option<u32> {
    let number: u32 = digits.parse().ok()?;
    number.checked_sub(NUMBERED_FROM + 1).filter(|index| *index < count)
}
