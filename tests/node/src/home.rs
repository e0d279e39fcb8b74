//! A node's folder: its files, its environment, and the command-line tools that speak to it.
//!
//! The environment starts empty, so nothing of the user's (`RABBITMQ_*`, `ERL_*`) and nothing of
//! `/etc/rabbitmq` reaches the node.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{NodeError, Programs, marks, node::NodeOptions, ports::Ports};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the node's programs print, and what the node logs.
const LOGS: [&str; 2] = ["log/console.log", "log/node.log"];

/// How much of each log an error quotes.
const EXCERPT_LINES: usize = 24;

/// Two schedulers, no busy waiting and no pinning to a core: the services share the machine.
const ERLANG_ARGUMENTS: &str = "+S 2:2 +stbt u -kernel inet_dist_use_interface {127,0,0,1}";

/// The folder of a private node, which may be running in this process, in another one, or nowhere.
#[derive(Clone, Debug)]
pub struct NodeHome {
    folder: PathBuf,
    ports: Ports,
    programs: Programs,
}

impl NodeHome {
    /// Opens the folder of a node that somebody started.
    ///
    /// # Errors
    /// When the folder is not a node's.
    pub fn open(folder: &Path) -> Result<Self, NodeError> {
        let folder = folder.canonicalize().map_err(|source| folder_error(folder, source))?;
        let path = folder.join("ports");
        let text = fs::read_to_string(&path).map_err(|source| folder_error(&path, source))?;
        let ports = text.parse().map_err(|()| {
            folder_error(&path, io::Error::new(io::ErrorKind::InvalidData, "not four ports"))
        })?;
        let path = folder.join("programs");
        // Not there: the package's.
        let kept = fs::read_to_string(&path).unwrap_or_default();
        let programs = Programs::kept(&kept).map_err(|source| folder_error(&path, source))?;
        Ok(Self { folder, ports, programs })
    }

    /// The folder that is to be a node's, made if need be. Only its owner may enter a folder made here.
    pub(crate) fn make_folder(folder: &Path) -> Result<PathBuf, NodeError> {
        make_private(folder)?;
        folder.canonicalize().map_err(|source| folder_error(folder, source))
    }

    /// Throws away what nodes wrote here. Files that are not a node's stay.
    pub(crate) fn forget(folder: &Path) -> Result<(), NodeError> {
        for name in ["data", "home", "log"] {
            let path = folder.join(name);
            match fs::remove_dir_all(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(folder_error(&path, source));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Writes everything a start needs. Kept ports are used again if they are free.
    pub(crate) fn prepare(
        folder: &Path,
        turn: u64,
        options: &NodeOptions,
    ) -> Result<Self, NodeError> {
        let kept = Self::open(folder).ok().map(|home| home.ports);
        let kept = kept.filter(|ports| ports.become_free(options.epmd_port));
        let found = || Ports::find(fingerprint(folder).wrapping_add(turn * 64));
        let mut ports = kept.or_else(found).ok_or(NodeError::NoPorts)?;
        ports.epmd = options.epmd_port.unwrap_or(ports.epmd);
        let home = Self { folder: folder.to_owned(), ports, programs: options.programs.clone() };
        for name in ["home", "data", "log", "conf.d"] {
            make_private(&home.folder.join(name))?;
        }
        home.set_logs_aside();
        home.write("ports", &ports.to_text())?;
        home.write("rabbitmq-env.conf", "")?;
        home.write("programs", &home.programs.to_text())?;
        home.write("rabbitmq.conf", &home.configuration(options.management))?;
        let plugins = if options.management { "[rabbitmq_management].\n" } else { "[].\n" };
        home.write("enabled_plugins", plugins)?;
        home.bake_cookie(options.cookie.as_deref())?;
        Ok(home)
    }

    /// Keeps the logs of the last start beside those of this one, so that an error quotes this one.
    fn set_logs_aside(&self) {
        for name in LOGS {
            let log = self.folder.join(name);
            let _first_start = fs::rename(&log, log.with_extension("log.1"));
        }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The port at which the node speaks AMQP.
    pub const fn amqp_port(&self) -> u16 {
        self.ports.amqp
    }

    /// The secret that nodes of a cluster share.
    pub(crate) fn cookie(&self) -> Result<String, NodeError> {
        let path = self.folder.join("home/.erlang.cookie");
        fs::read_to_string(&path).map_err(|source| folder_error(&path, source))
    }

    pub(crate) const fn ports(&self) -> Ports {
        self.ports
    }

    /// Which RabbitMQ it is.
    pub const fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The address for AMQP clients: the default user and virtual host, over loopback.
    pub fn amqp_url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.ports.amqp)
    }

    /// The address of the management plugin, which answers only if the node was started with it.
    pub fn management_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.management)
    }

