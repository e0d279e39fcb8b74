//! Credentials and scope, in both directions (OrderFlow reference §1).

use base64::{Engine, engine::general_purpose::STANDARD};
use ferry_config::system::{OrderflowConfig, PushConfig, PushCredentials, PushScope};
use sha2::{Digest, Sha256};
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

/// What a request says it is about. A query parameter wins over the header of its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) channel: Option<String>,
    pub(super) organisation: Option<String>,
}

impl Scope {
    pub(super) fn of(headers: &[(String, String)], query: &[(String, String)]) -> Self {
        let find = |pairs: &[(String, String)], name: &str| {
            pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone())
        };
        let named = |name: &str| {
            let value = find(query, name).or_else(|| find(headers, name));
            value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        Self { channel: named("channel"), organisation: named("organisation") }
    }

    /// The narrower of the two.
    pub(super) fn name(&self) -> Option<&str> {
        self.channel.as_deref().or(self.organisation.as_deref())
    }

    /// Whose the configuration is.
    pub(super) fn own(config: &OrderflowConfig) -> Self {
        let (channel, organisation) = (config.channel.clone(), config.organisation.clone());
        Self { channel: Some(channel), organisation: Some(organisation) }
    }

    /// As a wake keeps it: nothing where it contradicts the configured one in nothing.
    pub(super) fn kept(&self, config: &OrderflowConfig) -> String {
        let own = Self::own(config);
        let fits = |said: &Option<String>, own: &Option<String>| said.is_none() || said == own;
        if fits(&self.channel, &own.channel) && fits(&self.organisation, &own.organisation) {
            return String::new();
        }
        serde_json::to_string(&(&self.channel, &self.organisation)).unwrap_or_default()
    }

    /// What a wake kept; `None` for the configured one.
    pub(super) fn foreign(kept: &str) -> Option<Self> {
        let (channel, organisation) = serde_json::from_str(kept).ok()?;
        Some(Self { channel, organisation })
    }

    /// By which a request names it.
    pub(super) fn headers(&self) -> Vec<(String, String)> {
        let named = [("channel", &self.channel), ("organisation", &self.organisation)].into_iter();
        named.filter_map(|(name, said)| Some((name.to_owned(), said.clone()?))).collect()
    }

    /// How much of a configured scope this one matches; `None` if it is another.
    fn matches(&self, scope: &PushScope) -> Option<(usize, bool)> {
        let pairs = [(&scope.channel, &self.channel), (&scope.organisation, &self.organisation)];
        let said = pairs.iter().filter(|(wanted, _)| wanted.is_some());
        let fits = said.clone().all(|(wanted, found)| wanted == found);
        fits.then(|| (said.count(), scope.channel.is_some()))
    }
}

/// Whether a push presents what is configured for its scope, as Basic or as headers.
pub(super) fn admits(push: &PushConfig, scope: &Scope, headers: &[(String, String)]) -> bool {
    let special = push.scopes.iter().filter_map(|each| Some((scope.matches(each)?, each)));
    let special = special.max_by_key(|(rank, _)| *rank).map(|(_, each)| &each.credentials);
    let Some(wanted) = special.or(push.credentials.as_ref()) else { return false };
    let presented = [basic(headers), own_headers(headers)];
    presented.into_iter().flatten().any(|given| same(&given, wanted))
}

/// Compares digests in constant time, so that neither content nor length of what is wanted can be
/// measured.
fn same((user, password): &(String, String), wanted: &PushCredentials) -> bool {
    let equal = |given: &str, wanted: &str| {
        Sha256::digest(given.as_bytes()).ct_eq(&Sha256::digest(wanted.as_bytes()))
    };
    let user = equal(user, wanted.user.reveal());
    (user & equal(password, wanted.password.reveal())).into()
}

fn basic(headers: &[(String, String)]) -> Option<(String, String)> {
    let (scheme, encoded) = header(headers, "authorization")?.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let (user, password) =
        decoded(encoded)?.split_once(':').map(|(u, p)| (u.to_owned(), p.to_owned()))?;
    Some((user, password))
}

