//! An installation of Ferry for one test: a prefix, a folder and a configuration of its own.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command, Output},
    time::Duration,
};

use crate::{Broker, Foreign, Service, binary, http, wait_until};

/// How long a service may take until it is ready, on a busy machine.
const READY_WITHIN: Duration = Duration::from_mins(1);

const CONFIGURATION: &str = include_str!("ferry.toml");

/// Nobody listens there: the port is privileged, and not given to clients either.
const NOBODY: &str = "http://127.0.0.1:9";

/// Where the simulated systems are.
#[derive(Clone, Copy, Debug)]
pub struct Systems<'a> {
    pub erp: &'a str,
    pub warehouse: &'a str,
    pub shop: &'a str,
}

impl Default for Systems<'_> {
    fn default() -> Self {
        Self { erp: NOBODY, warehouse: NOBODY, shop: NOBODY }
    }
}

#[derive(Debug)]
pub struct Installation {
    pub broker: Broker,
    prefix: String,
    folder: PathBuf,
}

/// A service that runs, and where it answers.
#[derive(Debug)]
pub struct Running {
    pub service: Service,
    pub url: String,
}

impl Running {
    /// The port it listens on.
    ///
    /// # Panics
    /// When its address has none.
    pub fn port(&self) -> u16 {
        let port = self.url.rsplit(':').next().and_then(|port| port.parse().ok());
        port.unwrap_or_else(|| panic!("{} has no port", self.url))
    }
}

impl Installation {
    /// `name` is the test's own: it makes the prefix. `changes` replace what the configuration says.
    ///
    /// # Panics
    /// When there is no broker, no folder can be made, or the configuration does not hold what is to
    /// be replaced.
    pub fn new(name: &str, systems: Systems<'_>, changes: &[(&str, &str)]) -> Self {
        Self::on(Broker::from_env(), name, systems, changes)
    }

    /// As [`Installation::new`], on a broker of one's own.
    ///
    /// # Panics
    /// As for [`Installation::new`].
    pub fn on(broker: Broker, name: &str, systems: Systems<'_>, changes: &[(&str, &str)]) -> Self {
        let prefix = format!("e2e-{name}-{}", process::id());
        let folder = env::temp_dir().join(&prefix);
        let mut text = CONFIGURATION.to_owned();
        for (from, to) in [
            ("{prefix}", prefix.as_str()),
            ("{erp}", systems.erp),
            ("{warehouse}", systems.warehouse),
            ("{shop}", systems.shop),
        ]
        .into_iter()
        .chain(changes.iter().copied())
        {
            assert!(text.contains(from), "the configuration does not say {from}");
            text = text.replace(from, to);
        }
        fs::create_dir_all(folder.join("drop"))
            .and_then(|()| fs::write(folder.join("ferry.toml"), text))
            .and_then(|()| fs::write(folder.join("customer.jq"), include_str!("customer.jq")))
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        Self { broker, prefix, folder }
    }

    /// A queue or exchange as the broker calls it.
    pub fn named(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A foreign client of the same broker.
    pub fn foreign(&self) -> Foreign {
        Foreign::connect(self.broker.url())
    }

    /// `ferry` with this configuration.
    pub fn ferry(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("ferry"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.folder.join("ferry.toml"))
            .env("FERRY_AMQP_URL", self.broker.url());
        command
    }

    /// What a verb of `ferry` answers.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = self.ferry(arguments);
        command.output().unwrap_or_else(|error| panic!("ferry {arguments:?}: {error}"))
    }

    /// Starts a service and waits until it says that it is ready.
    pub fn run(&self, service: &str) -> Running {
        self.run_with(service, &[])
    }

    /// [`Self::run`] with these variables in its environment.
    pub fn run_with(&self, service: &str, variables: &[(&str, &str)]) -> Running {
        let running = self.spawn(service, self.broker.url(), variables);
        let url = format!("{}/readyz", running.url);
        wait_until(&format!("{service} to be ready"), READY_WITHIN, || {
            http::send("GET", &url, &[], b"").is_ok_and(|answer| answer.status == 200)
        });
        running
    }

    /// Starts a service with this broker and waits until it listens.
    ///
    /// # Panics
    /// When it does not say where.
    pub fn begin(&self, service: &str, broker: &str) -> Running {
        self.spawn(service, broker, &[])
    }

    fn spawn(&self, service: &str, broker: &str, variables: &[(&str, &str)]) -> Running {
        let mut command = self.ferry(&["run", service, "--listen", "127.0.0.1:0"]);
        command.env("FERRY_AMQP_URL", broker).env("RUST_LOG", "info");
        command.envs(variables.iter().copied());
        let mut process = Service::spawn(service, command);
        let line = process.wait_for_line("listening", READY_WITHIN);
        let address = line.split("address=").nth(1).and_then(|rest| rest.split(' ').next());
        let address = address.unwrap_or_else(|| panic!("{service} does not say where: {line}"));
        Running { url: format!("http://{address}"), service: process }
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        let _leftover = fs::remove_dir_all(&self.folder);
    }
}
