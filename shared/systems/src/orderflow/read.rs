//! What OrderFlow says, as canonical drafts: pushes (OrderFlow reference §5), and what was pulled (§4).
//!
//! Attributes and elements nobody knows are carried as extensions; formats are configurable at
//! OrderFlow. What has no canonical facet becomes a skip that says so.

mod despatch;
mod fields;
mod foreign;
mod order;
mod report;
mod returned;
mod stock;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ferry_canonical::{Clock, FailureKind, Part, Sequence};
use jiff::{Timestamp, tz::TimeZone};

use self::{
    fields::{number, optional, short, whole},
    foreign::Foreign,
};
use super::{Orderflow, PUSH, pull, times};
use crate::{
    BadItem, Draft, Item, Record,
    draft::PartDraft,
    xml::{self, Element, XmlError},
};

/// The clock of everything but stock.
const MESSAGE_ID: &str = "message-id";

/// A document, while it is read.
struct Document<'a> {
    body: &'a [u8],
    root: &'a Element,
    zone: &'a TimeZone,
    endpoint: &'a str,
    /// The highest message id that was heard before this was asked for.
    heard: Option<&'a str>,
    received_at: Timestamp,
}

pub(super) fn items(record: &Record<'_>, orderflow: &Orderflow) -> Vec<Item> {
    let root = match xml::parse(record.body) {
        Ok(root) => root,
        Err(error) => {
            let kind = match error {
                XmlError::Depth | XmlError::Nodes => FailureKind::TooLarge,
                XmlError::Encoding { .. }
                | XmlError::Malformed { .. }
                | XmlError::Doctype { .. }
                | XmlError::Entity { .. } => FailureKind::Parse,
            };
            let fragment = record.body.to_vec();
            let bad = BadItem { kind, detail: error.to_string(), fragment, key: None };
            return vec![Item { pointer: "/".to_owned(), draft: Err(bad) }];
        }
    };
    let pushed = record.endpoint == PUSH;
    let document = Document {
        body: record.body,
        root: &root,
        zone: &orderflow.zone,
        endpoint: record.endpoint,
        heard: record.message_id.filter(|_| !pushed),
        received_at: record.received_at,
    };
    match pull::report_name(record.endpoint) {
        Some(name) => document.report(name, orderflow.reports.get(name)),
        None => document.items(),
    }
}

/// Whether a level has its place by counters of its own, whatever was heard. One whose counters cannot
/// be read gets none.
pub(super) fn is_counted(product: &Element) -> bool {
    !matches!(stock::counted(product), Ok(None))
}

