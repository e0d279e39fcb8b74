//! A JSON:API request document, checked for structure before anything looks at its meaning.
//!
//! Promises that a `Resource` has a type, only allowed members, non-empty attributes and
//! relationships, and relationships made of type and id. Which types, ids and fields exist is not
//! its business. Rules and wording: OroCommerce reference §3 "Body rules".

use serde_json::{Map, Value};

use super::problem::Problem;

type Object = Map<String, Value>;

/// A resource as it stands in a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Resource {
    pub(super) kind: String,
    pub(super) id: Option<String>,
    pub(super) attributes: Object,
    pub(super) relationships: Vec<(String, Linkage)>,
    pub(super) meta: Object,
    /// Where it stands: `/data`, `/data/3`, `/included/0`.
    pub(super) pointer: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Linkage {
    Null,
    One(Reference),
    Many(Vec<Reference>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    pub(super) kind: String,
    pub(super) id: String,
}

impl Resource {
    /// Whether a problem is about it, or about something in it.
    pub(super) fn has(&self, problem: &Problem) -> bool {
        let rest = problem.place().strip_prefix(&self.pointer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// What a document asks for.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) primary: Vec<Resource>,
    pub(super) included: Vec<Resource>,
    /// The root member `filters`, a query string that trims the answer.
    pub(super) filters: Option<String>,
    /// Items of a list, also those that are none.
    pub(super) items: usize,
}

/// What the primary member has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Primary {
    /// One resource whose id may be missing.
    New,
    /// One resource with an id.
    Existing,
    List,
}

pub(super) fn parse(body: &[u8], primary: Primary) -> Result<Document, Vec<Problem>> {
    let root = parse_object(body).map_err(|problem| vec![problem])?;
    let mut reader = Reader::default();
    let document = reader.document(&root, primary);
    if reader.problems.is_empty() { Ok(document) } else { Err(reader.problems) }
}

/// A batch item by item: what is wrong with one is told beside it and all others.
///
/// # Errors
/// It is no batch at all.
pub(super) fn parse_items(body: &[u8]) -> Result<(Document, Vec<Problem>), Problem> {
    let failed = |detail: &str| {
        let detail = format!("Failed to parse the data file. {detail}");
        Problem::new(0, "async operation exception", detail)
    };
    let root = parse_object(body).map_err(|problem| failed(&problem.detail))?;
    let mut reader = Reader::default();
    let document = reader.document(&root, Primary::List);
    let problems = reader.problems;
    let whole = |problem: &&Problem| ["/data", "/included"].contains(&problem.place());
    if let Some(problem) = problems.iter().find(whole) {
        return Err(failed(&problem.detail));
    }
    Ok((document, problems))
}

/// Refuses a batch of nothing.
pub(super) fn not_empty(body: &[u8]) -> Result<(), Vec<Problem>> {
    let empty = serde_json::from_slice::<Value>(body).is_ok_and(|value| is_empty(&value));
    if !empty && !body.trim_ascii().is_empty() {
        return Ok(());
    }
    Err(vec![Problem::constraint("request data", "The request data should not be empty.")])
}

/// The body of a request to `relationships/{association}`.
pub(super) fn parse_linkage(body: &[u8]) -> Result<Linkage, Vec<Problem>> {
    let root = parse_object(body).map_err(|problem| vec![problem])?;
    let mut reader = Reader::default();
    let Some(linkage) = root.get("data") else {
        return Err(vec![Problem::request("/data", "The primary data object should exist")]);
    };
    let linkage = reader.linkage(linkage, "/data");
    if reader.problems.is_empty() { Ok(linkage) } else { Err(reader.problems) }
}

fn parse_object(body: &[u8]) -> Result<Object, Problem> {
    let empty = || Problem::constraint("request data", "The request data should not be empty.");
    if body.trim_ascii().is_empty() {
        return Err(empty());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(root)) if !root.is_empty() => Ok(root),
        Ok(_) => Err(empty()),
        Err(error) => {
            let detail = format!("Invalid json message received. {error}");
            Err(Problem::new(400, "bad request http exception", detail))
        }
    }
}

#[derive(Debug, Default)]
struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn refuse(&mut self, pointer: &str, detail: impl Into<String>) {
        self.problems.push(Problem::request(pointer, detail));
    }

    fn document(&mut self, root: &Object, primary: Primary) -> Document {
        let what = if primary == Primary::List { "data object collection" } else { "data object" };
        let Some(value) = root.get("data") else {
            self.refuse("/data", format!("The primary {what} should exist"));
            return Document::default();
        };
        if is_empty(value) {
            self.refuse("/data", format!("The primary {what} should not be empty"));
            return Document::default();
        }
        let filters = root.get("filters").and_then(Value::as_str).map(str::to_owned);
        let primary = match primary {
            Primary::New | Primary::Existing => {
                self.object(value, "/data", primary == Primary::Existing).into_iter().collect()
            }
            Primary::List => self.list(value),
        };
        let items = value.as_array().map_or(1, Vec::len);
        Document { primary, included: self.included(root), filters, items }
    }

    fn list(&mut self, value: &Value) -> Vec<Resource> {
        let Value::Array(items) = value else {
            self.refuse("/data", "The primary data object collection should be an array");
            return Vec::new();
        };
        let mut resources = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let pointer = format!("/data/{index}");
            if item.get("type").is_none() && item.is_object() {
                let detail = "The entity class must be set in the context.";
                self.problems.push(Problem::constraint("entity type", detail).at(&pointer));
            } else if item.is_object() {
                resources.extend(self.object(item, &pointer, false));
            } else {
                self.refuse(&pointer, "The primary resource object should be an object");
            }
        }
        resources
    }

    fn included(&mut self, root: &Object) -> Vec<Resource> {
        let Some(included) = root.get("included") else { return Vec::new() };
        let Value::Array(items) = included else {
            self.refuse("/included", "The 'included' property should be an array");
            return Vec::new();
        };
        if items.is_empty() {
            self.refuse("/included", "The 'included' property should not be empty");
        }
        let mut resources = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let pointer = format!("/included/{index}");
            if item.is_object() {
                resources.extend(self.object(item, &pointer, true));
            } else {
                self.refuse(&pointer, "The related resource should be an object");
            }
        }
        resources
    }

    fn object(&mut self, value: &Value, pointer: &str, needs_id: bool) -> Option<Resource> {
        let Value::Object(object) = value else {
            self.refuse(pointer, "The primary resource object should be an object");
            return None;
        };
        let allowed = ["type", "id", "meta", "attributes", "relationships", "links"];
        for member in object.keys().filter(|member| !allowed.contains(&member.as_str())) {
            let detail = format!("The '{member}' property is not allowed for a resource object");
            self.refuse(pointer, detail);
        }
        let kind = self.text(object, "type", pointer, true);
        let id = self.text(object, "id", pointer, needs_id);
        let attributes = self.members(object, "attributes", pointer, true);
        let relationships = self.members(object, "relationships", pointer, true);
        let relationships = self.relationships(&relationships, pointer);
        let meta = self.members(object, "meta", pointer, false);
        Some(Resource {
            kind: kind?,
            id,
            attributes,
            relationships,
            meta,
            pointer: pointer.to_owned(),
        })
    }

    fn relationships(&mut self, members: &Object, pointer: &str) -> Vec<(String, Linkage)> {
        let mut relationships = Vec::new();
        for (name, relation) in members {
            let pointer = format!("{pointer}/relationships/{name}");
            match relation.as_object().and_then(|relation| relation.get("data")) {
                Some(linkage) => {
                    let linkage = self.linkage(linkage, &format!("{pointer}/data"));
                    relationships.push((name.clone(), linkage));
                }
                None => self.refuse(&pointer, "The relationship should have 'data' property"),
            }
        }
        relationships
    }

    fn linkage(&mut self, value: &Value, pointer: &str) -> Linkage {
        match value {
            Value::Null => Linkage::Null,
            Value::Object(object) => {
                self.reference(object, pointer).map_or(Linkage::Null, Linkage::One)
            }
            Value::Array(items) => {
                let mut references = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    let pointer = format!("{pointer}/{index}");
                    match item {
                        Value::Object(object) => {
                            references.extend(self.reference(object, &pointer));
                        }
                        _ => self.refuse(&pointer, "The related resource should be an object"),
                    }
                }
                Linkage::Many(references)
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.refuse(pointer, "The 'data' property should be an array");
                Linkage::Null
            }
        }
    }

    fn reference(&mut self, object: &Object, pointer: &str) -> Option<Reference> {
        let kind = self.text(object, "type", pointer, true);
        let id = self.text(object, "id", pointer, true);
        Some(Reference { kind: kind?, id: id? })
    }

    /// A member that must be a non-blank string if it is there at all.
    fn text(
        &mut self,
        object: &Object,
        name: &str,
        pointer: &str,
        required: bool,
    ) -> Option<String> {
        let pointer = format!("{pointer}/{name}");
        let wrong = match object.get(name) {
            None if required => "is required",
            None => return None,
            Some(Value::String(text)) if text.trim().is_empty() => "should not be blank",
            Some(Value::String(text)) => return Some(text.clone()),
            Some(Value::Null) => "should not be null",
            Some(_) => "should be a string",
        };
        self.refuse(&pointer, format!("The '{name}' property {wrong}"));
        None
    }

    fn members(&mut self, object: &Object, name: &str, pointer: &str, filled: bool) -> Object {
        let pointer = format!("{pointer}/{name}");
        let wrong = match object.get(name) {
            None => return Object::new(),
            Some(empty) if filled && is_empty_collection(empty) => "should not be empty",
            Some(Value::Object(members)) => return members.clone(),
            Some(Value::Array(items)) if items.is_empty() => return Object::new(),
            Some(Value::Array(_)) => "should be an associative array",
            Some(_) => "should be an array",
        };
        self.refuse(&pointer, format!("The '{name}' property {wrong}"));
        Object::new()
    }
}

