//! What a client may send for a field, and how the shop keeps it.
//!
//! Input accepts numbers or strings; decimals are kept and answered as strings (OroCommerce
//! reference §3 "Scalars"). An empty text is null, as the shop's forms make it.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Number, Value, json};

use super::problem::Problem;
use super::schema::{Attribute, Shape};

/// The value as it is stored, or what is wrong with it: each problem without its place, or with its
/// place below the value's.
pub(super) fn convert(attribute: &Attribute, value: &Value) -> Result<Value, Vec<Problem>> {
    let value = &trimmed(value);
    if value.is_null() || (value.as_str() == Some("") && attribute.shape != Shape::Note) {
        return Ok(Value::Null);
    }
    if let (Shape::AddressTypes, Some(items)) = (attribute.shape, value.as_array()) {
        return address_types(items);
    }
    let title = if attribute.shape == Shape::Price { "type" } else { "form" };
    let detail = match attribute.shape {
        Shape::Price => "Price value should be a valid number.".to_owned(),
        Shape::Date => format!("The \"{}\" is not valid date.", shown(value)),
        Shape::DateTime => format!("The \"{}\" is not valid datetime.", shown(value)),
        Shape::Float => "Please enter a number.".to_owned(),
        _ => "This value is not valid.".to_owned(),
    };
    scalar(attribute.shape, value).ok_or_else(|| vec![Problem::constraint(title, detail)])
}

/// The shop's forms take off what stands around a text and is not seen.
fn trimmed(value: &Value) -> Value {
    let guides = |char: char| {
        matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}')
            || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let unseen = |char: char| char.is_whitespace() || char.is_control() || guides(char);
    match value.as_str() {
        Some(text) => text.trim_matches(unseen).into(),
        None => value.clone(),
    }
}

/// A value in the words of a refusal.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn scalar(shape: Shape, value: &Value) -> Option<Value> {
    match shape {
        Shape::Text | Shape::Note | Shape::Scalar => text(value),
        Shape::Boolean => boolean(value).map(Value::Bool),
        Shape::Integer => {
            number(value).filter(|number| number.fract() == 0.0).and_then(json_number)
        }
        Shape::Float | Shape::Share => number(value).and_then(json_number),
        Shape::Price => number(value).map(|number| decimal(number, 4).into()),
        Shape::Decimal(scale) => number(value).map(|number| decimal(number, scale).into()),
        Shape::PlainDecimal => number(value).map(|number| number.to_string().into()),
        Shape::Date => value.as_str().and_then(date),
        Shape::DateTime => value.as_str().and_then(datetime).map(|time| stamp(time).into()),
        Shape::AddressTypes => None,
        Shape::Wysiwyg => wysiwyg(value),
        Shape::Opaque => Some(value.clone()),
    }
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

/// What an address is for, and whether it is the first choice for that.
fn address_types(items: &[Value]) -> Result<Value, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut types = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match item {
            Value::Null => problems.extend(without(index, &["default", "addressType"])),
            Value::Array(members) if members.is_empty() => {
                problems.extend(without(index, &["default", "addressType"]));
            }
            Value::Object(members) => match address_type(index, members) {
                Ok(item) => types.push(item),
                Err(wrong) => problems.extend(wrong),
            },
            _ => problems.push(Problem::invalid(format!("/{index}"))),
        }
    }
    if problems.is_empty() { Ok(types.into()) } else { Err(problems) }
}

fn address_type(index: usize, members: &Map<String, Value>) -> Result<Value, Vec<Problem>> {
    let absent = ["default", "addressType"].into_iter().filter(|name| !members.contains_key(*name));
    let mut problems = without(index, &absent.collect::<Vec<_>>());
    let default = members.get("default").and_then(boolean);
    if members.contains_key("default") && default.is_none() {
        problems.push(Problem::invalid(format!("/{index}/default")));
    }
    let name = members.get("addressType").and_then(Value::as_str);
    let name = name.filter(|name| ["billing", "shipping"].contains(name));
    if members.contains_key("addressType") && name.is_none() {
        problems.push(Problem::invalid(format!("/{index}/addressType")));
    }
    if problems.is_empty() {
        Ok(json!({"default": default, "addressType": name}))
    } else {
        Err(problems)
    }
}

fn without(index: usize, names: &[&str]) -> Vec<Problem> {
    let detail = "This value is mandatory.";
    let missing = |name: &&str| Problem::constraint("form", detail).at(format!("/{index}/{name}"));
    names.iter().map(missing).collect()
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
        for blank in ["", " ", "\u{feff}\n"] {
            assert_eq!(kept(Shape::Text, &json!(blank)), Some(Value::Null));
        }
        assert_eq!(kept(Shape::Text, &json!(" a  b\u{200b}")), Some(json!("a  b")));
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
