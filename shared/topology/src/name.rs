//! Names of exchanges and queues, and routing keys, all without the prefix.

use std::time::Duration;

pub const RECORDS: &str = "records";
pub const EVENTS: &str = "events";
pub const REQUEUE: &str = "requeue";
/// The exchange; its queues are `{origin}.dead`.
pub const DEAD: &str = "dead";
/// The exchange and its one queue.
pub const FACTS: &str = "facts";
/// The exchange and its one queue.
pub const UNROUTED: &str = "unrouted";
pub const TRANSFORM: &str = "transform";

/// The lane whose queues carry no suffix.
pub const LIVE: &str = "live";
pub const BULK: &str = "bulk";

/// Stands in a record's key where the source does not say which entity it holds.
pub const ANY_ENTITY: &str = "-";

/// The key of a record: `shop.order.live`; [`ANY_ENTITY`] where the entity is not known yet.
pub fn record_key(source: &str, entity: &str, lane: &str) -> String {
    format!("{source}.{entity}.{lane}")
}

/// The key of an event: `order.placed.shop.live`.
pub fn event_key(entity: &str, facet: &str, source: &str, lane: &str) -> String {
    format!("{entity}.{facet}.{source}.{lane}")
}

/// The key of a fact: `transformer.skipped`.
pub fn fact_key(service: &str, kind: &str) -> String {
    format!("{service}.{kind}")
}

/// The transformer's queue of a lane: `transform`, `transform.bulk`.
pub fn transform_queue(lane: &str) -> String {
    with_lane(TRANSFORM.to_owned(), lane)
}

/// A loader's queue: `load.warehouse.order`, `load.warehouse.order.bulk`.
pub fn load_queue(target: &str, entity: &str, lane: &str) -> String {
    with_lane(format!("load.{target}.{entity}"), lane)
}

fn with_lane(queue: String, lane: &str) -> String {
    if lane == LIVE { queue } else { format!("{queue}.{lane}") }
}

/// The lane a work queue belongs to, by its name.
pub fn is_bulk(queue: &str) -> bool {
    queue.rsplit('.').next() == Some(BULK)
}

/// Where the dead letters of a work queue lie: `transform.dead`.
pub fn dead_queue(origin: &str) -> String {
    format!("{origin}.dead")
}

/// The exchange, and the queue, of a delay level: `delay.5s`.
pub fn delay_exchange(level: Duration) -> String {
    format!("delay.{}", level_name(level))
}

/// A level's name: the largest unit that divides its milliseconds (`2h`, `90s`, `100ms`). Finer
/// than a millisecond is rounded up, because zero would be no delay at all.
pub fn level_name(level: Duration) -> String {
    let ms = level_millis(level);
    let units = [(3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let unit = units.into_iter().find(|(size, _)| ms.is_multiple_of(*size));
    let (size, suffix) = unit.unwrap_or((1, "ms"));
    format!("{}{suffix}", ms / size)
}

/// A level's time-to-live in milliseconds, between 1 and the broker's bound of 2^32 - 1.
pub(crate) fn level_millis(level: Duration) -> u32 {
    let up = level.as_nanos().div_ceil(1_000_000);
    u32::try_from(up).unwrap_or(u32::MAX).max(1)
}

/// Whether a word can be a segment of a key: not empty, without dots, wildcards, spaces or
/// anything outside printable ASCII. Configuration checks its system names with this.
pub fn is_segment(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'.' | b'*' | b'#');
    !word.is_empty() && word.len() <= 60 && word.bytes().all(plain)
}
