//! The life of a private node: start, stop, kill, restart.

use std::{
    fs::{File, OpenOptions},
    ops::Deref,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    NodeError,
    group::{Leash, Signal, signal_group},
    handshake,
    home::{NodeHome, folder_error},
    marks,
    programs::Programs,
};

/// How often a state is looked at while waiting for it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A node that was told to stop flushes its logs; after this it is killed, which loses nothing that
/// was confirmed.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// Starts in which another program took a port between our look and the node's bind.
const STARTS_MAX: u64 = 3;

/// What a node is started with.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The node's own folder, made if need be; data in it survive restarts.
    pub folder: PathBuf,
    /// Whether what an earlier node left in the folder is thrown away first.
    pub fresh: bool,
    /// Whether the management plugin runs (slower start, more memory).
    pub management: bool,
    /// How long the node may take until it answers.
    pub start_within: Duration,
    /// Which RabbitMQ it is.
    pub programs: Programs,
    /// The port of an epmd that it shares with others; without it, it has its own.
    pub epmd_port: Option<u16>,
    /// The secret it shares with others; without it, it makes its own.
    pub cookie: Option<String>,
}

impl NodeOptions {
    /// Keeps what is in the folder, runs no management plugin, and gives the node a minute and a half
    /// to start on a busy machine.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            fresh: false,
            management: false,
            start_within: Duration::from_secs(90),
            programs: Programs::Package,
            epmd_port: None,
            cookie: None,
        }
    }
}

/// A running private node, or one that was stopped and can be restarted. Dropping it kills it.
///
/// Everything that needs only the folder ([`NodeHome`]) is reached through it.
#[derive(Debug)]
pub struct Node {
    options: NodeOptions,
    home: NodeHome,
    running: Option<Running>,
    /// Held for as long as this value lives: one owner per folder.
    _lock: File,
}

#[derive(Debug)]
struct Running {
    node: Child,
    /// Its own, if it has one.
    epmd: Option<Child>,
    leash: Option<Leash>,
}

impl Node {
    /// Starts a node and returns once it answers AMQP. Leftovers of a killed owner are cleared first.
    ///
    /// # Errors
    /// When the package is missing, the folder is in use, or the node does not answer in time; then
    /// nothing of it is left running.
    pub fn start(options: NodeOptions) -> Result<Self, NodeError> {
        let folder = NodeHome::make_folder(&options.folder)?;
        let lock = lock(&folder)?;
        marks::sweep(&folder)?;
        if options.fresh {
            NodeHome::forget(&folder)?;
        }
        let (home, running) = run(&folder, &options)?;
        Ok(Self { options, home, running: Some(running), _lock: lock })
    }

    /// Stops the node and what belongs to it, gracefully if it lets itself be stopped.
    ///
    /// # Errors
    /// When a process survives even SIGKILL. Stopping a stopped node is fine.
    pub fn stop(&mut self) -> Result<(), NodeError> {
        let Some(running) = self.running.as_mut() else { return Ok(()) };
        signal_group(running.node.id(), Signal::Terminate);
        let deadline = Instant::now() + STOP_WITHIN;
        while exit_status(&mut running.node).is_none() && Instant::now() < deadline {
            thread::sleep(LOOK_EVERY);
        }
        self.kill()
    }

    /// Kills the node and what belongs to it, as a power cut would.
    ///
    /// # Errors
    /// When a process survives even SIGKILL. Killing a stopped node is fine.
    pub fn kill(&mut self) -> Result<(), NodeError> {
        self.running.take().map_or(Ok(()), |running| end(running, self.home.folder()))
    }

    /// Stops the node if it runs and starts it again with its data, at the same address unless its
    /// port was taken meanwhile.
    ///
    /// # Errors
    /// As for [`Node::start`].
    pub fn restart(&mut self) -> Result<(), NodeError> {
        self.stop()?;
        let folder = self.home.folder().to_owned();
        let (home, running) = run(&folder, &self.options)?;
        self.home = home;
        self.running = Some(running);
        Ok(())
    }

    /// Whether the node's process lives.
    pub fn is_running(&mut self) -> bool {
        self.running.as_mut().is_some_and(|running| exit_status(&mut running.node).is_none())
    }
}

