//! Returns (OrderFlow reference §5.5): a part of the order they belong to.

use ferry_canonical::{
    FailureKind, Part,
    order::{OrderReturn, ReturnLine},
};
use serde_json::Value;

use super::{
    Document, MESSAGE_ID, draft,
    fields::{boolean, decimal, optional, required, text},
    foreign::{self, Foreign, nest},
    named,
};
use crate::{BadItem, Draft, Item, xml::Element};

const RETURN: [&str; 7] =
    ["id", "orderReference", "type", "authorised", "authorisation", "site", "note"];
const LINE: [&str; 5] = ["product", "quantity", "reason", "condition", "refund"];

impl Document<'_> {
    pub(super) fn returned(&self, element: &Element) -> Item {
        let order = element.attribute("orderReference").map(str::trim).unwrap_or_default();
        if order.is_empty() {
            let what = named("return", element.attribute("id"));
            return self.skip(&what, "it names no order, and a return is a part of its order");
        }
        let above: Vec<&Element> =
            std::iter::once(self.root).chain(self.root.child("detail")).collect();
        let draft = self.return_part(element).map_err(|detail| BadItem {
            kind: FailureKind::Validation,
            detail,
            fragment: self.cut_out(&above, self.whole(element)),
            key: Some(order.to_owned()),
        });
        Item { pointer: "/event/detail/return".to_owned(), draft }
    }

    fn return_part(&self, element: &Element) -> Result<Draft, String> {
        let lines: Vec<&Element> =
            element.children.iter().filter(|child| child.name == "returnLine").collect();
        let owned = |name| Ok::<_, String>(optional(element, name)?.map(str::to_owned));
        let part = OrderReturn {
            order: required(element, "orderReference")?.to_owned(),
            reference: required(element, "id")?.to_owned(),
            kind: owned("type")?,
            authorised: boolean(element, "authorised")?,
            authorisation: owned("authorisation")?,
            site: owned("site")?,
            returned_at: None,
            note: text(element, "note"),
            lines: lines.iter().map(|line| return_line(line)).collect::<Result<_, _>>()?,
            extensions: foreign::extensions(self.around_return(element, &lines)),
        };
        let (sequence, time) = (self.message_id()?, self.event_time()?);
        Ok(draft(Part::OrderReturn(part), sequence, MESSAGE_ID, time))
    }

    fn around_return(&self, element: &Element, lines: &[&Element]) -> Foreign {
        let mut found = self.rest(element, &RETURN, &["returnLine"]);
        let lines: Vec<Value> =
            lines.iter().map(|line| Value::Object(self.rest(line, &LINE, &[]))).collect();
        if lines.iter().any(|line| line.as_object().is_some_and(|line| !line.is_empty())) {
            found.insert("returnLines".to_owned(), Value::Array(lines));
        }
        nest(&mut found, "event", self.of_event());
        found
    }
}

fn return_line(line: &Element) -> Result<ReturnLine, String> {
    Ok(ReturnLine {
        sku: required(line, "product")?.to_owned(),
        quantity: decimal(line, "quantity")?.ok_or("@quantity: missing; expected a number")?,
        reason: text(line, "reason"),
        condition: text(line, "condition"),
        refund: boolean(line, "refund")?,
    })
}
