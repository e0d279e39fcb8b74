//! One row of the shop.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::schema::Kind;

/// A primary key. Numbers sort as numbers, which is the API's default order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Id {
    Number(u64),
    Name(String),
}

impl Id {
    /// The key as this kind writes it; `None` if it cannot be one.
    pub(super) fn parse(kind: Kind, text: &str) -> Option<Self> {
        if !kind.resource().numbered {
            return Some(Self::Name(text.to_owned()));
        }
        text.parse().ok().map(Self::Number)
    }

    pub(super) fn name(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Name(name) => name.fmt(formatter),
        }
    }
}

/// A row: its columns and its ties to other rows. Absent means null, or an empty list.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) kind: Kind,
    pub(super) id: Id,
    pub(super) attributes: BTreeMap<&'static str, Value>,
    pub(super) one: BTreeMap<&'static str, Id>,
    pub(super) many: BTreeMap<&'static str, Vec<Id>>,
}

impl Record {
    pub(super) fn new(kind: Kind, id: Id) -> Self {
        Self { kind, id, attributes: BTreeMap::new(), one: BTreeMap::new(), many: BTreeMap::new() }
    }

    /// The attribute, where null and absent are the same.
    pub(super) fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.get(name).filter(|value| !value.is_null())
    }

    /// The attribute if it is a non-empty text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.attribute(name)?.as_str().filter(|text| !text.is_empty())
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        match self.attribute(name)? {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.as_f64(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    pub(super) fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.attributes.insert(name, value.into());
    }

    pub(super) fn link(&mut self, name: &'static str, id: Id) {
        self.one.insert(name, id);
    }

    pub(super) fn list(&self, name: &str) -> &[Id] {
        self.many.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether the row itself differs, not what hangs on it: that is what moves `updatedAt`.
    pub(super) fn row_differs(&self, other: &Self) -> bool {
        self.attributes != other.attributes || self.one != other.one
    }
}
