//! The ERP's REST API.
//!
//! `GET /api/customers?page=1&per_page=100&updated_since=<RFC 3339>` and
//! `GET /api/customers/{number}`, both with `Authorization: Bearer …`. Errors are
//! `{"error":{"code":"…","message":"…"}}`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::json;

use super::customers::Customers;

const PER_PAGE_DEFAULT: usize = 100;
const PER_PAGE_MAX: usize = 500;

pub(super) fn router(customers: Arc<Customers>, token: String) -> Router {
    Router::new()
        .route("/api/customers", get(list))
        .route("/api/customers/{number}", get(single))
        .method_not_allowed_fallback(async || {
            refusal(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "customers are read only")
        })
        .fallback(async || refusal(StatusCode::NOT_FOUND, "not_found", "there is no such page"))
        .layer(middleware::from_fn_with_state(Arc::from(token), admit))
        .with_state(customers)
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
    State(customers): State<Arc<Customers>>,
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

async fn single(State(customers): State<Arc<Customers>>, Path(number): Path<String>) -> Response {
    match customers.by_number(&number) {
        Some(customer) => Json(customer).into_response(),
        None => refusal(StatusCode::NOT_FOUND, "not_found", "there is no such customer"),
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
