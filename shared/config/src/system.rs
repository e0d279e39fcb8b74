//! The systems: one section per system, by kind. These are the parsed forms; secrets are read.

use std::{collections::BTreeMap, path::PathBuf};

use ferry_canonical::Facet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CareConfig, ExportConfig, HumanDuration, MaintenanceWindow, OrderflowWrites, ResponseRule,
    ScheduleConfig, Secret,
};

#[derive(Clone, Debug)]
pub enum SystemConfig {
    Orderflow(OrderflowConfig),
    Oro(OroConfig),
    Rest(RestConfig),
    Files(FilesConfig),
    Export(Box<ExportConfig>),
}

/// Limits of one target, over all loaders together, and how it is cared for.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Calls at one time, at most. Default 8.
    pub concurrency: u16,
    /// What the number of calls is never lowered below while the target is slow. Default 1.
    pub concurrency_min: u16,
    /// Calls per second; none: no limit.
    pub rate: Option<u32>,
    /// Calls at once after a quiet time. Default: what `rate` allows in a second.
    pub burst: Option<u32>,
    /// The hard deadline of one call. Default 30 s; OrderFlow imports 300 s.
    pub timeout: HumanDuration,
    /// The longest deadline of any call, where some have longer ones.
    pub longest: Option<HumanDuration>,
    /// How long after a call's start an unread answer may still take effect at the target.
    /// Default twice the timeout.
    pub settle_after: HumanDuration,
    pub care: CareConfig,
    pub maintenance: Vec<MaintenanceWindow>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 8,
            concurrency_min: 1,
            rate: None,
            burst: None,
            timeout: HumanDuration::from_secs(30),
            longest: None,
            settle_after: HumanDuration::from_secs(60),
            care: CareConfig::default(),
            maintenance: Vec::new(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct OrderflowConfig {
    /// `https://host/instance`, without a trailing slash.
    pub base_url: String,
    pub organisation: String,
    pub channel: String,
    /// IANA name; OrderFlow transmits local times without a zone. Default `Europe/London`.
    pub time_zone: String,
    pub user: Secret,
    pub password: Secret,
    /// What a push must present; without it pushes are refused with 401.
    pub push: Option<PushConfig>,
    /// What is done about an order that changes after its import. Default `amend`.
    pub changed_orders: ChangedOrders,
    pub writes: Box<OrderflowWrites>,
    pub pull: PullConfig,
    /// What its answers mean; Ferry's own rules come after them.
    pub responses: Vec<ResponseRule>,
    pub limits: Limits,
}

/// What an OrderFlow is asked for, beside what it pushes.
#[derive(Clone, Debug)]
pub struct PullConfig {
    /// How far each pull of despatches reads back over its cursor. Default 10 m.
    pub overlap: HumanDuration,
    /// How far back the first one reaches. Default 1 d.
    pub first: HumanDuration,
    /// The longest span of despatches that one request asks for while it catches up. Default 1 d.
    pub window: HumanDuration,
    /// The sites whose inventory is asked for; none where the instance has only one.
    pub sites: Vec<String>,
    /// Default `always` where shipments are pulled as well, else `thin`.
    pub order_detail: OrderDetail,
    /// When pending shipments are read.
    pub pending: Option<ScheduleConfig>,
    pub reports: BTreeMap<String, ReportConfig>,
}

impl Default for PullConfig {
    fn default() -> Self {
        Self {
            overlap: HumanDuration::from_secs(600),
            first: HumanDuration::from_secs(24 * 3_600),
            window: HumanDuration::from_secs(24 * 3_600),
            sites: Vec::new(),
            order_detail: OrderDetail::Thin,
            pending: None,
            reports: BTreeMap::new(),
        }
    }
}

/// Whether an event about an order has its detail read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OrderDetail {
    /// What the event says is all there is to know.
    Never,
    /// Where the event names no shipment.
    #[default]
    Thin,
    /// Also where it does.
    Always,
}

#[derive(Clone, Debug)]
pub struct ReportConfig {
    pub key: String,
    pub reference: Option<String>,
    /// Default: the system's organisation.
    pub organisation_id: Option<String>,
    /// How far each run reads back over the one before it; the first one from now. Default 2 d.
    pub back: HumanDuration,
    pub schedule: ScheduleConfig,
    /// What is made of a row; without it rows are journalled only.
    pub rows: Option<(Facet, Mapping)>,
    /// Fields that the rows of one part have in common: such rows go into the mapping together.
    pub group: Vec<String>,
}

