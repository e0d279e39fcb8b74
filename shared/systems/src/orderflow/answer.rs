//! What OrderFlow answers: per-item results, and the whole-request errors it hides in several forms, by
//! the rules of `responses.toml` and those of the configuration before them.

use std::collections::HashMap;

use ferry_canonical::FailureKind;
use ferry_http::Response;

use super::auth_failure;
use crate::{
    Failure, Reading,
    rules::{Asked, Judged, Rules, Said},
    xml::{self, Element, XmlError},
};

/// Ferry's own rules.
pub(super) const BUILT_IN: &str = include_str!("responses.toml");

const SUCCESSES: &str = "importSuccesses";
/// Of an import that is in several of them, the last one counts.
const LISTS: [&str; 3] = [SUCCESSES, "importDuplicates", "importFailures"];
/// Items of one answer that are looked at: more than one request has.
const ITEMS_MAX: usize = 4 * super::BATCH_MAX;

/// What one import came to (OrderFlow reference §3.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ImportAnswer {
    /// OrderFlow's own number of it.
    pub(super) item: Option<String>,
    /// What a rule says of it; without one it is a success.
    pub(super) judged: Option<Judged>,
}

/// What the imports of one request came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    /// By type and external reference.
    items: HashMap<(String, String), ImportAnswer>,
    /// Of an answer without items.
    all: Option<Judged>,
    pub(super) status: u16,
}

impl Answers {
    pub(super) fn of(&self, kind: &str, reference: &str) -> Option<ImportAnswer> {
        let item = self.items.get(&(kind.to_owned(), reference.to_owned()));
        let whole = || Some(ImportAnswer { item: None, judged: Some(self.all.clone()?) });
        item.cloned().or_else(whole)
    }
}

/// Reads the answer of an import request. An error is about the request as a whole.
pub(super) fn imports(rules: &Rules, response: &Response) -> Result<Answers, Failure> {
    let root = xml::parse(&response.body);
    let result = root.as_ref().ok().filter(|root| root.name == "importResult");
    let items = result.map(|root| items(rules, response, root)).unwrap_or_default();
    let answers = |items, all| Answers { items, all, status: response.status };
    if is_accepted(response) && result.is_some() {
        // One that is about no item may still say why.
        if !items.is_empty() || rules.whole(response).is_none() {
            return Ok(answers(items, None));
        }
    }
    match judged(rules, response)? {
        // What a rule sees in one item it does not say of the others.
        Some(_) if !items.is_empty() => Ok(answers(items, None)),
        Some(judged) => Ok(answers(HashMap::new(), Some(judged))),
        // Cut off, not XML at all, or something else: what was applied is not known.
        None => Err(not_understood(response, "an import", root.as_ref())),
    }
}

pub(super) fn is_accepted(response: &Response) -> bool {
    (200..=299).contains(&response.status)
}

/// Each item, judged as if it were the only one.
fn items(
    rules: &Rules,
    response: &Response,
    root: &Element,
) -> HashMap<(String, String), ImportAnswer> {
    let mut items = HashMap::new();
    let imports = LISTS.into_iter().flat_map(|list| {
        let lists = root.children.iter().filter(move |child| child.name == list);
        let imports = lists.flat_map(|list| &list.children);
        imports.filter(|import| import.name == "import").map(move |import| (list, import))
    });
    for (list, import) in imports.take(ITEMS_MAX) {
        let judged = rules.judge(&Said::item(response, import, alone(root, list, import)));
        if judged.is_none() && list != SUCCESSES {
            continue;
        }
        let named = |name: &str| import.attribute(name).unwrap_or_default().to_owned();
        let item = import.attribute("item").map(str::to_owned);
        items.insert((named("type"), named("externalReference")), ImportAnswer { item, judged });
    }
    items
}

