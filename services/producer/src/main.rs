//! The producer's entry point: pushes, polls and drop folders, each in a task of its own.

use std::{collections::BTreeMap, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use ferry_amqp::{AmqpBroker, AmqpPublisher, Options};
use ferry_broker::Broker as _;
use ferry_canonical::Entity;
use ferry_config::{ScheduleConfig, Times};
use ferry_http::{Client, HttpPort};
use ferry_producer::{
    Notes, ProducerMetrics,
    folder::Folder,
    journal,
    poll::Poll,
    reading::{Reading, Way},
    receive,
    woken::Woken,
};
use ferry_service::{BadConfiguration, Condition, Service, ServiceName};
use ferry_store::Store;
use ferry_systems::{Anew, System, WokenEndpoint};
use uuid::Uuid;

fn main() -> ExitCode {
    ferry_service::main(ServiceName::Producer, start)
}

type Systems = Arc<BTreeMap<String, System>>;

async fn start(service: Service) -> anyhow::Result<()> {
    let systems = systems(&service)?;
    let metrics = ProducerMetrics::new(&service.metrics)?;
    let (notes, writer) = journal::notes(metrics.clone());
    let store = Store::of(&service.config.store, ferry_service::now)
        .map_err(|error| BadConfiguration(error.to_string()))?;
    let ready = service.readiness.condition("broker");
    let broker = broker(&service)?;
    let receiver = receive::Receiver {
        systems: Arc::clone(&systems),
        publisher: broker.publisher(),
        store: store.clone(),
        notes: notes.clone(),
        metrics: metrics.clone(),
        clock: ferry_service::now,
        ids: Uuid::new_v4,
        listens_on: service.listen.ip(),
    };
    service.serve(receive::router(receiver)).await?;
    let store_ready = service.readiness.condition("store");
    follow(&service, store_ready, store.clone());
    broker.ready().await;
    watch(&service, ready, broker.clone());
    let (draining, journal_store) = (service.life.draining(), store.clone());
    service.life.spawn("journal", async move {
        writer.run(journal_store, draining).await;
        Ok(())
    });
    let seams = Seams {
        http: Arc::new(Client::new().context("preparing HTTP")?),
        broker,
        store,
        notes,
        metrics,
        owner: format!("{}/{}", ferry_service::host(), Uuid::new_v4()),
    };
    let polls = polls(&service, &systems);
    for (source, system) in systems.iter().filter(|(source, _)| service.serves(source)) {
        seams.follow_wakes(&service, &systems, (source.as_str(), system), &polls);
    }
    for ((source, endpoint, way), (schedule, entity)) in polls {
        let reading = Reading { way, ..seams.reading(&systems, &source, &endpoint, entity) };
        seams.poll(&service, reading, schedule);
    }
    for (source, every) in folders(&service, &systems) {
        seams.watch_folder(&service, &systems, source, every);
    }
    Ok(())
}

/// What schedules reach the world through.
struct Seams {
    http: Arc<dyn HttpPort>,
    broker: AmqpBroker,
    store: Store,
    notes: Notes,
    metrics: ProducerMetrics,
    /// Tells this process from others in leases.
    owner: String,
}

impl Seams {
    fn reading(
        &self,
        systems: &Systems,
        source: &str,
        endpoint: &str,
        entity: Option<&'static str>,
    ) -> Reading<AmqpPublisher, Store> {
        Reading {
            source: source.to_owned(),
            endpoint: endpoint.to_owned(),
            way: Way::Poll,
            entity,
            systems: Arc::clone(systems),
            http: Arc::clone(&self.http),
            publisher: self.broker.publisher(),
            store: self.store.clone(),
            notes: self.notes.clone(),
            metrics: self.metrics.clone(),
            clock: ferry_service::now,
            ids: Uuid::new_v4,
        }
    }

    fn poll(
        &self,
        service: &Service,
        reading: Reading<AmqpPublisher, Store>,
        schedule: ScheduleConfig,
    ) {
        let poll = Poll { reading, schedule, owner: self.owner.clone() };
        let draining = service.life.draining();
        service.life.spawn("poll", async move {
            poll.run(draining).await;
            Ok(())
        });
    }

    /// What may be woken, each endpoint by itself. Only what is polled, or is said by a route's pushes, is
    /// read anew: nobody is asked for what the configuration does not want.
    fn follow_wakes(
        &self,
        service: &Service,
        systems: &Systems,
        (source, system): (&str, &System),
        polls: &Polls,
    ) {
        let routes = service.config.routes.iter().filter(|route| route.from == source);
        let said: Vec<String> =
            routes.filter_map(|route| system.woken_endpoint(route.facet)).collect();
        for WokenEndpoint { endpoint, at_once, by_push, anew } in system.woken_endpoints() {
            let polled = polls.contains_key(&(source.to_owned(), endpoint.to_owned(), Way::Poll));
            let wanted = polled || said.iter().any(|said| said == endpoint);
            if !wanted && !by_push {
                continue;
            }
            let anew = if wanted { anew } else { Anew::Never };
            let entity = system.entity_of(endpoint).map(Entity::as_str);
            let reading = self.reading(systems, source, endpoint, entity);
            let woken = Woken { reading, at_once, anew, owner: self.owner.clone() };
            let draining = service.life.draining();
            service.life.spawn("woken", async move {
                woken.run(draining).await;
                Ok(())
            });
        }
    }

    fn watch_folder(&self, service: &Service, systems: &Systems, source: String, every: Duration) {
        let folder = Folder {
            source,
            every,
            systems: Arc::clone(systems),
            publisher: self.broker.publisher(),
            store: self.store.clone(),
            notes: self.notes.clone(),
            metrics: self.metrics.clone(),
            clock: ferry_service::now,
            owner: self.owner.clone(),
        };
        let draining = service.life.draining();
        service.life.spawn("folder", async move {
            folder.run(draining).await;
            Ok(())
        });
    }
}

fn systems(service: &Service) -> anyhow::Result<Systems> {
    let mut systems = BTreeMap::new();
    for (name, config) in &service.config.systems {
        let system =
            System::new(name, config).map_err(|error| BadConfiguration(error.to_string()))?;
        systems.insert(name.clone(), system);
    }
    Ok(Arc::new(systems))
}

/// How often a drop folder is looked at where no route says it.
const LOOK_AT_FOLDERS: Duration = Duration::from_secs(2);

type Polls = BTreeMap<(String, String, Way), (ScheduleConfig, Option<&'static str>)>;

/// By source, endpoint and way: what routes poll or scan, and what a source has polled and scanned by
/// itself.
fn polls(service: &Service, systems: &Systems) -> Polls {
    let mut polls = Polls::new();
    for route in service.config.routes.iter().filter(|route| service.serves(&route.from)) {
        let Some(system) = systems.get(&route.from) else { continue };
        let endpoint = system.polled_endpoint(route.facet);
        let Some((endpoint, schedule)) = endpoint.zip(route.schedule.clone()) else { continue };
        if !matches!(system, System::Files(_)) {
            let entity = Some(route.entity.as_str());
            let way = if system.is_scanned(&endpoint) { Way::Scan } else { Way::Poll };
            polls.insert((route.from.clone(), endpoint, way), (schedule, entity));
        }
    }
    for (source, system) in systems.iter().filter(|(source, _)| service.serves(source)) {
        let polled = system.own_schedules().into_iter().map(|own| (own, Way::Poll));
        let scanned = system.own_scans().into_iter().map(|own| (own, Way::Scan));
        for ((endpoint, schedule), way) in polled.chain(scanned) {
            let entity = system.entity_of(&endpoint).map(Entity::as_str);
            polls.insert((source.clone(), endpoint, way), (schedule, entity));
        }
    }
    polls
}

/// A drop folder is looked at whether or not its routes say how often.
fn folders(service: &Service, systems: &Systems) -> BTreeMap<String, Duration> {
    let mut folders: BTreeMap<String, Duration> = BTreeMap::new();
    for route in service.config.routes.iter().filter(|route| service.serves(&route.from)) {
        if !matches!(systems.get(&route.from), Some(System::Files(_))) {
            continue;
        }
        let every = match route.schedule.as_ref().map(|schedule| &schedule.times) {
            Some(Times::Every(every)) => every.0,
            Some(Times::Cron(_)) | None => LOOK_AT_FOLDERS,
        };
        let entry = folders.entry(route.from.clone()).or_insert(every);
        *entry = (*entry).min(every);
    }
    folders
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
