use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use ferry_world::account::EffectKind;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Control, Effects, PushFault, View, app, serve, start};

/// A system that counts what was applied.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicU64>);

impl View for Counter {
    fn collection(&self, name: &str) -> Option<Value> {
        (name == "things").then(|| json!([self.0.load(Ordering::SeqCst)]))
    }

    fn progress(&self) -> Value {
        json!({ "tick": 0, "ticks": 0, "done": true })
    }
}

struct Running {
    address: SocketAddr,
    control: Control,
}

async fn running() -> Running {
    let (control, counter) = (Control::new(), Counter::default());
    let (noted, applied) = (control.clone(), counter.clone());
    let apply = move || async move {
        let count = applied.0.fetch_add(1, Ordering::SeqCst) + 1;
        let key = count.to_string();
        let effect = noted.effect("thing", &key, EffectKind::Created, json!({ "n": count }));
        let mut response: Response = "applied".into_response();
        response.extensions_mut().insert(Effects(vec![effect]));
        response
    };
    let system = Router::new().route("/things", post(apply));
    let app = app(control.clone(), system, Arc::new(counter));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    start(async move { drop(serve(listener, app).await) });
    Running { address, control }
}

impl Running {
    /// All the server sends for one request until it closes, or why the reading ended.
    async fn ask(&self, method: &str, path: &str, body: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.address).await?;
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    async fn script(&self, fault: Value) {
        let answer = self.ask("POST", "/_sim/faults", &fault.to_string()).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, "").await.unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    /// What a client whose request met this fault saw, and how often it was applied.
    async fn met(&self, fault: Value) -> (std::io::Result<String>, Value) {
        self.script(fault).await;
        let answer = self.ask("POST", "/things", "{}").await;
        (answer, self.json("/_sim/state/things").await)
    }
}

/// A connection that ended without a single byte, in order or by a reset.
fn is_silence(answer: &std::io::Result<String>) -> bool {
    answer.as_ref().map_or(true, String::is_empty)
}

#[tokio::test]
async fn a_request_without_a_fault_is_applied_answered_and_in_the_history() {
    let sim = running().await;
    let answer = sim.ask("POST", "/things?a=b", "{}").await.unwrap();
    assert!(answer.ends_with("applied"), "{answer}");
    let history = sim.json("/_sim/history").await;
    assert_eq!(history["next"], 1);
    let entry = &history["entries"][0];
    assert_eq!((&entry["method"], &entry["path"]), (&json!("POST"), &json!("/things?a=b")));
    assert_eq!((&entry["status"], entry.get("fault")), (&json!(200), None));
    assert_eq!(entry["effects"][0]["fields"], json!({ "n": 1 }));
    assert_eq!(sim.json("/_sim/history?after=1").await["entries"], json!([]));
}

#[tokio::test]
async fn a_refused_request_is_not_applied_and_the_client_sees_a_dead_connection() {
    let sim = running().await;
    let (answer, applied) = sim.met(json!({ "kind": "refuse" })).await;
    assert!(is_silence(&answer), "{answer:?}");
    assert_eq!(applied, json!([0]));
    assert_eq!(sim.json("/_sim/history").await["entries"][0]["fault"], "refuse");
}

#[tokio::test]
async fn apply_then_drop_applies_and_notes_it_and_the_client_sees_a_dead_connection() {
    let sim = running().await;
    let (answer, applied) = sim.met(json!({ "kind": "apply_then_drop" })).await;
    assert!(is_silence(&answer), "{answer:?}");
    assert_eq!(applied, json!([1]));
    let entry = &sim.json("/_sim/history").await["entries"][0];
    assert_eq!((&entry["status"], &entry["effects"][0]["key"]), (&json!(0), &json!("1")));
}

#[tokio::test]
async fn stalls_close_without_an_answer_one_before_and_one_after_applying() {
    let sim = running().await;
    let (answer, applied) = sim.met(json!({ "kind": "stall", "stall_ms": 5 })).await;
    assert!(is_silence(&answer) && applied == json!([0]), "{answer:?}");
    let (answer, applied) = sim.met(json!({ "kind": "apply_then_stall", "stall_ms": 5 })).await;
    assert!(is_silence(&answer) && applied == json!([1]), "{answer:?}");
}

