//! The shop as a client: one POST, its status, and what its `Retry-After` says.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use super::Notice;

/// How long a receiver has for its answer.
const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub(in crate::oro) struct Sender {
    client: Client<HttpConnector, Body>,
}

impl Sender {
    pub(in crate::oro) fn new() -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// What was answered; none if nothing was. Redirects are answers.
    pub(in crate::oro) async fn send(&self, notice: &Notice) -> Option<(u16, Option<String>)> {
        timeout(DEADLINE, self.ask(notice)).await.ok().flatten()
    }

    async fn ask(&self, notice: &Notice) -> Option<(u16, Option<String>)> {
        let url: Uri = notice.url.parse().ok()?;
        let mut request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("Webhook-Topic", &notice.topic)
            .header("Webhook-Id", &notice.id);
        if let Some(signature) = &notice.signature {
            request = request
                .header("Webhook-Signature", signature)
                .header("Webhook-Signature-Algorithm", "HMAC-SHA256");
        }
        let request = request.body(Body::from(notice.body.clone())).ok()?;
        let response = self.client.request(request).await.ok()?;
        let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Some((response.status().as_u16(), after.map(str::to_owned)))
    }
}
