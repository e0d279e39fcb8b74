//! The demo is the main job: it ends with nothing unaccounted for.

use std::{
    process::Command,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ferry_e2e::{Service, binary, wait_for};
use serde_json::Value;

/// Demos share one folder, which each locks.
static FOLDER: Mutex<()> = Mutex::new(());

const WITHIN: Duration = Duration::from_secs(180);

fn demo(arguments: &[&str]) -> Value {
    let _alone = FOLDER.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = Command::new(binary("ferry-demo"));
    command.args(arguments).env_remove("FERRY_DEMO_AMQP_URL");
    let mut demo = Service::spawn("demo", command);
    let status = wait_for("the demo's end", WITHIN, || demo.ended());
    let log = demo.log();
    assert_eq!(status.code(), Some(0), "{log}");
    let last = log.lines().rev().find(|line| line.starts_with('{')).expect("no result");
    serde_json::from_str(last).unwrap()
}

#[test]
fn everything_the_demo_put_in_is_accounted_for() {
    let result = demo(&["--once", "--records", "300", "--ticks", "5"]);
    assert_eq!(result["unaccounted"], 0, "{result}");
    assert!(result["delivered"].as_u64().unwrap() >= 300, "{result}");
}

#[test]
fn everything_is_accounted_for_in_misfortune_too() {
    let result = demo(&["--once", "--misfortune", "--records", "400"]);
    assert_eq!(result["unaccounted"], 0, "{result}");
}
