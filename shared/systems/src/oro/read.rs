//! A page of orders, read into drafts.
//!
//! Every order of the page stands for itself: one that cannot be read becomes a bad item with the
//! bytes of its own order and of what belongs to it, and the others go on. Documents nested deeper
//! than serde_json's limit of 128 are refused, never followed.

use std::collections::{BTreeMap, BTreeSet};

use ferry_canonical::{Clock, FailureKind, Part, Sequence};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{ORDERS, document, placed};
use crate::draft::{BadItem, Draft, Item, PartDraft, Record};

/// Type and id.
pub(super) type Key = (String, String);

/// The document's members as they were written.
#[derive(Deserialize)]
struct Cut<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    included: Option<Vec<&'a RawValue>>,
}

/// What came with the orders, by type and id: read, and as written.
#[derive(Default)]
pub(super) struct Included<'a>(BTreeMap<Key, (Value, &'a RawValue)>);

impl Included<'_> {
    pub(super) fn get(&self, kind: &str, id: &str) -> Option<&Value> {
        self.0.get(&(kind.to_owned(), id.to_owned())).map(|(resource, _)| resource)
    }
}

/// Why an order cannot become a part: the field and what was expected of it.
pub(super) struct Bad(pub(super) String);

impl Bad {
    pub(super) fn new(field: &str, expected: &str) -> Self {
        Self(format!("{field}: expected {expected}"))
    }
}

pub(super) fn read(record: &Record<'_>) -> Vec<Item> {
    if record.endpoint != ORDERS {
        let detail = "only records of the endpoint `orders` are read from an Oro shop";
        return vec![whole(record, FailureKind::Unsupported, detail.to_owned())];
    }
    let parse = |detail: String| vec![whole(record, FailureKind::Parse, detail)];
    let cut: Cut<'_> = match serde_json::from_slice(record.body) {
        Ok(cut) => cut,
        Err(error) => return parse(format!("not a JSON:API document: {error}")),
    };
    let Some(orders) = cut.data else {
        return parse("not a JSON:API document: `data` is missing".to_owned());
    };
    let included = index(&cut.included.unwrap_or_default());
    let list: Result<Vec<&RawValue>, _> = serde_json::from_str(orders.get());
    match list {
        Ok(list) => {
            let items = list.into_iter().enumerate();
            items.map(|(index, raw)| item(format!("/data/{index}"), raw, &included)).collect()
        }
        Err(_) => vec![item("/data".to_owned(), orders, &included)],
    }
}

fn whole(record: &Record<'_>, kind: FailureKind, detail: String) -> Item {
    let bad = BadItem { kind, detail, fragment: record.body.to_vec(), key: None };
    Item { pointer: String::new(), draft: Err(bad) }
}

fn index<'a>(resources: &[&'a RawValue]) -> Included<'a> {
    let mut included = BTreeMap::new();
    for raw in resources {
        let Ok(resource) = serde_json::from_str::<Value>(raw.get()) else { continue };
        let kind = resource.get("type").and_then(Value::as_str).map(str::to_owned);
        let id = document::id(&resource).map(str::to_owned);
        if let (Some(kind), Some(id)) = (kind, id) {
            included.insert((kind, id), (resource, *raw));
        }
    }
    Included(included)
}

fn item(pointer: String, raw: &RawValue, included: &Included<'_>) -> Item {
    let order: Value = match serde_json::from_str(raw.get()) {
        Ok(order) => order,
        Err(error) => {
            let bad = BadItem {
                kind: FailureKind::Parse,
                detail: format!("the order cannot be read: {error}"),
                fragment: format!(r#"{{"data":[{}]}}"#, raw.get()).into_bytes(),
                key: None,
            };
            return Item { pointer, draft: Err(bad) };
        }
    };
    let draft = draft(&order, included).map_err(|Bad(detail)| BadItem {
        kind: FailureKind::Validation,
        detail,
        fragment: fragment(raw, &order, included),
        key: document::text(&order, "identifier").map(str::to_owned),
    });
    Item { pointer, draft }
}

fn draft(order: &Value, included: &Included<'_>) -> Result<Draft, Bad> {
    if order.get("type").and_then(Value::as_str) != Some(ORDERS) {
        return Err(Bad::new("type", "`orders`"));
    }
    let id = document::id(order).ok_or_else(|| Bad::new("id", "a text"))?;
    let updated_at = placed::time(order, "updatedAt")?;
    let part = placed::placed(order, included)?;
    Ok(Draft::Part(Box::new(PartDraft {
        part: Part::OrderPlaced(Box::new(part)),
        source_id: Some(id.to_owned()),
        sequence: Sequence::of_time(updated_at),
        clock: Clock::named("updated-at"),
        time: Some(updated_at),
    })))
}

/// The order with what belongs to it, each byte for byte, as a document of one.
fn fragment(raw: &RawValue, order: &Value, included: &Included<'_>) -> Vec<u8> {
    let mut wanted: BTreeSet<Key> = BTreeSet::new();
    let mut open = references(order);
    while let Some(key) = open.pop() {
        // Only what was included can be added, each once: the walk ends.
        if let Some((resource, _)) = included.0.get(&key)
            && wanted.insert(key)
        {
            open.extend(references(resource));
        }
    }
    let own: Vec<&str> = wanted
        .iter()
        .filter_map(|key| included.0.get(key).map(|(_, raw)| raw.get()))
        .collect();
    let document = match own.as_slice() {
        [] => format!(r#"{{"data":[{}]}}"#, raw.get()),
        own => format!(r#"{{"data":[{}],"included":[{}]}}"#, raw.get(), own.join(",")),
    };
    document.into_bytes()
}

fn references(resource: &Value) -> Vec<Key> {
    let relations = resource.get("relationships").and_then(Value::as_object);
    let linkages = relations.into_iter().flat_map(|relations| relations.values());
    linkages
        .filter_map(|relation| relation.get("data"))
        .flat_map(|linkage| match linkage {
            Value::Array(references) => references.iter().collect(),
            one => vec![one],
        })
        .filter_map(|reference| {
            let kind = reference.get("type")?.as_str()?;
            Some((kind.to_owned(), document::id(reference)?.to_owned()))
        })
        .collect()
}
