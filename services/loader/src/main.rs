//! The loader's entry point: wires its desks to the broker, the store and HTTP.

use std::{process::ExitCode, sync::Arc};

use anyhow::Context as _;
use ferry_amqp::{AmqpBroker, Options};
use ferry_broker::Broker as _;
use ferry_http::{Client, HttpPort};
use ferry_loader::{Desk, ExportMetrics, Flusher, Gate, LoaderMetrics, Seams, StoreLedger, Target};
use ferry_retry::Levels;
use ferry_service::{BadConfiguration, Condition, Service, ServiceName};
use ferry_store::Store;

fn main() -> ExitCode {
    ferry_service::main(ServiceName::Loader, start)
}

async fn start(service: Service) -> anyhow::Result<()> {
    service.serve(axum::Router::new()).await?;
    let config = &service.config;
    let targets = Target::all(config).map_err(|error| BadConfiguration(format!("{error}")))?;
    for target in targets.iter().filter(|target| service.serves(&target.name)) {
        target.equipped().map_err(|error| BadConfiguration(format!("{error}")))?;
    }
    let store_ready = service.readiness.condition("store");
    let store = Store::of(&config.store, ferry_service::now)
        .map_err(|error| BadConfiguration(error.to_string()))?;
    follow(&service, store_ready, store.clone());
    let broker_ready = service.readiness.condition("broker");
    let broker = broker(&service)?;
    broker.ready().await;
    watch(&service, broker_ready, broker.clone());
    let http: Arc<dyn HttpPort> = Arc::new(Client::new().context("preparing HTTP")?);
    let seams = Seams {
        broker,
        port: Arc::new(StoreLedger::new(store.clone(), uuid::Uuid::new_v4)),
        ledger: store,
        http,
        clock: ferry_service::now,
        ids: uuid::Uuid::new_v4,
        levels: Levels::new(config.broker.levels.iter().map(|level| level.0))
            .map_err(|error| BadConfiguration(error.to_string()))?,
        metrics: LoaderMetrics::new(&service.metrics)?,
        host: ferry_service::host(),
        prefetch: config.broker.prefetch,
        gate: Gate::default(),
    };
    let metrics = ExportMetrics::new(&service.metrics)?;
    let owner = format!("{}/{}", ferry_service::host(), uuid::Uuid::new_v4());
    for target in targets.into_iter().filter(|target| service.serves(&target.name)) {
        if target.system.keeps() {
            flush(&service, &target, &seams, (&metrics, &owner));
        }
        let (seams, draining) = (seams.clone(), service.life.draining());
        service.life.spawn("desk", async move { Ok(Desk::run(target, seams, draining).await?) });
    }
    Ok(())
}

/// What the desk of an export settles goes on from there.
fn flush(
    service: &Service,
    target: &Target,
    seams: &Seams<AmqpBroker, Store>,
    (metrics, owner): (&ExportMetrics, &str),
) {
    let flusher = Flusher {
        name: target.name.clone(),
        system: Arc::clone(&target.system),
        store: seams.ledger.clone(),
        http: Arc::clone(&seams.http),
        clock: seams.clock,
        ids: seams.ids,
        owner: owner.to_owned(),
        metrics: metrics.clone(),
    };
    let draining = service.life.draining();
    service.life.spawn("export", async move {
        flusher.run(draining).await;
        Ok(())
    });
}

/// The broker may go away after the start.
fn watch(service: &Service, condition: Condition, broker: AmqpBroker) {
    let draining = service.life.draining();
    service.life.spawn("readiness", async move {
        condition.watch(draining, || broker.health().verdict()).await;
        Ok(())
    });
}

/// The store may come late, go away, and come again.
fn follow(service: &Service, condition: Condition, store: Store) {
    let draining = service.life.draining();
    service.life.spawn("store", async move {
        let look = || async { store.ready().await.map_err(|error| error.to_string()) };
        condition.follow(draining, look).await;
        Ok(())
    });
}

fn broker(service: &Service) -> anyhow::Result<AmqpBroker> {
    let config = &service.config;
    AmqpBroker::start(Options {
        url: config.broker.url.reveal().to_owned(),
        topology: ferry_service::topology(config),
        declare: config.broker.declare,
        service: service.name.to_string(),
    })
    .context("preparing the broker")
}
