//! The `key=value` lines inside an `<import>`, OrderFlow's "properties XML" (OrderFlow reference
//! §3.1).
//!
//! Promises the grammar as the vendor's clients send it: spaces around key and value do not count,
//! the first `=` splits, a value is kept as it came with `[BR]` for its line breaks, and a key is `field`, `child.field`,
//! `child.N.field` or `child.N.ref.field` with N from 1. Backslash, `#` and `!` are ordinary
//! characters: what OrderFlow makes of them is not known.

use std::collections::BTreeMap;
use std::fmt;

/// The longest key has four segments: `orderLine.N.product.externalReference`.
const SEGMENTS_MAX: usize = 4;

/// The properties of one import, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Properties(BTreeMap<String, String>);

/// Why a line is no property; the number is that of the line, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PropertyError {
    NoEquals { line: usize },
    BadKey { line: usize },
    Contradicts { line: usize },
}

impl fmt::Display for PropertyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEquals { line } => write!(f, "line {line} is not key=value"),
            Self::BadKey { line } => write!(f, "line {line} has a key that names no property"),
            Self::Contradicts { line } => {
                write!(f, "line {line} sets a property a second time, to something else")
            }
        }
    }
}

impl Properties {
    pub(super) fn parse(text: &str) -> Result<Self, PropertyError> {
        let mut properties = BTreeMap::new();
        for (index, content) in text.lines().enumerate() {
            let line = index + 1;
            if content.trim().is_empty() {
                continue;
            }
            let (key, value) = content.split_once('=').ok_or(PropertyError::NoEquals { line })?;
            let key = key.trim();
            if !is_key(key) {
                return Err(PropertyError::BadKey { line });
            }
            let value = value.trim().to_owned();
            let earlier = properties.insert(key.to_owned(), value.clone());
            // The vendor's .NET client says some properties twice.
            if earlier.is_some_and(|earlier| earlier != value) {
                return Err(PropertyError::Contradicts { line });
            }
        }
        Ok(Self(properties))
    }

    /// The value, where there is one that is not empty: OrderFlow's clients send "no value" both by
    /// leaving a key out and by leaving it empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The properties below `child.`, without that prefix: `shipment.state` is `state` of
    /// `shipment`.
    pub(super) fn child(&self, child: &str) -> Self {
        let below = |(key, value): (&String, &String)| {
            let rest = key.strip_prefix(child)?.strip_prefix('.')?;
            Some((rest.to_owned(), value.clone()))
        };
        Self(self.0.iter().filter_map(below).collect())
    }

    /// The properties below `child.N.`, by N, but for children without any value.
    pub(super) fn numbered(&self, child: &str) -> BTreeMap<u32, Self> {
        let mut numbered: BTreeMap<u32, Self> = BTreeMap::new();
        for (key, value) in &self.child(child).0 {
            let Some((number, rest)) = key.split_once('.') else { continue };
            let Ok(number) = number.parse() else { continue };
            numbered.entry(number).or_default().0.insert(rest.to_owned(), value.clone());
        }
        // Some clients send every child they might have, empty.
        numbered.retain(|_, fields| fields.0.values().any(|value| !value.is_empty()));
        numbered
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn set(&mut self, key: &str, value: &str) {
        self.0.insert(key.to_owned(), value.to_owned());
    }

    /// All properties, for the history and the state.
    pub(super) const fn all(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// Puts `newer` over these: keys it does not name stay as they are.
    pub(super) fn overlay(&mut self, newer: Self) {
        self.0.extend(newer.0);
    }
}

/// Whether a key has one of the documented shapes. A number stands only in second place, counts from
/// 1 and has no leading zero.
fn is_key(key: &str) -> bool {
    let segments: Vec<&str> = key.split('.').collect();
    let last = segments.len() - 1;
    let fits = |(place, segment): (usize, &&str)| {
        is_name(segment) || (place == 1 && place < last && is_number(segment))
    };
    segments.len() <= SEGMENTS_MAX && segments.iter().enumerate().all(fits)
}

fn is_name(segment: &str) -> bool {
    segment.starts_with(|c: char| c.is_ascii_alphabetic())
        && segment.chars().all(|c| c.is_ascii_alphanumeric())
}

fn is_number(segment: &str) -> bool {
    !segment.starts_with('0') && segment.parse::<u32>().is_ok_and(|_| !segment.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::{Properties, PropertyError};

    fn parsed(text: &str) -> Properties {
        Properties::parse(text).unwrap()
    }

    #[test]
    fn spaces_around_key_and_value_do_not_count_and_the_first_equals_splits() {
        let properties = parsed("  return.type = x = y \r\n\n externalReference=R-1");
        assert_eq!(properties.get("return.type"), Some("x = y"));
        assert_eq!(properties.get("externalReference"), Some("R-1"));
    }

    #[test]
    fn the_token_br_is_kept_as_it_came_and_an_empty_value_is_none() {
        let properties = parsed("description=Red mug[BR]330 ml\nbarcode=");
        assert_eq!(properties.get("description"), Some("Red mug[BR]330 ml"));
        assert_eq!(properties.get("barcode"), None);
    }

    #[test]
    fn backslash_hash_and_exclamation_mark_are_ordinary_characters_of_a_value() {
        assert_eq!(parsed("a=\\n#!").get("a"), Some("\\n#!"));
    }

    #[test]
    fn numbered_children_are_found_by_their_number() {
        let properties = parsed(
            "orderLine.1.product.externalReference=MUG\norderLine.1.quantity=2\n\
             orderLine.12.quantity=7\nshipment.state=ready",
        );
        let lines = properties.numbered("orderLine");
        assert_eq!(lines.keys().copied().collect::<Vec<_>>(), [1, 12]);
        assert_eq!(lines[&1].get("product.externalReference"), Some("MUG"));
        assert_eq!(lines[&12].get("quantity"), Some("7"));
        assert_eq!(properties.child("shipment").get("state"), Some("ready"));
    }

    #[test]
    fn a_child_without_any_value_is_none() {
        let properties = parsed("orderAttribute.1.name=\norderAttribute.2.name=gift");
        assert_eq!(properties.numbered("orderAttribute").keys().copied().collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_key_of_no_documented_shape_is_refused_with_its_line() {
        for key in ["", "a b", ".a", "a.", "1.a", "a.0.b", "a.01.b", "a.1", "a.b.1.c", "a-b", "é"]
        {
            let text = format!("state=created\n{key}=x");
            assert_eq!(
                Properties::parse(&text),
                Err(PropertyError::BadKey { line: 2 }),
                "key {key:?}"
            );
        }
    }

    #[test]
    fn a_line_without_equals_and_a_contradiction_are_refused_with_their_line() {
        assert_eq!(Properties::parse("a=1\noops"), Err(PropertyError::NoEquals { line: 2 }));
        assert_eq!(Properties::parse("a=1\n\na=2"), Err(PropertyError::Contradicts { line: 3 }));
        assert_eq!(Properties::parse("a=1\n a = 1"), Ok(parsed("a=1")));
    }

    #[test]
    fn an_overlay_keeps_what_it_does_not_name() {
        let mut properties = parsed("a=1\nb=2");
        properties.overlay(parsed("b=3"));
        assert_eq!(properties, parsed("a=1\nb=3"));
    }
}
