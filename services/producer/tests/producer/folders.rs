//! A drop folder, looked at every two seconds.

use std::{fs, io::Write as _, path::Path, sync::Arc, time::SystemTime};

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

pub(crate) struct Dropping {
    pub(crate) bench: Bench,
    folder: TempDir,
    tasks: JoinSet<()>,
}

pub(crate) fn prepared() -> Dropping {
    let folder = TempDir::new().unwrap();
    Dropping { bench: Bench::new(folder.path()), folder, tasks: JoinSet::new() }
}

impl Dropping {
    pub(crate) fn start(&mut self) {
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
            owner: "one".to_owned(),
        };
        self.tasks.spawn(folder.run(CancellationToken::new()));
    }

    pub(crate) fn drop_file(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// A file that was last changed in one moment with all others dropped so.
    fn drop_old_file(&self, name: &str, content: &str) {
        let file = fs::File::create(self.folder.path().join(name)).unwrap();
        (&file).write_all(content.as_bytes()).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + 1_000_000 * SECOND).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Nobody hears of what it is about.
    pub(crate) fn kill(&mut self) {
        self.tasks.abort_all();
    }

    /// The as-of times of all records, in order.
    pub(crate) fn as_of(&self) -> Vec<String> {
        let records = self.bench.broker.messages(RECORDS);
        records.iter().map(|r| r.headers.text(header::AS_OF).unwrap().to_owned()).collect()
    }

    /// The files of the folder, or of one in it.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
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
    assert_eq!(dropping.files("failed"), ["broken.csv", "broken.csv.errors.csv"]);
    let report = dropping.read("failed/broken.csv.errors.csv");
    assert!(report.contains("parse,,line 2: it goes on for more than"), "{report}");
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

#[tokio::test(start_paused = true)]
async fn of_two_files_written_in_one_moment_the_one_that_comes_later_is_newer() {
    let mut dropping = prepared();
    dropping.start();
    dropping.drop_old_file("products.csv", "sku,name\nB,1\nA,old\n");
    sleep(5 * SECOND).await;
    // Another producer goes on, knowing what the first one said.
    dropping.tasks.abort_all();
    sleep(20 * SECOND).await;
    dropping.start();
    dropping.drop_old_file("products.csv", "sku,name\nA,new\nB,2\n");
    sleep(25 * SECOND).await;
    assert_eq!(dropping.as_of(), ["1970-01-12T13:46:40Z", "1970-01-12T13:46:40.001Z"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_read_again_after_a_kill_says_the_same_again() {
    let mut dropping = prepared();
    dropping.drop_old_file("one.csv", "sku,name\nA,1\n");
    // Durable, but nobody hears of it.
    dropping.bench.broker.script("records", [Fault::Hold]);
    dropping.start();
    dropping.bench.broker.until(|broker| broker.messages(RECORDS).len() == 1).await;
    dropping.tasks.abort_all();
    dropping.bench.broker.release();
    dropping.drop_old_file("another.csv", "sku,name\nA,2\n");
    sleep(20 * SECOND).await;
    dropping.start();
    dropping.bench.broker.until(|broker| broker.messages(RECORDS).len() == 3).await;
    let times = dropping.as_of();
    assert_eq!(times[0], times[1]);
    assert_eq!(times[2], "1970-01-12T13:46:40.001Z");
}
