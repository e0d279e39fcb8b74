//! Everything that runs, with a link wherever something can be cut: each service has one of its own
//! to the broker; producer and loaders share one to each system; the warehouse pushes through one.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use ferry_stage::{Places, Program, Simulator, free_port, told, wait_ready};

use crate::{
    arguments::StoreKind,
    audit,
    broker::Broker,
    link::{Link, Links},
    load::Load,
    store::Store,
};

/// The services of a run. The part before the dash is the service.
pub(crate) const SERVICES: [&str; 7] =
    ["producer", "transformer", "loader", "loader-2", "loader-3", "loader-4", "console"];
/// Those of them that have a store.
pub(crate) const STORE_USERS: [&str; 6] =
    ["producer", "loader", "loader-2", "loader-3", "loader-4", "console"];

/// How long a service may take to finish what it has in hand.
const DRAIN_WITHIN: Duration = Duration::from_secs(30);

pub(crate) struct Stage {
    pub(crate) folder: PathBuf,
    pub(crate) console: String,
    pub(crate) broker: Broker,
    /// Where the store is a server.
    pub(crate) store: Option<Store>,
    pub(crate) erp: Simulator,
    pub(crate) shop: Simulator,
    pub(crate) warehouse: Simulator,
    /// Ends of services that nobody caused, each with the end of its log.
    pub(crate) ended: Vec<String>,
    /// The largest resident memory of each service, in bytes, over all its lives.
    pub(crate) resident: BTreeMap<&'static str, u64>,
    services: BTreeMap<&'static str, Service>,
    links: BTreeMap<String, Link>,
    _carrier: Links,
}

struct Service {
    port: u16,
    /// `None` while it is killed.
    running: Option<Program>,
}

impl Stage {
    /// Starts it all and waits until every service is ready.
    pub(crate) fn set(folder: &Path, kind: StoreKind, load: &Load) -> anyhow::Result<Self> {
        let carrier = Links::new()?;
        let mut links = BTreeMap::new();
        let mut link = |name: &str, upstream: &str| -> anyhow::Result<String> {
            let upstream = upstream.trim_start_matches("http://").parse();
            let link = carrier.open(upstream.context("an address")?)?;
            let address = link.address.to_string();
            links.insert(name.to_owned(), link);
            Ok(address)
        };
        let broker = Broker::start(folder)?;
        let store = match kind {
            StoreKind::Sqlite => None,
            StoreKind::Postgres => Some(Store::start()?),
        };
        let mut services = BTreeMap::new();
        for name in SERVICES {
            link(&broker_link(name), &broker.address.to_string())?;
            if let Some(store) = &store {
                link(&store_link(name), &store.address.to_string())?;
            }
            services.insert(name, Service { port: free_port()?, running: None });
        }
        let port = |name: &str| services.get(name).map(|service| service.port).unwrap_or_default();
        let (producer_port, console_port) = (port("producer"), port("console"));
        // In this weather an account may come late, and who buys as a guest leaves no address: nobody
        // here does.
        let (world, pace) = (&load.options, load.orders_per_second.to_string());
        let pace = ["--orders-per-second", &pace, "--buyer-patience", "100000"].map(str::to_owned);
        let erp = Simulator::start(folder, "erp", world, &[])?;
        let shop = Simulator::start(folder, "oro", world, &pace)?;
        let push = link("push", &format!("127.0.0.1:{producer_port}"))?;
        let warehouse = Simulator::warehouse(folder, world, &format!("http://{push}"))?;
        let places = Places {
            prefix: "ferry",
            erp: &format!("http://{}", link("erp", &erp.url)?),
            warehouse: &format!("http://{}", link("warehouse", &warehouse.url)?),
            shop: &format!("http://{}", link("shop", &shop.url)?),
            producer_port,
            console_port,
        };
        let on_server = [("folder = \"state\"", "url = { env = \"FERRY_STORE_URL\" }")];
        places.write(folder, if store.is_some() { &on_server } else { &[] })?;
        let mut stage = Self {
            folder: folder.to_owned(),
            console: format!("http://127.0.0.1:{console_port}"),
            broker,
            store,
            erp,
            shop,
            warehouse,
            ended: Vec::new(),
            resident: BTreeMap::new(),
            services,
            links,
            _carrier: carrier,
        };
        // The transformer alone makes events, and declares the exchange they go through.
        stage.start("transformer")?;
        stage.wait_ready("transformer")?;
        audit::begin(&stage.broker.url);
        stage.raise_all()?;
        Ok(stage)
    }

