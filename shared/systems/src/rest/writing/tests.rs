mod ruled;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use ferry_canonical::{Brought, Doubt, Facet, Sequence};
use ferry_config::{
    HumanDuration, Secret,
    system::{Limits, Mapping as Program, RestConfig, RestEndpoint},
};
use ferry_http::{HttpError, HttpPort, Request};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{Draft, Held, Look, Record};

const EVENT: Uuid = Uuid::from_u128(7);
/// The ERP calls the name its title, and keeps neither contacts nor addresses.
const TO_ERP: &str = "{number, title: .name, group, vat_number, blocked, notes}";
const FROM_ERP: &str = "{number, name: .title, group, vat_number, blocked, notes}";

/// An ERP that keeps what it is written; scripted answers go first.
#[derive(Debug, Default)]
struct Erp {
    kept: Mutex<BTreeMap<String, Value>>,
    scripted: Mutex<VecDeque<Scripted>>,
    asked: Mutex<Vec<Request>>,
}

type Scripted = Result<Response, HttpError>;

#[expect(clippy::unnecessary_wraps, reason = "a script holds failures too")]
fn answer(status: u16, body: &str) -> Scripted {
    let headers = vec![("retry-after".to_owned(), "7".to_owned())];
    Ok(Response { status, headers, body: Bytes::from(body.to_owned()) })
}

impl Erp {
    fn answering(script: impl IntoIterator<Item = Scripted>) -> Arc<Self> {
        let erp = Self::default();
        erp.scripted.lock().unwrap().extend(script);
        Arc::new(erp)
    }

    fn conversation(self: &Arc<Self>) -> Conversation {
        let port: Arc<dyn HttpPort> = Arc::clone(self) as Arc<dyn HttpPort>;
        Conversation::new(port, || Timestamp::from_second(1_000).unwrap())
    }

    /// Method and address of every request.
    fn asked(&self) -> Vec<String> {
        let line = |request: &Request| {
            let path = request.url.strip_prefix("http://erp.test").unwrap();
            format!("{} {path}", request.method.as_str())
        };
        self.asked.lock().unwrap().iter().map(line).collect()
    }

    fn header(&self, name: &str) -> Option<String> {
        let asked = self.asked.lock().unwrap();
        let headers = asked.last().unwrap().headers.iter();
        headers.filter(|(found, _)| found == name).map(|(_, value)| value.clone()).next()
    }

    fn answered(&self, request: &Request) -> Result<Response, HttpError> {
        let number = request.url.rsplit_once('/').unwrap().1.to_owned();
        let mut kept = self.kept.lock().unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let stamp = format!("2026-01-01T00:00:{:02}Z", kept.len());
        let (status, key) = match request.method {
            Method::Post => (201, body["number"].as_str().unwrap().to_owned()),
            Method::Get | Method::Put | Method::Patch | Method::Delete => (200, number),
        };
        match (request.method, kept.get_mut(&key)) {
            (Method::Get, _) => {}
            (Method::Post, Some(_)) => return answer(409, "{}"),
            (Method::Post, None) => drop(kept.insert(key.clone(), body)),
            (_, Some(document)) => {
                document.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
            }
            (_, None) => return answer(404, "{}"),
        }
        match kept.get_mut(&key) {
            Some(document) => {
                if request.method != Method::Get {
                    document["id"] = 17.into();
                    document["updated_at"] = stamp.into();
                }
                answer(status, &document.to_string())
            }
            None => answer(404, "{}"),
        }
    }
}

impl HttpPort for Erp {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        let scripted = self.scripted.lock().unwrap().pop_front();
        let answer = scripted.unwrap_or_else(|| self.answered(&request));
        self.asked.lock().unwrap().push(request);
        Box::pin(async { answer })
    }
}

fn program(name: &str, program: &str) -> Program {
    Program { name: name.to_owned(), program: program.to_owned() }
}