#[tokio::test]
async fn a_client_that_hangs_up_in_a_stall_takes_nothing_out_of_the_history() {
    let sim = running().await;
    sim.script(json!({ "kind": "apply_then_stall", "stall_ms": 600_000 })).await;
    let mut stream = TcpStream::connect(sim.address).await.unwrap();
    let request = b"POST /things HTTP/1.1\r\nhost: sim\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(request).await.unwrap();
    while sim.json("/_sim/history").await["next"] == 0 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    let history = sim.json("/_sim/history").await;
    assert_eq!(history["entries"][0]["effects"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_scripted_status_answers_with_its_retry_after_and_applies_nothing() {
    let sim = running().await;
    let fault = json!({ "kind": "status", "status": 429, "retry_after": "3" });
    let (answer, applied) = sim.met(fault).await;
    let answer = answer.unwrap();
    assert!(answer.starts_with("HTTP/1.1 429") && answer.contains("retry-after: 3"), "{answer}");
    assert_eq!(applied, json!([0]));
}

#[tokio::test]
async fn garbage_is_a_page_then_a_cut_off_document_and_applies_nothing() {
    let sim = running().await;
    let (page, _) = sim.met(json!({ "kind": "garbage", "count": 2 })).await;
    assert!(page.unwrap().contains("<html>"));
    let cut = sim.ask("POST", "/things", "{}").await;
    let terminated = cut.as_ref().is_ok_and(|answer| answer.ends_with("0\r\n\r\n"));
    assert!(!terminated, "{cut:?}");
    assert_eq!(sim.json("/_sim/state/things").await, json!([0]));
}

#[tokio::test]
async fn a_fault_hits_each_nth_match_as_often_as_scripted_and_leaves_the_rest() {
    let sim = running().await;
    sim.script(json!({ "kind": "status", "status": 418, "path_prefix": "/thi", "method": "post",
        "every": 2, "count": 2 }))
        .await;
    let mut codes = Vec::new();
    for _ in 0..6 {
        let answer = sim.ask("POST", "/things", "{}").await.unwrap();
        codes.push(answer.split(' ').nth(1).unwrap().to_owned());
    }
    assert_eq!(codes, ["200", "418", "200", "418", "200", "200"]);
    let faults = sim.json("/_sim/faults").await;
    assert_eq!((&faults[0]["fired"], &faults[0]["matched"]), (&json!(2), &json!(4)));
    sim.ask("DELETE", "/_sim/faults", "").await.unwrap();
    assert_eq!(sim.json("/_sim/faults").await, json!([]));
}

#[tokio::test]
async fn faults_of_one_distance_keep_theirs_from_one_another() {
    let sim = running().await;
    for (status, first) in [(418, 2), (429, 4)] {
        let fault =
            json!({ "kind": "status", "status": status, "first": first, "every": 4, "count": 9 });
        sim.script(fault).await;
    }
    let mut codes = Vec::new();
    for _ in 0..8 {
        let answer = sim.ask("POST", "/things", "{}").await.unwrap();
        codes.push(answer.split(' ').nth(1).unwrap().to_owned());
    }
    assert_eq!(codes, ["200", "418", "200", "429", "200", "418", "200", "429"]);
}

#[tokio::test]
async fn a_fault_that_cannot_be_read_is_refused_with_its_reason() {
    let sim = running().await;
    let answer = sim.ask("POST", "/_sim/faults", r#"{"kind":"refuse","evry":2}"#).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("evry"), "{answer}");
}

#[tokio::test]
async fn push_faults_meet_pushes_and_never_requests() {
    let sim = running().await;
    sim.script(json!({ "kind": "push_twice" })).await;
    assert!(sim.ask("POST", "/things", "{}").await.unwrap().ends_with("applied"));
    assert_eq!(sim.control.push_fault(), Some(PushFault::Twice));
    assert_eq!(sim.control.push_fault(), None);
    assert_eq!(sim.json("/_sim/faults").await[0]["fired"], 1);
}

#[tokio::test]
async fn a_paused_actor_waits_until_it_is_resumed() {
    let sim = running().await;
    sim.ask("POST", "/_sim/pause", "").await.unwrap();
    assert!(sim.control.is_paused());
    let resume = sim.ask("POST", "/_sim/resume", "");
    let ((), answer) = tokio::join!(sim.control.until_resumed(), resume);
    answer.unwrap();
    assert!(!sim.control.is_paused());
}

#[tokio::test]
async fn a_history_is_read_in_pages_and_complete() {
    let control = Control::new();
    for n in 0..7 {
        control.acted(&format!("step {n}"), 0, Vec::new());
    }
    let mut seen = Vec::new();
    let mut after = 0;
    loop {
        let page = control.inner.history.page(after, Some(3));
        if page.entries.is_empty() {
            break;
        }
        after = page.next;
        seen.extend(page.entries.into_iter().map(|entry| entry.path));
    }
    assert_eq!(seen, (0..7).map(|n| format!("step {n}")).collect::<Vec<_>>());
}
