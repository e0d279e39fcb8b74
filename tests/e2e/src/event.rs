//! Canonical events and records, written by hand as a foreign system would.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::Letter;

/// An id nobody else in this run has.
pub fn fresh_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:08x}-0e2e-4000-8000-{number:012x}", std::process::id())
}

/// A customer as the ERP says it, at a place on the ERP's clock. Key `customer.profile.erp.live`.
pub fn customer(number: &str, name: &str, sequence: u64) -> Letter {
    let subject = format!("customer/{number}/profile");
    event("erp", "customer.profile", &subject, sequence, &json!({"number": number, "name": name}))
}

/// A shipment of the whole order as [`crate::Simulator::place_order`] makes it. Key
/// `order.shipment.warehouse.live`.
pub fn shipment(order: &str, sequence: u64) -> Letter {
    let reference = format!("{order}_S1");
    let subject = format!("order/{order}/shipment/{reference}");
    let part = json!({"order": order, "reference": reference, "state": "despatched",
        "despatched": true, "carrier": "DPD", "tracking": [{"number": format!("T-{order}")}],
        "lines": [{"sku": format!("SKU-{order}"), "quantity": "2"}]});
    event("warehouse", "order.shipment", &subject, sequence, &part)
}

/// What can be sent of a product from one site. Key `product.stock.warehouse.live`.
pub fn stock(sku: &str, site: &str, available: &str, sequence: u64) -> Letter {
    let subject = format!("product/{sku}/stock/{site}");
    let part = json!({"sku": sku, "site": site, "available": available});
    event("warehouse", "product.stock", &subject, sequence, &part)
}

/// A product as a catalogue's file says it. Key `product.catalogue.catalogue.live`.
pub fn product(sku: &str, name: &str, sequence: u64) -> Letter {
    let subject = format!("product/{sku}/catalogue");
    let part = json!({"sku": sku, "name": name});
    event("catalogue", "product.catalogue", &subject, sequence, &part)
}

fn event(source: &str, kind: &str, subject: &str, sequence: u64, part: &Value) -> Letter {
    let id = fresh_id();
    let entity: Vec<&str> = subject.split('/').take(2).collect();
    let body = json!({
        "specversion": "1.0", "id": id, "source": format!("/{source}"),
        "type": format!("ferry.{kind}.changed.v1"), "subject": subject,
        "time": "2026-11-22T09:15:00Z", "datacontenttype": "application/json",
        "dataschema": format!("https://ferry.example/schemas/{kind}.v1.json"),
        "sequence": format!("{sequence:024}"), "clock": "e2e", "observedat": "2026-11-22T09:15:01Z",
        "partitionkey": entity.join("/"), "correlationid": id, "causationid": id, "data": part,
    });
    let media = Some("application/cloudevents+json".to_owned());
    Letter { content_type: media, ..Letter::new(body.to_string()) }.with_id(&id)
}

/// A push of the warehouse as the producer publishes it. Key `warehouse.-.live`.
pub fn record(body: &str) -> Letter {
    Letter { content_type: Some("application/xml".to_owned()), ..Letter::new(body) }
        .with_id(&fresh_id())
        .with("ferry-source", "warehouse")
        .with("ferry-endpoint", "push")
        .with("ferry-received-at", "2026-11-22T09:15:01Z")
        .with("ferry-lane", "live")
}
