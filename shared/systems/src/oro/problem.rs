//! What Oro's refusals mean: one table from status and titles to a failure kind.
//!
//! Titles are derived from the classes of Oro's constraints; details are translated, so nothing is
//! decided by them (OroCommerce reference §3.1). Fields are named as the canonical part names them,
//! and what Oro says about a personal field is shown without the value it quotes.

use std::{collections::BTreeSet, time::Duration};

use ferry_canonical::FailureKind;
use ferry_config::responses::Verdict;
use ferry_http::{Method, Response};
use serde_json::Value;

use super::client::Call;
use crate::{
    rules::{Asked, Reading, Rules},
    status,
    target::Failure,
};

/// Errors named in a failure's detail, and characters of each.
const ERRORS_MAX: usize = 5;
const DETAIL_CHARS_MAX: usize = 240;

/// A request that did not do what it should.
#[derive(Clone, Debug)]
pub(super) struct No {
    pub(super) failure: Failure,
    /// Oro says that such a record exists.
    pub(super) duplicate: bool,
}

impl No {
    pub(super) fn is_not_found(&self) -> bool {
        self.failure.status == Some(404)
    }
}

impl From<Failure> for No {
    fn from(failure: Failure) -> Self {
        Self { failure, duplicate: false }
    }
}

impl From<No> for Failure {
    fn from(no: No) -> Self {
        no.failure
    }
}

/// One entry of `errors`.
struct Problem {
    title: String,
    detail: String,
    pointer: String,
}

pub(super) fn refused(response: &Response, call: &Call) -> No {
    let problems = problems(&response.body);
    let kind = kind(response.status, &problems, call);
    let detail = if problems.is_empty() {
        format!("Oro answered `{}` with {} and no reason", call.operation, response.status)
    } else {
        explain(&problems, call)
    };
    let failure = Failure::new(kind, detail).with_response(response);
    let unread = call.writes() && status::leaves_open(response.status);
    let duplicate = response.status == 409
        || (response.status == 400
            && problems.iter().any(|problem| problem.title.starts_with("unique ")));
    No { failure: Failure { unread, ..failure }, duplicate }
}

/// What a rule says against an answer, if one does. That something is there already is said of what is
/// written only.
pub(super) fn by_rule(rules: &Rules, response: &Response, call: &Call) -> Option<No> {
    let judged = rules.whole(response)?;
    let duplicate = judged.verdict == Verdict::Duplicate && call.writes();
    let kind = if duplicate { FailureKind::Conflict } else { judged.verdict.kind()? };
    let status = response.status;
    let detail = format!("Oro answered `{}` with {status}: {}", call.operation, judged.reason());
    let unread = call.writes() && judged.leaves_doubt(status::leaves_open(status));
    Some(No { failure: Failure { unread, ..judged.failure(kind, detail, response) }, duplicate })
}

/// What an answer comes to.
pub(super) fn reading(rules: &Rules, response: &Response, asked: Asked) -> Reading {
    let method = match asked {
        Asked::Create | Asked::Notify => Method::Post,
        Asked::Change | Asked::Cancel => Method::Patch,
        Asked::Read => Method::Get,
    };
    let call = Call { method, ..Call::read("it", "recorded") };
    let no = by_rule(rules, response, &call);
    let is_accepted = (200..300).contains(&response.status);
    match no.or_else(|| (!is_accepted).then(|| refused(response, &call))) {
        None => Reading::ok(),
        Some(No { failure, duplicate: true }) => {
            let verdict = Verdict::Duplicate.as_str();
            Reading { verdict, ..Reading::failed(&failure) }
        }
        Some(No { failure, duplicate: false }) => Reading::failed(&failure),
    }
}

