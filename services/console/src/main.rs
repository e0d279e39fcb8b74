//! The console's entry point.

use std::{collections::BTreeSet, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use ferry_amqp::{AmqpBroker, Options};
use ferry_broker::Broker as _;
use ferry_canonical::Lane;
use ferry_config::Config;
use ferry_console::{
    alerts::{
        AlertMetrics, Channel, Teller, Watch,
        channel::{ChannelError, Mail, Webhook},
    },
    api::{self, Console},
    custodian, facts, intake,
    sample::Samples,
};
use ferry_http::Client;
use ferry_service::{BadConfiguration, Condition, Service, ServiceName};
use ferry_store::Store;
use ferry_topology::name;
use tokio::sync::Notify;
use uuid::Uuid;

fn main() -> ExitCode {
    ferry_service::main(ServiceName::Console, start)
}

async fn start(service: Service) -> anyhow::Result<()> {
    let config = &service.config;
    let broker_ready = service.readiness.condition("broker");
    let store_ready = service.readiness.condition("store");
    let store = Store::of(&config.store, ferry_service::now)
        .map_err(|error| BadConfiguration(error.to_string()))?;
    follow(&service, store_ready, store.clone());
    let broker = broker(&service)?;
    let samples = Samples::default();
    let channels = channels(config)?;
    let console = Console {
        config: Arc::clone(config),
        broker: broker.clone(),
        store: store.clone(),
        samples: samples.clone(),
        clock: ferry_service::now,
        channels: channels.clone(),
        local: service.listen.ip().is_loopback() && !config.console.behind_proxy,
    };
    service.serve(api::router(console)).await?;
    // What keeps the broker from being ready may be what a person is to be told of.
    alerts(&service, &broker, &store, channels)?;
    broker.ready().await;
    watch(&service, broker_ready, broker.clone());
    let (counted, draining) = (store.clone(), service.life.draining());
    service.life.spawn("samples", async move {
        samples.run(counted, draining).await;
        Ok(())
    });
    for queue in dead_queues(config) {
        let (broker, store, draining) = (broker.clone(), store.clone(), service.life.draining());
        service.life.spawn("dead letters", async move {
            let bury = |taken, form| {
                let store = store.clone();
                async move { facts::bury(&store, taken, form, ferry_service::now()).await }
            };
            intake::run(broker, queue, draining, bury).await;
            Ok(())
        });
    }
    let custodian = custodian::run(
        broker.clone(),
        store.clone(),
        ferry_service::host(),
        service.life.draining(),
    );
    service.life.spawn("custodian", async move {
        custodian.await;
        Ok(())
    });
    let draining = service.life.draining();
    service.life.spawn("facts", async move {
        let note = |taken, form| {
            let store = store.clone();
            async move { facts::note(&store, taken, form, ferry_service::now()).await }
        };
        intake::run(broker, name::FACTS.to_owned(), draining, note).await;
        Ok(())
    });
    Ok(())
}

/// The dead-letter queue of every work queue.
fn dead_queues(config: &Config) -> BTreeSet<String> {
    let mut origins = BTreeSet::new();
    for lane in Lane::ALL.map(Lane::as_str) {
        origins.insert(ferry_topology::transform_queue(lane));
        for route in &config.routes {
            for target in &route.to {
                origins.insert(ferry_topology::load_queue(target, route.entity.as_str(), lane));
            }
        }
    }
    origins.iter().map(|origin| ferry_topology::dead_queue(origin)).collect()
}

/// Whom a person's attention is asked through.
fn channels(config: &Config) -> anyhow::Result<Vec<Arc<dyn Channel>>> {
    let bad = |error: ChannelError| BadConfiguration(error.to_string());
    let mut channels: Vec<Arc<dyn Channel>> = Vec::new();
    if let Some(webhook) = &config.alerts.webhook {
        let client = Client::new().context("preparing HTTP")?;
        channels.push(Arc::new(Webhook::new(webhook, Arc::new(client)).map_err(bad)?));
    }
    if let Some(mail) = &config.alerts.mail {
        channels.push(Arc::new(Mail::new(mail).map_err(bad)?));
    }
    Ok(channels)
}

/// One task that looks, and one for each channel that tells.
fn alerts(
    service: &Service,
    broker: &AmqpBroker,
    store: &Store,
    channels: Vec<Arc<dyn Channel>>,
) -> anyhow::Result<()> {
    let metrics = AlertMetrics::new(&service.metrics)?;
    let news = Arc::new(Notify::new());
    let watch = Watch {
        config: Arc::clone(&service.config),
        broker: broker.clone(),
        store: store.clone(),
        clock: ferry_service::now,
        channels: channels.iter().map(|channel| channel.name().to_owned()).collect(),
        owner: format!("{}/{}", ferry_service::host(), Uuid::new_v4()),
        metrics: metrics.clone(),
        news: Arc::clone(&news),
    };
    let draining = service.life.draining();
    service.life.spawn("alerts", async move {
        watch.run(draining).await;
        Ok(())
    });
    for channel in channels {
        let teller = Teller {
            store: store.clone(),
            channel,
            clock: ferry_service::now,
            installation: service.config.broker.prefix.clone(),
            metrics: metrics.clone(),
            news: Arc::clone(&news),
        };
        let draining = service.life.draining();
        service.life.spawn("alert channel", async move {
            teller.run(draining).await;
            Ok(())
        });
    }
    Ok(())
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
