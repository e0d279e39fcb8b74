//! Pending shipments (OrderFlow reference §4): a list without lines, and so no state of a shipment.
//! What of it is not as it was wakes the detail of its order, and so does an order that is on it no
//! more: it has left, or was cancelled, and the push that said so may be lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use ferry_canonical::FailureKind;
use serde::{Deserialize, Serialize};

use super::{ORDER, Pull};
use crate::{
    Failure, Page,
    orderflow::wakes::{is_key, wake},
    xml,
};

const PATH: &str = "/remoteorder/shipment/pending.xml";
/// Orders that are remembered: with fewer than are on the list, an order that is gone from it would
/// not be missed.
const SEEN_MAX: usize = 50_000;

/// What the last list said: its orders, and 32 bits of what it said of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    seen: BTreeMap<String, u32>,
}

impl Pull<'_> {
    pub(super) async fn pending(&self) -> Result<Page, Failure> {
        let response = self.get("poll", PATH, &[self.channel()]).await?;
        let split = self.split(&response, "shipments")?;
        // A cursor nobody can read starts over: that wakes more than it must.
        let before: Cursor =
            self.ask.cursor.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let now = marks(&split.items);
        if now.len() > SEEN_MAX {
            return Err(too_many(now.len()));
        }
        let wakes = woken(&before.seen, &now);
        let wakes = wakes.into_iter().map(|order| wake(ORDER, order)).collect();
        let records = self.records(&split, &self.orderflow.config.channel, false)?;
        let cursor = serde_json::to_string(&Cursor { seen: now }).ok();
        Ok(Page { cursor, wakes, ..Page::of(records) })
    }
}

fn too_many(orders: usize) -> Failure {
    let detail = format!(
        "the list is of {orders} orders; at most {SEEN_MAX} are told apart from one list to the next"
    );
    Failure::new(FailureKind::TooLarge, detail)
}

/// What is said of each order, over all its shipments. Stable over processes of one build; another
/// build wakes more than it must.
fn marks(items: &[&[u8]]) -> BTreeMap<String, u32> {
    let mut orders: BTreeMap<String, DefaultHasher> = BTreeMap::new();
    for item in items {
        let shipment = xml::parse(item).ok();
        let order = shipment.as_ref().and_then(|shipment| shipment.child_text("orderReference"));
        let Some(order) = order.map(str::trim).filter(|order| is_key(order)) else { continue };
        item.hash(orders.entry(order.to_owned()).or_default());
    }
    let mark = |hasher: DefaultHasher| u32::try_from(hasher.finish() >> 32).unwrap_or_default();
    orders.into_iter().map(|(order, hasher)| (order, mark(hasher))).collect()
}

fn woken<'a>(
    before: &'a BTreeMap<String, u32>,
    now: &'a BTreeMap<String, u32>,
) -> BTreeSet<&'a str> {
    let other = |(order, mark): &(&String, &u32)| before.get(*order) != Some(*mark);
    let changed = now.iter().filter(other).map(|(order, _)| order);
    let gone = before.keys().filter(|order| !now.contains_key(*order));
    changed.chain(gone).map(String::as_str).collect()
}
