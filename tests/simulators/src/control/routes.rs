//! The control API under `/_sim/`, and the layer that keeps the history and lets faults happen.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ferry_world::account::{Entry, HistoryPage};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{Fault, FaultKind};
use super::history::Effects;
use super::wire::Wire;
use super::{Control, Inner};

/// How a simulator shows itself.
pub trait View: Send + Sync + 'static {
    /// All items of a collection as their `Seen…` types; `None` if there is no such collection.
    fn collection(&self, name: &str) -> Option<Value>;

    /// An object with `tick`, `ticks`, `done` and counts of its own.
    fn progress(&self) -> Value;
}

/// How long a fault that waits does so unless it says.
const STALL_DEFAULT: Duration = Duration::from_secs(30);

#[derive(Clone)]
struct Desk {
    control: Control,
    view: Arc<dyn View>,
}

/// A simulator's whole interface: `system` behind faults and history, and the control API, which
/// faults never meet and the history does not show.
pub fn app(control: Control, system: Router, view: Arc<dyn View>) -> Router {
    let watched = system.layer(middleware::from_fn_with_state(control.clone(), watch));
    let desk = Desk { control, view };
    let routes = Router::new()
        .route("/_sim/health", get(async || Json(json!({ "ok": true }))))
        .route("/_sim/history", get(history))
        .route("/_sim/state/{collection}", get(collection))
        .route("/_sim/progress", get(async |State(desk): State<Desk>| Json(desk.view.progress())))
        .route("/_sim/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/_sim/pause", post(async |State(desk): State<Desk>| desk.pause(true)))
        .route("/_sim/resume", post(async |State(desk): State<Desk>| desk.pause(false)))
        .with_state(desk);
    Router::new().merge(routes).fallback_service(watched)
}

impl Desk {
    fn inner(&self) -> &Inner {
        &self.control.inner
    }

    fn pause(&self, paused: bool) -> Json<Value> {
        self.inner().pause.set(paused);
        Json(json!({ "paused": paused }))
    }
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

async fn history(State(desk): State<Desk>, Query(asked): Query<Asked>) -> Json<HistoryPage> {
    Json(desk.inner().history.page(asked.after, asked.limit))
}

async fn collection(State(desk): State<Desk>, Path(name): Path<String>) -> Response {
    match desk.view.collection(&name) {
        Some(items) => Json(items).into_response(),
        None => (StatusCode::NOT_FOUND, format!("no collection {name}")).into_response(),
    }
}

async fn faults(State(desk): State<Desk>) -> Json<Vec<Fault>> {
    Json(desk.inner().faults.all())
}

async fn add_fault(State(desk): State<Desk>, body: Bytes) -> Response {
    match serde_json::from_slice::<Fault>(&body) {
        Ok(fault) => {
            desk.inner().faults.add(fault);
            (StatusCode::CREATED, Json(desk.inner().faults.all())).into_response()
        }
        Err(cause) => (StatusCode::BAD_REQUEST, cause.to_string()).into_response(),
    }
}

async fn clear_faults(State(desk): State<Desk>) -> StatusCode {
    desk.inner().faults.clear();
    StatusCode::NO_CONTENT
}

/// Lets a request through or lets a fault happen, and writes the history in the same step in which
/// the handler's answer arrives, before anything is waited for: a client that hangs up takes no
/// applied effect out of the history.
async fn watch(State(control): State<Control>, request: Request, next: Next) -> Response {
    // Absent only where a router is called without a socket: then there is nothing to cut.
    let wire = request.extensions().get::<ConnectInfo<Wire>>().cloned();
    let wire = wire.map(|ConnectInfo(wire)| wire).unwrap_or_default();
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let fault = control.inner.faults.next(request.method(), request.uri().path());
    let note = Entry {
        method: request.method().to_string(),
        path,
        fault: fault.as_ref().map(|fault| fault.kind.name().to_owned()),
        ..Entry::default()
    };
    let Some(fault) = fault else {
        return answered(&control, note, next.run(request).await);
    };
    let pause = fault.stall_ms.map_or(STALL_DEFAULT, Duration::from_millis);
    match fault.kind {
        FaultKind::Refuse => dropped(&control, note, &wire),
        FaultKind::Stall => {
            control.inner.history.push(note);
            tokio::time::sleep(pause).await;
            hung_up(&wire)
        }
        FaultKind::Status => answered(&control, note, status(&fault)),
        FaultKind::Garbage => answered(&control, note, garbage(&fault)),
        FaultKind::ApplyThenDrop => {
            dropped(&control, with_effects(note, next.run(request).await), &wire)
        }
        FaultKind::ApplyThenStall => {
            let note = with_effects(note, next.run(request).await);
            control.inner.history.push(note);
            tokio::time::sleep(pause).await;
            hung_up(&wire)
        }
        FaultKind::Slow => {
            tokio::time::sleep(pause).await;
            answered(&control, note, next.run(request).await)
        }
        FaultKind::Say => answered(&control, note, said(&fault)),
        FaultKind::ApplyThenSay => {
            let note = with_effects(note, next.run(request).await);
            let response = said(&fault);
            let status = response.status().as_u16();
            control.inner.history.push(Entry { status, ..note });
            response
        }
        // Never matched to a request.
        FaultKind::PushTwice | FaultKind::PushShuffled => {
            answered(&control, note, next.run(request).await)
        }
    }
}

fn answered(control: &Control, note: Entry, response: Response) -> Response {
    let status = response.status().as_u16();
    let mut response = response;
    let effects = response.extensions_mut().remove::<Effects>().unwrap_or_default().0;
    control.inner.history.push(Entry { status, effects, ..note });
    response
}

fn with_effects(note: Entry, mut response: Response) -> Entry {
    let effects = response.extensions_mut().remove::<Effects>().unwrap_or_default().0;
    Entry { effects, ..note }
}

fn dropped(control: &Control, note: Entry, wire: &Wire) -> Response {
    control.inner.history.push(note);
    hung_up(wire)
}

/// The response is never written: the socket refuses.
fn hung_up(wire: &Wire) -> Response {
    wire.cut();
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

fn status(fault: &Fault) -> Response {
    let status = fault.status.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = (status, format!("scripted {status}")).into_response();
    if let Some(value) = fault.retry_after.as_deref().and_then(|after| after.parse().ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn said(fault: &Fault) -> Response {
    let status = fault.status.and_then(|code| StatusCode::from_u16(code).ok());
    let media = fault.content_type.clone().unwrap_or_else(|| "application/xml".to_owned());
    let body = fault.body.clone().unwrap_or_default();
    (status.unwrap_or_default(), [(header::CONTENT_TYPE, media)], body).into_response()
}

fn garbage(fault: &Fault) -> Response {
    if fault.fired.is_multiple_of(2) {
        let pieces = [
            Ok(Bytes::from_static(b"{\"data\":[{\"type\":\"customers\",\"attr")),
            Err(std::io::Error::other("cut by a scripted fault")),
        ];
        return Body::from_stream(stream::iter(pieces)).into_response();
    }
    let page =
        "<!DOCTYPE html><html><body><h1>It works!</h1><p>Scheduled maintenance &amp; co.</p>";
    ([(header::CONTENT_TYPE, "text/html")], page).into_response()
}
