//! What Oro's refusals mean: one table from status and titles to a failure kind.
//!
//! Titles are derived from the classes of Oro's constraints; details are translated, so nothing is
//! decided by them. Fields are named as the canonical part names them, and what Oro says about a
//! personal field is shown without the value it quotes. What does not look like Oro's answer is said
//! to be somebody else's.
//!
//! Row by row (OroCommerce reference §3.1), each with the test that is named after it:
//!
//! | status | what it says | test |
//! |---|---|---|
//! | 200, 201, 204 | it is done | `what_the_shop_has_taken_is_taken` |
//! | 202 | a list is put off | `what_the_shop_puts_off_is_followed_to_its_end` |
//! | 400 | malformed JSON | `malformed_json_is_our_own_fault` |
//! | 400 | the document's structure | `a_structure_that_oro_refuses_is_our_own_fault` |
//! | 400 | a value | `a_value_that_oro_refuses_is_named_by_its_field` |
//! | 400 | a filter or an order of rows | `a_filter_the_shop_does_not_have_is_unsupported` |
//! | 400 | a field | `a_field_the_shop_does_not_have_is_unsupported` |
//! | 400 | what a relation names | `what_a_relation_names_in_vain_is_waited_for` |
//! | 400 | it is taken | `a_value_that_is_taken_is_a_duplicate` |
//! | 401 | the token | `a_refused_token_is_renewed_once_and_then_the_credentials_are_at_fault` |
//! | 403 | no access | `what_is_not_allowed_is_rejected_and_says_what_may_be_missing` |
//! | 403 | no access to a field | `a_field_that_may_not_be_written_is_named` |
//! | 403 | a closed order | `a_closed_order_says_that_it_is_closed` |
//! | 404 | no such record | `a_record_that_is_gone_is_a_conflict_to_whom_would_change_it` |
//! | 404 | no such resource | `a_resource_the_shop_does_not_have_is_unsupported` |
//! | 405 | the action is switched off | `an_action_that_is_switched_off_names_those_that_are_not` |
//! | 406, 415 | the media type | `a_media_type_that_oro_refuses_is_our_own_fault` |
//! | 409 | type or id is not the address's | `a_type_or_an_id_that_differs_is_no_duplicate` |
//! | 409 | it exists | `what_exists_already_is_a_duplicate` |
//! | 409 | an upsert finds several | `an_upsert_that_finds_several_is_ambiguous` |
//! | 429 | too many requests | `a_shop_that_asks_for_fewer_requests_is_heard` |
//! | 500 | it broke | `a_shop_that_broke_leaves_open_what_it_did` |
//! | 503 | maintenance | `a_shop_in_maintenance_is_there_later` |
//! | mixed | several statuses | `of_several_statuses_an_entry_has_its_own` |
//! | any | an entry's status is a number, or absent | `an_entrys_status_is_a_text_or_a_number_or_not_there` |
//! | any | a page | `a_page_is_not_oros_word` |

mod fields;

#[cfg(test)]
mod rows;

use std::{collections::BTreeSet, time::Duration};

use ferry_canonical::{Entity, FailureKind, Reference};
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
/// No product has the SKU of an order's line (OroCommerce reference §6).
const NO_PRODUCT: &str = "line item product constraint";

/// A request that did not do what it should.
#[derive(Clone, Debug)]
pub(super) struct No {
    pub(super) failure: Failure,
    /// Oro says that such a record exists.
    pub(super) duplicate: bool,
}