fn is_empty_collection(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || is_empty_collection(value) || value.as_str() == Some("")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(body: &Value, primary: Primary) -> Vec<(String, String)> {
        let body = serde_json::to_vec(body).unwrap();
        let problems = parse(&body, primary).err().unwrap_or_default();
        problems
            .into_iter()
            .map(|problem| match problem.source {
                super::super::problem::Source::Pointer(pointer) => (pointer, problem.detail),
                _ => (String::new(), problem.detail),
            })
            .collect()
    }

    #[test]
    fn a_well_formed_document_is_read_whole() {
        let body = json!({
            "data": {"type": "orders", "attributes": {"currency": "EUR"}, "relationships": {
                "customer": {"data": {"type": "customers", "id": "5"}},
                "lineItems": {"data": [{"type": "orderlineitems", "id": "l1"}]},
                "customerUser": {"data": null}}},
            "included": [{"type": "orderlineitems", "id": "l1"}],
            "filters": "include=lineItems",
        });
        let document = parse(&serde_json::to_vec(&body).unwrap(), Primary::New).unwrap();
        let names: Vec<_> =
            document.primary[0].relationships.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["customer", "lineItems", "customerUser"]);
        assert_eq!(document.included[0].pointer, "/included/0");
        assert_eq!(document.filters.as_deref(), Some("include=lineItems"));
    }

    #[test]
    fn each_breach_of_the_structure_is_told_with_its_place() {
        let table = [
            (json!({}), "", "The request data should not be empty."),
            (json!({"meta": {}}), "/data", "The primary data object should exist"),
            (json!({"data": {}}), "/data", "The primary data object should not be empty"),
            (json!({"data": {"id": "1"}}), "/data/type", "The 'type' property is required"),
            (
                json!({"data": {"type": "orders", "id": 1}}),
                "/data/id",
                "The 'id' property should be a string",
            ),
            (
                json!({"data": {"type": "orders", "attributes": {}}}),
                "/data/attributes",
                "The 'attributes' property should not be empty",
            ),
            (
                json!({"data": {"type": "orders", "sku": "x"}}),
                "/data",
                "The 'sku' property is not allowed for a resource object",
            ),
            (
                json!({"data": {"type": "orders", "relationships": {"customer": {"id": "1"}}}}),
                "/data/relationships/customer",
                "The relationship should have 'data' property",
            ),
            (
                json!({"data": {"type": "orders"}, "included": []}),
                "/included",
                "The 'included' property should not be empty",
            ),
        ];
        for (body, pointer, detail) in table {
            assert_eq!(
                problems(&body, Primary::New),
                [(pointer.to_owned(), detail.to_owned())],
                "{body}"
            );
        }
    }

    #[test]
    fn no_body_makes_the_reader_panic() {
        for body in [&b""[..], b"null", b"[]", b"{", b"\xff\xfe", b"{\"data\":[[]]}", b"7"] {
            for primary in [Primary::New, Primary::Existing, Primary::List] {
                assert!(parse(body, primary).is_err(), "{body:?}");
            }
        }
    }
}
