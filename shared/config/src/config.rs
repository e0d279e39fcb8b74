//! The whole configuration, resolved.

use std::{
    collections::BTreeMap,
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AlertsConfig, ConfigError, Environment, HumanDuration, RetryConfig, RouteConfig, Secret,
    SystemConfig,
};

/// The largest configuration file that is read.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What every service starts from.
#[derive(Clone, Debug)]
pub struct Config {
    pub broker: BrokerConfig,
    pub store: StoreConfig,
    pub log: LogConfig,
    pub producer: ServiceConfig,
    pub transformer: ServiceConfig,
    pub loader: ServiceConfig,
    pub console: ServiceConfig,
    pub alerts: AlertsConfig,
    /// For what belongs to no route; every route holds its own, resolved.
    pub retry: RetryConfig,
    pub systems: BTreeMap<String, SystemConfig>,
    pub routes: Vec<RouteConfig>,
}

#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// Holds a password, so it is a secret as a whole.
    pub url: Secret,
    /// Starts every exchange's and queue's name. Default `ferry`.
    pub prefix: String,
    /// Whether the topology is declared at start; otherwise it is asserted. Default true.
    pub declare: bool,
    /// The delay levels, growing; at least one.
    pub levels: Vec<HumanDuration>,
    /// Unacknowledged deliveries per consumer, 1 to 1000. Default 64.
    pub prefetch: u16,
    /// Of RabbitMQ's management plugin, without credentials. Default none.
    pub management_url: Option<String>,
}

/// Where ledger, journal and cursors live.
#[derive(Clone, Debug)]
pub enum StoreConfig {
    /// Files of one host. Default `state`, beside the configuration file.
    Sqlite { folder: PathBuf },
    /// A PostgreSQL database, for any number of hosts. Its url holds a password.
    Postgres { url: Secret },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    pub format: LogFormat,
    pub level: LogLevel,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// The least severe level that is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// A person must act.
    Error,
    /// Ferry helped itself.
    Warn,
    /// The life of the process.
    #[default]
    Info,
    /// The life of an event.
    Debug,
    /// Everything, libraries included.
    Trace,
}

impl LogLevel {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a service's HTTP side listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceConfig {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// A proxy in front speaks TLS. Always false for transformer and loader.
    pub behind_proxy: bool,
    /// It speaks TLS itself. The producer only.
    pub tls: Option<TlsConfig>,
}

/// The files by which a service proves who it is, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// Its certificate, and those up to the one that clients trust.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Config {
    /// Reads the file at `path`, with this process's environment.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path)?;
        let base = path.parent().unwrap_or_else(|| Path::new(""));
        Self::parse(&text, base, &Environment::of_process())
    }

    /// Parses `text`. Files it names are looked for under `base_dir`; variables in `environment`.
    pub fn parse(
        text: &str,
        base_dir: &Path,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let (raw, findings) = crate::lint::read(text, base_dir);
        let errors: Vec<_> = findings.into_iter().filter(crate::Finding::is_error).collect();
        match raw {
            Some(raw) if errors.is_empty() => crate::resolve::resolve(*raw, base_dir, environment),
            Some(_) | None => Err(ConfigError::Invalid(errors)),
        }
    }

    /// The routes on which `system` is the source.
    pub fn routes_from<'a>(&'a self, system: &'a str) -> impl Iterator<Item = &'a RouteConfig> {
        self.routes.iter().filter(move |route| route.from == system)
    }

    /// The routes on which `system` is a target.
    pub fn routes_to<'a>(&'a self, system: &'a str) -> impl Iterator<Item = &'a RouteConfig> {
        self.routes.iter().filter(move |route| route.to.iter().any(|target| target == system))
    }

    /// Whether `target` brings the route's facet back to where it came from.
    pub fn is_two_way(&self, route: &RouteConfig, target: &str) -> bool {
        self.routes_to(&route.from).any(|back| back.from == target && back.facet == route.facet)
    }
}

/// The text of a configuration file, for [`Config::parse`] and [`crate::lint()`].
pub fn read(path: &Path) -> Result<String, ConfigError> {
    let error = |source| ConfigError::Read { path: path.to_owned(), source };
    let bytes = fs::metadata(path).map_err(error)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(error(std::io::Error::other("it is larger than 4 MiB")));
    }
    fs::read_to_string(path).map_err(error)
}

#[cfg(test)]
mod tests;
