//! `ferry topology doctor` on real brokers.

use std::{fs, process::Output};

use ferry_e2e::{Installation, OwnNode, Systems, wait_for, wait_until};
use serde_json::Value;

use crate::SOON;

/// A line of the configuration, before which another one can be put.
const LEVELS: &str = "levels = [\"100ms\", \"300ms\", \"1s\"]";

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// The kind of what is found about a queue or exchange, once something is.
fn found(ferry: &Installation, of: &str) -> String {
    wait_for(&format!("a finding about {of}"), SOON, || {
        let answer = ferry.ask(&["topology", "doctor", "--json"]);
        let said: Value = serde_json::from_slice(&answer.stdout).unwrap();
        let findings = said["findings"].as_array().unwrap().clone();
        let finding = findings.into_iter().find(|finding| finding["of"] == of)?;
        assert_eq!(code(&answer), 3, "{finding}");
        Some(finding["kind"].as_str().unwrap().to_owned())
    })
}

#[test]
fn the_doctor_finds_what_policies_old_levels_and_strangers_do_and_nothing_where_all_is_well() {
    let node = OwnNode::managed("doctor");
    let managed = format!("management_url = \"{}\"\n{LEVELS}", node.management_url());
    let changes = [(LEVELS, managed.as_str())];
    let ferry = Installation::on(node.broker(), "doctor", Systems::default(), &changes);
    let running = ["transformer", "loader", "console"].map(|service| ferry.run(service));
    let is_well = || code(&ferry.ask(&["topology", "doctor"])) == 0;
    wait_until("the doctor to find nothing", SOON, is_well);

    let queue = ferry.named("load.shop.product");
    let pattern = format!("^{queue}$");
    for (definition, kind) in [
        ("{\"max-length\":10}", "length_limit"),
        ("{\"max-length-bytes\":1000}", "length_limit"),
        ("{\"message-ttl\":60000}", "expiry"),
        ("{\"overflow\":\"drop-head\"}", "overflow"),
    ] {
        let set = ["set_policy", "small", &pattern, definition, "--apply-to", "queues"];
        node.broker().rabbitmqctl(&set);
        assert_eq!(found(&ferry, &queue), kind);
        node.broker().rabbitmqctl(&["clear_policy", "small"]);
        wait_until("the policy to be gone", SOON, is_well);
    }

    let stranger = ferry.foreign();
    let theirs = stranger.listen(&ferry.named("events"), "#");
    assert!(is_well(), "anybody may bind a queue of their own");
    let refusing = "{\"max-length\":10,\"overflow\":\"reject-publish\"}";
    let set = ["set_policy", "full", &format!("^{theirs}$"), refusing, "--apply-to", "queues"];
    node.broker().rabbitmqctl(&set);
    assert_eq!(found(&ferry, &theirs), "length_limit");
    node.broker().rabbitmqctl(&["clear_policy", "full"]);

    let file = ferry.folder().join("ferry.toml");
    let fewer = fs::read_to_string(&file).unwrap().replace(", \"1s\"]", "]");
    fs::write(&file, fewer).unwrap();
    assert_eq!(found(&ferry, &ferry.named("delay.1s")), "not_declared");

    drop(running);
    assert_eq!(found(&ferry, &ferry.named("load.shop.product")), "unconsumed");
}

#[test]
fn without_the_management_plugin_the_doctor_says_what_it_did_not_look_at() {
    let ferry = Installation::new("blind-doctor", Systems::default(), &[]);
    let missing = ferry.ask(&["topology", "doctor"]);
    let said = String::from_utf8_lossy(&missing.stdout).into_owned();
    let first = format!("BAD queue {} is missing", ferry.named("unrouted"));
    assert!(said.lines().any(|line| line == first), "{said}");
    assert!(said.contains("not looked at: exchanges, arguments, bindings, policies"), "{said}");
    assert_eq!(code(&missing), 3);
}

#[test]
fn a_management_plugin_that_is_not_there_is_unreachable() {
    let nowhere = format!("management_url = \"http://127.0.0.1:9\"\n{LEVELS}");
    let changes = [(LEVELS, nowhere.as_str())];
    let ferry = Installation::new("lost-doctor", Systems::default(), &changes);
    let answer = ferry.ask(&["topology", "doctor"]);
    assert_eq!(code(&answer), 4, "{}", String::from_utf8_lossy(&answer.stderr));
}
