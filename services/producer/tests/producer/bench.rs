//! What every test here needs: a broker, a store, three sources.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use ferry_canonical::Facet;
use ferry_config::{
    HumanDuration, Secret, SystemConfig,
    system::{
        AcknowledgeAs, ChangedOrders, FileColumns, FileFormat, FileKind, FilesConfig, Limits,
        Mapping, OrderflowConfig, PullConfig, PushConfig, PushCredentials, RestConfig,
        RestEndpoint,
    },
};
use ferry_producer::{
    Notes, ProducerMetrics,
    journal::{self, Writer},
};
use ferry_service::Metrics;
use ferry_sim::SimBroker;
use ferry_store::{Journal as _, JournalEntry, JournalFilter, SqliteStore};
use ferry_systems::System;
use ferry_topology::{Inputs, Topology};
use tokio_util::sync::CancellationToken;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const RECORDS: &str = "transform";

pub(crate) struct Bench {
    pub(crate) broker: SimBroker,
    pub(crate) store: SqliteStore,
    pub(crate) systems: Arc<BTreeMap<String, System>>,
    pub(crate) metrics: ProducerMetrics,
    pub(crate) notes: Notes,
    /// The journal's other end, unread.
    writer: Option<Writer>,
}

impl Bench {
    pub(crate) fn new(folder: &Path) -> Self {
        ferry_sim::start_clock();
        let metrics = ProducerMetrics::new(&Metrics::new("producer").unwrap()).unwrap();
        let (notes, writer) = journal::notes(metrics.clone());
        Self {
            broker: SimBroker::new(Topology::new(&Inputs {
                prefix: "sim".to_owned(),
                levels: vec![5 * SECOND],
                bindings: Vec::new(),
                lanes: vec!["live".to_owned(), "bulk".to_owned()],
            })),
            store: SqliteStore::in_memory(ferry_sim::now).unwrap(),
            systems: Arc::new(systems(folder)),
            metrics,
            notes,
            writer: Some(writer),
        }
    }

    /// The journal's other end, for who runs it. Once only.
    pub(crate) fn writer(&mut self) -> Writer {
        self.writer.take().unwrap()
    }

    /// What was noted for the journal so far. Once only: nothing more is written then.
    pub(crate) async fn noted(&mut self) -> Vec<JournalEntry> {
        let draining = CancellationToken::new();
        draining.cancel();
        self.writer().run(self.store.clone(), draining).await;
        let rows = self.store.search(JournalFilter::default()).await.unwrap();
        rows.into_iter().map(|row| row.entry).collect()
    }

    /// The bodies of all records in the live queue.
    pub(crate) fn bodies(&self) -> Vec<String> {
        let records = self.broker.messages(RECORDS).into_iter();
        records.map(|record| String::from_utf8_lossy(&record.body).into_owned()).collect()
    }
}

fn systems(folder: &Path) -> BTreeMap<String, System> {
    let configs = [
        ("warehouse", SystemConfig::Orderflow(orderflow())),
        ("erp", SystemConfig::Rest(rest())),
        ("catalogue", SystemConfig::Files(files(folder))),
    ];
    let systems = configs.into_iter();
    systems.map(|(name, config)| (name.to_owned(), System::new(name, &config).unwrap())).collect()
}

fn limits() -> Limits {
    Limits {
        concurrency: 1,
        timeout: HumanDuration::from_secs(5),
        settle_after: HumanDuration::from_secs(10),
        ..Limits::default()
    }
}

pub(crate) fn orderflow() -> OrderflowConfig {
    OrderflowConfig {
        base_url: "http://warehouse.test".to_owned(),
        organisation: "acme".to_owned(),
        channel: "web".to_owned(),
        time_zone: "Europe/London".to_owned(),
        user: Secret::new("ferry"),
        password: Secret::new("pw"),
        changed_orders: ChangedOrders::Amend,
        writes: Box::default(),
        push: Some(PushConfig {
            credentials: Some(PushCredentials {
                user: Secret::new("flow"),
                password: Secret::new("pw"),
            }),
            scopes: Vec::new(),
            acknowledgement: "Success - Message {id} Received".to_owned(),
            acknowledge_as: AcknowledgeAs::Xml,
        }),
        pull: PullConfig::default(),
        responses: Vec::new(),
        limits: limits(),
    }
}

fn rest() -> RestConfig {
    let customers = RestEndpoint {
        path: "/customers".to_owned(),
        facet: Facet::Profile,
        items: "/customers".to_owned(),
        mapping: mapping("{number, name}"),
        sequence: "/updated_at".to_owned(),
        clock: "updated_at".to_owned(),
        page_param: Some("page".to_owned()),
        pages: None,
        size_param: Some("size".to_owned()),
        page_size: 2,
        since_param: Some("since".to_owned()),
        overlap: HumanDuration::from_secs(5),
    };
    RestConfig {
        base_url: "http://erp.test".to_owned(),
        bearer: None,
        targets: BTreeMap::new(),
        endpoints: BTreeMap::from([("customers".to_owned(), customers)]),
        responses: Vec::new(),
        limits: limits(),
    }
}

fn files(folder: &Path) -> FilesConfig {
    let products = FileKind {
        pattern: "*.csv".to_owned(),
        format: FileFormat::Csv,
        delimiter: None,
        encoding: None,
        columns: None,
        time_zone: None,
        facet: Facet::Catalogue,
        mapping: Some(mapping("{sku, name}")),
        chunk_rows: 2,
    };
    let orders = FileKind {
        pattern: "orders*".to_owned(),
        columns: Some(FileColumns::Orders),
        facet: Facet::Placed,
        mapping: None,
        chunk_rows: 200,
        ..products.clone()
    };
    FilesConfig {
        folder: folder.to_owned(),
        files: BTreeMap::from([("orders".to_owned(), orders), ("products".to_owned(), products)]),
    }
}

fn mapping(program: &str) -> Mapping {
    Mapping { name: "m.jq".to_owned(), program: program.to_owned() }
}
