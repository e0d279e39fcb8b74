//! A POST with JSON, signed as Standard Webhooks 1.0 says (`webhook-id`, `webhook-timestamp`,
//! `webhook-signature: v1,<base64 of HMAC-SHA256 over id.timestamp.body>`).

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use ferry_config::{Secret, WebhookConfig};
use ferry_http::{HttpError, HttpPort, Method, Request};
use futures_util::future::BoxFuture;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{Channel, ChannelError, SendError};
use crate::alerts::Message;

pub struct Webhook {
    port: Arc<dyn HttpPort>,
    url: Secret,
    key: Option<Vec<u8>>,
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
        let key = config.secret.as_ref().map(key).transpose()?;
        Ok(Self { port, url: config.url.clone(), key, timeout: config.timeout.0 })
    }

    fn request(&self, message: &Message) -> Request {
        let body = message.document.to_string();
        let (id, seconds) = (message.id.to_string(), message.at.as_second().to_string());
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("webhook-id".to_owned(), id.clone()),
            ("webhook-timestamp".to_owned(), seconds.clone()),
        ];
        if let Some(key) = &self.key {
            let signature = signature(key, &format!("{id}.{seconds}.{body}"));
            headers.push(("webhook-signature".to_owned(), format!("v1,{signature}")));
        }
        Request {
            operation: "alert",
            method: Method::Post,
            url: self.url.reveal().to_owned(),
            headers,
            body: Bytes::from(body),
            deadline: self.timeout,
            secret: true,
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

fn key(secret: &Secret) -> Result<Vec<u8>, ChannelError> {
    let text = secret.reveal().trim();
    let fault = "it must be base64, with or without whsec_ in front".to_owned();
    STANDARD
        .decode(text.strip_prefix("whsec_").unwrap_or(text))
        .ok()
        .filter(|key| !key.is_empty())
        .ok_or(ChannelError { key: "alerts.webhook.secret", fault })
}

fn signature(key: &[u8], signed: &str) -> String {
    // A key of any length makes a MAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(signed.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_standards_own_example() {
        // standard-webhooks, libraries' test vector.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        let signature = signature(&key(&secret).unwrap(), signed);
        assert_eq!(signature, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
