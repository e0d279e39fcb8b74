//! The shop behind HTTP, with its shopper and its history.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use ferry_world::account::{Effect, EffectKind};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::answer::Answer;
use super::page;
use super::permissions::Right;
use super::record::Id;
use super::rows;
use super::schema::Kind;
use super::seen;
use super::shop::{Request, Shop, to_bytes as json_bytes};
use super::shopper::Shopper;
use super::webhooks::{Notice, Sender};
use crate::control::{Control, Effects, PushFault, View, now};

/// Bodies beyond it are 413, as behind nginx with its default.
const BODY_MAX: usize = 1024 * 1024;

/// How long Oro lets a synchronous batch wait, unless it is told otherwise.
const SYNC_WAIT: Duration = Duration::from_secs(25);

/// The shop and whoever is in it. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Front {
    floor: Arc<Mutex<Floor>>,
    control: Control,
    /// Told whenever workers have done something.
    worked: Arc<watch::Sender<()>>,
    /// How long a synchronous batch waits for a worker.
    patience: Duration,
}

#[derive(Debug)]
pub(super) struct Floor {
    pub(super) shop: Shop,
    shopper: Option<Shopper>,
}

impl Front {
    pub(super) fn new(shop: Shop, shopper: Option<Shopper>, control: Control) -> Self {
        let floor = Arc::new(Mutex::new(Floor { shop, shopper }));
        Self { floor, control, worked: Arc::default(), patience: SYNC_WAIT }
    }

    /// The same, waiting so long for its workers.
    pub(super) fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub(super) fn floor(&self) -> MutexGuard<'_, Floor> {
        // A panic in one request says nothing about the tables: every write is all or nothing.
        self.floor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies a request and draws the order of its effects under one lock.
    fn answer(&self, request: &Request, now: Timestamp) -> Answer {
        let mut floor = self.floor();
        let mut answer = floor.answer(request, now);
        answer.effects = self.numbered(answer.effects);
        answer
    }

    /// Lets the workers do what is due. Their effects are drawn here, when they happen, whether or not
    /// somebody still waits for the answer.
    pub(super) fn work(&self, now: Timestamp) {
        let mut floor = self.floor();
        let worked = floor.shop.work(now);
        let any = !worked.is_empty();
        for worked in worked {
            floor.notice(&worked.effects, now);
            let effects = self.numbered(worked.effects);
            self.control.acted(&format!("operation {}", worked.id), 0, effects);
        }
        drop(floor);
        if any {
            self.worked.send_replace(());
        }
    }

    /// What a synchronous batch is answered: its rows, or after some patience that it goes on.
    async fn waited(&self, id: &Id, unfinished: Answer) -> Answer {
        let mut worked = self.worked.subscribe();
        let finished = async {
            loop {
                if let Some(answer) = self.floor().shop.waited(id) {
                    return answer;
                }
                // The sender lives as long as `self`.
                drop(worked.changed().await);
            }
        };
        tokio::time::timeout(self.patience, finished).await.unwrap_or(unfinished)
    }

    /// Lets the shopper place at most so many orders.
    pub(super) fn place(&self, most: usize, now: Timestamp) {
        let mut floor = self.floor();
        let Floor { shop, shopper: Some(shopper) } = &mut *floor else { return };
        if shop.maintenance.is_some() {
            return;
        }
        for placed in shopper.place(shop, most, now) {
            shop.tell(&placed.effects, now);
            let released = placed.effects.into_iter().map(|effect| match effect.effect {
                EffectKind::Created | EffectKind::Updated => {
                    Effect { effect: EffectKind::Released, ..effect }
                }
                _ => effect,
            });
            let effects = self.numbered(released.collect());
            let act = format!("{} {}", placed.act, placed.identifier);
            self.control.acted(&act, placed.status, effects);
        }
    }

    /// Notifications to be sent now. One may go twice, or later than others, if a fault says so.
    pub(super) fn notices(&self, now: Timestamp) -> Vec<Notice> {
        if self.control.is_paused() { Vec::new() } else { self.floor().shop.outbox.take(now) }
    }

    /// Sends a notification and takes note of what was answered.
    pub(super) async fn notify(self, sender: Sender, notice: Notice) {
        if self.control.push_fault() == Some(PushFault::Twice) {
            let _ = sender.send(&notice).await;
        }
        let answer = sender.send(&notice).await;
        let status = answer.as_ref().map_or(0, |(status, _)| *status);
        let act = format!("webhook {} {}", notice.topic, notice.id);
        self.control.acted(&act, status, Vec::new());
        let mut floor = self.floor();
        let Floor { shop, .. } = &mut *floor;
        shop.outbox.heard(&mut shop.store, notice, answer.as_ref(), now());
    }

    fn numbered(&self, effects: Vec<Effect>) -> Vec<Effect> {
        let numbered = |effect: Effect| {
            let fields = Value::Object(effect.fields);
            self.control.effect(&effect.entity, &effect.key, effect.effect, fields)
        };
        effects.into_iter().map(numbered).collect()
    }
}

impl Floor {
    fn answer(&mut self, request: &Request, now: Timestamp) -> Answer {
        let answer = match operator(&mut self.shop, request, now) {
            Some(answer) => answer,
            None => self.shop.answer(request, now),
        };
        self.notice(&answer.effects, now);
        answer
    }

