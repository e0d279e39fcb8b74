//! `ferry`: the hand of operators and integrators.
//!
//! Offline verbs (`lint`, `test`, `map eval`) open no socket; online ones read through the console's API.
//! People's text goes to standard output, diagnostics to standard error; `--json` prints what a
//! script can rely on. Exit codes: 0 ok, 1 failed, 2 usage, 3 found problems, 4 unreachable, 64 bad
//! configuration.

#![expect(clippy::print_stdout, reason = "printing is what a command line is for")]

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use ferry_config::Config;
use ferry_service::exit;

mod alerts;
mod backfill;
mod broker;
mod check;
mod consent;
mod console;
mod doctor;
mod exports;
mod lint;
mod map;
mod recorded;
mod removals;
mod run;
mod schedules;
mod systems;
mod targets;
mod terminal;
mod xref;

#[derive(Parser)]
#[command(name = "ferry", version, about = "Keeps shops, ERPs and warehouses in step.")]
struct Cli {
    /// The configuration.
    #[arg(long, global = true, default_value = "ferry.toml", env = "FERRY_CONFIG")]
    config: PathBuf,
    /// Print JSON for scripts.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start a service.
    Run(run::RunArgs),
    /// Read the configuration and say everything that is wrong with it. Opens no socket.
    Lint,
    /// Hold recorded answers of systems against what the configuration makes of them. Opens no socket.
    Test(recorded::TestArgs),
    /// Reach the broker, the store and every system, and say what is wrong in words.
    Check,
    /// Mappings.
    #[command(subcommand)]
    Map(MapVerb),
    /// Send a file's rows through the bulk lane, with a report per row.
    Backfill(backfill::BackfillArgs),
    /// The exchanges and queues.
    #[command(subcommand)]
    Topology(TopologyVerb),
    /// What every route has done.
    Status(Console),
    /// The journal.
    #[command(subcommand)]
    Journal(JournalVerb),
    /// Dead letters.
    #[command(subcommand)]
    Dead(DeadVerb),
    /// What happened to one entity.
    Explain(ExplainArgs),
    /// Targets: how they are, and pausing them.
    #[command(subcommand)]
    Targets(targets::TargetsVerb),
    /// What systems tell by themselves. Speaks to them, as `check` does.
    #[command(subcommand)]
    Systems(systems::SystemsVerb),
    /// What is done by itself: when it ran, when it is due, and running it now.
    #[command(subcommand)]
    Schedules(schedules::SchedulesVerb),
    /// Which record of a system is which entity.
    #[command(subcommand)]
    Xref(xref::XrefVerb),
    /// Exports: what waits, which documents there were, and making one now.
    #[command(subcommand)]
    Exports(exports::ExportsVerb),
    /// What a person is told when one is needed.
    #[command(subcommand)]
    Alerts(alerts::AlertsVerb),
}

#[derive(Subcommand)]
enum MapVerb {
    /// Run a jq program over one JSON document.
    Eval(map::EvalArgs),
}

#[derive(Subcommand)]
enum TopologyVerb {
    /// The configured work and delay queues that the broker holds.
    Ls {
        /// Look under this prefix instead of the configured one; may be given several times.
        #[arg(long)]
        prefix: Vec<String>,
    },
    /// What is wrong with exchanges, queues, bindings and policies, and what to do about it. Changes
    /// nothing; sees everything only where `broker.management_url` is set.
    Doctor,
}

#[derive(Subcommand)]
enum JournalVerb {
    /// Transactions with systems, newest first. All conditions must hold.
    Search(console::SearchArgs),
}

#[derive(Subcommand)]
enum DeadVerb {
    /// Dead letters, newest first. All conditions must hold.
    Ls(console::DeadArgs),
    /// One dead letter with its body and headers.
    Show(console::ShowArgs),
}

#[derive(Args)]
struct ExplainArgs {
    /// customer, order or product.
    entity: EntityWord,
    /// Its identifier, SKU or number.
    id: String,
    #[command(flatten)]
    console: Console,
}

