//! Values as filters compare them.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;

use crate::oro::query::Operator;
use crate::oro::schema::{Attribute, Filter, Shape};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Text(String),
    Number(f64),
    Time(Timestamp),
    Flag(bool),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Text,
    Folded,
    Number,
    Time,
    Flag,
}

pub(super) fn reading_of(attribute: &Attribute) -> Reading {
    match attribute.shape {
        Shape::DateTime | Shape::Date => Reading::Time,
        Shape::Boolean => Reading::Flag,
        Shape::Integer
        | Shape::Float
        | Shape::Share
        | Shape::Decimal(_)
        | Shape::Price
        | Shape::PlainDecimal => Reading::Number,
        Shape::Text
        | Shape::Note
        | Shape::AddressTypes
        | Shape::Wysiwyg
        | Shape::Scalar
        | Shape::Opaque => {
            if attribute.filter == Filter::Folded {
                Reading::Folded
            } else {
                Reading::Text
            }
        }
    }
}

/// A value of a query; the error names what was expected.
pub(super) fn parse(text: &str, reading: Reading) -> Result<Scalar, &'static str> {
    match reading {
        Reading::Text => Ok(Scalar::Text(text.to_owned())),
        Reading::Folded => Ok(Scalar::Text(text.to_lowercase())),
        Reading::Number => {
            let number: f64 = text.trim().parse().map_err(|_| "number")?;
            if number.is_finite() { Ok(Scalar::Number(number)) } else { Err("number") }
        }
        Reading::Flag => flag(text).map(Scalar::Flag).ok_or("boolean"),
        Reading::Time => time(text).map(Scalar::Time).ok_or("datetime"),
    }
}

pub(super) fn flag(text: &str) -> Option<bool> {
    match text {
        "1" | "true" | "yes" => Some(true),
        "0" | "false" | "no" => Some(false),
        _ => None,
    }
}

/// A filter's time: at most two digits of a fraction, and a space where a `+` was not escaped.
fn time(text: &str) -> Option<Timestamp> {
    if let Some((_, fraction)) = text.split_once('.')
        && fraction.chars().take_while(char::is_ascii_digit).count() > 2
    {
        return None;
    }
    let text = text.replace(' ', "+");
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    [format!("{text}Z"), format!("{text}T00:00:00Z")].iter().find_map(|text| text.parse().ok())
}

pub(super) fn scalar_of(value: &Value, reading: Reading) -> Vec<Scalar> {
    match value {
        Value::String(text) => parse(text, reading).into_iter().collect(),
        Value::Number(number) => number.as_f64().map(Scalar::Number).into_iter().collect(),
        Value::Bool(flag) => vec![Scalar::Flag(*flag)],
        Value::Null | Value::Array(_) | Value::Object(_) => Vec::new(),
    }
}

impl Scalar {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Time(time) => time.to_string(),
            Self::Flag(flag) => flag.to_string(),
        }
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(two)) => one.total_cmp(two),
            (Self::Time(one), Self::Time(two)) => one.cmp(two),
            (Self::Flag(one), Self::Flag(two)) => one.cmp(two),
            // An id is kept as text and asked for as a number.
            (Self::Text(one), Self::Number(two)) => {
                one.parse::<f64>().map_or(Ordering::Less, |one| one.total_cmp(two))
            }
            (one, two) => one.text().cmp(&two.text()),
        }
    }
}

pub(super) fn compares(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Lt => order == Ordering::Less,
        Operator::Lte => order != Ordering::Greater,
        Operator::Gt => order == Ordering::Greater,
        Operator::Gte => order != Ordering::Less,
        Operator::Eq
        | Operator::Neq
        | Operator::NeqOrNull
        | Operator::Exists
        | Operator::Unsupported => order == Ordering::Equal,
    }
}
