//! Exports as they are written.

use std::{collections::BTreeMap, path::PathBuf};

use ferry_canonical::Facet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RawResponseRule, RawSchedule};
use crate::{
    CatchUp, HumanDuration,
    export::{ExportFormat, ExportMethod},
    secret::SecretRef,
    system::Delimiter,
};

/// Documents of many parts, put into a folder or sent.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawExport {
    /// csv, xml or orderflow.
    pub(crate) format: ExportFormat,
    /// What is in a document, by name; at most one for each facet. Not with orderflow.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) parts: BTreeMap<String, RawExportPart>,
    /// The columns of csv, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) columns: Vec<String>,
    /// What stands between two fields of csv.
    #[serde(default = "comma")]
    pub(crate) delimiter: Delimiter,
    /// What stands before the first element of xml.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) head: Option<String>,
    /// What stands after the last element of xml.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tail: Option<String>,
    /// The OrderFlow system whose import documents these are, with its words, lengths and mappings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) imports_of: Option<String>,
    /// A document's name; `{number}` stands for its number. Default: the system's name, the number and
    /// what fits the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// The folder that documents are put into. This, `http` or `sftp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<PathBuf>,
    /// Where documents are sent to. This, `folder` or `sftp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) http: Option<RawExportHttp>,
    /// What answers over `http` mean, where that is more than their status; the first rule that fits
    /// counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) responses: Vec<RawResponseRule>,
    /// The server that documents are put on. This, `folder` or `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sftp: Option<RawExportSftp>,
    /// A document is due at intervals. Not together with `cron`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) every: Option<HumanDuration>,
    /// A document is due by the clock: minute, hour, day of the month, month, day of the week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cron: Option<String>,
    /// Whose clock: an IANA name. Default UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time_zone: Option<String>,
    /// What was missed, while nobody was there or it was paused: `once`, however often; or `skip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) catch_up: Option<CatchUp>,
    /// So many parts that wait make a document due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) flush_at: Option<u32>,
    /// A part that waits for longer makes a document due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flush_after: Option<HumanDuration>,
    /// Parts in one document, at most; what is more goes into the next.
    #[serde(default = "parts_max")]
    #[schemars(range(min = 1, max = 50_000))]
    pub(crate) parts_max: u32,
    /// A document that has not arrived for longer is an alert.
    #[serde(default = "overdue_after")]
    pub(crate) overdue_after: HumanDuration,
    /// The hard deadline of one try to deliver a document.
    #[serde(default = "export_timeout")]
    pub(crate) timeout: HumanDuration,
}

impl RawExport {
    pub(crate) fn schedule(&self) -> RawSchedule {
        RawSchedule {
            every: self.every,
            cron: self.cron.clone(),
            time_zone: self.time_zone.clone(),
            catch_up: self.catch_up,
        }
    }
}

/// What of one facet is in a document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawExportPart {
    pub(crate) facet: Facet,
    /// File with the jq program: canonical part → an object of the columns, or an array of such (csv);
    /// the text of an element (xml).
    pub(crate) mapping: PathBuf,
}

/// Where documents are sent to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawExportHttp {
    /// `https://accounts.example/inbox`.
    pub(crate) url: String,
    /// post, to the address; or put, to the address with the document's name behind it.
    #[serde(default)]
    pub(crate) method: ExportMethod,
    /// Sent as `Authorization: Bearer …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bearer: Option<SecretRef>,
    /// Says that documents may go over plain HTTP to a host that is not this one.
    #[serde(default)]
    pub(crate) allow_plain_http: bool,
}

/// A server that documents are put on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawExportSftp {
    /// A name or an address.
    pub(crate) host: String,
    #[serde(default = "ssh_port")]
    #[schemars(range(min = 1))]
    pub(crate) port: u16,
    pub(crate) user: String,
    /// This, or `key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<SecretRef>,
    /// A private key without a passphrase, Ed25519 or ECDSA. This, or `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<SecretRef>,
    /// Fingerprints of the keys that the server may show, as `ssh-keygen -lf` prints them: `SHA256:…`.
    /// A server that shows another is told nothing.
    pub(crate) host_keys: Vec<String>,
    /// As the server has it. Default: where a login begins.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) folder: String,
}

const fn ssh_port() -> u16 {
    22
}

const fn comma() -> Delimiter {
    Delimiter::Comma
}

const fn parts_max() -> u32 {
    10_000
}

const fn overdue_after() -> HumanDuration {
    HumanDuration::from_secs(3_600)
}

const fn export_timeout() -> HumanDuration {
    HumanDuration::from_secs(60)
}