fn own_headers(headers: &[(String, String)]) -> Option<(String, String)> {
    Some((header(headers, "user")?.to_owned(), decoded(header(headers, "password")?)?))
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use ferry_config::{Secret, system::AcknowledgeAs};

    use super::*;

    fn credentials(user: &str, password: &str) -> PushCredentials {
        PushCredentials { user: Secret::new(user), password: Secret::new(password) }
    }

    fn push() -> PushConfig {
        PushConfig {
            credentials: Some(credentials("flow", "s:cret")),
            scopes: Vec::new(),
            acknowledgement: String::new(),
            acknowledge_as: AcknowledgeAs::Xml,
        }
    }

    fn one(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    fn as_basic(user: &str, password: &str) -> (String, String) {
        one("authorization", &format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    fn admitted(headers: &[(String, String)]) -> bool {
        admits(&push(), &Scope::default(), headers)
    }

    #[test]
    fn basic_and_header_credentials_are_both_taken() {
        assert!(admitted(&[one("authorization", "Basic ZmxvdzpzOmNyZXQ=")]));
        assert!(admitted(&[one("user", "flow"), one("password", "czpjcmV0")]));
        // A proxy's own word in `authorization` does not take the other way in away.
        let proxied = one("authorization", "Bearer of-the-proxy");
        assert!(admitted(&[proxied, one("user", "flow"), one("password", "czpjcmV0")]));
    }

    #[test]
    fn wrong_missing_or_undecodable_credentials_are_refused() {
        assert!(!admitted(&[]));
        for pairs in [
            vec![one("user", "flow"), one("password", "s:cret")],
            vec![one("user", "flow:s"), one("password", "Y3JldA==")],
            vec![one("authorization", "Bearer Zmxvdzpz")],
            vec![one("authorization", "Basic Zmxvdzp3cm9uZw==")],
            vec![one("authorization", "Basic")],
            vec![as_basic("flow:s", "cret:x")],
            vec![one("authorization", "Basic \u{e9}")],
        ] {
            assert!(!admitted(&pairs), "{pairs:?}");
        }
    }

    #[test]
    fn a_query_parameter_wins_over_a_header() {
        let (headers, query) = ([one("channel", "web")], [one("channel", "amazon")]);
        assert_eq!(Scope::of(&headers, &query).name(), Some("amazon"));
        assert_eq!(Scope::of(&headers, &[]).name(), Some("web"));
        let organisation = [one("organisation", "acme")];
        assert_eq!(Scope::of(&headers, &organisation).organisation.as_deref(), Some("acme"));
        assert_eq!(Scope::of(&headers, &[one("channel", "")]), Scope::default());
    }

    #[test]
    fn a_scope_with_credentials_of_its_own_takes_these_and_no_others() {
        let scope = |channel: Option<&str>, organisation: Option<&str>, user: &str| PushScope {
            channel: channel.map(str::to_owned),
            organisation: organisation.map(str::to_owned),
            credentials: credentials(user, "pw"),
        };
        let mut push = push();
        push.scopes = vec![
            scope(None, Some("acme"), "of-acme"),
            scope(Some("web"), None, "of-web"),
            scope(Some("web"), Some("acme"), "of-both"),
        ];
        for (channel, organisation, user) in [
            (Some("web"), Some("acme"), "of-both"),
            (Some("web"), Some("other"), "of-web"),
            (Some("amazon"), Some("acme"), "of-acme"),
            (None, Some("acme"), "of-acme"),
        ] {
            let named = Scope {
                channel: channel.map(str::to_owned),
                organisation: organisation.map(str::to_owned),
            };
            for given in ["of-acme", "of-web", "of-both"] {
                let admitted = admits(&push, &named, &[as_basic(given, "pw")]);
                assert_eq!(admitted, given == user, "{named:?} {given}");
            }
            assert!(!admits(&push, &named, &[as_basic("flow", "s:cret")]), "{named:?}");
        }
        assert!(admits(&push, &Scope::default(), &[as_basic("flow", "s:cret")]));
        push.credentials = None;
        assert!(!admits(&push, &Scope::default(), &[as_basic("flow", "s:cret")]));
    }
}