/// The answer with one item and nothing else.
fn alone(root: &Element, list: &str, import: &Element) -> Element {
    let around = |name: &str, child: Element| Element {
        name: name.to_owned(),
        children: vec![child],
        ..Element::default()
    };
    around(&root.name, around(list, import.clone()))
}

/// What a rule says of an answer as a whole: the failure it is, or that it is done. None where no rule
/// fits an answer of 200 to 299.
pub(super) fn judged(rules: &Rules, response: &Response) -> Result<Option<Judged>, Failure> {
    let Some(judged) = rules.whole(response) else {
        return if is_accepted(response) { Ok(None) } else { Err(refused(response)) };
    };
    match judged.verdict.kind() {
        Some(kind) => Err(failure(&judged, kind, response)),
        None => Ok(Some(judged)),
    }
}

/// Reads the answer to something that is no import: the rule that says that it is done, if one does.
pub(super) fn told(
    rules: &Rules,
    response: &Response,
    (asked, is_yes): (&str, fn(&Element) -> bool),
) -> Result<Option<Judged>, Failure> {
    if let Some(judged) = judged(rules, response)? {
        return Ok(Some(judged));
    }
    match xml::parse(&response.body) {
        Ok(root) if is_yes(&root) => Ok(None),
        root => Err(not_understood(response, asked, root.as_ref())),
    }
}

/// What is asked, and which document says yes to it (OrderFlow reference §4).
pub(super) const CANCELLATION: (&str, fn(&Element) -> bool) =
    ("a cancellation", |root| root.name == "message" && !root.text.trim().is_empty());
/// The name of the answer is not documented; it has a text and nothing else.
pub(super) const NOTIFICATION: (&str, fn(&Element) -> bool) =
    ("a notification", |root| root.children.is_empty());
const LOOK: (&str, fn(&Element) -> bool) = ("a look", |_| true);

fn failure(judged: &Judged, kind: FailureKind, response: &Response) -> Failure {
    if response.status == 401 && kind == FailureKind::Auth {
        return Failure { rule: Some(judged.rule.clone()), ..auth_failure(response) };
    }
    let (status, words) = (response.status, judged.reason());
    let detail =
        if is_accepted(response) { words } else { format!("OrderFlow answered {status}: {words}") };
    let unread = judged.leaves_doubt(leaves_open(status));
    Failure { unread, ..judged.failure(kind, detail, response) }
}

/// A gateway that gave up may stand before an OrderFlow that did not.
const fn leaves_open(status: u16) -> bool {
    matches!(status, 500 | 502 | 504)
}

/// A status that no rule knows.
pub(super) fn refused(response: &Response) -> Failure {
    let detail = format!("OrderFlow answered {}", response.status);
    Failure::new(FailureKind::Rejected, detail).with_response(response)
}

/// An answer that says neither yes nor no.
pub(super) fn not_understood(
    response: &Response,
    asked: &str,
    root: Result<&Element, &XmlError>,
) -> Failure {
    let detail = match root {
        Ok(root) => {
            format!(
                "OrderFlow answered {asked} with a `{}`, which does not say what was done",
                root.name
            )
        }
        Err(error) => format!("the answer to {asked} cannot be read: {error}"),
    };
    let failure = Failure::new(FailureKind::Unavailable, detail).with_response(response);
    Failure { unread: true, ..failure }
}

/// The refusal of one item, in the item's own words.
pub(super) fn item_failure(judged: &Judged, kind: FailureKind, status: u16) -> Failure {
    let words = judged.reason();
    Failure {
        unread: judged.leaves_doubt(leaves_open(status)),
        status: Some(status),
        response: Some(words.clone()),
        rule: Some(judged.rule.clone()),
        ..Failure::new(kind, words)
    }
}

