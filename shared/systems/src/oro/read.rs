//! A page of orders, customers, inventory levels or prices, read into drafts.
//!
//! Every row of the page stands for itself: one that cannot be read becomes a bad item with the
//! bytes of its own row and of what belongs to it, and the others go on. Documents nested deeper
//! than serde_json's limit of 128 are refused, never followed.

use std::collections::{BTreeMap, BTreeSet};

use ferry_canonical::{Clock, Facet, FailureKind, Part, Sequence, Subject};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    ORDERS, customer::CUSTOMERS, customer_said, document, placed, price_form::PRICES, price_said,
    stock::LEVELS, stock_said,
};
use crate::draft::{BadItem, Draft, Item, PartDraft, Record, RemovedDraft};

/// Type and id.
pub(super) type Key = (String, String);

/// Of every row: when it was changed last, by the shop's word.
pub(super) const CLOCK: &str = "updated-at";
/// Of rows that have no time: when they were asked for.
const AS_OF: &str = "as-of";

/// The document's members as they were written.
#[derive(Deserialize)]
struct Cut<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    included: Option<Vec<&'a RawValue>>,
    /// What Ferry has found to be gone, where it is no document of the shop's.
    #[serde(borrow, default)]
    removed: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Removed {
    id: String,
    known_as: String,
}

/// What came with the rows, by type and id: read, and as written.
#[derive(Default)]
pub(super) struct Included<'a>(BTreeMap<Key, (Value, &'a RawValue)>);

impl Included<'_> {
    pub(super) fn get(&self, kind: &str, id: &str) -> Option<&Value> {
        self.0.get(&(kind.to_owned(), id.to_owned())).map(|(resource, _)| resource)
    }
}

/// Why a row cannot become a part: the field and what was expected of it.
pub(super) struct Bad(pub(super) String);

impl Bad {
    pub(super) fn new(field: &str, expected: &str) -> Self {
        Self(format!("{field}: expected {expected}"))
    }
}

/// `site` is what the shop is called where stock is.
pub(super) fn read(record: &Record<'_>, site: &str) -> Vec<Item> {
    let Some(rows) = Rows::of(record, site) else {
        let detail = "only records of `orders`, `customers`, `inventorylevels` and `productprices` \
                      are read from an Oro shop";
        return vec![whole(record, FailureKind::Unsupported, detail.to_owned())];
    };
    let parse = |detail: String| vec![whole(record, FailureKind::Parse, detail)];
    let cut: Cut<'_> = match serde_json::from_slice(record.body) {
        Ok(cut) => cut,
        Err(error) => return parse(format!("not a JSON:API document: {error}")),
    };
    let Some(data) = cut.data else {
        if let (Rows::Customers, Some(removed)) = (rows, &cut.removed) {
            return removed_rows(record, removed);
        }
        return parse("not a JSON:API document: `data` is missing".to_owned());
    };
    let included = index(&cut.included.unwrap_or_default());
    let list: Result<Vec<&RawValue>, _> = serde_json::from_str(data.get());
    match list {
        Ok(list) => {
            let items = list.into_iter().enumerate();
            items.map(|(index, raw)| rows.item(format!("/data/{index}"), raw, &included)).collect()
        }
        Err(_) => vec![rows.item("/data".to_owned(), data, &included)],
    }
}

