//! The services, each as a process that can die: one task, with everything it does inside it.

use std::sync::Arc;

use axum::{Router, body::Body, http::Request};
use ferry_canonical::Lane;
use ferry_console::{facts, intake};
use ferry_http::HttpPort;
use ferry_loader::{Desk, Gate, LoaderMetrics, Seams, StoreLedger, Target};
use ferry_producer::{
    ProducerMetrics, journal,
    poll::Poll,
    reading::{Reading, Way},
    receive::{Receiver, router},
};
use ferry_retry::Levels;
use ferry_service::Metrics;
use ferry_store::StoreError;
use ferry_topology::{QueueRole, name};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Duration, sleep},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{
    chance::record_id,
    fault::{Fault, Hop},
    ledger::Ledgers,
    push::Push,
    sim::{Sim, lock},
    tap::Tap,
    wire::Wire,
};

/// `unread:unread`, as the configuration's secrets are here.
const BASIC: &str = "Basic dW5yZWFkOnVucmVhZA==";
const DOOR: usize = 8;

/// Runs the service that `name` begins with until it has drained.
pub(crate) async fn run(
    sim: Arc<Sim>,
    name: String,
    draining: CancellationToken,
) -> anyhow::Result<()> {
    let tap = Tap { sim: Arc::clone(&sim), process: name.clone() };
    match name.split('-').next() {
        Some("producer") => produce(tap, draining).await,
        Some("transformer") => transform(tap, draining).await,
        Some("loader") => load(tap, draining).await,
        _ => console(tap, draining).await,
    }
}

/// Waits for every task; the first failure ends them all.
async fn all(mut tasks: JoinSet<()>) -> anyhow::Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    Ok(())
}

async fn produce(tap: Tap, draining: CancellationToken) -> anyhow::Result<()> {
    let (sim, process) = (Arc::clone(&tap.sim), tap.process.clone());
    let metrics = ProducerMetrics::new(&Metrics::new("producer")?)?;
    let (notes, writer) = journal::notes(metrics.clone());
    let publisher = ferry_broker::Broker::publisher(&tap);
    let store =
        Ledgers { sim: Arc::clone(&sim), process: process.clone(), hop: Hop::SourceToProducer };
    let mut tasks = JoinSet::new();
    for route in &sim.config.routes {
        let Some(schedule) = route.schedule.clone() else { continue };
        let source = sim.systems.get(&route.from);
        let endpoint = source.and_then(|source| source.polled_endpoint(route.facet));
        let reading = Reading {
            source: route.from.clone(),
            endpoint: endpoint.unwrap_or_default(),
            way: Way::Poll,
            entity: Some(route.entity.as_str()),
            systems: Arc::clone(&sim.systems),
            http: wire(&tap),
            publisher: publisher.clone(),
            store: store.clone(),
            notes: notes.clone(),
            metrics: metrics.clone(),
            clock: ferry_sim::now,
            ids: record_id,
        };
        let poll = Poll { reading, schedule, owner: process.clone() };
        tasks.spawn(poll.run(draining.clone()));
    }
    let receiver = Receiver {
        systems: Arc::clone(&sim.systems),
        publisher,
        store,
        notes,
        metrics,
        clock: ferry_sim::now,
        ids: record_id,
        listens_on: std::net::Ipv4Addr::LOCALHOST.into(),
    };
    let (door, pushes) = mpsc::channel(DOOR);
    lock(&sim.doors).insert(process, door);
    tasks.spawn(receive(tap, router(receiver), pushes, draining.clone()));
    tasks.spawn(writer.run(sim.store.clone(), draining));
    all(tasks).await
}

/// The producer's HTTP side: each push in a task of its own.
async fn receive(
    tap: Tap,
    router: Router,
    mut pushes: mpsc::Receiver<Push>,
    draining: CancellationToken,
) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = draining.cancelled() => break,
            Some(push) = pushes.recv() => {
                tasks.spawn(answer(tap.clone(), router.clone(), push));
            }
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
        }
    }
    lock(&tap.sim.doors).remove(&tap.process);
    while tasks.join_next().await.is_some() {}
}