/// What an answer comes to, item by item where it has any.
pub(super) fn reading(rules: &Rules, response: &Response, asked: Asked) -> Vec<Reading> {
    let other = match asked {
        Asked::Create | Asked::Change => None,
        Asked::Cancel => Some(CANCELLATION),
        Asked::Notify => Some(NOTIFICATION),
        Asked::Read => Some(LOOK),
    };
    if let Some(asked) = other {
        return vec![match told(rules, response, asked) {
            Ok(judged) => judged.as_ref().map_or_else(Reading::ok, Reading::by),
            Err(failure) => Reading::failed(&failure),
        }];
    }
    let answers = match imports(rules, response) {
        Ok(answers) => answers,
        Err(failure) => return vec![Reading::failed(&failure)],
    };
    let mut readings: Vec<Reading> = answers.all.iter().map(Reading::by).collect();
    for ((kind, reference), answer) in answers.items {
        let reading = answer.judged.as_ref().map_or_else(Reading::ok, Reading::by);
        readings.push(Reading { item: Some(format!("{kind}/{reference}")), ..reading });
    }
    readings.sort_by(|one, other| one.item.cmp(&other.item));
    readings
}

#[cfg(test)]
mod tests {
    use ferry_config::responses::{self, Verdict};
    use proptest::prelude::*;

    use super::*;

    const ITEMS: &str = r#"<importResult>
      <importSuccesses><import type="order" operation="insert" externalReference="A" item="7"/></importSuccesses>
      <importFailures>
        <import type="order" externalReference="B"><failureMessage>Product X not found</failureMessage>
          <failureDetail>rtd.exceptions.MissingDataException</failureDetail></import>
        <import type="order" externalReference="D"><failureMessage>site LEEDS is closed</failureMessage></import>
      </importFailures>
      <importDuplicates><import type="order" externalReference="C"><duplicateMessage>Order already exists</duplicateMessage></import></importDuplicates>
    </importResult>"#;

    const OWN: &str = r#"
[[responses]]
name = "closed"
when = [{ path = "/importResult/importFailures/import/failureMessage", matches = "closed" }]
then = "retry"
[[responses]]
name = "queued"
when = [{ path = "/message", equals = "queued" }]
then = "ok"
"#;

    fn rules(own: &str) -> Rules {
        let own = if own.is_empty() { Vec::new() } else { responses::parse(own).unwrap() };
        Rules::with_built_in(&own, BUILT_IN).unwrap()
    }

    fn answer_by(own: &str, status: u16, body: &str) -> Result<Answers, Failure> {
        let body = body.to_owned().into();
        imports(&rules(own), &Response { status, headers: Vec::new(), body })
    }

    fn answer(status: u16, body: &str) -> Result<Answers, Failure> {
        answer_by("", status, body)
    }

    #[test]
    fn every_item_finds_its_own_result() {
        let answers = answer(200, ITEMS).unwrap();
        let of = |reference: &str| answers.of("order", reference).unwrap();
        assert_eq!(of("A"), ImportAnswer { item: Some("7".to_owned()), judged: None });
        let judged = |reference: &str| of(reference).judged.unwrap();
        let (missing, duplicate, refused) = (judged("B"), judged("C"), judged("D"));
        assert_eq!(missing.verdict, Verdict::MissingReference);
        assert_eq!(missing.words(), "Product X not found (rtd.exceptions.MissingDataException)");
        assert_eq!(duplicate.verdict, Verdict::Duplicate);
        assert_eq!(duplicate.message.as_deref(), Some("Order already exists"));
        assert_eq!(
            (refused.verdict, refused.words().as_str()),
            (Verdict::Rejected, "site LEEDS is closed")
        );
        assert_eq!(answers.of("order", "E"), None);
        assert_eq!(answers.of("product", "A"), None);
    }

    #[test]
    fn a_rule_of_the_configuration_is_about_the_item_that_it_fits_and_no_other() {
        let answers = answer_by(OWN, 200, ITEMS).unwrap();
        let of = |reference: &str| answers.of("order", reference).unwrap().judged;
        assert_eq!(of("A"), None);
        assert_eq!(of("B").unwrap().rule, "orderflow: MissingDataException");
        assert_eq!(of("C").unwrap().rule, "orderflow: importDuplicates");
        let closed = of("D").unwrap();
        assert_eq!((closed.verdict, closed.rule.as_str()), (Verdict::Retry, "closed"));
    }

