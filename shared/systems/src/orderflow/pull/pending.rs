//! Pending shipments (OrderFlow reference §4): a list without lines, and so no state of a shipment.
//! What of it is not as it was wakes the detail of its order.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use serde::{Deserialize, Serialize};

use super::{Pull, wakes_order};
use crate::{Failure, Page, xml};

const PATH: &str = "/remoteorder/shipment/pending.xml";
/// Shipments that are remembered. Of a longer list the rest wakes its orders again.
const SEEN_MAX: usize = 5_000;

/// What the last list said, as 32 bits of each shipment's content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    seen: BTreeSet<u32>,
}

impl Pull<'_> {
    pub(super) async fn pending(&self) -> Result<Page, Failure> {
        let response = self.get("poll", PATH, &[self.channel()]).await?;
        let split = self.split(&response, "shipments")?;
        // A cursor nobody can read starts over: that wakes more than it must.
        let before: Cursor =
            self.ask.cursor.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let mut cursor = Cursor::default();
        let mut orders = BTreeSet::new();
        for item in &split.items {
            let mark = mark(item);
            if cursor.seen.len() < SEEN_MAX {
                cursor.seen.insert(mark);
            }
            if !before.seen.contains(&mark) {
                let shipment = xml::parse(item).ok();
                orders.extend(
                    shipment.and_then(|s| s.child_text("orderReference").map(str::to_owned)),
                );
            }
        }
        Ok(Page {
            records: self.records(&split, &self.orderflow.config.channel, false)?,
            cursor: serde_json::to_string(&cursor).ok(),
            more: false,
            ahead: None,
            wakes: orders.iter().map(|order| wakes_order(order)).collect(),
        })
    }
}

/// Stable over processes of one build; another build wakes more than it must.
fn mark(item: &[u8]) -> u32 {
    let mut hasher = DefaultHasher::new();
    item.hash(&mut hasher);
    u32::try_from(hasher.finish() >> 32).unwrap_or_default()
}