pub(super) fn retry_after(response: &Response) -> Option<Duration> {
    response.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

fn kind(status: u16, problems: &[Problem], call: &Call) -> FailureKind {
    let titled = |title: &str| problems.iter().any(|problem| problem.title == title);
    if titled("entity type constraint") {
        return FailureKind::Unsupported;
    }
    if status != 400 {
        return status::kind(status, call.method);
    }
    if titled("filter constraint") || titled("sort constraint") || titled("extra fields constraint")
    {
        return FailureKind::Unsupported;
    }
    if titled("request data constraint") || titled("bad request http exception") {
        return FailureKind::Internal;
    }
    if !problems.is_empty() && problems.iter().all(Problem::is_missing_reference) {
        return FailureKind::MissingReference;
    }
    FailureKind::Validation
}

impl Problem {
    /// A relation names what the shop does not have. A country or region it does not know will
    /// never come: that is a wrong value.
    fn is_missing_reference(&self) -> bool {
        let relation = self.pointer.split_once("/relationships/").map(|(_, relation)| relation);
        let fixed =
            |relation: &str| relation.starts_with("country") || relation.starts_with("region");
        self.title == "form constraint" && relation.is_some_and(|relation| !fixed(relation))
    }
}

fn problems(body: &[u8]) -> Vec<Problem> {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let errors = document.get("errors").and_then(Value::as_array);
    errors.into_iter().flatten().map(problem).collect()
}

fn problem(error: &Value) -> Problem {
    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let source = error.get("source");
    let place = |name: &str| source.and_then(|source| source.get(name)).and_then(Value::as_str);
    Problem {
        title: text("title"),
        detail: text("detail"),
        pointer: place("pointer").or_else(|| place("parameter")).unwrap_or_default().to_owned(),
    }
}

fn explain(problems: &[Problem], call: &Call) -> String {
    let mut seen = BTreeSet::new();
    let said: Vec<String> = problems
        .iter()
        .map(|problem| sentence(problem, call))
        .filter(|sentence| seen.insert(sentence.clone()))
        .take(ERRORS_MAX)
        .collect();
    said.join("; ")
}

fn sentence(problem: &Problem, call: &Call) -> String {
    let (field, personal) = field(&problem.pointer, call);
    let detail = if personal { without_quotes(&problem.detail) } else { problem.detail.clone() };
    let detail: String = detail.chars().take(DETAIL_CHARS_MAX).collect();
    let title = if problem.title.is_empty() { "no title" } else { &problem.title };
    match field {
        Some(field) => format!("{field}: {detail} ({title})"),
        None => format!("{detail} ({title})"),
    }
}

/// The text without what stands in double quotes: Oro quotes the value there.
fn without_quotes(text: &str) -> String {
    let pieces = text.split(['"', '“', '”']).enumerate();
    pieces.map(|(index, piece)| if index % 2 == 0 { piece } else { "…" }).collect()
}

/// The canonical name of the field a pointer means, and whether it is personal.
fn field(pointer: &str, call: &Call) -> (Option<String>, bool) {
    let (resource, name) = match owner(pointer, call) {
        Some(found) => found,
        None if pointer.is_empty() => return (call.at.clone(), true),
        None => return (Some(pointer.to_owned()), false),
    };
    let (canonical, personal) = canonical(&resource, &name);
    let canonical = canonical.unwrap_or(&name);
    let named = match &call.at {
        Some(at) => format!("{at}.{canonical}"),
        None => canonical.to_owned(),
    };
    (Some(named), personal)
}

/// The type of the resource and the name of its member: `/included/0/attributes/string` of a
/// product is the `string` of `productnames`.
fn owner(pointer: &str, call: &Call) -> Option<(String, String)> {
    let mut segments = pointer.strip_prefix('/')?.split('/');
    let resource = match segments.next()? {
        "data" => call.resource.to_owned(),
        "included" => {
            let index: usize = segments.next()?.parse().ok()?;
            let included = call.body.as_ref()?.get("included")?.get(index)?;
            included.get("type")?.as_str()?.to_owned()
        }
        _ => return None,
    };
    match segments.next()? {
        "attributes" | "relationships" => Some((resource, segments.next()?.to_owned())),
        _ => None,
    }
}

/// Oro's field to the canonical one.
fn canonical(resource: &str, name: &str) -> (Option<&'static str>, bool) {
    const PERSONAL: bool = true;
    const PLAIN: bool = false;
    let (field, personal) = match (resource, name) {
        ("customers", "externalId") => ("number", PLAIN),
        ("customers", "name") => ("name", PERSONAL),
        ("customergroups", "name") => ("group", PLAIN),
        ("customerusers", "externalId") => ("id", PLAIN),
        ("customerusers", "email") => ("email", PERSONAL),
        ("customerusers" | "customeraddresses", "firstName") => ("first_name", PERSONAL),
        ("customerusers" | "customeraddresses", "lastName") => ("last_name", PERSONAL),
        ("customerusers", "userRoles") => ("role (customer_user_role in ferry.toml)", PLAIN),
        ("customeraddresses", "label") => ("code", PLAIN),
        ("customeraddresses", "organization") => ("company", PERSONAL),
        ("customeraddresses", "postalCode") => ("postcode", PERSONAL),
        ("customeraddresses", "types") => ("kinds", PLAIN),
        ("customeraddresses", "customRegion") => ("region", PERSONAL),
        ("customeraddresses", "street" | "street2" | "city" | "phone") => return (None, PERSONAL),
        ("productnames", "string") | ("products", "names") => ("name", PLAIN),
        ("productdescriptions", "wysiwyg") | ("products", "descriptions") => ("description", PLAIN),
        ("productshortdescriptions", "text") | ("products", "shortDescriptions") => {
            ("short_description", PLAIN)
        }
        ("productunitprecisions", "unit")
        | ("products", "primaryUnitPrecision" | "unitPrecisions") => ("unit", PLAIN),
        ("products", "attributeFamily") => ("attribute_family in ferry.toml", PLAIN),
        ("inventorylevels", "quantity") => ("available", PLAIN),
        ("ordershippingtrackings", "number") => ("tracking.number", PLAIN),
        ("ordershippingtrackings", "method") => ("carrier", PLAIN),
        ("orders", "shippingStatus") => ("despatched", PLAIN),
        _ => return (None, PLAIN),
    };
    (Some(field), personal)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::oro::document::Resource;

    fn refuse(status: u16, errors: &Value, call: &Call) -> No {
        let body = Bytes::from(json!({ "errors": errors }).to_string());
        refused(&Response { status, headers: vec![("retry-after".into(), "7".into())], body }, call)
    }

    fn error(title: &str, pointer: &str) -> Value {
        json!({"status": "400", "title": title, "detail": "No \"Jane\" here.", "source": {"pointer": pointer}})
    }

    #[test]
    fn every_status_has_the_kind_the_house_gives_it() {
        let change = Call::change("write", Resource::with_id("orders", "1"), Vec::new());
        for (status, kind, unread) in [
            (302, FailureKind::Unavailable, false),
            (403, FailureKind::Rejected, false),
            (404, FailureKind::Conflict, false),
            (405, FailureKind::Internal, false),
            (406, FailureKind::Internal, false),
            (409, FailureKind::Conflict, false),
            (413, FailureKind::TooLarge, false),
            (415, FailureKind::Internal, false),
            (429, FailureKind::RateLimited, false),
            (500, FailureKind::Unavailable, true),
            (502, FailureKind::Unavailable, true),
            (503, FailureKind::Unavailable, false),
            (504, FailureKind::Unavailable, true),
        ] {
            let no = refuse(status, &json!([]), &change);
            assert_eq!((no.failure.kind, no.failure.unread), (kind, unread), "{status}");
            assert_eq!(no.failure.retry_after, Some(Duration::from_secs(7)));
        }
        let no = refuse(504, &json!([]), &Call::read("read", "orders"));
        assert!(!no.failure.unread, "a read changes nothing");
    }

    #[test]
    fn a_400_is_told_apart_by_its_titles() {
        let call = Call::change("write", Resource::with_id("customers", "1"), Vec::new());
        let group = error("form constraint", "/data/relationships/group/data");
        let name = error("not blank constraint", "/data/attributes/name");
        for (errors, kind, duplicate) in [
            (json!([group]), FailureKind::MissingReference, false),
            (json!([group, name]), FailureKind::Validation, false),
            (
                json!([error("form constraint", "/data/relationships/country/data")]),
                FailureKind::Validation,
                false,
            ),
            (
                json!([error("form constraint", "/data/attributes/name")]),
                FailureKind::Validation,
                false,
            ),
            (json!([error("unique entity constraint", "")]), FailureKind::Validation, true),
            (json!([error("extra fields constraint", "")]), FailureKind::Unsupported, false),
            (json!([error("filter constraint", "filter[x]")]), FailureKind::Unsupported, false),
            (json!([error("request data constraint", "/data")]), FailureKind::Internal, false),
        ] {
            let no = refuse(400, &errors, &call);
            assert_eq!((no.failure.kind, no.duplicate), (kind, duplicate), "{errors}");
        }
    }

    #[test]
    fn fields_have_their_canonical_names_and_personal_values_are_not_repeated() {
        let mut call = Call::create("create", Resource::new("customeraddresses"), Vec::new());
        call.at = Some("addresses[BILL-1]".to_owned());
        let errors = json!([
            error("not blank constraint", "/data/attributes/postalCode"),
            error("not blank constraint", "/data/attributes/postalCode"),
            error("length constraint", "/data/attributes/label"),
        ]);
        assert_eq!(
            refuse(400, &errors, &call).failure.detail,
            "addresses[BILL-1].postcode: No … here. (not blank constraint); \
             addresses[BILL-1].code: No \"Jane\" here. (length constraint)"
        );
        let name = Resource::with_id("productnames", "n").attribute("string", "");
        let call = Call::create("create", Resource::new("products"), vec![name]);
        let errors = json!([error("not blank constraint", "/included/0/attributes/string")]);
        assert!(refuse(400, &errors, &call).failure.detail.starts_with("name: "));
    }

    #[test]
    fn a_refusal_without_a_document_still_has_a_reason() {
        let response = Response { status: 403, headers: Vec::new(), body: Bytes::from("<html>") };
        let no = refused(&response, &Call::read("look up order", "orders"));
        assert_eq!(no.failure.detail, "Oro answered `look up order` with 403 and no reason");
    }
}
