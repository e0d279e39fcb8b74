//! A document over HTTP: one request, which says which document it is; what the answer means may be
//! said by rules.

use std::time::Duration;

use ferry_config::export::{ExportHttp, ExportMethod};
use ferry_http::{Conversation, Method, Request, Response};

use super::Document;
use crate::{
    Failure, Reading,
    rules::{Judged, Rules},
    status, url,
};

/// Where documents are sent to.
#[derive(Debug)]
pub(super) struct Receiver {
    config: ExportHttp,
    rules: Rules,
}

impl Receiver {
    pub(super) fn new(config: &ExportHttp) -> Self {
        Self { config: config.clone(), rules: Rules::new(&config.responses) }
    }

    /// What an answer comes to.
    pub(super) fn answered(&self, response: &Response) -> Reading {
        match self.rules.whole(response) {
            Some(judged) => Reading::by(&judged),
            None => self.heard(response).map_or_else(|no| Reading::failed(&no), |_| Reading::ok()),
        }
    }

    /// What is worth seeing of a yes.
    fn heard(&self, response: &Response) -> Result<Option<String>, Failure> {
        let open = status::leaves_open(response.status);
        let answered = format!("the receiver answered {}", response.status);
        if let Some(judged) = self.rules.whole(response) {
            let Judged { rule, .. } = &judged;
            let Some(kind) = judged.verdict.kind() else {
                return Ok(Some(format!("{answered}, which is a yes by the rule `{rule}`")));
            };
            let detail = format!("{answered}: {}", judged.reason());
            let unread = judged.leaves_doubt(open);
            return Err(Failure { unread, ..judged.failure(kind, detail, response) });
        }
        if (200..300).contains(&response.status) {
            return Ok(None);
        }
        let kind = status::kind(response.status, self.method());
        Err(Failure { unread: open, ..Failure::new(kind, answered).with_response(response) })
    }

    const fn method(&self) -> Method {
        match self.config.method {
            ExportMethod::Post => Method::Post,
            ExportMethod::Put => Method::Put,
        }
    }
}

pub(super) async fn send(
    (receiver, within): (&Receiver, Duration),
    conversation: &Conversation,
    document: &Document,
) -> Result<Option<String>, Failure> {
    let http = &receiver.config;
    let name = url::encode(&document.name);
    let url = match http.method {
        ExportMethod::Post => http.url.clone(),
        ExportMethod::Put => format!("{}/{name}", http.url),
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
        method: receiver.method(),
        url,
        headers,
        body: document.body.clone(),
        deadline: within,
        secret: false,
        carries: 1,
    };
    let answer = conversation.send(request).await;
    receiver.heard(&answer.map_err(|error| Failure::unanswered(&error, true))?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ferry_canonical::FailureKind;
    use ferry_config::responses;

    use super::*;

    const NONE: &str = "responses = []";
    const RULES: &str = r#"
[[responses]]
name = "no in a yes"
status = "200"
when = [{ path = "/status", equals = "error" }]
then = "rejected"
message = "/reason"

[[responses]]
name = "seen before"
status = "409"
when = [{ path = "/error", equals = "seen" }]
then = "duplicate"
"#;

    fn heard(rules: &str, status: u16, body: &str) -> Result<Option<String>, Failure> {
        let receiver = Receiver::new(&ExportHttp {
            url: "http://accounts.test/in".to_owned(),
            method: ExportMethod::Post,
            bearer: None,
            responses: responses::parse(rules).unwrap(),
        });
        let headers = BTreeMap::new().into_iter().collect();
        receiver.heard(&Response { status, headers, body: body.to_owned().into() })
    }

    #[test]
    fn a_yes_that_says_no_is_one_by_a_rule() {
        const NO: &str = r#"{"status": "error", "reason": "period closed"}"#;
        assert_eq!(heard(NONE, 200, NO).unwrap(), None);
        let no = heard(RULES, 200, NO).unwrap_err();
        assert_eq!((no.kind, no.rule.as_deref()), (FailureKind::Rejected, Some("no in a yes")));
        assert_eq!(no.detail, "the receiver answered 200: period closed");
        assert_eq!(heard(RULES, 200, r#"{"status": "ok"}"#).unwrap(), None);
    }

    #[test]
    fn a_document_that_the_receiver_has_already_has_arrived_by_a_rule() {
        const SEEN: &str = r#"{"error": "seen"}"#;
        assert_eq!(heard(NONE, 409, SEEN).unwrap_err().kind, FailureKind::Conflict);
        let seen = heard(RULES, 409, SEEN).unwrap();
        assert_eq!(
            seen.as_deref(),
            Some("the receiver answered 409, which is a yes by the rule `seen before`")
        );
    }
}
