//! Pushes as canonical drafts (OrderFlow reference §5).
//!
//! Attributes and elements nobody knows are carried as extensions or passed over; formats are
//! configurable at OrderFlow. What has no canonical facet becomes a skip that says so.

use ferry_canonical::{
    Clock, FailureKind, Part, Sequence, limits,
    order::{OrderCancellation, OrderShipment, ShipmentLine, Tracking},
    product::ProductStock,
    value::{Decimal, Extensions},
};
use jiff::{Timestamp, tz::TimeZone};

use super::times;
use crate::{
    BadItem, Draft, Item, Record,
    draft::PartDraft,
    xml::{self, Element},
};

/// The part of stock where OrderFlow names no site: instances without multi-site inventory.
const ONLY_SITE: &str = "default";

/// A push, while it is read.
struct Push<'a> {
    body: &'a [u8],
    root: &'a Element,
    zone: &'a TimeZone,
    received_at: Timestamp,
}

pub(super) fn items(record: &Record<'_>, zone: &TimeZone) -> Vec<Item> {
    let root = match xml::parse(record.body) {
        Ok(root) => root,
        Err(error) => {
            let kind = match error {
                xml::XmlError::Depth | xml::XmlError::Nodes => FailureKind::TooLarge,
                xml::XmlError::Encoding { .. }
                | xml::XmlError::Malformed { .. }
                | xml::XmlError::Doctype { .. }
                | xml::XmlError::Entity { .. } => FailureKind::Parse,
            };
            let fragment = record.body.to_vec();
            let bad = BadItem { kind, detail: error.to_string(), fragment, key: None };
            return vec![Item { pointer: "/".to_owned(), draft: Err(bad) }];
        }
    };
    let push = Push { body: record.body, root: &root, zone, received_at: record.received_at };
    match root.name.as_str() {
        "inventory" => push.inventory(),
        "event" => push.event(),
        "stockChanges" => {
            vec![
                push.skip(
                    "stockChanges",
                    "changes of stock are no state; the level is pushed apart",
                ),
            ]
        }
        "paymentRequest" => vec![push.skip("paymentRequest", "payments have no canonical facet")],
        name => vec![push.skip(name, "no such OrderFlow document is known")],
    }
}

