//! What OrderFlow answers: per-item results, and the whole-request errors it hides in several forms.

use std::collections::HashMap;

use ferry_canonical::FailureKind;
use ferry_http::Response;

use super::auth_failure;
use crate::{
    Failure,
    xml::{self, Element},
};

/// What one import came to (OrderFlow reference §3.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ImportAnswer {
    Success { item: Option<String> },
    Duplicate { message: String },
    Failure { message: String, detail: String },
}

/// Results by (type, external reference).
pub(super) type Answers = HashMap<(String, String), ImportAnswer>;

/// Reads the answer of an import request. An error is about the request as a whole.
pub(super) fn imports(response: &Response) -> Result<Answers, Failure> {
    let root = root(response, "an import")?;
    if root.name != "importResult" {
        return Err(whole_request_error(response, &root));
    }
    Ok(answers(&root))
}

/// The document that answers a request which may have done something.
pub(super) fn root(response: &Response, request: &str) -> Result<Element, Failure> {
    if !(200..=299).contains(&response.status) {
        return Err(refused(response));
    }
    xml::parse(&response.body).map_err(|error| {
        // Cut off or not XML at all: what was applied is not known.
        let detail = format!("the answer to {request} cannot be read: {error}");
        let failure = Failure::new(FailureKind::Unavailable, detail).with_response(response);
        Failure { unread: true, ..failure }
    })
}

fn answers(root: &Element) -> Answers {
    let mut answers = Answers::new();
    for (container, read) in [
        ("importSuccesses", success as fn(&Element) -> ImportAnswer),
        ("importFailures", failure),
        ("importDuplicates", duplicate),
    ] {
        let imports = root.child(container).into_iter().flat_map(|list| &list.children);
        for import in imports.filter(|import| import.name == "import") {
            let kind = import.attribute("type").unwrap_or_default().to_owned();
            let reference = import.attribute("externalReference").unwrap_or_default().to_owned();
            answers.insert((kind, reference), read(import));
        }
    }
    answers
}

fn success(import: &Element) -> ImportAnswer {
    ImportAnswer::Success { item: import.attribute("item").map(str::to_owned) }
}

fn failure(import: &Element) -> ImportAnswer {
    ImportAnswer::Failure {
        message: import.child_text("failureMessage").unwrap_or("no message").to_owned(),
        detail: import.child_text("failureDetail").unwrap_or_default().to_owned(),
    }
}

fn duplicate(import: &Element) -> ImportAnswer {
    let message = import.child_text("duplicateMessage").unwrap_or("it exists already");
    ImportAnswer::Duplicate { message: message.to_owned() }
}

/// The failure kind of one item's refusal. `MissingDataException` is OrderFlow's word for a
/// referenced entity it does not have (OrderFlow reference §3.6).
pub(super) fn item_failure(message: &str, detail: &str, status: u16) -> Failure {
    let missing = detail.contains("MissingDataException");
    let (kind, rule) = if missing {
        (FailureKind::MissingReference, "orderflow: MissingDataException")
    } else {
        (FailureKind::Rejected, "orderflow: importFailures")
    };
    let text = if detail.is_empty() { message.to_owned() } else { format!("{message} ({detail})") };
    Failure {
        status: Some(status),
        response: Some(text.clone()),
        rule: Some(rule.to_owned()),
        ..Failure::new(kind, text)
    }
}

/// An answer of 300 and above (OrderFlow reference §3.6: the body is text).
pub(super) fn refused(response: &Response) -> Failure {
    let kind = match response.status {
        401 => return auth_failure(response),
        // A 500 may be this record's fault or an OrderFlow in trouble: records must not die of that.
        408 | 500 | 502..=504 => FailureKind::Unavailable,
        429 => FailureKind::RateLimited,
        413 => FailureKind::TooLarge,
        400 | 422 => FailureKind::Validation,
        500..=599 => FailureKind::Internal,
        _ => FailureKind::Rejected,
    };
    let text: String = response.text().trim().chars().take(300).collect();
    let detail = format!("OrderFlow answered {}: {text}", response.status);
    let mut failure = Failure::new(kind, detail).with_response(response);
    failure.rule = Some("orderflow: status".to_owned());
    // A gateway that gave up may stand before an OrderFlow that did not.
    failure.unread = matches!(response.status, 500 | 502 | 504);
    failure
}

