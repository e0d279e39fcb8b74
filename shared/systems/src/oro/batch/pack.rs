//! Which items go into one request, and which rows of its answer are theirs.

use serde_json::{Value, json};

use super::Item;
use crate::oro::document::{self, Resource, temporary};

/// What a proxy takes before Oro does: nginx's default is 1 MiB (OroCommerce reference §5).
const BYTES_MAX: usize = 768 * 1024;
/// Resources that are written with those of a list (OroCommerce reference §5).
pub(super) const INCLUDED_MAX: usize = 50;

/// The items' places, in runs of one request each: of so many, with so many included.
pub(super) fn chunks(items: &[Item], most: usize, most_included: usize) -> Vec<Vec<usize>> {
    let mut chunks: Vec<Vec<usize>> = Vec::new();
    let (mut bytes, mut included) = (0, 0);
    for (place, item) in items.iter().enumerate() {
        let resources = item.included.iter().chain([&item.resource]);
        let size: usize =
            resources.map(|resource| resource.clone().into_json().to_string().len()).sum();
        let more = item.included.len();
        match chunks.last_mut() {
            Some(chunk)
                if chunk.len() < most
                    && bytes + size <= BYTES_MAX
                    && included + more <= most_included =>
            {
                chunk.push(place);
                bytes += size;
                included += more;
            }
            _ => {
                chunks.push(vec![place]);
                (bytes, included) = (size, more);
            }
        }
    }
    chunks
}

/// The request's document. A new resource gets its place as an id, by which the answer names it
/// (`meta.dataId`, OroCommerce reference §5).
pub(super) fn document(chunk: &[&Item]) -> Value {
    let (mut data, mut included) = (Vec::new(), Vec::new());
    for (place, item) in chunk.iter().enumerate() {
        let (resource, beside) = item.resource.clone().apart(item.included.clone(), place);
        let resource = match &resource.id {
            Some(_) => resource.updating(),
            None => resource.named(temporary(place)),
        };
        data.push(resource.into_json());
        included.extend(beside.into_iter().map(Resource::into_json));
    }
    if included.is_empty() {
        return json!({ "data": data });
    }
    json!({ "data": data, "included": included })
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
