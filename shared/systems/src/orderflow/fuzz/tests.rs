//! The fuzzer's entry points on documents that are nearly OrderFlow's.

use std::fmt::Write as _;

use proptest::{collection::vec, prelude::*, sample::select};

use super::{import_result, pulled, push};
use crate::damaged::damaged;

const NAMES: [&str; 32] = [
    "inventory",
    "product",
    "event",
    "detail",
    "order",
    "shipments",
    "shipment",
    "orderLines",
    "orderLine",
    "stockChanges",
    "stockChange",
    "return",
    "returnLine",
    "paymentRequest",
    "delivery",
    "purchaseOrder",
    "reference",
    "orderReference",
    "completed",
    "packages",
    "package",
    "lines",
    "line",
    "report",
    "importResult",
    "importSuccesses",
    "importFailures",
    "importDuplicates",
    "import",
    "error",
    "html",
    "exception",
];
const FIELDS: [&str; 22] = [
    "messageId",
    "externalReference",
    "state",
    "site",
    "available",
    "total",
    "lastStockChangeId",
    "lastLineRequirementChangeId",
    "product",
    "quantity",
    "eventType",
    "eventTime",
    "entity",
    "orderReference",
    "id",
    "authorised",
    "despatchReference",
    "type",
    "operation",
    "item",
    "courier",
    "odd",
];
const VALUES: [&str; 20] = [
    "",
    " ",
    "0",
    "-1",
    "7",
    "1.50",
    "1e9",
    "18446744073709551615",
    "99999999999999999999",
    "W-1",
    "a,b",
    "a&amp;b",
    "&#x9;",
    "[BR]",
    "true",
    "despatched",
    "order_cancelled",
    "2026-10-25 01:30:00",
    "9999-12-31 23:59:59",
    "Łódź 🫖",
];
const SAMPLES: [&str; 7] = [
    r#"<inventory messageId="9"><product externalReference="M" site="L" available="3" lastStockChangeId="1" lastLineRequirementChangeId="2"/><product/></inventory>"#,
    r#"<event messageId="8" eventType="order_cancelled" entity="order"><detail><order externalReference="W"><shipments><shipment externalReference="S" state="despatched"><orderLines><orderLine product="M" quantity="1"/></orderLines></shipment></shipments></order></detail></event>"#,
    "<shipments><shipment><reference>S</reference><orderReference>W</orderReference><completed>2026-10-25 01:30:00</completed><orderLines><orderLine><productReference>M</productReference><quantity>1</quantity></orderLine></orderLines></shipment></shipments>",
    r#"<importResult><importSuccesses><import type="order" externalReference="W" item="1"/></importSuccesses><importFailures><import><failureMessage>x</failureMessage></import></importFailures></importResult>"#,
    r#"<event messageId="4"><detail><return id="1" orderReference="A" authorised="maybe"><returnLine product="M" quantity="1"/></return></detail></event>"#,
    "<inventory><exception></exception></inventory>",
    "<inventory><lines></lines><inventory></inventory></inventory>",
];

fn all(body: &[u8]) {
    push(body);
    pulled(body);
    import_result(body);
}

fn attributes() -> impl Strategy<Value = String> {
    vec((select(&FIELDS[..]), select(&VALUES[..])), 0..5).prop_map(|pairs| {
        let mut text = String::new();
        for (index, (name, value)) in pairs.iter().enumerate() {
            // Twice is not well-formed, and most documents should be.
            if pairs.iter().take(index).all(|(other, _)| other != name) {
                let _ = write!(text, " {name}=\"{value}\"");
            }
        }
        text
    })
}

/// A tree of OrderFlow's own words in any order.
fn tree() -> impl Strategy<Value = String> {
    let leaf = (select(&NAMES[..]), attributes(), select(&VALUES[..]))
        .prop_map(|(name, attributes, text)| format!("<{name}{attributes}>{text}</{name}>"));
    leaf.prop_recursive(5, 60, 6, |inner| {
        (select(&NAMES[..]), attributes(), vec(inner, 0..6)).prop_map(
            |(name, attributes, children)| {
                format!("<{name}{attributes}>{}</{name}>", children.concat())
            },
        )
    })
}

#[test]
fn known_documents_keep_every_promise() {
    for sample in SAMPLES {
        all(sample.as_bytes());
    }
}

proptest! {
    #[test]
    fn trees_of_its_own_words_keep_every_promise(body in tree()) {
        all(body.as_bytes());
    }

    #[test]
    fn damaged_documents_keep_every_promise(body in damaged(SAMPLES.map(str::to_owned).to_vec())) {
        all(&body);
    }

    #[test]
    fn any_bytes_keep_every_promise(body in vec(any::<u8>(), 0..200)) {
        all(&body);
    }
}
