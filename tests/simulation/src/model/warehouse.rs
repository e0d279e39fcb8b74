//! A warehouse: takes imports of products and orders, and tells of its stock.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Asked, Said, between,
    plan::{SITES, UNITS},
};

/// What the shop's orders are of, as far as parcels go.
pub(crate) const ORDERED: &str = "MUG";

pub(crate) fn tracking(order: &str, number: usize) -> String {
    format!("T-{order}-{number}")
}

#[derive(Debug, Default)]
pub(crate) struct Warehouse {
    /// Every version a product was set to, in order.
    products: BTreeMap<String, Vec<u32>>,
    /// How often an order was made.
    orders: BTreeMap<String, u32>,
    /// Documents that were not acknowledged yet, by number.
    outbox: BTreeSet<u64>,
    documents: u64,
    stock_changes: u64,
    /// Orders that it takes whatever they say.
    mended: BTreeSet<String>,
}

impl Warehouse {
    pub(crate) fn answer(&mut self, asked: &Asked) -> Said {
        if asked.path.contains("importitems") {
            return self.import(&asked.body);
        }
        if asked.path.contains("/order/detail") {
            let reference = asked.parameter("externalReference").unwrap_or_default();
            return if self.orders.contains_key(&reference) {
                Said::ok(format!("<order externalReference=\"{reference}\"/>"))
            } else {
                Said::no(404, "not found")
            };
        }
        Said::ok("<inventory/>")
    }

    fn import(&mut self, document: &str) -> Said {
        let (mut successes, mut failures) = (Vec::new(), Vec::new());
        for import in document.split("<import ").skip(1) {
            let attribute = |name: &str| between(import, &format!("{name}=\""), "\"").to_owned();
            let (kind, reference) = (attribute("type"), attribute("externalReference"));
            let named = format!("<import type=\"{kind}\" externalReference=\"{reference}\"");
            let refused = match kind.as_str() {
                "order" => self.order(&reference, import),
                _ => self.product(reference, import),
            };
            match refused {
                None => successes.push(format!("{named} item=\"7\"/>")),
                Some((message, detail)) => failures.push(format!(
                    "{named}><failureMessage>{message}</failureMessage>\
                     <failureDetail>{detail}</failureDetail></import>"
                )),
            }
        }
        let (successes, failures) = (successes.concat(), failures.concat());
        Said::ok(format!(
            "<importResult><importSuccesses>{successes}</importSuccesses>\
             <importFailures>{failures}</importFailures></importResult>"
        ))
    }

    fn product(&mut self, sku: String, import: &str) -> Option<(&'static str, &'static str)> {
        let Ok(version) = between(import, "description=Mug v", "\n").parse() else {
            return Some(("no version", ""));
        };
        self.products.entry(sku).or_default().push(version);
        None
    }

    fn order(&mut self, reference: &str, import: &str) -> Option<(&'static str, &'static str)> {
        let line = |name: &str| between(import, &format!("orderLine.1.{name}="), "\n");
        if !self.products.contains_key(line("product.externalReference")) {
            return Some(("Product not found", "rtd.exceptions.MissingDataException"));
        }
        if line("quantity").contains('.') && !self.mended.contains(reference) {
            return Some(("Quantity must be whole", ""));
        }
        *self.orders.entry(reference.to_owned()).or_default() += 1;
        None
    }

    pub(crate) fn mend(&mut self, order: &str) {
        self.mended.insert(order.to_owned());
    }

    pub(crate) fn is_mended(&self, order: &str) -> bool {
        self.mended.contains(order)
    }

    fn next_document(&mut self) -> u64 {
        self.documents += 1;
        self.outbox.insert(self.documents);
        self.documents
    }

    /// The document that tells of an order's parcel, with its number.
    pub(crate) fn tell_shipment(
        &mut self,
        order: &str,
        number: usize,
        despatched: bool,
    ) -> (u64, String) {
        let document = self.next_document();
        let state = if despatched { "despatched" } else { "packed" };
        let tracking = tracking(order, number);
        let tracking =
            if despatched { format!(" despatchReference=\"{tracking}\"") } else { String::new() };
        let text = format!(
            "<event messageId=\"{document}\" eventType=\"shipment_{state}\"><detail>\
             <order externalReference=\"{order}\" state=\"open\"><shipments>\
             <shipment externalReference=\"{order}_S{number}\" state=\"{state}\"{tracking}>\
             <orderLines><orderLine product=\"{ORDERED}\" quantity=\"1\"/></orderLines>\
             </shipment></shipments></order></detail></event>"
        );
        (document, text)
    }

    pub(crate) fn tell_cancellation(&mut self, order: &str) -> (u64, String) {
        let document = self.next_document();
        let text = format!(
            "<event messageId=\"{document}\" eventType=\"order_cancelled\"><detail>\
             <order externalReference=\"{order}\" state=\"cancelled\"/></detail></event>"
        );
        (document, text)
    }

    /// The document that tells of a site's stock, with its number. It is in the outbox.
    pub(crate) fn tell_stock(&mut self, sku: &str, site: usize, version: u32) -> (u64, String) {
        self.next_document();
        self.stock_changes += 1;
        let available = u64::from(version) * UNITS.get(site).copied().unwrap_or_default();
        let document = format!(
            "<inventory messageId=\"{}\"><product externalReference=\"{sku}\" site=\"{}\" \
             available=\"{available}\" lastStockChangeId=\"{}\" \
             lastLineRequirementChangeId=\"1\"/></inventory>",
            self.documents,
            SITES.get(site).copied().unwrap_or_default(),
            self.stock_changes
        );
        (self.documents, document)
    }

    /// A document was acknowledged.
    pub(crate) fn told(&mut self, document: u64) {
        self.outbox.remove(&document);
    }

    pub(crate) fn has_told_all(&self) -> bool {
        self.outbox.is_empty()
    }

    pub(crate) fn products(&self) -> &BTreeMap<String, Vec<u32>> {
        &self.products
    }

    pub(crate) fn orders(&self) -> &BTreeMap<String, u32> {
        &self.orders
    }
}
