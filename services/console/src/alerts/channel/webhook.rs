//! A POST with JSON, signed as Standard Webhooks 1.0 says where there is a secret.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use ferry_config::{Secret, WebhookConfig};
use ferry_http::{HttpError, HttpPort, Method, Request, StandardWebhook};
use futures_util::future::BoxFuture;

use super::{Channel, ChannelError, SendError};
use crate::alerts::Message;

pub struct Webhook {
    port: Arc<dyn HttpPort>,
    url: Secret,
    signing: Option<StandardWebhook>,
    timeout: Duration,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Webhook")
    }
}

impl Webhook {
    /// # Errors
    /// The address is none, or would send its token over plain HTTP; the secret is not base64.
    pub fn new(config: &WebhookConfig, port: Arc<dyn HttpPort>) -> Result<Self, ChannelError> {
        let url = config.url.reveal();
        let loopback = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
        let ends = |rest: &str| rest.is_empty() || rest.starts_with([':', '/', '?']);
        let here = loopback.iter().any(|host| url.strip_prefix(host).is_some_and(ends));
        if !here && !url.starts_with("https://") {
            let fault = "it must start with https:// (or http:// on this host)".to_owned();
            return Err(ChannelError { key: "alerts.webhook.url", fault });
        }
        let signing = config.secret.as_ref().map(|secret| {
            StandardWebhook::new(secret.reveal()).map_err(|fault| ChannelError {
                key: "alerts.webhook.secret",
                fault: fault.to_string(),
            })
        });
        let signing = signing.transpose()?;
        Ok(Self { port, url: config.url.clone(), signing, timeout: config.timeout.0 })
    }

    fn request(&self, message: &Message) -> Request {
        let body = message.document.to_string();
        let id = message.id.to_string();
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(match &self.signing {
            Some(signing) => signing.headers(&id, message.at, &body),
            None => StandardWebhook::unsigned(&id, message.at),
        });
        Request {
            operation: "alert",
            method: Method::Post,
            url: self.url.reveal().to_owned(),
            headers,
            body: Bytes::from(body),
            deadline: self.timeout,
            secret: true,
            carries: 1,
        }
    }

    async fn post(&self, message: &Message) -> Result<(), SendError> {
        match self.port.send(self.request(message)).await {
            Ok(response) if (200..300).contains(&response.status) => Ok(()),
            Ok(response) => Err(SendError::Answered(response.status)),
            Err(HttpError::Timeout(after)) => Err(SendError::Timeout(after)),
            // Its text may hold the address.
            Err(HttpError::Unsendable(_) | HttpError::Withheld(_)) => {
                Err(SendError::Unsendable("the address is not one".to_owned()))
            }
            Err(error @ (HttpError::Connect(_) | HttpError::Broken(_))) => {
                Err(SendError::Unreachable(error.to_string()))
            }
            // Whatever it said at such length, it has the message.
            Err(HttpError::TooLarge) => Ok(()),
        }
    }
}

impl Channel for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn deadline(&self) -> Duration {
        self.timeout
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(self.post(message))
    }
}
