//! Exports: what the API shows of them, and when a person is told.

use std::sync::Arc;

use axum::{body::Body, http::Request};
use ferry_canonical::{Facet, Subject};
use ferry_console::alerts::Channel;
use ferry_store::{
    DocumentEnd, Exports as _, Journal as _, JournalFilter, KeptPart, NewDocument, ScheduleChange,
    Schedules as _,
};
use serde_json::{Value, json};
use tokio::time::advance;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    api::{ask, get, post},
    bench::{Bench, Ear, MINUTE, SECOND},
};

const EXPORT: &str = r#"
[systems.accounts]
kind = "export"
format = "orderflow"
imports_of = "warehouse"
folder = "accounts"
flush_after = "1h"
overdue_after = "30m"
"#;

/// A document is on its way.
async fn frozen(bench: &Bench) {
    let subject = Subject { facet: Facet::Placed, id: "WEB-1".to_owned(), part: None };
    let document = NewDocument {
        target: "accounts".to_owned(),
        number: 1,
        id: Uuid::nil(),
        name: "accounts-00000001.xml".to_owned(),
        media_type: "application/xml".to_owned(),
        sha256: "0".repeat(64),
        body: b"<imports/>".to_vec(),
        rows: 1,
        parts: vec![KeptPart { subject, version: 1 }],
    };
    assert!(bench.store.freeze(document).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_export_is_shown_with_its_documents_and_what_is_in_them() {
    let bench = Bench::with(EXPORT);
    let rows = get(&bench, "/api/v1/exports").await;
    assert_eq!(rows.as_array().map(Vec::len), Some(1), "{rows}");
    assert_eq!((&rows[0]["export"], &rows[0]["waiting"]), (&"accounts".into(), &json!(0)));
    assert_eq!((&rows[0]["open"], &rows[0]["state"]), (&Value::Null, &"waiting".into()));
    frozen(&bench).await;
    let end = DocumentEnd::Failed { detail: "timeout: no answer".to_owned(), hold: None };
    assert!(bench.store.settle_document("accounts", 1, end).await.unwrap());

    let export = get(&bench, "/api/v1/exports/accounts").await;
    assert_eq!(export["open"]["detail"], "timeout: no answer");
    assert_eq!(export["documents"][0]["phase"], "open");
    let document = get(&bench, "/api/v1/exports/accounts/documents/1").await;
    assert_eq!(document["parts"], json!(["order/WEB-1/placed"]));
    assert_eq!(document["document"]["name"], "accounts-00000001.xml");
    for path in ["exports/shop", "exports/nobody", "exports/accounts/documents/7"] {
        let request = Request::get(format!("/api/v1/{path}")).body(Body::empty()).unwrap();
        assert_eq!(ask(&bench, request).await.0, 404, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_operator_asks_for_a_document_and_takes_one_apart_and_the_journal_says_who() {
    let bench = Bench::with(EXPORT);
    frozen(&bench).await;
    let by = || json!({"by": "ada"});
    let (status, export) = post(&bench, "/api/v1/exports/accounts/run", by()).await;
    assert_eq!((status, &export["state"]), (200, &"asked".into()), "{export}");
    let dissolve = "/api/v1/exports/accounts/documents/1/dissolve";
    let (status, export) = post(&bench, dissolve, by()).await;
    assert_eq!((status, &export["open"]), (200, &Value::Null), "{export}");
    assert_eq!(export["waiting"], 1);
    assert_eq!(post(&bench, dissolve, by()).await.0, 404);
    assert_eq!(post(&bench, "/api/v1/exports/accounts/run", json!({"by": ""})).await.0, 400);
    assert_eq!(post(&bench, "/api/v1/exports/shop/run", by()).await.0, 404);

    let rows = bench.store.search(JournalFilter::default()).await.unwrap();
    let said: Vec<_> = rows.iter().filter_map(|row| row.entry.detail.clone()).collect();
    assert_eq!(said, ["dissolved by ada", "asked for by ada"]);
    assert!(rows.iter().all(|row| row.entry.system == "accounts"));
}

#[tokio::test(start_paused = true)]
async fn the_schedule_of_an_export_is_paused_like_any_other() {
    let bench = Bench::with(EXPORT);
    let known = ScheduleChange::Known { times: "after 1h".to_owned(), next_at: None };
    bench.store.change_schedule("export/accounts", known).await.unwrap();
    assert_eq!(get(&bench, "/api/v1/schedules").await[0]["schedule"], "export/accounts");
    let body = json!({"by": "ada", "reason": "month's end"});
    let (status, row) = post(&bench, "/api/v1/schedules/export/accounts/pause", body).await;
    assert_eq!((status, &row["state"]), (200, &"paused".into()), "{row}");
    assert_eq!(get(&bench, "/api/v1/exports").await[0]["state"], "paused");
    let rows = bench.store.search(JournalFilter::default()).await.unwrap();
    assert!(rows.iter().all(|row| row.entry.system == "accounts"), "{rows:?}");
}

/// The titles of what is told after one look.
async fn told(bench: &Bench, ear: &Arc<Ear>) -> Vec<String> {
    bench.watch("one", &["ear"]).look().await.unwrap();
    let channel: Arc<dyn Channel> = Arc::<Ear>::clone(ear);
    bench.teller(channel).tell_all(&CancellationToken::new()).await.unwrap();
    ear.heard().into_iter().map(|message| message.title).collect()
}

#[tokio::test(start_paused = true)]
async fn a_document_that_does_not_arrive_is_an_alert_until_it_has() {
    let (bench, ear) = (Bench::with(EXPORT), Ear::deaf_to(0));
    frozen(&bench).await;
    advance(29 * MINUTE + 59 * SECOND).await;
    assert_eq!(told(&bench, &ear).await, [""; 0]);
    advance(SECOND).await;
    let overdue =
        "accounts has not taken document 1 since 2026-01-01 00:00 UTC; it was tried 0 times.";
    assert_eq!(told(&bench, &ear).await, [format!("[sim] {overdue}")]);
    let end = DocumentEnd::Delivered { detail: None };
    assert!(bench.store.settle_document("accounts", 1, end).await.unwrap());
    let over = format!("[sim] Over: {overdue}");
    assert_eq!(told(&bench, &ear).await.last(), Some(&over));
}

#[tokio::test(start_paused = true)]
async fn what_is_due_and_made_by_nobody_is_an_alert_too() {
    let (bench, ear) = (Bench::with(EXPORT), Ear::deaf_to(0));
    frozen(&bench).await;
    // What was in it waits, for an hour by its configuration.
    assert!(bench.store.dissolve("accounts", 1, "dissolved by ada").await.unwrap());
    advance(89 * MINUTE + 59 * SECOND).await;
    assert_eq!(told(&bench, &ear).await, [""; 0]);
    advance(SECOND).await;
    let overdue =
        "what waits for accounts was due at 2026-01-01 01:00 UTC and has not been brought.";
    assert_eq!(told(&bench, &ear).await, [format!("[sim] {overdue}")]);
}