/// What is done about an order that changes after its import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangedOrders {
    /// It is cancelled and imported again. What has left the warehouse, or was cancelled there, is
    /// not touched: the change becomes a dead letter that says so.
    #[default]
    Amend,
    /// It is left as it was imported, with a warning in the journal.
    Leave,
}

/// What pushes must present, and what they are told.
#[derive(Clone, Debug)]
pub struct PushConfig {
    /// Of pushes for whose channel and organisation there is nothing more special.
    pub credentials: Option<PushCredentials>,
    /// Channels and organisations with credentials of their own.
    pub scopes: Vec<PushScope>,
    /// The acknowledgement's text; `{id}` is the message id.
    /// Default `Success - Message {id} Received`.
    pub acknowledgement: String,
    pub acknowledge_as: AcknowledgeAs,
}

#[derive(Clone, Debug)]
pub struct PushCredentials {
    pub user: Secret,
    pub password: Secret,
}

/// A push that names this channel and this organisation, as far as they are said here, must present
/// these credentials and no others. Of several the one that says more is meant; of two that say one
/// each, the channel's.
#[derive(Clone, Debug)]
pub struct PushScope {
    pub channel: Option<String>,
    pub organisation: Option<String>,
    pub credentials: PushCredentials,
}

/// The form in which a push is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AcknowledgeAs {
    /// `application/xml`: the text in a `message` element, or as it stands where it is XML itself.
    #[default]
    Xml,
    /// `text/plain`: the text.
    Text,
}

#[derive(Clone, Debug)]
pub struct OroConfig {
    /// `https://shop.example`, without a trailing slash.
    pub base_url: String,
    /// Default `/admin`.
    pub backend_prefix: String,
    pub client_id: Secret,
    pub client_secret: Secret,
    /// Whether the shop runs with "Enable External Status Management"; without it Oro cannot take
    /// a cancellation, and Ferry says so for each. Default false.
    pub external_status_management: bool,
    /// Whether orders that Ferry brings are marked `external`. Default true.
    pub external_orders: bool,
    /// Records per page when polling. Default 100.
    pub page_size: u16,
    /// How far each poll reads back over its cursor. Default 10 s.
    pub overlap: HumanDuration,
    /// Id of the attribute family of new products. Default `1`.
    pub attribute_family: String,
    /// The unit of products whose source names none. Default `item`.
    pub default_unit: String,
    /// Id of the role new customer users get; without it they are created disabled.
    pub customer_user_role: Option<String>,
    /// Ids of price lists by the source's name of each; the others are looked for by that name. As a
    /// source, it says these.
    pub price_lists: BTreeMap<String, String>,
    /// Ids of categories by the source's name of each; the others are left to the shop.
    pub categories: BTreeMap<String, String>,
    /// Values that new products get, by their field.
    pub product_defaults: BTreeMap<String, ProductDefault>,
    pub batch: OroBatch,
    pub scan: OroScan,
    /// What the shop is called as a site where its stock is. Default: the system's name.
    pub stock_site: String,
    /// How it tells of changes; without it they are found by polls alone.
    pub webhook: Option<OroWebhook>,
    /// What its answers mean; Ferry's own rules come after them.
    pub responses: Vec<ResponseRule>,
    pub limits: Limits,
}

/// Where a new product has a value from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProductDefault {
    /// From another place of the shop: `category`, `systemConfig`.
    Fallback(String),
    Value(String),
    Values(Vec<String>),
}

/// How changes go together that wait for a shop.
#[derive(Clone, Copy, Debug)]
pub struct OroBatch {
    /// Changes in one request, at most 100. 1: each goes by itself. Default 100.
    pub most: u16,
    /// The hard deadline of such a request. Default 40 s.
    pub timeout: HumanDuration,
}

/// When all rows of a list are walked over, for what no time of theirs tells.
#[derive(Clone, Debug, Default)]
pub struct OroScan {
    /// Customers with their users, addresses and groups.
    pub customers: Option<ScheduleConfig>,
    /// Orders, where a shop before 6.0.5 does not find those that have changed.
    pub orders: Option<ScheduleConfig>,
}

/// How a shop tells of changes.
#[derive(Clone, Debug)]
pub struct OroWebhook {
    /// Where the shop reaches the producer.
    pub url: String,
    /// What the shop signs with.
    pub secret: Secret,
    /// What is listened to: `order.updated`.
    pub topics: Vec<String>,
}

