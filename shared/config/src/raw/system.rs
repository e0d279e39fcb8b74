//! The systems as they are written.

use std::{collections::BTreeMap, path::PathBuf};

use ferry_canonical::Facet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    RawSchedule,
    care::{RawCare, RawLimits, RawMaintenance},
    export::RawExport,
    orderflow::{RawOrderflowImport, RawReturnWords},
    oro::{RawOroBatch, RawOroScan, RawOroWebhook, RawProductDefault},
    responses::RawResponseRule,
};
use crate::{
    HumanDuration,
    orderflow::{ImportType, LongNames},
    secret::SecretRef,
    system::{
        AcknowledgeAs, ChangedOrders, Delimiter, Encoding, FileColumns, FileFormat, OrderDetail,
        PullConfig, UpdateMethod,
    },
};

/// One system; `kind` says which protocol it speaks.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum RawSystem {
    /// An OrderFlow warehouse.
    Orderflow(Box<RawOrderflow>),
    /// An OroCommerce shop.
    Oro(Box<RawOro>),
    /// Any JSON over HTTP.
    Rest(Box<RawRest>),
    /// A drop folder, and what `ferry backfill` reads.
    Files(Box<RawFiles>),
    /// Documents of many parts, put into a folder or sent.
    Export(Box<RawExport>),
}

/// An OrderFlow warehouse.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawOrderflow {
    /// `https://host/instance`.
    pub(crate) base_url: String,
    /// Says that credentials may go over plain HTTP to a host that is not this one.
    #[serde(default)]
    pub(crate) allow_plain_http: bool,
    pub(crate) organisation: String,
    pub(crate) channel: String,
    /// IANA name; OrderFlow transmits local times without a zone.
    #[serde(default = "time_zone")]
    pub(crate) time_zone: String,
    pub(crate) user: SecretRef,
    pub(crate) password: SecretRef,
    /// What a push must present; without it pushes are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) push: Option<RawPush>,
    /// What is done about an order that changes after its import.
    #[serde(default)]
    pub(crate) changed_orders: ChangedOrders,
    /// What facets become there, by name; at most one for each facet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) imports: BTreeMap<String, RawOrderflowImport>,
    /// The words of returns.
    #[serde(default)]
    pub(crate) returns: RawReturnWords,
    /// Characters that properties take at this instance, by type of import and by name without
    /// number: `order = { "orderLine.description" = 255 }`. What is longer is a dead letter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) lengths: BTreeMap<ImportType, BTreeMap<String, u16>>,
    /// The site of which the inventory is asked for, by the probe and before a product's notification:
    /// an instance with several sites answers for one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) site: Option<String>,
    /// What is done with a product's description that is longer than OrderFlow takes: cut or refuse.
    #[serde(default)]
    pub(crate) long_names: LongNames,
    /// What is asked for beside what it pushes.
    #[serde(default)]
    pub(crate) pull: RawPull,
    /// What its answers mean, where that is more than their status; the first rule that fits counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) responses: Vec<RawResponseRule>,
    #[serde(default)]
    pub(crate) limits: RawLimits,
    /// The hard deadline of one call.
    #[serde(default = "import_timeout")]
    pub(crate) timeout: HumanDuration,
    /// How long after a call's start an unread answer may still take effect there. Default: twice
    /// the timeout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) settle_after: Option<HumanDuration>,
    /// When writing to it stops by itself, and how it is probed.
    #[serde(default)]
    pub(crate) care: RawCare,
    /// Times of the week in which nothing is written to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) maintenance: Vec<RawMaintenance>,
}

/// What a push must present and what it is told.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPush {
    /// Of pushes for whose channel and organisation `scopes` has nothing; without it they are
    /// refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<SecretRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<SecretRef>,
    /// The acknowledgement's text; `{id}` is the message id.
    #[serde(default = "acknowledgement")]
    pub(crate) acknowledgement: String,
    /// `xml`: in a `message` element, or as it stands where it begins with `<`. `text`: as it stands.
    #[serde(default)]
    pub(crate) acknowledge_as: AcknowledgeAs,
    /// Channels and organisations with credentials of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) scopes: Vec<RawPushScope>,
}

/// What a push that names this channel and this organisation must present. At least one is said.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPushScope {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) organisation: Option<String>,
    pub(crate) user: SecretRef,
    pub(crate) password: SecretRef,
}

/// What an OrderFlow is asked for. Despatches and inventory are pulled where a route of shipments or
/// stock says when; an order's detail where a push wakes it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawPull {
    /// How far each pull of despatches reads back over its cursor.
    pub(crate) overlap: HumanDuration,
    /// How far back the first one reaches.
    pub(crate) first: HumanDuration,
    /// The longest span of despatches that one request asks for while it catches up; the last one goes
    /// from there until a day from now.
    pub(crate) window: HumanDuration,
    /// The sites whose inventory is asked for, one request each; none for an instance without
    /// multi-site inventory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) sites: Vec<String>,
    /// Whether an event about an order has its detail read: `never`, `thin` (where it names no
    /// shipment), `always`. Without it always where shipments are pulled as well, by a route's schedule
    /// or as `pending`, else thin: an event that was held up may be older than what was pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) order_detail: Option<OrderDetail>,
    /// When the list of pending shipments is read; what changes there or is gone has its order's detail
    /// read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<RawSchedule>,
    /// Reports, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) reports: BTreeMap<String, RawReport>,
}

