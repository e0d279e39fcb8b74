//! What a document is made of.

use std::collections::BTreeMap;

use ferry_canonical::{Facet, FailureKind, Part};
use ferry_config::export::{ExportContent, ExportPart};
use ferry_mapping::{MapError, Mapping};
use serde_json::{Map, Value};

use super::Rendered;
use crate::{
    Failure,
    orderflow::Orderflow,
    xml::{self, XmlError},
};

#[derive(Debug)]
pub(super) enum Content {
    Csv { columns: Vec<String>, delimiter: u8, programs: Programs },
    Xml { head: String, tail: String, programs: Programs },
    Orderflow(Box<Orderflow>),
}

/// By facet.
#[derive(Debug)]
pub(super) struct Programs(Vec<(Facet, Mapping)>);

impl Programs {
    fn new(parts: &BTreeMap<String, ExportPart>) -> Result<Self, String> {
        let compiled = parts.iter().map(|(name, ExportPart { facet, mapping })| {
            let compiled = Mapping::compile(&mapping.name, &mapping.program)
                .map_err(|error| format!("part {name}: {error}"))?;
            Ok((*facet, compiled))
        });
        Ok(Self(compiled.collect::<Result<_, String>>()?))
    }

    fn of(&self, facet: Facet) -> Result<&Mapping, Failure> {
        let found = self.0.iter().find(|(of, _)| *of == facet);
        let refused = || Failure::unsupported(&format!("no document of it has {facet}"));
        found.map(|(_, mapping)| mapping).ok_or_else(refused)
    }
}

impl Content {
    pub(super) fn new(config: &ExportContent) -> Result<Self, String> {
        Ok(match config {
            ExportContent::Csv { columns, delimiter, parts } => Self::Csv {
                columns: columns.clone(),
                delimiter: delimiter.byte(),
                programs: Programs::new(parts)?,
            },
            ExportContent::Xml { head, tail, parts } => {
                // A document of no elements shows whether they fit together.
                xml::well_formed(format!("{head}{tail}").as_bytes())
                    .map_err(|error| format!("head and tail are no document: {error}"))?;
                let (head, tail) = (head.clone(), tail.clone());
                Self::Xml { head, tail, programs: Programs::new(parts)? }
            }
            ExportContent::Orderflow(config) => Self::Orderflow(Box::new(Orderflow::new(config)?)),
        })
    }

    pub(super) fn head(&self) -> Vec<u8> {
        match self {
            Self::Csv { columns, delimiter, .. } => {
                let names: Vec<&str> = columns.iter().map(String::as_str).collect();
                lines(*delimiter, [names]).unwrap_or_default()
            }
            Self::Xml { head, .. } => format!("{head}\n").into_bytes(),
            Self::Orderflow(_) => Orderflow::IMPORTS_HEAD.as_bytes().to_vec(),
        }
    }

    pub(super) fn tail(&self) -> Vec<u8> {
        match self {
            Self::Csv { .. } => Vec::new(),
            Self::Xml { tail, .. } => format!("{tail}\n").into_bytes(),
            Self::Orderflow(_) => Orderflow::IMPORTS_TAIL.as_bytes().to_vec(),
        }
    }

    pub(super) const fn media_type(&self) -> &'static str {
        match self {
            Self::Csv { .. } => "text/csv; charset=utf-8; header=present",
            Self::Xml { .. } | Self::Orderflow(_) => "application/xml",
        }
    }

    pub(super) fn render(&self, part: &Part) -> Result<Rendered, Failure> {
        let (programs, facet) = match self {
            Self::Csv { programs, .. } | Self::Xml { programs, .. } => (programs, part.facet()),
            Self::Orderflow(system) => return imported(system, part),
        };
        let mapping = programs.of(facet)?;
        let canonical: Value = serde_json::from_str(&part.to_json())
            .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))?;
        let mapped = match mapping.run(&canonical) {
            Ok(mapped) => mapped,
            Err(MapError::Nothing) => return Ok(nothing(mapping)),
            Err(error) => return Err(invalid(&error.to_string())),
        };
        let named = |reason: String| invalid(&format!("mapping {}: {reason}", mapping.name()));
        match self {
            Self::Csv { columns, delimiter, .. } => {
                let rows = rows(columns, mapped).map_err(named)?;
                if rows.is_empty() {
                    return Ok(nothing(mapping));
                }
                let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
                let text = lines(*delimiter, rows)?;
                Ok(Rendered::Rows { text, count, warning: None })
            }
            Self::Xml { .. } | Self::Orderflow(_) => {
                let text = element(&mapped).map_err(named)?;
                Ok(Rendered::Rows { text, count: 1, warning: None })
            }
        }
    }
}

