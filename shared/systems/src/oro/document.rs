//! JSON:API resources: reading what came, building what is sent, and telling them apart.

use ferry_canonical::value::Decimal;
use serde_json::{Map, Number, Value, json};

/// The attribute, unless it is missing or null.
pub(super) fn attribute<'a>(resource: &'a Value, name: &str) -> Option<&'a Value> {
    resource.get("attributes")?.get(name).filter(|value| !value.is_null())
}

/// The attribute where it is a text that says something.
pub(super) fn text<'a>(resource: &'a Value, name: &str) -> Option<&'a str> {
    attribute(resource, name)?.as_str().filter(|text| !text.trim().is_empty())
}

/// The attribute as a decimal: Oro writes numbers as text or as JSON numbers (reference §3).
pub(super) fn number(resource: &Value, name: &str) -> Option<Decimal> {
    let value = attribute(resource, name)?;
    match value.as_str() {
        Some(text) => Decimal::parse(text).ok(),
        None => Decimal::parse(&without_exponent(value.as_number()?)).ok(),
    }
}

/// A text as the shop keeps it: its forms take off what stands around it and is not seen.
pub(super) fn kept(text: &str) -> &str {
    text.trim_matches(|char: char| char.is_whitespace() || char.is_control() || is_format(char))
}

/// What guides the writing and is not seen itself.
const fn is_format(char: char) -> bool {
    matches!(
        char,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
    )
}

/// A very small float is written as `1.0e-7`.
fn without_exponent(number: &Number) -> String {
    let text = number.to_string();
    match number.as_f64() {
        Some(float) if text.contains(['e', 'E']) => float.to_string(),
        _ => text,
    }
}

pub(super) fn id(resource: &Value) -> Option<&str> {
    resource.get("id")?.as_str()
}

/// The id a to-one relation names.
pub(super) fn one<'a>(resource: &'a Value, relation: &str) -> Option<&'a str> {
    id(resource.get("relationships")?.get(relation)?.get("data")?)
}

/// The ids a to-many relation names.
pub(super) fn many<'a>(resource: &'a Value, relation: &str) -> Vec<&'a str> {
    let linkage = resource.get("relationships").and_then(|relations| relations.get(relation));
    let references = linkage.and_then(|linkage| linkage.get("data")).and_then(Value::as_array);
    references.into_iter().flatten().filter_map(id).collect()
}

/// The rows of a list, or the one row of a single answer.
pub(super) fn rows(document: &Value) -> &[Value] {
    match document.get("data") {
        Some(Value::Array(rows)) => rows,
        Some(row) if row.is_object() => std::slice::from_ref(row),
        Some(_) | None => &[],
    }
}

/// The row whose attribute is `wanted`. Oro compares keys without regard to case and reads a comma
/// as a list: the exact one, or the only one that differs in case.
pub(super) fn named<'a>(rows: &'a [Value], attribute: &str, wanted: &str) -> Option<&'a Value> {
    let wanted = kept(wanted);
    let exact = rows.iter().find(|row| text(row, attribute) == Some(wanted));
    exact.or_else(|| {
        let folded = wanted.to_lowercase();
        let mut alike = rows
            .iter()
            .filter(|row| text(row, attribute).is_some_and(|found| found.to_lowercase() == folded));
        alike.next().filter(|_| alike.next().is_none())
    })
}

/// The included resource of this type and id.
pub(super) fn included<'a>(document: &'a Value, kind: &str, wanted: &str) -> Option<&'a Value> {
    let resources = document.get("included")?.as_array()?;
    resources.iter().find(|found| {
        id(found) == Some(wanted) && found.get("type").and_then(Value::as_str) == Some(kind)
    })
}

/// What stands for a new resource in what is included with it.
pub(super) const ITSELF: &str = "itself";

/// A resource to be sent. Oro refuses empty `attributes` and `relationships` (reference §3): they
/// are left away.
#[derive(Clone, Debug, Default)]
pub(super) struct Resource {
    pub(super) kind: &'static str,
    pub(super) id: Option<String>,
    attributes: Map<String, Value>,
    relationships: Map<String, Value>,
    meta: Option<Value>,
}

impl Resource {
    pub(super) fn new(kind: &'static str) -> Self {
        Self { kind, ..Self::default() }
    }

