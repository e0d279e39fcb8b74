//! Fields of elements, checked as they are read. Errors name the field, what was found and what was
//! expected.

use ferry_canonical::{limits, value::Decimal};

use crate::xml::Element;

pub(super) fn optional<'a>(element: &'a Element, name: &str) -> Result<Option<&'a str>, String> {
    bounded(&format!("@{name}"), element.attribute(name))
}

pub(super) fn required<'a>(element: &'a Element, name: &str) -> Result<&'a str, String> {
    optional(element, name)?
        .ok_or_else(|| format!("@{name} of `{}`: missing or empty", element.name))
}

pub(super) fn number(element: &Element, name: &str) -> Result<Option<u128>, String> {
    let Some(text) = optional(element, name)? else { return Ok(None) };
    whole(text).map(Some).ok_or_else(|| format!("@{name}: `{}` is not a whole number", short(text)))
}

/// u64 keeps the sum of two of them within a sequence's digits.
pub(super) fn whole(text: &str) -> Option<u128> {
    text.trim().parse::<u64>().ok().map(u128::from)
}

pub(super) fn decimal(element: &Element, name: &str) -> Result<Option<Decimal>, String> {
    let Some(text) = optional(element, name)? else { return Ok(None) };
    Decimal::parse(text).map(Some).map_err(|error| format!("@{name}: {error}"))
}

pub(super) fn boolean(element: &Element, name: &str) -> Result<Option<bool>, String> {
    match optional(element, name)? {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(other) => Err(format!("@{name}: `{}` is neither true nor false", short(other))),
    }
}

/// A text that no key is made of: as long as it likes.
pub(super) fn text(element: &Element, name: &str) -> Option<String> {
    let value = element.attribute(name).map(str::trim).filter(|value| !value.is_empty());
    value.map(str::to_owned)
}

/// The text of a child.
pub(super) fn child<'a>(element: &'a Element, name: &str) -> Result<Option<&'a str>, String> {
    bounded(name, element.child_text(name))
}

pub(super) fn required_child<'a>(element: &'a Element, name: &str) -> Result<&'a str, String> {
    child(element, name)?.ok_or_else(|| format!("{name} of `{}`: missing or empty", element.name))
}

pub(super) fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

fn bounded<'a>(name: &str, value: Option<&'a str>) -> Result<Option<&'a str>, String> {
    match value.map(str::trim).filter(|value| !value.is_empty()) {
        Some(value) if value.chars().count() > limits::ID_CHARS => {
            Err(format!("{name}: longer than {} characters", limits::ID_CHARS))
        }
        value => Ok(value),
    }
}
