//! The table of what each version answers (`tests/oro/capabilities.toml`), cell by cell.

use serde::Deserialize;
use serde_json::Value;

use super::versions::stocked;

const TABLE: &str = include_str!("../../../../oro/capabilities.toml");

#[derive(Deserialize)]
struct Table {
    versions: Vec<String>,
    row: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    ask: String,
    body: Option<String>,
    #[serde(default)]
    sync: bool,
    #[serde(default)]
    ext_id: bool,
    answers: Vec<String>,
}

/// The status, and the title of the first error.
fn answer(row: &Row, version: &str) -> String {
    let desk = stocked(version);
    let desk = if row.ext_id { desk.ext() } else { desk };
    let (method, path) = row.ask.split_once(' ').unwrap();
    let body: Option<Value> = row.body.as_ref().map(|body| serde_json::from_str(body).unwrap());
    let mode: &[(&str, &str)] = if row.sync { &[("x-mode", "sync")] } else { &[] };
    let reply = desk.send(method, path, mode, body.as_ref());
    let title = reply.body.pointer("/errors/0/title").and_then(Value::as_str).unwrap_or_default();
    format!("{} {title}", reply.status).trim_end().to_owned()
}

#[test]
fn every_cell_of_the_table_is_as_it_says() {
    let table: Table = toml_edit::de::from_str(TABLE).unwrap();
    assert!(!table.row.is_empty());
    for row in &table.row {
        let answers: Vec<String> =
            table.versions.iter().map(|version| answer(row, version)).collect();
        assert_eq!(answers, row.answers, "{}", row.ask);
    }
}
