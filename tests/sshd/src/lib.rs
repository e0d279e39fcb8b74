//! A private OpenSSH server for tests, and the package it needs.
//!
//! A [`Server`] shares nothing with a system's one: folder, port, host key and the one key that it
//! lets in are its own; it listens on loopback only, and gives nobody more than SFTP. Whoever runs it
//! is the user it knows. Whatever starts one can be killed at any moment: a leash ends the server when
//! its owner dies.
//!
//! Only std, so that `cargo x` speaks within seconds.
#![expect(
    clippy::disallowed_methods,
    reason = "std only: deadlines need the monotonic clock, and there is no tokio to pause"
)]

use std::{
    env,
    fs::{self, DirBuilder, File},
    io::{self, Read as _},
    net::TcpStream,
    os::unix::{
        fs::{DirBuilderExt as _, MetadataExt as _},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use ferry_node::{Leash, Signal, free_port, signal_group};
pub use ferry_node::{Package, PackageError};

const PROGRAM: &str = "/usr/sbin/sshd";
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// On a busy machine.
const START_WITHIN: Duration = Duration::from_secs(30);
const STARTS_MAX: u64 = 3;

/// A running private server. Dropping it ends it and removes its folder.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    port: u16,
    user: String,
    setup: Setup,
    running: Option<(Child, Leash)>,
}

/// What one server has and others have not.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The kinds of its host keys, as `ssh-keygen -t` has them.
    pub host_keys: &'static [&'static str],
    /// Options as sshd_config(5) has them, such as `ForceCommand=none`, in place of what it would have.
    pub options: &'static [&'static str],
}

impl Default for Setup {
    fn default() -> Self {
        Self { host_keys: &["ed25519"], options: &[] }
    }
}

/// Makes sure that the programs of the package `openssh-server` are there, as
/// [`ferry_node::ensure_package`] does it for the broker.
///
/// # Errors
/// When the package is missing and cannot be installed.
pub fn ensure_package(say: &mut dyn FnMut(&str)) -> Result<Package, PackageError> {
    ferry_node::ensure("openssh-server", PROGRAM, &|| Path::new(PROGRAM).exists(), say)
}

impl Server {
    /// Makes a server in a folder of its own below the system's temporary one, and returns once it
    /// answers.
    ///
    /// # Errors
    /// When the package is missing, or the server does not answer in time; then nothing of it runs.
    pub fn start() -> io::Result<Self> {
        Self::start_with(Setup::default())
    }