impl Default for RawPull {
    fn default() -> Self {
        let PullConfig { overlap, first, window, .. } = PullConfig::default();
        let (sites, reports) = (Vec::new(), BTreeMap::new());
        Self { overlap, first, window, sites, order_detail: None, pending: None, reports }
    }
}

/// One report of the instance.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawReport {
    /// `reportKey`, as the instance has it.
    pub(crate) key: String,
    /// `reference`, where the report takes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    /// `organisation_id`; the system's organisation by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) organisation_id: Option<String>,
    /// How far each run reads back over the last one that succeeded; the first one from now.
    #[serde(default = "report_back")]
    pub(crate) back: HumanDuration,
    /// When it is read.
    pub(crate) schedule: RawSchedule,
    /// What `mapping` makes of a row; both are given together. Without them rows are journalled only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) facet: Option<Facet>,
    /// File with the jq program: row (an object) → canonical part; with `group`, the array of such
    /// rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mapping: Option<PathBuf>,
    /// Fields that the rows of one part have in common (a return has a row per line): they go into the
    /// mapping together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) group: Vec<String>,
}

const fn report_back() -> HumanDuration {
    HumanDuration::from_secs(2 * 24 * 3_600)
}

const fn external_orders() -> bool {
    true
}

/// An OroCommerce shop.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawOro {
    /// `https://shop.example`.
    pub(crate) base_url: String,
    /// Says that credentials may go over plain HTTP to a host that is not this one.
    #[serde(default)]
    pub(crate) allow_plain_http: bool,
    /// The path of the back office.
    #[serde(default = "backend_prefix")]
    pub(crate) backend_prefix: String,
    pub(crate) client_id: SecretRef,
    pub(crate) client_secret: SecretRef,
    /// Whether the shop runs with "Enable External Status Management"; without it Oro cannot take
    /// a cancellation, and Ferry says so for each.
    #[serde(default)]
    pub(crate) external_status_management: bool,
    /// Whether orders that Ferry brings are marked `external`, so that the back office does not offer
    /// to edit them.
    #[serde(default = "external_orders")]
    pub(crate) external_orders: bool,
    /// Records per page when polling.
    #[serde(default = "page_size")]
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) page_size: u16,
    /// How far each poll reads back over its cursor.
    #[serde(default = "overlap")]
    pub(crate) overlap: HumanDuration,
    /// Id of the attribute family of new products.
    #[serde(default = "attribute_family")]
    pub(crate) attribute_family: String,
    /// The unit of products whose source names none.
    #[serde(default = "default_unit")]
    pub(crate) default_unit: String,
    /// Id of the role new customer users get; without it they are created disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) customer_user_role: Option<String>,
    /// Ids of price lists of the shop, by the source's name of each: `{ retail = "1" }`. A list that is
    /// not among them is the one of that name in the shop. Where a route takes prices from it, these are
    /// the lists that are said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) price_lists: BTreeMap<String, String>,
    /// Ids of categories of the shop, by the source's name of each: `{ Chairs = "12" }`. Without any,
    /// a product's category is left to the shop.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) categories: BTreeMap<String, String>,
    /// Values that new products get: `{ manageInventory = { fallback = "systemConfig" } }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) product_defaults: BTreeMap<String, RawProductDefault>,
    /// How changes go together that wait for it.
    #[serde(default)]
    pub(crate) batch: RawOroBatch,
    /// When all rows of a list are walked over.
    #[serde(default)]
    pub(crate) scan: RawOroScan,
    /// What the shop is called as a site where its stock is. Default: the system's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stock_site: Option<String>,
    /// How it tells of changes; without it they are found by polls alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) webhook: Option<RawOroWebhook>,
    /// What its answers mean, where that is more than their status; the first rule that fits counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) responses: Vec<RawResponseRule>,
    #[serde(default)]
    pub(crate) limits: RawLimits,
    /// The hard deadline of one call.
    #[serde(default = "timeout")]
    pub(crate) timeout: HumanDuration,
    /// How long after a call's start an unread answer may still take effect there. Default: twice
    /// the timeout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) settle_after: Option<HumanDuration>,
    /// When writing to it stops by itself, and how it is probed.
    #[serde(default)]
    pub(crate) care: RawCare,
    /// Times of the week in which nothing is written to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) maintenance: Vec<RawMaintenance>,
}

