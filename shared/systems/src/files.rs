//! Files as a source: chunks of rows, each readable without the rest of its file.
//!
//! A chunk is a record: for CSV the header line and then rows as they stood, in UTF-8 whatever the
//! file is written in. The order of what files say is their as-of time, then the line. It reads CSV
//! (RFC 4180, with any delimiter) and JSON lines; nothing else. [`Files::rows`] is the one place that
//! says what is wrong with a row: of a record in the transformer, of a file before it is sent.

use std::{borrow::Cow, collections::BTreeMap, path::Path};

use ferry_canonical::{Clock, Facet, FailureKind, Sequence};
use ferry_config::system::{FileColumns, FileFormat, FileKind, FilesConfig};
use ferry_mapping::{MapError, Mapping};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::{BadItem, Draft, Failure, Item, Record, draft::PartDraft, json};

mod chunk;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod orders;
mod rows;
mod text;

use rows::{Head, Shape};

pub use chunk::{Chunk, ChunkError, Chunks};
pub use text::{Examined, Text, examine};

/// What the name of a report ends in: such a file is never read.
pub const REPORT: &str = ".errors.csv";

#[derive(Debug)]
pub struct Files {
    config: FilesConfig,
    readers: BTreeMap<String, Reader>,
}

/// What reads the rows of one kind of file.
#[derive(Debug)]
struct Reader {
    mapping: Option<Mapping>,
    zone: Option<TimeZone>,
}

/// One row of a record, in order.
#[derive(Clone, Debug)]
pub struct Row {
    /// Of the file, 1-based.
    pub line: u32,
    pub draft: Result<Draft, BadRow>,
}

/// A row that cannot become a part. The rest of its file goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    pub kind: FailureKind,
    /// The column, or the field of the canonical part, where it is one that is wrong.
    pub field: Option<String>,
    /// What was found (not where it is personal) and what was expected.
    pub problem: String,
    /// The header line, then the row.
    pub fragment: Vec<u8>,
    pub key: Option<String>,
}

/// One row as it stood.
struct Said<'a> {
    line: u32,
    bytes: &'a [u8],
    value: Result<Value, String>,
}

/// What is wrong with one.
struct Wrong {
    kind: FailureKind,
    field: Option<String>,
    problem: String,
}

impl Files {
    pub fn new(config: &FilesConfig) -> Result<Self, String> {
        let mut readers = BTreeMap::new();
        for (name, kind) in &config.files {
            let compile = |mapping: &ferry_config::system::Mapping| {
                Mapping::compile(&mapping.name, &mapping.program)
                    .map_err(|error| format!("files {name}: {error}"))
            };
            let mapping = kind.mapping.as_ref().map(compile).transpose()?;
            if mapping.is_none() && kind.columns.is_none() {
                return Err(format!("files {name}: it has neither `mapping` nor `columns`"));
            }
            let zone = kind.time_zone.as_deref().map(TimeZone::get).transpose();
            let zone = zone.map_err(|error| format!("files {name}: {error}"))?;
            readers.insert(name.clone(), Reader { mapping, zone });
        }
        Ok(Self { config: config.clone(), readers })
    }

    pub fn folder(&self) -> &Path {
        &self.config.folder
    }

    /// The kind of a file, by its name. A report is of no kind.
    pub fn kind_of(&self, file_name: &str) -> Option<(&str, &FileKind)> {
        if file_name.ends_with(REPORT) {
            return None;
        }
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
        let rows = self.rows(record).into_iter();
        rows.map(|row| Item {
            pointer: format!("line {}", row.line),
            draft: row.draft.map_err(|bad| BadItem {
                kind: bad.kind,
                detail: match &bad.field {
                    Some(field) => format!("line {}: {field}: {}", row.line, bad.problem),
                    None => format!("line {}: {}", row.line, bad.problem),
                },
                fragment: bad.fragment,
                key: bad.key,
            }),
        })
        .collect()
    }

    /// The rows of a chunk. Where none of them can be read, it is one bad row on the first line.
    pub fn rows(&self, record: &Record<'_>) -> Vec<Row> {
        let whole = |kind, problem| {
            let fragment = record.body.to_vec();
            let bad = BadRow { kind, field: None, problem, fragment, key: None };
            vec![Row { line: record.first_line, draft: Err(bad) }]
        };
        let found = self.config.files.get(record.endpoint).zip(self.readers.get(record.endpoint));
        let Some((kind, reader)) = found else {
            let problem = format!("no kind of file is called `{}`", record.endpoint);
            return whole(FailureKind::Unsupported, problem);
        };
        let said = match kind.format {
            FileFormat::Csv => csv_rows(kind, record),
            FileFormat::Jsonl => Ok((&[][..], json_rows(record))),
        };
        let (header, rows) = match said {
            Ok(said) => said,
            Err(reason) => {
                let problem = format!("the header cannot be read: {reason}");
                return whole(FailureKind::Parse, problem);
            }
        };
        rows.into_iter()
            .map(|row| {
                let (line, bytes, key) = (row.line, row.bytes, key(row.value.as_ref().ok()));
                let draft = reader.draft(kind, record, row).map_err(|wrong| BadRow {
                    kind: wrong.kind,
                    field: wrong.field,
                    problem: wrong.problem,
                    fragment: [header, bytes].concat(),
                    key,
                });
                Row { line, draft }
            })
            .collect()
    }
}

