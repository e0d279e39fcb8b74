//! The life of a private cluster: start, stop, kill, start again.

use std::{
    env,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read, Write},
    os::unix::{
        fs::{DirBuilderExt, OpenOptionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use ferry_node::{Leash, Signal, free_port, signal_group};

use crate::{ClusterError, programs, user::User};

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// On a busy machine.
const START_WITHIN: Duration = Duration::from_mins(1);
/// A server that was told to stop at once writes its last checkpoint.
const STOP_WITHIN: Duration = Duration::from_secs(30);
const STARTS_MAX: u64 = 3;
const USER: &str = "ferry";
const DATABASE: &str = "ferry";

/// A running private cluster with one empty database, or one that was stopped and can be started
/// again. Dropping it ends it and removes its folder.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    password: String,
    port: u16,
    running: Option<(Child, Leash)>,
}

impl Cluster {
    /// Makes a cluster in a folder of its own below the system's temporary one and returns once it
    /// answers.
    ///
    /// # Errors
    /// When the package is missing, or the cluster cannot be made or does not answer in time; then
    /// nothing of it is left running.
    pub fn start() -> Result<Self, ClusterError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let programs = programs().ok_or(ClusterError::NoPrograms)?;
        let folder = env::temp_dir().join(format!("ferry-postgres-{}-{next}", process::id()));
        // What an owner with the same process number left.
        let _absent = fs::remove_dir_all(&folder);
        let password = password().map_err(|source| at(Path::new("/dev/urandom"), source))?;
        let mut cluster = Self { programs, folder, password, port: 0, running: None };
        cluster.make()?;
        cluster.run()?;
        cluster.psql("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
        Ok(cluster)
    }

    /// The address of its database, with the password, over TCP.
    pub fn url(&self) -> String {
        let Self { password, port, .. } = self;
        format!("postgres://{USER}:{password}@127.0.0.1:{port}/{DATABASE}")
    }

    /// The port at which it listens on loopback.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Runs SQL in its database and returns the answer's rows, columns separated by `|`.
    ///
    /// # Errors
    /// What the server says against it.
    pub fn sql(&self, sql: &str) -> Result<String, ClusterError> {
        self.psql(DATABASE, sql)
    }

    /// Stops it, connections and all; what was committed stays. Stopping a stopped one is fine.
    pub fn stop(&mut self) {
        // INT is the server's word for: now, in order.
        self.end("INT");
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.end("KILL");
    }

    /// Starts it again, at the same address.
    ///
    /// # Errors
    /// As for [`Cluster::start`].
    pub fn restart(&mut self) -> Result<(), ClusterError> {
        self.stop();
        self.run()
    }

    fn make(&self) -> Result<(), ClusterError> {
        let folder = |source| at(&self.folder, source);
        DirBuilder::new().mode(0o700).create(&self.folder).map_err(folder)?;
        let secret = self.folder.join("password");
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&secret)
            .map_err(|source| at(&secret, source))?;
        file.write_all(self.password.as_bytes()).map_err(|source| at(&secret, source))?;
        if let Some(user) = User::of_server() {
            user.gets(&self.folder).map_err(folder)?;
            user.gets(&secret).map_err(|source| at(&secret, source))?;
        }
        let mut command = self.command("initdb");
        command
            .args(["--username", USER, "--encoding", "UTF8", "--locale", "C.UTF-8"])
            .args(["--auth", "scram-sha-256", "--no-instructions", "--pwfile"])
            .arg(&secret)
            .arg("--pgdata")
            .arg(self.data());
        self.finish("initdb", command).map(drop)
    }

    /// Starts; the first time, a few times if somebody took the port between our look and the server's
    /// bind.
    fn run(&mut self) -> Result<(), ClusterError> {
        if self.port != 0 {
            return self.run_again();
        }
        let mut turn = 0;
        loop {
            if self.port == 0 {
                let seed = u64::from(process::id()) * 31 + turn * 64;
                self.port = free_port(seed).ok_or(ClusterError::NoPort)?;
            }
            turn += 1;
            match self.run_once() {
                Err(_) if turn < STARTS_MAX => self.port = 0,
                done => return done,
            }
        }
    }

    /// At its own port. The processes of a server that was killed let go of its memory a moment after
    /// it; until then the next one does not start.
    fn run_again(&mut self) -> Result<(), ClusterError> {
        let deadline = Instant::now() + START_WITHIN;
        loop {
            match self.run_once() {
                Err(_) if Instant::now() < deadline => thread::sleep(LOOK_EVERY),
                done => return done,
            }
        }
    }

    fn run_once(&mut self) -> Result<(), ClusterError> {
        let log = self.folder.join("log");
        let output = OpenOptions::new().create(true).append(true).open(&log);
        let output = output.map_err(|source| at(&log, source))?;
        let errors = output.try_clone().map_err(|source| at(&log, source))?;
        let mut command = self.command("postgres");
        command
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string()])
            .arg("-k")
            .arg(&self.folder)
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"])
            .stdout(output)
            .stderr(errors)
            .process_group(0);
        let program = self.programs.join("postgres");
        let spawned = command.spawn();
        let server = spawned.map_err(|source| ClusterError::Spawn { program, source })?;
        let leash = match Leash::tie(&[server.id()]) {
            Ok(leash) => leash,
            Err(source) => {
                signal_group(server.id(), Signal::Kill);
                return Err(ClusterError::Spawn { program: "/bin/sh".into(), source });
            }
        };
        self.running = Some((server, leash));
        let answered = self.wait_for_answer(&log);
        if answered.is_err() {
            self.kill();
        }
        answered
    }

    fn wait_for_answer(&mut self, log: &Path) -> Result<(), ClusterError> {
        let deadline = Instant::now() + START_WITHIN;
        loop {
            if self.psql("postgres", "SELECT 1").is_ok() {
                return Ok(());
            }
            let server = self.running.as_mut().map(|(server, _)| server);
            let ended = server.is_none_or(|server| !matches!(server.try_wait(), Ok(None)));
            if ended || Instant::now() > deadline {
                let log = fs::read_to_string(log).unwrap_or_default();
                return Err(ClusterError::NotReady { waited: START_WITHIN, log });
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn end(&mut self, signal: &str) {
        let Some((mut server, leash)) = self.running.take() else { return };
        let pid = server.id().to_string();
        let tell = |signal: &str| {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", r#"kill -s "$1" -- "$2""#, "sh", signal, &pid]);
            let _gone = shell.stdin(Stdio::null()).stderr(Stdio::null()).status();
        };
        tell(signal);
        let deadline = Instant::now() + STOP_WITHIN;
        while matches!(server.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(LOOK_EVERY);
        }
        tell("KILL");
        let _status = server.wait();
        leash.release();
    }

    fn psql(&self, database: &str, sql: &str) -> Result<String, ClusterError> {
        let mut command = self.command("psql");
        command
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"])
            .args(["-p", &self.port.to_string(), "-U", USER, "-d", database, "-c", sql])
            .env("PGPASSWORD", &self.password)
            .env("PGCONNECT_TIMEOUT", "5");
        self.finish("psql", command)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Nothing of the user's environment (`PG…`) reaches the cluster.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .current_dir("/")
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null());
        if let Some(user) = User::of_server() {
            user.runs(&mut command);
        }
        command
    }

    fn finish(&self, name: &str, mut command: Command) -> Result<String, ClusterError> {
        let program = self.programs.join(name);
        let spawned = command.output();
        let output =
            spawned.map_err(|source| ClusterError::Spawn { program: program.clone(), source })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
        }
        let said = String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned();
        Err(ClusterError::Failed { program, said })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
        let _leftover = fs::remove_dir_all(&self.folder);
    }
}

fn at(path: &Path, source: io::Error) -> ClusterError {
    ClusterError::Folder { path: path.to_owned(), source }
}

fn password() -> io::Result<String> {
    let mut random = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(random)))
}
