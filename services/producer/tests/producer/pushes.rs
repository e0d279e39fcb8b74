//! `POST /push/{system}` and `POST /upload/{system}/{kind}`.

use std::{convert::Infallible, net::IpAddr, path::Path, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{Request, Response},
};
use ferry_broker::{Message, PublishError, Publisher};
use ferry_canonical::{header, limits::RECORD_BYTES};
use ferry_producer::receive::{Receiver, router};
use ferry_sim::Fault;
use futures_util::stream;
use tokio::time::{Instant, timeout};
use tower::ServiceExt as _;

use crate::bench::{Bench, RECORDS, SECOND};

const PUSH: &str = "<inventory messageId=\"77\"/>";
const BASIC: &str = "Basic Zmxvdzpwdw==";

fn bench() -> Bench {
    Bench::new(Path::new("unused"))
}

fn push(body: impl Into<Body>) -> Request<Body> {
    Request::post("/push/warehouse?channel=web")
        .header("authorization", BASIC)
        .header("content-type", "application/xml")
        .body(body.into())
        .unwrap()
}

fn upload(path: &str) -> Request<Body> {
    Request::post(path).header(header::FIRST_LINE, "9").body("sku,name\nMUG,Red\n".into()).unwrap()
}

async fn sent_to(bench: &Bench, listens_on: &str, request: Request<Body>) -> Response<Body> {
    sent_by(bench, ferry_broker::Broker::publisher(&bench.broker), listens_on, request).await
}

async fn sent_by(
    bench: &Bench,
    publisher: impl Publisher,
    listens_on: &str,
    request: Request<Body>,
) -> Response<Body> {
    let receiver = Receiver {
        systems: Arc::clone(&bench.systems),
        publisher,
        store: bench.store.clone(),
        notes: bench.notes.clone(),
        metrics: bench.metrics.clone(),
        clock: ferry_sim::now,
        ids: uuid::Uuid::new_v4,
        listens_on: listens_on.parse::<IpAddr>().unwrap(),
    };
    router(receiver).oneshot(request).await.unwrap()
}

/// A publisher whose broker can carry nothing that it is given.
#[derive(Clone)]
struct Narrow;

impl Publisher for Narrow {
    async fn publish_all(&self, messages: Vec<Message>) -> Vec<Result<(), PublishError>> {
        let narrow =
            || PublishError::Unsendable("headers of 200000 bytes exceed 113664".to_owned());
        messages.iter().map(|_| Err(narrow())).collect()
    }

    async fn publish_until_confirmed(
        &self,
        messages: Vec<Message>,
        _: Duration,
    ) -> Result<(), PublishError> {
        self.publish_all(messages).await.into_iter().collect()
    }
}

async fn sent(bench: &Bench, request: Request<Body>) -> Response<Body> {
    sent_to(bench, "127.0.0.1", request).await
}

