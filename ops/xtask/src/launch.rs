//! Programs that are built and then take this program's place.

use std::{
    env,
    error::Error,
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
};

use ferry_node::{PackageError, ensure_package};

use crate::{
    USAGE_ERROR,
    steps::{Failed, run},
    workspace::Workspace,
};

/// Names a broker for the demo instead of a private node.
const DEMO_BROKER: &str = "FERRY_DEMO_AMQP_URL";

/// The packages whose programs the demo starts.
const DEMO_BUILD: &str = "build --locked --bins -p ferry-demo -p ferry-simulators -p ferry-cli \
    -p ferry-producer -p ferry-transformer -p ferry-loader -p ferry-console";

/// The packages whose programs chaos starts.
const CHAOS_BUILD: &str = "build --locked --bins -p ferry-chaos -p ferry-simulators -p ferry-cli \
    -p ferry-producer -p ferry-transformer -p ferry-loader -p ferry-console";

const SIMULATOR_BUILD: &str = "build --locked -p ferry-simulators --bin ferry-simulator";

const SEED_BUILD: &str = "build --locked -p ferry-simulation --bin ferry-seed";

/// Builds the demo with everything it starts, sees to the broker's package, and becomes the demo.
pub(crate) fn demo(workspace: &Workspace, arguments: &[String]) -> ExitCode {
    if env::var_os(DEMO_BROKER).is_none() && !package() {
        return ExitCode::FAILURE;
    }
    eprintln!("building the demo, the services and the simulators; the first time takes minutes");
    become_program(workspace, DEMO_BUILD, "ferry-demo", arguments)
}

/// The same for chaos.
pub(crate) fn chaos(workspace: &Workspace, arguments: &[String]) -> ExitCode {
    if !package() {
        return ExitCode::FAILURE;
    }
    eprintln!("building chaos, the services and the simulators; the first time takes minutes");
    become_program(workspace, CHAOS_BUILD, "ferry-chaos", arguments)
}

/// Builds the simulators and becomes one of them.
pub(crate) fn sim(workspace: &Workspace, arguments: &[String]) -> ExitCode {
    if arguments.is_empty() {
        eprintln!("which one? cargo x sim orderflow|oro|erp [OPTIONS OF THE SIMULATOR]");
        return ExitCode::from(USAGE_ERROR);
    }
    become_program(workspace, SIMULATOR_BUILD, "ferry-simulator", arguments)
}

/// Builds the simulation and becomes its seeds.
pub(crate) fn seed(workspace: &Workspace, arguments: &[String]) -> ExitCode {
    become_program(workspace, SEED_BUILD, "ferry-seed", arguments)
}

fn become_program(
    workspace: &Workspace,
    build: &str,
    name: &str,
    arguments: &[String],
) -> ExitCode {
    if let Err(Failed) = run(workspace.cargo(build)) {
        return ExitCode::FAILURE;
    }
    let program = workspace.program(name);
    // Returns only if the program cannot be started.
    let error = Command::new(&program).args(arguments).exec();
    eprintln!("{} cannot be started: {error}", program.display());
    ExitCode::FAILURE
}

fn package() -> bool {
    match ensure_package(&mut |line| eprintln!("{line}")) {
        Ok(_there) => true,
        Err(error) => {
            say_package_error(&error);
            eprintln!(
                "To go on, do one of these:\n\
                 - install it yourself: apt-get install rabbitmq-server (its service need not run)\n\
                 - name a broker for the demo: {DEMO_BROKER}=amqp://user:password@host:5672/vhost\n\
                 - with Docker: docker compose up"
            );
            false
        }
    }
}

/// An error of the package with its cause.
pub(crate) fn say_package_error(error: &PackageError) {
    eprintln!("{error}");
    if let Some(cause) = error.source() {
        eprintln!("  because: {cause}");
    }
}
