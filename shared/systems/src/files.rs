//! Files as a source: chunks of rows, each readable without the rest of its file.
//!
//! A chunk is a record: for CSV the header line and then rows exactly as they stood. The order of
//! what files say is their as-of time, then the line. It reads comma-separated UTF-8 (RFC 4180,
//! quoted fields over several lines included) and JSON lines; nothing else.

use std::{collections::BTreeMap, path::Path};

use ferry_canonical::{Clock, Facet, FailureKind, Sequence};
use ferry_config::system::{FileFormat, FileKind, FilesConfig};
use ferry_mapping::{MapError, Mapping};
use serde_json::{Map, Value};

use crate::{BadItem, Draft, Failure, Item, Record, draft::PartDraft, json};

mod chunk;

pub use chunk::{Chunk, ChunkError, Chunks};

#[derive(Debug)]
pub struct Files {
    config: FilesConfig,
    mappings: BTreeMap<String, Mapping>,
}

/// One row of a chunk.
struct Row<'a> {
    /// Of the file, 1-based.
    line: u32,
    bytes: &'a [u8],
    value: Result<Value, (FailureKind, String)>,
}

impl Files {
    pub fn new(config: &FilesConfig) -> Result<Self, String> {
        let mut mappings = BTreeMap::new();
        for (name, kind) in &config.files {
            let mapping = Mapping::compile(&kind.mapping.name, &kind.mapping.program)
                .map_err(|error| format!("files {name}: {error}"))?;
            mappings.insert(name.clone(), mapping);
        }
        Ok(Self { config: config.clone(), mappings })
    }

    pub fn folder(&self) -> &Path {
        &self.config.folder
    }

    /// The kind of a file, by its name.
    pub fn kind_of(&self, file_name: &str) -> Option<(&str, &FileKind)> {
        let mut kinds = self.config.files.iter();
        let found = kinds.find(|(_, kind)| matches(&kind.pattern, file_name))?;
        Some((found.0, found.1))
    }

    /// A file's kind by its own name: for an upload or a backfill that states it.
    pub fn kind(&self, name: &str) -> Option<&FileKind> {
        self.config.files.get(name)
    }

    /// Files are not asked for pages: their folder is watched.
    pub fn polled_endpoint(&self, _facet: Facet) -> Option<String> {
        None
    }

    pub fn probe(&self) -> Result<(), Failure> {
        let folder = &self.config.folder;
        if folder.is_dir() {
            return Ok(());
        }
        let detail = format!("the folder {} does not exist", folder.display());
        Err(Failure::new(FailureKind::Connection, detail))
    }

    pub fn read(&self, record: &Record<'_>) -> Vec<Item> {
        let found = self.config.files.get(record.endpoint).zip(self.mappings.get(record.endpoint));
        let Some((kind, mapping)) = found else {
            let detail = format!("no kind of file is called `{}`", record.endpoint);
            let fragment = record.body.to_vec();
            let bad = BadItem { kind: FailureKind::Unsupported, detail, fragment, key: None };
            return vec![Item { pointer: String::new(), draft: Err(bad) }];
        };
        let (header, rows) = match kind.format {
            FileFormat::Csv => csv_rows(record),
            FileFormat::Jsonl => (&[][..], json_rows(record)),
        };
        rows.into_iter()
            .map(|row| Item {
                pointer: format!("line {}", row.line),
                draft: draft(kind, mapping, record, header, row),
            })
            .collect()
    }
}

fn draft(
    kind: &FileKind,
    mapping: &Mapping,
    record: &Record<'_>,
    header: &[u8],
    row: Row<'_>,
) -> Result<Draft, BadItem> {
    let line = row.line;
    let key = row.value.as_ref().ok().and_then(|value| {
        let mut names = ["sku", "number", "identifier", "id"].iter();
        names.find_map(|name| value.get(name).and_then(Value::as_str)).map(str::to_owned)
    });
    let bad = |kind: FailureKind, detail: String| BadItem {
        kind,
        detail: format!("line {line}: {detail}"),
        fragment: [header, row.bytes].concat(),
        key: key.clone().filter(|key| !key.is_empty()),
    };
    let value = row.value.map_err(|(kind, detail)| bad(kind, detail))?;
    let mapped = match mapping.run(&value) {
        Ok(mapped) => mapped,
        Err(MapError::Nothing) => {
            let reason = format!("mapping {} gives nothing for it", kind.mapping.name);
            return Ok(Draft::Skip { what: format!("line {line}"), reason });
        }
        Err(error) => return Err(bad(FailureKind::Validation, error.to_string())),
    };
    let part =
        json::part(kind.facet, &mapped).map_err(|detail| bad(FailureKind::Validation, detail))?;
    let as_of = record.as_of.unwrap_or(record.received_at);
    Ok(Draft::Part(Box::new(PartDraft {
        part,
        source_id: None,
        sequence: Sequence::of_line(as_of, line),
        clock: Clock::named("as-of"),
        time: Some(as_of),
    })))
}

/// The header's bytes and every row after it.
fn csv_rows<'a>(record: &Record<'a>) -> (&'a [u8], Vec<Row<'a>>) {
    let mut pieces = chunk::split_rows(record.body);
    let Some((_, header)) = pieces.next() else { return (&[], Vec::new()) };
    let names = fields(header).unwrap_or_default();
    let rows = pieces
        .filter(|(_, bytes)| !chunk::is_blank(bytes))
        .map(|(offset, bytes)| Row {
            line: record.first_line.saturating_add(offset.saturating_sub(1)),
            bytes,
            value: csv_value(&names, bytes),
        })
        .collect();
    (header, rows)
}

fn csv_value(names: &[String], bytes: &[u8]) -> Result<Value, (FailureKind, String)> {
    let fields = fields(bytes).map_err(|detail| (FailureKind::Parse, detail))?;
    if fields.len() != names.len() {
        let (found, expected) = (fields.len(), names.len());
        let detail = format!("{found} columns, the header names {expected}");
        return Err((FailureKind::Parse, detail));
    }
    let pairs = names.iter().cloned().zip(fields.into_iter().map(Value::from));
    Ok(Value::Object(pairs.collect::<Map<String, Value>>()))
}

/// The fields of one row; the error names the column by its place.
fn fields(bytes: &[u8]) -> Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut row = csv::ByteRecord::new();
    match reader.read_byte_record(&mut row) {
        Ok(true) => {}
        Ok(false) => return Ok(Vec::new()),
        Err(error) => return Err(format!("not CSV: {error}")),
    }
    row.iter()
        .enumerate()
        .map(|(column, field)| {
            let text = std::str::from_utf8(field).map_err(|error| {
                let at = error.valid_up_to();
                format!("column {}: byte {} is not UTF-8", column + 1, at + 1)
            })?;
            Ok(text.to_owned())
        })
        .collect()
}

fn json_rows<'a>(record: &Record<'a>) -> Vec<Row<'a>> {
    let lines = record.body.split_inclusive(|byte| *byte == b'\n').enumerate();
    lines
        .filter(|(_, bytes)| !chunk::is_blank(bytes))
        .map(|(offset, bytes)| Row {
            line: record.first_line.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX)),
            bytes,
            value: serde_json::from_slice(bytes)
                .map_err(|error| (FailureKind::Parse, format!("not JSON: {error}"))),
        })
        .collect()
}

/// `*` stands for any run of characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        match rest.find(piece) {
            Some(at) => rest = rest.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests;
