//! What OrderFlow says beyond the canonical fields, as JSON under `extensions.orderflow`.
//!
//! Its formats are configurable per customer (OrderFlow reference §2.2, §8.6), so an attribute or an
//! element that nobody knows is carried on, and never fails its item. An attribute becomes a text by
//! its name; a child a text, or an object of what it has; several of one name become an array. Deeper
//! than [`DEPTH`] the XML itself stands there, so that an event nests no deeper than its readers read.

use ferry_canonical::value::Extensions;
use serde_json::{Map, Value};

use crate::xml::Element;

/// JSON of one level nests twice at most.
const DEPTH: usize = 12;

pub(super) type Foreign = Map<String, Value>;

/// What of `element` is neither among `attributes` nor among `children`.
pub(super) fn rest(
    body: &[u8],
    element: &Element,
    attributes: &[&str],
    children: &[&str],
) -> Foreign {
    fields(body, element, (attributes, children), DEPTH)
}

/// Extensions, if there is anything to say.
pub(super) fn extensions(foreign: Foreign) -> Extensions {
    if foreign.is_empty() {
        return Extensions::new();
    }
    Extensions::from([("orderflow".to_owned(), Value::Object(foreign))])
}

/// Adds what was found somewhere else under a name of its own.
pub(super) fn nest(foreign: &mut Foreign, name: &str, found: Foreign) {
    if !found.is_empty() {
        add(foreign, name, Value::Object(found));
    }
}

fn fields(
    body: &[u8],
    element: &Element,
    (attributes, children): (&[&str], &[&str]),
    depth: usize,
) -> Foreign {
    let mut found = Foreign::new();
    for (name, value) in &element.attributes {
        if !attributes.contains(&name.as_str()) {
            add(&mut found, name, Value::from(value.as_str()));
        }
    }
    for child in &element.children {
        if !children.contains(&child.name.as_str()) {
            add(&mut found, &child.name, whole(body, child, depth));
        }
    }
    found
}

fn whole(body: &[u8], element: &Element, depth: usize) -> Value {
    let text = element.text.trim();
    if element.attributes.is_empty() && element.children.is_empty() {
        return Value::from(text);
    }
    let Some(depth) = depth.checked_sub(1) else {
        let xml = body.get(element.start..element.end).unwrap_or_default();
        return Value::from(String::from_utf8_lossy(xml));
    };
    let mut found = fields(body, element, (&[], &[]), depth);
    if !text.is_empty() {
        add(&mut found, "text", Value::from(text));
    }
    Value::Object(found)
}

fn add(found: &mut Foreign, name: &str, value: Value) {
    match found.get_mut(name) {
        None => drop(found.insert(name.to_owned(), value)),
        Some(Value::Array(several)) => several.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::xml;

    fn of(body: &str) -> Value {
        let root = xml::parse(body.as_bytes()).unwrap();
        Value::Object(rest(body.as_bytes(), &root, &["known"], &["lines"]))
    }

    #[test]
    fn unknown_attributes_and_elements_are_carried_on_and_known_ones_are_not() {
        let found = of(
            "<a known=\"1\" colour=\"red\"><lines><line/></lines><note>wet</note><tag>x</tag><tag>y</tag>\
             <box size=\"L\">two<inner/></box></a>",
        );
        let expected = json!({
            "colour": "red", "note": "wet", "tag": ["x", "y"],
            "box": { "size": "L", "inner": "", "text": "two" },
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn an_attribute_and_a_child_of_one_name_are_both_kept() {
        assert_eq!(of("<a note=\"1\"><note>2</note></a>"), json!({ "note": ["1", "2"] }));
    }

    #[test]
    fn what_nests_without_end_is_kept_as_xml() {
        let deep = format!("<a>{}x{}</a>", "<b k=\"\">".repeat(40), "</b>".repeat(40));
        let text = of(&deep).to_string();
        assert!(text.contains("<b k=\\\"\\\"><b"), "{text}");
        let depth =
            text.chars().take_while(|c| "{\"b:k,".contains(*c)).filter(|c| *c == '{').count();
        assert!(depth <= DEPTH + 1, "{depth}");
    }
}
