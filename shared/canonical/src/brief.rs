//! States that were said where there is no room for all of them.
//!
//! One source may say a part in documents of unequal room: an event about an order names a shipment's
//! number, a list of what has left its carrier, its packages and the time. Each is a whole state as far
//! as it goes, and must not erase what it cannot say. A brief state says so of itself, and is laid over
//! what is known of the part by the same source: what it has no room for stays, all else is as it says.

use serde_json::Value;

use crate::{
    Part,
    order::{OrderCancellation, OrderShipment, Tracking},
    value::Extensions,
};

impl Part {
    /// Whether it was said where there is no room for all of it.
    pub const fn is_brief(&self) -> bool {
        match self {
            Self::OrderShipment(shipment) => shipment.brief,
            Self::OrderCancellation(cancellation) => cancellation.brief,
            Self::CustomerProfile(_)
            | Self::OrderPlaced(_)
            | Self::OrderReturn(_)
            | Self::ProductCatalogue(_)
            | Self::ProductStock(_)
            | Self::ProductPrice(_) => false,
        }
    }

    /// This state laid over an older one of the same part: as it is, but for what it has no room for.
    #[must_use]
    pub fn over(&self, older: &Self) -> Self {
        match (self, older) {
            (Self::OrderShipment(newer), Self::OrderShipment(older)) => {
                Self::OrderShipment(shipment(newer, older))
            }
            (Self::OrderCancellation(newer), Self::OrderCancellation(older)) => {
                Self::OrderCancellation(cancellation(newer, older))
            }
            _ => self.clone(),
        }
    }
}

/// Of what has not left there is nothing to say yet, and what came back says nothing of how it left.
fn shipment(newer: &OrderShipment, older: &OrderShipment) -> OrderShipment {
    if !newer.brief || !newer.despatched || !older.despatched {
        return newer.clone();
    }
    let mut whole = newer.clone();
    whole.extensions = both(&older.extensions, &newer.extensions);
    if whole.lines.is_empty() {
        whole.lines.clone_from(&older.lines);
    }
    if older.brief {
        return whole;
    }
    let is_known = |said: &Tracking| older.tracking.iter().any(|known| known.number == said.number);
    // A number that is new is a correction of those that were.
    if newer.tracking.iter().all(is_known) {
        whole.tracking.clone_from(&older.tracking);
    }
    whole.carrier = older.carrier.clone().or(whole.carrier);
    whole.service = older.service.clone().or(whole.service);
    whole.despatched_at = older.despatched_at.or(whole.despatched_at);
    whole.brief = false;
    whole
}

/// There is but one: it is not cancelled again whenever it is seen.
fn cancellation(newer: &OrderCancellation, older: &OrderCancellation) -> OrderCancellation {
    if !newer.brief {
        return newer.clone();
    }
    OrderCancellation {
        reason: older.reason.clone().or(newer.reason.clone()),
        extensions: both(&older.extensions, &newer.extensions),
        ..older.clone()
    }
}

/// What either says of a system; of what both say, the newer.
fn both(older: &Extensions, newer: &Extensions) -> Extensions {
    let mut all = older.clone();
    for (system, said) in newer {
        match (all.get_mut(system), said) {
            (Some(Value::Object(known)), Value::Object(said)) => known.extend(said.clone()),
            (_, said) => drop(all.insert(system.clone(), said.clone())),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Facet;

    const FULL: &str = r#"{"order":"W-1","reference":"S1","state":"despatched","despatched":true,
        "carrier":"Royal Mail","service":"Tracked 48","despatched_at":"2026-07-02T09:40:10Z",
        "tracking":[{"number":"A","url":"https://t.test/A"},{"number":"B"}],
        "lines":[{"sku":"MUG","quantity":"2"}],"extensions":{"orderflow":{"courier":"metapack"}}}"#;
    const BRIEF: &str = r#"{"order":"W-1","reference":"S1","state":"despatched","despatched":true,
        "carrier":"metapack","tracking":[{"number":"A"}],"lines":[{"sku":"MUG","quantity":"2"}],
        "brief":true,"extensions":{"orderflow":{"event":{"userName":"sam"}}}}"#;

    fn shipment(json: &str) -> Part {
        Part::from_json(Facet::Shipment, json.as_bytes()).unwrap()
    }

    fn cancellation(json: &str) -> Part {
        Part::from_json(Facet::Cancellation, json.as_bytes()).unwrap()
    }

    #[test]
    fn a_brief_shipment_erases_nothing_it_has_no_room_for() {
        let (full, brief) = (shipment(FULL), shipment(BRIEF));
        let whole = brief.over(&full);
        assert_eq!(whole.fingerprint(), full.fingerprint());
        assert!(!whole.is_brief());
        let Part::OrderShipment(whole) = whole else { panic!() };
        let expected = serde_json::json!({ "courier": "metapack", "event": { "userName": "sam" } });
        assert_eq!(whole.extensions["orderflow"], expected);
        // What has room for everything stands for itself.
        assert_eq!(full.over(&brief), full);
    }

    #[test]
    fn what_a_brief_shipment_does_say_is_so() {
        let corrected = shipment(&BRIEF.replace(r#""number":"A""#, r#""number":"C""#));
        let Part::OrderShipment(whole) = corrected.over(&shipment(FULL)) else { panic!() };
        assert_eq!(whole.tracking.len(), 1);
        assert_eq!(whole.tracking[0].number, "C");
        let back = BRIEF.replace(r#""despatched":true"#, r#""despatched":false"#);
        assert_eq!(shipment(&back).over(&shipment(FULL)), shipment(&back));
        let packed = FULL.replace(r#""despatched":true"#, r#""despatched":false"#);
        assert_eq!(shipment(BRIEF).over(&shipment(&packed)), shipment(BRIEF));
    }

    #[test]
    fn laid_over_twice_is_laid_over_once() {
        let (full, brief) = (shipment(FULL), shipment(BRIEF));
        let once = brief.over(&full);
        assert_eq!(brief.over(&once), once);
        assert_eq!(once.over(&full), once);
    }

    #[test]
    fn a_cancellation_that_is_only_seen_is_the_one_that_was_told() {
        let told = cancellation(
            r#"{"order":"W-1","cancelled_at":"2026-07-02T09:00:00Z","reason":"order_cancelled"}"#,
        );
        let seen =
            cancellation(r#"{"order":"W-1","cancelled_at":"2026-07-02T10:00:00Z","brief":true}"#);
        let later =
            cancellation(r#"{"order":"W-1","cancelled_at":"2026-07-02T11:00:00Z","brief":true}"#);
        assert_eq!(seen.over(&told), told);
        assert_eq!(later.over(&seen), seen);
        assert_eq!(told.over(&seen), told);
    }
}
