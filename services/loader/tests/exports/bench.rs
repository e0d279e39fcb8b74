//! The workbench: one store, one broker, one export, any number of loaders.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use ferry_broker::{Headers, Message};
use ferry_canonical::{Clock, Event, Facet, Part, Sequence, event::CONTENT_TYPE};
use ferry_config::{
    HumanDuration, ScheduleConfig, Secret, SystemConfig,
    export::{ExportConfig, ExportContent, ExportHttp, ExportMethod, ExportPart, ExportWay},
    system::{Delimiter, Limits, Mapping},
};
use ferry_loader::{
    Desk, ExportMetrics, Flusher, Gate, LoaderMetrics, Route, Seams, StoreLedger, Target,
};
use ferry_retry::{Levels, Schedule};
use ferry_service::Metrics;
use ferry_sim::{SimBroker, SimHttp, answer};
use ferry_store::{DocumentState, Exports as _, ScheduleChange, Schedules as _, SqliteStore};
use ferry_systems::System;
use ferry_topology::{Inputs, LoadBinding, Topology};
use tempfile::TempDir;
use tokio::{
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const ACCOUNTS: &str = "accounts";
pub(crate) const QUEUE: &str = "load.accounts.product";
pub(crate) const DEAD: &str = "load.accounts.product.dead";
/// What products become: those called `bad` cannot be brought, and those called `secret` are not.
pub(crate) const PROGRAM: &str = r#"if .name == "bad" then error("no") elif .name == "secret" then empty
     else {sku, name} end"#;

pub(crate) struct Bench {
    pub(crate) broker: SimBroker,
    pub(crate) http: SimHttp,
    pub(crate) store: SqliteStore,
    pub(crate) folder: TempDir,
    pub(crate) config: ExportConfig,
    pub(crate) draining: CancellationToken,
    pub(crate) tasks: JoinSet<()>,
}

impl Bench {
    /// Documents go into a folder, as soon as a part has waited for ten seconds.
    pub(crate) fn new() -> Self {
        ferry_sim::start_clock();
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(PROGRAM);
        config.way = ExportWay::Folder(folder.path().to_owned());
        Self {
            broker: SimBroker::new(topology()),
            http: SimHttp::new(|_| answer(200, "")),
            store: SqliteStore::in_memory(ferry_sim::now).unwrap(),
            folder,
            config,
            draining: CancellationToken::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Documents are sent.
    pub(crate) fn sending() -> Self {
        let mut bench = Self::new();
        bench.config.way = ExportWay::Http(ExportHttp {
            url: "http://accounts.test/in".to_owned(),
            method: ExportMethod::Post,
            bearer: Some(Secret::new("hush")),
            responses: Vec::new(),
        });
        bench
    }

    pub(crate) fn every(mut self, every: Duration) -> Self {
        self.config.flush_after = None;
        self.config.schedule = Some(ScheduleConfig::every(every));
        self
    }

    pub(crate) fn system(&self) -> Arc<System> {
        let config = SystemConfig::Export(Box::new(self.config.clone()));
        Arc::new(System::new(ACCOUNTS, &config).unwrap())
    }

    /// A loader's desk; what it settles waits.
    pub(crate) fn add_desk(&mut self) {
        let route = Route {
            name: "products".to_owned(),
            source: "erp".to_owned(),
            facet: Facet::Catalogue,
            schedule: Schedule::new(vec![5 * SECOND], 60 * SECOND).unwrap(),
            reference_schedule: Schedule::new(vec![5 * SECOND], 60 * SECOND).unwrap(),
            two_way: None,
        };
        let target = Target::new(ACCOUNTS, self.system(), &self.config.limits, vec![route]);
        let seams = Seams {
            broker: self.broker.clone(),
            ledger: self.store.clone(),
            http: Arc::new(self.http.clone()),
            port: Arc::new(StoreLedger::new(self.store.clone(), Uuid::new_v4)),
            clock: ferry_sim::now,
            ids: Uuid::new_v4,
            levels: Levels::new([5 * SECOND]).unwrap(),
            metrics: LoaderMetrics::new(&Metrics::new("loader").unwrap()).unwrap(),
            host: "host/1".to_owned(),
            prefetch: 32,
            gate: Gate::default(),
        };
        let draining = self.draining.clone();
        self.tasks.spawn(async move { Desk::run(target, seams, draining).await.unwrap() });
    }

    /// A loader's flusher.
    pub(crate) fn add_flusher(&mut self, owner: &str) -> AbortHandle {
        let flusher = Flusher {
            name: ACCOUNTS.to_owned(),
            system: self.system(),
            store: self.store.clone(),
            http: Arc::new(self.http.clone()),
            clock: ferry_sim::now,
            ids: Uuid::new_v4,
            owner: owner.to_owned(),
            metrics: ExportMetrics::new(&Metrics::new("loader").unwrap()).unwrap(),
        };
        self.tasks.spawn(flusher.run(self.draining.clone()))
    }

    /// The ERP says it, and the desk has settled it.
    pub(crate) async fn say(&self, sku: &str, name: &str, sequence: u128) {
        let event = product(sku, name, sequence);
        self.broker.publish(message(&event)).await;
        self.broker.until(|broker| broker.messages(QUEUE).is_empty()).await;
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// The last documents, the oldest first.
    pub(crate) async fn documents(&self) -> Vec<DocumentState> {
        let mut documents = self.store.documents(ACCOUNTS, 100).await.unwrap();
        documents.reverse();
        documents
    }

    pub(crate) async fn waiting(&self) -> u64 {
        self.store.export(ACCOUNTS, 100).await.unwrap().waiting
    }

    /// Waits until nothing waits and nothing is on its way.
    pub(crate) async fn until_brought(&self) {
        let deadline = Instant::now() + 3_600 * SECOND;
        loop {
            let state = self.store.export(ACCOUNTS, 1).await.unwrap();
            if state.waiting == 0 && state.open.is_none() && state.last_number > 0 {
                return;
            }
            assert!(Instant::now() < deadline, "waited in vain: {state:?}");
            sleep(SECOND / 10).await;
        }
    }

    pub(crate) async fn change(&self, change: ScheduleChange) {
        self.store.change_schedule("export/accounts", change).await.unwrap();
    }

    /// Lets everything end, as a first signal does.
    pub(crate) async fn drain(mut self) {
        self.draining.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

pub(crate) fn config(program: &str) -> ExportConfig {
    let mapping = Mapping { name: "m.jq".to_owned(), program: program.to_owned() };
    let part = ExportPart { facet: Facet::Catalogue, mapping };
    ExportConfig {
        content: ExportContent::Csv {
            columns: ["sku", "name"].map(str::to_owned).to_vec(),
            delimiter: Delimiter::Comma,
            parts: BTreeMap::from([("products".to_owned(), part)]),
        },
        name: "products-{number}.csv".to_owned(),
        way: ExportWay::Folder("unused".into()),
        schedule: None,
        flush_at: None,
        flush_after: Some(HumanDuration::from_secs(10)),
        parts_max: 100,
        overdue_after: HumanDuration::from_secs(60),
        timeout: HumanDuration::from_secs(10),
        limits: Limits {
            timeout: HumanDuration::from_secs(5),
            settle_after: HumanDuration::from_secs(5),
            ..Limits::default()
        },
    }
}

fn topology() -> Topology {
    Topology::new(&Inputs {
        prefix: "sim".to_owned(),
        levels: vec![5 * SECOND],
        bindings: vec![LoadBinding {
            target: ACCOUNTS.to_owned(),
            entity: "product".to_owned(),
            facet: "catalogue".to_owned(),
            source: "erp".to_owned(),
        }],
        lanes: vec!["live".to_owned(), "bulk".to_owned()],
    })
}

fn product(sku: &str, name: &str, sequence: u128) -> Event {
    let json = format!(r#"{{"sku":"{sku}","name":"{name}"}}"#);
    let part = Part::from_json(Facet::Catalogue, json.as_bytes()).unwrap();
    let said = format!("{sequence} {json}");
    let record = Uuid::new_v5(&Uuid::NAMESPACE_OID, said.as_bytes());
    let time = ferry_sim::now();
    Event {
        id: ferry_canonical::event_id(record, 0),
        source: "erp".to_owned(),
        subject: part.subject(),
        time,
        sequence: Sequence(sequence),
        clock: Clock::named("updated-at"),
        observed_at: time,
        source_id: None,
        causation_id: record,
        correlation_id: record,
        traceparent: None,
        part,
    }
}

fn message(event: &Event) -> Message {
    Message {
        exchange: "events".to_owned(),
        key: ferry_topology::event_key("product", "catalogue", "erp", "live"),
        id: event.id.to_string(),
        content_type: CONTENT_TYPE.to_owned(),
        headers: Headers::default(),
        body: event.encode().unwrap().into(),
    }
}
