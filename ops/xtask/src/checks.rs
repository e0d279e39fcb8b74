//! What must hold before anything is merged, fastest failure first.

use std::{
    env,
    error::Error,
    process::{ExitCode, Stdio},
};

use ferry_node::{Node, NodeError, NodeOptions, ensure_package};

use crate::{
    launch,
    steps::{Failed, Steps, run},
    tidy,
    workspace::Workspace,
};

const CLIPPY: &str = "clippy --locked --workspace --all-targets --all-features -- -D warnings";
const DOC: &str = "doc --locked --workspace --no-deps --document-private-items";
const DENY: &str = "deny --locked --all-features check bans licenses sources";
const BROKER_TESTS: &str = "test --locked -p ferry-node -p ferry-amqp -p ferry-e2e \
    --features ferry-node/broker,ferry-amqp/broker,ferry-e2e/broker";

/// Set where there is no network; only what needs the network is then left out, and said.
const OFFLINE: &str = "CI_OFFLINE";

pub(crate) fn test(workspace: &Workspace, _none: &[String]) -> ExitCode {
    let mut steps = Steps::begin();
    let result = without_broker(workspace, &mut steps)
        .and_then(|()| steps.step("end to end", || with_broker(workspace)));
    steps.summary(&result)
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

fn without_broker(workspace: &Workspace, steps: &mut Steps) -> Result<(), Failed> {
    steps.step("format", || run(workspace.cargo("fmt --all --check")))?;
    steps.step("tidy", || tidied(workspace))?;
    steps.step("lints", || run(workspace.cargo(CLIPPY)))?;
    steps.step("tests", || run(workspace.cargo("test --locked --workspace")))?;
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

/// The tests that need a broker, on a private node that goes with them.
fn with_broker(workspace: &Workspace) -> Result<(), Failed> {
    ensure_package(&mut |line| eprintln!("    {line}")).map_err(|error| {
        launch::say_package_error(&error);
        eprintln!("Install it, then run this again: apt-get install rabbitmq-server");
        Failed
    })?;
    run(workspace.cargo("build --locked --workspace --bins"))?;
    let folder = workspace.scratch("test-broker");
    let mut node = Node::start(NodeOptions { fresh: true, ..NodeOptions::new(folder) })
        .map_err(|error| say_node_error(&error))?;
    eprintln!("    a private broker answers at {}", node.amqp_url());
    let mut tests = workspace.cargo(BROKER_TESTS);
    tests.env("FERRY_TEST_AMQP_URL", node.amqp_url()).env("FERRY_TEST_NODE_DIR", node.folder());
    let result = run(tests);
    node.stop().map_err(|error| say_node_error(&error))?;
    result
}

fn say_node_error(error: &NodeError) -> Failed {
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
