//! An order as OrderFlow has it (OrderFlow reference §4): its state, its shipments, their lines.

use std::collections::BTreeMap;

use ferry_canonical::{FailureKind, value::Decimal};
use ferry_http::{Conversation, Method, Response};

use super::{Orderflow, answer, properties::Import};
use crate::{
    Failure,
    rules::is_about_the_system,
    xml::{self, Element},
};

/// Of a refusal, where its own reason stands: what is far behind it may be another one's.
const BEGINNING_CHARS: usize = 300;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Detail {
    /// `created`; other words are an instance's own.
    pub(super) state: String,
    /// The first shipment that has left the warehouse or is packed: its reference and its state.
    pub(super) shipped: Option<(String, String)>,
    /// Product and quantity, over all shipments.
    pub(super) lines: Lines,
}

/// Product and quantity of each line, in order.
pub(super) type Lines = Vec<(String, String)>;

impl Detail {
    pub(super) fn is_cancelled(&self) -> bool {
        self.state.eq_ignore_ascii_case("cancelled")
    }
}

/// What an order asks for, as its detail would show it.
pub(super) fn lines_of(import: &Import) -> Lines {
    let mut lines: BTreeMap<&str, (String, String)> = BTreeMap::new();
    for (key, value) in import.properties.iter() {
        let Some((number, field)) =
            key.strip_prefix("orderLine.").and_then(|rest| rest.split_once('.'))
        else {
            continue;
        };
        let line = lines.entry(number).or_default();
        match field {
            "product.externalReference" => value.clone_into(&mut line.0),
            "quantity" => line.1 = plain(value),
            _ => {}
        }
    }
    let mut lines: Lines = lines.into_values().collect();
    lines.sort();
    lines
}

/// The order of this reference; none where OrderFlow has no such order.
pub(super) async fn read(
    system: &Orderflow,
    conversation: &Conversation,
    reference: &str,
) -> Result<Option<Detail>, Failure> {
    let encoded = crate::url::encode(reference);
    let path = format!("/remoteorder/order/detail.xml?externalReference={encoded}");
    let request = system.request("read order", Method::Get, &path, "");
    let answer = conversation.send(request).await;
    let response = answer.map_err(|error| Failure::unanswered(&error, false))?;
    if says_absent(&response, reference) {
        return Ok(None);
    }
    match response.status {
        200..=299 => understood(&response, reference).map_err(|other| {
            // Neither the order nor that there is none: nothing is refused by that. A rule may know
            // that it says something of OrderFlow as a whole.
            let refusal = system.rules.refusal(&response);
            refusal.filter(|refusal| is_about_the_system(refusal.kind)).unwrap_or(other)
        }),
        status => {
            // A page of 404 is a proxy's, or that of a server whose OrderFlow is being started.
            let known = answer::judged(&system.rules, &response).err().filter(|_| status != 404);
            let unknown = || {
                let detail = format!("OrderFlow answered {status} to a look at the order");
                Failure::new(FailureKind::Unavailable, detail).with_response(&response)
            };
            Err(Failure { unread: false, ..known.unwrap_or_else(unknown) })
        }
    }
}

/// Whether there is no such order: by OrderFlow's own exception, or by a sentence about this one. That a
/// channel or a page is not found says nothing of an order.
fn says_absent(response: &Response, reference: &str) -> bool {
    let beginning: String = response.text().trim().chars().take(BEGINNING_CHARS).collect();
    let has = |text: &str| beginning.contains(text);
    let is_named = has(reference) || has(&quick_xml::escape::escape(reference));
    let is_page = beginning.to_ascii_lowercase().contains("<html");
    has("MissingDataException")
        || (has("not found") && is_named)
        || (response.status == 404 && !is_page)
}

fn understood(response: &Response, reference: &str) -> Result<Option<Detail>, Failure> {
    let root = xml::parse(&response.body).map_err(|error| {
        let detail = format!("the order's detail cannot be read: {error}");
        Failure::new(FailureKind::Unavailable, detail).with_response(response)
    })?;
    if root.name == "order" && root.child("exception").is_none() {
        let ours = root.attribute("externalReference") == Some(reference);
        return Ok(ours.then(|| detail(&root)));
    }
    let detail = format!("the order's detail is a `{}`, not an order", root.name);
    Err(Failure::new(FailureKind::Unavailable, detail).with_response(response))
}