    /// Starts whatever does not run and waits until all is ready.
    pub(crate) fn raise_all(&mut self) -> anyhow::Result<()> {
        for name in SERVICES {
            self.start(name)?;
        }
        SERVICES.into_iter().try_for_each(|name| self.wait_ready(name))
    }

    fn wait_ready(&mut self, name: &str) -> anyhow::Result<()> {
        let Some(service) = self.services.get_mut(name) else { return Ok(()) };
        service.running.as_mut().map_or(Ok(()), |running| wait_ready(running, service.port))
    }

    /// Starts a service that does not run.
    pub(crate) fn start(&mut self, name: &'static str) -> anyhow::Result<()> {
        let broker = format!("amqp://guest:guest@{}/%2f", self.link(&broker_link(name))?.address);
        let mut environment = vec![("FERRY_AMQP_URL", broker)];
        if let Some(store) = &self.store {
            let address = self.link(&store_link(name))?.address;
            environment.push(("FERRY_STORE_URL", store.url_through(address)));
        }
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let folder = &self.folder;
        let Some(service) = self.services.get_mut(name) else { return Ok(()) };
        if service.running.is_none() {
            service.running = Some(Program::service(folder, name, service.port, &environment)?);
        }
        Ok(())
    }

    /// Kills a service as a power cut would. False if it does not run.
    pub(crate) fn kill(&mut self, name: &str) -> bool {
        let running = self.services.get_mut(name).and_then(|service| service.running.take());
        running.map(Program::kill).is_some()
    }

    pub(crate) fn link(&self, name: &str) -> anyhow::Result<&Link> {
        self.links.get(name).with_context(|| format!("no link {name}"))
    }

    /// Good weather on all links, no more faults.
    pub(crate) fn calm(&mut self) -> anyhow::Result<()> {
        self.links.values().for_each(Link::calm);
        for simulator in [&self.erp, &self.shop, &self.warehouse] {
            simulator.forgive()?;
        }
        self.broker.wait_back()?;
        self.store.as_mut().map_or(Ok(()), Store::wait_back)
    }

    /// Notes and restarts services that ended by themselves, and looks at everybody's memory. A
    /// simulator that ended is a failure of the run.
    pub(crate) fn look(&mut self) -> anyhow::Result<()> {
        for simulator in [&mut self.erp, &mut self.shop, &mut self.warehouse] {
            simulator.program.check_alive()?;
        }
        let mut gone = Vec::new();
        for (name, service) in &mut self.services {
            let Some(running) = &mut service.running else { continue };
            if let Err(error) = running.check_alive() {
                self.ended.push(error.to_string());
                service.running = None;
                gone.push(*name);
            } else {
                let peak = self.resident.entry(name).or_default();
                *peak = (*peak).max(running.resident_peak);
            }
        }
        gone.into_iter().try_for_each(|name| self.start(name))
    }

    pub(crate) fn simulators_done(&self) -> anyhow::Result<bool> {
        for simulator in [&self.erp, &self.shop, &self.warehouse] {
            if !simulator.progress()?.done {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn overview(&self) -> anyhow::Result<told::Overview> {
        told::overview(&self.console)
    }

    /// Writes what the simulators recorded into the folder.
    pub(crate) fn keep_histories(&self) -> anyhow::Result<()> {
        for (name, simulator) in
            [("erp", &self.erp), ("shop", &self.shop), ("warehouse", &self.warehouse)]
        {
            let entries = ferry_stage::account::history(&simulator.url)?;
            let lines: Vec<String> =
                entries.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
            let path = self.folder.join(format!("history-{name}.jsonl"));
            fs::write(path, lines.join("\n")).context("writing a history")?;
        }
        Ok(())
    }

    /// Ends everything in order: services finish what they have, then simulators, then the node.
    pub(crate) fn strike_set(self) {
        let Self { services, erp, shop, warehouse, broker, .. } = self;
        let deadline = Instant::now() + DRAIN_WITHIN;
        let running: Vec<Program> =
            services.into_values().filter_map(|service| service.running).collect();
        running.iter().for_each(Program::tell_to_end);
        for service in running {
            service.end_by(deadline);
        }
        for simulator in [erp, shop, warehouse] {
            simulator.program.kill();
        }
        broker.stop();
    }
}

pub(crate) fn store_link(service: &str) -> String {
    format!("store of {service}")
}

pub(crate) fn broker_link(service: &str) -> String {
    format!("broker of {service}")
}