/// Customers that are gone, each as of when it was asked for.
fn removed_rows(record: &Record<'_>, rows: &[&RawValue]) -> Vec<Item> {
    let time = record.as_of.unwrap_or(record.received_at);
    let draft = |raw: &RawValue| match serde_json::from_str::<Removed>(raw.get()) {
        Ok(Removed { id, known_as }) => Ok(Draft::Removed(Box::new(RemovedDraft {
            subject: Subject { facet: Facet::Profile, id: known_as, part: None },
            source_id: Some(id),
            sequence: Sequence::of_time(time),
            clock: Clock::named(AS_OF),
            time,
        }))),
        Err(error) => Err(BadItem {
            kind: FailureKind::Parse,
            detail: format!("what is gone cannot be read: {error}"),
            fragment: format!(r#"{{"removed":[{}]}}"#, raw.get()).into_bytes(),
            key: None,
        }),
    };
    let items = rows.iter().enumerate();
    items.map(|(at, raw)| Item { pointer: format!("/removed/{at}"), draft: draft(raw) }).collect()
}

fn whole(record: &Record<'_>, kind: FailureKind, detail: String) -> Item {
    let bad = BadItem { kind, detail, fragment: record.body.to_vec(), key: None };
    Item { pointer: String::new(), draft: Err(bad) }
}

/// What came with the rows of a document.
pub(super) fn included(body: &[u8]) -> Included<'_> {
    let cut = serde_json::from_slice::<Cut<'_>>(body).ok().and_then(|cut| cut.included);
    index(&cut.unwrap_or_default())
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

/// What a page lists.
#[derive(Clone, Copy)]
enum Rows<'a> {
    Orders,
    Customers,
    Levels {
        site: &'a str,
        as_of: Timestamp,
    },
    /// Of a product on one list, put together.
    Prices {
        as_of: Timestamp,
    },
}

impl<'a> Rows<'a> {
    fn of(record: &Record<'_>, site: &'a str) -> Option<Self> {
        let as_of = record.as_of.unwrap_or(record.received_at);
        match record.endpoint {
            ORDERS => Some(Self::Orders),
            CUSTOMERS => Some(Self::Customers),
            LEVELS => Some(Self::Levels { site, as_of }),
            PRICES => Some(Self::Prices { as_of }),
            _ => None,
        }
    }

    /// Their type, what one is called, and the attribute that is its key.
    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Orders => (ORDERS, "order", "identifier"),
            Self::Customers => (CUSTOMERS, "customer", "externalId"),
            Self::Levels { .. } => (LEVELS, "inventory level", "externalId"),
            Self::Prices { .. } => (PRICES, "price list of a product", "sku"),
        }
    }

    fn item(self, pointer: String, raw: &RawValue, included: &Included<'_>) -> Item {
        let (_, name, key) = self.names();
        let row: Value = match serde_json::from_str(raw.get()) {
            Ok(row) => row,
            Err(error) => {
                let bad = BadItem {
                    kind: FailureKind::Parse,
                    detail: format!("the {name} cannot be read: {error}"),
                    fragment: format!(r#"{{"data":[{}]}}"#, raw.get()).into_bytes(),
                    key: None,
                };
                return Item { pointer, draft: Err(bad) };
            }
        };
        let draft = self.draft(&row, included).map_err(|Bad(detail)| BadItem {
            kind: FailureKind::Validation,
            detail,
            fragment: fragment(raw, &row, included),
            key: document::text(&row, key).map(str::to_owned),
        });
        Item { pointer, draft }
    }

    fn draft(self, row: &Value, included: &Included<'_>) -> Result<Draft, Bad> {
        let (kind, ..) = self.names();
        if row.get("type").and_then(Value::as_str) != Some(kind) {
            return Err(Bad::new("type", &format!("`{kind}`")));
        }
        let id = document::id(row).ok_or_else(|| Bad::new("id", "a text"))?;
        let skip = |what: &str, reason: &str| Draft::Skip {
            what: format!("{what} {id}"),
            reason: reason.to_owned(),
        };
        let part = match self {
            Self::Orders => Part::OrderPlaced(Box::new(placed::placed(row, included)?)),
            Self::Customers if document::text(row, "externalId").is_none() => {
                let reason = "it has no number (externalId) that other systems could know it by";
                return Ok(skip("customer", reason));
            }
            Self::Customers => Part::CustomerProfile(customer_said::profile(row, included)?),
            Self::Levels { site, as_of } => {
                let Some((product, part)) = stock_said::stock(row, included, site)? else {
                    let reason = "it is of another unit than the product's own";
                    return Ok(skip("inventory level", reason));
                };
                return Ok(as_of_then(product, part, as_of));
            }
            Self::Prices { as_of } => {
                let (product, part) = price_said::prices(row)?;
                return Ok(as_of_then(product, part, as_of));
            }
        };
        let updated_at = placed::time(row, "updatedAt")?;
        let changed_at = match self {
            Self::Orders | Self::Levels { .. } | Self::Prices { .. } => None,
            Self::Customers => customer_said::changed_at(row, included),
        };
        Ok(Draft::Part(Box::new(PartDraft {
            part,
            source_id: Some(id.to_owned()),
            sequence: Sequence::of_time(updated_at),
            clock: Clock::named(CLOCK),
            time: Some(changed_at.unwrap_or(updated_at)),
        })))
    }
}