impl No {
    /// Oro itself says so: to whom a proxy says it, nobody knows what is there.
    pub(super) fn is_not_found(&self) -> bool {
        self.failure.status == Some(404) && self.failure.kind != FailureKind::Unavailable
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
    status: Option<u16>,
    title: String,
    detail: String,
    pointer: String,
}

pub(super) fn refused(response: &Response, call: &Call) -> No {
    let problems = problems(&response.body);
    let said = status_of(&problems).filter(|_| (400..500).contains(&response.status));
    let status = said.unwrap_or(response.status);
    let kind = match status {
        404 if is_page(response) => FailureKind::Unavailable,
        status => kind(status, &problems, call),
    };
    let detail =
        if problems.is_empty() { unexplained(response, call) } else { explain(&problems, call) };
    // Of an entry that was refused, the answer as a whole says whether anything came of it.
    let unread = call.writes() && status::leaves_open(response.status);
    let is_taken = |problem: &Problem| problem.title.starts_with("unique ");
    let duplicate = match status {
        409 => kind == FailureKind::Conflict,
        400 => problems.iter().any(is_taken),
        _ => false,
    };
    let failure = Failure::new(kind, detail).with_response(response);
    let missing = problems.iter().find_map(|problem| problem.missing(call));
    let missing = missing.filter(|_| kind == FailureKind::MissingReference).map(Box::new);
    No { failure: Failure { unread, status: Some(status), missing, ..failure }, duplicate }
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

/// What the entries come to, by the rule by which Oro makes one status of several: of a list, that of
/// one item is not that of the whole.
fn status_of(problems: &[Problem]) -> Option<u16> {
    let said: Option<BTreeSet<u16>> = problems.iter().map(|problem| problem.status).collect();
    let said = said?;
    let hundred = said.last()? / 100;
    let said: Vec<u16> = said.into_iter().filter(|status| status / 100 == hundred).collect();
    match said.as_slice() {
        [only] => Some(*only),
        several if several.contains(&409) => Some(409),
        _ => Some(hundred * 100),
    }
}

fn kind(status: u16, problems: &[Problem], call: &Call) -> FailureKind {
    let titled = |title: &str| problems.iter().any(|problem| problem.title == title);
    if titled("entity type constraint") {
        return FailureKind::Unsupported;
    }
    match status {
        400 => {}
        409 => return conflict(problems, call),
        _ => return status::kind(status, call.method),
    }
    if titled("filter constraint") || titled("sort constraint") || titled("extra fields constraint")
    {
        return FailureKind::Unsupported;
    }
    // Oro gives no reason for what it cannot read at all.
    if problems.is_empty()
        || titled("request data constraint")
        || titled("bad request http exception")
    {
        return FailureKind::Internal;
    }
    if problems.iter().all(Problem::is_missing_reference) {
        return FailureKind::MissingReference;
    }
    FailureKind::Validation
}

/// Only the place tells what a 409 is about.
fn conflict(problems: &[Problem], call: &Call) -> FailureKind {
    let at = |place: &str| problems.iter().any(|problem| problem.pointer.ends_with(place));
    if at("/meta/upsert") {
        return FailureKind::Ambiguous;
    }
    // A new one has no address that its id could differ from.
    let differs = at("/data/type") || (at("/data/id") && call.method == Method::Patch);
    if differs { FailureKind::Internal } else { FailureKind::Conflict }
}

impl Problem {
    /// A relation names what the shop does not have. A country or region it does not know will
    /// never come: that is a wrong value.
    fn is_missing_reference(&self) -> bool {
        let relation = self.pointer.split_once("/relationships/").map(|(_, relation)| relation);
        let fixed =
            |relation: &str| relation.starts_with("country") || relation.starts_with("region");
        self.title == NO_PRODUCT
            || (self.title == "form constraint"
                && relation.is_some_and(|relation| !fixed(relation)))
    }

    /// What it waits for, where that can be said.
    fn missing(&self, call: &Call) -> Option<Reference> {
        let sku = fields::sku(&self.pointer, call).filter(|_| self.title == NO_PRODUCT)?;
        Reference::new(Entity::Product, sku).ok()
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
    let status = error.get("status");
    let number = status.and_then(Value::as_u64).and_then(|number| u16::try_from(number).ok());
    let status = number.or_else(|| status?.as_str()?.trim().parse().ok());
    Problem {
        status: status.filter(|status| (400..600).contains(status)),
        title: text("title"),
        detail: text("detail"),
        pointer: place("pointer").or_else(|| place("parameter")).unwrap_or_default().to_owned(),
    }
}

/// Why it is refused, where the answer lists no errors.
fn unexplained(response: &Response, call: &Call) -> String {
    let (operation, status) = (call.operation, response.status);
    if is_page(response) {
        let who = if status == 503 { "it is in maintenance, or something" } else { "something" };
        return format!(
            "{who} else answers at base_url: the answer to `{operation}` is {status} with a page, which \
             is not Oro's API"
        );
    }
    let document: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let message = document.get("message").and_then(Value::as_str).map(without_quotes);
    let message: Option<String> =
        message.map(|message| message.chars().take(DETAIL_CHARS_MAX).collect());
    match (message, response.header("allow")) {
        (Some(message), _) => format!("Oro answered `{operation}` with {status}: {message}"),
        (None, Some(allow)) if status == 405 => {
            let allow: String = allow.chars().take(DETAIL_CHARS_MAX).collect();
            format!("Oro answered `{operation}` with 405: it takes {allow} there")
        }
        (None, _) => format!("Oro answered `{operation}` with {status} and no reason"),
    }
}

/// Whether it is something to be looked at, which Oro's API never answers with.
fn is_page(response: &Response) -> bool {
    let is_html = response.header("content-type").is_some_and(|media| media.contains("text/html"));
    is_html || response.body.trim_ascii_start().starts_with(b"<")
}

fn explain(problems: &[Problem], call: &Call) -> String {
    let mut seen = BTreeSet::new();
    let said: Vec<String> = problems
        .iter()
        .map(|problem| sentence(problem, call))
        .filter(|sentence| seen.insert(sentence.clone()))
        .take(ERRORS_MAX)
        .collect();
    let said = said.join("; ");
    if problems.iter().any(|problem| problem.title == "access denied exception") {
        let may_be =
            "the API client's user may not do this, or the record is another organisation's";
        return format!("{said}: {may_be}");
    }
    said
}

fn sentence(problem: &Problem, call: &Call) -> String {
    let (field, personal) = fields::field(&problem.pointer, call);
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