/// The three shapes of an error under a status of 200 (OrderFlow reference §3.6).
pub(super) fn whole_request_error(response: &Response, root: &Element) -> Failure {
    let (rule, text) = if root.name == "error" {
        ("orderflow: error root", root.text.trim())
    } else if let Some(exception) = root.child("exception") {
        ("orderflow: exception child", root.child_text("message").unwrap_or(exception.text.trim()))
    } else if let Some(text) = error_page(root) {
        ("orderflow: HTML error page", text)
    } else {
        let detail =
            format!("OrderFlow answered with a `{}`, which does not say what was done", root.name);
        let failure = Failure::new(FailureKind::Unavailable, detail).with_response(response);
        return Failure { unread: true, ..failure };
    };
    let kind = if text.contains("MissingDataException") {
        FailureKind::MissingReference
    } else {
        FailureKind::Rejected
    };
    let text = if text.is_empty() { "OrderFlow says no, and not why" } else { text };
    let text: String = text.chars().take(600).collect();
    let failure = Failure::new(kind, text).with_response(response);
    Failure { rule: Some(rule.to_owned()), ..failure }
}

/// An HTML page with `ERROR` in `body/h2` and the reason in `body/p`.
fn error_page(root: &Element) -> Option<&str> {
    let body = if root.name == "html" { root.child("body")? } else { return None };
    let title = body.find(&["h2"])?.text.as_str();
    title.contains("ERROR").then(|| body.child_text("p").unwrap_or(title))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Result<Answers, Failure> {
        imports(&Response { status, headers: Vec::new(), body: body.to_owned().into() })
    }

    #[test]
    fn every_item_finds_its_own_result() {
        let answers = answer(
            200,
            r#"<importResult>
              <importSuccesses><import type="order" operation="insert" externalReference="A" item="7"/></importSuccesses>
              <importFailures><import type="order" externalReference="B"><failureMessage>Product X not found</failureMessage>
                <failureDetail>rtd.exceptions.MissingDataException</failureDetail></import></importFailures>
              <importDuplicates><import type="order" externalReference="C"><duplicateMessage>Order already exists</duplicateMessage></import></importDuplicates>
            </importResult>"#,
        )
        .unwrap();
        let of = |reference: &str| answers[&("order".to_owned(), reference.to_owned())].clone();
        assert_eq!(of("A"), ImportAnswer::Success { item: Some("7".to_owned()) });
        assert!(matches!(of("B"), ImportAnswer::Failure { .. }));
        assert_eq!(of("C"), ImportAnswer::Duplicate { message: "Order already exists".to_owned() });
    }

    #[test]
    fn a_missing_product_is_a_missing_reference_and_other_refusals_are_final() {
        let missing =
            item_failure("Product X not found", "rtd.exceptions.MissingDataException", 200);
        assert_eq!(missing.kind, FailureKind::MissingReference);
        assert_eq!(item_failure("Quantity", "", 200).kind, FailureKind::Rejected);
    }

    #[test]
    fn an_error_root_an_exception_and_an_error_page_are_all_recognised() {
        let rule = |body| answer(200, body).unwrap_err().rule.unwrap();
        assert_eq!(rule("<error>no such channel</error>"), "orderflow: error root");
        assert_eq!(
            rule("<result><exception>x.Y</exception><message>no</message></result>"),
            "orderflow: exception child"
        );
        assert_eq!(
            rule("<html><body><h2>ERROR 17</h2><p>broken</p></body></html>"),
            "orderflow: HTML error page"
        );
    }

    #[test]
    fn an_answer_that_cannot_be_read_leaves_the_import_unknown() {
        for garbage in ["<importResult><importSucc", "gateway", "<html><body>hi</body></html>"] {
            let failure = answer(200, garbage).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Unavailable, "{garbage}");
            assert!(failure.unread, "{garbage}");
        }
    }

    #[test]
    fn statuses_become_kinds() {
        let kind = |status| answer(status, "text").unwrap_err().kind;
        assert_eq!(kind(401), FailureKind::Auth);
        assert_eq!(kind(403), FailureKind::Rejected);
        assert_eq!(kind(429), FailureKind::RateLimited);
        assert_eq!(kind(503), FailureKind::Unavailable);
        assert_eq!(kind(500), FailureKind::Unavailable);
        assert_eq!(kind(501), FailureKind::Internal);
    }
}