async fn text(response: Response<Body>) -> String {
    let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_push_hears_200_only_after_its_record_is_confirmed() {
    let bench = bench();
    bench.broker.script("records", [Fault::Hold]);
    let answer = sent(&bench, push(PUSH));
    tokio::pin!(answer);
    assert!(timeout(SECOND, &mut answer).await.is_err(), "it was answered before the confirm");
    assert_eq!(bench.bodies(), [PUSH]);
    bench.broker.release();
    let answer = answer.await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/xml");
    assert_eq!(text(answer).await, "<message>Success - Message 77 Received</message>");
}

#[tokio::test(start_paused = true)]
async fn a_record_carries_what_is_known_of_its_push() {
    let bench = bench();
    let mut request = push(PUSH);
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    request.headers_mut().insert("traceparent", parent.parse().unwrap());
    sent(&bench, request).await;
    let record = bench.broker.messages(RECORDS).remove(0);
    assert_eq!(record.key, "warehouse.-.live");
    for (name, value) in [
        (header::SOURCE, "warehouse"),
        (header::ENDPOINT, "push"),
        (header::SCOPE, "web"),
        (header::SOURCE_MESSAGE_ID, "77"),
        (header::RECEIVED_AT, "2026-01-01T00:00:00Z"),
        (header::LANE, "live"),
        (header::TRACEPARENT, parent),
    ] {
        assert_eq!(record.headers.text(name), Some(value), "{name}");
    }
    assert_eq!(record.headers.text("authorization"), None);
}

#[tokio::test(start_paused = true)]
async fn a_push_the_broker_refuses_hears_503_and_when_to_come_again() {
    let bench = bench();
    bench.broker.script("records", [Fault::Refuse]);
    let answer = sent(&bench, push(PUSH)).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (503, &"5".parse().unwrap())
    );
    assert_eq!(bench.bodies(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_push_whose_confirm_is_lost_hears_503_although_it_is_stored() {
    let bench = bench();
    bench.broker.script("records", [Fault::LoseConfirm]);
    assert_eq!(sent(&bench, push(PUSH)).await.status(), 503);
    assert_eq!(bench.bodies(), [PUSH]);
}

#[tokio::test(start_paused = true)]
async fn a_sender_does_not_wait_longer_than_ten_seconds_for_a_confirm() {
    let bench = bench();
    bench.broker.script("records", [Fault::Hold]);
    let started = Instant::now();
    assert_eq!(sent(&bench, push(PUSH)).await.status(), 503);
    assert_eq!(started.elapsed(), 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_push_that_is_said_twice_is_two_records() {
    let bench = bench();
    for _ in 0..2 {
        assert_eq!(sent(&bench, push(PUSH)).await.status(), 200);
    }
    let records = bench.broker.messages(RECORDS);
    assert_eq!(records.len(), 2);
    assert_ne!(records[0].id, records[1].id);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_is_refused_by_its_reason_and_stored_nowhere() {
    let bench = bench();
    let mut nobody = push(PUSH);
    nobody.headers_mut().remove("authorization");
    let answer = sent(&bench, nobody).await;
    assert_eq!(answer.headers()["www-authenticate"], "Basic realm=\"RTD\"");
    let mut wrong = push(PUSH);
    wrong.headers_mut().insert("authorization", "Basic Zmxvdzp4".parse().unwrap());
    let mut json = push("{}");
    json.headers_mut().insert("content-type", "application/json".parse().unwrap());
    let elsewhere = |path: &str| Request::post(path).body(Body::from(PUSH)).unwrap();
    let get = Request::get("/push/warehouse").body(Body::empty()).unwrap();
    let mut statuses = vec![answer.status().as_u16()];
    for request in [
        wrong,
        push("<inventory>"),
        json,
        push(vec![b' '; RECORD_BYTES + 1]),
        elsewhere("/push/nobody"),
        get,
    ] {
        statuses.push(sent(&bench, request).await.status().as_u16());
    }
    assert_eq!(statuses, [401, 401, 400, 415, 413, 404, 405]);
    assert_eq!(bench.broker.tried("records").len(), 0);
}

/// A body of which nothing comes.
fn silence() -> Body {
    Body::from_stream(stream::pending::<Result<Vec<u8>, Infallible>>())
}

#[tokio::test(start_paused = true)]
async fn credentials_are_looked_at_before_anything_of_a_body_is_waited_for() {
    let bench = bench();
    let started = Instant::now();
    let mut wrong = push(silence());
    wrong.headers_mut().insert("authorization", "Basic Zmxvdzp4".parse().unwrap());
    assert_eq!(sent(&bench, wrong).await.status(), 401);
    let upload = Request::post("/upload/nobody/products").body(silence()).unwrap();
    assert_eq!(sent(&bench, upload).await.status(), 404);
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_waited_for_half_a_minute() {
    let bench = bench();
    let upload = Request::post("/upload/catalogue/products").body(silence()).unwrap();
    for request in [push(silence()), upload] {
        let started = Instant::now();
        assert_eq!(sent(&bench, request).await.status(), 408);
        assert_eq!(started.elapsed(), 30 * SECOND);
    }
    assert_eq!(bench.broker.tried("records").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_push_that_no_broker_can_carry_hears_why_and_is_seen() {
    let mut bench = bench();
    let answer = sent_by(&bench, Narrow, "127.0.0.1", push(PUSH)).await;
    assert_eq!((answer.status().as_u16(), answer.headers().get("retry-after")), (413, None));
    let told = text(answer).await;
    assert!(told.contains("headers of 200000 bytes exceed 113664"), "{told}");
    let upload = upload("/upload/catalogue/products");
    assert_eq!(sent_by(&bench, Narrow, "127.0.0.1", upload).await.status(), 413);
    assert_eq!(bench.metrics.pushes.with_label_values(&["warehouse", "413"]).get(), 1);
    let noted = bench.noted().await.remove(0);
    assert_eq!((noted.result.as_str(), noted.status), ("refused", Some(413)));
    assert_eq!((noted.request.as_deref(), noted.response), (Some(PUSH), Some(told)));
}

#[tokio::test(start_paused = true)]
async fn a_system_that_is_only_polled_takes_no_push() {
    let bench = bench();
    let request = Request::post("/push/erp").body(Body::from(PUSH)).unwrap();
    let status = sent(&bench, request).await.status();
    assert!(status.is_client_error() && status != 410, "{status}");
    assert_eq!(bench.broker.tried("records").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_upload_goes_to_the_bulk_lane_with_its_lines() {
    let bench = bench();
    let answer = sent(&bench, upload("/upload/catalogue/products")).await;
    assert_eq!(answer.status(), 201);
    let record = bench.broker.messages("transform.bulk").remove(0);
    assert_eq!(text(answer).await, record.id);
    assert_eq!(record.key, "catalogue.-.bulk");
    assert_eq!(record.headers.text(header::FIRST_LINE), Some("9"));
    assert_eq!(record.headers.text(header::ENDPOINT), Some("products"));
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_taken_from_this_host_only_and_for_a_kind_that_exists() {
    let bench = bench();
    let ours = "/upload/catalogue/products";
    assert_eq!(sent_to(&bench, "0.0.0.0", upload(ours)).await.status(), 403);
    for path in ["/upload/catalogue/stock", "/upload/erp/customers", "/upload/nobody/products"] {
        assert_eq!(sent(&bench, upload(path)).await.status(), 404, "{path}");
    }
    assert_eq!(bench.broker.tried("records").len(), 0);
    bench.broker.script("records", [Fault::Refuse]);
    assert_eq!(sent(&bench, upload(ours)).await.status(), 503);
}
