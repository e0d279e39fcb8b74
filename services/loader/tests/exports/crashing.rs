//! Loaders that die at the worst moments.

use std::fs;

use ferry_sim::HttpFault;
use ferry_store::{DocumentPhase, Exports as _, NewDocument};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::bench::{ACCOUNTS, Bench, SECOND};

const BODY: &str = "sku,name\r\nMUG,mug\r\n";

/// Writes a document down, as a loader does that dies right after.
pub(crate) async fn frozen(bench: &Bench) {
    let waits = bench.store.waiting(ACCOUNTS, None, 10).await.unwrap();
    let document = NewDocument {
        target: ACCOUNTS.to_owned(),
        number: 1,
        id: Uuid::from_u128(1),
        name: "products-00000001.csv".to_owned(),
        media_type: "text/csv".to_owned(),
        sha256: String::new(),
        body: BODY.as_bytes().to_vec(),
        rows: 1,
        parts: waits.into_iter().map(|waits| waits.part).collect(),
    };
    assert!(bench.store.freeze(document).await.unwrap());
}

async fn with_a_part(mut bench: Bench) -> Bench {
    bench.add_desk();
    bench.say("MUG", "mug", 1).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn a_loader_is_killed_between_freezing_a_document_and_sending_it() {
    let mut bench = with_a_part(Bench::new()).await;
    frozen(&bench).await;
    bench.say("MUG", "newer", 2).await;
    bench.add_flusher("two");
    bench.until_brought().await;
    assert_eq!(bench.names(), ["products-00000001.csv", "products-00000002.csv"]);
    assert_eq!(bench.text("products-00000001.csv"), BODY);
    assert_eq!(bench.text("products-00000002.csv"), "sku,name\r\nMUG,newer\r\n");
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_loader_is_killed_while_it_writes_a_file() {
    let mut bench = with_a_part(Bench::new()).await;
    frozen(&bench).await;
    let half = format!(".ferry-{}-{}.part", Uuid::from_u128(1), Uuid::nil());
    fs::write(bench.folder.path().join(half), "sku,na").unwrap();
    bench.add_flusher("two");
    bench.until_brought().await;
    assert_eq!(bench.names(), ["products-00000001.csv"]);
    assert_eq!(bench.text("products-00000001.csv"), BODY);
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_loader_is_killed_between_the_rename_and_the_mark() {
    let mut bench = with_a_part(Bench::new()).await;
    frozen(&bench).await;
    fs::write(bench.folder.path().join("products-00000001.csv"), BODY).unwrap();
    bench.add_flusher("two");
    bench.until_brought().await;
    let document = bench.documents().await.remove(0);
    assert_eq!(document.phase, DocumentPhase::Delivered);
    assert!(document.detail.unwrap().contains("already"));
    assert_eq!(bench.names(), ["products-00000001.csv"]);
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_loader_is_killed_between_the_receivers_yes_and_the_mark() {
    let mut bench = with_a_part(Bench::sending()).await;
    bench.http.script("export", [HttpFault::Hold]);
    let killed = bench.add_flusher("one");
    bench.http.until(|http| http.count("export") == 1).await;
    killed.abort();
    bench.say("TEA", "tea", 2).await;
    bench.add_flusher("two");
    bench.until_brought().await;

    let sent = bench.http.requests();
    let said: Vec<_> = sent
        .iter()
        .map(|request| {
            let key = request.headers.iter().find(|(name, _)| name == "idempotency-key");
            (key.unwrap().1.clone(), request.body.clone())
        })
        .collect();
    assert_eq!(said.len(), 3);
    // The same document again, and only then what came later.
    assert_eq!(said[0], said[1]);
    assert_ne!(said[1].0, said[2].0);
    assert_eq!(said[2].1, "sku,name\r\nTEA,tea\r\n".as_bytes());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_is_asked_for_under_the_same_key() {
    let mut bench = with_a_part(Bench::sending()).await;
    bench.http.script("export", [HttpFault::ApplyThenDrop, HttpFault::Stall]);
    bench.add_flusher("one");
    bench.until_brought().await;
    let keys: Vec<_> = bench
        .http
        .requests()
        .iter()
        .map(|request| {
            let key = request.headers.iter().find(|(name, _)| name == "idempotency-key");
            key.unwrap().1.clone()
        })
        .collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_loader_that_drains_brings_the_document_it_has_in_hand_to_its_end() {
    let mut bench = with_a_part(Bench::sending()).await;
    bench.http.script("export", [HttpFault::Hold]);
    bench.add_flusher("one");
    bench.http.until(|http| http.count("export") == 1).await;
    bench.draining.cancel();
    sleep(SECOND).await;
    bench.http.release();
    while let Some(ended) = bench.tasks.join_next().await {
        ended.unwrap();
    }
    let document = bench.documents().await.remove(0);
    assert_eq!((document.phase, document.tries), (DocumentPhase::Delivered, 1));
}

#[tokio::test(start_paused = true)]
async fn a_loader_that_drains_leaves_the_rest_of_its_run_to_the_next() {
    let mut bench = with_a_part(Bench::sending().every(3_600 * SECOND)).await;
    bench.say("TEA", "tea", 2).await;
    bench.config.parts_max = 1;
    bench.http.script("export", [HttpFault::Hold]);
    bench.add_flusher("one");
    bench.http.until(|http| http.count("export") == 1).await;
    bench.draining.cancel();
    bench.http.release();
    while let Some(ended) = bench.tasks.join_next().await {
        ended.unwrap();
    }
    assert_eq!((bench.documents().await.len(), bench.waiting().await), (1, 1));

    bench.draining = CancellationToken::new();
    bench.add_flusher("two");
    timeout(60 * SECOND, bench.until_brought()).await.unwrap();
    assert_eq!(bench.documents().await.len(), 2);
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_of_somebody_else_is_not_written_over_and_is_named() {
    let mut bench = with_a_part(Bench::new()).await;
    fs::write(bench.folder.path().join("products-00000001.csv"), "theirs").unwrap();
    bench.add_flusher("one");
    sleep(60 * SECOND).await;
    assert_eq!(bench.text("products-00000001.csv"), "theirs");
    let document = bench.documents().await.remove(0);
    assert_eq!(document.phase, DocumentPhase::Open);
    assert!(document.detail.unwrap().starts_with("conflict: "));
    // Once it is moved away, the document comes.
    fs::remove_file(bench.folder.path().join("products-00000001.csv")).unwrap();
    bench.until_brought().await;
    assert_eq!(bench.text("products-00000001.csv"), BODY);
    bench.drain().await;
}