    /// The Erlang node name; data are kept under it, so it depends on the folder alone.
    pub fn node_name(&self) -> String {
        format!("ferry-{:08x}@localhost", fingerprint(&self.folder) & 0xffff_ffff)
    }

    /// The node's own log.
    pub fn log_path(&self) -> PathBuf {
        self.folder.join("log/node.log")
    }

    /// Runs `rabbitmqctl` against this node and returns its standard output.
    ///
    /// # Errors
    /// When it cannot be started, or ends with an error: then with what it said.
    pub fn rabbitmqctl(&self, arguments: &[&str]) -> Result<String, NodeError> {
        let program = self.programs.path("rabbitmqctl");
        let output = self
            .command(&program)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(|source| NodeError::Spawn { program, source })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let answer = [output.stderr, output.stdout].concat();
        Err(NodeError::Control {
            arguments: arguments.join(" "),
            answer: String::from_utf8_lossy(&answer).trim().to_owned(),
        })
    }

    /// The program that is the node.
    pub(crate) fn server(&self) -> String {
        self.programs.path("rabbitmq-server")
    }

    /// A command in the node's environment and with its mark.
    pub(crate) fn command(&self, program: &str) -> Command {
        self.with_environment(self.programs.command(&self.folder, program))
    }

    /// As [`NodeHome::command`], of this system and not of the node's.
    pub(crate) fn own_command(&self, program: &str) -> Command {
        self.with_environment(Programs::Package.command(&self.folder, program))
    }

    fn with_environment(&self, mut command: Command) -> Command {
        let at = |name: &str| self.folder.join(name);
        command
            .env_clear()
            .env(marks::MARK, &self.folder)
            .env("PATH", PATH)
            .env("LANG", "C.UTF-8")
            .env("HOME", at("home"))
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.ports.epmd.to_string())
            .env("ERL_CRASH_DUMP", at("log/erl_crash.dump"))
            .env("RABBITMQ_NODENAME", self.node_name())
            .env("RABBITMQ_NODE_PORT", self.ports.amqp.to_string())
            .env("RABBITMQ_DIST_PORT", self.ports.distribution.to_string())
            .env("RABBITMQ_CONF_ENV_FILE", at("rabbitmq-env.conf"))
            .env("RABBITMQ_CONFIG_FILE", at("rabbitmq.conf"))
            .env("RABBITMQ_CONFIG_FILES", at("conf.d"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", at("advanced.config"))
            .env("RABBITMQ_GENERATED_CONFIG_DIR", at("data/config"))
            .env("RABBITMQ_SCHEMA_DIR", at("data/schema"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", at("enabled_plugins"))
            .env("RABBITMQ_MNESIA_BASE", at("data"))
            .env("RABBITMQ_LOG_BASE", at("log"))
            .env("RABBITMQ_LOGS", self.log_path())
            .env("RABBITMQ_PID_FILE", at("node.pid"))
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", ERLANG_ARGUMENTS)
            // The tools listen too: on loopback, at any free port.
            .env("RABBITMQ_CTL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
            .env("RABBITMQ_CTL_DIST_PORT_MIN", "0")
            .env("RABBITMQ_CTL_DIST_PORT_MAX", "0");
        command
    }

    /// What the logs of this start say, for an error.
    pub(crate) fn log_excerpts(&self) -> String {
        let read = |name: &str| fs::read(self.folder.join(name)).unwrap_or_default();
        let quote = |name| format!("-- {name}\n{}", excerpt(&String::from_utf8_lossy(&read(name))));
        LOGS.map(quote).join("\n")
    }

    /// `collect_statistics` feeds only the management plugin. The write-ahead log's default of
    /// 512 MiB is also a bound on memory; 64 MiB is plenty for one machine. The largest message is
    /// that of 3.10 in every generation: what foreign hands send has to end well.
    fn configuration(&self, management: bool) -> String {
        let mut text = format!(
            "listeners.tcp.local = 127.0.0.1:{}\n\
             raft.wal_max_size_bytes = 67108864\n\
             disk_free_limit.absolute = 200MB\n\
             max_message_size = 134217728\n\
             log.file.level = info\n",
            self.ports.amqp
        );
        let rest = if management {
            format!(
                "management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {}\n",
                self.ports.management
            )
        } else {
            "collect_statistics = none\n".to_owned()
        };
        text.push_str(&rest);
        text
    }

    fn write(&self, name: &str, text: &str) -> Result<(), NodeError> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(|source| folder_error(&path, source))
    }

    /// The secret that Erlang nodes and tools prove to one another; kept, once made.
    fn bake_cookie(&self, shared: Option<&str>) -> Result<(), NodeError> {
        let path = self.folder.join("home/.erlang.cookie");
        if path.exists() {
            return Ok(());
        }
        let bake = || {
            let mut random = [0_u8; 16];
            fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
            let cookie = format!("{:032X}", u128::from_ne_bytes(random));
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o400).open(&path)?;
            file.write_all(shared.unwrap_or(&cookie).as_bytes())
        };
        bake().map_err(|source| folder_error(&path, source))
    }
}

/// A log from its first error on, since what follows an error is mostly its echo; or its end.
fn excerpt(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let end = lines.len().saturating_sub(EXCERPT_LINES);
    let first_error = lines.iter().position(|line| line.contains("[error]"));
    let start = first_error.unwrap_or(end);
    lines.iter().skip(start).take(EXCERPT_LINES).copied().collect::<Vec<_>>().join("\n")
}

fn make_private(folder: &Path) -> Result<(), NodeError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| folder_error(folder, source))
}

