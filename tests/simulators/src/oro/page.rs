//! A page for people who want to see what is in the shop: its customers, orders, products and levels.
//!
//! Shows what `/_sim/state` shows, newest first, and nothing that could be pressed.

use std::fmt::Write as _;

use serde_json::Value;

use super::seen;
use super::shop::Shop;

/// Collections and the columns of each.
const TABLES: [(&str, &[&str]); 4] = [
    ("customers", &["id", "externalId", "name", "addresses", "users"]),
    ("orders", &["id", "identifier", "status", "shippingStatus", "trackings"]),
    ("products", &["id", "sku", "name", "status", "unit"]),
    ("inventorylevels", &["id", "sku", "unit", "quantity"]),
];
/// Rows of a table, at most.
const ROWS_MAX: usize = 200;

const STYLE: &str = "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}\
                     td,th{border:1px solid #ccc;padding:2px 8px;text-align:left}";

pub(super) fn shop(shop: &Shop) -> String {
    let mut page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>OroCommerce {0}, \
         simulated</title><style>{STYLE}</style></head><body><h1>OroCommerce {0}, simulated</h1>",
        shop.version()
    );
    for (name, columns) in TABLES {
        let rows = seen::collection(&shop.store, name).unwrap_or_default();
        table(&mut page, name, columns, &rows);
    }
    page.push_str("</body></html>");
    page
}

fn table(page: &mut String, name: &str, columns: &[&str], rows: &[Value]) {
    let count = rows.len();
    // Writing to a text cannot fail.
    let _ = write!(page, "<h2 id=\"{name}\">{name}: {count}</h2><table><tr>");
    for column in columns {
        let _ = write!(page, "<th>{column}</th>");
    }
    page.push_str("</tr>");
    for row in rows.iter().rev().take(ROWS_MAX) {
        page.push_str("<tr>");
        for column in columns {
            let text = row.get(column).map(cell).unwrap_or_default();
            let _ = write!(page, "<td>{}</td>", escaped(&text));
        }
        page.push_str("</tr>");
    }
    page.push_str("</table>");
    if count > ROWS_MAX {
        let _ = write!(page, "<p>The newest {ROWS_MAX} of {count}.</p>");
    }
}

/// A value in one line; of rows that hang on another, what a person knows them by.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Object(members) => ["email", "label", "number", "id"]
            .iter()
            .find_map(|name| members.get(*name).and_then(Value::as_str))
            .unwrap_or_default()
            .to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
