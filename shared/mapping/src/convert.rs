//! Between serde's JSON and jq's values.

use jaq_core::{Error, ValR};
use jaq_json::{Num, Val};
use serde_json::{Number, Value};

use crate::MapError;

/// The largest output, counted as its strings, keys and 8 bytes for each value. An event is
/// smaller.
const OUTPUT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Nesting of input and output. serde_json reads no deeper.
const DEPTH_MAX: usize = 128;

pub(crate) fn to_jq(item: &Value) -> Result<Val, MapError> {
    nested_to_jq(item, DEPTH_MAX)
}

fn nested_to_jq(item: &Value, depth: usize) -> Result<Val, MapError> {
    let below = depth.checked_sub(1).ok_or(MapError::Deep)?;
    Ok(match item {
        Value::Null => Val::Null,
        Value::Bool(bool) => Val::Bool(*bool),
        Value::Number(number) => Val::Num(number_to_jq(number)),
        Value::String(text) => Val::utf8_str(text.clone()),
        Value::Array(items) => {
            items.iter().map(|item| nested_to_jq(item, below)).collect::<Result<Val, _>>()?
        }
        Value::Object(fields) => Val::obj(
            fields
                .iter()
                .map(|(key, value)| Ok((Val::utf8_str(key.clone()), nested_to_jq(value, below)?)))
                .collect::<Result<_, MapError>>()?,
        ),
    })
}

fn number_to_jq(number: &Number) -> Num {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(integer), _, _) => Num::from_integral(integer),
        (None, Some(integer), _) => Num::from_integral(integer),
        (None, None, float) => Num::Float(float.unwrap_or(f64::NAN)),
    }
}

/// `fromjson`: one JSON text, no deeper than any input.
pub(crate) fn parse(text: &Val) -> ValR<Val> {
    let Val::TStr(bytes) = text else {
        return Err(Error::typ(text.clone(), "string"));
    };
    // The parser's reason names a position and never repeats the text.
    serde_json::from_slice(bytes)
        .map_err(|error| format!("not JSON: {error}"))
        .and_then(|value: Value| to_jq(&value).map_err(|error| error.to_string()))
        .map_err(Error::str)
}

pub(crate) fn from_jq(output: &Val) -> Result<Value, MapError> {
    let mut bytes = OUTPUT_BYTES_MAX;
    nested_from_jq(output, DEPTH_MAX, &mut bytes)
}

fn nested_from_jq(output: &Val, depth: usize, bytes: &mut usize) -> Result<Value, MapError> {
    let below = depth.checked_sub(1).ok_or(MapError::Deep)?;
    spend(bytes, 8)?;
    Ok(match output {
        Val::Null => Value::Null,
        Val::Bool(bool) => Value::Bool(*bool),
        Val::Num(number) => number_from_jq(number)?,
        Val::TStr(text) | Val::BStr(text) => Value::String(string(text, bytes)?),
        Val::Arr(items) => Value::Array(
            items
                .iter()
                .map(|item| nested_from_jq(item, below, bytes))
                .collect::<Result<_, _>>()?,
        ),
        Val::Obj(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, value)| {
                    let (Val::TStr(key) | Val::BStr(key)) = key else {
                        return Err(MapError::Failed("an object key is not a string".to_owned()));
                    };
                    Ok((string(key, bytes)?, nested_from_jq(value, below, bytes)?))
                })
                .collect::<Result<_, _>>()?,
        ),
    })
}

fn string(text: &[u8], bytes: &mut usize) -> Result<String, MapError> {
    spend(bytes, text.len())?;
    Ok(String::from_utf8_lossy(text).into_owned())
}

fn spend(bytes: &mut usize, count: usize) -> Result<(), MapError> {
    *bytes = bytes.checked_sub(count).ok_or(MapError::Large)?;
    Ok(())
}

/// Integers beyond 64 bits become text, so that no digit is lost.
fn number_from_jq(number: &Num) -> Result<Value, MapError> {
    let no_number =
        || MapError::Failed("the output holds a number that is none in JSON".to_owned());
    Ok(match number {
        Num::Int(integer) => Value::from(i64::try_from(*integer).map_err(|_| no_number())?),
        Num::BigInt(integer) => match u64::try_from(&**integer) {
            Ok(integer) => Value::from(integer),
            Err(_) => Value::String(integer.to_string()),
        },
        Num::Float(float) => Value::Number(Number::from_f64(*float).ok_or_else(no_number)?),
        Num::Dec(text) => {
            let float = text.parse().ok().and_then(Number::from_f64);
            Value::Number(float.ok_or_else(no_number)?)
        }
    })
}
