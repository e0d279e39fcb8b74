//! What must hold before anything is merged, fastest failure first.

use std::{
    env,
    error::Error,
    num::NonZero,
    process::{Command, ExitCode, Stdio},
    thread,
};

use ferry_node::{Node, NodeOptions, Programs, RABBITMQ, ensure_package};
use ferry_postgres::Cluster;

use crate::{
    USAGE_ERROR, generations, launch,
    steps::{Failed, Steps, run},
    tidy,
    workspace::Workspace,
};

const CLIPPY: &str = "clippy --locked --workspace --all-targets --all-features -- -D warnings";
const DOC: &str = "doc --locked --workspace --no-deps --document-private-items";
const DENY: &str = "deny --locked --all-features check bans licenses sources";
/// Everything that an ordinary run tests. Every call of cargo names the whole workspace with these
/// features and picks its tests by target and name: a choice of packages would change the features
/// of the crates below, and each of them would be built once more.
const ALL: &str = "--locked --workspace --features \
    ferry-node/broker,ferry-amqp/broker,ferry-e2e/broker,ferry-store/postgres,ferry-postgres/postgres,\
    ferry-sftp/openssh";

/// One at a time: they measure, fill and starve.
const FULL_TESTS: &str = "--features ferry-e2e/full --test full -- --test-threads 1";

/// Ten minutes and fifty cycles instead of what fits every change.
const FULL_CARE: &str = "--features ferry-e2e/full --test broker -- care:: --test-threads 1";

/// Set where there is no network; only what needs the network is then left out, and said.
const OFFLINE: &str = "CI_OFFLINE";

/// With `--full`, also what takes too long for every change: by hand, before a release.
pub(crate) fn test(workspace: &Workspace, arguments: &[String]) -> ExitCode {
    let full = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--full"] => true,
        _ => {
            eprintln!("cargo x test knows only --full; it was given: {}", arguments.join(" "));
            return ExitCode::from(USAGE_ERROR);
        }
    };
    let mut steps = Steps::begin();
    let result = without_tests(workspace, &mut steps)
        .and_then(|()| steps.step("packages", packages))
        .and_then(|()| steps.step("build", || build(workspace)))
        .and_then(|()| steps.step("tests", || tested(workspace, "")))
        .and_then(|()| {
            steps.step("chaos", || {
                chaos(workspace, "--minutes 2 --seed 1 --events 10000 --store postgres")
            })
        })
        .and_then(|()| if full { in_full(workspace, &mut steps) } else { Ok(()) })
        .and_then(|()| generations::test(workspace, &mut steps, full));
    steps.summary(&result)
}

fn in_full(workspace: &Workspace, steps: &mut Steps) -> Result<(), Failed> {
    steps.step("end to end, in full", || tested(workspace, FULL_TESTS))?;
    steps.step("care of targets, in full", || tested(workspace, FULL_CARE))?;
    let plans = [
        ("chaos: loaders killed in a loop", "--minutes 5 --plan loaders-killed"),
        ("chaos: a minute without the broker", "--minutes 5 --plan broker-stopped"),
        ("chaos: ten minutes without the shop", "--minutes 20 --plan target-down"),
        ("chaos: everything, for longer", "--minutes 20 --seed 7 --events 50000 --entities 5000"),
        ("chaos: everything on PostgreSQL", "--minutes 10 --seed 8 --store postgres"),
    ];
    plans.into_iter().try_for_each(|(name, plan)| steps.step(name, || chaos(workspace, plan)))
}

pub(crate) fn tidy(workspace: &Workspace, _none: &[String]) -> ExitCode {
    exit_code(&tidied(workspace))
}

pub(crate) fn fmt(workspace: &Workspace, _none: &[String]) -> ExitCode {
    exit_code(&run(workspace.cargo("fmt --all")))
}

pub(crate) fn lint(workspace: &Workspace, _none: &[String]) -> ExitCode {
    exit_code(&run(workspace.cargo(CLIPPY)))
}

fn without_tests(workspace: &Workspace, steps: &mut Steps) -> Result<(), Failed> {
    steps.step("format", || run(workspace.cargo("fmt --all --check")))?;
    steps.step("tidy", || tidied(workspace))?;
    steps.step("lints", || run(workspace.cargo(CLIPPY)))?;
    steps.step("documentation", || {
        let mut doc = workspace.cargo(DOC);
        doc.env("RUSTDOCFLAGS", "-D warnings");
        run(doc)
    })?;
    dependencies(workspace, steps)
}