fn target() -> RestTarget {
    RestTarget {
        facet: Facet::Profile,
        mapping: program("to.jq", TO_ERP),
        create: Some("/customers".to_owned()),
        update: "/customers/{key}".to_owned(),
        update_method: UpdateMethod::Patch,
        look_up: Some("/customers/{key}".to_owned()),
        found: None,
        key: None,
        id: Some("/id".to_owned()),
        signing: None,
    }
}

fn rest(target: RestTarget) -> Rest {
    let endpoint = RestEndpoint {
        path: "/customers".to_owned(),
        facet: Facet::Profile,
        items: String::new(),
        mapping: program("from.jq", FROM_ERP),
        sequence: "/updated_at".to_owned(),
        clock: "updated_at".to_owned(),
        page_param: None,
        pages: None,
        size_param: None,
        page_size: 2,
        since_param: None,
        overlap: HumanDuration::from_secs(5),
    };
    Rest::new(&RestConfig {
        base_url: "http://erp.test".to_owned(),
        bearer: Some(Secret::new("t")),
        endpoints: BTreeMap::from([("customers".to_owned(), endpoint)]),
        targets: BTreeMap::from([("customers".to_owned(), target)]),
        responses: Vec::new(),
        limits: Limits::default(),
    })
    .unwrap()
}

fn part(number: &str, name: &str) -> Part {
    let json = json!({"number": number, "name": name, "group": "Trade"}).to_string();
    Part::from_json(Facet::Profile, json.as_bytes()).unwrap()
}

