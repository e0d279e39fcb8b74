//! What can be said about a configuration without a network: offline, all of it, at once.

use std::{fmt, path::Path};

use crate::raw::RawConfig;

/// Something a person should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// 1-based.
    pub line: Option<usize>,
    /// Dotted, with array positions: `routes[0].retry.schedule`.
    pub key: String,
    pub severity: Severity,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// Everything that is found, in the order of lines. Reads mapping files' presence, nothing else.
pub fn lint(text: &str, base_dir: &Path) -> Vec<Finding> {
    read(text, base_dir).1
}

pub(crate) fn read(text: &str, _base_dir: &Path) -> (Option<Box<RawConfig>>, Vec<Finding>) {
    match toml_edit::de::from_str(text) {
        Ok(raw) => (Some(Box::new(raw)), Vec::new()),
        Err(error) => (
            None,
            vec![Finding {
                line: None,
                key: String::new(),
                severity: Severity::Error,
                message: error.message().to_owned(),
            }],
        ),
    }
}
