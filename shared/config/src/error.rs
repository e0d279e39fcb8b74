//! Why a configuration cannot be used.

use std::{io, path::PathBuf};

use crate::Finding;

/// The configuration cannot be used. No variant holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// Errors only; [`crate::lint()`] also finds warnings.
    #[error("{}", listed(.0))]
    Invalid(Vec<Finding>),
    #[error("{key}: the environment variable {variable} is not set")]
    Variable { key: String, variable: String },
    #[error("{key}: cannot read the secret file {}", path.display())]
    SecretFile { key: String, path: PathBuf, source: io::Error },
    #[error("{key}: cannot read the mapping {}", path.display())]
    Mapping { key: String, path: PathBuf, source: io::Error },
}

fn listed(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
