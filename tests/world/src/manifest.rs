//! What must end as a dead letter.

use serde::Serialize;

use crate::flaw::Flaw;
use crate::fulfilment::Fulfilment;
use crate::stock::SITES;
use crate::world::World;

/// A way things go, as the account counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// ERP to shop.
    Customers,
    /// Catalogue to shop.
    ProductsToShop,
    /// Catalogue to warehouse.
    ProductsToWarehouse,
    /// Warehouse to shop.
    Stock,
    /// Shop to warehouse.
    Orders,
    /// Warehouse to shop.
    Shipments,
    /// Warehouse to shop.
    Cancellations,
}

pub const ROUTES: [Route; 7] = [
    Route::Customers,
    Route::ProductsToShop,
    Route::ProductsToWarehouse,
    Route::Stock,
    Route::Orders,
    Route::Shipments,
    Route::Cancellations,
];

/// Something that must not arrive, and that a person must be told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExpectedDead {
    /// The first route it cannot go. A catalogue row that cannot be read goes neither to the shop
    /// nor to the warehouse and is one dead letter, told of under `products_to_shop`.
    pub route: Route,
    /// `customer`, `product`, `stock`, `order` or `shipment`.
    pub entity: &'static str,
    /// The business key, where the bad item carries it.
    pub key: Option<String>,
    /// Where to look for it: `row 17` of the full catalogue, counting records from 1 without the
    /// header; the site of a stock row; `shipment 2` of an order.
    pub locator: String,
    pub flaw: Flaw,
}

impl World {
    /// All flawed entities, route by route. Flawed stock is announced once per product and site,
    /// when the product arrives; the flawed shipment of an order in one push.
    pub fn expected_dead(&self) -> Vec<ExpectedDead> {
        let mut dead = self.dead_on_the_way_to_the_shop();
        for (&(product, site), &flaw) in &self.stock_flaws {
            let sku = self.sku(product);
            let site = SITES.get(site).copied().unwrap_or_default();
            dead.push(ExpectedDead {
                route: Route::Stock,
                entity: "stock",
                key: (flaw != Flaw::StockWithoutProduct).then(|| sku.clone()),
                locator: format!("{sku} at {site}"),
                flaw,
            });
        }
        for (&index, &flaw) in &self.order_flaws {
            dead.push(ExpectedDead {
                route: Route::Orders,
                entity: "order",
                key: Some(self.order(index).identifier),
                locator: "orderLine.1.quantity".to_owned(),
                flaw,
            });
        }
        for (&index, &flaw) in &self.shipment_flaws {
            let Fulfilment::Shipments(shipments) = self.fulfilment(index) else { continue };
            dead.push(ExpectedDead {
                route: Route::Shipments,
                entity: "shipment",
                key: Some(self.order(index).identifier),
                locator: format!("shipment {}", shipments.len()),
                flaw,
            });
        }
        dead
    }

    fn dead_on_the_way_to_the_shop(&self) -> Vec<ExpectedDead> {
        let customer = |(&index, &flaw): (&u32, &Flaw)| {
            let number = self.customer(index, 1).number;
            ExpectedDead {
                route: Route::Customers,
                entity: "customer",
                key: Some(number.clone()),
                locator: number,
                flaw,
            }
        };
        let product = |(&index, &flaw): (&u32, &Flaw)| ExpectedDead {
            route: Route::ProductsToShop,
            entity: "product",
            key: (flaw != Flaw::MissingSku).then(|| self.sku(index)),
            locator: format!("row {}", index + 1),
            flaw,
        };
        let customers = self.customer_flaws.iter().map(customer);
        customers.chain(self.product_flaws.iter().map(product)).collect()
    }
}
