//! Everything the demo runs: broker, simulators, services, each in a process group of its own.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use ferry_node::{Leash, Signal, signal_group};
use ferry_world::{Catalogue, World, account::Progress};

use crate::{
    arguments::Arguments,
    broker::Broker,
    config::{self, Places, free_port},
    http,
};

/// How long a service may take until it is ready, on a busy machine.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// How long a service may take to finish what it has in hand.
const DRAIN_WITHIN: Duration = Duration::from_secs(30);

/// One program that runs.
pub(crate) struct Running {
    pub(crate) name: String,
    child: Child,
    leash: Option<Leash>,
    log: PathBuf,
    /// The largest resident memory seen, in bytes.
    pub(crate) resident_peak: u64,
}

pub(crate) struct Stage {
    pub(crate) folder: PathBuf,
    pub(crate) console: String,
    pub(crate) erp: String,
    pub(crate) warehouse: String,
    pub(crate) shop: String,
    pub(crate) services: Vec<Running>,
    simulators: Vec<Running>,
    broker: Broker,
    broker_url: String,
    ticks: u32,
    _lock: File,
}

impl Stage {
    /// Starts it all and waits until every service is ready.
    pub(crate) fn set(arguments: &Arguments) -> anyhow::Result<Self> {
        let (folder, lock) = folder()?;
        let broker = Broker::open(&folder)?;
        let (producer_port, console_port) = (free_port()?, free_port()?);
        let sim = |system: &str, more: &[String]| simulator(&folder, system, arguments, more);
        let (erp, erp_url) = sim("erp", &[])?;
        let (shop, shop_url) = sim("oro", &[])?;
        let push = format!("http://127.0.0.1:{producer_port}/push/warehouse");
        let pushing = [
            "--push-url",
            &push,
            "--push-user",
            "orderflow",
            "--push-password",
            "push-demo",
            "--password",
            "ferry-demo",
            "--time-zone",
            "Europe/London",
        ];
        let (warehouse, warehouse_url) = sim("orderflow", &pushing.map(str::to_owned))?;
        config::write(
            &folder,
            &Places {
                prefix: broker.prefix,
                erp: &erp_url,
                warehouse: &warehouse_url,
                shop: &shop_url,
                producer_port,
                console_port,
            },
        )?;
        let mut stage = Self {
            folder,
            console: format!("http://127.0.0.1:{console_port}"),
            erp: erp_url,
            warehouse: warehouse_url,
            shop: shop_url,
            services: Vec::new(),
            simulators: vec![erp, shop, warehouse],
            broker_url: broker.url.clone(),
            broker,
            ticks: arguments.ticks,
            _lock: lock,
        };
        stage.refuse_foreign()?;
        let mut waiting = Vec::new();
        for (service, port) in [
            ("console", console_port),
            ("transformer", free_port()?),
            ("loader", free_port()?),
            ("loader", free_port()?),
            ("producer", producer_port),
        ] {
            stage.start_service(service, port)?;
            waiting.push((service, port));
        }
        for (service, port) in waiting {
            stage.wait_ready(service, port)?;
        }
        eprintln!("services: console, transformer, two loaders and producer are ready");
        Ok(stage)
    }

    /// A broker that was named must hold nothing of Ferry's: it may be somebody's production.
    fn refuse_foreign(&self) -> anyhow::Result<()> {
        if !self.broker.is_foreign() {
            return Ok(());
        }
        let output = Command::new(program("ferry")?)
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

    pub(crate) fn start_service(&mut self, service: &str, port: u16) -> anyhow::Result<()> {
        let name = match self.services.iter().filter(|s| s.name.starts_with(service)).count() {
            0 => service.to_owned(),
            others => format!("{service}-{}", others + 1),
        };
        let mut command = Command::new(program("ferry")?);
        command
            .args(["run", service, "--config"])
            .arg(self.folder.join("ferry.toml"))
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .env("FERRY_AMQP_URL", &self.broker_url);
        let running = start(&self.folder, &name, command, Stdio::null())?;
        self.services.push(running);
        Ok(())
    }

    pub(crate) fn wait_ready(&mut self, service: &str, port: u16) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        let url = format!("http://127.0.0.1:{port}/readyz");
        loop {
            self.check_alive()?;
            let answer = http::get(&url);
            match &answer {
                Ok(answer) if answer.status == 200 => return Ok(()),
                _ if Instant::now() < deadline => thread::sleep(Duration::from_millis(50)),
                Ok(answer) => {
                    bail!("{service} is not ready: {}", String::from_utf8_lossy(&answer.body))
                }
                Err(error) => bail!("{service} does not answer: {error:#}"),
            }
        }
    }

    /// A service or simulator that is gone ends the demo, with the end of its log.
    pub(crate) fn check_alive(&mut self) -> anyhow::Result<()> {
        for running in self.services.iter_mut().chain(&mut self.simulators) {
            running.look();
            if let Some(status) = running.child.try_wait()? {
                let tail = tail(&running.log);
                bail!("{} ended by itself ({status}); the end of its log:\n{tail}", running.name);
            }
        }
        Ok(())
    }