fn nothing(mapping: &Mapping) -> Rendered {
    Rendered::Nothing(format!("mapping {} gives nothing for it", mapping.name()))
}

fn invalid(detail: &str) -> Failure {
    Failure::new(FailureKind::Validation, detail)
}

fn imported(system: &Orderflow, part: &Part) -> Result<Rendered, Failure> {
    Ok(match system.import_element(part)? {
        Ok((text, warning)) => Rendered::Rows { text: text.into_bytes(), count: 1, warning },
        Err(reason) => Rendered::Nothing(reason),
    })
}

/// The fields of each row, in the order of the columns.
fn rows(columns: &[String], mapped: Value) -> Result<Vec<Vec<String>>, String> {
    let rows = match mapped {
        Value::Array(rows) => rows,
        one @ (Value::Object(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)) => vec![one],
    };
    let fields = |row: &Value| match row {
        Value::Object(row) => fields(columns, row),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err("expected an object of the columns, or an array of such".to_owned())
        }
    };
    rows.iter().map(fields).collect()
}

fn fields(columns: &[String], row: &Map<String, Value>) -> Result<Vec<String>, String> {
    const SHOWN_CHARS: usize = 40;
    if let Some(unknown) = row.keys().find(|key| !columns.contains(key)) {
        let shown: String = unknown.chars().take(SHOWN_CHARS).collect();
        return Err(format!("`{shown}` is no column; expected {}", columns.join(", ")));
    }
    let field = |column: &String| match row.get(column) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => Ok(value.to_string()),
        Some(Value::Array(_) | Value::Object(_)) => {
            Err(format!("column `{column}`: expected a text, a number, true, false or null"))
        }
    };
    columns.iter().map(field).collect()
}

/// As RFC 4180 has them.
fn lines<R>(delimiter: u8, rows: impl IntoIterator<Item = R>) -> Result<Vec<u8>, Failure>
where
    R: IntoIterator,
    R::Item: AsRef<[u8]>,
{
    let internal = |reason: String| Failure::new(FailureKind::Internal, reason);
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(|error| internal(error.to_string()))?;
    }
    writer.into_inner().map_err(|error| internal(error.error().to_string()))
}

/// Where it is none. What stands there may be a person's own word.
fn ill_formed(error: &XmlError) -> String {
    match error {
        XmlError::Encoding { at }
        | XmlError::Malformed { at, .. }
        | XmlError::Doctype { at }
        | XmlError::Entity { at, .. } => {
            format!(
                "expected one well-formed element, and at byte {at} it is none: is every value \
                     escaped, by @html?"
            )
        }
        XmlError::Depth | XmlError::Nodes => {
            "expected one element that is neither so deep nor so large".to_owned()
        }
    }
}

/// One element, on lines of its own.
fn element(mapped: &Value) -> Result<Vec<u8>, String> {
    let Value::String(text) = mapped else {
        return Err("expected the text of an element".to_owned());
    };
    let text = text.trim();
    if text.starts_with("<?") {
        return Err("expected an element; what stands before the first is `head`".to_owned());
    }
    xml::well_formed(text.as_bytes()).map_err(|error| ill_formed(&error))?;
    Ok(format!("{text}\n").into_bytes())
}