/// Any JSON over HTTP.
#[derive(Clone, Debug)]
pub struct RestConfig {
    pub base_url: String,
    /// Sent as `Authorization: Bearer …`.
    pub bearer: Option<Secret>,
    /// What is read.
    pub endpoints: BTreeMap<String, RestEndpoint>,
    /// What is written.
    pub targets: BTreeMap<String, RestTarget>,
    /// What its answers mean; Ferry's own rules come after them.
    pub responses: Vec<ResponseRule>,
    pub limits: Limits,
}

/// How one facet is written. In addresses, `{key}` stands for the entity's key and `{id}` for the
/// target's own id.
#[derive(Clone, Debug)]
pub struct RestTarget {
    pub facet: Facet,
    /// jq program: canonical part → the document that is sent.
    pub mapping: Mapping,
    /// POST makes one here; without it none is made.
    pub create: Option<String>,
    pub update: String,
    pub update_method: UpdateMethod,
    /// GET finds one here.
    pub look_up: Option<String>,
    /// RFC 6901 pointer to the array of what was found; without it the answer is the one.
    pub found: Option<String>,
    /// RFC 6901 pointer to the key in each of what was found.
    pub key: Option<String>,
    /// RFC 6901 pointer in a document to the target's own id; without it the key is the id.
    pub id: Option<String>,
    /// Standard Webhooks' secret: base64, with or without `whsec_`.
    pub signing: Option<Secret>,
}

/// How a REST target is told of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UpdateMethod {
    /// The document takes the place of what is there.
    Put,
    /// What the document does not name stays as it is.
    Patch,
}

#[derive(Clone, Debug)]
pub struct RestEndpoint {
    /// Appended to the base URL: `/api/customers`.
    pub path: String,
    pub facet: Facet,
    /// RFC 6901 pointer to the array of items in a page: `/customers`.
    pub items: String,
    /// jq program: item → canonical part.
    pub mapping: Mapping,
    /// RFC 6901 pointer in the *item* to what orders its states: a number or an RFC 3339 time.
    pub sequence: String,
    /// The clock's name. Default: the pointer's last segment.
    pub clock: String,
    /// Query parameter with the page number, from 1.
    pub page_param: Option<String>,
    /// RFC 6901 pointer to the number of pages; without it the first empty page ends.
    pub pages: Option<String>,
    pub size_param: Option<String>,
    pub page_size: u16,
    /// Query parameter that takes the cursor (an RFC 3339 time).
    pub since_param: Option<String>,
    /// How far each poll reads back over its cursor.
    pub overlap: HumanDuration,
}

/// A drop folder, and what `ferry backfill` reads.
#[derive(Clone, Debug)]
pub struct FilesConfig {
    pub folder: PathBuf,
    pub files: BTreeMap<String, FileKind>,
}

#[derive(Clone, Debug)]
pub struct FileKind {
    /// `*` stands for any run of characters: `catalogue*.csv`.
    pub pattern: String,
    pub format: FileFormat,
    /// Of CSV; none: the header tells.
    pub delimiter: Option<Delimiter>,
    /// None: the file tells.
    pub encoding: Option<Encoding>,
    /// What the columns are called, where that says what they mean.
    pub columns: Option<FileColumns>,
    /// The IANA zone of times without one, in known columns.
    pub time_zone: Option<String>,
    pub facet: Facet,
    /// jq program: row (an object of strings; with known columns, the document they make) → canonical
    /// part. There is one wherever the columns are not known.
    pub mapping: Option<Mapping>,
    /// Rows per record. Default 200.
    pub chunk_rows: u32,
}

/// What a file is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Values with a delimiter between them, with a header line.
    Csv,
    /// One JSON object per line.
    Jsonl,
}

/// What stands between two columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Delimiter {
    #[serde(rename = ",")]
    Comma,
    #[serde(rename = ";")]
    Semicolon,
    #[serde(rename = "tab")]
    Tab,
    #[serde(rename = "|")]
    Pipe,
}

impl Delimiter {
    pub const ALL: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe];

    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }
}

/// How a file writes its characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Encoding {
    /// With or without a byte order mark.
    #[serde(rename = "utf-8")]
    Utf8,
    /// In the order that its byte order mark says; without one the lower byte is first.
    #[serde(rename = "utf-16")]
    Utf16,
    /// As Windows writes Western European languages.
    #[serde(rename = "windows-1252")]
    Windows1252,
    /// Latin-1, with control characters where windows-1252 has others.
    #[serde(rename = "iso-8859-1")]
    Latin1,
}

/// Columns whose names say what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileColumns {
    /// The properties of an OrderFlow order import, an order per row, its lines numbered:
    /// `externalReference`, `placed`, `orderLine.1.quantity`.
    Orders,
}

/// A mapping program: where it came from and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub name: String,
    pub program: String,
}
