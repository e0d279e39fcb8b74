//! The instance behind HTTP, under its base path `/web`.
//!
//! Promises that an answer leaves with what it did as [`Effects`], applied and noted without waiting
//! in between.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::control::{Effects, now};

use super::desk::{Answer, Question};
use super::instance::Instance;
use super::person;

const BASE_PATH: &str = "/web";
/// Larger requests are 413.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(super) fn router(instance: Arc<Instance>) -> Router {
    person::routes().fallback(respond).with_state(instance)
}

async fn respond(
    State(instance): State<Arc<Instance>>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Some(path) = parts.uri.path().strip_prefix(BASE_PATH) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let answer = instance.answer(&Question {
        method: &parts.method,
        path,
        query: &query,
        headers: &parts.headers,
        body: &body,
        time: &instance.local(now()),
    });
    response(answer)
}

fn response(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    if let Some(challenge) = answer.challenge {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response.extensions_mut().insert(Effects(answer.effects));
    response
}