async fn answer(tap: Tap, router: Router, push: Push) {
    let sim = &tap.sim;
    let strikes = |fault| sim.mix.strike(Hop::SourceToProducer, &[fault]).is_some();
    if strikes(Fault::Kill) {
        sim.kill(&tap.process);
        return std::future::pending().await;
    }
    if strikes(Fault::Delay) {
        sleep(sim.chance.millis(100..5_000)).await;
    }
    let request = Request::post("/push/warehouse?channel=web")
        .header("authorization", BASIC)
        .header("content-type", "application/xml")
        .body(Body::from(push.document));
    let Ok(request) = request else { return };
    let Ok(response) = router.oneshot(request).await;
    // The one who sent it may have gone.
    _ = push.status.send(response.status().as_u16());
}

async fn transform(tap: Tap, draining: CancellationToken) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for lane in Lane::ALL {
        let queue = ferry_topology::transform_queue(lane.as_str());
        let transformer = tap.sim.transformer.clone();
        tasks.spawn(ferry_transformer::run(transformer, tap.clone(), queue, draining.clone()));
    }
    all(tasks).await
}

async fn load(tap: Tap, draining: CancellationToken) -> anyhow::Result<()> {
    let sim = Arc::clone(&tap.sim);
    let seams = Seams {
        broker: tap.clone(),
        ledger: Ledgers {
            sim: Arc::clone(&sim),
            process: tap.process.clone(),
            hop: Hop::LoaderToStore,
        },
        http: wire(&tap),
        port: Arc::new(StoreLedger::new(sim.store.clone(), record_id)),
        clock: ferry_sim::now,
        ids: record_id,
        levels: Levels::new(sim.config.broker.levels.iter().map(|level| level.0))?,
        metrics: LoaderMetrics::new(&Metrics::new("loader")?)?,
        host: tap.process.clone(),
        prefetch: sim.config.broker.prefetch,
        gate: Gate::default(),
    };
    let mut tasks = JoinSet::new();
    for target in Target::all(&sim.config)? {
        tasks.spawn(Desk::run(target, seams.clone(), draining.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn console(tap: Tap, draining: CancellationToken) -> anyhow::Result<()> {
    let sim = Arc::clone(&tap.sim);
    let topology = ferry_service::topology(&sim.config);
    let mut tasks = JoinSet::new();
    for queue in topology.queues_of(QueueRole::Dead) {
        let shelf = tap.clone();
        let bury = move |taken, form| {
            let shelf = shelf.clone();
            async move {
                keep(&shelf).await?;
                facts::bury(&shelf.sim.store, taken, form, ferry_sim::now()).await
            }
        };
        tasks.spawn(intake::run(tap.clone(), queue.to_owned(), draining.clone(), bury));
    }
    let shelf = tap.clone();
    let note = move |taken, form| {
        let shelf = shelf.clone();
        async move {
            keep(&shelf).await?;
            facts::note(&shelf.sim.store, taken, form, ferry_sim::now()).await
        }
    };
    tasks.spawn(intake::run(tap, name::FACTS.to_owned(), draining, note));
    all(tasks).await
}

/// What the console's store has to say before it keeps anything.
async fn keep(tap: &Tap) -> Result<(), StoreError> {
    tap.sim.say(format!("{} keeps", tap.process));
    if tap.sim.mix.strike(Hop::DeadToConsole, &[Fault::Busy]).is_some() {
        return Err(StoreError::Busy);
    }
    sleep(Duration::from_millis(1)).await;
    Ok(())
}

fn wire(tap: &Tap) -> Arc<dyn HttpPort> {
    Arc::new(Wire { sim: Arc::clone(&tap.sim), process: tap.process.clone() })
}
