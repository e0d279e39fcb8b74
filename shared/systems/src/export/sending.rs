//! A document over HTTP: one request, which says which document it is.

use std::time::Duration;

use ferry_config::export::{ExportHttp, ExportMethod};
use ferry_http::{Conversation, Method, Request};

use super::Document;
use crate::{Failure, status, url};

pub(super) async fn send(
    (http, within): (&ExportHttp, Duration),
    conversation: &Conversation,
    document: &Document,
) -> Result<Option<String>, Failure> {
    let name = url::encode(&document.name);
    let (method, url) = match http.method {
        ExportMethod::Post => (Method::Post, http.url.clone()),
        ExportMethod::Put => (Method::Put, format!("{}/{name}", http.url)),
    };
    let mut headers = vec![
        ("content-type".to_owned(), document.media_type.clone()),
        ("idempotency-key".to_owned(), document.id.to_string()),
        ("ferry-document".to_owned(), name),
    ];
    if let Some(bearer) = &http.bearer {
        headers.push(("authorization".to_owned(), format!("Bearer {}", bearer.reveal())));
    }
    let request = Request {
        operation: "export",
        method,
        url,
        headers,
        body: document.body.clone(),
        deadline: within,
        secret: false,
    };
    let answer = conversation.send(request).await;
    let response = answer.map_err(|error| Failure::unanswered(&error, true))?;
    if (200..300).contains(&response.status) {
        return Ok(None);
    }
    let kind = status::kind(response.status, method);
    let detail = format!("the receiver answered {}", response.status);
    let unread = status::leaves_open(response.status);
    Err(Failure { unread, ..Failure::new(kind, detail).with_response(&response) })
}
