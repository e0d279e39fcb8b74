//! The OAuth2 token endpoint, client credentials only (OroCommerce reference §2).

use std::collections::HashMap;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::query::pairs;

/// The one client the shop knows, and how long its tokens live.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) expires_in: u32,
}

/// Tokens given out and when each ends.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    given: HashMap<String, Timestamp>,
    count: u64,
}

impl Tokens {
    /// Answers `POST /oauth2-token`: the status and the body.
    pub(super) fn grant(
        &mut self,
        client: &Client,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> (u16, Value) {
        let request = parameters(headers, body);
        let member = |name: &str| request.get(name).filter(|value| !value.is_empty());
        match request.get("grant_type").map(String::as_str) {
            Some("client_credentials") => {}
            None => return invalid_request("grant_type"),
            Some(_) => return unsupported_grant(),
        }
        let Some(id) = member("client_id") else { return invalid_request("client_id") };
        let Some(secret) = request.get("client_secret") else {
            return invalid_request("client_secret");
        };
        if *id != client.id || *secret != client.secret {
            return invalid_client();
        }
        let token = self.issue(client, now);
        let body = json!({
            "token_type": "Bearer",
            "expires_in": client.expires_in,
            "access_token": token,
        });
        (200, body)
    }

    /// Whether the request carries a token that still lives.
    pub(super) fn admits(&self, headers: &HeaderMap, now: Timestamp) -> bool {
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer "));
        token.and_then(|token| self.given.get(token)).is_some_and(|ends| now < *ends)
    }

    /// Ends every token, as a server does when the client is deactivated or its keys change.
    pub(super) fn revoke_all(&mut self) {
        self.given.clear();
    }

    fn issue(&mut self, client: &Client, now: Timestamp) -> String {
        self.count += 1;
        let ends = now
            .saturating_add(SignedDuration::from_secs(client.expires_in.into()))
            .unwrap_or(Timestamp::MAX);
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({"aud": client.id, "jti": self.count, "exp": ends.as_second()});
        let head = part(&json!({"typ": "JWT", "alg": "RS256"}));
        let token = format!("{head}.{}.simulated", part(&claims));
        self.given.insert(token.clone(), ends);
        token
    }
}

/// The request's parameters, from a form, JSON or HTTP Basic.
fn parameters(headers: &HeaderMap, body: &[u8]) -> HashMap<String, String> {
    let content = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut parameters: HashMap<String, String> = match serde_json::from_slice(body) {
        Ok(Value::Object(members)) if content.is_none_or(|media| media.contains("json")) => {
            let text = |(name, value): (String, Value)| {
                value.as_str().map(|value| (name, value.to_owned()))
            };
            members.into_iter().filter_map(text).collect()
        }
        _ => pairs(&String::from_utf8_lossy(body)).into_iter().collect(),
    };
    if let Some((id, secret)) = basic(headers) {
        parameters.entry("client_id".to_owned()).or_insert(id);
        parameters.entry("client_secret".to_owned()).or_insert(secret);
    }
    parameters
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(header.strip_prefix("Basic ")?.trim()).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn refusal(status: u16, error: &str, description: &str, hint: Option<String>) -> (u16, Value) {
    let mut body =
        json!({"error": error, "error_description": description, "message": description});
    if let (Some(hint), Some(members)) = (hint, body.as_object_mut()) {
        members.insert("hint".to_owned(), hint.into());
    }
    (status, body)
}

fn invalid_client() -> (u16, Value) {
    refusal(401, "invalid_client", "Client authentication failed", None)
}

fn unsupported_grant() -> (u16, Value) {
    let description = "The authorization grant type is not supported by the authorization server.";
    let hint = "Check that all required parameters have been provided".to_owned();
    refusal(400, "unsupported_grant_type", description, Some(hint))
}

fn invalid_request(parameter: &str) -> (u16, Value) {
    let description = "The request is missing a required parameter, includes an invalid parameter \
                       value, includes a parameter more than once, or is otherwise malformed.";
    let hint = format!("Check the `{parameter}` parameter");
    refusal(400, "invalid_request", description, Some(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        Client { id: "demo".to_owned(), secret: "s3cret".to_owned(), expires_in: 60 }
    }

    fn ask(headers: &[(&str, &str)], body: &str) -> (u16, Value) {
        Tokens::default().grant(
            &client(),
            &header_map(headers),
            body.as_bytes(),
            Timestamp::UNIX_EPOCH,
        )
    }

    fn header_map(headers: &[(&str, &str)]) -> HeaderMap {
        let parse = |(name, value): &(&str, &str)| {
            (name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap())
        };
        headers.iter().map(parse).collect()
    }

    #[test]
    fn credentials_come_as_a_form_as_json_or_as_basic() {
        let basic = format!("Basic {}", STANDARD.encode("demo:s3cret"));
        let form = "grant_type=client_credentials&client_id=demo&client_secret=s3cret";
        let json =
            r#"{"grant_type":"client_credentials","client_id":"demo","client_secret":"s3cret"}"#;
        let content = [("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(ask(&content, form).0, 200);
        assert_eq!(ask(&[("content-type", "application/json")], json).0, 200);
        let headers = [("authorization", basic.as_str()), content[0]];
        assert_eq!(ask(&headers, "grant_type=client_credentials").0, 200);
    }

    #[test]
    fn wrong_credentials_are_401_and_missing_ones_400() {
        let wrong = ask(&[], "grant_type=client_credentials&client_id=demo&client_secret=x");
        assert_eq!((wrong.0, &wrong.1["error"]), (401, &json!("invalid_client")));
        let missing = ask(&[], "grant_type=client_credentials&client_secret=x");
        assert_eq!(missing.0, 400);
        assert_eq!(missing.1["hint"], "Check the `client_id` parameter");
    }

    #[test]
    fn a_token_is_good_until_it_expires() {
        let mut tokens = Tokens::default();
        let form = b"grant_type=client_credentials&client_id=demo&client_secret=s3cret";
        let (_, body) = tokens.grant(&client(), &HeaderMap::new(), form, Timestamp::UNIX_EPOCH);
        let bearer = format!("Bearer {}", body["access_token"].as_str().unwrap());
        let headers = header_map(&[("authorization", &bearer)]);
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(tokens.admits(&headers, at(59)));
        assert!(!tokens.admits(&headers, at(60)));
        tokens.revoke_all();
        assert!(!tokens.admits(&headers, at(0)));
    }
}
