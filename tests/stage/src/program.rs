//! A built program as a process of its own.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use ferry_node::{Leash, Signal, signal_group};

use crate::http;

/// How long a service may take until it is ready, on a busy machine.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// One program that runs, in a process group of its own, its words in a log file.
#[derive(Debug)]
pub struct Program {
    pub name: String,
    /// The largest resident memory seen, in bytes.
    pub resident_peak: u64,
    child: Child,
    leash: Option<Leash>,
    log: PathBuf,
}

/// A program that was built beside this one.
///
/// # Errors
/// When it is not there.
pub fn beside_this(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("finding this program")?;
    let program = own.with_file_name(name);
    if program.exists() {
        return Ok(program);
    }
    bail!("{} is not built; start this through `cargo x`", program.display())
}

/// Waits until a service says that it is ready.
///
/// # Errors
/// When it ends, or is not ready within a minute.
pub fn wait_ready(service: &mut Program, port: u16) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY_WITHIN;
    let url = format!("http://127.0.0.1:{port}/readyz");
    loop {
        service.check_alive()?;
        let answer = http::get(&url);
        match &answer {
            Ok(answer) if answer.status == 200 => return Ok(()),
            _ if Instant::now() < deadline => thread::sleep(Duration::from_millis(50)),
            Ok(answer) => bail!("{} is not ready: {}", service.name, answer.text()),
            Err(error) => bail!("{} does not answer: {error:#}", service.name),
        }
    }
}

impl Program {
    /// Starts it. Its standard error is appended to `logs/<name>.log` in `folder`.
    ///
    /// # Errors
    /// When it cannot be started or leashed.
    pub fn start(
        folder: &Path,
        name: &str,
        mut command: Command,
        out: Stdio,
    ) -> anyhow::Result<Self> {
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
        Ok(Self { name: name.to_owned(), child, leash: Some(leash), log, resident_peak: 0 })
    }

    /// Starts the service `name` begins with (`loader-2` is a loader) on the installation in
    /// `folder`.
    ///
    /// # Errors
    /// When it cannot be started or leashed.
    pub fn service(
        folder: &Path,
        name: &str,
        port: u16,
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let service = name.split('-').next().unwrap_or(name);
        let mut command = Command::new(beside_this("ferry")?);
        command
            .args(["run", service, "--config"])
            .arg(folder.join("ferry.toml"))
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .envs(environment.iter().copied());
        Self::start(folder, name, command, Stdio::null())
    }

    /// A program that is gone is an error, with the end of its log. Looks at its memory by the way.
    ///
    /// # Errors
    /// When it has ended by itself.
    pub fn check_alive(&mut self) -> anyhow::Result<()> {
        self.look();
        if let Some(status) = self.ended()? {
            bail!("{} ended by itself ({status}); its log ends with:\n{}", self.name, self.tail());
        }
        Ok(())
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("looking at {}", self.name))
    }

    /// Tells it to finish what it has in hand and leave.
    pub fn tell_to_end(&self) {
        signal_group(self.child.id(), Signal::Terminate);
    }

    /// Kills it as a power cut would.
    pub fn kill(mut self) {
        self.end_now();
    }

    /// Told to end by somebody: waits until then, and kills it after that.
    pub fn end_by(mut self, deadline: Instant) {
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        self.end_now();
    }

    fn end_now(&mut self) {
        signal_group(self.child.id(), Signal::Kill);
        let _reaped = self.child.wait();
        if let Some(leash) = self.leash.take() {
            leash.release();
        }
    }

    pub(crate) fn take_output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// The last lines of its log.
    pub fn tail(&self) -> String {
        const LINES: usize = 15;
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
    }

    fn look(&mut self) {
        let status = format!("/proc/{}/status", self.child.id());
        let resident = fs::read_to_string(status).ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        });
        self.resident_peak = self.resident_peak.max(resident.unwrap_or(0) * 1024);
    }
}