    /// [`Self::start`], of another one.
    ///
    /// # Errors
    /// The same.
    pub fn start_with(setup: Setup) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("ferry-sshd-{}-{next}", process::id()));
        // What an owner with the same process number left.
        let _absent = fs::remove_dir_all(&folder);
        DirBuilder::new().mode(0o700).create(&folder)?;
        let mut server = Self { folder, port: 0, user: user()?, setup, running: None };
        fs::create_dir(server.inbox())?;
        for kind in setup.host_keys {
            server.key(kind, &host(kind))?;
        }
        server.key("ed25519", "login")?;
        fs::copy(server.folder.join("login.pub"), server.folder.join("authorized"))?;
        let mut turn = 0;
        loop {
            // Somebody may take the port between our look and the server's bind.
            let seed = u64::from(process::id()) * 37 + u64::from(next) * 8 + turn * 64;
            server.port = free_port(seed).ok_or_else(|| io::Error::other("no free port"))?;
            turn += 1;
            match server.run() {
                Err(_) if turn < STARTS_MAX => {}
                done => break done.map(|()| server),
            }
        }
    }

    /// The port at which it listens on loopback.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whom it lets in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// A folder to put files into.
    pub fn inbox(&self) -> PathBuf {
        self.folder.join("inbox")
    }

    /// The private key that it lets in.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn login_key(&self) -> io::Result<String> {
        fs::read_to_string(self.folder.join("login"))
    }

    /// The fingerprint of its first host key, as `ssh-keygen` prints it.
    ///
    /// # Errors
    /// When `ssh-keygen` does not say it.
    pub fn host_key(&self) -> io::Result<String> {
        let public = format!("{}.pub", host(self.setup.host_keys.first().unwrap_or(&"")));
        let said = finish(Command::new("ssh-keygen").arg("-lf").arg(self.folder.join(public)))?;
        let fingerprint = said.split_whitespace().find(|word| word.starts_with("SHA256:"));
        fingerprint.map(str::to_owned).ok_or_else(|| io::Error::other(said.clone()))
    }

    /// Starts it again where it was, after [`Self::stop`].
    ///
    /// # Errors
    /// When it does not answer in time, or somebody has taken its port.
    pub fn start_again(&mut self) -> io::Result<()> {
        self.run()
    }

    /// Ends it. Connections that are open live on.
    pub fn stop(&mut self) {
        if let Some((mut child, _leash)) = self.running.take() {
            signal_group(child.id(), Signal::Kill);
            let _ended = child.wait();
        }
    }

    fn key(&self, kind: &str, name: &str) -> io::Result<()> {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", kind, "-N", "", "-C", name, "-f"]);
        finish(command.arg(self.folder.join(name))).map(drop)
    }

    fn run(&mut self) -> io::Result<()> {
        if is_root()? {
            // Where it locks in what it does for those who are not let in yet.
            fs::create_dir_all("/run/sshd")?;
        }
        let log_path = self.folder.join("log");
        let log = File::create(&log_path)?;
        let mut command = Command::new(PROGRAM);
        // Nothing of the system's configuration.
        command.args(["-D", "-e", "-f", "/dev/null"]);
        for option in self.options() {
            command.arg("-o").arg(option);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0);
        let child = command.spawn()?;
        let leash = match Leash::tie(&[child.id()]) {
            Ok(leash) => leash,
            Err(error) => {
                signal_group(child.id(), Signal::Kill);
                return Err(error);
            }
        };
        self.running = Some((child, leash));
        let answered = self.wait_for_answer(&log_path);
        if answered.is_err() {
            self.stop();
        }
        answered
    }

    fn options(&self) -> Vec<String> {
        let of = |name: &str| self.folder.join(name).display().to_string();
        let mut options = vec![
            format!("Port={}", self.port),
            "ListenAddress=127.0.0.1".to_owned(),
            "PidFile=none".to_owned(),
            format!("AuthorizedKeysFile={}", of("authorized")),
            "AuthenticationMethods=publickey".to_owned(),
            "PermitRootLogin=prohibit-password".to_owned(),
            // The temporary folder is everybody's.
            "StrictModes=no".to_owned(),
            "Subsystem=sftp internal-sftp".to_owned(),
            "ForceCommand=internal-sftp".to_owned(),
            "DisableForwarding=yes".to_owned(),
            "MaxStartups=100".to_owned(),
        ];
        let name = |option: &str| option.split('=').next().map(str::to_owned);
        let own = self.setup.options;
        options.retain(|option| own.iter().all(|other| name(other) != name(option)));
        options.extend(own.iter().map(|option| (*option).to_owned()));
        let kinds = self.setup.host_keys.iter();
        options.extend(kinds.map(|kind| format!("HostKey={}", of(&host(kind)))));
        options
    }

    fn wait_for_answer(&mut self, log: &Path) -> io::Result<()> {
        let deadline = Instant::now() + START_WITHIN;
        loop {
            if greets(self.port) {
                return Ok(());
            }
            let child = self.running.as_mut().map(|(child, _)| child);
            let has_ended = child.is_none_or(|child| matches!(child.try_wait(), Ok(Some(_))));
            if has_ended || Instant::now() >= deadline {
                let said = fs::read_to_string(log).unwrap_or_default();
                return Err(io::Error::other(format!("sshd does not answer; it says: {said}")));
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        let _left = fs::remove_dir_all(&self.folder);
    }
}

/// The name of a host key's file.
fn host(kind: &str) -> String {
    format!("host-{kind}")
}

/// Whether an SSH server is there.
fn greets(port: u16) -> bool {
    let mut greeting = [0; 4];
    let read = TcpStream::connect(("127.0.0.1", port)).and_then(|mut stream| {
        stream.set_read_timeout(Some(START_WITHIN))?;
        stream.read_exact(&mut greeting)
    });
    read.is_ok() && greeting == *b"SSH-"
}

/// The name of whoever runs us.
fn user() -> io::Result<String> {
    finish(Command::new("id").arg("-un")).map(|said| said.trim().to_owned())
}

/// The owner of `/proc/self` is the effective user.
fn is_root() -> io::Result<bool> {
    Ok(fs::metadata("/proc/self")?.uid() == 0)
}

fn finish(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let program = command.get_program().display();
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program} failed; it said: {said}")))
}
