//! Bodies of verbs that change something, and who may ask at all.
//!
//! The API asks for no credentials, so what reaches it must not be a page of another site in the
//! operator's browser. Such a page cannot send `application/json` without being asked first, which
//! this API never allows; browsers name the page in `Origin` and `Sec-Fetch-Site`; and a name that
//! was pointed at this host for the purpose is not the host's own.

use axum::{
    extract::{FromRequest, Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{Problem, Shared};

/// What was sent with a verb, by somebody who is no other site's page.
#[derive(Debug)]
pub(crate) struct Command<T>(pub(crate) T);

impl<B, S, T> FromRequest<Shared<B, S>> for Command<T>
where
    B: Send + Sync,
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Shared<B, S>) -> Result<Self, Problem> {
        admit(request.headers(), state.local)?;
        let unreadable = |_| Problem::bad_request("the body cannot be read".to_owned());
        let body = Bytes::from_request(request, state).await.map_err(unreadable)?;
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            Problem::bad_request(format!("the body is not what this verb takes: {error}"))
        })
    }
}

/// `local`: only this host is to reach the console.
fn admit(headers: &HeaderMap, local: bool) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let media = text(header::CONTENT_TYPE).and_then(|media| media.split(';').next());
    if !media.is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Problem::unsupported_media("send application/json".to_owned()));
    }
    let host = text(header::HOST).unwrap_or_default();
    let origin = text(header::ORIGIN);
    let same = |origin: &str| {
        origin.split_once("://").is_some_and(|(_, named)| named.eq_ignore_ascii_case(host))
    };
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    if !origin.is_none_or(same) || !site.is_none_or(|site| ["same-origin", "none"].contains(&site))
    {
        return Err(Problem::forbidden("a page of another site must not do this".to_owned()));
    }
    if local && !is_this_host(host) { Err(foreign_name()) } else { Ok(()) }
}

fn foreign_name() -> Problem {
    let detail = "the console listens for this host alone, and was called by another name; a proxy in \
                  front needs `behind_proxy = true`";
    Problem::forbidden(detail.to_owned())
}

/// Looking is for this host alone as well: a page whose name was pointed here would be told
/// everything. What names no host is no browser.
pub(super) async fn by_a_name_of_this_host(
    State(local): State<bool>,
    request: Request,
    next: Next,
) -> Response {
    let host = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    if local && !host.is_none_or(is_this_host) {
        return foreign_name().into_response();
    }
    next.run(request).await
}

/// `127.0.0.1:7083`, `localhost`, `[::1]:7083`.
fn is_this_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn status(headers: &[(&'static str, &'static str)], local: bool) -> u16 {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (header::HeaderName::from_static(name), HeaderValue::from_static(value))
            })
            .collect();
        admit(&headers, local).map_or_else(|problem| problem.status, |()| 200)
    }

    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
    const HOST: (&str, &str) = ("host", "127.0.0.1:7083");

    #[test]
    fn a_command_line_and_the_consoles_own_page_are_let_in() {
        assert_eq!(status(&[JSON, HOST], true), 200);
        let origin = ("origin", "http://127.0.0.1:7083");
        assert_eq!(status(&[JSON, HOST, origin, ("sec-fetch-site", "same-origin")], true), 200);
        for host in ["localhost", "[::1]:7083", "LOCALHOST:1"] {
            assert_eq!(status(&[JSON, ("host", host)], true), 200, "{host}");
        }
    }

    #[test]
    fn what_a_form_of_any_page_can_send_is_refused() {
        for media in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
            assert_eq!(status(&[("content-type", media), HOST], true), 415, "{media}");
        }
        assert_eq!(status(&[HOST], true), 415);
    }

    #[test]
    fn another_sites_page_is_refused_even_with_the_right_media_type() {
        for origin in ["https://evil.example", "null", "http://127.0.0.1:8080"] {
            assert_eq!(status(&[JSON, HOST, ("origin", origin)], true), 403, "{origin}");
        }
        for site in ["cross-site", "same-site"] {
            assert_eq!(status(&[JSON, HOST, ("sec-fetch-site", site)], true), 403, "{site}");
        }
    }

    #[test]
    fn a_foreign_name_for_this_host_is_refused_unless_a_proxy_answers_to_it() {
        let rebound = [JSON, ("host", "evil.example"), ("origin", "http://evil.example")];
        assert_eq!(status(&rebound, true), 403);
        assert_eq!(status(&[JSON], true), 403);
        let proxied = [JSON, ("host", "ferry.example"), ("origin", "https://ferry.example")];
        assert_eq!(status(&proxied, false), 200);
    }
}
