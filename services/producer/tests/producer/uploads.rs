//! Whole files by `POST /upload/{system}/{kind}`.

use std::{path::Path, sync::Arc};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use ferry_broker::Broker as _;
use ferry_canonical::header;
use ferry_producer::receive::{Receiver, router};
use ferry_sim::Fault;
use serde_json::Value;
use tokio::time::sleep;
use tower::ServiceExt as _;

use crate::{
    bench::{Bench, RECORDS, SECOND},
    files::HEADER,
};

const PRODUCTS: &str = "sku;name\nA;1\nB\nC;3\n";

fn bench() -> Bench {
    Bench::new(Path::new("unused"))
}

fn upload(kind: &str, body: impl Into<Body>) -> Request<Body> {
    let path = format!("/upload/catalogue/{kind}");
    Request::post(path).header(header::FILE, "a file.csv").body(body.into()).unwrap()
}

/// The status and what is told, which is null where it is no JSON.
async fn sent(bench: &Bench, request: Request<Body>) -> (StatusCode, Value) {
    let receiver = Receiver {
        systems: Arc::clone(&bench.systems),
        publisher: bench.broker.publisher(),
        store: bench.store.clone(),
        notes: bench.notes.clone(),
        metrics: bench.metrics.clone(),
        clock: ferry_sim::now,
        ids: uuid::Uuid::new_v4,
        listens_on: std::net::Ipv4Addr::LOCALHOST.into(),
    };
    let response = router(receiver).oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1_000_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn a_file_is_answered_when_it_is_durable_with_what_is_wrong_with_its_rows() {
    let mut bench = bench();
    let (status, told) = sent(&bench, upload("products", PRODUCTS)).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(bench.bodies(), ["sku;name\nA;1\nB\n", "sku;name\nC;3\n"]);
    let count = |name: &str| told[name].as_u64().unwrap();
    let counts = ["rows", "good", "skipped", "bad", "records", "errors_left_out"].map(count);
    assert_eq!(counts, [3, 2, 0, 1, 2, 0]);
    assert_eq!(told["encoding"], "utf-8");
    let error = &told["errors"][0];
    assert_eq!((&error["line"], &error["kind"]), (&Value::from(3), &Value::from("parse")));
    assert_eq!(error["problem"], "1 columns, the header names 2");
    let record = bench.broker.messages(RECORDS).remove(1);
    assert_eq!(record.headers.text(header::FILE), Some("a file.csv"));
    assert_eq!(record.headers.text(header::FIRST_LINE), Some("4"));
    let noted = bench.noted().await.remove(0);
    assert_eq!(
        (noted.operation.as_str(), noted.result.as_str()),
        ("upload catalogue/products", "received")
    );
    assert!(noted.detail.unwrap().starts_with("3 rows in 2 records, 1 bad"));
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_nobody_confirms_is_not_stored_and_its_repeat_is_the_same_records() {
    let bench = bench();
    bench.broker.script("records", [Fault::Hold]);
    let (status, _) = sent(&bench, upload("products", PRODUCTS)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    bench.broker.release();
    let (status, _) = sent(&bench, upload("products", PRODUCTS)).await;
    assert_eq!(status, StatusCode::CREATED);
    let ids = bench.broker.messages(RECORDS).into_iter().map(|record| record.id);
    let ids: std::collections::BTreeSet<String> = ids.collect();
    assert_eq!(ids.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_sent_twice_keeps_its_time_and_a_corrected_one_is_newer() {
    let bench = bench();
    let mut times = Vec::new();
    for body in [PRODUCTS, PRODUCTS, "sku;name\nA;1\nB;2\nC;3\n", PRODUCTS] {
        let (_, told) = sent(&bench, upload("products", body)).await;
        times.push(told["as_of"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap());
        sleep(SECOND).await;
    }
    assert_eq!(times[0], times[1]);
    assert!(times[1] < times[2] && times[2] < times[3], "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_read_is_refused_with_the_reason() {
    let bench = bench();
    let (status, told) = sent(&bench, upload("orders", PRODUCTS)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let reason = told["unreadable"].as_str().unwrap();
    assert!(reason.contains("no column `externalReference`"), "{reason}");
    let mut stated = upload("orders", HEADER);
    stated.headers_mut().insert(header::AS_OF, "yesterday".parse().unwrap());
    assert_eq!(sent(&bench, stated).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(bench.broker.tried("records").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn of_very_many_bad_rows_the_first_are_listed_and_the_rest_counted() {
    let bench = bench();
    let body = format!("sku,name\n{}", "A\n".repeat(1_500));
    let (status, told) = sent(&bench, upload("products", body)).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(told["errors"].as_array().map(Vec::len), Some(1_000));
    assert_eq!((&told["bad"], &told["errors_left_out"]), (&Value::from(1_500), &Value::from(500)));
}
