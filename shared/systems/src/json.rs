//! Pieces of JSON documents without reading the rest of them, and canonical parts from and to JSON.

use std::collections::BTreeMap;

use ferry_canonical::{Facet, FailureKind, Part, limits};
use ferry_mapping::{MapError, Mapping};
use serde_json::{Value, value::RawValue};

use crate::Failure;

/// What stands at an RFC 6901 pointer of objects, as its bytes.
pub(crate) fn at<'a>(body: &'a [u8], pointer: &str) -> Result<&'a RawValue, String> {
    let not_json = |error: serde_json::Error| format!("not JSON: {error}");
    let mut raw: &'a RawValue = serde_json::from_slice(body).map_err(not_json)?;
    for segment in pointer.split('/').skip(1) {
        let name = segment.replace("~1", "/").replace("~0", "~");
        let object: BTreeMap<String, &'a RawValue> = serde_json::from_str(raw.get())
            .map_err(|_| format!("{pointer}: there is no object to look for `{name}` in"))?;
        raw =
            object.get(&name).copied().ok_or_else(|| format!("{pointer}: `{name}` is missing"))?;
    }
    Ok(raw)
}

/// The items of the array at `pointer`, as their bytes.
pub(crate) fn array_at<'a>(body: &'a [u8], pointer: &str) -> Result<Vec<&'a RawValue>, String> {
    let raw = at(body, pointer)?;
    serde_json::from_str(raw.get()).map_err(|_| format!("{pointer}: expected an array"))
}

/// A document that holds only this item, where `pointer` says: a record of one.
pub(crate) fn nest(pointer: &str, item: &RawValue) -> Vec<u8> {
    let mut document = format!("[{}]", item.get());
    for segment in pointer.split('/').skip(1).collect::<Vec<_>>().into_iter().rev() {
        let name = Value::from(segment.replace("~1", "/").replace("~0", "~"));
        document = format!("{{{name}:{document}}}");
    }
    document.into_bytes()
}

/// The canonical part in `json`, with an id that can be one.
pub(crate) fn part(facet: Facet, json: &Value) -> Result<Part, String> {
    let part = Part::from_json(facet, json.to_string().as_bytes())
        .map_err(|error| format!("{}: {}", error.pointer, error.reason))?;
    let subject = part.subject();
    for (what, id) in [("id", Some(&subject.id)), ("part", subject.part.as_ref())] {
        let length = id.map_or(1, |id| id.trim().chars().count());
        if length == 0 {
            return Err(format!("the {what} of the {} is empty", facet.entity()));
        }
        if length > limits::ID_CHARS {
            let max = limits::ID_CHARS;
            return Err(format!("the {what} of the {} is longer than {max}", facet.entity()));
        }
    }
    Ok(part)
}

/// What a mapping makes of a canonical part; none where it has nothing to say of it.
pub(crate) fn document(mapping: &Mapping, part: &Part) -> Result<Option<Value>, Failure> {
    let canonical: Value = serde_json::from_str(&part.to_json())
        .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))?;
    match mapping.run(&canonical) {
        Ok(document) => Ok(Some(document)),
        Err(MapError::Nothing) => Ok(None),
        Err(error) => Err(Failure::new(FailureKind::Validation, error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_cut_out_byte_by_byte() {
        let body = br#"{"a/b":{"items":[{"x" : 1.50}, {"y":2}]}}"#;
        let items = array_at(body, "/a~1b/items").unwrap();
        assert_eq!(items[0].get(), r#"{"x" : 1.50}"#);
        assert_eq!(nest("/a~1b/items", items[0]), br#"{"a/b":{"items":[{"x" : 1.50}]}}"#);
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(at(b"{}", "/items").unwrap_err(), "/items: `items` is missing");
        assert_eq!(array_at(b"{\"items\":3}", "/items").unwrap_err(), "/items: expected an array");
        assert!(at(b"{", "/items").unwrap_err().starts_with("not JSON"));
        assert_eq!(
            at(b"[]", "/items").unwrap_err(),
            "/items: there is no object to look for `items` in"
        );
    }
}