impl Document<'_> {
    fn items(&self) -> Vec<Item> {
        let items = self.of_its_kind();
        if items.is_empty() {
            return vec![self.skip(&short(&self.root.name), "it carries nothing")];
        }
        items
    }

    fn of_its_kind(&self) -> Vec<Item> {
        match self.root.name.as_str() {
            "inventory" => self.inventory(),
            "event" => self.event(),
            "order" => self.order(self.root),
            "shipments" if self.endpoint == pull::PENDING => vec![self.pending()],
            "shipments" => self.despatches(),
            "stockChanges" => vec![self.stock_changes()],
            "paymentRequest" => {
                let orders = self.root.children.iter().filter(|child| child.name == "order");
                let orders: Vec<&str> =
                    orders.filter_map(|order| order.attribute("externalReference")).collect();
                let what = named("paymentRequest", orders.first().copied());
                vec![self.skip(&what, "payment requests have no canonical facet")]
            }
            name => vec![self.skip(&short(name), "no such OrderFlow document is known")],
        }
    }

    /// Whatever `detail` holds, one after the other; formats are the customer's own.
    fn event(&self) -> Vec<Item> {
        let event = format!("event {}", short(self.event_type()));
        let details = self.root.children.iter().filter(|child| child.name == "detail");
        let details: Vec<&Element> = details.flat_map(|detail| &detail.children).collect();
        if details.is_empty() {
            let bare = self.bare_cancellation();
            return vec![bare.unwrap_or_else(|| self.skip(&event, "it carries no detail"))];
        }
        let mut items = Vec::new();
        for detail in details {
            match detail.name.as_str() {
                "order" => items.extend(self.order(detail)),
                "return" => items.push(self.returned(detail)),
                name => {
                    let what = named(&short(name), detail.attribute("id").map(str::trim));
                    let what = format!("{what} ({event})");
                    items.push(self.skip(&what, without_facet(name)));
                }
            }
        }
        items
    }

    fn event_type(&self) -> &str {
        self.root.attribute("eventType").unwrap_or("without eventType")
    }

    /// A skip for what is inside `list` and is no `item`, name by name: formats are the customer's own,
    /// and nothing that was acknowledged goes without a word.
    fn others(&self, list: &Element, item: &str) -> Vec<Item> {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for child in list.children.iter().filter(|child| child.name != item) {
            *names.entry(&child.name).or_default() += 1;
        }
        let told = |(name, count): (&str, usize)| {
            let what = format!("{count} × {} in {}", short(name), short(&list.name));
            self.skip(&what, &format!("only `{item}` is read there"))
        };
        names.into_iter().map(told).collect()
    }

    fn skip(&self, what: &str, reason: &str) -> Item {
        let skip = Draft::Skip { what: what.to_owned(), reason: reason.to_owned() };
        Item { pointer: format!("/{}", self.root.name), draft: Ok(skip) }
    }

    /// The place on the clock of messages. What was pulled is no message: it comes behind whatever
    /// had been heard before.
    fn message_id(&self) -> Result<u128, String> {
        let id = number(self.root, "messageId")?;
        let pulled = || (self.endpoint != PUSH).then(|| self.heard.and_then(whole).unwrap_or(0));
        id.or_else(pulled)
            .ok_or_else(|| format!("/{}/@messageId: missing; expected a number", self.root.name))
    }

    fn event_time(&self) -> Result<Option<Timestamp>, String> {
        let Some(text) = optional(self.root, "eventTime")? else { return Ok(None) };
        self.time("@eventTime", text).map(Some)
    }

    fn time(&self, name: &str, text: &str) -> Result<Timestamp, String> {
        times::parse(text, self.zone).ok_or_else(|| {
            format!("{name}: `{}` is not a time such as 2024-03-02 16:40:11", short(text))
        })
    }

    /// What of an element no canonical field takes.
    fn rest(&self, element: &Element, attributes: &[&str], children: &[&str]) -> Foreign {
        foreign::rest(self.body, element, attributes, children)
    }

    /// What of the event itself no canonical field takes: who did it, by which operation.
    fn of_event(&self) -> Foreign {
        self.rest(self.root, &["messageId", "eventTime"], &["detail", "order", "shipments"])
    }

    /// The document with nothing but `item`, which stands inside the elements of `path`, the
    /// outermost first: a record of one.
    fn cut_out(&self, path: &[&Element], item: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for element in path {
            out.extend_from_slice(self.opening(element));
        }
        out.extend_from_slice(item);
        for element in path.iter().rev() {
            out.extend_from_slice(format!("</{}>", element.name).as_bytes());
        }
        out
    }

    fn whole(&self, element: &Element) -> &[u8] {
        self.cut(element.start, element.end)
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

/// `delivery 7`, or the bare name.
fn named(name: &str, id: Option<&str>) -> String {
    match id.filter(|id| !id.is_empty()) {
        Some(id) => format!("{name} {}", short(id)),
        None => name.to_owned(),
    }
}

fn without_facet(name: &str) -> &'static str {
    match name {
        "delivery" => "deliveries have no canonical facet",
        "deliveryLine" => "delivery lines have no canonical facet",
        "purchaseOrder" => "purchase orders have no canonical facet",
        _ => "its entity has no canonical facet",
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
