//! What never reaches a log, a journal or an error text.

/// Header names whose values are secrets, in lower case.
const SECRET_HEADERS: &[&str] = &[
    "authorization",
    "cookie",
    "password",
    "proxy-authorization",
    "set-cookie",
    "webhook-signature",
    "x-api-key",
];

/// Query parameters whose values are secrets, in lower case.
const SECRET_PARAMETERS: &[&str] =
    &["access_token", "api_key", "client_secret", "key", "password", "secret", "token"];

/// The headers with the values of secret ones replaced.
pub fn redacted_headers(headers: &[(String, String)]) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let secret = SECRET_HEADERS.contains(&name.to_ascii_lowercase().as_str());
            (name.clone(), if secret { "[redacted]".to_owned() } else { value.clone() })
        })
        .collect()
}

/// The URL without user, password and the values of secret query parameters.
pub fn redacted_url(url: &str) -> String {
    let (base, query) = match url.split_once('?') {
        Some((base, query)) => (base, Some(query)),
        None => (url, None),
    };
    let mut out = without_user(base);
    if let Some(query) = query {
        out.push('?');
        let parameters: Vec<String> = query.split('&').map(redacted_parameter).collect();
        out.push_str(&parameters.join("&"));
    }
    out
}

fn without_user(base: &str) -> String {
    let Some((scheme, rest)) = base.split_once("://") else { return base.to_owned() };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}{path}"),
        None => base.to_owned(),
    }
}

fn redacted_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if SECRET_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) => {
            format!("{name}=[redacted]")
        }
        _ => parameter.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_neither_user_nor_secret_parameter() {
        let url = "https://ferry:pw@shop.example/a@b?page=2&Access_Token=abc&x";
        assert_eq!(redacted_url(url), "https://shop.example/a@b?page=2&Access_Token=[redacted]&x");
        assert_eq!(redacted_url("https://shop.example/a"), "https://shop.example/a");
    }

    #[test]
    fn a_password_header_is_redacted_whatever_its_case() {
        let headers = [("Password".to_owned(), "c2VjcmV0".to_owned()), ("user".into(), "u".into())];
        assert_eq!(
            redacted_headers(&headers),
            [("Password".to_owned(), "[redacted]".to_owned()), ("user".into(), "u".into())]
        );
    }
}
