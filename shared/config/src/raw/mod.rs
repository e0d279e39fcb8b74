//! The file as it is written: what serde reads and the JSON Schema describes.
//!
//! Every table refuses keys it does not know. Nothing here is resolved: secrets are references,
//! mappings are paths, defaults stand where the file is silent.

mod alerts;
mod care;
mod export;
mod orderflow;
mod oro;
mod responses;
mod route;
mod schedule;
mod system;

pub(crate) use alerts::{RawAlerts, RawMail, RawWebhook};
pub(crate) use care::{RawCare, RawDay, RawLimits, RawMaintenance};
pub(crate) use export::{RawExport, RawExportHttp, RawExportPart, RawExportSftp};
pub(crate) use orderflow::{RawOrderflowImport, RawReturnWords};
pub(crate) use oro::{RawOroWebhook, RawProductDefault};
pub(crate) use responses::{RawCondition, RawResponseRule};
pub(crate) use route::{RawRetry, RawRetryOverride, RawRoute};
pub(crate) use schedule::RawSchedule;
pub(crate) use system::{
    RawFileKind, RawFiles, RawOrderflow, RawOro, RawPull, RawPush, RawReport, RawRest,
    RawRestEndpoint, RawRestTarget, RawSystem,
};

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{HumanDuration, LogFormat, LogLevel, secret::SecretRef};

/// Ferry's configuration: one file for every service. Relative paths are relative to this file.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Ferry")]
#[serde(deny_unknown_fields)]
pub(crate) struct RawConfig {
    /// The RabbitMQ broker.
    #[serde(default)]
    pub(crate) broker: RawBroker,
    /// Where ledger, journal and cursors live.
    #[serde(default)]
    pub(crate) store: RawStore,
    /// What the services write to standard error.
    #[serde(default)]
    pub(crate) log: RawLog,
    /// The producer's HTTP side: pushes, health, metrics.
    #[serde(default)]
    pub(crate) producer: RawProducer,
    /// The transformer's HTTP side: health and metrics.
    #[serde(default)]
    pub(crate) transformer: RawTransformer,
    /// The loader's HTTP side: health and metrics.
    #[serde(default)]
    pub(crate) loader: RawLoader,
    /// The console's HTTP side: API, pages, health, metrics.
    #[serde(default)]
    pub(crate) console: RawConsole,
    /// Whom the console tells when a person is needed.
    #[serde(default)]
    pub(crate) alerts: RawAlerts,
    /// How failures are tried again, for routes that say nothing of their own.
    #[serde(default)]
    pub(crate) retry: RawRetry,
    /// The systems by name: lower-case letters, digits and hyphens, at most 40.
    #[serde(default)]
    pub(crate) systems: BTreeMap<String, RawSystem>,
    /// The routes: (source, entity, facet) → targets.
    #[serde(default)]
    pub(crate) routes: Vec<RawRoute>,
}

/// The RabbitMQ broker.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawBroker {
    /// `amqp://user:password@host:port/vhost`; `%2f` is the vhost `/`.
    pub(crate) url: SecretRef,
    /// Starts every exchange's and queue's name.
    pub(crate) prefix: String,
    /// Whether services declare the topology at start. Where this is false they only assert it.
    pub(crate) declare: bool,
    /// The delay levels, each an exchange and a queue; retry delays round up to one of them.
    pub(crate) levels: Vec<HumanDuration>,
    /// Deliveries a consumer holds unacknowledged, at most. Memory is this times the body size.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) prefetch: u16,
    /// Where RabbitMQ's management plugin answers, for `ferry topology doctor`:
    /// `http://127.0.0.1:15672`. User and password are those of `url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) management_url: Option<String>,
}

impl Default for RawBroker {
    fn default() -> Self {
        Self {
            url: SecretRef {
                env: Some("FERRY_AMQP_URL".to_owned()),
                file: None,
                default: Some("amqp://guest:guest@127.0.0.1:5672/%2f".to_owned()),
            },
            prefix: "ferry".to_owned(),
            declare: true,
            levels: [5, 30, 120, 600, 1_800, 7_200].map(HumanDuration::from_secs).to_vec(),
            prefetch: 64,
            management_url: None,
        }
    }
}

/// Where ledger, journal and cursors live.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawStore {
    /// The folder of `ledger.db` and `journal.db`, shared by the services of one host. Default
    /// `state`. Not together with `url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<PathBuf>,
    /// A PostgreSQL database instead, shared by the services of any number of hosts:
    /// `postgres://user:password@host:5432/database`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<SecretRef>,
}

/// What the services write to standard error.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawLog {
    /// `json` for machines, `text` for people.
    pub(crate) format: LogFormat,
    /// The least severe level that is written. The environment's `RUST_LOG` goes before it.
    pub(crate) level: LogLevel,
}

/// Where the producer listens.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawProducer {
    /// Address and port; port 0 takes a free one and logs it.
    #[schemars(with = "String")]
    pub(crate) listen: SocketAddr,
    /// A proxy in front speaks TLS, so credentials may arrive on an address beyond loopback.
    pub(crate) behind_proxy: bool,
    /// It speaks TLS itself, on all its pages. Renewed files are taken up within 30 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls: Option<RawTls>,
}

/// The files by which the producer proves who it is, in PEM.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTls {
    /// Its certificate, and those up to the one that clients trust.
    pub(crate) certificate: PathBuf,
    /// The certificate's private key.
    pub(crate) key: PathBuf,
}

/// Where the transformer listens.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawTransformer {
    /// Address and port; port 0 takes a free one and logs it.
    #[schemars(with = "String")]
    pub(crate) listen: SocketAddr,
}

/// Where the loader listens.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawLoader {
    /// Address and port; port 0 takes a free one and logs it.
    #[schemars(with = "String")]
    pub(crate) listen: SocketAddr,
}

/// Where the console listens.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawConsole {
    /// Address and port; port 0 takes a free one and logs it.
    #[schemars(with = "String")]
    pub(crate) listen: SocketAddr,
    /// A proxy in front speaks TLS and decides who may come in.
    pub(crate) behind_proxy: bool,
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}

impl Default for RawProducer {
    fn default() -> Self {
        Self { listen: loopback(7080), behind_proxy: false, tls: None }
    }
}

impl Default for RawTransformer {
    fn default() -> Self {
        Self { listen: loopback(7081) }
    }
}

impl Default for RawLoader {
    fn default() -> Self {
        Self { listen: loopback(7082) }
    }
}

impl Default for RawConsole {
    fn default() -> Self {
        Self { listen: loopback(7083), behind_proxy: false }
    }
}