impl Push<'_> {
    fn skip(&self, what: &str, reason: &str) -> Item {
        let skip = Draft::Skip { what: what.to_owned(), reason: reason.to_owned() };
        Item { pointer: format!("/{}", self.root.name), draft: Ok(skip) }
    }

    fn inventory(&self) -> Vec<Item> {
        let products = self.root.children.iter().filter(|child| child.name == "product");
        products
            .enumerate()
            .map(|(index, product)| {
                let key = product.attribute("externalReference").map(str::to_owned);
                Item {
                    pointer: format!("/inventory/product[{}]", index + 1),
                    draft: self.stock(product).map_err(|detail| BadItem {
                        kind: FailureKind::Validation,
                        detail,
                        fragment: self.fragment(&[product]),
                        key,
                    }),
                }
            })
            .collect()
    }

    fn stock(&self, product: &Element) -> Result<Draft, String> {
        let sku = required(product, "externalReference")?;
        let site = optional(product, "site")?.unwrap_or(ONLY_SITE);
        let changes = (
            number(product, "lastStockChangeId")?,
            number(product, "lastLineRequirementChangeId")?,
        );
        // Both counters only grow and are in push and pull alike, so their sum orders both.
        let (sequence, clock) = match changes {
            (Some(stock), Some(requirement)) => (stock + requirement, "stock-change"),
            (Some(_) | None, None) | (None, Some(_)) => (self.message_id()?, "message-id"),
        };
        let stock = ProductStock {
            sku: sku.to_owned(),
            site: site.to_owned(),
            available: decimal(product, "available")?
                .ok_or("@available: missing; expected a number")?,
            total: decimal(product, "total")?,
            allocated: decimal(product, "allocated")?,
            on_order: decimal(product, "onOrder")?,
            extensions: extensions(
                product,
                &["externalReference", "site", "available", "total", "allocated", "onOrder"],
            ),
        };
        Ok(draft(Part::ProductStock(stock), sequence, clock, None))
    }

    fn event(&self) -> Vec<Item> {
        let event_type = self.root.attribute("eventType").unwrap_or("without eventType");
        let Some(order) = self.root.find(&["detail", "order"]) else {
            let what = format!("event {event_type}");
            return vec![self.skip(&what, "its entity has no canonical facet")];
        };
        let mut items = Vec::new();
        let shipments = order.child("shipments").map_or(&[][..], |list| &list.children);
        for (index, shipment) in shipments.iter().filter(|s| s.name == "shipment").enumerate() {
            let pointer = format!("/event/detail/order/shipments/shipment[{}]", index + 1);
            items.push(self.item(pointer, order, Some(shipment), self.shipment(order, shipment)));
        }
        let state = order.attribute("state").unwrap_or_default();
        if event_type.contains("cancelled") || state == "cancelled" {
            let pointer = "/event/detail/order".to_owned();
            items.push(self.item(pointer, order, None, self.cancellation(order, event_type)));
        }
        if items.is_empty() {
            let what = format!("event {event_type}");
            items.push(self.skip(&what, "it names no shipment and no cancellation"));
        }
        items
    }

    fn item(
        &self,
        pointer: String,
        order: &Element,
        shipment: Option<&Element>,
        draft: Result<Draft, String>,
    ) -> Item {
        let draft = draft.map_err(|detail| BadItem {
            kind: FailureKind::Validation,
            detail,
            fragment: self.event_fragment(order, shipment),
            key: order.attribute("externalReference").map(str::to_owned),
        });
        Item { pointer, draft }
    }

    fn shipment(&self, order: &Element, shipment: &Element) -> Result<Draft, String> {
        let reference = required(shipment, "externalReference")?;
        let state = optional(shipment, "state")?.unwrap_or("unknown");
        let despatched = state.eq_ignore_ascii_case("despatched");
        let time = self.event_time()?;
        let tracking = optional(shipment, "despatchReference")?;
        let lines = shipment.child("orderLines").map_or(&[][..], |lines| &lines.children);
        let shipment = OrderShipment {
            order: required(order, "externalReference")?.to_owned(),
            reference: reference.to_owned(),
            state: state.to_owned(),
            despatched,
            carrier: optional(shipment, "courier")?.map(str::to_owned),
            service: optional(shipment, "courierService")?.map(str::to_owned),
            tracking: tracking
                .map(|number| Tracking { number: number.to_owned(), url: None })
                .into_iter()
                .collect(),
            lines: lines
                .iter()
                .filter(|line| line.name == "orderLine")
                .map(shipment_line)
                .collect::<Result<_, _>>()?,
            despatched_at: None,
            extensions: extensions(
                shipment,
                &["externalReference", "state", "courier", "courierService", "despatchReference"],
            ),
        };
        let sequence = self.message_id()?;
        Ok(draft(Part::OrderShipment(shipment), sequence, "message-id", time))
    }

    fn cancellation(&self, order: &Element, event_type: &str) -> Result<Draft, String> {
        let time = self.event_time()?;
        let cancellation = OrderCancellation {
            order: required(order, "externalReference")?.to_owned(),
            cancelled_at: time.unwrap_or(self.received_at),
            reason: Some(event_type.to_owned()),
            extensions: Extensions::new(),
        };
        let sequence = self.message_id()?;
        Ok(draft(Part::OrderCancellation(cancellation), sequence, "message-id", time))
    }

    fn message_id(&self) -> Result<u128, String> {
        let id = number(self.root, "messageId")?;
        id.ok_or_else(|| format!("/{}/@messageId: missing; expected a number", self.root.name))
    }

    fn event_time(&self) -> Result<Option<Timestamp>, String> {
        let Some(text) = optional(self.root, "eventTime")? else { return Ok(None) };
        let time = times::parse(text, self.zone);
        time.map(Some).ok_or_else(|| {
            format!("@eventTime: `{}` is not a time such as 2024-03-02 16:40:11", short(text))
        })
    }

    /// The document with only these children of the root.
    fn fragment(&self, children: &[&Element]) -> Vec<u8> {
        let mut out = self.opening(self.root).to_vec();
        for child in children {
            out.extend_from_slice(self.cut(child.start, child.end));
        }
        out.extend_from_slice(format!("</{}>", self.root.name).as_bytes());
        out
    }

    /// The event with its order and, of its shipments, only the one named.
    fn event_fragment(&self, order: &Element, shipment: Option<&Element>) -> Vec<u8> {
        let mut out = self.opening(self.root).to_vec();
        out.extend_from_slice(b"<detail>");
        out.extend_from_slice(self.opening(order));
        if let Some(shipment) = shipment {
            out.extend_from_slice(b"<shipments>");
            out.extend_from_slice(self.cut(shipment.start, shipment.end));
            out.extend_from_slice(b"</shipments>");
        }
        // An element without children was written as an empty tag, which closes itself.
        if !order.children.is_empty() {
            out.extend_from_slice(b"</order>");
        }
        out.extend_from_slice(b"</detail></event>");
        out
    }

    /// The opening tag of an element: everything before its first child.
    fn opening(&self, element: &Element) -> &[u8] {
        let end = element.children.first().map_or(element.end, |child| child.start);
        self.cut(element.start, end)
    }

    fn cut(&self, start: usize, end: usize) -> &[u8] {
        self.body.get(start..end).unwrap_or_default()
    }
}

