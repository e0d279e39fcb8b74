//! What an operator asks of the command line, and what it answers.

use std::{fs, path::Path, process::Output};

use ferry_e2e::{Installation, Simulator, Systems, event, http, wait_for};
use serde_json::Value;

use crate::SOON;

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

fn push(producer: &str, body: &str) {
    let headers = [("authorization", "Basic Zmxvdzpwdw=="), ("content-type", "application/xml")];
    let answer = http::post(&format!("{producer}/push/warehouse"), &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn the_journal_finds_a_push_by_its_words_and_dead_letters_are_listed() {
    let ferry = Installation::new("journal", Systems::default(), &[]);
    let (producer, console) = (ferry.run("producer"), ferry.run("console"));
    let _transformer = ferry.run("transformer");
    push(
        &producer.url,
        r#"<inventory messageId="77"><product externalReference="TEAPOT-XL" available="lots"/></inventory>"#,
    );
    let at = ["--console", console.url.as_str()];
    let rows = wait_for("the push in the journal", SOON, || {
        let search = ["--json", "journal", "search", "TEAPOT-XL", at[0], at[1]];
        let output = ferry.ask(&search);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        (!rows.is_empty()).then_some(rows)
    });
    assert_eq!(rows[0]["entry"]["system"], "warehouse", "{}", rows[0]);
    assert_eq!(rows[0]["entry"]["direction"], "in", "{}", rows[0]);
    let none = ferry.ask(&["--json", "journal", "search", "NO-SUCH-WORD", at[0], at[1]]);
    assert_eq!((none.status.code(), said(&none).trim()), (Some(0), "[]"));

    let letters = wait_for("the dead letter", SOON, || {
        let output = ferry.ask(&["--json", "dead", "ls", at[0], at[1]]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let letters: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        (!letters.is_empty()).then_some(letters)
    });
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(
        (&letters[0]["kind"], &letters[0]["origin"]),
        (&"validation".into(), &"transform".into())
    );
    assert_eq!(letters[0]["pointer"], "/inventory/product[1]");
    let id = letters[0]["id"].to_string();
    let shown = ferry.ask(&["dead", "show", &id, at[0], at[1]]);
    assert!(said(&shown).contains("TEAPOT-XL"), "{}", said(&shown));
}

#[test]
fn an_order_is_explained_in_sentences() {
    let shop = Simulator::shop();
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let ferry = Installation::new("explain", systems, &[]);
    let (console, _loader) = (ferry.run("console"), ferry.run("loader"));
    shop.place_order("WEB-7");
    let shipment = event::shipment("WEB-7", 1);
    ferry.foreign().publish(&ferry.named("events"), "order.shipment.warehouse.live", &shipment);
    crate::outcomes_once(&console.url, "shipments", "delivered", 1);
    let output = ferry.ask(&["explain", "order", "WEB-7", "--console", &console.url]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("delivered"), "{}", said(&output));
    assert!(said(&output).contains("WEB-7_S1"), "{}", said(&output));
    let nobody = ferry.ask(&["explain", "order", "NO-SUCH", "--console", &console.url]);
    assert_ne!(nobody.status.code(), Some(0), "{}", said(&nobody));
    let silent = ferry.ask(&["explain", "order", "WEB-7", "--console", "http://127.0.0.1:9"]);
    assert_eq!(silent.status.code(), Some(4), "{}", said(&silent));
}

#[test]
fn every_sample_configuration_passes_lint() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ops/config");
    let mut samples = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        samples += 1;
        let mut ferry = std::process::Command::new(ferry_e2e::binary("ferry"));
        let output = ferry.args(["lint", "--config"]).arg(&path).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}: {}", path.display(), said(&output));
    }
    assert!(samples >= 2, "{samples}");
}

#[test]
fn check_reaches_every_system_and_names_the_one_that_is_down() {
    let small = ["--records", "10", "--ticks", "0"];
    let erp = Simulator::start("erp", &small);
    let warehouse =
        Simulator::start("orderflow", &[&small[..], &["--password", "ferry-demo"]].concat());
    let shop = Simulator::shop();
    let systems = Systems { erp: &erp.url, warehouse: &warehouse.url, shop: &shop.url };
    let ferry = Installation::new("check", systems, &[]);
    let all_well = ferry.ask(&["check"]);
    assert_eq!(all_well.status.code(), Some(0), "{}", said(&all_well));
    drop(shop);
    let one_down = ferry.ask(&["check"]);
    assert_eq!(one_down.status.code(), Some(4), "{}", said(&one_down));
    let said = said(&one_down);
    assert!(said.lines().any(|line| line.starts_with("BAD system shop")), "{said}");
    assert_eq!(said.lines().filter(|line| line.starts_with("BAD")).count(), 1, "{said}");
}

#[test]
fn check_says_what_a_shop_of_each_version_can() {
    for (version, says) in [
        ("6.0.3", ["OroCommerce before 6.0.5", "by their creation", "tracking numbers only"]),
        ("6.0", ["OroCommerce 6.0.5 to 6.0.x", "by their last change", "tracking numbers only"]),
        ("6.1.9", ["OroCommerce 6.1.0 to 6.1.9", "no field for their number", "no webhooks"]),
        ("7.0", ["OroCommerce 6.1.10, 7.0.2 or later", "(externalId)", "it has webhooks"]),
    ] {
        let options = ["--orders-per-second", "0", "--oro-version", version];
        let shop = Simulator::start("oro", &options);
        let systems = Systems { shop: &shop.url, ..Systems::default() };
        let ferry =
            Installation::new(&format!("check-{}", version.replace('.', "-")), systems, &[]);
        let checked = said(&ferry.ask(&["check"]));
        let line = checked.lines().find(|line| line.starts_with("ok  system shop")).unwrap();
        for says in says {
            assert!(line.contains(says), "{version}: {line}");
        }
    }
}
