//! The ERP's REST API.
//!
//! `GET /api/customers?page=1&per_page=100&updated_since=<RFC 3339>`, `POST /api/customers`, and
//! `GET`, `PUT` and `PATCH /api/customers/{number}`, all with `Authorization: Bearer …`. Errors are
//! `{"error":{"code":"…","message":"…"}}`. `PATCH /_sim/customers/{number}` is what a person does in
//! the ERP itself.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch};
use axum::{Json, Router};
use ferry_world::account::EffectKind;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::customers::Customers;
use super::writing::{Change, Done, How, Refusal};
use crate::control::{Control, Effects, now};

const PER_PAGE_DEFAULT: usize = 100;
const PER_PAGE_MAX: usize = 500;

#[derive(Clone, Debug)]
struct Desk {
    customers: Arc<Customers>,
    control: Control,
}

pub(super) fn router(customers: Arc<Customers>, control: Control, token: String) -> Router {
    let desk = Desk { customers, control };
    let person =
        Router::new().route("/_sim/customers/{number}", patch(person)).with_state(desk.clone());
    Router::new()
        .route("/api/customers", get(list).post(make))
        .route("/api/customers/{number}", get(single).put(replace).patch(merge))
        .method_not_allowed_fallback(async || {
            let message = "that is not done to customers";
            refusal(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
        })
        .fallback(async || refusal(StatusCode::NOT_FOUND, "not_found", "there is no such page"))
        .layer(middleware::from_fn_with_state(Arc::from(token), admit))
        .with_state(desk)
        .merge(person)
}

async fn admit(State(token): State<Arc<str>>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if shown.and_then(|value| value.strip_prefix("Bearer ")) == Some(&*token) {
        return next.run(request).await;
    }
    let message = "a valid Bearer token is required";
    let mut response = refusal(StatusCode::UNAUTHORIZED, "unauthorized", message);
    let challenge = header::HeaderValue::from_static("Bearer realm=\"erp\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

async fn list(
    State(Desk { customers, .. }): State<Desk>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let asked = number(&query, "page", 1, usize::MAX).and_then(|page| {
        let per_page = number(&query, "per_page", PER_PAGE_DEFAULT, PER_PAGE_MAX)?;
        Ok((page, per_page, since(&query)?))
    });
    let (page, per_page, since) = match asked {
        Ok(asked) => asked,
        Err(message) => return refusal(StatusCode::BAD_REQUEST, "bad_parameter", &message),
    };
    let found = customers.page(page, per_page, since);
    let body = json!({
        "customers": found.customers, "page": page, "pages": found.pages, "total": found.total,
    });
    Json(body).into_response()
}

async fn single(State(desk): State<Desk>, Path(number): Path<String>) -> Response {
    match desk.customers.by_number(&number) {
        Some(customer) => Json(customer).into_response(),
        None => refusal(StatusCode::NOT_FOUND, "not_found", "there is no such customer"),
    }
}

async fn make(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> Response {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    desk.write(How::Make, None, key, &body)
}

async fn replace(State(desk): State<Desk>, Path(number): Path<String>, body: Bytes) -> Response {
    desk.write(How::Replace, Some(&number), None, &body)
}

async fn merge(State(desk): State<Desk>, Path(number): Path<String>, body: Bytes) -> Response {
    desk.write(How::Merge, Some(&number), None, &body)
}

async fn person(State(desk): State<Desk>, Path(number): Path<String>, body: Bytes) -> Response {
    desk.write(How::Merge, Some(&number), None, &body)
}

impl Desk {
    fn write(&self, how: How, number: Option<&str>, key: Option<&str>, body: &[u8]) -> Response {
        let Ok(body) = serde_json::from_slice::<Map<String, Value>>(body) else {
            return refusal(StatusCode::BAD_REQUEST, "bad_body", "a JSON object is expected");
        };
        let change = Change { how, number, key, body: &body };
        let (written, effect) = self.customers.write(&change, now(), |written| match written {
            Ok((done, number, shown)) => {
                self.control.effect("customer", number, kind(done), shown.clone())
            }
            Err(refusal) => {
                let fields = json!({ "refusal": refusal.code });
                let number = change.number().unwrap_or_default();
                self.control.effect("customer", &number, EffectKind::Refused, fields)
            }
        });
        let mut response = match written {
            Ok((Done::Created | Done::Repeated, shown)) => {
                (StatusCode::CREATED, Json(shown)).into_response()
            }
            Ok((Done::Updated | Done::Unchanged, shown)) => Json(shown).into_response(),
            Err(Refusal { status, code, message }) => refusal(status, code, &message),
        };
        response.extensions_mut().insert(Effects(vec![effect]));
        response
    }
}

const fn kind(done: Done) -> EffectKind {
    match done {
        Done::Created => EffectKind::Created,
        Done::Updated => EffectKind::Updated,
        Done::Unchanged => EffectKind::Unchanged,
        Done::Repeated => EffectKind::Duplicate,
    }
}

fn number(
    query: &HashMap<String, String>,
    name: &str,
    default: usize,
    max: usize,
) -> Result<usize, String> {
    let Some(text) = query.get(name) else { return Ok(default) };
    let number = text.parse::<usize>().ok().filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| format!("{name} must be a whole number from 1 to {max}"))
}

fn since(query: &HashMap<String, String>) -> Result<Option<Timestamp>, String> {
    let Some(text) = query.get("updated_since").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let parsed = text.parse::<Timestamp>();
    parsed.map(Some).map_err(|_| "updated_since must be an RFC 3339 time with a zone".to_owned())
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
}
