//! Whose fault it is that a list was refused: what Oro says about an item is that item's, as if it had
//! been sent alone.

use std::collections::BTreeMap;

use ferry_http::Response;
use serde_json::Value;

use super::{Came, Ended, Item, as_response};
use crate::oro::{
    client::{Api, Call},
    problem::{self, No},
};

/// What Oro says of a refused list, of which nothing was written.
pub(super) fn refused(
    api: &Api<'_>,
    operation: &'static str,
    response: &Response,
    chunk: &[&Item],
) -> Ended {
    let errors = errors(response);
    if let [item] = chunk {
        let errors: Vec<Value> = errors.iter().map(|error| at_item(error, chunk).1).collect();
        let no = no_of(api, response, &errors, &item.call(operation));
        return Ended::All(vec![Came::Refused(no)]);
    }
    let named = named(&errors, chunk);
    if named.is_empty() {
        return Ended::Cut;
    }
    let answer = |(place, item): (usize, &&Item)| {
        let errors = named.get(&place)?;
        Some(Came::Refused(no_of(api, response, errors, &item.call(operation))))
    };
    Ended::Some(chunk.iter().enumerate().map(answer).collect())
}

fn errors(response: &Response) -> Vec<Value> {
    let document: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    document.get("errors").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Whether it is about items, and not about lists of them.
pub(super) fn names_any(response: &Response, chunk: &[&Item]) -> bool {
    errors(response).iter().any(|error| at_item(error, chunk).0.is_some())
}

/// What is said of each item that is named, as if it were the only one.
pub(super) fn named(errors: &[Value], chunk: &[&Item]) -> BTreeMap<usize, Vec<Value>> {
    let mut named: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
    for error in errors {
        if let (Some(place), error) = at_item(error, chunk) {
            named.entry(place).or_default().push(error);
        }
    }
    named
}

/// The item that an error is about, and the error as if it were the only one: `/data/17/attributes/name`
/// is `/data/attributes/name`, and `/included/40` the second of what was included with it.
fn at_item(error: &Value, chunk: &[&Item]) -> (Option<usize>, Value) {
    let mut error = error.clone();
    let Some(Value::String(pointer)) = error.pointer_mut("/source/pointer") else {
        return (None, error);
    };
    let Some((place, alone)) = place_of(pointer, chunk) else { return (None, error) };
    *pointer = alone;
    (Some(place), error)
}

fn place_of(pointer: &str, chunk: &[&Item]) -> Option<(usize, String)> {
    let (member, rest) = pointer.strip_prefix('/')?.split_once('/')?;
    let (index, rest) = rest.split_once('/').map_or((rest, None), |(at, rest)| (at, Some(rest)));
    let mut index: usize = index.parse().ok()?;
    let rest = rest.map(|rest| format!("/{rest}"));
    match member {
        "data" if index < chunk.len() => {
            Some((index, rest.map_or_else(String::new, |rest| format!("/data{rest}"))))
        }
        "included" => {
            for (place, item) in chunk.iter().enumerate() {
                match index.checked_sub(item.included.len()) {
                    None => {
                        return Some((
                            place,
                            format!("/included/{index}{}", rest.unwrap_or_default()),
                        ));
                    }
                    Some(left) => index = left,
                }
            }
            None
        }
        _ => None,
    }
}

/// By the rules, or by the table.
pub(super) fn no_of(api: &Api<'_>, response: &Response, errors: &[Value], call: &Call) -> No {
    let response = as_response(response, errors);
    problem::by_rule(&api.oro.rules, &response, call)
        .unwrap_or_else(|| problem::refused(&response, call))
}
