//! `order.shipment`: tracking numbers and the shipping status, composed over all shipments.
//!
//! Tracking comes first: once an operator closes the order, nothing can be written any more
//! (OroCommerce reference §6). A tracking number that is there already is left as it is, and one
//! that no shipment names any more stays. The status never moves while nothing has left.

use std::collections::{BTreeMap, BTreeSet};

use ferry_canonical::{
    Part,
    order::{OrderShipment, ShipmentLine},
    value::Decimal,
};
use serde_json::Value;

use super::{
    ORDERS,
    client::{Api, Call},
    decimal,
    document::{self, Resource},
    orders::{self, Found},
};
use crate::target::{Applied, Effect, Failure, Write};

const TRACKINGS: &str = "ordershippingtrackings";

pub(super) async fn apply(
    api: &Api<'_>,
    write: &Write<'_>,
    shipment: &OrderShipment,
) -> Result<Applied, Failure> {
    let found = orders::find(api, write, &shipment.order, "lineItems,shippingTrackings").await?;
    let despatched = despatched(write, shipment);
    let missing = missing_trackings(&found, &despatched);
    let status = wanted_status(&found, &despatched)
        .filter(|status| document::one(found.order(), "shippingStatus") != Some(*status));
    let effect = match (missing.is_empty(), status) {
        (true, None) => Effect::AlreadySo,
        _ => Effect::Updated,
    };
    for (method, number) in &missing {
        // The relation is `orders` since 6.1 (reference §0.12).
        let tracking = Resource::new(TRACKINGS)
            .attribute("method", method.as_str())
            .attribute("number", number.as_str())
            .many("orders", ORDERS, [found.id.as_str()]);
        api.ask(&Call::create("add tracking", tracking, Vec::new())).await?;
    }
    if let Some(status) = status {
        let change = Resource::with_id(ORDERS, &found.id).one(
            "shippingStatus",
            "ordershippingstatuses",
            status,
        );
        api.ask(&Call::change("set shipping status", change, Vec::new())).await?;
    }
    Ok(Applied { effect, target_id: Some(found.id), warning: None })
}

/// Every known shipment of the order whose goods have left.
fn despatched<'a>(write: &Write<'a>, shipment: &'a OrderShipment) -> Vec<&'a OrderShipment> {
    let known = write.parts.iter().filter_map(|part| match part {
        Part::OrderShipment(known) if known.reference != shipment.reference => Some(known),
        Part::OrderShipment(_)
        | Part::CustomerProfile(_)
        | Part::OrderPlaced(_)
        | Part::OrderCancellation(_)
        | Part::ProductCatalogue(_)
        | Part::ProductStock(_) => None,
    });
    known.chain([shipment]).filter(|shipment| shipment.despatched).collect()
}

/// Method and number of what is not yet on the order, each number once.
fn missing_trackings(found: &Found, despatched: &[&OrderShipment]) -> Vec<(String, String)> {
    let mut known: BTreeSet<&str> = document::many(found.order(), "shippingTrackings")
        .into_iter()
        .filter_map(|id| document::included(&found.document, TRACKINGS, id))
        .filter_map(|tracking| document::text(tracking, "number"))
        .map(str::trim)
        .collect();
    let mut missing = Vec::new();
    for shipment in despatched {
        for tracking in &shipment.tracking {
            let number = tracking.number.trim();
            if !number.is_empty() && known.insert(number) {
                missing.push((method(shipment), number.to_owned()));
            }
        }
    }
    missing
}

/// Carrier and service; Oro requires a method.
fn method(shipment: &OrderShipment) -> String {
    let named = [&shipment.carrier, &shipment.service].map(Option::as_deref);
    let words: Vec<&str> =
        named.into_iter().flatten().map(str::trim).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "shipment".to_owned() } else { words.join(" ") }
}

/// `shipped` once every line's quantity has left, `partially_shipped` once anything has. A shipment
/// that lists no lines has left, but covers nothing.
fn wanted_status(found: &Found, despatched: &[&OrderShipment]) -> Option<&'static str> {
    if despatched.is_empty() {
        return None;
    }
    let left = by_sku(despatched.iter().flat_map(|shipment| &shipment.lines).map(leaving));
    let covered = ordered(found).and_then(by_sku).zip(left).is_some_and(|(ordered, left)| {
        ordered.iter().all(|(sku, wanted)| {
            left.get(sku).and_then(|left| decimal::covers(left, wanted)).unwrap_or(false)
        })
    });
    Some(if covered { "shipped" } else { "partially_shipped" })
}

fn leaving(line: &ShipmentLine) -> (String, Decimal) {
    (line.sku.to_lowercase(), line.quantity.clone())
}

/// SKU and quantity of every line; `None` where one cannot be read, because then nobody can say
/// that all of it has left. Oro matches SKUs without regard to case.
fn ordered(found: &Found) -> Option<Vec<(String, Decimal)>> {
    let ids = document::many(found.order(), "lineItems");
    let lines: Option<Vec<_>> = ids
        .into_iter()
        .map(|id| {
            let line = document::included(&found.document, "orderlineitems", id)?;
            let sku = document::text(line, "productSku")
                .or_else(|| document::text(line, "freeFormProduct"))?;
            let quantity = match document::attribute(line, "quantity")? {
                Value::String(text) => Decimal::parse(text).ok()?,
                other => Decimal::parse(&other.to_string()).ok()?,
            };
            Some((sku.to_lowercase(), quantity))
        })
        .collect();
    lines.filter(|lines| !lines.is_empty())
}

fn by_sku(lines: impl IntoIterator<Item = (String, Decimal)>) -> Option<BTreeMap<String, Decimal>> {
    let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
    for (sku, quantity) in lines {
        let sum = match sums.get(&sku) {
            Some(sum) => decimal::sum([sum, &quantity])?,
            None => quantity,
        };
        sums.insert(sku, sum);
    }
    Some(sums)
}
