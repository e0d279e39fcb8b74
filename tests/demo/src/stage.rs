//! Everything the demo runs: broker, simulators, services, each in a process group of its own.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use ferry_stage::{Places, Program, Simulator, WorldOptions, beside_this, free_port, wait_ready};

use crate::{arguments::Arguments, broker::Broker};

/// How long a service may take to finish what it has in hand.
const DRAIN_WITHIN: Duration = Duration::from_secs(30);

pub(crate) struct Stage {
    pub(crate) folder: PathBuf,
    pub(crate) console: String,
    pub(crate) erp: Simulator,
    pub(crate) warehouse: Simulator,
    pub(crate) shop: Simulator,
    pub(crate) services: Vec<Program>,
    broker: Broker,
    broker_url: String,
    _lock: File,
}

/// A shop that finds orders by their creation only tells of a change while the order is younger than this.
const HEARS_LATE_CHANGES: (&str, &str) =
    ("overlap = \"2s\"\ncustomer_user_role", "overlap = \"1h\"\ncustomer_user_role");

/// Before 6.0.5.
fn polls_orders_by_creation(version: &str) -> bool {
    let patch = version.strip_prefix("6.0.").and_then(|patch| patch.parse::<u16>().ok());
    version.starts_with("5.") || patch.is_some_and(|patch| patch < 5)
}

impl Stage {
    /// Starts it all and waits until every service is ready.
    pub(crate) fn set(arguments: &Arguments) -> anyhow::Result<Self> {
        let (folder, lock) = folder()?;
        let broker = Broker::open(&folder)?;
        let (producer_port, console_port) = (free_port()?, free_port()?);
        let world = WorldOptions {
            seed: arguments.seed,
            records: arguments.records,
            ticks: arguments.ticks,
            tick_ms: arguments.tick_ms,
        };
        let erp = Simulator::start(&folder, "erp", &world, &[])?;
        // Who waits for an account buys as a guest in the end; in misfortune accounts come later.
        let patience = if arguments.misfortune { "40" } else { "3" };
        let mut options = ["--buyer-patience", patience].map(str::to_owned).to_vec();
        if let Some(version) = &arguments.oro_version {
            options.extend(["--oro-version".to_owned(), version.clone()]);
        }
        let shop = Simulator::start(&folder, "oro", &world, &options)?;
        let push = format!("http://127.0.0.1:{producer_port}");
        let warehouse = Simulator::warehouse(&folder, &world, &push)?;
        for simulator in [&erp, &shop, &warehouse] {
            eprintln!("simulator: {} at {}", simulator.program.name, simulator.url);
        }
        let places = Places {
            prefix: broker.prefix,
            erp: &erp.url,
            warehouse: &warehouse.url,
            shop: &shop.url,
            producer_port,
            console_port,
        };
        let is_old = arguments.oro_version.as_deref().is_some_and(polls_orders_by_creation);
        places.write(&folder, if is_old { &[HEARS_LATE_CHANGES] } else { &[] })?;
        let mut stage = Self {
            folder,
            console: format!("http://127.0.0.1:{console_port}"),
            erp,
            warehouse,
            shop,
            services: Vec::new(),
            broker_url: broker.url.clone(),
            broker,
            _lock: lock,
        };
        stage.refuse_foreign()?;
        stage.start_services(producer_port, console_port)?;
        Ok(stage)
    }

    fn start_services(&mut self, producer_port: u16, console_port: u16) -> anyhow::Result<()> {
        let ports = [console_port, free_port()?, free_port()?, free_port()?, producer_port];
        let names = ["console", "transformer", "loader", "loader", "producer"];
        for (service, port) in names.into_iter().zip(ports) {
            self.start_service(service, port)?;
        }
        for (service, port) in self.services.iter_mut().zip(ports) {
            wait_ready(service, port)?;
        }
        eprintln!("services: console, transformer, two loaders and producer are ready");
        Ok(())
    }

    /// A broker that was named must hold nothing of Ferry's: it may be somebody's production.
    fn refuse_foreign(&self) -> anyhow::Result<()> {
        if !self.broker.is_foreign() {
            return Ok(());
        }
        let output = Command::new(beside_this("ferry")?)
            .args(["topology", "ls", "--json", "--config"])
            .arg(self.folder.join("ferry.toml"))
            .env("FERRY_AMQP_URL", &self.broker_url)
            .args(["--prefix", "ferry", "--prefix", self.broker.prefix])
            .output()
            .context("looking at what the broker holds")?;
        if !output.status.success() {
            bail!("the broker cannot be used: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let found: Vec<String> = serde_json::from_slice(&output.stdout)?;
        if found.is_empty() {
            return Ok(());
        }
        let shown = found.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        bail!(
            "the broker at FERRY_DEMO_AMQP_URL holds {} queues of Ferry's ({shown}, …); name one \
               that holds none, or a vhost of its own",
            found.len()
        )
    }

    fn start_service(&mut self, service: &str, port: u16) -> anyhow::Result<()> {
        let name = match self.services.iter().filter(|s| s.name.starts_with(service)).count() {
            0 => service.to_owned(),
            others => format!("{service}-{}", others + 1),
        };
        let running =
            Program::service(&self.folder, &name, port, &[("FERRY_AMQP_URL", &self.broker_url)])?;
        self.services.push(running);
        Ok(())
    }

    /// A service or simulator that is gone ends the demo, with the end of its log.
    pub(crate) fn check_alive(&mut self) -> anyhow::Result<()> {
        let simulators = [&mut self.erp, &mut self.shop, &mut self.warehouse];
        let simulators = simulators.into_iter().map(|simulator| &mut simulator.program);
        self.services.iter_mut().chain(simulators).try_for_each(Program::check_alive)
    }

    /// Kills the first loader as a power cut would, and starts another.
    pub(crate) fn replace_loader(&mut self) -> anyhow::Result<()> {
        let at = self.services.iter().position(|running| running.name == "loader");
        self.services.swap_remove(at.context("no loader runs")?).kill();
        eprintln!("misfortune: a loader was killed with SIGKILL; another one starts");
        let port = free_port()?;
        self.start_service("loader", port)?;
        self.services.last_mut().map_or(Ok(()), |loader| wait_ready(loader, port))
    }

    pub(crate) fn simulators_done(&self) -> anyhow::Result<bool> {
        for simulator in [&self.erp, &self.shop, &self.warehouse] {
            if !simulator.progress()?.done {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ends everything in order: services finish what they have, then simulators, then the node.
    pub(crate) fn strike_set(self) {
        let Self { services, erp, shop, warehouse, mut broker, .. } = self;
        let deadline = Instant::now() + DRAIN_WITHIN;
        services.iter().for_each(Program::tell_to_end);
        for service in services {
            service.end_by(deadline);
        }
        for simulator in [erp, shop, warehouse] {
            simulator.program.tell_to_end();
            simulator.program.end_by(deadline);
        }
        broker.stop();
    }
}

/// The demo's own folder, locked for as long as this demo lives.
fn folder() -> anyhow::Result<(PathBuf, File)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.demo");
    fs::create_dir_all(&folder).context("making the demo's folder")?;
    let folder = folder.canonicalize().context("finding the demo's folder")?;
    let lock = File::create(folder.join("lock")).context("opening the demo's lock")?;
    if lock.try_lock().is_err() {
        bail!("another demo runs in {}; stop it first", folder.display());
    }
    for left in ["state", "drop", "logs", "mappings"] {
        let left = folder.join(left);
        if left.exists() {
            fs::remove_dir_all(&left).with_context(|| format!("clearing {}", left.display()))?;
        }
    }
    Ok((folder, lock))
}
