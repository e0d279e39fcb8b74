//! Who may ask, and for which channel or organisation (OrderFlow reference §1).
//!
//! Promises both documented ways in, HTTP Basic and the headers `user` and `password`, and that a
//! query parameter wins over the header of the same name. It does not tell a wrong user from a wrong
//! password.

use std::collections::HashMap;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The value of `WWW-Authenticate` in a refusal.
pub(super) const CHALLENGE: &str = "Basic realm=\"RTD\"";

/// The one user of a simulated instance.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

impl Credentials {
    /// Whether a request carries these credentials in one of the two ways.
    pub(super) fn admit(&self, headers: &HeaderMap) -> bool {
        self.in_basic(headers) || self.in_headers(headers)
    }

    /// The value of an `Authorization` header that carries them.
    pub(super) fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password)))
    }

    fn in_basic(&self, headers: &HeaderMap) -> bool {
        let Some((scheme, token)) =
            text(headers, AUTHORIZATION.as_str()).and_then(|value| value.split_once(' '))
        else {
            return false;
        };
        let expected = format!("{}:{}", self.user, self.password);
        scheme.eq_ignore_ascii_case("basic") && decoded(token.trim()) == Some(expected.into_bytes())
    }

    fn in_headers(&self, headers: &HeaderMap) -> bool {
        let password = text(headers, "password").and_then(decoded);
        text(headers, "user") == Some(self.user.as_str())
            && password.as_deref() == Some(self.password.as_bytes())
    }
}

/// The channel or organisation a request is about, if it names one.
pub(super) fn scope<'a>(
    name: &str,
    query: &'a HashMap<String, String>,
    headers: &'a HeaderMap,
) -> Option<&'a str> {
    query.get(name).map(String::as_str).or_else(|| text(headers, name)).filter(|v| !v.is_empty())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn decoded(token: &str) -> Option<Vec<u8>> {
    STANDARD.decode(token).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::{Credentials, scope};

    fn ferry() -> Credentials {
        Credentials { user: "ferry".into(), password: "pässword:1".into() }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn basic_or_the_two_headers_let_in() {
        let basic = ferry().basic();
        assert!(ferry().admit(&headers(&[("authorization", &basic)])));
        let lower = basic.replace("Basic", "basic");
        assert!(ferry().admit(&headers(&[("authorization", &lower)])));
        let by_headers = [("user", "ferry"), ("password", "cMOkc3N3b3JkOjE=")];
        assert!(ferry().admit(&headers(&by_headers)));
        let both = [by_headers[0], by_headers[1], ("authorization", basic.as_str())];
        assert!(ferry().admit(&headers(&both)));
    }

    #[test]
    fn nothing_else_lets_in() {
        let wrong = Credentials { user: "ferry".into(), password: "x".into() }.basic();
        for pairs in [
            vec![],
            vec![("authorization", wrong.as_str())],
            vec![("authorization", "Basic !!")],
            vec![("authorization", "Bearer x")],
            vec![("user", "ferry")],
            vec![("user", "ferry"), ("password", "plain")],
            vec![("user", "other"), ("password", "cMOkc3N3b3JkOjE=")],
        ] {
            assert!(!ferry().admit(&headers(&pairs)), "{pairs:?}");
        }
    }

    #[test]
    fn a_query_parameter_wins_over_the_header() {
        let headers = headers(&[("channel", "from-header")]);
        let query = HashMap::from([("channel".to_owned(), "from-query".to_owned())]);
        assert_eq!(scope("channel", &query, &headers), Some("from-query"));
        assert_eq!(scope("channel", &HashMap::new(), &headers), Some("from-header"));
        assert_eq!(scope("organisation", &query, &headers), None);
    }
}
