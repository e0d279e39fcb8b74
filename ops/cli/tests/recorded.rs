//! `ferry test` as it is called.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::{
    path::Path,
    process::{Command, Output},
};

fn ferry_test(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut ferry = Command::new(env!("CARGO_BIN_EXE_ferry"));
    ferry.current_dir(root).args(["test", "--config", "ops/config/ferry.sample.toml"]);
    ferry.args(arguments).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn recordings_that_come_to_what_they_say_end_with_0() {
    let output = ferry_test(&["ops/responses/orderflow", "ops/responses/rest/created.toml"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let line = "ok  ops/responses/orderflow/error-root.toml: rejected by `orderflow: error root`";
    assert!(told(&output).contains(line), "{}", told(&output));
}

#[test]
fn a_recording_that_comes_to_something_else_is_told_and_ends_with_3() {
    let wrong = "ops/cli/tests/wrong.toml";
    let output = ferry_test(&[wrong]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let line = format!("BAD {wrong}: rejected by `orderflow: error root`: closed (expected ok)\n");
    assert!(told(&output).starts_with(&line), "{}", told(&output));
    let output = ferry_test(&["--json", wrong]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["answers"][0]["problem"], "expected ok");
}

#[test]
fn a_folder_without_recordings_and_a_bad_configuration_are_no_success() {
    assert_eq!(ferry_test(&["ops/responses"]).status.code(), Some(1));
    let mut ferry = Command::new(env!("CARGO_BIN_EXE_ferry"));
    let nowhere = ["test", "--config", "nowhere.toml", "nowhere"];
    assert_eq!(ferry.args(nowhere).output().unwrap().status.code(), Some(64));
}
