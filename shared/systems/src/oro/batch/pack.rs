//! Which items go into one request, and which rows of its answer are theirs.

use serde_json::{Value, json};

use super::Item;
use crate::oro::document;

/// What a proxy takes before Oro does: nginx's default is 1 MiB (OroCommerce reference §5).
const BYTES_MAX: usize = 768 * 1024;

/// The items' places, in runs of one request each.
pub(super) fn chunks(items: &[Item], most: usize) -> Vec<Vec<usize>> {
    let mut chunks: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for (place, item) in items.iter().enumerate() {
        let size = item.resource.clone().into_json().to_string().len();
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < most && bytes + size <= BYTES_MAX => {
                chunk.push(place);
                bytes += size;
            }
            _ => {
                chunks.push(vec![place]);
                bytes = size;
            }
        }
    }
    chunks
}

/// The request's document. A new resource gets its place as an id, by which the answer names it
/// (`meta.dataId`, OroCommerce reference §5).
pub(super) fn document(chunk: &[&Item]) -> Value {
    let resource = |(place, item): (usize, &&Item)| {
        let resource = item.resource.clone();
        match &resource.id {
            Some(_) => resource.updating().into_json(),
            None => resource.named(temporary(place)).into_json(),
        }
    };
    let data: Vec<Value> = chunk.iter().enumerate().map(resource).collect();
    json!({ "data": data })
}

fn temporary(place: usize) -> String {
    format!("new-{place}")
}

/// The row of each item, in their order; none where one of them is not to be found.
pub(super) fn answered(rows: &[Value], chunk: &[&Item]) -> Option<Vec<Value>> {
    if rows.len() != chunk.len() {
        return None;
    }
    let said = |row: &Value| row.pointer("/meta/dataId").and_then(Value::as_str).map(str::to_owned);
    let row_of = |(place, item): (usize, &&Item)| {
        let id = item.resource.id.clone();
        let sent = id.clone().unwrap_or_else(|| temporary(place));
        let by_name = rows.iter().find(|row| said(row).as_deref() == Some(sent.as_str()));
        // In the request's order, where it does not say.
        let in_order = || rows.get(place).filter(|row| said(row).is_none());
        let row = by_name.or_else(in_order)?;
        let found = document::id(row)?;
        id.is_none_or(|id| id == found).then(|| row.clone())
    };
    chunk.iter().enumerate().map(row_of).collect()
}