    pub(super) fn with_id(kind: &'static str, id: impl Into<String>) -> Self {
        Self { kind, id: Some(id.into()), ..Self::default() }
    }

    /// The same under an id, its own or one that stands for it within a request.
    #[must_use]
    pub(super) fn named(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// Texts are sent as the shop keeps them: so they are when it says them again.
    #[must_use]
    pub(super) fn attribute(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value: Value = value.into();
        let text = value.as_str().map(|text| kept(text).into());
        self.attributes.insert(name.to_owned(), text.unwrap_or(value));
        self
    }

    #[must_use]
    pub(super) fn one(mut self, relation: &str, kind: &str, id: &str) -> Self {
        self.relationships.insert(relation.to_owned(), json!({"data": reference(kind, id)}));
        self
    }

    #[must_use]
    pub(super) fn none(mut self, relation: &str) -> Self {
        self.relationships.insert(relation.to_owned(), json!({"data": null}));
        self
    }

    #[must_use]
    pub(super) fn many<'a>(
        mut self,
        relation: &str,
        kind: &str,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let list: Vec<Value> = ids.into_iter().map(|id| reference(kind, id)).collect();
        self.relationships.insert(relation.to_owned(), json!({ "data": list }));
        self
    }

    /// Marks an included resource as one that exists (reference §4.2).
    #[must_use]
    pub(super) fn updating(mut self) -> Self {
        self.meta = Some(json!({"update": true}));
        self
    }

    /// Only what is not so in `found`, under the id of `found`; `None` where all of it is so.
    pub(super) fn changes(&self, found: &Value) -> Option<Self> {
        let differing = |wanted: &Map<String, Value>, member: &str| -> Map<String, Value> {
            let found = found.get(member);
            wanted
                .iter()
                .filter(|(name, value)| !same(found.and_then(|found| found.get(*name)), value))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        };
        let changes = Self {
            kind: self.kind,
            id: id(found).map(str::to_owned),
            attributes: differing(&self.attributes, "attributes"),
            relationships: differing(&self.relationships, "relationships"),
            meta: None,
        };
        (!changes.is_empty()).then_some(changes)
    }

    /// The same without an attribute.
    #[must_use]
    pub(super) fn without(mut self, attribute: &str) -> Self {
        self.attributes.remove(attribute);
        self
    }

    /// The same without a relation.
    #[must_use]
    pub(super) fn without_relation(mut self, relation: &str) -> Self {
        self.relationships.remove(relation);
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.relationships.is_empty()
    }

    /// Whether it is in the shop already.
    const fn is_there(&self) -> bool {
        self.meta.is_some()
    }

