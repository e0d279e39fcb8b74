//! A secret in the configuration: named there, never written there.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ConfigError;

/// `{ env = "NAME" }`, `{ env = "NAME", default = "…" }` or `{ file = "/run/secrets/name" }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    /// The environment variable that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// The file that holds it; one trailing line break is not part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Used where the variable is not set: for development defaults that are no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// A secret that was read. `Debug` and `Display` never show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The variables a configuration may refer to: a value, so that parsing stays pure.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    permissive: bool,
}

impl Environment {
    /// This process's variables, as far as they are UTF-8.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        std::env::vars_os().filter_map(text).collect()
    }

    /// Stands in for every variable and every secret file, for looking at a configuration where
    /// its secrets are not: each is the text `unread`.
    pub fn permissive() -> Self {
        Self { variables: BTreeMap::new(), permissive: true }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let variables = variables.into_iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables, permissive: false }
    }
}

/// Values may be secrets, so only the number of variables is shown.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Environment({} variables)", self.variables.len())
    }
}

impl SecretRef {
    /// What is wrong with the reference itself, whatever its variable or file holds.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        match (&self.env, &self.file, &self.default) {
            (Some(_), None, _) | (None, Some(_), None) => None,
            (None, Some(_), Some(_)) => Some("`default` goes with `env` only"),
            (Some(_), Some(_), _) => Some("`env` and `file` exclude each other"),
            (None, None, _) => Some("a secret is { env = \"NAME\" } or { file = \"PATH\" }"),
        }
    }

    /// Reads the secret that `key` of the configuration refers to.
    pub(crate) fn resolve(
        &self,
        key: &str,
        base_dir: &Path,
        environment: &Environment,
    ) -> Result<Secret, ConfigError> {
        if environment.permissive {
            return Ok(Secret::new(self.default.as_deref().unwrap_or("unread")));
        }
        if let Some(file) = &self.file {
            let path = base_dir.join(file);
            return match fs::read_to_string(&path) {
                Ok(text) => Ok(Secret(without_line_break(text))),
                Err(source) => Err(ConfigError::SecretFile { key: key.to_owned(), path, source }),
            };
        }
        let variable = self.env.as_deref().unwrap_or_default();
        environment
            .get(variable)
            .filter(|value| !value.is_empty())
            .or(self.default.as_deref())
            .map(Secret::new)
            .ok_or_else(|| ConfigError::Variable {
                key: key.to_owned(),
                variable: variable.to_owned(),
            })
    }
}

fn without_line_break(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}
