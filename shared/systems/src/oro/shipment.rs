//! `order.shipment`: tracking numbers and the shipping status, composed over all shipments.
//!
//! Tracking comes first: once an operator closes the order, nothing can be written any more
//! (OroCommerce reference §6). A tracking number that is there already is left as it is, and one
//! that no shipment names any more stays. The status never moves while nothing has left. An order of
//! a shop before 6.1 has none: the tracking numbers are all it is told (reference §11).

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
    closed,
    document::{self, Resource},
    orders::{self, Found},
    problem::No,
};
use crate::{
    decimal,
    target::{Applied, Effect, Failure, Write},
};

const TRACKINGS: &str = "ordershippingtrackings";

pub(super) async fn apply(
    api: &Api<'_>,
    write: &Write<'_>,
    shipment: &OrderShipment,
) -> Result<Applied, Failure> {
    let found = orders::find(api, write, &shipment.order, "lineItems,shippingTrackings").await?;
    let despatched = despatched(write, shipment);
    let missing = missing_trackings(&found, &despatched);
    let status = wanted_status(&found, &despatched);
    let has_status = has_status(found.order());
    let warning = status.filter(|_| !has_status).map(|status| {
        format!(
            "the shop has no shipping status (OroCommerce before 6.1), which would be `{status}`: it is \
             told tracking numbers only"
        )
    });
    let status = status
        .filter(|_| has_status)
        .filter(|status| document::one(found.order(), "shippingStatus") != Some(*status));
    let effect = match (missing.is_empty(), status) {
        (true, None) => Effect::AlreadySo,
        _ => Effect::Updated,
    };
    if let Err(no) = tell(api, &found, &missing, status).await {
        return Err(closed::explained(api, &found.id, &shipment.order, no).await);
    }
    Ok(Applied { effect, target_id: Some(found.id), warning, rule: None })
}

/// An order shows the status, be it none, from the version on that has it.
fn has_status(order: &Value) -> bool {
    order.get("relationships").and_then(|relations| relations.get("shippingStatus")).is_some()
}

