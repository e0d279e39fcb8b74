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

const WITHIN: Duration = Duration::from_mins(3);

/// Runs the demo to its end and returns its result. Where somebody else's demo runs in the same
/// folder, waits for its end.
fn demo(arguments: &[&str]) -> Value {
    let _alone = FOLDER.lock().unwrap_or_else(PoisonError::into_inner);
    wait_for("the folder of the demos", WITHIN, || {
        let mut command = Command::new(binary("ferry-demo"));
        command.args(arguments).env_remove("FERRY_DEMO_AMQP_URL");
        let mut demo = Service::spawn("demo", command);
        let status = wait_for("the demo's end", WITHIN, || demo.ended());
        let log = demo.log();
        if log.contains("another demo runs in") {
            return None;
        }
        assert_eq!(status.code(), Some(0), "the demo says why in its log, below");
        let last = log.lines().rfind(|line| line.starts_with('{')).unwrap();
        Some(serde_json::from_str(last).unwrap())
    })
}

#[test]
fn everything_the_demo_put_in_is_accounted_for() {
    let result = demo(&["--once", "--records", "300", "--ticks", "5"]);
    assert_eq!(result["unaccounted"], 0, "{result}");
    assert!(result["delivered"].as_u64().unwrap() >= 300, "{result}");
}

#[test]
fn the_same_records_reach_a_shop_of_every_version() {
    for version in ["5.1", "6.0", "6.1.9", "6.1.11", "7.0"] {
        let result =
            demo(&["--once", "--records", "200", "--ticks", "3", "--oro-version", version]);
        assert_eq!(result["unaccounted"], 0, "{version}: {result}");
        assert!(result["delivered"].as_u64().unwrap() >= 200, "{version}: {result}");
    }
}

#[test]
fn everything_is_accounted_for_in_misfortune_too() {
    let result = demo(&["--once", "--misfortune", "--records", "400"]);
    assert_eq!(result["unaccounted"], 0, "{result}");
}
