//! What every service's `main` does: arguments, configuration, telemetry, runtime, life, exit code.

use std::{env, future::Future, io::Write as _, net::SocketAddr, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use axum::Router;
use ferry_config::{
    Config, SystemConfig,
    lint::{CONSOLE_IS_OPEN, PUSHES_ARE_OPEN},
};
use tracing::info;

use crate::{
    Arguments, Chain, Lifecycle, Metrics, Readiness, ServiceName, Signals,
    arguments::{NotRun, usage},
    exit, http, lifecycle, telemetry,
    tls::Identity,
};

/// Threads that run tasks. Two cores are what a service is built for.
const WORKER_THREADS: usize = 2;

/// A service that starts: what it was given and what it hands to its tasks.
#[derive(Clone, Debug)]
pub struct Service {
    pub name: ServiceName,
    pub config: Arc<Config>,
    /// The systems this process is limited to; empty for all.
    pub only: Vec<String>,
    pub life: Lifecycle,
    pub readiness: Readiness,
    pub metrics: Metrics,
    /// Where [`Service::serve`] listens.
    pub listen: SocketAddr,
}

/// A service found at start that its configuration cannot work: exit code 64 instead of 1.
#[derive(Debug, thiserror::Error)]
#[error("bad configuration: {0}")]
pub struct BadConfiguration(pub String);

impl Service {
    /// Whether this process works for `system`.
    pub fn serves(&self, system: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == system)
    }

    /// Serves the service's own `router` together with health, readiness and metrics, until
    /// draining; over TLS where its section says so. Returns the bound address.
    pub async fn serve(&self, router: Router) -> anyhow::Result<SocketAddr> {
        let pages = http::pages(&self.life, &self.readiness, &self.metrics);
        let files = self.name.section(&self.config).tls.as_ref();
        let identity = files
            .map(Identity::read)
            .transpose()
            .map_err(|error| BadConfiguration(format!("{}.tls: {error:#}", self.name)))?;
        http::serve(&self.life, self.listen, pages.merge(router), identity).await
    }
}

/// A service's whole `main`. `start` builds the service and spawns its tasks through
/// [`Service::life`]; it may return before they end. Its error ends the process in order.
pub fn main<F, S>(name: ServiceName, start: S) -> ExitCode
where
    S: FnOnce(Service) -> F,
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let code = match Arguments::parse(env::args_os().skip(1), env::var_os("FERRY_CONFIG")) {
        Ok(arguments) => run(name, arguments, start),
        Err(NotRun::Help) => say(&usage(name), exit::OK),
        Err(NotRun::Version) => say(&format!("ferry-{name} {}\n", crate::VERSION), exit::OK),
        Err(NotRun::Usage(reason)) => {
            say(&format!("ferry-{name}: {reason}\n{}", usage(name)), exit::USAGE)
        }
    };
    ExitCode::from(code)
}

/// [`main`] with arguments that are parsed. Returns the exit code.
pub fn run<F, S>(name: ServiceName, arguments: Arguments, start: S) -> u8
where
    S: FnOnce(Service) -> F,
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let config = match Config::load(&arguments.config) {
        Ok(config) => config,
        Err(error) => {
            let path = arguments.config.display();
            return say(
                &format!("ferry-{name}: {path}: {}\n", Chain(&error)),
                exit::BAD_CONFIGURATION,
            );
        }
    };
    if let Err(reason) = known(&arguments.only, &config) {
        return say(&format!("ferry-{name}: {reason}\n{}", usage(name)), exit::USAGE);
    }
    if let Some(reason) = open_to_others(name, &arguments, &config) {
        return say(&format!("ferry-{name}: {reason}\n"), exit::USAGE);
    }
    match live(name, arguments, config, start) {
        Ok(code) => code,
        Err(error) => say(&format!("ferry-{name}: {error:#}\n"), exit::FAILED),
    }
}

fn live<F, S>(
    name: ServiceName,
    arguments: Arguments,
    config: Config,
    start: S,
) -> anyhow::Result<u8>
where
    S: FnOnce(Service) -> F,
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    telemetry::start(config.log)?;
    let metrics = Metrics::new(name.as_str())?;
    let service = Service {
        name,
        listen: arguments.listen.unwrap_or(name.section(&config).listen),
        config: Arc::new(config),
        only: arguments.only,
        life: Lifecycle::counted(&metrics)?,
        readiness: Readiness::default(),
        metrics,
    };
    info!(service = name.as_str(), version = crate::VERSION, pid = std::process::id(), "starting");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let ended = runtime.block_on(async {
        let signals = Signals::listen().context("cannot listen for signals")?;
        let life = service.life.clone();
        let draining = life.draining();
        let start = start(service);
        life.spawn("start", async move {
            // Starting is no work in hand: a signal ends it.
            tokio::select! {
                started = start => started,
                () = draining.cancelled() => Ok(()),
            }
        });
        anyhow::Ok(life.run(signals, lifecycle::DRAIN_TIMEOUT).await)
    })?;
    runtime.shutdown_background();
    Ok(ended.code)
}