async fn tell(
    api: &Api<'_>,
    found: &Found,
    missing: &[(String, String)],
    status: Option<&'static str>,
) -> Result<(), No> {
    for (method, number) in missing {
        let tracking = Resource::new(TRACKINGS)
            .attribute("method", method.as_str())
            .attribute("number", number.as_str());
        // The relation is `orders` since 6.1 (reference §0.12), as the status is.
        let tracking = if has_status(found.order()) {
            tracking.many("orders", ORDERS, [found.id.as_str()])
        } else {
            tracking.one("order", ORDERS, &found.id)
        };
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
    Ok(())
}

/// Every known shipment of the order whose goods have left.
fn despatched<'a>(write: &Write<'a>, shipment: &'a OrderShipment) -> Vec<&'a OrderShipment> {
    let known = write.parts.iter().filter_map(|part| match part {
        Part::OrderShipment(known) if known.reference != shipment.reference => Some(known),
        Part::OrderShipment(_)
        | Part::CustomerProfile(_)
        | Part::OrderPlaced(_)
        | Part::OrderCancellation(_)
        | Part::OrderReturn(_)
        | Part::ProductCatalogue(_)
        | Part::ProductStock(_)
        | Part::ProductPrice(_) => None,
    });
    let mut despatched: Vec<&OrderShipment> = Vec::new();
    for shipment in known.chain([shipment]).filter(|shipment| shipment.despatched) {
        if !despatched.iter().any(|other| is_same(other, shipment)) {
            despatched.push(shipment);
        }
    }
    despatched
}

/// Whether they are one parcel under two references: the warehouse names a shipment anew when it splits
/// its order (OrderFlow reference §8).
fn is_same(one: &OrderShipment, other: &OrderShipment) -> bool {
    let numbers = |shipment: &OrderShipment| {
        let numbers = shipment.tracking.iter().map(|tracking| tracking.number.trim().to_owned());
        numbers.filter(|number| !number.is_empty()).collect::<BTreeSet<_>>()
    };
    let lines = |shipment: &OrderShipment| by_sku(shipment.lines.iter().map(leaving));
    let numbers = (numbers(one), numbers(other));
    !numbers.0.is_empty() && numbers.0 == numbers.1 && lines(one) == lines(other)
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
            Some((sku.to_lowercase(), document::number(line, "quantity")?))
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

#[cfg(test)]
mod tests {
    use ferry_canonical::FailureKind;
    use serde_json::json;

    use super::*;
    use crate::oro::scripted::{Shop, answer, errors, oro, row, write};

    fn shipment(reference: &str, despatched: bool, quantity: &str) -> Part {
        let shipment = json!({
            "order": "WEB-1", "reference": reference, "state": "x", "despatched": despatched,
            "carrier": "DPD", "service": "Next Day", "tracking": [{"number": format!("T-{reference}")}],
            "lines": [{"sku": "sku-1", "quantity": quantity}]
        });
        Part::from_json(ferry_canonical::Facet::Shipment, shipment.to_string().as_bytes()).unwrap()
    }

    /// An order of three, with one tracking number.
    fn order(
        status: &str,
        number: &str,
    ) -> (String, Result<ferry_http::Response, ferry_http::HttpError>) {
        let order = row(
            "orders",
            "41",
            json!({"identifier": "WEB-1"}),
            json!({
            "shippingStatus": {"type": "ordershippingstatuses", "id": status},
            "lineItems": [{"type": "orderlineitems", "id": "1"}, {"type": "orderlineitems", "id": "2"}],
            "shippingTrackings": [{"type": "ordershippingtrackings", "id": "5"}]}),
        );
        let line = |id: &str, quantity: Value| {
            row(
                "orderlineitems",
                id,
                json!({"productSku": "SKU-1", "quantity": quantity}),
                Value::Null,
            )
        };
        let included = json!([
            line("1", json!(1)),
            line("2", json!("2.0")),
            row("ordershippingtrackings", "5", json!({ "number": number }), Value::Null)
        ]);
        answer(
            "GET /orders?filter[identifier]=WEB-1&include=lineItems,shippingTrackings",
            200,
            &json!({"data": [order], "included": included}),
        )
    }

    fn ok(request: &str) -> (String, Result<ferry_http::Response, ferry_http::HttpError>) {
        answer(request, 200, &json!({"data": {"type": "x", "id": "1"}}))
    }

    async fn apply(shop: &std::sync::Arc<Shop>, parts: &[Part]) -> Result<Applied, Failure> {
        let part = parts.last().unwrap();
        let subject = part.subject();
        let write = Write { parts, ..write(&subject, part) };
        oro().apply(&shop.conversation(), &[write]).await.pop().unwrap()
    }

    #[tokio::test]
    async fn what_has_left_is_composed_over_all_shipments() {
        let shop = Shop::answering([
            order("partially_shipped", "T-S1"),
            ok("POST /ordershippingtrackings"),
            ok("PATCH /orders/41"),
        ]);
        let parts =
            [shipment("S1", true, "1"), shipment("S3", false, "9"), shipment("S2", true, "2")];
        let applied = apply(&shop, &parts).await.unwrap();
        assert_eq!((applied.effect, applied.target_id.as_deref()), (Effect::Updated, Some("41")));
        insta::assert_snapshot!(shop.written().join("\n"), @r#"
        POST /ordershippingtrackings {"data":{"type":"ordershippingtrackings","attributes":{"method":"DPD Next Day","number":"T-S2"},"relationships":{"orders":{"data":[{"type":"orders","id":"41"}]}}}}
        PATCH /orders/41 {"data":{"type":"orders","id":"41","relationships":{"shippingStatus":{"data":{"type":"ordershippingstatuses","id":"shipped"}}}}}
        "#);
    }

    #[tokio::test]
    async fn a_shop_without_a_shipping_status_is_told_the_tracking_numbers() {
        let old =
            row("orders", "41", json!({"identifier": "WEB-1"}), json!({"shippingTrackings": []}));
        let found = || answer("GET /orders?filter", 200, &json!({"data": [old.clone()]}));
        let shop = Shop::answering([found(), ok("POST /ordershippingtrackings")]);
        let applied = apply(&shop, &[shipment("S1", true, "3")]).await.unwrap();
        assert_eq!(applied.effect, Effect::Updated);
        assert!(applied.warning.unwrap().contains("OroCommerce before 6.1"));
        assert!(
            shop.written()[0]
                .contains(r#""relationships":{"order":{"data":{"type":"orders","id":"41"}}}"#)
        );
    }

    #[tokio::test]
    async fn a_parcel_that_was_named_anew_leaves_once() {
        let shop = Shop::answering([order("not_shipped", "T-S"), ok("PATCH /orders/41")]);
        let named = |reference: &str| {
            let text = shipment(reference, true, "1.5").to_json();
            let text = text.replace(&format!("T-{reference}"), "T-S");
            Part::from_json(ferry_canonical::Facet::Shipment, text.as_bytes()).unwrap()
        };
        apply(&shop, &[named("WEB-1"), named("WEB-1_S1")]).await.unwrap();
        assert!(shop.written()[0].contains(r#""id":"partially_shipped""#));
    }

    #[tokio::test]
    async fn a_part_of_the_order_is_partially_shipped() {
        let shop = Shop::answering([order("not_shipped", "T-S1"), ok("PATCH /orders/41")]);
        apply(&shop, &[shipment("S1", true, "2.5")]).await.unwrap();
        assert!(shop.written()[0].contains(r#""id":"partially_shipped""#));
    }

    #[tokio::test]
    async fn nothing_that_is_still_in_the_warehouse_is_told() {
        let shop = Shop::answering([order("not_shipped", "other")]);
        let applied = apply(&shop, &[shipment("S1", false, "3")]).await.unwrap();
        assert_eq!(applied.effect, Effect::AlreadySo);
        shop.asked();
    }

    #[tokio::test]
    async fn telling_it_twice_changes_nothing() {
        let shop = Shop::answering([order("shipped", "T-S1")]);
        let applied = apply(&shop, &[shipment("S1", true, "3")]).await.unwrap();
        assert_eq!(applied.effect, Effect::AlreadySo);
        shop.asked();
    }

    #[tokio::test]
    async fn a_shipment_of_an_unknown_order_waits_for_it() {
        let other = row("orders", "9", json!({"identifier": "WEB-10"}), Value::Null);
        let shop = Shop::answering([answer("GET /orders?filter", 200, &json!({"data": [other]}))]);
        let failure = apply(&shop, &[shipment("S1", true, "3")]).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::MissingReference);
        assert_eq!(failure.detail, "order `WEB-1` is not in the shop");
    }

    fn with_status(
        internal: &str,
    ) -> (String, Result<ferry_http::Response, ferry_http::HttpError>) {
        let status = json!({"internalStatus": {"type": "orderinternalstatuses", "id": internal}});
        let order = row("orders", "41", json!({}), status);
        answer("GET /orders/41?fields[orders]=internalStatus", 200, &json!({ "data": order }))
    }

    #[tokio::test]
    async fn a_closed_order_says_that_it_is_closed() {
        let denied = |request| errors(request, 403, "access denied exception");
        for request in ["PATCH /orders/41", "POST /ordershippingtrackings"] {
            let number = if request.starts_with("PATCH") { "T-S1" } else { "other" };
            let shop = Shop::answering([
                order("not_shipped", number),
                denied(request),
                with_status("closed"),
            ]);
            let failure = apply(&shop, &[shipment("S1", true, "3")]).await.unwrap_err();
            assert_eq!((failure.kind, failure.status), (FailureKind::Rejected, Some(403)));
            assert!(
                failure.detail.starts_with("order `WEB-1` is closed in the shop"),
                "{failure:?}"
            );
            shop.asked();
        }
    }

    #[tokio::test]
    async fn an_order_that_is_open_is_refused_for_want_of_a_permission() {
        let shop = Shop::answering([
            order("not_shipped", "T-S1"),
            errors("PATCH /orders/41", 403, "access denied exception"),
            with_status("open"),
        ]);
        let failure = apply(&shop, &[shipment("S1", true, "3")]).await.unwrap_err();
        assert_eq!((failure.kind, failure.status), (FailureKind::Rejected, Some(403)));
        assert!(failure.detail.starts_with("Oro says why. (access denied exception): the API"));
        shop.asked();
    }
}
