//! The HTTP API, asked as anybody asks it.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, header},
};
use ferry_console::{
    api::{self, Console},
    sample::Samples,
};
use ferry_store::{
    Because, Journal as _, JournalFilter, Run, Said, ScannedPage, ScannedRow, Scans as _,
    ScheduleChange, Schedules as _, Walk,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::bench::{Bench, Ear, SECOND};

pub(crate) fn router(bench: &Bench) -> Router {
    api::router(Console {
        config: std::sync::Arc::clone(&bench.config),
        broker: bench.broker.clone(),
        store: bench.store.clone(),
        samples: Samples::default(),
        clock: ferry_sim::now,
        channels: vec![Ear::deaf_to(1)],
        local: true,
    })
}

pub(crate) async fn ask(bench: &Bench, request: Request<Body>) -> (u16, Value) {
    let response = router(bench).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

pub(crate) async fn get(bench: &Bench, path: &str) -> Value {
    let (status, answer) = ask(bench, Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

pub(crate) async fn post(bench: &Bench, path: &str, body: Value) -> (u16, Value) {
    let request = Request::post(path)
        .header(header::HOST, "127.0.0.1:7083")
        .header(header::CONTENT_TYPE, "application/json");
    ask(bench, request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn a_target_is_paused_with_reason_and_end_and_everybody_can_see_by_whom() {
    let bench = Bench::new();
    assert_eq!(get(&bench, "/api/v1/targets").await[0]["state"], "running");
    let until = "2026-01-01T02:00:00Z";
    let body = json!({"reason": "prices are wrong", "until": until, "by": "alice"});
    let (status, paused) = post(&bench, "/api/v1/targets/shop/pause", body).await;
    assert_eq!(status, 200, "{paused}");
    let expected = json!([{
        "target": "shop", "state": "paused", "reason": "prices are wrong", "by": "alice",
        "since": "2026-01-01T00:00:00Z", "until": until, "breaker": "closed",
        "sentence": "shop is paused by alice since 2026-01-01 00:00 UTC, until 2026-01-01 02:00 UTC: \
                     prices are wrong",
    }]);
    assert_eq!(get(&bench, "/api/v1/targets").await, expected);
    assert_eq!(get(&bench, "/api/v1/overview").await["targets"], expected);
    tokio::time::advance(7200 * SECOND).await;
    assert_eq!(get(&bench, "/api/v1/targets").await[0]["state"], "running");
}

#[tokio::test(start_paused = true)]
async fn an_operators_acts_are_in_the_journal_with_their_names() {
    let bench = Bench::new();
    let body = json!({"reason": "prices are wrong", "by": "alice"});
    post(&bench, "/api/v1/targets/shop/pause", body).await;
    let (status, row) = post(&bench, "/api/v1/targets/shop/resume", json!({"by": "bob"})).await;
    assert_eq!((status, &row["state"]), (200, &"running".into()));
    let rows = bench.store.search(JournalFilter::default()).await.unwrap();
    let said: Vec<_> = rows.iter().filter_map(|row| row.entry.detail.clone()).collect();
    assert_eq!(said, ["resumed by bob", "paused by alice: prices are wrong"]);
    assert!(rows.iter().all(|row| row.entry.system == "shop"));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_sensible_pause_changes_nothing() {
    let bench = Bench::new();
    for (path, body, expected) in [
        ("nobody/pause", json!({"reason": "a", "by": "b"}), 404),
        ("warehouse/pause", json!({"reason": "a", "by": "b"}), 404),
        ("shop/pause", json!({"reason": " ", "by": "b"}), 400),
        ("shop/pause", json!({"reason": "a", "by": ""}), 400),
        ("shop/pause", json!({"reason": "a"}), 400),
        ("shop/pause", json!({"reason": "a\nb", "by": "b"}), 400),
        ("shop/pause", json!({"reason": "a", "by": "b", "untill": null}), 400),
        ("shop/pause", json!({"reason": "a", "by": "b", "until": "2025-12-31T23:59:59Z"}), 400),
        ("nobody/resume", json!({"by": "b"}), 404),
    ] {
        let (status, problem) = post(&bench, &format!("/api/v1/targets/{path}"), body).await;
        assert_eq!(status, expected, "{path}: {problem}");
        assert!(problem["detail"].is_string(), "{problem}");
    }
    assert_eq!(get(&bench, "/api/v1/targets").await[0]["state"], "running");
}

#[tokio::test(start_paused = true)]
async fn a_page_of_another_site_can_neither_pause_nor_send_a_test() {
    let bench = Bench::new();
    for path in [
        "/api/v1/targets/shop/pause",
        "/api/v1/targets/shop/resume",
        "/api/v1/schedules/erp/customers/run",
        "/api/v1/alerts/test",
    ] {
        let body = json!({"reason": "a", "by": "b"}).to_string();
        let form = Request::post(path)
            .header(header::HOST, "127.0.0.1:7083")
            .header(header::CONTENT_TYPE, "text/plain");
        assert_eq!(
            ask(&bench, form.body(Body::from(body.clone())).unwrap()).await.0,
            415,
            "{path}"
        );
        let foreign = Request::post(path)
            .header(header::HOST, "127.0.0.1:7083")
            .header(header::ORIGIN, "https://evil.example")
            .header(header::CONTENT_TYPE, "application/json");
        assert_eq!(ask(&bench, foreign.body(Body::from(body)).unwrap()).await.0, 403, "{path}");
    }
    assert_eq!(get(&bench, "/api/v1/targets").await[0]["state"], "running");
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_a_producer_knows_is_paused_resumed_and_asked_for() {
    let bench = Bench::new();
    assert_eq!(get(&bench, "/api/v1/schedules").await, json!([]));
    let path = "/api/v1/schedules/erp/customers";
    let (status, problem) = post(&bench, &format!("{path}/run"), json!({"by": "ada"})).await;
    assert_eq!(status, 404, "{problem}");
    let next_at = "2026-01-01T02:00:00Z".parse().ok();
    let known = ScheduleChange::Known { times: "0 2 * * * (UTC)".to_owned(), next_at };
    bench.store.change_schedule("poll/erp/customers", known).await.unwrap();
    let row = get(&bench, "/api/v1/schedules").await[0].clone();
    assert_eq!((&row["schedule"], &row["state"]), (&"erp/customers".into(), &"waiting".into()));
    assert_eq!(row["next_at"], "2026-01-01T02:00:00Z");
    for (verb, body, state) in [
        ("pause", json!({"by": "ada", "reason": "stock count"}), "paused"),
        ("run", json!({"by": "ada"}), "asked"),
    ] {
        let (status, row) = post(&bench, &format!("{path}/{verb}"), body).await;
        assert_eq!((status, &row["state"]), (200, &state.into()), "{row}");
        assert_eq!(row["reason"], "stock count");
    }
    post(&bench, &format!("{path}/resume"), json!({"by": "bob"})).await;
    assert_eq!(get(&bench, path).await["reason"], Value::Null);
    let rows = bench.store.search(JournalFilter::default()).await.unwrap();
    let said: Vec<_> = rows.iter().filter_map(|row| row.entry.detail.clone()).collect();
    assert_eq!(said, ["resumed by bob", "asked for by ada", "paused by ada: stock count"]);
}

#[tokio::test(start_paused = true)]
async fn a_scan_shows_how_far_it_has_come_and_is_asked_for_by_its_name() {
    let bench = Bench::new();
    let known = ScheduleChange::Known { times: "every 6h".to_owned(), next_at: None };
    bench.store.change_schedule("scan/shop/customers", known).await.unwrap();
    let began_at = "2026-01-01T02:00:00Z".parse().unwrap();
    let walk = Walk { began_at, rows: 300, of: Some(5_000), ended_at: None };
    let walked = ScheduleChange::Walked { walk };
    bench.store.change_schedule("scan/shop/customers", walked).await.unwrap();
    let row = get(&bench, "/api/v1/schedules").await[0].clone();
    assert_eq!(row["schedule"], "scan/shop/customers");
    assert_eq!((&row["walk"]["rows"], &row["walk"]["of"]), (&300.into(), &5_000.into()));
    let path = "/api/v1/schedules/scan/shop%2Fcustomers";
    let (status, row) = post(&bench, &format!("{path}/run"), json!({"by": "ada"})).await;
    assert_eq!((status, &row["state"]), (200, &"asked".into()), "{row}");
    let rows = bench.store.search(JournalFilter::default()).await.unwrap();
    assert_eq!(rows[0].entry.system, "shop");
}

#[tokio::test(start_paused = true)]
async fn removals_that_wait_are_shown_and_decided_about_by_their_number() {
    let bench = Bench::new();
    let scan = "scan/shop/customers";
    let known = ScheduleChange::Known { times: "every 6h".to_owned(), next_at: None };
    bench.store.change_schedule(scan, known).await.unwrap();
    let row = |id: &str| ScannedRow {
        id: id.to_owned(),
        said: Said { hash: uuid::Uuid::nil(), again: false },
        known_as: Some(format!("C-{id}")),
    };
    let rows = vec![row("1"), row("2")];
    let page = ScannedPage { walk: 1, rows, from: None, to: "a".to_owned() };
    assert!(bench.store.keep_page(scan, page).await.unwrap());
    bench.store.hold_gone(scan, 2).await.unwrap();
    let path = "/api/v1/schedules/scan/shop%2Fcustomers/removals";
    let shown = get(&bench, path).await;
    assert_eq!((&shown["count"], &shown["rows"][1]["number"]), (&2.into(), &"C-2".into()));
    for (count, expected) in [(1, 409), (2, 200), (2, 409)] {
        let body = json!({"by": "ada", "count": count});
        let (status, answer) = post(&bench, &format!("{path}/approve"), body).await;
        assert_eq!(status, expected, "{answer}");
    }
    assert_eq!(get(&bench, path).await["count"], 0);
    let state = bench.store.schedule(scan).await.unwrap();
    assert_eq!(state.asked.unwrap().by, "ada");
    let rows = bench.store.search(JournalFilter::default()).await.unwrap();
    assert_eq!(rows[0].entry.detail.as_deref(), Some("2 by ada"));
}

#[tokio::test(start_paused = true)]
async fn what_only_pushes_wake_can_be_held_and_not_be_asked_for() {
    let bench = Bench::new();
    let at = "2026-01-01T02:00:00Z".parse().unwrap();
    let (because, ok, records, detail, times) = (Because::Push, true, 1, None, 1);
    let run =
        Run { first_at: at, started_at: at, ended_at: at, because, ok, records, detail, times };
    let woken = ScheduleChange::Ran { run, next_at: None };
    bench.store.change_schedule("poll/warehouse/order", woken).await.unwrap();
    let path = "/api/v1/schedules/warehouse/order";
    let (status, problem) = post(&bench, &format!("{path}/run"), json!({"by": "ada"})).await;
    assert_eq!(status, 409, "{problem}");
    let pause = json!({"by": "ada", "reason": "stock count"});
    let (status, row) = post(&bench, &format!("{path}/pause"), pause).await;
    assert_eq!((status, &row["state"]), (200, &"paused".into()), "{row}");
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_and_an_open_breaker_are_said_with_their_cause() {
    let bench = Bench::new();
    bench.break_down().await;
    let row = get(&bench, "/api/v1/targets").await[0].clone();
    assert_eq!((&row["state"], &row["breaker"]), (&"broken".into(), &"open".into()));
    assert_eq!(row["reason"], "it does not serve us (timeout)");
    bench.refuse().await;
    let row = get(&bench, "/api/v1/targets").await[0].clone();
    assert_eq!(row["state"], "refused");
    let sentence = "shop is stopped since 2026-01-01 00:00 UTC: it refuses our credentials";
    assert_eq!(row["sentence"], sentence);
}

#[tokio::test(start_paused = true)]
async fn a_maintenance_window_is_said_with_its_end() {
    let window =
        "[[systems.shop.maintenance]]\nfrom = \"23:00\"\nto = \"02:00\"\ntime_zone = \"UTC\"\n";
    let bench = Bench::with(window);
    let row = get(&bench, "/api/v1/targets").await[0].clone();
    assert_eq!(row["state"], "maintenance");
    assert_eq!(
        row["sentence"],
        "shop is stopped, until 2026-01-01 02:00 UTC: it is in maintenance"
    );
    tokio::time::advance(7200 * SECOND).await;
    assert_eq!(get(&bench, "/api/v1/targets").await[0]["state"], "running");
}

#[tokio::test(start_paused = true)]
async fn an_entitys_story_says_what_it_waits_for() {
    let bench = Bench::new();
    bench.die("timeout", 1, 7).await;
    let path = "/api/v1/explain/order/WEB-7";
    let before = get(&bench, path).await["sentences"].as_array().unwrap().len();
    bench.refuse().await;
    let sentences = get(&bench, path).await["sentences"].clone();
    assert_eq!(sentences.as_array().unwrap().len(), before + 1);
    let waits = "What is still to come waits: shop is stopped since 2026-01-01 00:00 UTC: it refuses \
                 our credentials.";
    assert_eq!(sentences[before], waits);
}

#[tokio::test(start_paused = true)]
async fn alerts_are_listed_and_the_overview_shows_the_open_ones() {
    let bench = Bench::new();
    let watch = bench.watch("one", &["ear"]);
    bench.refuse().await;
    watch.look().await.unwrap();
    assert_eq!(get(&bench, "/api/v1/overview").await["alerts"][0]["kind"], "credentials_refused");
    bench.mend().await;
    watch.look().await.unwrap();
    assert_eq!(get(&bench, "/api/v1/overview").await["alerts"], json!([]));
    let alerts = get(&bench, "/api/v1/alerts?limit=1").await;
    assert_eq!(alerts[0]["resolved_at"], "2026-01-01T00:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn a_test_says_of_every_channel_what_came_of_it() {
    let bench = Bench::new();
    let (status, told) = post(&bench, "/api/v1/alerts/test", json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(told, json!([{"channel": "ear", "ok": false, "detail": "it answered 500"}]));
    assert_eq!(get(&bench, "/api/v1/alerts").await, json!([]), "a test is no alert");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_a_problem_with_a_sentence() {
    let bench = Bench::new();
    for path in ["/api/v1/dead/7", "/api/v1/explain/order/NOBODY"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router(&bench).oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), 404, "{path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    bench.die("timeout", 1, 7).await;
    let letter = get(&bench, "/api/v1/dead/1").await;
    assert_eq!((&letter["body"], &letter["body_is_text"]), (&"{}".into(), &true.into()));
    assert_eq!(get(&bench, "/api/v1/dead?kind=timeout").await.as_array().unwrap().len(), 1);
    assert_eq!(get(&bench, "/api/v1/dead?kind=parse").await, json!([]));
    assert_eq!(get(&bench, "/api/v1/overview").await["dead"]["load.shop.order"]["timeout"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_name_was_pointed_at_this_host_is_shown_nothing() {
    let bench = Bench::new();
    let by = |host: &str, path: &str| {
        Request::get(path).header(header::HOST, host).body(Body::empty()).unwrap()
    };
    for path in ["/", "/journal", "/dead", "/api/v1/overview", "/api/v1/journal", "/api/v1/dead"] {
        for host in ["evil.example", "127.0.0.1.evil.example:7083", ""] {
            assert_eq!(ask(&bench, by(host, path)).await.0, 403, "{host} {path}");
        }
        for host in ["127.0.0.1:7083", "localhost:7083", "[::1]:7083"] {
            assert_eq!(ask(&bench, by(host, path)).await.0, 200, "{host} {path}");
        }
    }
}