impl Reader {
    fn draft(&self, kind: &FileKind, record: &Record<'_>, row: Said<'_>) -> Result<Draft, Wrong> {
        let line = row.line;
        let value = row.value.map_err(|problem| {
            let kind = FailureKind::Parse;
            Wrong { kind, field: None, problem }
        })?;
        let value = self.document(kind, &value)?;
        let mapped = match &self.mapping {
            None => value,
            Some(mapping) => match mapping.run(&value) {
                Ok(mapped) => Cow::Owned(mapped),
                Err(MapError::Nothing) => {
                    let reason = format!("mapping {} gives nothing for it", mapping.name());
                    return Ok(Draft::Skip { what: format!("line {line}"), reason });
                }
                Err(error) => return Err(invalid(None, error.to_string())),
            },
        };
        let part = json::part(kind.facet, &mapped).map_err(|detail| said_of_part(&detail))?;
        let as_of = record.as_of.unwrap_or(record.received_at);
        Ok(Draft::Part(Box::new(PartDraft {
            part,
            source_id: None,
            sequence: Sequence::of_line(as_of, line),
            clock: Clock::named("as-of"),
            time: Some(as_of),
        })))
    }

    /// What known columns make of the row; else the row itself.
    fn document<'a>(&self, kind: &FileKind, row: &'a Value) -> Result<Cow<'a, Value>, Wrong> {
        match (kind.columns, row) {
            (Some(FileColumns::Orders), Value::Object(columns)) => {
                let strict = self.mapping.is_none();
                let document = orders::document(columns, self.zone.as_ref(), strict);
                document.map(Cow::Owned).map_err(|fault| invalid(Some(fault.column), fault.problem))
            }
            (Some(FileColumns::Orders) | None, _) => Ok(Cow::Borrowed(row)),
        }
    }
}

fn invalid(field: Option<String>, problem: String) -> Wrong {
    Wrong { kind: FailureKind::Validation, field, problem }
}

/// Where it is about one field, its pointer stands before the reason. Where in the part's own text it
/// stood says nothing to somebody who looks at a file.
fn said_of_part(detail: &str) -> Wrong {
    let (field, problem) = match detail.split_once(": ") {
        Some(("", problem)) => (None, problem),
        Some((field, problem)) if field.starts_with('/') => (Some(field.to_owned()), problem),
        Some(_) | None => (None, detail),
    };
    let at = problem.rfind(" at line ").filter(|at| {
        let place = problem.get(at + " at line ".len()..).unwrap_or_default();
        place.split(" column ").all(|number| number.parse::<u32>().is_ok())
    });
    invalid(field, problem.get(..at.unwrap_or(problem.len())).unwrap_or(problem).to_owned())
}

/// The entity's key, where a row says it under a name that is one.
fn key(row: Option<&Value>) -> Option<String> {
    let mut names = ["sku", "number", "identifier", "externalReference", "id"].iter();
    let key = names.find_map(|name| row?.get(name).and_then(Value::as_str))?;
    (!key.is_empty()).then(|| key.to_owned())
}

type Rows<'a> = (&'a [u8], Vec<Said<'a>>);

/// The header's bytes and every row after it; the error says what is wrong with the header.
fn csv_rows<'a>(kind: &FileKind, record: &Record<'a>) -> Result<Rows<'a>, String> {
    let delimiter = kind.delimiter.unwrap_or_else(|| rows::delimiter_of(record.body)).byte();
    if record.body.is_empty() {
        return Ok((&[][..], Vec::new()));
    }
    let Head { names, bytes: header, rest } = rows::head(record.body, delimiter)?;
    if kind.columns.is_some() {
        orders::check_header(&names)?;
    }
    let shape = Shape { delimiter, columns: Some(names.len()) };
    let rows = rows::cut(rest, shape)
        .filter(|cut| !rows::is_blank(cut.bytes))
        .map(|cut| Said {
            line: record.first_line.saturating_add(cut.line),
            bytes: cut.bytes,
            value: csv_value(&names, cut, delimiter),
        })
        .collect();
    Ok((header, rows))
}

fn csv_value(names: &[String], row: rows::Cut<'_>, delimiter: u8) -> Result<Value, String> {
    let fields = rows::fields(row, delimiter)?;
    // Taken for a row, it would be a part of its own.
    if fields == names {
        return Err("it is the header once more, as where files were joined".to_owned());
    }
    if fields.len() != names.len() {
        let (found, expected) = (fields.len(), names.len());
        return Err(format!("{found} columns, the header names {expected}"));
    }
    let pairs = names.iter().cloned().zip(fields.into_iter().map(Value::from));
    Ok(Value::Object(pairs.collect::<Map<String, Value>>()))
}

fn json_rows<'a>(record: &Record<'a>) -> Vec<Said<'a>> {
    let lines = record.body.split_inclusive(|byte| *byte == b'\n').enumerate();
    lines
        .filter(|(_, bytes)| !rows::is_blank(bytes))
        .map(|(offset, bytes)| Said {
            line: record.first_line.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX)),
            bytes,
            value: serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}")),
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
