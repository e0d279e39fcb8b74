//! Stock levels, pushed or pulled (OrderFlow reference §4, §5.2), and changes of them (§5.4).

use ferry_canonical::{FailureKind, Part, product::ProductStock};

use super::{
    Document, MESSAGE_ID, draft,
    fields::{decimal, number, optional, required},
    foreign::{self, nest},
    named,
};
use crate::{BadItem, Draft, Item, xml::Element};

/// The part of stock where OrderFlow names no site: instances without multi-site inventory.
pub(super) const ONLY_SITE: &str = "default";

/// Its place by its own counters, where it has both: each only grows, and both are in push and pull
/// alike, so their sum orders them. One of them alone orders nothing.
pub(super) fn counted(product: &Element) -> Result<Option<u128>, String> {
    let stock = number(product, "lastStockChangeId")?;
    let requirement = number(product, "lastLineRequirementChangeId")?;
    Ok(stock.zip(requirement).map(|(stock, requirement)| stock + requirement))
}

impl Document<'_> {
    pub(super) fn inventory(&self) -> Vec<Item> {
        let products = self.root.children.iter().filter(|child| child.name == "product");
        let levels = products.enumerate().map(|(index, product)| {
            let key = product.attribute("externalReference").map(str::to_owned);
            Item {
                pointer: format!("/inventory/product[{}]", index + 1),
                draft: self.stock(product).map_err(|detail| BadItem {
                    kind: FailureKind::Validation,
                    detail,
                    fragment: self.cut_out(&[self.root], self.whole(product)),
                    key,
                }),
            }
        });
        levels.chain(self.others(self.root, "product")).collect()
    }

    fn stock(&self, product: &Element) -> Result<Draft, String> {
        let sku = required(product, "externalReference")?;
        let site = optional(product, "site")?.unwrap_or(ONLY_SITE);
        let (sequence, clock) = match counted(product)? {
            Some(sequence) => (sequence, "stock-change"),
            None => (self.message_id()?, MESSAGE_ID),
        };
        let known = ["externalReference", "site", "available", "total", "allocated", "onOrder"];
        let mut foreign = self.rest(product, &known, &[]);
        nest(&mut foreign, "inventory", self.rest(self.root, &["messageId"], &["product"]));
        let stock = ProductStock {
            sku: sku.to_owned(),
            site: site.to_owned(),
            available: decimal(product, "available")?
                .ok_or("@available: missing; expected a number")?,
            total: decimal(product, "total")?,
            allocated: decimal(product, "allocated")?,
            on_order: decimal(product, "onOrder")?,
            extensions: foreign::extensions(foreign),
        };
        Ok(draft(Part::ProductStock(stock), sequence, clock, None))
    }

    /// Changes are no state: whoever missed one would be wrong for ever.
    pub(super) fn stock_changes(&self) -> Item {
        let changes = self.root.children.iter().filter(|child| child.name == "stockChange").count();
        let what = named("stockChanges", self.root.attribute("messageId"));
        let reason = format!("{changes} changes of stock are no state; the level is read apart");
        self.skip(&what, &reason)
    }
}
