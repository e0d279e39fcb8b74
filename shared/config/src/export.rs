//! Exports: what a document is made of, when it is made, and where it goes.

use std::{collections::BTreeMap, path::PathBuf};

use ferry_canonical::Facet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    HumanDuration, ResponseRule, ScheduleConfig, Secret,
    system::{Delimiter, Limits, Mapping, OrderflowConfig},
};

/// Stands in a document's name for its number.
pub const NUMBER: &str = "{number}";

/// A target whose writes are documents of many parts.
#[derive(Clone, Debug)]
pub struct ExportConfig {
    pub content: ExportContent,
    /// Of each document, with [`NUMBER`] in it.
    pub name: String,
    pub way: ExportWay,
    /// When a document is due, whatever waits.
    pub schedule: Option<ScheduleConfig>,
    /// So many parts that wait make a document due.
    pub flush_at: Option<u32>,
    /// A part that waits for longer makes a document due.
    pub flush_after: Option<HumanDuration>,
    /// Parts in one document, at most. Default 10,000.
    pub parts_max: u32,
    /// A document that has not arrived for longer is an alert. Default 1 h.
    pub overdue_after: HumanDuration,
    /// The hard deadline of one try to deliver a document. Default 60 s.
    pub timeout: HumanDuration,
    /// Of the loader's writes, which make no call.
    pub limits: Limits,
}

/// What a document is made of.
#[derive(Clone, Debug)]
pub enum ExportContent {
    Csv {
        /// In their order; the first line names them.
        columns: Vec<String>,
        delimiter: Delimiter,
        /// By name; at most one for each facet. Each gives an object of the columns, or an array of
        /// such.
        parts: BTreeMap<String, ExportPart>,
    },
    Xml {
        /// Stands before the first element.
        head: String,
        /// Stands after the last.
        tail: String,
        /// By name; at most one for each facet. Each gives the text of an element.
        parts: BTreeMap<String, ExportPart>,
    },
    /// Import documents, as Ferry sends them to an OrderFlow system of this configuration.
    Orderflow(Box<OrderflowConfig>),
}

/// What of one facet is in a document.
#[derive(Clone, Debug)]
pub struct ExportPart {
    pub facet: Facet,
    /// jq program: canonical part → what stands for it in the document.
    pub mapping: Mapping,
}

/// Where documents go.
#[derive(Clone, Debug)]
pub enum ExportWay {
    Folder(PathBuf),
    Http(ExportHttp),
    Sftp(ExportSftp),
}

#[derive(Clone, Debug)]
pub struct ExportHttp {
    pub url: String,
    pub method: ExportMethod,
    /// Sent as `Authorization: Bearer …`.
    pub bearer: Option<Secret>,
    /// What answers mean, in this order, where that is more than their status.
    pub responses: Vec<ResponseRule>,
}

/// An account at an SFTP server.
#[derive(Clone, Debug)]
pub struct ExportSftp {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub login: SftpLogin,
    /// Fingerprints of the keys that the server may show; at least one.
    pub host_keys: Vec<String>,
    /// As the server has it; empty is where a login begins.
    pub folder: String,
}

/// How the account shows that it is its owner's.
#[derive(Clone, Debug)]
pub enum SftpLogin {
    Password(Secret),
    /// A private key's text.
    Key(Secret),
}

/// What a document is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// RFC 4180, with a header line.
    Csv,
    /// An element for each part, between a head and a tail.
    Xml,
    /// Import documents of OrderFlow.
    Orderflow,
}

impl ExportFormat {
    /// What a name ends in where nothing is said.
    pub(crate) const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xml | Self::Orderflow => "xml",
        }
    }
}

/// How a document is sent over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportMethod {
    /// To the address as it stands.
    #[default]
    Post,
    /// To the address with the document's name behind it.
    Put,
}