/// What has no time of its own.
fn as_of_then(source_id: String, part: Part, as_of: Timestamp) -> Draft {
    Draft::Part(Box::new(PartDraft {
        part,
        source_id: Some(source_id),
        sequence: Sequence::of_time(as_of),
        clock: Clock::named(AS_OF),
        time: Some(as_of),
    }))
}

/// The rows of a list that are wanted, with what belongs to them, each byte for byte.
pub(super) fn cut(body: &[u8], wanted: &[bool]) -> Vec<u8> {
    let cut: Option<Cut<'_>> = serde_json::from_slice(body).ok();
    let Some(Cut { data: Some(data), included, .. }) = cut else { return Vec::new() };
    let included = index(&included.unwrap_or_default());
    let list: Vec<&RawValue> = serde_json::from_str(data.get()).unwrap_or_default();
    let rows = list.into_iter().zip(wanted).filter(|(_, wanted)| **wanted);
    let rows = rows.map(|(raw, _)| (raw, serde_json::from_str(raw.get()).unwrap_or_default()));
    document_of(&rows.collect::<Vec<(&RawValue, Value)>>(), &included)
}

/// The row with what belongs to it, each byte for byte, as a document of one.
fn fragment(raw: &RawValue, row: &Value, included: &Included<'_>) -> Vec<u8> {
    document_of(&[(raw, row.clone())], included)
}

fn document_of(rows: &[(&RawValue, Value)], included: &Included<'_>) -> Vec<u8> {
    let mut wanted: BTreeSet<Key> = BTreeSet::new();
    let mut open: Vec<Key> = rows.iter().flat_map(|(_, row)| references(row)).collect();
    while let Some(key) = open.pop() {
        // Only what was included can be added, each once: the walk ends.
        if let Some((resource, _)) = included.0.get(&key)
            && wanted.insert(key)
        {
            open.extend(references(resource));
        }
    }
    let own: Vec<&str> =
        wanted.iter().filter_map(|key| included.0.get(key).map(|(_, raw)| raw.get())).collect();
    let rows: Vec<&str> = rows.iter().map(|(raw, _)| raw.get()).collect();
    let rows = rows.join(",");
    let document = match own.as_slice() {
        [] => format!(r#"{{"data":[{rows}]}}"#),
        own => format!(r#"{{"data":[{rows}],"included":[{}]}}"#, own.join(",")),
    };
    document.into_bytes()
}

fn references(resource: &Value) -> Vec<Key> {
    let relations = resource.get("relationships").and_then(Value::as_object);
    let linkages = relations.into_iter().flat_map(|relations| relations.values());
    linkages
        .filter_map(|relation| relation.get("data"))
        .flat_map(|linkage| linkage.as_array().map_or(std::slice::from_ref(linkage), Vec::as_slice))
        .filter_map(|reference| {
            let kind = reference.get("type")?.as_str()?;
            Some((kind.to_owned(), document::id(reference)?.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests;
