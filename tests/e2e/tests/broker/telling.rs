//! A target that may not be written to: what waits, who is told, and how it goes on.

use ferry_e2e::{Hook, Installation, Simulator, Systems, event, http, wait_for, wait_until};
use serde_json::{Value, json};

use crate::{EVENTS_OF_CUSTOMERS, SOON, outcomes_once};

/// What one call said: type, kind and subject.
fn said(hook: &Hook) -> Vec<(String, String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    hook.calls()
        .into_iter()
        .map(|call| {
            let alert = &call.body["data"];
            (word(&call.body["type"]), word(&alert["kind"]), word(&alert["subject"]))
        })
        .collect()
}

fn shop(console: &str) -> Value {
    let targets = http::get(&format!("{console}/api/v1/targets")).json();
    let targets = targets.as_array().cloned().unwrap_or_default();
    targets.into_iter().find(|target| target["target"] == "shop").unwrap_or_default()
}

#[test]
fn refused_credentials_are_told_once_and_once_more_when_they_are_mended() {
    let (shop_system, hook) = (Simulator::shop(), Hook::start());
    let alerts = format!(
        "[alerts]\nevery = \"200ms\"\n\
         webhook = {{ url = {{ env = \"NONE\", default = \"{}\" }} }}\n\n[retry]",
        hook.url
    );
    let systems = Systems { shop: &shop_system.url, ..Systems::default() };
    let ferry = Installation::new("refused", systems, &[("[retry]", &alerts)]);
    let (console, other) = (ferry.run("console"), ferry.run("console"));
    let wrong = [("E2E_ORO_CLIENT_SECRET", "what it was last year")];
    let mut loader = ferry.run_with("loader", &wrong);
    let events = ferry.named("events");
    ferry.foreign().publish(
        &events,
        EVENTS_OF_CUSTOMERS,
        &event::customer("C-1", "Bäckerei Müller", 1),
    );
    let alert = |phase: &str| {
        (format!("ferry.alert.{phase}"), "credentials_refused".to_owned(), "shop".to_owned())
    };
    wait_until("a person to be told", SOON, || said(&hook) == [alert("opened")]);
    assert_eq!(shop(&console.url)["state"], "refused");
    let status = ferry.ask(&["status", "--console", &other.url]);
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.contains("waits: shop is stopped since"), "{status}");

    // Neither a restart nor what comes meanwhile is news.
    drop(console);
    let console = ferry.run("console");
    ferry.foreign().publish(
        &events,
        EVENTS_OF_CUSTOMERS,
        &event::customer("C-2", "Łąkowa Sp. z o.o.", 1),
    );
    assert_eq!(loader.service.terminate(SOON).code(), Some(0));
    let _mended = ferry.run("loader");
    let outcomes = outcomes_once(&console.url, "customers", "delivered", 2);
    assert_eq!(outcomes, json!({"delivered": 2}));
    wait_until("a person to be told that it is over", SOON, || said(&hook).len() > 1);
    assert_eq!(shop(&console.url)["state"], "running");
    let told = wait_for("the store to know it", SOON, || {
        let alerts = http::get(&format!("{}/api/v1/alerts", other.url)).json();
        alerts[0]["told"][0]["at"].is_string().then_some(alerts)
    });
    assert_eq!(told.as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!(said(&hook), [alert("opened"), alert("resolved")]);
    for customer in ["C-1", "C-2"] {
        assert_eq!(shop_system.effects("customer", customer, "created"), 1);
    }
    assert_eq!(ferry.foreign().ready(&ferry.named("load.shop.customer.dead")), 0);
}

/// RFC 3339 in UTC sorts as text, but for its last letter.
fn moment(time: &Value) -> String {
    time.as_str().unwrap_or_default().trim_end_matches('Z').to_owned()
}

#[test]
fn a_target_paused_by_hand_waits_until_it_is_resumed() {
    let shop_system = Simulator::shop();
    let systems = Systems { shop: &shop_system.url, ..Systems::default() };
    let ferry = Installation::new("paused", systems, &[]);
    let (console, loader) = (ferry.run("console"), ferry.run("loader"));
    let targets = |arguments: &[&str]| {
        let arguments = [&["targets"], arguments, &["--console", &console.url, "--by", "alice"]];
        let output = ferry.ask(&arguments.concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let paused = targets(&["pause", "shop", "--reason", "prices are wrong", "--until", "2h"]);
    assert!(paused.starts_with("paused shop is paused by alice since "), "{paused}");
    wait_until("the loader to know it", SOON, || {
        let metrics = http::get(&format!("{}/metrics", loader.url)).text();
        metrics.contains("ferry_target_paused{target=\"shop\"} 1")
    });
    ferry.foreign().publish(
        &ferry.named("events"),
        EVENTS_OF_CUSTOMERS,
        &event::customer("C-1", "Bäckerei Müller", 1),
    );
    let explained = |what: &str| {
        let output = ferry.ask(&["status", "--console", &console.url]);
        String::from_utf8_lossy(&output.stdout).contains(what)
    };
    assert!(explained("waits: shop is paused by alice"));
    targets(&["resume", "shop"]);
    assert_eq!(outcomes_once(&console.url, "customers", "delivered", 1), json!({"delivered": 1}));
    assert!(!explained("waits:"));
    let writes = shop_system.history();
    let created = writes.iter().find(|entry| entry["effects"][0]["key"] == "C-1");
    let created = moment(&created.unwrap()["at"]);
    let journal = http::get(&format!("{}/api/v1/journal?system=shop&direction=note", console.url));
    let journal = journal.json();
    let resumed = moment(&journal[0]["entry"]["at"]);
    assert!(resumed <= created, "written at {created}, before it was resumed at {resumed}");
    let details: Vec<&str> = journal
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| row["entry"]["detail"].as_str())
        .collect();
    assert_eq!(details.first(), Some(&"resumed by alice"), "{details:?}");
    assert!(details.iter().any(|detail| detail.ends_with(": prices are wrong")), "{details:?}");
}
