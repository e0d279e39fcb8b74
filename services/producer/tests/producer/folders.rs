//! A drop folder, looked at every two seconds.

use std::{fs, path::Path, sync::Arc};

use ferry_broker::Broker as _;
use ferry_canonical::header;
use ferry_producer::folder::Folder;
use ferry_sim::Fault;
use ferry_store::{Lease, Leases as _};
use tempfile::TempDir;
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, RECORDS, SECOND};

/// Five rows: three records of at most two.
const ROWS: &str = "sku,name\nA,1\nB,2\nC,3\nD,4\nE,5\n";

struct Dropping {
    bench: Bench,
    folder: TempDir,
    tasks: JoinSet<()>,
}

fn prepared() -> Dropping {
    let folder = TempDir::new().unwrap();
    Dropping { bench: Bench::new(folder.path()), folder, tasks: JoinSet::new() }
}

impl Dropping {
    fn start(&mut self) {
        let bench = &self.bench;
        let folder = Folder {
            source: "catalogue".to_owned(),
            every: 2 * SECOND,
            systems: Arc::clone(&bench.systems),
            publisher: bench.broker.publisher(),
            store: bench.store.clone(),
            notes: bench.notes.clone(),
            metrics: bench.metrics.clone(),
            clock: ferry_sim::now,
            ids: uuid::Uuid::new_v4,
            owner: "one".to_owned(),
        };
        self.tasks.spawn(folder.run(CancellationToken::new()));
    }

    fn drop_file(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// The files of the folder, or of one in it.
    fn files(&self, folder: &str) -> Vec<String> {
        names(&self.folder.path().join(folder))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let entries = entries.map(Result::unwrap).filter(|entry| entry.path().is_file());
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(start_paused = true)]
async fn a_file_leaves_its_folder_only_when_all_of_it_is_durable() {
    let mut dropping = prepared();
    dropping.drop_file("products.csv", ROWS);
    dropping.bench.broker.script("records", [Fault::Pass, Fault::Pass, Fault::Hold]);
    dropping.start();
    dropping.bench.broker.until(|broker| broker.messages(RECORDS).len() == 3).await;
    sleep(SECOND).await;
    assert_eq!(dropping.files(""), ["products.csv"], "it was moved before the confirm");
    dropping.bench.broker.release();
    sleep(SECOND).await;
    assert_eq!((dropping.files(""), dropping.files("done")), (vec![], vec!["products.csv".into()]));
    let bodies = ["sku,name\nA,1\nB,2\n", "sku,name\nC,3\nD,4\n", "sku,name\nE,5\n"];
    assert_eq!(dropping.bench.bodies(), bodies);
    let records = dropping.bench.broker.messages(RECORDS);
    let lines: Vec<_> = records.iter().map(|r| r.headers.text(header::FIRST_LINE)).collect();
    assert_eq!(lines, [Some("2"), Some("4"), Some("6")]);
    assert!(records.iter().all(|r| r.headers.text(header::AS_OF).is_some()));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_still_grows_is_left_alone() {
    let mut dropping = prepared();
    dropping.drop_file("products.csv", "sku,name\nA,1\n");
    dropping.start();
    sleep(SECOND).await;
    dropping.drop_file("products.csv", ROWS);
    sleep(2 * SECOND).await;
    assert_eq!(dropping.bench.broker.tried("records").len(), 0);
    sleep(2 * SECOND).await;
    assert_eq!(dropping.bench.broker.messages(RECORDS).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_read_goes_to_failed_and_the_others_to_done() {
    let mut dropping = prepared();
    let endless = format!("sku,name\nA,\"{}", "never closed ".repeat(1_000).repeat(100) + "\n");
    dropping.drop_file("broken.csv", endless);
    dropping.drop_file("fine.csv", ROWS);
    dropping.drop_file("notes.txt", "not ours");
    dropping.start();
    sleep(5 * SECOND).await;
    assert_eq!(dropping.files("failed"), ["broken.csv"]);
    assert_eq!(dropping.files("done"), ["fine.csv"]);
    assert_eq!(dropping.files(""), ["notes.txt"]);
    assert_eq!(dropping.bench.broker.messages(RECORDS).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn while_the_broker_refuses_the_file_stays_and_is_read_again() {
    let mut dropping = prepared();
    dropping.drop_file("products.csv", "sku,name\nA,1\n");
    dropping.bench.broker.script("records", [Fault::Refuse; 30]);
    dropping.start();
    sleep(100 * SECOND).await;
    assert_eq!(dropping.files(""), ["products.csv"]);
    dropping.bench.broker.until(|broker| broker.messages(RECORDS).len() == 1).await;
    sleep(SECOND).await;
    assert_eq!(dropping.files("done"), ["products.csv"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_of_a_name_that_was_there_before_replaces_nothing() {
    let mut dropping = prepared();
    dropping.start();
    for _ in 0..2 {
        dropping.drop_file("products.csv", ROWS);
        sleep(5 * SECOND).await;
    }
    assert_eq!(dropping.files("done"), ["products.csv", "products.csv.1"]);
}

#[tokio::test(start_paused = true)]
async fn a_folder_another_producer_looks_after_is_left_to_it() {
    let mut dropping = prepared();
    let other = Lease { name: "folder/catalogue".to_owned(), owner: "other".to_owned() };
    assert!(dropping.bench.store.lease(other, 60 * SECOND).await.unwrap());
    dropping.drop_file("products.csv", ROWS);
    dropping.start();
    sleep(55 * SECOND).await;
    assert_eq!(dropping.bench.broker.tried("records").len(), 0);
    sleep(10 * SECOND).await;
    assert_eq!(dropping.files("done"), ["products.csv"]);
}
