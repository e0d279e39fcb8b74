//! What a person does by hand, beside the plan: it is told to the receiver of pushes in the same step,
//! as the actor's own work is.

use ferry_world::{PlannedShipment, SITES, ShippedLine, Stock};

use super::{Actor, Floor, Known};
use crate::orderflow::order::OrderState;

impl Actor {
    /// Despatches whatever of an order has not left; false where there is no such open order.
    pub(in crate::orderflow) fn despatch(
        &mut self,
        reference: &str,
        floor: &mut Floor<'_>,
    ) -> bool {
        let Some(order) = floor.warehouse.orders.get(reference) else { return false };
        if order.state != OrderState::Created {
            return false;
        }
        let left = |product: &str| {
            order.shipments.iter().any(|s| s.lines.iter().any(|(sku, _)| sku == product))
        };
        let lines = order.lines.iter().enumerate().filter(|(_, line)| !left(&line.product));
        let planned = PlannedShipment {
            suffix: format!("_S{}", order.shipments.len() + 1),
            lines: lines
                .map(|(index, line)| ShippedLine {
                    line: index,
                    sku: line.product.clone(),
                    quantity: line.quantity.clone(),
                })
                .collect(),
            carrier: "royalmail",
            service: "T48",
            tracking: format!("T-{reference}-{}", order.shipments.len() + 1),
            rank: 0,
            flaw: None,
        };
        let known = Known { reference: reference.to_owned(), item: order.item };
        self.ship(&known, &planned, true, floor);
        true
    }

    /// Counts a product at a site; false where there is no such product or site.
    pub(in crate::orderflow) fn count(
        &mut self,
        product: &str,
        site: &str,
        available: u32,
        floor: &mut Floor<'_>,
    ) -> bool {
        let Some(site) = SITES.iter().position(|name| *name == site) else { return false };
        let Some(site_name) = SITES.get(site).copied() else { return false };
        if !floor.warehouse.products.contains_key(product) {
            return false;
        }
        let level = floor.warehouse.levels.get(product).and_then(|sites| sites.get(site_name));
        let zero = || "0".to_owned();
        let stock = Stock {
            product: 0,
            site,
            site_name,
            version: level.map_or(1, |level| level.stock.version + 1),
            sku: product.to_owned(),
            total: available.to_string(),
            allocated: zero(),
            available: available.to_string(),
            frozen: zero(),
            inspection: zero(),
            damaged: zero(),
            quarantined: zero(),
            on_order: zero(),
            flaw: None,
        };
        self.restock(vec![stock], floor);
        true
    }
}