    /// It and what is included with it, under ids that nothing else in a list has: new ones are called
    /// by the item's place in it.
    pub(super) fn apart(mut self, mut included: Vec<Self>, place: usize) -> (Self, Vec<Self>) {
        let of = |id: &str| if id == ITSELF { temporary(place) } else { format!("{place}-{id}") };
        let itself = (self.kind, ITSELF.to_owned());
        let new: Vec<(&'static str, String)> = included
            .iter()
            .filter(|resource| !resource.is_there())
            .filter_map(|resource| Some((resource.kind, resource.id.clone()?)))
            .chain([itself])
            .collect();
        for resource in included.iter_mut().chain([&mut self]) {
            for linkage in resource.relationships.values_mut() {
                let data = linkage.get_mut("data");
                let references = match data {
                    Some(Value::Array(references)) => references.as_mut_slice(),
                    Some(reference) => std::slice::from_mut(reference),
                    None => &mut [],
                };
                for reference in references {
                    let is_new = new.iter().any(|(kind, named)| {
                        id(reference) == Some(named)
                            && reference.get("type").and_then(Value::as_str) == Some(kind)
                    });
                    if is_new && let Some(Value::String(id)) = reference.get_mut("id") {
                        *id = of(id);
                    }
                }
            }
        }
        for resource in included.iter_mut().filter(|resource| !resource.is_there()) {
            resource.id = resource.id.as_deref().map(of);
        }
        (self, included)
    }

    pub(super) fn into_json(self) -> Value {
        let mut resource = Map::new();
        resource.insert("type".to_owned(), self.kind.into());
        if let Some(id) = self.id {
            resource.insert("id".to_owned(), id.into());
        }
        if let Some(meta) = self.meta {
            resource.insert("meta".to_owned(), meta);
        }
        if !self.attributes.is_empty() {
            resource.insert("attributes".to_owned(), self.attributes.into());
        }
        if !self.relationships.is_empty() {
            resource.insert("relationships".to_owned(), self.relationships.into());
        }
        resource.into()
    }

    /// The request document with this as its primary resource.
    pub(super) fn document(self, included: Vec<Self>) -> Value {
        let mut document = json!({"data": self.into_json()});
        let included: Vec<Value> = included.into_iter().map(Self::into_json).collect();
        if let Some(members) = document.as_object_mut()
            && !included.is_empty()
        {
            members.insert("included".to_owned(), included.into());
        }
        document
    }
}

/// A new resource of a list, by its place.
pub(super) fn temporary(place: usize) -> String {
    format!("new-{place}")
}

fn reference(kind: &str, id: &str) -> Value {
    json!({"type": kind, "id": id})
}

/// Whether `found` is as `wanted`: nothing is nothing however it is written, lists have no order,
/// and members of objects that are not wanted do not count.
fn same(found: Option<&Value>, wanted: &Value) -> bool {
    let found = found.unwrap_or(&Value::Null);
    match (found, wanted) {
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len()
                && wanted.iter().all(|wanted| found.iter().any(|found| same(Some(found), wanted)))
        }
        (Value::Object(found), Value::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| same(found.get(name), wanted))
        }
        (found, wanted) => found == wanted || (is_nothing(found) && is_nothing(wanted)),
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_sent() {
        let found = json!({"type": "customers", "id": "7",
            "attributes": {"name": "Acme", "phone": null, "types": [{"t": "b", "x": 1}, {"t": "a"}]},
            "relationships": {"group": {"data": {"type": "customergroups", "id": "1"}}}});
        let wanted = Resource::new("customers")
            .attribute("name", "Acme")
            .attribute("phone", "")
            .attribute("types", json!([{"t": "a"}, {"t": "b"}]))
            .one("group", "customergroups", "1");
        assert!(wanted.changes(&found).is_none());
        let changes = wanted.attribute("name", "Acme Ltd").one("group", "customergroups", "2");
        assert_eq!(
            changes.changes(&found).unwrap().into_json(),
            json!({"type": "customers", "id": "7", "attributes": {"name": "Acme Ltd"},
                "relationships": {"group": {"data": {"type": "customergroups", "id": "2"}}}})
        );
    }

    #[test]
    fn a_text_is_sent_and_compared_as_the_shop_keeps_it() {
        let name = "\u{feff} Acme &  Co\u{200b}\r\n";
        let wanted = Resource::new("customers").attribute("name", name);
        let found = |name: &str| json!({"id": "7", "attributes": {"name": name}});
        assert!(wanted.changes(&found("Acme &  Co")).is_none());
        let change = wanted.changes(&found("Acme & Co")).map(Resource::into_json);
        assert_eq!(change.unwrap()["attributes"]["name"], "Acme &  Co");
        assert!(named(&[found("Acme")], "name", " acme ").is_some());
    }

    #[test]
    fn numbers_are_read_however_they_are_written() {
        let resource = r#"{"attributes": {"text": "789.0000", "whole": 17, "float": 0.3333,
            "small": 1.0e-7, "large": 1.5e+21, "nothing": null, "word": "many"}}"#;
        let resource: Value = serde_json::from_str(resource).unwrap();
        let read = |name| number(&resource, name).map(|number| number.as_str().to_owned());
        for (name, number) in [
            ("text", Some("789")),
            ("whole", Some("17")),
            ("float", Some("0.3333")),
            ("small", Some("0.0000001")),
            ("large", Some("1500000000000000000000")),
            ("nothing", None),
            ("word", None),
        ] {
            assert_eq!(read(name).as_deref(), number, "{name}");
        }
    }

    #[test]
    fn empty_members_are_left_away() {
        assert_eq!(
            Resource::with_id("orders", "1").document(Vec::new()),
            json!({"data": {"type": "orders", "id": "1"}})
        );
    }
}
