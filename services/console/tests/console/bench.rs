//! What every test here needs: a configuration, a store, a broker.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use ferry_canonical::FailureKind;
use ferry_config::{Config, Environment};
use ferry_console::alerts::{AlertMetrics, Channel, Message, SendError, Teller, Watch};
use ferry_service::Metrics;
use ferry_sim::SimBroker;
use ferry_store::{
    Ask, Attendance, Care as _, DeadLetter, DeadLetters as _, Rules, Sign, SqliteStore,
};
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);

const CONFIGURATION: &str = r#"
[broker]
prefix = "sim"

[systems.warehouse]
kind = "orderflow"
base_url = "http://127.0.0.1:9"
organisation = "acme"
channel = "web"
user = { env = "ID" }
password = { env = "SECRET" }

[systems.shop]
kind = "oro"
base_url = "http://127.0.0.1:9"
client_id = { env = "ID" }
client_secret = { env = "SECRET" }

[[routes]]
name = "shipments"
from = "warehouse"
entity = "order"
facet = "shipment"
to = ["shop"]
"#;

/// With more of a configuration at its end.
pub(crate) fn config(more: &str) -> Arc<Config> {
    let variables = [("ID", "id"), ("SECRET", "secret")];
    let environment: Environment = variables.into_iter().collect();
    let text = format!("{CONFIGURATION}{more}");
    Arc::new(Config::parse(&text, Path::new("/nowhere"), &environment).unwrap())
}

/// A console in all but its HTTP side.
pub(crate) struct Bench {
    pub(crate) config: Arc<Config>,
    pub(crate) broker: SimBroker,
    pub(crate) store: SqliteStore,
    pub(crate) news: Arc<Notify>,
}

impl Bench {
    pub(crate) fn with(more: &str) -> Self {
        ferry_sim::start_clock();
        let config = config(more);
        Self {
            broker: SimBroker::new(ferry_service::topology(&config)),
            store: SqliteStore::in_memory(ferry_sim::now).unwrap(),
            config,
            news: Arc::default(),
        }
    }

    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// One console that looks, as a process of its own.
    pub(crate) fn watch(&self, owner: &str, channels: &[&str]) -> Watch<SimBroker, SqliteStore> {
        Watch {
            config: Arc::clone(&self.config),
            broker: self.broker.clone(),
            store: self.store.clone(),
            clock: ferry_sim::now,
            channels: channels.iter().map(|&channel| channel.to_owned()).collect(),
            owner: owner.to_owned(),
            metrics: metrics(),
            news: Arc::clone(&self.news),
        }
    }

    pub(crate) fn teller(&self, channel: Arc<dyn Channel>) -> Teller<SqliteStore> {
        Teller {
            store: self.store.clone(),
            channel,
            clock: ferry_sim::now,
            installation: "sim".to_owned(),
            metrics: metrics(),
            news: Arc::clone(&self.news),
        }
    }

    /// A loader says what it saw of the shop.
    pub(crate) async fn sign(&self, signs: Vec<Sign>) {
        let attendance = Attendance {
            loader: "loader".to_owned(),
            target: "shop".to_owned(),
            rules: rules(),
            ask: Ask::default(),
            signs,
            leaves: false,
        };
        self.store.attend(attendance).await.unwrap();
    }

    /// The shop refuses our credentials.
    pub(crate) async fn refuse(&self) {
        self.sign(vec![Sign::Refused { because: "401".to_owned() }]).await;
    }

    /// Our credentials are taken again.
    pub(crate) async fn mend(&self) {
        self.sign(vec![Sign::Probed(None)]).await;
    }

    /// Calls about two entities are not served: the breaker opens.
    pub(crate) async fn break_down(&self) {
        let failed = |entity: &str| Sign::Failed {
            kind: FailureKind::Timeout,
            entities: vec![entity.to_owned()],
        };
        self.sign(vec![failed("order/1"), failed("order/2")]).await;
    }

    /// So many shipments died of `kind`; `first` makes their keys differ.
    pub(crate) async fn die(&self, kind: &str, letters: u32, first: u32) {
        let letters = (first..first + letters).map(|number| letter(kind, number)).collect();
        self.store.bury(letters).await.unwrap();
    }
}

fn metrics() -> AlertMetrics {
    AlertMetrics::new(&Metrics::new("console").unwrap()).unwrap()
}

fn rules() -> Rules {
    Rules {
        entities: 2,
        window: MINUTE,
        probe_min: SECOND,
        probe_max: MINUTE,
        refusal_probe: SECOND,
        hold_max: MINUTE,
        concurrency: 8,
        rate_milli: None,
    }
}

fn letter(kind: &str, number: u32) -> DeadLetter {
    DeadLetter {
        key: format!("{kind}/{number}"),
        origin: "load.shop.order".to_owned(),
        died_at: ferry_sim::now(),
        first_failed_at: None,
        kind: kind.to_owned(),
        detail: "Bäckerei Müller, Łódź".to_owned(),
        status: None,
        response: None,
        rule: None,
        attempts: Some(6),
        route: Some("shipments".to_owned()),
        source: Some("warehouse".to_owned()),
        target: Some("shop".to_owned()),
        entity: Some("order".to_owned()),
        entity_id: Some(format!("WEB-{number}")),
        pointer: None,
        position: None,
        missing: None,
        message_id: None,
        content_type: None,
        headers: "{}".to_owned(),
        body: b"{}".to_vec(),
    }
}

/// A channel that answers as scripted, then always takes.
#[derive(Debug, Default)]
pub(crate) struct Ear {
    faults: Mutex<Vec<SendError>>,
    heard: Mutex<Vec<Message>>,
}

impl Ear {
    /// The first messages are not taken.
    pub(crate) fn deaf_to(messages: usize) -> Arc<Self> {
        let faults = vec![SendError::Answered(500); messages];
        Arc::new(Self { faults: Mutex::new(faults), ..Self::default() })
    }

    /// Everything that was sent, whether it was taken or not.
    pub(crate) fn heard(&self) -> Vec<Message> {
        self.heard.lock().unwrap().clone()
    }
}

impl Channel for Ear {
    fn name(&self) -> &'static str {
        "ear"
    }

    fn deadline(&self) -> Duration {
        SECOND
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), SendError>> {
        self.heard.lock().unwrap().push(message.clone());
        let fault = self.faults.lock().unwrap().pop();
        Box::pin(async move { fault.map_or(Ok(()), Err) })
    }
}