fn dependencies(workspace: &Workspace, steps: &mut Steps) -> Result<(), Failed> {
    let mut version = workspace.cargo("deny --version");
    version.stdout(Stdio::null()).stderr(Stdio::null());
    if !version.status().is_ok_and(|status| status.success()) {
        steps.leave_out("dependencies", "cargo-deny is not installed here");
        return Ok(());
    }
    steps.step("dependencies", || run(workspace.cargo(DENY)))?;
    if env::var_os(OFFLINE).is_some() {
        steps.leave_out("advisories", "they need the network and CI_OFFLINE is set");
        return Ok(());
    }
    steps.step("advisories", || {
        run(workspace.cargo("deny --locked --all-features check advisories"))
    })
}

/// What has to be installed for the tests.
fn packages() -> Result<(), Failed> {
    let say = |line: &str| eprintln!("    {line}");
    ferry_postgres::ensure_package(&mut |line| say(line)).map_err(|error| {
        launch::say_package_error(&error);
        eprintln!("Install it, then run this again: apt-get install postgresql");
        Failed
    })?;
    ferry_sshd::ensure_package(&mut |line| say(line)).map_err(|error| {
        launch::say_package_error(&error);
        eprintln!("Install it, then run this again: apt-get install openssh-server");
        Failed
    })?;
    if programs()? == Programs::Package {
        ensure_package(&mut |line| say(line)).map_err(|error| {
            launch::say_package_error(&error);
            eprintln!("Install it, then run this again: apt-get install rabbitmq-server");
            Failed
        })?;
    }
    Ok(())
}

fn programs() -> Result<Programs, Failed> {
    Programs::from_env().map_err(|error| {
        eprintln!("{RABBITMQ}: {error}");
        Failed
    })
}

/// Every program and every test, with the features they are tested with.
fn build(workspace: &Workspace) -> Result<(), Failed> {
    run(workspace.cargo(&format!("build {ALL} --all-targets")))
}

fn tested(workspace: &Workspace, which: &str) -> Result<(), Failed> {
    tested_on(workspace, programs()?, which)
}

/// Runs tests on a private broker of these programs and a private database, which go with them.
pub(crate) fn tested_on(
    workspace: &Workspace,
    programs: Programs,
    which: &str,
) -> Result<(), Failed> {
    let cluster = Cluster::start().map_err(|error| say_error(&error))?;
    eprintln!("    a private database answers at port {}", cluster.port());
    let folder = workspace.scratch("test-broker");
    let version = programs.version().unwrap_or_else(|| "of unknown version".to_owned());
    let options = NodeOptions { fresh: true, programs, ..NodeOptions::new(folder) };
    let mut node = Node::start(options).map_err(|error| say_error(&error))?;
    eprintln!("    a private RabbitMQ {version} answers at {}", node.amqp_url());
    let mut tests = workspace.cargo(&format!("test {ALL} {which}"));
    tests
        .env("RUST_TEST_THREADS", threads().to_string())
        .env("FERRY_TEST_STORE_URL", cluster.url())
        .env("FERRY_TEST_AMQP_URL", node.amqp_url())
        .env("FERRY_TEST_NODE_DIR", node.folder());
    let result = run(tests);
    node.stop().map_err(|error| say_error(&error))?;
    result
}

/// Twice the cores: most tests wait for a broker, a database or a process.
fn threads() -> usize {
    thread::available_parallelism().map_or(2, NonZero::get) * 2
}

/// Misfortune on a node of its own; the programs were built for the step before.
fn chaos(workspace: &Workspace, options: &str) -> Result<(), Failed> {
    let mut chaos = Command::new(workspace.program("ferry-chaos"));
    chaos.args(options.split_whitespace()).stdout(Stdio::null());
    run(chaos)
}

fn say_error(error: &dyn Error) -> Failed {
    eprintln!("{error}");
    if let Some(cause) = error.source() {
        eprintln!("  because: {cause}");
    }
    Failed
}

fn tidied(workspace: &Workspace) -> Result<(), Failed> {
    let findings = tidy::check(workspace.root()).map_err(|error| {
        eprintln!("the repository could not be read: {error}");
        Failed
    })?;
    for finding in &findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() {
        return Ok(());
    }
    eprintln!("{} untidy places", findings.len());
    Err(Failed)
}

fn exit_code(result: &Result<(), Failed>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed) => ExitCode::FAILURE,
    }
}
