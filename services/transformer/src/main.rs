//! The transformer's entry point.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::Context as _;
use ferry_amqp::{AmqpBroker, Options};
use ferry_broker::Broker as _;
use ferry_canonical::Lane;
use ferry_service::{BadConfiguration, Condition, Service, ServiceName};
use ferry_systems::System;
use ferry_transformer::{Transformer, TransformerMetrics};

fn main() -> ExitCode {
    ferry_service::main(ServiceName::Transformer, start)
}

async fn start(service: Service) -> anyhow::Result<()> {
    service.serve(axum::Router::new()).await?;
    let config = &service.config;
    let mut systems = BTreeMap::new();
    for (name, system) in &config.systems {
        let system =
            System::new(name, system).map_err(|error| BadConfiguration(error.to_string()))?;
        systems.insert(name.clone(), system);
    }
    let wanted = config.routes.iter().map(|route| (route.from.clone(), route.facet)).collect();
    let ready = service.readiness.condition("broker");
    let broker = broker(&service)?;
    broker.ready().await;
    watch(&service, ready, broker.clone());
    let metrics = TransformerMetrics::new(&service.metrics)?;
    let (clock, host) = (ferry_service::now, ferry_service::host());
    let transformer = Transformer::new(systems, wanted, clock, host, metrics);
    for lane in Lane::ALL {
        let queue = ferry_topology::transform_queue(lane.as_str());
        let draining = service.life.draining();
        let (transformer, broker) = (transformer.clone(), broker.clone());
        service.life.spawn("transform", async move {
            ferry_transformer::run(transformer, broker, queue, draining).await;
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