#[derive(Clone, Copy, ValueEnum)]
enum EntityWord {
    Customer,
    Order,
    Product,
}

/// Where the console is.
#[derive(Args)]
struct Console {
    /// The console's address; the configured one by default.
    #[arg(long, value_name = "URL")]
    console: Option<String>,
}

/// Why a verb did not succeed: what is said, and the exit code.
struct Stop {
    code: u8,
    text: String,
}

impl Stop {
    fn failed(text: impl Into<String>) -> Self {
        Self { code: exit::FAILED, text: text.into() }
    }

    fn unreachable(text: impl Into<String>) -> Self {
        Self { code: exit::UNREACHABLE, text: text.into() }
    }
}

type Done = Result<u8, Stop>;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match verb(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(stop) => {
            // Standard error may be closed: then nobody listens.
            let _ = writeln!(std::io::stderr(), "ferry: {}", terminal::shown(&stop.text));
            ExitCode::from(stop.code)
        }
    }
}

fn verb(cli: &Cli) -> Done {
    match &cli.verb {
        Verb::Run(args) => run::run(args, &cli.config),
        Verb::Lint => lint::lint(&cli.config, cli.json),
        Verb::Test(args) => recorded::test(&cli.config, args, cli.json),
        Verb::Map(MapVerb::Eval(args)) => map::eval(args),
        Verb::Check => online(check::check(&config(&cli.config)?, cli.json)),
        Verb::Backfill(args) => online(backfill::backfill(&config(&cli.config)?, args, cli.json)),
        Verb::Topology(TopologyVerb::Ls { prefix }) => {
            online(broker::list(&config(&cli.config)?, prefix, cli.json))
        }
        Verb::Topology(TopologyVerb::Doctor) => {
            online(doctor::doctor(&config(&cli.config)?, cli.json))
        }
        Verb::Status(at) => online(console::status(&console_url(cli, at)?, cli.json)),
        Verb::Journal(JournalVerb::Search(args)) => {
            online(console::search(&console_url(cli, &args.console)?, args, cli.json))
        }
        Verb::Dead(DeadVerb::Ls(args)) => {
            online(console::dead(&console_url(cli, &args.console)?, args, cli.json))
        }
        Verb::Dead(DeadVerb::Show(args)) => {
            online(console::letter(&console_url(cli, &args.console)?, args.id, cli.json))
        }
        Verb::Targets(verb) => {
            online(targets::run(&console_url(cli, verb.console())?, verb, cli.json))
        }
        Verb::Systems(verb) => online(systems::run(&config(&cli.config)?, verb, cli.json)),
        Verb::Xref(verb) => online(xref::run(&config(&cli.config)?, verb, cli.json)),
        Verb::Schedules(verb) => {
            online(schedules::run(&console_url(cli, verb.console())?, verb, cli.json))
        }
        Verb::Exports(verb) => {
            online(exports::run(&console_url(cli, verb.console())?, verb, cli.json))
        }
        Verb::Alerts(verb) => {
            online(alerts::run(&console_url(cli, verb.console())?, verb, cli.json))
        }
        Verb::Explain(args) => {
            let entity = match args.entity {
                EntityWord::Customer => "customer",
                EntityWord::Order => "order",
                EntityWord::Product => "product",
            };
            let url = console_url(cli, &args.console)?;
            online(console::explain(&url, entity, &args.id, cli.json))
        }
    }
}

/// Runs an online verb to its end.
fn online(verb: impl Future<Output = Done>) -> Done {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::failed(format!("cannot start the runtime: {error}")))?
        .block_on(verb)
}

fn config(path: &Path) -> Result<Config, Stop> {
    Config::load(path).map_err(|error| Stop {
        code: exit::BAD_CONFIGURATION,
        text: format!("{}: {}", path.display(), ferry_service::Chain(&error)),
    })
}

fn console_url(cli: &Cli, at: &Console) -> Result<String, Stop> {
    match &at.console {
        Some(url) => Ok(url.trim_end_matches('/').to_owned()),
        None => Ok(format!("http://{}", config(&cli.config)?.console.listen)),
    }
}
