//! Exports by real processes: what a feed says, in files that a consumer can take.

use std::{collections::BTreeSet, fs, path::Path};

use ferry_e2e::{Installation, Systems, wait_for, wait_until};
use ferry_sshd::Server;
use serde_json::{Value, json};

use crate::SOON;

/// The last route of every installation.
const LAST: &str = r#"name = "shipments"
from = "warehouse"
entity = "order"
facet = "shipment"
to = ["shop"]"#;

const FEED: &str = r#"

[systems.feed]
kind = "files"
folder = "drop"

[systems.feed.files.products]
pattern = "products*.jsonl"
format = "jsonl"
facet = "catalogue"
mapping = "row.jq"
chunk_rows = 7

[systems.accounts]
kind = "export"
format = "csv"
columns = ["sku", "name"]
name = "products-{number}.csv"
folder = "out"
flush_at = 20
flush_after = "1s"

[systems.accounts.parts.products]
facet = "catalogue"
mapping = "product.jq"

[[routes]]
name = "products to accounts"
from = "feed"
entity = "product"
facet = "catalogue"
to = ["accounts"]"#;

fn installation(name: &str) -> Installation {
    installation_with(name, FEED)
}

fn installation_with(name: &str, feed: &str) -> Installation {
    let feed = format!("{LAST}{feed}");
    let ferry = Installation::new(name, Systems::default(), &[(LAST, &feed)]);
    for (name, program) in [("row.jq", "."), ("product.jq", "{sku, name}")] {
        fs::write(ferry.folder().join(name), program).unwrap();
    }
    fs::create_dir_all(ferry.folder().join("out")).unwrap();
    ferry
}

/// Drops a file of so many products; it is read when it is whole.
fn put(ferry: &Installation, products: u32) {
    let row = |number: u32| json!({"sku": format!("P-{number}"), "name": "Mug, red"}).to_string();
    let rows: Vec<String> = (0..products).map(row).collect();
    let aside = ferry.folder().join("aside");
    fs::write(&aside, rows.join("\n") + "\n").unwrap();
    fs::rename(aside, ferry.folder().join("drop/products.jsonl")).unwrap();
}

/// Every row of every file, in the order of the files. Each is whole.
fn rows(folder: &Path) -> Vec<String> {
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "csv"));
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let body = text.strip_prefix("sku,name\r\n").unwrap();
        assert!(body.ends_with("\r\n"), "{body}");
        rows.extend(body.lines().map(str::to_owned));
    }
    rows
}

/// What an operator sees once a try has failed this way.
fn failed(ferry: &Installation, console: &str, how: &str) -> String {
    wait_for(&format!("a try that failed: {how}"), SOON, || {
        let output = ferry.ask(&["exports", "ls", "--console", console]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.contains(how).then_some(said)
    })
}

#[test]
fn what_a_feed_says_is_in_files_once_whoever_of_two_loaders_makes_them() {
    let ferry = installation("exports");
    let console = ferry.run("console");
    let loaders = [ferry.run("loader"), ferry.run("loader")];
    let _others = ["producer", "transformer"].map(|service| ferry.run(service));
    put(&ferry, 50);
    let out = ferry.folder().join("out");
    wait_until("every product to be in a file", SOON, || rows(&out).len() >= 50);
    let found = rows(&out);
    let expected: BTreeSet<String> =
        (0..50).map(|number| format!("P-{number},\"Mug, red\"")).collect();
    assert_eq!(found.len(), 50);
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);

    let ls = ["--json", "exports", "ls", "--console", console.url.as_str()];
    let export = wait_for("the last document to be marked", SOON, || {
        let output = ferry.ask(&ls);
        assert_eq!(output.status.code(), Some(0));
        let exports: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let export = exports.into_iter().find(|export| export["export"] == "accounts")?;
        (export["open"].is_null() && export["waiting"] == 0).then_some(export)
    });
    assert!(export["delivered_at"].is_string(), "{export}");
    drop(loaders);
}

#[test]
fn a_folder_that_is_away_holds_documents_back_and_an_operator_sees_why() {
    let ferry = installation("exports-away");
    let console = ferry.run("console");
    let out = ferry.folder().join("out");
    fs::remove_dir(&out).unwrap();
    let _services = ["loader", "producer", "transformer"].map(|service| ferry.run(service));
    put(&ferry, 3);
    let told = failed(&ferry, &console.url, "connection: ");
    assert!(told.contains("products-00000001.csv"), "{told}");
    fs::create_dir(&out).unwrap();
    wait_until("the document to come", SOON, || out.join("products-00000001.csv").exists());
    assert_eq!(rows(&out).len(), 3);
}

#[test]
fn documents_are_put_on_a_server_and_wait_for_one_that_is_away() {
    let mut server = Server::start().unwrap();
    let inbox = server.inbox();
    let sftp = format!(
        "sftp = {{ host = \"127.0.0.1\", port = {}, user = \"{}\", key = {{ file = \"login\" }}, \
         host_keys = [\"{}\"], folder = \"{}\" }}",
        server.port(),
        server.user(),
        server.host_key().unwrap(),
        inbox.display()
    );
    let ferry = installation_with("exports-sftp", &FEED.replace("folder = \"out\"", &sftp));
    fs::write(ferry.folder().join("login"), server.login_key().unwrap()).unwrap();
    let console = ferry.run("console");
    let _services = ["loader", "producer", "transformer"].map(|service| ferry.run(service));
    put(&ferry, 3);
    wait_until("the document to come", SOON, || inbox.join("products-00000001.csv").exists());
    server.stop();
    put(&ferry, 5);
    let told = failed(&ferry, &console.url, "connection: no connection to 127.0.0.1:");
    assert!(told.contains("products-00000002.csv"), "{told}");
    server.start_again().unwrap();
    wait_until("what waited to come", SOON, || inbox.join("products-00000002.csv").exists());
    let found: Vec<String> = (0..3).chain(3..5).map(|n| format!("P-{n},\"Mug, red\"")).collect();
    assert_eq!(rows(&inbox), found);
}
