//! What may be written to a customer, and what comes of it.
//!
//! `POST` makes one, `PUT` replaces all of it, `PATCH` replaces the members it names. `number`, once
//! given, stays. `revision` and `updated_at` are the ERP's own and move with every change, and only
//! then: what changes nothing leaves both as they are.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// Members, and what they may be.
const MEMBERS: [(&str, Shape); 8] = [
    ("number", Shape::Name),
    ("name", Shape::Name),
    ("group", Shape::Text),
    ("vat_number", Shape::Text),
    ("contacts", Shape::List),
    ("addresses", Shape::List),
    ("notes", Shape::Text),
    ("blocked", Shape::Flag),
];
/// Of an answer; in a request they say nothing.
const OWN: [&str; 2] = ["revision", "updated_at"];

#[derive(Clone, Copy)]
enum Shape {
    /// Text that is not empty.
    Name,
    /// Text or nothing.
    Text,
    /// Objects.
    List,
    Flag,
}

impl Shape {
    fn admits(self, value: &Value) -> bool {
        match self {
            Self::Name => value.as_str().is_some_and(|text| !text.trim().is_empty()),
            Self::Text => value.is_string() || value.is_null(),
            Self::List => value.as_array().is_some_and(|list| list.iter().all(Value::is_object)),
            Self::Flag => value.is_boolean(),
        }
    }

    fn nothing(self) -> Value {
        match self {
            Self::Name | Self::Text => Value::Null,
            Self::List => json!([]),
            Self::Flag => false.into(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Make,
    Replace,
    Merge,
}

/// A write as it was asked for.
#[derive(Debug)]
pub(super) struct Change<'a> {
    pub(super) how: How,
    /// From the address.
    pub(super) number: Option<&'a str>,
    /// The request's `Idempotency-Key`.
    pub(super) key: Option<&'a str>,
    pub(super) body: &'a Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Created,
    Updated,
    Unchanged,
    /// It was made before under the same `Idempotency-Key`.
    Repeated,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
}

impl Change<'_> {
    /// Whom it is about; nobody yet, where the ERP gives the number.
    pub(super) fn number(&self) -> Option<String> {
        let named = || self.body.get("number").and_then(Value::as_str);
        self.number.or_else(named).map(str::to_owned)
    }

    /// The document after the change, with its next revision if it is another one.
    pub(super) fn apply(
        &self,
        number: &str,
        before: Option<&Value>,
    ) -> Result<Map<String, Value>, Refusal> {
        let invalid =
            |message: String| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message);
        let before = before.and_then(Value::as_object);
        match (self.how, before) {
            (How::Make, Some(_)) => {
                let message = format!("there is a customer {number} already");
                return Err(Refusal::new(StatusCode::CONFLICT, "exists", message));
            }
            (How::Replace | How::Merge, None) => {
                let message = "there is no such customer";
                return Err(Refusal::new(StatusCode::NOT_FOUND, "not_found", message));
            }
            (How::Make, None) | (How::Replace | How::Merge, Some(_)) => {}
        }
        let mut document = Map::new();
        for (name, shape) in MEMBERS {
            let kept =
                before.filter(|_| self.how == How::Merge).and_then(|before| before.get(name));
            let value = self.body.get(name).or(kept).cloned().unwrap_or_else(|| shape.nothing());
            document.insert(name.to_owned(), value);
        }
        if self.body.get("number").is_none_or(|named| named == number) {
            document.insert("number".to_owned(), number.into());
        }
        for (name, shape) in MEMBERS {
            let value = document.get(name).unwrap_or(&Value::Null);
            if !shape.admits(value) && (self.body.contains_key(name) || name == "name") {
                return Err(invalid(format!("{name} has a value that it cannot have")));
            }
        }
        if document.get("number").is_none_or(|named| named != number) {
            return Err(invalid("number cannot change".to_owned()));
        }
        let unknown = |name: &&String| {
            !OWN.contains(&name.as_str()) && MEMBERS.iter().all(|(member, _)| member != name)
        };
        if let Some(name) = self.body.keys().find(unknown) {
            return Err(invalid(format!("{name} is no member of a customer")));
        }
        let same = |before: &Map<String, Value>| {
            MEMBERS.iter().all(|(name, _)| before.get(*name) == document.get(*name))
        };
        if let Some(before) = before.filter(|before| same(before)) {
            return Ok(before.clone());
        }
        let revision = before.and_then(|before| before.get("revision")).and_then(Value::as_u64);
        document.insert("revision".to_owned(), (revision.unwrap_or(0) + 1).into());
        Ok(document)
    }
}
