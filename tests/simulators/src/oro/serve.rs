//! The shop behind HTTP.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;

use super::answer::Answer;
use super::shop::{Request, Shop, to_bytes as json_bytes};

/// Bodies beyond it are 413, as behind nginx with its default.
const BODY_MAX: usize = 1024 * 1024;

/// The shop, shared by requests and the shopper.
#[derive(Clone, Debug)]
pub(super) struct Front {
    shop: Arc<Mutex<Shop>>,
}

impl Front {
    pub(super) fn new(shop: Shop) -> Self {
        Self { shop: Arc::new(Mutex::new(shop)) }
    }

    pub(super) fn shop(&self) -> MutexGuard<'_, Shop> {
        // A panic in one request says nothing about the tables: every write is all or nothing.
        self.shop.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn now() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "the simulator is a system of its own: this is its clock"
    )]
    Timestamp::now()
}

/// The API without any control around it.
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
    let answer = front.shop().answer(&request, now());
    response(answer)
}

pub(super) fn response(answer: Answer) -> Response {
    let body = answer.body.as_ref().map(json_bytes).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    let date = now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}