/// A first try of what nothing is known of, with what `differs`.
async fn apply(
    erp: &Arc<Erp>,
    rest: &Rest,
    part: &Part,
    differs: impl FnOnce(Write<'_>) -> Write<'_>,
) -> Result<Applied, Failure> {
    let subject = part.subject();
    let parts = std::slice::from_ref(part);
    let write = Write {
        subject: &subject,
        part,
        parts,
        target_id: None,
        read_first: false,
        doubt: Doubt::None,
        brought: Brought::Nothing,
        recalled: &[],
        attempt: 1,
        event_id: EVENT,
        amending: None,
    };
    rest.apply(&erp.conversation(), &[differs(write)]).await.pop().unwrap()
}

fn linked(write: Write<'_>) -> Write<'_> {
    Write { target_id: Some("17"), ..write }
}

fn doubtful(write: Write<'_>) -> Write<'_> {
    Write { read_first: true, ..write }
}

fn applied(effect: Effect) -> Applied {
    Applied { effect, target_id: Some("17".to_owned()), warning: None, rule: None }
}

#[tokio::test]
async fn what_is_not_known_is_looked_up_then_made_in_the_name_of_its_event() {
    let (erp, rest) = (Erp::answering([]), rest(target()));
    let made = apply(&erp, &rest, &part("C-1", "Acme"), |write| write).await.unwrap();
    assert_eq!(made, applied(Effect::Created));
    assert_eq!(erp.asked(), ["GET /customers/C-1", "POST /customers"]);
    assert_eq!(erp.header("idempotency-key"), Some(EVENT.to_string()));
    assert_eq!(erp.header("webhook-signature"), None);
    assert_eq!(erp.kept.lock().unwrap()["C-1"]["title"], "Acme");
}

#[tokio::test]
async fn what_is_linked_is_changed_without_being_read() {
    let (erp, rest) = (Erp::answering([]), rest(target()));
    apply(&erp, &rest, &part("C-1", "Acme"), |write| write).await.unwrap();
    let changed = apply(&erp, &rest, &part("C-1", "Beta"), linked).await.unwrap();
    assert_eq!(changed, applied(Effect::Updated));
    assert_eq!(erp.asked()[2..], ["PATCH /customers/C-1"]);
    assert_eq!(erp.header("idempotency-key"), None);
}

#[tokio::test]
async fn after_a_lost_answer_it_is_read_first_and_never_made_twice() {
    let (erp, rest) = (Erp::answering([]), rest(target()));
    let acme = part("C-1", "Acme");
    apply(&erp, &rest, &acme, |write| write).await.unwrap();
    // The answer was lost: nothing is known of it.
    let again = apply(&erp, &rest, &acme, doubtful).await.unwrap();
    assert_eq!(again, applied(Effect::AlreadySo));
    let other = apply(&erp, &rest, &part("C-1", "Beta"), doubtful).await.unwrap();
    assert_eq!(other, applied(Effect::Updated));
    let retried = apply(&erp, &rest, &acme, |write| Write { attempt: 2, ..linked(write) }).await;
    assert_eq!(retried.unwrap(), applied(Effect::Updated));
    let posts = erp.asked().iter().filter(|line| line.starts_with("POST")).count();
    assert_eq!(posts, 1);
}

#[tokio::test]
async fn a_conflict_on_creation_is_read_and_changed() {
    let erp = Erp::answering([answer(404, "{}"), answer(409, "{}")]);
    let rest = rest(target());
    erp.kept.lock().unwrap().insert("C-1".to_owned(), json!({"number": "C-1", "id": 17}));
    let changed = apply(&erp, &rest, &part("C-1", "Acme"), |write| write).await.unwrap();
    assert_eq!(changed, applied(Effect::Updated));
    assert_eq!(erp.asked()[2..], ["GET /customers/C-1", "PATCH /customers/C-1"]);
    // It says that there is one and shows none.
    let erp = Erp::answering([answer(404, "{}"), answer(409, "{}"), answer(404, "{}")]);
    let failure = apply(&erp, &rest, &part("C-1", "Acme"), |write| write).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Conflict);
}

#[tokio::test]
async fn what_is_not_there_to_be_changed_is_a_conflict_or_waited_for_where_nothing_makes_it() {
    let acme = part("C-1", "Acme");
    let erp = Erp::answering([]);
    let failure = apply(&erp, &rest(target()), &acme, linked).await.unwrap_err();
    assert_eq!((failure.kind, failure.unread), (FailureKind::Conflict, false));
    let rest = rest(RestTarget { create: None, ..target() });
    let failure = apply(&erp, &rest, &acme, |write| write).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::MissingReference);
    assert_eq!(failure.missing.unwrap().to_string(), "customer/C-1");
}

#[tokio::test]
async fn an_address_with_the_targets_id_needs_one_to_be_known() {
    let update = "/by-id/{id}?key={key}".to_owned();
    let rest = rest(RestTarget { update, create: None, ..target() });
    let erp = Erp::answering([answer(204, "")]);
    let odd = part("a/b{id}", "Acme");
    apply(&erp, &rest, &odd, linked).await.unwrap();
    assert_eq!(erp.asked(), ["PATCH /by-id/17?key=a%2Fb%7Bid%7D"]);
    // On first contact it is learnt from a look-up.
    let erp = Erp::answering([answer(200, "{\"id\":17}"), answer(204, "")]);
    let changed = apply(&erp, &rest, &odd, |write| write).await.unwrap();
    assert_eq!(changed, applied(Effect::Updated));
    let asked = ["GET /customers/a%2Fb%7Bid%7D", "PATCH /by-id/17?key=a%2Fb%7Bid%7D"];
    assert_eq!(erp.asked(), asked);
    let erp = Erp::answering([answer(404, "")]);
    let failure = apply(&erp, &rest, &odd, |write| write).await.unwrap_err();
    assert_eq!((failure.kind, erp.asked().len()), (FailureKind::MissingReference, 1));
}

#[tokio::test]
async fn where_a_document_takes_the_place_of_the_whole_what_it_does_not_name_goes() {
    let there = json!({"number": "C-1", "id": 17, "title": "Acme", "group": "Trade", "vat": "GB1"});
    for (method, asked) in [(UpdateMethod::Put, 2), (UpdateMethod::Patch, 1)] {
        let mapping = program("to.jq", "{number, title: .name, group}");
        let rest = rest(RestTarget { update_method: method, mapping, ..target() });
        let erp = Erp::answering([answer(200, &there.to_string()), answer(200, "")]);
        apply(&erp, &rest, &part("C-1", "Acme"), doubtful).await.unwrap();
        assert_eq!(erp.asked().len(), asked, "{method:?}");
    }
}

#[tokio::test]
async fn every_status_has_the_kind_the_house_gives_it() {
    let rest = rest(target());
    for (status, kind, unread) in [
        (302, FailureKind::Unavailable, false),
        (400, FailureKind::Validation, false),
        (401, FailureKind::Auth, false),
        (403, FailureKind::Rejected, false),
        (408, FailureKind::Unavailable, true),
        (409, FailureKind::Conflict, false),
        (413, FailureKind::TooLarge, false),
        (422, FailureKind::Validation, false),
        (429, FailureKind::RateLimited, false),
        (500, FailureKind::Unavailable, true),
        (502, FailureKind::Unavailable, true),
        (503, FailureKind::Unavailable, false),
        (504, FailureKind::Unavailable, true),
        (520, FailureKind::Unavailable, true),
        (524, FailureKind::Unavailable, true),
    ] {
        let erp = Erp::answering([answer(status, "{\"name\":\"Ann\"}")]);
        let failure = apply(&erp, &rest, &part("C-1", "Ann"), linked).await.unwrap_err();
        assert_eq!((failure.kind, failure.unread), (kind, unread), "{status}");
        assert_eq!(failure.retry_after, Some(Duration::from_secs(7)), "{status}");
        assert!(!failure.detail.contains("Ann"), "{}", failure.detail);
        let erp = Erp::answering([answer(status, "")]);
        let looked = apply(&erp, &rest, &part("C-1", "Ann"), doubtful).await.unwrap_err();
        assert!(!looked.unread, "a read of {status} changes nothing");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_document_leaves_a_write_unknown_and_a_read_not() {
    let rest = rest(target());
    for garbage in ["<html>Login</html>", "{\"id\":"] {
        let erp = Erp::answering([answer(200, garbage)]);
        let failure = apply(&erp, &rest, &part("C-1", "A"), linked).await.unwrap_err();
        assert_eq!((failure.kind, failure.unread), (FailureKind::Unavailable, true));
        let erp = Erp::answering([answer(200, garbage)]);
        let failure = apply(&erp, &rest, &part("C-1", "A"), doubtful).await.unwrap_err();
        assert_eq!((failure.kind, failure.unread), (FailureKind::Unavailable, false));
    }
    let erp = Erp::answering([Err(HttpError::Broken("reset".into()))]);
    let failure = apply(&erp, &rest, &part("C-1", "A"), linked).await.unwrap_err();
    assert_eq!((failure.kind, failure.unread), (FailureKind::Connection, true));
}

#[tokio::test]
async fn a_list_that_was_searched_says_none_by_being_empty_and_never_by_404() {
    let look_up = Some("/customers?number={key}".to_owned());
    let (found, key) = (Some("/found".to_owned()), Some("/number".to_owned()));
    let rest = rest(RestTarget { look_up, found, key, ..target() });
    let acme = part("C-1", "Acme");
    let erp = Erp::answering([answer(200, "{\"found\":[]}")]);
    apply(&erp, &rest, &acme, |write| write).await.unwrap();
    assert_eq!(erp.asked(), ["GET /customers?number=C-1", "POST /customers"]);
    let one = json!({"found": [{"id": "x", "number": "C-1", "title": "A", "group": "Trade"}]});
    let erp = Erp::answering([answer(200, &one.to_string()), answer(200, "")]);
    let changed = apply(&erp, &rest, &acme, |write| write).await.unwrap();
    assert_eq!((changed.effect, changed.target_id.as_deref()), (Effect::Updated, Some("x")));
    let two = json!({"found": [{"number": "C-1"}, {"number": "C-1"}]});
    let erp = Erp::answering([answer(200, &two.to_string())]);
    let several = apply(&erp, &rest, &acme, |write| write).await.unwrap_err();
    assert_eq!((several.kind, erp.asked().len()), (FailureKind::Ambiguous, 1));
    let erp = Erp::answering([answer(404, "{}")]);
    let lost = apply(&erp, &rest, &acme, |write| write).await.unwrap_err();
    assert_eq!((lost.kind, erp.asked().len()), (FailureKind::Internal, 1));
}

#[tokio::test]
async fn what_a_search_finds_is_it_only_if_it_has_the_key() {
    let look_up = Some("/customers?search={key}".to_owned());
    let (found, key) = (Some("/found".to_owned()), Some("/number".to_owned()));
    let rest = rest(RestTarget { look_up, found, key, ..target() });
    let acme = part("1", "Acme");
    let like_it = json!({"found": [{"number": "10"}, {"number": 100}, {}, null]});
    let erp = Erp::answering([answer(200, &like_it.to_string())]);
    let made = apply(&erp, &rest, &acme, |write| write).await.unwrap();
    assert_eq!(made.effect, Effect::Created);
    assert!(!erp.kept.lock().unwrap().contains_key("10"));
    // A number that is one there is the key as well.
    let among = json!({"found": [{"number": 10}, {"number": 1, "id": "x"}]});
    let erp = Erp::answering([answer(200, &among.to_string()), answer(200, "")]);
    let changed = apply(&erp, &rest, &acme, |write| write).await.unwrap();
    assert_eq!((changed.effect, changed.target_id.as_deref()), (Effect::Updated, Some("x")));
}

#[tokio::test]
async fn a_key_that_an_address_takes_for_another_place_is_refused() {
    let rest = rest(target());
    for number in [".", ".."] {
        let (erp, odd) = (Erp::answering([]), part(number, "Acme"));
        for differs in [linked as fn(Write<'_>) -> Write<'_>, doubtful] {
            let failure = apply(&erp, &rest, &odd, differs).await.unwrap_err();
            assert_eq!((failure.kind, failure.unread), (FailureKind::Validation, false));
        }
        assert_eq!(erp.asked(), [""; 0]);
    }
}

#[tokio::test]
async fn what_is_written_is_signed_under_the_events_id_again_and_again() {
    let signing = Some(Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    let rest = rest(RestTarget { signing, ..target() });
    let (erp, acme) = (Erp::answering([answer(200, ""), answer(200, "")]), part("C-1", "Acme"));
    apply(&erp, &rest, &acme, linked).await.unwrap();
    let signed = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let first = signed.map(|name| erp.header(name).unwrap());
    assert_eq!(first[..2], [EVENT.to_string(), "1000".to_owned()]);
    assert!(first[2].starts_with("v1,"), "{first:?}");
    apply(&erp, &rest, &acme, linked).await.unwrap();
    assert_eq!(signed.map(|name| erp.header(name).unwrap()), first);
    assert!(!format!("{rest:?}").contains("MfKQ"));
    let broken = RestTarget { signing: Some(Secret::new("?")), ..target() };
    assert!(Writer::new(&broken).unwrap_err().starts_with("signing: "));
}

#[tokio::test]
async fn a_part_that_the_mapping_leaves_out_is_skipped_and_one_it_cannot_map_is_told() {
    let erp = Erp::answering([]);
    let skips = rest(RestTarget { mapping: program("to.jq", "empty"), ..target() });
    let skipped = apply(&erp, &skips, &part("C-1", "Acme"), |write| write).await.unwrap();
    assert!(matches!(skipped.effect, Effect::Skipped(why) if why.contains("to.jq")));
    let fails = rest(RestTarget { mapping: program("to.jq", "error(\"no\")"), ..target() });
    let failure = apply(&erp, &fails, &part("C-1", "Acme"), |write| write).await.unwrap_err();
    assert_eq!((failure.kind, erp.asked().len()), (FailureKind::Validation, 0));
}

async fn look(erp: &Arc<Erp>, rest: &Rest, part: &Part) -> Result<Option<Held>, Failure> {
    let subject = part.subject();
    let look = Look { subject: &subject, target_id: None, in_doubt: false };
    rest.look(&erp.conversation(), &[look]).await.pop().unwrap()
}

#[tokio::test]
async fn a_look_shows_what_is_there_or_that_there_is_nothing() {
    let (erp, acme) = (Erp::answering([]), part("C-1", "Acme"));
    let rest_only_written = rest(RestTarget { look_up: None, create: None, ..target() });
    assert!(rest(target()).looks(Facet::Profile) && !rest_only_written.looks(Facet::Profile));
    let rest = rest(target());
    assert_eq!(look(&erp, &rest, &acme).await.unwrap(), None);
    let erp = Erp::answering([answer(200, "{\"number\":\"C-1\",\"updated_at\":\"soon\"}")]);
    let failure = look(&erp, &rest, &acme).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Validation);
    let other = json!({"number": "C-10", "title": "B", "blocked": false, "updated_at": "2026-01-01T00:00:00Z"});
    let erp = Erp::answering([answer(200, &other.to_string())]);
    let failure = look(&erp, &rest, &acme).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Ambiguous);
    let failure = look(&erp, &rest_only_written, &acme).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsupported);
}

proptest! {
    #[test]
    fn what_was_written_is_what_a_look_and_a_poll_show_on_one_clock(
        number in "[A-Z0-9/ ?{}]{1,12}", name in ".{1,12}", group in proptest::option::of(".{0,8}"),
        notes in proptest::option::of(".{0,8}"), blocked in any::<bool>(),
    ) {
        prop_assume!(!number.trim().is_empty());
        let json = json!({"number": number, "name": name, "group": group, "notes": notes,
            "blocked": blocked});
        let part = Part::from_json(Facet::Profile, json.to_string().as_bytes()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // The ERP finds what it keeps by the encoded number, as it stands in the address.
            let (erp, rest) = (Erp::answering([answer(404, "{}")]), rest(target()));
            apply(&erp, &rest, &part, |write| write).await.unwrap();
            let document = erp.kept.lock().unwrap()[&number].clone();
            let erp = Erp::answering([answer(200, &document.to_string())]);
            let held = look(&erp, &rest, &part).await.unwrap().unwrap();
            prop_assert_eq!(held.part.fingerprint(), part.fingerprint());
            let body = json!([document]).to_string();
            let record = Record {
                endpoint: "customers", scope: None,
            message_id: None, received_at: Timestamp::UNIX_EPOCH,
                as_of: None, first_line: 1, body: body.as_bytes(),
            };
            let Ok(Draft::Part(draft)) = rest.read(&record).pop().unwrap().draft else { panic!() };
            prop_assert_eq!((draft.part, draft.sequence), (held.part, held.sequence));
            prop_assert_eq!((draft.clock, draft.time), (held.clock, held.changed_at));
            prop_assert!(held.sequence > Sequence(0) && held.target_id.as_deref() == Some("17"));
            Ok(())
        })?;
    }
}

#[test]
fn what_the_target_cannot_say_is_kept_from_the_other_side() {
    let rest = rest(target());
    let known = json!({"number": "C-1", "name": "Acme", "group": "Trade", "vat_number": "GB1",
        "contacts": [{"id": "1", "first_name": "Jo", "last_name": "Li", "email": "jo@a.example"}],
        "addresses": [{"street": "1 Rd", "city": "York", "country": "GB"}]});
    let read = |json: &Value| Part::from_json(Facet::Profile, json.to_string().as_bytes()).unwrap();
    let same = json!({"number": "C-1", "name": "Acme", "group": "Trade", "vat_number": "GB1"});
    assert_eq!(rest.complete(&read(&same), &read(&known)), read(&known));
    // A new name, no group any more, and a note.
    let said = json!({"number": "C-1", "name": "Beta", "vat_number": "GB1", "notes": "slow"});
    let mut wanted = known.clone();
    wanted["name"] = json!("Beta");
    wanted["notes"] = json!("slow");
    wanted["group"] = Value::Null;
    assert_eq!(rest.complete(&read(&said), &read(&known)), read(&wanted));
}
