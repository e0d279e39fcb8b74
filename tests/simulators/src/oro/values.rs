//! What a client may send for a field, and how the shop keeps it.
//!
//! Input accepts numbers or strings; decimals are kept and answered as strings (OroCommerce
//! reference §3 "Scalars"). An empty text is null, as the shop's forms make it.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Number, Value, json};

use super::problem::Problem;
use super::schema::{Attribute, Shape};

/// The value as it is stored, or the problem without its place.
pub(super) fn convert(attribute: &Attribute, value: &Value) -> Result<Value, Problem> {
    let invalid = || Problem::constraint("form", "This value is not valid.");
    if value.is_null() || value.as_str() == Some("") {
        return Ok(Value::Null);
    }
    let converted = match attribute.shape {
        Shape::Text | Shape::Scalar => text(value),
        Shape::Boolean => boolean(value).map(Value::Bool),
        Shape::Integer => {
            number(value).filter(|number| number.fract() == 0.0).and_then(json_number)
        }
        Shape::Float => number(value).and_then(json_number),
        Shape::Decimal(scale) => {
            let numeric = || Problem::constraint("type", "This value should be of type numeric.");
            let number = number(value).ok_or_else(numeric)?;
            Some(decimal(number, scale).into())
        }
        Shape::PlainDecimal => number(value).map(|number| number.to_string().into()),
        Shape::Date => value.as_str().and_then(date),
        Shape::DateTime => value.as_str().and_then(datetime).map(|time| stamp(time).into()),
        Shape::AddressTypes => address_types(value),
        Shape::Wysiwyg => wysiwyg(value),
        Shape::Opaque => Some(value.clone()),
    };
    converted.ok_or_else(invalid)
}

fn text(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(text.clone().into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(true) => Some("1".into()),
        Value::Bool(false) => Some(Value::Null),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_i64()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        Value::String(text) => match text.as_str() {
            "1" | "true" | "yes" => Some(true),
            "0" | "false" | "no" => Some(false),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => {
            let digits = text.trim();
            let plain = digits.chars().all(|char| char.is_ascii_digit() || "+-.eE".contains(char));
            if !plain {
                return None;
            }
            digits.parse().ok()?
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    number.is_finite().then_some(number)
}

/// A float as PHP writes it: whole numbers have no fraction.
fn json_number(number: f64) -> Option<Value> {
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < WHOLE_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        let whole = number as i64;
        return Some(whole.into());
    }
    Number::from_f64(number).map(Value::Number)
}

pub(super) fn decimal(number: f64, scale: u8) -> String {
    format!("{number:.*}", usize::from(scale))
}

fn date(text: &str) -> Option<Value> {
    let date: Date = text.get(..10)?.parse().ok()?;
    (text.len() == 10 || datetime(text).is_some()).then(|| date.to_string().into())
}

/// A zone is required where a time is given.
fn datetime(text: &str) -> Option<Timestamp> {
    match text.len() {
        10 => format!("{text}T00:00:00Z").parse().ok(),
        _ => text.parse().ok(),
    }
}

/// `YYYY-MM-DDTHH:MM:SSZ`: the shop keeps whole seconds.
pub(super) fn stamp(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

fn address_types(value: &Value) -> Option<Value> {
    let mut types = Vec::new();
    for item in value.as_array()? {
        let name = item.get("addressType")?.as_str()?;
        if !["billing", "shipping"].contains(&name) {
            return None;
        }
        let default = item.get("default").map_or(Some(false), boolean)?;
        types.push(json!({"default": default, "addressType": name}));
    }
    Some(types.into())
}

fn wysiwyg(value: &Value) -> Option<Value> {
    let members = value.as_object()?;
    let names = ["value", "style", "properties"];
    if !members.keys().all(|name| names.contains(&name.as_str())) {
        return None;
    }
    let member = |name: &str| members.get(name).cloned().unwrap_or_default();
    let kept: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), member(name))).collect();
    Some(kept.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(shape: Shape, value: &Value) -> Option<Value> {
        convert(&Attribute::new("field", shape), value).ok()
    }

    #[test]
    fn decimals_are_strings_whatever_came_in() {
        assert_eq!(kept(Shape::Decimal(4), &json!("10.5")), Some(json!("10.5000")));
        assert_eq!(kept(Shape::Decimal(4), &json!(200)), Some(json!("200.0000")));
        assert_eq!(kept(Shape::PlainDecimal, &json!(17)), Some(json!("17")));
        assert_eq!(kept(Shape::PlainDecimal, &json!("2.50")), Some(json!("2.5")));
        assert_eq!(kept(Shape::PlainDecimal, &json!("many")), None);
        assert_eq!(kept(Shape::PlainDecimal, &json!("inf")), None);
    }

    #[test]
    fn floats_are_numbers_and_whole_ones_have_no_fraction() {
        assert_eq!(kept(Shape::Float, &json!("6")), Some(json!(6)));
        assert_eq!(kept(Shape::Float, &json!("0.3333")), Some(json!(0.3333)));
        assert_eq!(kept(Shape::Integer, &json!(1.5)), None);
    }

    #[test]
    fn a_text_takes_a_number_and_refuses_a_list() {
        assert_eq!(kept(Shape::Text, &json!(42)), Some(json!("42")));
        assert_eq!(kept(Shape::Text, &json!("")), Some(Value::Null));
        assert_eq!(kept(Shape::Text, &json!(["a"])), None);
    }

    #[test]
    fn times_lose_their_fraction_and_need_a_zone() {
        let time = json!("2026-11-22T10:15:00.987+01:00");
        assert_eq!(kept(Shape::DateTime, &time), Some(json!("2026-11-22T09:15:00Z")));
        assert_eq!(kept(Shape::DateTime, &json!("2026-11-22T10:15:00")), None);
        assert_eq!(kept(Shape::Date, &json!("2026-11-22")), Some(json!("2026-11-22")));
        assert_eq!(kept(Shape::Date, &json!("soon")), None);
    }
}