impl Deref for Node {
    type Target = NodeHome;

    fn deref(&self) -> &NodeHome {
        &self.home
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Nobody is left to tell: what survives, the next start in this folder reports.
        let _survivors = self.kill();
    }
}

/// The kernel lets go of the lock when its owner dies, so a lock is never a leftover.
fn lock(folder: &Path) -> Result<File, NodeError> {
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|source| folder_error(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(NodeError::InUse { folder: folder.to_owned() })
        }
        Err(std::fs::TryLockError::Error(source)) => Err(folder_error(&path, source)),
    }
}

/// Starts, at most [`STARTS_MAX`] times while somebody else holds one of the ports after a failure:
/// logs name a taken port in many ways, but the port itself does not lie.
fn run(folder: &Path, options: &NodeOptions) -> Result<(NodeHome, Running), NodeError> {
    let mut turn = 0;
    loop {
        let home = NodeHome::prepare(folder, turn, options)?;
        turn += 1;
        match run_once(&home, options) {
            Ok(running) => return Ok((home, running)),
            Err(_) if turn < STARTS_MAX && !home.ports().are_free(options.epmd_port) => {}
            Err(error) => return Err(error),
        }
    }
}

fn run_once(home: &NodeHome, options: &NodeOptions) -> Result<Running, NodeError> {
    let own_epmd = options.epmd_port.is_none();
    let epmd = own_epmd.then(|| spawn(home, "epmd", &["-address", "127.0.0.1"])).transpose()?;
    let node = match spawn(home, &home.server(), &[]) {
        Ok(node) => node,
        Err(error) => {
            marks::sweep(home.folder())?;
            epmd.into_iter().for_each(reap);
            return Err(error);
        }
    };
    let groups: Vec<u32> = std::iter::once(&node).chain(&epmd).map(Child::id).collect();
    let leash = Leash::tie_in(home.own_command("/bin/sh"), &groups)
        .map_err(|source| NodeError::Spawn { program: "/bin/sh".to_owned(), source });
    let (leash, untied) = match leash {
        Ok(leash) => (Some(leash), Ok(())),
        Err(error) => (None, Err(error)),
    };
    let mut running = Running { node, epmd, leash };
    match untied.and_then(|()| wait_for_answer(&mut running.node, home, options.start_within)) {
        Ok(()) => Ok(running),
        Err(error) => {
            end(running, home.folder())?;
            Err(error)
        }
    }
}

/// Starts a program of the node in a process group of its own, its output in the console log.
fn spawn(home: &NodeHome, program: &str, arguments: &[&str]) -> Result<Child, NodeError> {
    let path = home.folder().join("log/console.log");
    let console = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|source| folder_error(&path, source))?;
    let errors = console.try_clone().map_err(|source| folder_error(&path, source))?;
    let mut command: Command = home.command(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(console)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(|source| NodeError::Spawn { program: program.to_owned(), source })
}

fn wait_for_answer(node: &mut Child, home: &NodeHome, patience: Duration) -> Result<(), NodeError> {
    let deadline = Instant::now() + patience;
    loop {
        if handshake::answers(home.ports().amqp, Duration::from_secs(2)).is_ok() {
            return Ok(());
        }
        if let Some(status) = exit_status(node) {
            return Err(NodeError::Exited { status: status.to_string(), log: home.log_excerpts() });
        }
        if Instant::now() > deadline {
            return Err(NodeError::NotReady { waited: patience, log: home.log_excerpts() });
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn exit_status(child: &mut Child) -> Option<ExitStatus> {
    child.try_wait().ok().flatten()
}

fn end(running: Running, folder: &Path) -> Result<(), NodeError> {
    let Running { node, epmd, leash } = running;
    if let Some(leash) = leash {
        leash.release();
    }
    let swept = marks::sweep(folder);
    if swept.is_ok() {
        reap(node);
        epmd.into_iter().for_each(reap);
    }
    swept.map(drop)
}

/// Takes the exit status of a dead child, so that no zombie stays.
fn reap(mut child: Child) {
    let _status = child.wait();
}
