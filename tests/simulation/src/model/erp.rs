//! An ERP: rows with a time, read page by page.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Asked, Said};

#[derive(Debug, Default)]
pub(crate) struct Erp {
    /// By collection and key.
    rows: BTreeMap<(&'static str, String), (Timestamp, Value)>,
}

impl Erp {
    pub(crate) fn product(&mut self, sku: &str, name: u32, flawed: bool, now: Timestamp) {
        let name = if flawed { Value::Null } else { json!(format!("Mug v{name}")) };
        let row = json!({"sku": sku, "name": name, "updated_at": now.to_string()});
        self.rows.insert(("products", sku.to_owned()), (now, row));
    }

    pub(crate) fn order(&mut self, reference: &str, sku: &str, whole: bool, now: Timestamp) {
        let quantity = if whole { "2" } else { "0.5" };
        let row = json!({
            "identifier": reference, "placed_at": now.to_string(), "currency": "GBP",
            "customer": {"name": "Ada"},
            "shipping_address": {"street": "1 High St", "city": "Leeds", "country": "GB"},
            "lines": [{"number": 1, "sku": sku, "quantity": quantity, "unit_price": "5",
                       "total": "10"}],
            "totals": {"subtotal": "10", "total": "10"}, "updated_at": now.to_string(),
        });
        self.rows.insert(("orders", reference.to_owned()), (now, row));
    }

    /// Every product that is sound, as one page.
    pub(crate) fn products(&self) -> String {
        let of = self.rows.iter().filter(|((of, _), _)| *of == "products");
        let rows: Vec<&Value> =
            of.map(|(_, (_, row))| row).filter(|row| row["name"].is_string()).collect();
        json!({"rows": rows}).to_string()
    }

    pub(crate) fn answer(&self, asked: &Asked) -> Said {
        let number = |name: &str, otherwise: usize| {
            asked.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
        };
        let collection = if asked.path.starts_with("/orders") { "orders" } else { "products" };
        let since = asked.parameter("since").and_then(|text| text.parse::<Timestamp>().ok());
        let mut rows: Vec<_> = self
            .rows
            .iter()
            .filter(|((of, _), (at, _))| {
                *of == collection && since.is_none_or(|since| *at >= since)
            })
            .map(|((_, key), (at, row))| (at, key, row))
            .collect();
        rows.sort_by_key(|(at, key, _)| (*at, *key));
        let (page, size) = (number("page", 1), number("size", 5));
        let skipped = page.saturating_sub(1) * size;
        let rows: Vec<&Value> =
            rows.into_iter().skip(skipped).take(size).map(|(_, _, row)| row).collect();
        Said::ok(json!({"rows": rows}).to_string())
    }
}