fn detail(order: &Element) -> Detail {
    let shipments = || {
        let all = order.child("shipments").into_iter().flat_map(|list| &list.children);
        all.filter(|child| child.name == "shipment")
    };
    let lines = shipments().filter_map(|shipment| shipment.child("orderLines"));
    let lines = lines.flat_map(|lines| &lines.children).filter(|line| line.name == "orderLine");
    let mut lines: Lines = lines.map(line).collect();
    lines.sort();
    let shipped = shipments().find(|shipment| has_left(shipment)).map(|shipment| {
        let word = |name: &str| shipment.attribute(name).unwrap_or_default().to_owned();
        (word("externalReference"), word("state"))
    });
    Detail { state: order.attribute("state").unwrap_or_default().to_owned(), shipped, lines }
}

/// States are an instance's own words: what has a tracking number has left, whatever it is called.
fn has_left(shipment: &Element) -> bool {
    let state = shipment.attribute("state").unwrap_or_default();
    let left = ["packed", "despatched"].iter().any(|word| state.eq_ignore_ascii_case(word));
    left || shipment.attribute("despatchReference").is_some_and(|number| !number.is_empty())
}

fn line(line: &Element) -> (String, String) {
    let word = |name: &str| line.attribute(name).unwrap_or_default().trim().to_owned();
    (word("product"), plain(&word("quantity")))
}

/// A quantity as any other that is equal to it.
fn plain(quantity: &str) -> String {
    Decimal::parse(quantity).map_or_else(|_| quantity.to_owned(), |decimal| decimal.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response {
        Response { status, headers: Vec::new(), body: body.to_owned().into() }
    }

    fn read(body: &str) -> Detail {
        understood(&answer(200, body), "WEB-1").unwrap().unwrap()
    }

    #[test]
    fn an_order_is_absent_only_where_something_is_said_of_it() {
        for (status, body, absent) in [
            (200, "<r><exception>rtd.exceptions.MissingDataException</exception></r>", true),
            (200, "<error>Order WEB&amp;1 not found</error>", true),
            (404, "", true),
            (404, "<error>no such order</error>", true),
            (200, "<error>Channel web not found</error>", false),
            (200, "<html><body><h1>Not found</h1></body></html>", false),
            (404, "<!doctype html><HTML><title>404 not found</title></HTML>", false),
            (200, r#"<order externalReference="WEB&amp;1" state="created"/>"#, false),
        ] {
            assert_eq!(says_absent(&answer(status, body), "WEB&1"), absent, "{status} {body}");
        }
    }

    #[test]
    fn an_exception_inside_an_order_is_no_order() {
        let body = r#"<order externalReference="WEB-1"><exception>x.Y</exception></order>"#;
        let failure = understood(&answer(200, body), "WEB-1").unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);
    }

    #[test]
    fn an_open_order_has_lines_and_nothing_that_left() {
        let detail = read(
            r#"<order externalReference="WEB-1" state="created"><shipments>
               <shipment sequence="1" state="ready" externalReference="WEB-1"><orderLines>
               <orderLine product="TEA" quantity="2.50"/><orderLine product="MUG" quantity="2"/>
               </orderLines></shipment></shipments></order>"#,
        );
        let lines = [("MUG", "2"), ("TEA", "2.5")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(detail.lines, lines);
        assert_eq!((detail.state.as_str(), detail.shipped), ("created", None));
    }

    #[test]
    fn a_shipment_has_left_by_its_state_or_by_its_tracking_number() {
        for shipment in [
            r#"<shipment state="Despatched" externalReference="S1"/>"#,
            r#"<shipment state="packed" externalReference="S1"/>"#,
            r#"<shipment state="on the road" externalReference="S1" despatchReference="T1"/>"#,
        ] {
            let body = format!(
                r#"<order externalReference="WEB-1" state="created"><shipments>
                   <shipment state="ready"/>{shipment}</shipments></order>"#
            );
            assert_eq!(read(&body).shipped.unwrap().0, "S1", "{shipment}");
        }
    }
}
