//! The OAuth2 token: asked for once, shared by all calls, renewed before it ends.
//!
//! Oro logs every token request as a login attempt (OroCommerce reference §2), so concurrent calls
//! wait for one request instead of making their own.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use ferry_canonical::FailureKind;
use ferry_config::system::OroConfig;
use ferry_http::{Conversation, Method, Request, Response};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

use super::{client::encode, problem};
use crate::{status, target::Failure};

/// A token is renewed this long before it ends.
const EARLY: Duration = Duration::from_secs(30);
/// Assumed where the answer does not say; Oro's own default is an hour.
const LIFETIME_DEFAULT_S: u64 = 300;

#[derive(Default)]
pub(super) struct Tokens(Mutex<Option<Token>>);

struct Token {
    value: Arc<str>,
    renew_at: Instant,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// The current token, or a new one. Whoever comes while it is asked for waits for it.
    pub(super) async fn get(
        &self,
        config: &OroConfig,
        conversation: &Conversation,
    ) -> Result<Arc<str>, Failure> {
        let mut current = self.0.lock().await;
        if let Some(token) = &*current
            && Instant::now() < token.renew_at
        {
            return Ok(Arc::clone(&token.value));
        }
        *current = None;
        let asked_at = Instant::now();
        let granted = request(config, conversation).await?;
        let lifetime = Duration::from_secs(granted.expires_in.unwrap_or(LIFETIME_DEFAULT_S));
        let usable = lifetime.saturating_sub(EARLY).max(lifetime / 2);
        let renew_at = asked_at.checked_add(usable).unwrap_or(asked_at);
        let value: Arc<str> = granted.access_token.into();
        *current = Some(Token { value: Arc::clone(&value), renew_at });
        Ok(value)
    }

    /// Drops `refused`, unless somebody has renewed it meanwhile.
    pub(super) async fn forget(&self, refused: &str) {
        let mut current = self.0.lock().await;
        if current.as_ref().is_some_and(|token| &*token.value == refused) {
            *current = None;
        }
    }
}

async fn request(config: &OroConfig, conversation: &Conversation) -> Result<Granted, Failure> {
    let body = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        encode(config.client_id.reveal()),
        encode(config.client_secret.reveal())
    );
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let request = Request {
        operation: "oauth token",
        method: Method::Post,
        url: format!("{}/oauth2-token", config.base_url),
        headers: vec![
            header("accept", "application/json"),
            header("content-type", "application/x-www-form-urlencoded"),
        ],
        body: Bytes::from(body),
        deadline: config.limits.timeout.0,
        secret: true,
        carries: 1,
    };
    let response =
        conversation.send(request).await.map_err(|error| Failure::unanswered(&error, false))?;
    granted(&response)
}

/// The answer's body may hold the token: it never becomes an excerpt.
fn granted(response: &Response) -> Result<Granted, Failure> {
    let failure = |kind, detail: &str| {
        let status = Some(response.status);
        Failure {
            status,
            retry_after: problem::retry_after(response),
            ..Failure::new(kind, detail)
        }
    };
    match response.status {
        200 => serde_json::from_slice(&response.body).map_err(|_| {
            failure(FailureKind::Unavailable, "the token endpoint answered 200 without a token")
        }),
        400 | 401 | 403 => Err(failure(
            FailureKind::Auth,
            "Oro refuses the client: check client_id, client_secret and that its API is switched on",
        )),
        404 | 405 => Err(failure(
            FailureKind::Auth,
            "there is no token endpoint at base_url/oauth2-token: check base_url",
        )),
        code => Err(failure(status::kind(code, Method::Get), "the token endpoint gave no token")),
    }
}