/// A process that is limited to a system nobody has would run, look healthy and do nothing.
fn known(only: &[String], config: &Config) -> Result<(), String> {
    let Some(unknown) = only.iter().find(|only| !config.systems.contains_key(*only)) else {
        return Ok(());
    };
    let systems: Vec<&str> = config.systems.keys().map(String::as_str).collect();
    let systems = systems.join(", ");
    Err(format!("--only: no system is called `{unknown}`; the configuration has {systems}"))
}

/// The configuration's own addresses were looked at with it; an argument must not get round that.
fn open_to_others(name: ServiceName, arguments: &Arguments, config: &Config) -> Option<String> {
    let listen = arguments.listen.filter(|listen| !listen.ip().is_loopback())?;
    let pushed = |system: &SystemConfig| match system {
        SystemConfig::Orderflow(orderflow) => orderflow.push.is_some(),
        SystemConfig::Oro(oro) => oro.webhook.is_some(),
        SystemConfig::Rest(_) | SystemConfig::Files(_) | SystemConfig::Export(_) => false,
    };
    let section = name.section(config);
    let reason = match name {
        _ if section.behind_proxy || section.tls.is_some() => return None,
        ServiceName::Console => CONSOLE_IS_OPEN,
        ServiceName::Producer if config.systems.values().any(pushed) => PUSHES_ARE_OPEN,
        ServiceName::Producer | ServiceName::Transformer | ServiceName::Loader => return None,
    };
    Some(format!("--listen {listen}: {reason}"))
}

/// Before logging runs, people are told directly. Standard error may be closed: then nobody listens.
fn say(text: &str, code: u8) -> u8 {
    let _ = std::io::stderr().write_all(text.as_bytes());
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_opens_no_service_to_others_that_the_configuration_would_not() {
        let config = |more: &str| {
            let text = format!(
                "[store]\nfolder = \"state\"\n[systems.warehouse]\nkind = \"orderflow\"\n\
                 base_url = \"https://wms.example\"\norganisation = \"acme\"\nchannel = \"web\"\n\
                 user = {{ env = \"U\" }}\npassword = {{ env = \"U\" }}\n\
                 push = {{ user = {{ env = \"U\" }}, password = {{ env = \"U\" }} }}\n{more}"
            );
            let environment = [("U", "u")].into_iter().collect();
            Config::parse(&text, std::path::Path::new("/nowhere"), &environment).unwrap()
        };
        let told = |name, listen: &str, more: &str| {
            let listen = Some(listen.parse().unwrap());
            open_to_others(name, &Arguments { listen, ..Arguments::default() }, &config(more))
        };
        let console = told(ServiceName::Console, "0.0.0.0:7083", "").unwrap();
        assert!(console.starts_with("--listen 0.0.0.0:7083: anyone who reaches"), "{console}");
        let pushed = told(ServiceName::Producer, "[::]:7080", "").unwrap();
        assert!(pushed.contains("behind_proxy = true"), "{pushed}");
        let tls = "[producer]\ntls = { certificate = \"tls.pem\", key = \"tls.key\" }\n";
        assert_eq!(told(ServiceName::Producer, "[::]:7080", tls), None);
        assert_eq!(told(ServiceName::Loader, "0.0.0.0:0", ""), None);
        assert_eq!(told(ServiceName::Console, "127.0.0.1:0", ""), None);
        let behind = "[console]\nbehind_proxy = true\n";
        assert_eq!(told(ServiceName::Console, "0.0.0.0:7083", behind), None);
        let none = open_to_others(ServiceName::Console, &Arguments::default(), &config(""));
        assert_eq!(none, None);
    }

    #[test]
    fn a_process_for_a_system_that_is_not_there_does_not_start() {
        let text = "[store]\nfolder = \"state\"\n[systems.drop]\nkind = \"files\"\nfolder = \"in\"\n\
                    [systems.drop.files.all]\npattern = \"*.csv\"\nformat = \"csv\"\n\
                    facet = \"catalogue\"\nmapping = \"all.jq\"\n";
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("all.jq"), ".").unwrap();
        std::fs::write(folder.path().join("ferry.toml"), text).unwrap();
        let config = Config::load(&folder.path().join("ferry.toml")).unwrap();
        assert_eq!(known(&["drop".to_owned()], &config), Ok(()));
        let unknown = known(&["drop".to_owned(), "nosuch".to_owned()], &config).unwrap_err();
        assert_eq!(unknown, "--only: no system is called `nosuch`; the configuration has drop");
    }
}