    #[test]
    fn of_a_refused_request_a_rule_about_one_item_is_about_that_item() {
        let own = r#"[[responses]]
            name = "known"
            status = "409"
            when = [{ path = "/importResult/importDuplicates/import", exists = true }]
            then = "duplicate""#;
        let answers = answer_by(own, 409, ITEMS).unwrap();
        let of = |reference: &str| answers.of("order", reference).unwrap().judged.unwrap();
        assert_eq!((of("C").verdict, of("C").rule.as_str()), (Verdict::Duplicate, "known"));
        for other in ["A", "B", "D"] {
            let judged = of(other);
            assert_eq!(
                (judged.verdict, judged.rule.as_str()),
                (Verdict::Rejected, "orderflow: status")
            );
        }
        let broken = answer_by(&own.replace("409", "500"), 500, ITEMS).unwrap();
        let judged = broken.of("order", "A").unwrap().judged.unwrap();
        assert!(item_failure(&judged, FailureKind::Unavailable, broken.status).unread);
    }

    #[test]
    fn more_items_than_a_request_has_are_not_looked_at() {
        let import = |number| format!("<import type=\"order\" externalReference=\"{number}\"/>");
        let imports: String = (0..=ITEMS_MAX).map(import).collect();
        let body =
            format!("<importResult><importSuccesses>{imports}</importSuccesses></importResult>");
        let answers = answer(200, &body).unwrap();
        let of = |number: usize| answers.of("order", &number.to_string());
        assert!(of(ITEMS_MAX - 1).is_some());
        assert_eq!(of(ITEMS_MAX), None);
    }

    #[test]
    fn an_answer_without_items_that_a_rule_calls_ok_is_every_imports_own() {
        let answers = answer_by(OWN, 200, "<message>queued</message>").unwrap();
        assert_eq!(answers.of("order", "A").unwrap().judged.unwrap().rule, "queued");
        assert!(answer_by(OWN, 200, "<message>refused</message>").unwrap_err().unread);
    }

    #[test]
    fn an_import_result_about_no_item_may_say_why() {
        let body = "<importResult><exception>java.lang.Oops</exception></importResult>";
        assert_eq!(
            answer(200, body).unwrap_err().rule.as_deref(),
            Some("orderflow: exception child")
        );
        assert_eq!(answer(200, "<importResult/>").unwrap().of("order", "A"), None);
    }

    #[test]
    fn an_import_that_is_told_twice_has_failed() {
        let import = r#"<import type="order" externalReference="A"/>"#;
        let list = |name: &str| format!("<{name}>{import}</{name}>");
        let [failures, duplicates, successes] =
            ["importFailures", "importDuplicates", SUCCESSES].map(list);
        for lists in [
            format!("{failures}{duplicates}"),
            format!("{duplicates}{successes}{failures}"),
            format!("<importFailures/>{successes}{failures}"),
        ] {
            let answers = answer(200, &format!("<importResult>{lists}</importResult>")).unwrap();
            let judged = answers.of("order", "A").unwrap().judged.unwrap();
            assert_eq!(judged.verdict, Verdict::Rejected, "{lists}");
        }
    }

