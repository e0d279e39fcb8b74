//! What OrderFlow answers to an import request: one verdict per item (OrderFlow reference §3.5).
//!
//! Promises that every `<import>` of the request is in exactly one of the three lists, with its
//! type, operation and reference as they were sent. The HTTP status is 200 whatever the verdicts.

use std::fmt::Display;

use super::imports::Import;
use super::xml::Element;

/// Why an item is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) message: String,
    pub(super) detail: &'static str,
}

impl Refusal {
    /// Something the item refers to is not there.
    pub(super) fn missing(message: impl Display) -> Self {
        Self { message: message.to_string(), detail: "rtd.exceptions.MissingDataException" }
    }

    /// The item itself is not acceptable.
    pub(super) fn invalid(message: impl Display) -> Self {
        Self { message: message.to_string(), detail: "rtd.exceptions.ValidationException" }
    }
}

/// How one item ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Taken; `item` is OrderFlow's own number for it.
    Success {
        entity: &'static str,
        item: u64,
    },
    Failure(Refusal),
    /// An insert of what exists.
    Duplicate {
        message: String,
        detail: String,
    },
}

/// The `importResult` document for items and their verdicts, in request order.
pub(super) fn import_result(items: &[(Import, Verdict)], query_time: &str) -> String {
    let mut successes = Element::new("importSuccesses");
    let mut failures = Element::new("importFailures");
    let mut duplicates = Element::new("importDuplicates");
    for (import, verdict) in items {
        let item = Element::new("import")
            .attribute("type", &import.kind)
            .attribute("operation", &import.operation)
            .attribute_if("externalReference", import.external_reference.as_deref());
        match verdict {
            Verdict::Success { entity, item: number } => {
                let item = item.attribute("entity", entity).attribute("item", number);
                successes = successes.child(item.attribute("queryTime", query_time));
            }
            Verdict::Failure(refusal) => {
                failures = failures.child(
                    item.attribute("queryTime", query_time)
                        .child(Element::holding("failureMessage", &refusal.message))
                        .child(Element::holding("failureDetail", refusal.detail)),
                );
            }
            Verdict::Duplicate { message, detail } => {
                duplicates = duplicates.child(
                    item.attribute("queryTime", query_time)
                        .child(Element::holding("duplicateMessage", message))
                        .child(Element::holding("duplicateDetail", detail)),
                );
            }
        }
    }
    Element::new("importResult").children([successes, failures, duplicates]).document()
}

/// Whole-request refusal as a root `<error>` with its text (OrderFlow reference §3.6).
pub(super) fn error(text: impl Display) -> String {
    Element::holding("error", text).document()
}

/// Whole-request refusal as an `<exception>` beside its `<message>` (OrderFlow reference §3.6).
pub(super) fn exception(refusal: &Refusal) -> String {
    Element::new("response")
        .child(Element::holding("exception", refusal.detail))
        .child(Element::holding("message", &refusal.message))
        .document()
}

/// Whole-request refusal as the HTML page of the servlet container (OrderFlow reference §3.6).
pub(super) fn html_error(reason: impl Display) -> String {
    let reason = reason.to_string();
    let reason = quick_xml::escape::escape(&*reason);
    format!(
        "<html><head><title>OrderFlow</title></head><body><h2>ERROR</h2><p>{reason}</p></body></html>"
    )
}

#[cfg(test)]
mod tests {
    use super::{Refusal, Verdict, html_error, import_result};
    use crate::orderflow::imports::Import;

    fn import(reference: &str) -> Import {
        Import {
            kind: "order".into(),
            operation: "insert".into(),
            external_reference: Some(reference.into()),
            text: String::new(),
        }
    }

    #[test]
    fn every_item_is_in_exactly_one_list_with_what_was_sent() {
        let items = [
            (import("A&1"), Verdict::Success { entity: "order", item: 48_211 }),
            (import("B"), Verdict::Failure(Refusal::missing("Product NOPE not found"))),
            (
                import("C"),
                Verdict::Duplicate {
                    message: "exists".into(),
                    detail: "externalReference C".into(),
                },
            ),
        ];
        let document = import_result(&items, "2024-03-01 09:16:02");
        assert_eq!(
            document.split_once('\n').unwrap().1,
            "<importResult>\
             <importSuccesses><import type=\"order\" operation=\"insert\" externalReference=\"A&amp;1\" \
             entity=\"order\" item=\"48211\" queryTime=\"2024-03-01 09:16:02\"/></importSuccesses>\
             <importFailures><import type=\"order\" operation=\"insert\" externalReference=\"B\" \
             queryTime=\"2024-03-01 09:16:02\"><failureMessage>Product NOPE not found</failureMessage>\
             <failureDetail>rtd.exceptions.MissingDataException</failureDetail></import></importFailures>\
             <importDuplicates><import type=\"order\" operation=\"insert\" externalReference=\"C\" \
             queryTime=\"2024-03-01 09:16:02\"><duplicateMessage>exists</duplicateMessage>\
             <duplicateDetail>externalReference C</duplicateDetail></import></importDuplicates>\
             </importResult>"
        );
    }

    #[test]
    fn a_reason_cannot_break_the_error_page() {
        assert!(html_error("<b>").contains("<p>&lt;b&gt;</p>"));
    }
}
