//! Every event there was, in a queue of a foreign client's own: what Ferry says of its deliveries is
//! held against that.

use std::collections::{BTreeMap, BTreeSet};

use ferry_e2e::Foreign;
use ferry_stage::told::{Overview, Route};

const QUEUE: &str = "chaos.audit";

/// Distinct events by `{entity}.{facet}.{source}`.
pub(crate) type Events = BTreeMap<String, u64>;

/// From now on a copy of every event is kept.
///
/// # Panics
/// When the broker does not serve.
pub(crate) fn begin(broker: &str) {
    Foreign::connect(broker).keep(QUEUE, "ferry.events", "#");
}

/// Takes everything that was kept.
///
/// # Panics
/// When the broker does not serve.
pub(crate) fn events(broker: &str) -> Events {
    let foreign = Foreign::connect(broker);
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    while let Some(event) = foreign.get(QUEUE) {
        let words: Vec<&str> = event.key.splitn(4, '.').take(3).collect();
        seen.entry(words.join(".")).or_default().insert(event.id.unwrap_or_default());
    }
    let count = |ids: BTreeSet<String>| u64::try_from(ids.len()).unwrap_or(u64::MAX);
    seen.into_iter().map(|(key, ids)| (key, count(ids))).collect()
}

/// Routes that ended another number of deliveries than there were events for them. A letter that
/// was sent again ends once more.
pub(crate) fn disagreements(events: &Events, view: &Overview, sent_again: u64) -> Vec<String> {
    let differs = |route: &Route| {
        let key = format!("{}.{}.{}", route.entity, route.facet, route.source);
        let there_were = events.get(&key).copied().unwrap_or(0);
        let ended: u64 = route.outcomes.values().sum();
        let agree = (there_were..=there_were.saturating_add(sent_again)).contains(&ended);
        let (name, target) = (&route.name, &route.target);
        (!agree).then(|| format!("{name} to {target}: {there_were} events, {ended} ended"))
    };
    view.routes.iter().filter_map(differs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(ended: u64) -> Overview {
        let text = format!(
            r#"{{"routes": [{{"route": "orders", "source": "shop", "target": "warehouse",
                "entity": "order", "facet": "placed", "received": {ended},
                "outcomes": {{"delivered": {ended}}}, "retrying": 0, "rate": 0.0}}],
                "records": {{}}, "skipped_items": {{}}, "dead": {{}}, "claimed": {{}}, "queues": {{}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_route_that_lost_or_made_up_a_delivery_is_named() {
        let events = Events::from([("order.placed.shop".to_owned(), 7)]);
        assert_eq!(disagreements(&events, &view(7), 0), [] as [&str; 0]);
        assert_eq!(disagreements(&events, &view(6), 5), ["orders to warehouse: 7 events, 6 ended"]);
        assert_eq!(disagreements(&events, &view(8), 1), [] as [&str; 0]);
        assert_eq!(disagreements(&events, &view(9), 1), ["orders to warehouse: 7 events, 9 ended"]);
    }
}