/// Any JSON over HTTP.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRest {
    /// `https://erp.example`.
    pub(crate) base_url: String,
    /// Says that credentials may go over plain HTTP to a host that is not this one.
    #[serde(default)]
    pub(crate) allow_plain_http: bool,
    /// Sent as `Authorization: Bearer …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bearer: Option<SecretRef>,
    /// What is read there, by name; at most one for each facet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) endpoints: BTreeMap<String, RawRestEndpoint>,
    /// What is written there, by name; at most one for each facet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) targets: BTreeMap<String, RawRestTarget>,
    /// What its answers mean, where that is more than their status; the first rule that fits counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) responses: Vec<RawResponseRule>,
    #[serde(default)]
    pub(crate) limits: RawLimits,
    /// The hard deadline of one call.
    #[serde(default = "timeout")]
    pub(crate) timeout: HumanDuration,
    /// How long after a call's start an unread answer may still take effect there. Default: twice
    /// the timeout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) settle_after: Option<HumanDuration>,
    /// When writing to it stops by itself, and how it is probed.
    #[serde(default)]
    pub(crate) care: RawCare,
    /// Times of the week in which nothing is written to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) maintenance: Vec<RawMaintenance>,
}

/// One list of a REST source.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRestEndpoint {
    /// Appended to the base URL: `/api/customers`.
    pub(crate) path: String,
    pub(crate) facet: Facet,
    /// JSON pointer to the array of items in a page: `/customers`; empty where the page is it.
    pub(crate) items: String,
    /// File with the jq program: item → canonical part.
    pub(crate) mapping: PathBuf,
    /// JSON pointer in the item to what orders its states: a number or an RFC 3339 time.
    pub(crate) sequence: String,
    /// The clock's name. Default: the last segment of `sequence`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) clock: Option<String>,
    /// Query parameter with the page number, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) page_param: Option<String>,
    /// JSON pointer to the number of pages; without it the first empty page ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pages: Option<String>,
    /// Query parameter with the page's size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size_param: Option<String>,
    /// Items per page.
    #[serde(default = "page_size")]
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) page_size: u16,
    /// Query parameter that takes the cursor, an RFC 3339 time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since_param: Option<String>,
    /// How far each poll reads back over its cursor.
    #[serde(default = "overlap")]
    pub(crate) overlap: HumanDuration,
}

/// How one facet is written to a REST target. In addresses, `{key}` stands for the entity's key and
/// `{id}` for the target's own id.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRestTarget {
    pub(crate) facet: Facet,
    /// File with the jq program: canonical part → the document that is sent.
    pub(crate) mapping: PathBuf,
    /// Where one that is not there is made, by POST: `/api/customers`. Without it none is made: what
    /// is not there is waited for, unless the update makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) create: Option<String>,
    /// Where one that is there is changed: `/api/customers/{key}`.
    pub(crate) update: String,
    /// How: put or patch.
    #[serde(default = "update_method")]
    pub(crate) update_method: UpdateMethod,
    /// Where one is looked up by GET: `/api/customers/{key}` or `/api/customers?number={key}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) look_up: Option<String>,
    /// JSON pointer to the array of what was found; without it the answer is the one that was looked
    /// up, and 404 says that there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) found: Option<String>,
    /// JSON pointer to the key in each of what was found, required with `found`: one that only looks
    /// like it is not it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// JSON pointer to the target's own id, in what was looked up or made. Default: the key is the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    /// Base64, with or without whsec_ in front: what is written is signed as Standard Webhooks says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signing: Option<SecretRef>,
}

/// A drop folder, and what `ferry backfill` reads.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawFiles {
    /// Where files are dropped.
    pub(crate) folder: PathBuf,
    /// The kinds of file, by name.
    pub(crate) files: BTreeMap<String, RawFileKind>,
}

/// One kind of file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawFileKind {
    /// `*` stands for any run of characters: `catalogue*.csv`.
    pub(crate) pattern: String,
    pub(crate) format: FileFormat,
    /// What stands between two columns of CSV. Default: what the header has most of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delimiter: Option<Delimiter>,
    /// How the file writes its characters. Default: as its byte order mark says; without one UTF-8,
    /// or windows-1252 where nothing beyond ASCII is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) encoding: Option<Encoding>,
    /// What the columns are called, where that says what they mean: no mapping is needed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) columns: Option<FileColumns>,
    /// The IANA time zone of times that state none, with `columns` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time_zone: Option<String>,
    pub(crate) facet: Facet,
    /// File with the jq program: row (an object of strings) → canonical part. With `columns`: the
    /// document that they make → canonical part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mapping: Option<PathBuf>,
    /// Rows per record.
    #[serde(default = "chunk_rows")]
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) chunk_rows: u32,
}

fn time_zone() -> String {
    "Europe/London".to_owned()
}

fn acknowledgement() -> String {
    "Success - Message {id} Received".to_owned()
}

fn backend_prefix() -> String {
    "/admin".to_owned()
}

fn attribute_family() -> String {
    "1".to_owned()
}

fn default_unit() -> String {
    "item".to_owned()
}

const fn update_method() -> UpdateMethod {
    UpdateMethod::Put
}

const fn page_size() -> u16 {
    100
}

const fn chunk_rows() -> u32 {
    200
}

const fn overlap() -> HumanDuration {
    HumanDuration::from_secs(10)
}

const fn timeout() -> HumanDuration {
    HumanDuration::from_secs(30)
}

const fn import_timeout() -> HumanDuration {
    HumanDuration::from_secs(300)
}
