//! The client side of a push: one HTTP POST over kept-alive connections (OrderFlow reference §5.1).
//!
//! Promises to say what the receiver answered, or why nothing was heard, within [`DEADLINE`]. Whether
//! an answer is an acknowledgement is not judged here.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use super::access::Credentials;

/// How long the receiver has for its answer.
const DEADLINE: Duration = Duration::from_secs(30);
/// Of an answer's body, more than this is not read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[derive(Clone, Debug)]
pub(super) struct Sender {
    client: Client<HttpConnector, Body>,
    url: Uri,
    authorization: Option<String>,
}

impl Sender {
    pub(super) fn new(url: Uri, credentials: Option<&Credentials>) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, url, authorization: credentials.map(Credentials::basic) }
    }

    pub(super) fn path(&self) -> &str {
        self.url.path()
    }

    /// The status of the answer, or why none was heard.
    pub(super) async fn send(&self, body: Bytes) -> Result<StatusCode, &'static str> {
        match timeout(DEADLINE, self.ask(body)).await {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err("no answer"),
            Err(_) => Err("no answer in time"),
        }
    }

    async fn ask(&self, body: Bytes) -> Option<StatusCode> {
        let mut request = Request::post(self.url.clone()).header(CONTENT_TYPE, "application/xml");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let response = self.client.request(request.body(Body::from(body)).ok()?).await.ok()?;
        let status = response.status();
        to_bytes(Body::new(response.into_body()), ANSWER_BYTES_MAX).await.ok()?;
        Some(status)
    }
}