    fn notice(&mut self, effects: &[Effect], now: Timestamp) {
        self.shop.tell(effects, now);
        if let Some(shopper) = &mut self.shopper {
            shopper.notice(effects, &self.shop.store, now);
        }
    }
}

impl View for Front {
    fn collection(&self, name: &str) -> Option<Value> {
        seen::collection(&self.floor().shop.store, name).map(Value::from)
    }

    fn progress(&self) -> Value {
        let floor = self.floor();
        let shopper = floor.shopper.as_ref();
        let done = shopper.is_none_or(Shopper::is_done);
        let counts = shopper.map(Shopper::counts).unwrap_or_default();
        // The shop has no ticks of its own: it follows what arrives.
        let untold = floor.shop.outbox.count();
        let done = done && untold == 0;
        let mut progress = json!({"tick": 0, "ticks": 0, "done": done});
        if let Some(members) = progress.as_object_mut() {
            members.extend(counts.into_iter().map(|(name, count)| (name, count.into())));
        }
        progress
    }
}

/// What a person in the back office does:
/// `POST /_sim/orders/{identifier}/internal-status/{status}`, `DELETE /_sim/tokens`,
/// `GET /_sim/shop`, `POST /_sim/workers/{pause,resume}`, `GET` and `POST /_sim/rows/{kind}`,
/// `DELETE /_sim/rows/{kind}/{id}`, `POST /_sim/maintenance/{on,off}`, `PUT` and `DELETE
/// /_sim/permissions/{kind}/{right}`, and `PATCH /_sim/customers/{externalId}` with an object of
/// attributes.
fn operator(shop: &mut Shop, request: &Request, now: Timestamp) -> Option<Answer> {
    let rest = request.path.strip_prefix("/_sim/")?;
    let segments: Vec<&str> = rest.split('/').collect();
    match (&request.method, segments.as_slice()) {
        (&Method::POST, ["orders", identifier, "internal-status", status]) => {
            let set = shop.set_internal_status(identifier, status);
            let answer = Answer::bare(if set { 204 } else { 404 });
            Some(if set { answer.with_effects(shop.effects()) } else { answer })
        }
        (&Method::PATCH, ["customers", number]) => {
            Some(shop.change_customer(number, request, now).unwrap_or_else(|| Answer::bare(404)))
        }
        (&Method::POST, ["workers", order @ ("pause" | "resume")]) => {
            shop.operations.pause(*order == "pause");
            Some(Answer::bare(204))
        }
        (&Method::GET, ["shop"]) => Some(Answer::html(200, page::shop(shop))),
        (&Method::GET, ["rows", kind]) => {
            let rows = rows::all(&shop.store, kind);
            Some(rows.map_or_else(|| Answer::bare(404), |rows| Answer::bare(200).json(rows)))
        }
        (&Method::POST, ["rows", kind]) => {
            let terms = shop.terms(now);
            Some(rows::put(&mut shop.store, terms, kind, &request.body))
        }
        (&Method::DELETE, ["rows", kind, id]) => {
            let terms = shop.terms(now);
            let removed = rows::remove(&mut shop.store, terms, kind, id);
            let answer = Answer::bare(if removed { 204 } else { 404 });
            Some(if removed { answer.with_effects(shop.effects()) } else { answer })
        }
        (&Method::POST, ["maintenance", "off"]) => {
            shop.maintenance = None;
            Some(Answer::bare(204))
        }
        (&Method::POST, ["maintenance", "on"]) => Some(maintain(shop, &request.body)),
        (&Method::PUT | &Method::DELETE, ["permissions", kind, right]) => {
            let (Some(kind), Some(right)) = (Kind::parse(kind), Right::parse(right)) else {
                return Some(Answer::bare(404));
            };
            shop.rights.set(kind, right, request.method == Method::PUT);
            Some(Answer::bare(204))
        }
        (&Method::DELETE, ["tokens"]) => {
            shop.tokens.revoke_all();
            Some(Answer::bare(204))
        }
        _ => None,
    }
}

/// Closes the shop, for as long as an object without or with `retry_after` says.
fn maintain(shop: &mut Shop, body: &[u8]) -> Answer {
    let body = if body.is_empty() { b"{}" } else { body };
    match serde_json::from_slice(body) {
        Ok(maintenance) => {
            shop.maintenance = Some(maintenance);
            Answer::bare(204)
        }
        Err(error) => Answer::bare(400).json(json!({ "reason": error.to_string() })),
    }
}

/// The shop's own interface, without control around it.
pub(super) fn router(front: Front) -> Router {
    Router::new().fallback(respond).with_state(front)
}

async fn respond(State(front): State<Front>, request: HttpRequest) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        return response(Answer::bare(413));
    };
    let request = Request {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    };
    let answer = front.answer(&request, now());
    match answer.waits.clone() {
        Some(id) => response(front.waited(&id, answer).await),
        None => response(answer),
    }
}

fn response(answer: Answer) -> Response {
    let page = answer.page.map(String::into_bytes);
    let body = page.or_else(|| answer.body.as_ref().map(json_bytes)).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let date = now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    for (name, value) in answer.headers.into_iter().chain([(header::DATE.as_str(), date)]) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response.extensions_mut().insert(Effects(answer.effects));
    response
}
