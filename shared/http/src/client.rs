//! The real client, over reqwest and rustls.

use std::{error::Error, fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;

use crate::{HttpError, HttpPort, Method, RESPONSE_BYTES_MAX, Request, Response, redacted_url};

/// How long a connection to a system may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Idle connections are closed before usual proxies close them on us.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// Keeps connections alive; cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: reqwest::Client,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// # Errors
    /// The platform's certificate store cannot be read.
    pub fn new() -> Result<Self, HttpError> {
        // Somebody else in the process may have installed a provider first; either is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let inner = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("ferry/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| HttpError::Unsendable(error.without_url().to_string()))?;
        Ok(Self { inner })
    }

    async fn exchange(&self, request: Request) -> Result<Response, HttpError> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let url = reqwest::Url::parse(&request.url).map_err(|error| {
            HttpError::Unsendable(format!("{}: {error}", redacted_url(&request.url)))
        })?;
        let mut builder = self.inner.request(method, url).timeout(request.deadline);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let sent = builder.body(request.body).send().await;
        let mut response = sent.map_err(|error| classify(error, request.deadline))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let mut body = BytesMut::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| classify(error, request.deadline))?
        {
            if body.len() + chunk.len() > RESPONSE_BYTES_MAX {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, headers, body: Bytes::from(body) })
    }
}

impl HttpPort for Client {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        Box::pin(self.exchange(request))
    }
}

fn classify(error: reqwest::Error, deadline: Duration) -> HttpError {
    // A connect time-out is both: nothing was sent, so the other side cannot have acted.
    if error.is_connect() {
        return HttpError::Connect(chain(&error.without_url()));
    }
    if error.is_timeout() {
        return HttpError::Timeout(deadline);
    }
    if error.is_builder() {
        return HttpError::Unsendable(chain(&error.without_url()));
    }
    HttpError::Broken(chain(&error.without_url()))
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
