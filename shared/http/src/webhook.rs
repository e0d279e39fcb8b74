//! The signature of Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp` and
//! `webhook-signature: v1,<base64 of HMAC-SHA256 over id.timestamp.body>`; and the plainer one over a body
//! alone, in hex.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

/// Signs what is posted. It shows nothing of its key.
#[derive(Clone)]
pub struct StandardWebhook(Vec<u8>);

/// The secret is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must be base64, with or without whsec_ in front")]
pub struct WebhookSecretError;

impl fmt::Debug for StandardWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StandardWebhook")
    }
}

impl StandardWebhook {
    /// With the secret as the receiver gave it: base64, with or without `whsec_` in front.
    pub fn new(secret: &str) -> Result<Self, WebhookSecretError> {
        let text = secret.trim();
        let key = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text));
        key.ok().filter(|key| !key.is_empty()).map(Self).ok_or(WebhookSecretError)
    }

    /// The headers of one message; `id` stays the same when it is sent again.
    pub fn headers(&self, id: &str, at: Timestamp, body: &str) -> Vec<(String, String)> {
        let signature = self.signature(&format!("{id}.{}.{body}", at.as_second()));
        let mut headers = Self::unsigned(id, at);
        headers.push(("webhook-signature".to_owned(), format!("v1,{signature}")));
        headers
    }

    /// What says which message it is, without a secret to sign it with.
    pub fn unsigned(id: &str, at: Timestamp) -> Vec<(String, String)> {
        vec![
            ("webhook-id".to_owned(), id.to_owned()),
            ("webhook-timestamp".to_owned(), at.as_second().to_string()),
        ]
    }

    fn signature(&self, signed: &str) -> String {
        // A key of any length makes a MAC.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(signed.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

/// Whether `signature` is the lowercase hex of HMAC-SHA256 over `body`, with the secret's own bytes as key.
/// It takes as long for a wrong one as for the right one.
pub fn is_signed(secret: &str, body: &[u8], signature: &str) -> bool {
    let (Ok(mut mac), Some(signature)) =
        (Hmac::<Sha256>::new_from_slice(secret.as_bytes()), bytes_of(signature))
    else {
        return false;
    };
    mac.update(body);
    mac.verify_slice(&signature).is_ok()
}

/// What a lowercase hex text stands for.
fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some((digit(high)? << 4) | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_standards_own_example() {
        // standard-webhooks, libraries' test vector.
        let webhook = StandardWebhook::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let body = "{\"test\": 2432232314}";
        let headers = webhook.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, body);
        let wanted = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ];
        assert_eq!(headers, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_body_is_signed_by_who_has_the_secret_and_by_nobody_else() {
        let body = br#"{"topic":"order.created","eventData":{"data":{"type":"orders","id":"1"}},"timestamp":1767225600,"messageId":"oro.1"}"#;
        let signature = "e44fe64c378f875f232bb09337e8018beb9cc1a4a301eb3135d581da650d62ff";
        assert!(is_signed("abcdef", body, signature));
        assert!(!is_signed("abcdeg", body, signature));
        assert!(!is_signed("abcdef", &body[1..], signature));
        let wrong = [
            "",
            "e44f",
            &signature[1..],
            &signature.to_uppercase(),
            &signature.replace('4', "x"),
            &format!("{signature}00"),
            "ł",
        ];
        for signature in wrong {
            assert!(!is_signed("abcdef", body, signature), "{signature}");
        }
    }

    #[test]
    fn a_secret_that_is_none_is_refused_and_one_that_is_never_shows() {
        for text in ["", "whsec_", "not base64!"] {
            assert_eq!(StandardWebhook::new(text).unwrap_err(), WebhookSecretError, "{text}");
        }
        let webhook = StandardWebhook::new("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(format!("{webhook:?}"), "StandardWebhook");
    }
}