fn draft(part: Part, sequence: u128, clock: &str, time: Option<Timestamp>) -> Draft {
    Draft::Part(Box::new(PartDraft {
        part,
        source_id: None,
        sequence: Sequence(sequence),
        clock: Clock::named(clock),
        time,
    }))
}

fn shipment_line(line: &Element) -> Result<ShipmentLine, String> {
    Ok(ShipmentLine {
        sku: required(line, "product")?.to_owned(),
        quantity: decimal(line, "quantity")?.ok_or("@quantity: missing; expected a number")?,
    })
}

fn optional<'a>(element: &'a Element, name: &str) -> Result<Option<&'a str>, String> {
    let value = element.attribute(name).map(str::trim).filter(|value| !value.is_empty());
    match value {
        Some(value) if value.chars().count() > limits::ID_CHARS => {
            Err(format!("@{name}: longer than {} characters", limits::ID_CHARS))
        }
        value => Ok(value),
    }
}

fn required<'a>(element: &'a Element, name: &str) -> Result<&'a str, String> {
    optional(element, name)?
        .ok_or_else(|| format!("@{name} of `{}`: missing or empty", element.name))
}

fn number(element: &Element, name: &str) -> Result<Option<u128>, String> {
    let Some(text) = optional(element, name)? else { return Ok(None) };
    // u64 keeps the sum of two of them within a sequence's digits.
    let number = text.parse::<u64>().map(u128::from);
    number.map(Some).map_err(|_| format!("@{name}: `{}` is not a whole number", short(text)))
}

fn decimal(element: &Element, name: &str) -> Result<Option<Decimal>, String> {
    let Some(text) = optional(element, name)? else { return Ok(None) };
    Decimal::parse(text).map(Some).map_err(|error| format!("@{name}: {error}"))
}

/// Every attribute without a canonical field, under the system's name.
fn extensions(element: &Element, known: &[&str]) -> Extensions {
    let unknown: serde_json::Map<String, serde_json::Value> = element
        .attributes
        .iter()
        .filter(|(name, _)| !known.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    if unknown.is_empty() {
        return Extensions::new();
    }
    Extensions::from([("orderflow".to_owned(), unknown.into())])
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests;