    #[test]
    fn an_error_page_with_a_document_type_says_no_and_why() {
        let page =
            "<!DOCTYPE html><html><body><h2>ERROR</h2><p>Product A is closed</p><br></body></html>";
        let failure = answer(200, page).unwrap_err();
        assert_eq!((failure.kind, failure.unread), (FailureKind::Rejected, false));
        assert_eq!(failure.detail, "Product A is closed");
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
    fn what_was_recorded_is_read_as_what_it_was_given_to_reads_it() {
        let read = |asked, body: &str| {
            let body = body.to_owned().into();
            let response = Response { status: 200, headers: Vec::new(), body };
            let [reading] = &reading(&rules(OWN), &response, asked)[..] else { panic!() };
            (reading.verdict, reading.rule.clone())
        };
        assert_eq!(read(Asked::Cancel, "<message>done</message>"), ("ok", None));
        assert_eq!(read(Asked::Notify, "<done>yes</done>"), ("ok", None));
        assert_eq!(read(Asked::Read, "<order><shipments/></order>"), ("ok", None));
        let queued = Some("queued".to_owned());
        for asked in [Asked::Create, Asked::Change, Asked::Cancel, Asked::Notify, Asked::Read] {
            assert_eq!(read(asked, "<message>queued</message>"), ("ok", queued.clone()));
            assert_eq!(read(asked, "<mess"), ("retry", None));
        }
        assert_eq!(read(Asked::Cancel, "<done>yes</done>"), ("retry", None));
        // Nothing is no yes.
        assert_eq!(read(Asked::Cancel, "<message> </message>"), ("retry", None));
        let no = |rule: &str| ("rejected", Some(format!("orderflow: {rule}")));
        let inside = "<message><exception>rtd.exceptions.X</exception></message>";
        assert_eq!(read(Asked::Cancel, inside), no("exception child"));
        for asked in [Asked::Create, Asked::Cancel, Asked::Notify, Asked::Read] {
            assert_eq!(read(asked, "<exception>x.Y</exception>"), no("exception root"));
        }
        assert_eq!(read(Asked::Notify, "<html><body/></html>"), ("retry", None));
        assert_eq!(read(Asked::Change, "<message>done</message>"), ("retry", None));
    }

    #[test]
    fn statuses_become_kinds() {
        for (status, kind, unread) in [
            (302, FailureKind::Rejected, false),
            (400, FailureKind::Validation, false),
            (401, FailureKind::Auth, false),
            (403, FailureKind::Rejected, false),
            (408, FailureKind::Unavailable, false),
            (413, FailureKind::TooLarge, false),
            (422, FailureKind::Validation, false),
            (429, FailureKind::RateLimited, false),
            (500, FailureKind::Unavailable, true),
            (501, FailureKind::Internal, false),
            (502, FailureKind::Unavailable, true),
            (503, FailureKind::Unavailable, false),
            (504, FailureKind::Unavailable, true),
            (505, FailureKind::Internal, false),
        ] {
            let failure = answer(status, "text").unwrap_err();
            assert_eq!((failure.kind, failure.unread), (kind, unread), "{status}");
        }
    }

    #[test]
    fn a_verdict_that_ends_a_write_ends_the_doubt_that_its_status_leaves() {
        let unread = |then: &str, when: &str| {
            let rule = "[[responses]]\nname = \"x\"\nstatus = \"500\"\nthen = ";
            let failure =
                answer_by(&format!("{rule}\"{then}\"\n{when}"), 500, "ORA-00001").unwrap_err();
            assert_eq!(failure.rule.as_deref(), Some("x"));
            failure.unread
        };
        let said = "when = [{ matches = \"^ORA\" }]";
        for then in ["retry", "rate_limited", "conflict"] {
            assert!(unread(then, said) && unread(then, ""), "{then}");
        }
        // A gateway knows the status as well, and not what it stands for.
        for then in ["rejected", "missing_reference", "validation"] {
            assert!(!unread(then, said) && unread(then, ""), "{then}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(text in "[<>/a-e&;\"'= \\[\\]{}:,!0-9-]{0,120}", status in 100_u16..600) {
            let body = format!("<importResult>{text}</importResult>");
            for body in [text, body] {
                let response = Response { status, headers: Vec::new(), body: body.into() };
                let _ = reading(&rules(OWN), &response, Asked::Create);
                let _ = reading(&rules(OWN), &response, Asked::Cancel);
            }
        }
    }
}
