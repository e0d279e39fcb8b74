//! An answer, as rules look at it.

use std::{borrow::Cow, io};

use ferry_config::responses::AnswerPath;
use ferry_http::Response;
use serde_json::Value;

use super::html;
use crate::xml::{self, Element};

/// Of the text at one path, what is looked at.
const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Of the values at one path.
const VALUES_MAX: usize = 1_000;

/// An answer, or one item of it.
#[derive(Debug)]
pub(crate) struct Said<'a> {
    status: u16,
    text: Cow<'a, str>,
    body: Body,
}

/// What stands at a path.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    pub(super) values: Vec<Cow<'a, str>>,
    /// Whether all was looked at that could stand there: not in a body that is no document, and not
    /// where there is more than is looked at.
    pub(super) is_all: bool,
}

#[derive(Debug)]
enum Body {
    Xml(Element),
    /// What could be read of a page.
    Page(Element),
    Json(Value),
    Text,
}

impl<'a> Said<'a> {
    pub(crate) fn of(response: &'a Response) -> Self {
        Self { status: response.status, text: text(&response.body), body: body(response) }
    }

    /// One item: `document` has nothing else, and `element` is where it stands in the answer.
    pub(crate) fn item(response: &'a Response, element: &Element, document: Element) -> Self {
        let bytes = response.body.get(element.start..element.end).unwrap_or_default();
        Self { status: response.status, text: text(bytes), body: Body::Xml(document) }
    }

    pub(super) const fn status(&self) -> u16 {
        self.status
    }

    /// What stands at `path`, as texts.
    pub(super) fn at(&self, path: &AnswerPath) -> Found<'_> {
        if path.is_whole() {
            return Found { values: vec![Cow::Borrowed(&*self.text)], is_all: true };
        }
        let found = match &self.body {
            Body::Xml(root) => in_xml(root, path.steps()),
            Body::Page(root) => Found { is_all: false, ..in_xml(root, path.steps()) },
            Body::Json(value) => in_json(value, path.steps()),
            Body::Text => Found::default(),
        };
        found.within(TEXT_BYTES_MAX)
    }
}

impl Found<'_> {
    /// The values that have no more than `left` bytes together.
    fn within(self, mut left: usize) -> Self {
        let values = self.values.into_iter().map_while(|value| {
            left = left.checked_sub(value.len())?;
            Some(value)
        });
        Self { values: values.collect(), is_all: self.is_all }
    }
}

/// The first of what is below; `is_all` becomes false where that is not all.
fn first<T>(mut below: impl Iterator<Item = T>, is_all: &mut bool) -> Vec<T> {
    let first = below.by_ref().take(VALUES_MAX).collect();
    *is_all &= below.next().is_none();
    first
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.get(..TEXT_BYTES_MAX).unwrap_or(bytes))
}

/// Its first character says what it is: a media type is often only what a server says of everything.
fn body(response: &Response) -> Body {
    let bytes: &[u8] = &response.body;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'<') => xml::parse(bytes).map_or_else(|_| unlike_xml(bytes), Body::Xml),
        Some(b'{' | b'[') => serde_json::from_slice(bytes).map_or(Body::Text, Body::Json),
        Some(_) | None => Body::Text,
    }
}

fn unlike_xml(bytes: &[u8]) -> Body {
    let text = text(bytes);
    let text = text.trim_start();
    if html::is_page(text) { Body::Page(html::page(text)) } else { Body::Text }
}

/// Elements by their names from the root down; the last step may be an attribute.
fn in_xml<'e>(root: &'e Element, steps: &[String]) -> Found<'e> {
    let attribute = steps.last().and_then(|last| last.strip_prefix('@'));
    let names = steps.len() - usize::from(attribute.is_some());
    let is = |step: &str, element: &Element| step == AnswerPath::ANY || step == element.name;
    let (mut found, mut is_all): (Vec<&'e Element>, bool) = (Vec::new(), true);
    for (depth, step) in steps.iter().take(names).enumerate() {
        if depth == 0 {
            found.extend(is(step, root).then_some(root));
            continue;
        }
        let below = found.into_iter().flat_map(|element| &element.children);
        found = first(below.filter(|element| is(step, element)), &mut is_all);
    }
    let texts = found.into_iter().filter_map(|element| match attribute {
        Some(name) => element.attribute(name),
        None => Some(element.text.as_str()),
    });
    let values = texts.map(|text| Cow::Borrowed(cut(text.trim()))).collect();
    Found { values, is_all }
}

/// Members by their names and places of lists by their numbers.
fn in_json<'v>(value: &'v Value, steps: &[String]) -> Found<'v> {
    let (mut found, mut is_all) = (vec![value], true);
    for step in steps {
        found = first(found.into_iter().flat_map(|value| below(value, step)), &mut is_all);
    }
    Found { values: found.into_iter().filter_map(shown).collect(), is_all }
}

fn below<'v>(value: &'v Value, step: &str) -> Vec<&'v Value> {
    // One more tells that there are more.
    let (any, most) = (step == AnswerPath::ANY, VALUES_MAX + 1);
    match value {
        Value::Object(members) if any => members.values().take(most).collect(),
        Value::Object(members) => members.get(step).into_iter().collect(),
        Value::Array(items) if any => items.iter().take(most).collect(),
        Value::Array(items) => {
            let index = step.parse::<usize>().ok();
            index.and_then(|index| items.get(index)).into_iter().collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn shown(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Cow::Borrowed(cut(text.trim()))),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            let mut start = Start(Vec::new());
            // What is longer ends in an error, and its beginning is there.
            _ = serde_json::to_writer(&mut start, value);
            Some(Cow::Owned(cut(&String::from_utf8_lossy(&start.0)).to_owned()))
        }
    }
}

/// The beginning of what is written, and no more.
struct Start(Vec<u8>);

impl io::Write for Start {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = TEXT_BYTES_MAX - self.0.len();
        let fitting = bytes.get(..room).unwrap_or(bytes);
        self.0.extend_from_slice(fitting);
        Ok(fitting.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or(text)
}