pub(crate) fn folder_error(path: &Path, source: io::Error) -> NodeError {
    NodeError::Folder { path: path.to_owned(), source }
}

/// FNV-1a over the path: the same in every build, unlike std's hashers.
fn fingerprint(folder: &Path) -> u64 {
    folder.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("ferry-home-{name}-{}", std::process::id()));
        let _absent = fs::remove_dir_all(&folder);
        NodeHome::make_folder(&folder).unwrap()
    }

    fn prepare(folder: &Path, turn: u64, management: bool) -> Result<NodeHome, NodeError> {
        NodeHome::prepare(folder, turn, &NodeOptions { management, ..NodeOptions::new(folder) })
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn nobody_else_can_enter_the_folder_or_read_the_cookie() {
        let folder = scratch("private");
        prepare(&folder, 0, false).unwrap();
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("home/.erlang.cookie")), 0o400);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_second_start_keeps_ports_cookie_and_name() {
        let folder = scratch("kept");
        let first = prepare(&folder, 0, false).unwrap();
        let cookie = fs::read(folder.join("home/.erlang.cookie")).unwrap();
        let second = prepare(&folder, 1, false).unwrap();
        assert_eq!(first.ports, second.ports);
        assert_eq!(first.node_name(), second.node_name());
        assert_eq!(cookie, fs::read(folder.join("home/.erlang.cookie")).unwrap());
        assert_eq!(NodeHome::open(&folder).unwrap().amqp_url(), first.amqp_url());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn forgetting_takes_what_nodes_wrote_and_nothing_else() {
        let folder = scratch("fresh");
        prepare(&folder, 0, false).unwrap();
        fs::write(folder.join("notes"), "mine").unwrap();
        NodeHome::forget(&folder).unwrap();
        NodeHome::forget(&folder).unwrap();
        assert!(!folder.join("data").exists() && !folder.join("home").exists());
        assert!(folder.join("notes").exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn every_listener_is_on_loopback() {
        let folder = scratch("loopback");
        let home = prepare(&folder, 0, true).unwrap();
        let configuration = fs::read_to_string(folder.join("rabbitmq.conf")).unwrap();
        assert!(configuration.contains("listeners.tcp.local = 127.0.0.1:"));
        assert!(configuration.contains("management.tcp.ip = 127.0.0.1"));
        let command = format!("{:?}", home.command("true"));
        assert!(command.contains("inet_dist_use_interface {127,0,0,1}"));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_excerpt_begins_at_the_first_error_or_ends_with_the_log() {
        let calm = "[info] calm\n\n".repeat(100);
        assert!(excerpt(&format!("{calm}[info] last\n")).ends_with("[info] last"));
        let failed = format!("{calm}[error] why\n{calm}");
        assert!(excerpt(&failed).starts_with("[error] why\n[info] calm"));
        assert_eq!(excerpt(&failed).lines().count(), EXCERPT_LINES);
    }

    #[test]
    fn a_folder_that_is_no_nodes_is_refused_by_name() {
        let folder = scratch("strange");
        let error = NodeHome::open(&folder).unwrap_err();
        assert!(error.to_string().contains("ports"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
