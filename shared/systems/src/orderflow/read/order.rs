//! Orders: what an event or a look at the order says of its shipments and its end (OrderFlow
//! reference §4, §5.3).

use ferry_canonical::{
    FailureKind, Part,
    order::{OrderCancellation, OrderShipment, ShipmentLine, Tracking},
};
use serde_json::Value;

use super::{
    Document, MESSAGE_ID, draft,
    fields::{decimal, optional, required, short},
    foreign::{self, Foreign, nest},
    named,
};
use crate::{BadItem, Draft, Item, xml::Element};

const SHIPMENT: [&str; 5] =
    ["externalReference", "state", "courier", "courierService", "despatchReference"];

impl Document<'_> {
    /// A part for each shipment, a cancellation where it is one, or a skip.
    pub(super) fn order(&self, order: &Element) -> Vec<Item> {
        let mut items = Vec::new();
        let list = order.child("shipments");
        let shipments = list.map_or(&[][..], |list| &list.children);
        for (index, shipment) in shipments.iter().filter(|s| s.name == "shipment").enumerate() {
            let pointer = format!("{}/shipments/shipment[{}]", self.pointer(order), index + 1);
            let path: Vec<&Element> =
                self.path(order).into_iter().chain([order]).chain(list).collect();
            let fragment = || self.cut_out(&path, self.whole(shipment));
            items.push(item(pointer, self.key(order), self.shipment(order, shipment), fragment));
        }
        items.extend(list.into_iter().flat_map(|list| self.others(list, "shipment")));
        if self.is_cancelled(order) {
            let fragment = || {
                let mut bare = self.opening(order).to_vec();
                // An element without children was written as an empty tag, which closes itself.
                if !order.children.is_empty() {
                    bare.extend_from_slice(b"</order>");
                }
                self.cut_out(&self.path(order), &bare)
            };
            let draft = self.cancellation(order);
            items.push(item(self.pointer(order), self.key(order), draft, fragment));
        }
        if items.is_empty() {
            let what = if order.start == self.root.start {
                named("order", order.attribute("externalReference"))
            } else {
                format!("event {}", short(self.event_type()))
            };
            items.push(self.skip(&what, "it names no shipment and no cancellation"));
        }
        items
    }

    fn pointer(&self, order: &Element) -> String {
        let above = self.path(order);
        let names: Vec<&str> = above.iter().map(|element| element.name.as_str()).collect();
        if names.is_empty() { "/order".to_owned() } else { format!("/{}/order", names.join("/")) }
    }

    /// What stands around an order: nothing, where it is the document.
    fn path(&self, order: &Element) -> Vec<&Element> {
        if order.start == self.root.start {
            return Vec::new();
        }
        let holds = |detail: &&Element| detail.start < order.start && order.end <= detail.end;
        let details = self.root.children.iter().filter(|child| child.name == "detail");
        std::iter::once(self.root).chain(details.filter(holds)).collect()
    }

    /// Its own reference, else the one of the event, which is about it.
    fn reference<'e>(&'e self, order: &'e Element) -> Result<&'e str, String> {
        match optional(order, "externalReference")? {
            Some(reference) => Ok(reference),
            None if self.is_about_orders() => optional(self.root, "externalReference")?
                .map_or_else(|| required(order, "externalReference"), Ok),
            None => required(order, "externalReference"),
        }
    }

    fn key(&self, order: &Element) -> Option<String> {
        self.reference(order).ok().map(str::to_owned)
    }

    fn is_about_orders(&self) -> bool {
        self.root.attribute("entity").is_none_or(|entity| entity == "order")
    }

    /// Said by the order's state, or by an event about the order: a cancelled line or shipment
    /// cancels no order.
    fn is_cancelled(&self, order: &Element) -> bool {
        let state = |element: &Element| {
            element.attribute("state").is_some_and(|state| state.eq_ignore_ascii_case("cancelled"))
        };
        state(order)
            || self.root.attribute("eventType") == Some("order_cancelled")
            || (self.is_about_orders() && order.attribute("state").is_none() && state(self.root))
    }

    fn shipment(&self, order: &Element, shipment: &Element) -> Result<Draft, String> {
        let reference = required(shipment, "externalReference")?;
        let state = optional(shipment, "state")?.unwrap_or("unknown");
        let tracking = optional(shipment, "despatchReference")?;
        let lines = shipment.child("orderLines").map_or(&[][..], |lines| &lines.children);
        let lines: Vec<&Element> = lines.iter().filter(|line| line.name == "orderLine").collect();
        let despatched = state.eq_ignore_ascii_case("despatched");
        let part = OrderShipment {
            order: self.reference(order)?.to_owned(),
            reference: reference.to_owned(),
            state: state.to_owned(),
            despatched,
            carrier: optional(shipment, "courier")?.map(str::to_owned),
            service: optional(shipment, "courierService")?.map(str::to_owned),
            tracking: tracking
                .map(|number| Tracking { number: number.to_owned(), url: None })
                .into_iter()
                .collect(),
            lines: lines.iter().map(|line| shipment_line(line)).collect::<Result<_, _>>()?,
            despatched_at: None,
            // Neither event nor detail has room for who drives, each package, and when it left.
            brief: despatched,
            extensions: foreign::extensions(self.around_shipment(order, shipment, &lines)),
        };
        let (sequence, time) = (self.message_id()?, self.event_time()?);
        Ok(draft(Part::OrderShipment(part), sequence, MESSAGE_ID, time))
    }

    /// What the shipment, its lines, its order and the event say besides.
    fn around_shipment(&self, order: &Element, shipment: &Element, lines: &[&Element]) -> Foreign {
        let mut found = self.rest(shipment, &SHIPMENT, &["orderLines"]);
        let lines: Vec<Value> = lines
            .iter()
            .map(|line| Value::Object(self.rest(line, &["product", "quantity"], &[])))
            .collect();
        if lines.iter().any(|line| line.as_object().is_some_and(|line| !line.is_empty())) {
            found.insert("orderLines".to_owned(), Value::Array(lines));
        }
        self.around_order(&mut found, order);
        found
    }

    fn around_order(&self, found: &mut Foreign, order: &Element) {
        if self.root.name == "event" && order.start == self.root.start {
            nest(found, "event", self.of_event());
            return;
        }
        nest(found, "order", self.rest(order, &["externalReference"], &["shipments"]));
        if order.start != self.root.start {
            nest(found, "event", self.of_event());
        }
    }

    /// The cancellation that an event without a detail says by its own attributes (OrderFlow reference
    /// §5.3). Its order's detail would not say it: the cancelled order may have another reference by now.
    pub(super) fn bare_cancellation(&self) -> Option<Item> {
        let is_named = match self.root.attribute("entity") {
            Some(entity) => entity == "order",
            None => {
                self.root.attribute("eventType") == Some("order_cancelled")
                    && self.root.attribute("externalReference").is_some()
            }
        };
        if !is_named || !self.is_cancelled(self.root) {
            return None;
        }
        let draft = self.cancellation(self.root);
        let key = self.key(self.root);
        Some(item("/event".to_owned(), key, draft, || self.body.to_vec()))
    }

    fn cancellation(&self, order: &Element) -> Result<Draft, String> {
        let time = self.event_time()?;
        let mut foreign = Foreign::new();
        self.around_order(&mut foreign, order);
        let cancellation = OrderCancellation {
            order: self.reference(order)?.to_owned(),
            cancelled_at: time.unwrap_or(self.received_at),
            reason: self.root.attribute("eventType").map(short),
            brief: time.is_none(),
            extensions: foreign::extensions(foreign),
        };
        let sequence = self.message_id()?;
        Ok(draft(Part::OrderCancellation(cancellation), sequence, MESSAGE_ID, time))
    }
}

fn item(
    pointer: String,
    key: Option<String>,
    draft: Result<Draft, String>,
    fragment: impl FnOnce() -> Vec<u8>,
) -> Item {
    let draft = draft.map_err(|detail| BadItem {
        kind: FailureKind::Validation,
        detail,
        fragment: fragment(),
        key,
    });
    Item { pointer, draft }
}

fn shipment_line(line: &Element) -> Result<ShipmentLine, String> {
    Ok(ShipmentLine {
        sku: required(line, "product")?.to_owned(),
        quantity: decimal(line, "quantity")?.ok_or("@quantity: missing; expected a number")?,
    })
}
