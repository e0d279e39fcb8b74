//! Other generations of RabbitMQ than the one that is installed here.
//!
//! Debian has them, with an Erlang of their own; they are kept in the user's cache and entered as
//! private nodes. An ordinary run uses what is there already and says aloud when nothing is; a full
//! run fetches them.

use std::{
    env,
    path::{Path, PathBuf},
};

use ferry_node::{Programs, ensure_generation};

use crate::{
    checks, launch,
    steps::{Failed, Steps},
    workspace::Workspace,
};

/// Debian's suites, newest first; their versions on 2026-11-22 were 4.3.6 and 4.0.5.
const SUITES: [(&str, &str); 2] =
    [("sid", "on RabbitMQ of Debian sid"), ("trixie", "on RabbitMQ of Debian 13")];

/// What must hold on every generation: the adapter's tests, and the main thread from a push to a
/// shop, through retries and dead letters.
const CONTRACT: &str = "--test broker -- --skip demo --skip operators";

/// In an ordinary run the newest that is there; in a full one all of them.
pub(crate) fn test(workspace: &Workspace, steps: &mut Steps, full: bool) -> Result<(), Failed> {
    let mut tested = false;
    for (suite, name) in SUITES {
        let Some(root) = root(suite) else {
            steps.leave_out(name, "there is no home folder to keep it in");
            continue;
        };
        if full && let Err(reason) = fetch(&root, suite) {
            steps.leave_out(name, &reason);
            continue;
        }
        match Programs::at(&root) {
            Ok(_) if tested && !full => {}
            Ok(programs) => {
                tested = true;
                steps.step(name, || checks::tested_on(workspace, programs, CONTRACT))?;
            }
            Err(_) => {
                steps.leave_out(name, "it is not here; `cargo x test --full` fetches it, as root");
            }
        }
    }
    Ok(())
}

fn fetch(root: &Path, suite: &str) -> Result<(), String> {
    match ensure_generation(root, suite, &mut |line| eprintln!("    {line}")) {
        Ok(_) => Ok(()),
        Err(error) => {
            launch::say_package_error(&error);
            Err("it could not be fetched, for the reason above".to_owned())
        }
    }
}

fn root(suite: &str) -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| env::home_dir().map(|home| home.join(".cache")))?;
    Some(cache.join("ferry").join(format!("rabbitmq-{suite}")))
}
