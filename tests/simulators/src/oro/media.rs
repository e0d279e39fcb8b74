//! Media types (OroCommerce reference §1): the JSON:API type, bare, or nothing.
//!
//! Any other type would silently select another API of the shop with another shape. That API is not
//! simulated: a client that asks for it hears 406 or 415 instead.

use axum::http::{HeaderMap, Method, header};

use super::problem::Problem;

pub(super) const JSON_API: &str = "application/vnd.api+json";

pub(super) fn check(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let accepts = accepts(headers);
    match content_type(headers) {
        Some(JSON_API) if accepts != Some(false) => Ok(()),
        Some(other) if is_parameterised(other) => Err(unsupported(other)),
        Some(JSON_API) => Err(not_acceptable()),
        Some(other) if needs_content_type(method) => Err(unsupported(other)),
        None if needs_content_type(method) && *method != Method::DELETE => Err(unsupported("")),
        _ if accepts == Some(true) => Ok(()),
        _ => Err(not_acceptable()),
    }
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok().map(str::trim)
}

fn needs_content_type(method: &Method) -> bool {
    *method != Method::GET && *method != Method::OPTIONS
}

fn is_parameterised(media: &str) -> bool {
    media.split_once(';').is_some_and(|(essence, _)| essence.trim() == JSON_API)
}

/// Whether the bare JSON:API type is accepted; `None` if the client does not say.
fn accepts(headers: &HeaderMap) -> Option<bool> {
    let mut said = None;
    for value in headers.get_all(header::ACCEPT) {
        let media = value.to_str().unwrap_or_default();
        said = Some(said == Some(true) || media.split(',').any(|media| media.trim() == JSON_API));
    }
    said
}

fn not_acceptable() -> Problem {
    let detail = "Only the media type \"application/vnd.api+json\" without parameters is offered.";
    Problem::new(406, "not acceptable http exception", detail)
}

fn unsupported(media: &str) -> Problem {
    let detail = format!("The \"Content-Type\" request header \"{media}\" is not supported.");
    Problem::new(415, "unsupported media type http exception", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: &Method, content: Option<&str>, accept: Option<&str>) -> u16 {
        let mut headers = HeaderMap::new();
        if let Some(content) = content {
            headers.insert(header::CONTENT_TYPE, content.parse().unwrap());
        }
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT, accept.parse().unwrap());
        }
        check(method, &headers).map_or_else(|problem| problem.status, |()| 200)
    }

    #[test]
    fn only_the_bare_media_type_is_taken_and_given() {
        let parameterised = "application/vnd.api+json; charset=utf-8";
        let table = [
            (Method::GET, None, Some(JSON_API), 200),
            (Method::GET, None, Some("text/html, application/vnd.api+json"), 200),
            (Method::GET, None, Some(parameterised), 406),
            (Method::GET, None, Some("application/json"), 406),
            (Method::POST, Some(JSON_API), None, 200),
            (Method::POST, Some(JSON_API), Some(JSON_API), 200),
            (Method::POST, Some(JSON_API), Some("application/json"), 406),
            (Method::POST, Some(parameterised), Some(JSON_API), 415),
            (Method::PATCH, Some("application/json"), Some(JSON_API), 415),
            (Method::POST, None, Some(JSON_API), 415),
            (Method::DELETE, None, Some(JSON_API), 200),
        ];
        for (method, content, accept, expected) in table {
            assert_eq!(
                status(&method, content, accept),
                expected,
                "{method} {content:?} {accept:?}"
            );
        }
    }
}
