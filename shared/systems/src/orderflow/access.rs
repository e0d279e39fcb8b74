//! Credentials and scope, in both directions (OrderFlow reference §1).

use base64::{Engine, engine::general_purpose::STANDARD};
use ferry_config::system::{OrderflowConfig, PushConfig};
use subtle::ConstantTimeEq;

/// Basic and header authentication at once, and the scope of channel and organisation.
pub(super) fn headers(config: &OrderflowConfig) -> Vec<(String, String)> {
    let (user, password) = (config.user.reveal(), config.password.reveal());
    let basic = STANDARD.encode(format!("{user}:{password}"));
    [
        ("authorization", format!("Basic {basic}")),
        ("user", user.to_owned()),
        ("password", STANDARD.encode(password)),
        ("channel", config.channel.clone()),
        ("organisation", config.organisation.clone()),
        ("content-type", "application/xml".to_owned()),
        ("accept", "application/xml".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// Whether a push presents the configured credentials, as Basic or as headers. Compares in
/// constant time.
pub(super) fn admits(push: &PushConfig, headers: &[(String, String)]) -> bool {
    let wanted = format!("{}:{}", push.user.reveal(), push.password.reveal());
    presented(headers).is_some_and(|given| bool::from(given.as_bytes().ct_eq(wanted.as_bytes())))
}

/// `user:password`, as presented.
fn presented(headers: &[(String, String)]) -> Option<String> {
    let header = |name: &str| {
        headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    };
    let decode = |text: &str| String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok();
    if let Some(authorization) = header("authorization") {
        let (scheme, encoded) = authorization.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("basic").then(|| decode(encoded))?;
    }
    Some(format!("{}:{}", header("user")?, decode(header("password")?)?))
}

/// Channel or organisation: a query parameter wins over a header (OrderFlow reference §1).
pub(super) fn scope(headers: &[(String, String)], query: &[(String, String)]) -> Option<String> {
    let find = |pairs: &[(String, String)], name: &str| {
        pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone())
    };
    ["channel", "organisation"]
        .into_iter()
        .find_map(|name| find(query, name).or_else(|| find(headers, name)))
}

#[cfg(test)]
mod tests {
    use ferry_config::Secret;

    use super::*;

    fn push() -> PushConfig {
        PushConfig {
            user: Secret::new("flow"),
            password: Secret::new("s:cret"),
            acknowledgement: String::new(),
        }
    }

    fn one(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn basic_and_header_credentials_are_both_taken() {
        let basic = one("authorization", "Basic ZmxvdzpzOmNyZXQ=");
        assert!(admits(&push(), &[basic]));
        assert!(admits(&push(), &[one("user", "flow"), one("password", "czpjcmV0")]));
    }

    #[test]
    fn wrong_missing_or_undecodable_credentials_are_refused() {
        assert!(!admits(&push(), &[]));
        assert!(!admits(&push(), &[one("user", "flow"), one("password", "s:cret")]));
        assert!(!admits(&push(), &[one("authorization", "Bearer Zmxvdzpz")]));
        assert!(!admits(&push(), &[one("authorization", "Basic Zmxvdzp3cm9uZw==")]));
    }

    #[test]
    fn a_query_parameter_wins_over_a_header() {
        let (headers, query) = ([one("channel", "web")], [one("channel", "amazon")]);
        assert_eq!(scope(&headers, &query).as_deref(), Some("amazon"));
        assert_eq!(scope(&headers, &[]).as_deref(), Some("web"));
    }
}