    /// Kills one service as a power cut would, and takes it off the stage.
    pub(crate) fn kill(&mut self, name: &str) -> anyhow::Result<()> {
        let at = self.services.iter().position(|running| running.name == name);
        let at = at.with_context(|| format!("no {name} runs"))?;
        let mut killed = self.services.swap_remove(at);
        signal_group(killed.child.id(), Signal::Kill);
        killed.child.wait().context("waiting for the killed service")?;
        killed.let_go();
        Ok(())
    }

    /// Puts a catalogue into the drop folder, whole under its name: written aside, then renamed.
    pub(crate) fn drop_catalogue(&self, world: &World, tick: Option<u32>) -> anyhow::Result<()> {
        let (name, which) = match tick {
            // Its name sorts first: files written within one step of the file system's clock are
            // told apart by their names.
            None => ("catalogue-00000.csv".to_owned(), Catalogue::Full),
            Some(tick) => (format!("catalogue-{tick:05}.csv"), Catalogue::Tick(tick)),
        };
        let aside = self.folder.join(format!("{name}.part"));
        fs::write(&aside, world.catalogue_csv(which)).context("writing a catalogue")?;
        fs::rename(&aside, self.folder.join("drop").join(name)).context("dropping a catalogue")
    }

    /// Drops the catalogues of the ticks the ERP has come to; returns the last one.
    pub(crate) fn drop_due(&self, world: &World, dropped: u32) -> anyhow::Result<u32> {
        let progress: Progress = http::json(&format!("{}/_sim/progress", self.erp))?;
        let due = progress.tick.min(self.ticks);
        for tick in dropped + 1..=due {
            self.drop_catalogue(world, Some(tick))?;
        }
        Ok(due.max(dropped))
    }

    pub(crate) fn simulators_done(&self) -> anyhow::Result<bool> {
        for url in [&self.erp, &self.shop, &self.warehouse] {
            let progress: Progress = http::json(&format!("{url}/_sim/progress"))?;
            if !progress.done {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ends everything in order: services finish what they have, then simulators, then the node.
    pub(crate) fn strike_set(&mut self) {
        for running in &self.services {
            signal_group(running.child.id(), Signal::Terminate);
        }
        let deadline = Instant::now() + DRAIN_WITHIN;
        for running in self.services.iter_mut().chain(&mut self.simulators) {
            while matches!(running.child.try_wait(), Ok(None)) && Instant::now() < deadline {
                let simulator = running.name.starts_with("sim-");
                if simulator {
                    signal_group(running.child.id(), Signal::Terminate);
                }
                thread::sleep(Duration::from_millis(20));
            }
            signal_group(running.child.id(), Signal::Kill);
            let _reaped = running.child.wait();
            running.let_go();
        }
        self.broker.stop();
    }
}

impl Running {
    fn look(&mut self) {
        let status = format!("/proc/{}/status", self.child.id());
        let resident = fs::read_to_string(status).ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        });
        self.resident_peak = self.resident_peak.max(resident.unwrap_or(0) * 1024);
    }

    fn let_go(&mut self) {
        if let Some(leash) = self.leash.take() {
            leash.release();
        }
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

/// A program that was built beside this one.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("finding this program")?;
    let program = own.with_file_name(name);
    if program.exists() {
        return Ok(program);
    }
    bail!("{} is not built; run `cargo x demo`", program.display())
}

fn simulator(
    folder: &Path,
    system: &str,
    arguments: &Arguments,
    more: &[String],
) -> anyhow::Result<(Running, String)> {
    let mut command = Command::new(program("ferry-simulator")?);
    command.arg(system).args(["--listen", "127.0.0.1:0"]);
    for (name, value) in [
        ("--seed", arguments.seed.to_string()),
        ("--records", arguments.records.to_string()),
        ("--ticks", arguments.ticks.to_string()),
        ("--tick-ms", arguments.tick_ms.to_string()),
    ] {
        command.args([name, &value]);
    }
    command.args(more);
    let mut running = start(folder, &format!("sim-{system}"), command, Stdio::piped())?;
    let out = running.child.stdout.take().context("a simulator without output")?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).context("reading a simulator's address")?;
    let url = line.trim().strip_prefix("listening on ").map(str::to_owned);
    let url = url.with_context(|| {
        format!("the {system} simulator did not start:\n{}", tail(&running.log))
    })?;
    eprintln!("simulator: {system} at {url}");
    Ok((running, url))
}

fn start(folder: &Path, name: &str, mut command: Command, out: Stdio) -> anyhow::Result<Running> {
    let logs = folder.join("logs");
    fs::create_dir_all(&logs).context("making the folder of logs")?;
    let log = logs.join(format!("{name}.log"));
    let file = File::options().create(true).append(true).open(&log).context("opening a log")?;
    let child = command
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(file)
        .process_group(0)
        .spawn()
        .with_context(|| format!("starting {name}"))?;
    let leash = Leash::tie(&[child.id()]).context("tying a leash")?;
    Ok(Running { name: name.to_owned(), child, leash: Some(leash), log, resident_peak: 0 })
}

fn tail(log: &Path) -> String {
    const LINES: usize = 15;
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
}
