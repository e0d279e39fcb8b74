//! What can be said about a configuration without a network: offline, all of it, at once.

mod document;
mod rules;
mod shape;

use std::{fmt, path::Path};

use serde::Serialize;

pub use self::rules::{CONSOLE_IS_OPEN, PUSHES_ARE_OPEN};
use self::{document::Document, shape::Shape};
use crate::raw::RawConfig;

/// Something a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// 1-based.
    pub line: Option<usize>,
    /// Dotted, with array positions: `routes[0].retry.schedule`.
    pub key: String,
    pub severity: Severity,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Services refuse to start with it.
    Error,
    /// It works, but hardly as it was meant.
    Warning,
}

impl Finding {
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is found, in the order of lines. What the values mean is looked at once the
/// file has its shape. Of other files, only their presence is looked at.
pub fn lint(text: &str, base_dir: &Path) -> Vec<Finding> {
    read(text, base_dir).1
}

/// What `text` says, where it has the right shape, and everything that is found.
pub(crate) fn read(text: &str, base_dir: &Path) -> (Option<Box<RawConfig>>, Vec<Finding>) {
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => return (None, vec![of_toml(text, &error)]),
    };
    let mut findings = Findings { document: &document, found: Vec::new() };
    let schema = crate::json_schema();
    Shape::new(&schema).check(document.root(), &mut findings);
    let raw = if findings.found.is_empty() { raw(text, &mut findings) } else { None };
    if let Some(raw) = &raw {
        rules::check(raw, base_dir, &mut findings);
    }
    let mut found = findings.found;
    found.sort_by_key(|finding| finding.line);
    (raw, found)
}

/// The schema was walked, so this fails only on what a schema cannot say: an address, for example.
fn raw(text: &str, findings: &mut Findings<'_>) -> Option<Box<RawConfig>> {
    let deserializer = match toml_edit::de::Deserializer::parse(text) {
        Ok(deserializer) => deserializer,
        Err(error) => {
            findings.error("", error.message());
            return None;
        }
    };
    match serde_path_to_error::deserialize(deserializer) {
        Ok(raw) => Some(Box::new(raw)),
        Err(error) => {
            findings.error(&error.path().to_string(), error.inner().message());
            None
        }
    }
}

fn of_toml(text: &str, error: &toml_edit::TomlError) -> Finding {
    Finding {
        line: error.span().map(|span| document::line_at(text, span.start)),
        key: String::new(),
        severity: Severity::Error,
        message: error.message().lines().collect::<Vec<_>>().join(", "),
    }
}

/// Collects findings and knows their lines.
pub(crate) struct Findings<'d> {
    document: &'d Document<'d>,
    found: Vec<Finding>,
}

impl Findings<'_> {
    fn add(&mut self, key: &str, severity: Severity, message: impl Into<String>) {
        let line = self.document.line_of(key);
        self.found.push(Finding { line, key: key.to_owned(), severity, message: message.into() });
    }

    fn error(&mut self, key: &str, message: impl Into<String>) {
        self.add(key, Severity::Error, message);
    }

    fn warning(&mut self, key: &str, message: impl Into<String>) {
        self.add(key, Severity::Warning, message);
    }
}

#[cfg(test)]
mod tests;
