//! What response rules make of the answers to writes, look-ups and probes.

use ferry_config::responses;

use super::*;

const RULES: &str = r#"
[[responses]]
name = "closed"
when = [{ path = "/error/code", matches = "^E" }]
then = "rejected"
code = "/error/code"
message = "/error/text"
[[responses]]
name = "exists"
when = [{ path = "/error/code", equals = "DUP" }]
then = "duplicate"
message = "/error/text"
[[responses]]
name = "expired"
when = [{ path = "/error/code", equals = "AUTH" }]
then = "auth"
[[responses]]
name = "gone"
status = "410"
then = "ok"
[[responses]]
name = "deadlock"
status = "500"
when = [{ matches = "deadlock" }]
then = "retry"
[[responses]]
name = "gateway"
status = "502"
then = "rejected"
[[responses]]
name = "constraint"
status = "500"
when = [{ matches = "constraint" }]
then = "rejected"
"#;

const CLOSED: &str = r#"{"error":{"code":"E17","text":"the year is closed"}}"#;
const EXISTS: &str = r#"{"error":{"code":"DUP","text":"C-1"}}"#;

fn ruled() -> Rest {
    Rest { rules: Rules::new(&responses::parse(RULES).unwrap()), ..rest(target()) }
}

fn acme() -> Part {
    part("C-1", "Acme")
}

fn by(rule: &str, effect: Effect) -> Applied {
    Applied { rule: Some(rule.to_owned()), ..applied(effect) }
}

#[tokio::test]
async fn a_200_that_says_no_is_a_dead_letter_with_its_code_and_its_reason() {
    let erp = Erp::answering([answer(404, "{}"), answer(200, CLOSED)]);
    let failure = apply(&erp, &ruled(), &acme(), |write| write).await.unwrap_err();
    assert_eq!((failure.kind, failure.unread), (FailureKind::Rejected, false));
    assert_eq!(failure.rule.as_deref(), Some("closed"));
    let detail = "the target answered `create` with 200: the year is closed (E17)";
    assert_eq!(failure.detail, detail);
}

#[tokio::test]
async fn what_is_there_already_by_a_rule_is_looked_at_as_after_a_409() {
    let erp = Erp::answering([answer(404, "{}"), answer(200, EXISTS)]);
    erp.kept.lock().unwrap().insert("C-1".to_owned(), json!({"number": "C-1", "id": 17}));
    let changed = apply(&erp, &ruled(), &acme(), |write| write).await.unwrap();
    assert_eq!(changed, by("exists", Effect::Updated));
    assert_eq!(erp.asked()[2..], ["GET /customers/C-1", "PATCH /customers/C-1"]);
    // It says that there is one and shows none.
    let erp = Erp::answering([answer(404, "{}"), answer(200, EXISTS), answer(404, "{}")]);
    let failure = apply(&erp, &ruled(), &acme(), |write| write).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Conflict);
    assert_eq!(failure.rule.as_deref(), Some("exists"));
}

#[tokio::test]
async fn a_duplicate_is_ours_where_this_content_was_sent_before() {
    let kept = "the target has it already and keeps what it has: C-1";
    for brought in [Brought::Same, Brought::Nothing, Brought::Other] {
        let erp = Erp::answering([answer(200, EXISTS)]);
        let (rest, acme) = (ruled(), acme());
        let done = apply(&erp, &rest, &acme, |write| Write { brought, ..linked(write) }).await;
        match (brought, done) {
            (Brought::Same, done) => assert_eq!(done, Ok(by("exists", Effect::AlreadySo))),
            (Brought::Nothing, done) => {
                let warning = Some(kept.to_owned());
                assert_eq!(done, Ok(Applied { warning, ..by("exists", Effect::AlreadySo) }));
            }
            (Brought::Other, done) => {
                let failure = done.unwrap_err();
                assert_eq!((failure.kind, failure.detail.as_str()), (FailureKind::Rejected, kept));
            }
        }
    }
}

#[tokio::test]
async fn a_verdict_that_ends_a_write_ends_the_doubt_that_its_status_leaves() {
    for (status, body, kind, unread) in [
        (500, "deadlock", FailureKind::Unavailable, true),
        (500, "constraint", FailureKind::Rejected, false),
        (500, "neither", FailureKind::Unavailable, true),
        (502, "constraint", FailureKind::Rejected, true),
    ] {
        let erp = Erp::answering([answer(status, body)]);
        let failure = apply(&erp, &ruled(), &acme(), linked).await.unwrap_err();
        assert_eq!((failure.kind, failure.unread), (kind, unread), "{body}");
    }
}

#[tokio::test]
async fn a_rule_makes_a_success_of_what_its_status_does_not() {
    let erp = Erp::answering([answer(410, "")]);
    let done = apply(&erp, &ruled(), &acme(), linked).await;
    assert_eq!(done, Ok(by("gone", Effect::Updated)));
    let erp = Erp::answering([answer(410, "")]);
    let failure = apply(&erp, &rest(target()), &acme(), linked).await.unwrap_err();
    assert_eq!((failure.kind, failure.rule), (FailureKind::Rejected, None));
}

#[tokio::test]
async fn a_look_up_that_says_no_is_no_document() {
    let erp = Erp::answering([answer(200, CLOSED)]);
    let failure = apply(&erp, &ruled(), &acme(), |write| write).await.unwrap_err();
    assert_eq!((failure.kind, failure.unread), (FailureKind::Rejected, false));
    assert_eq!(erp.asked(), ["GET /customers/C-1"]);
}

#[tokio::test]
async fn a_probe_fails_by_what_is_about_the_system_as_a_whole() {
    let expired = r#"{"error":{"code":"AUTH"}}"#;
    for (status, body, expected) in [
        (200, CLOSED, Ok(())),
        (200, EXISTS, Ok(())),
        (200, expired, Err(FailureKind::Auth)),
        (500, "deadlock", Err(FailureKind::Unavailable)),
        (403, "{}", Err(FailureKind::Rejected)),
    ] {
        let erp = Erp::answering([answer(status, body)]);
        let probed = ruled().probe(&erp.conversation()).await;
        assert_eq!(probed.map_err(|failure| failure.kind), expected, "{status} {body}");
    }
}

#[test]
fn an_answer_that_was_recorded_is_read_as_a_write_reads_its_own() {
    let rest = ruled();
    let read = |asked, status, body: &str| {
        let body = Bytes::from(body.to_owned());
        let reading = rest.answered(&Response { status, headers: Vec::new(), body }, asked);
        (reading.verdict, reading.rule)
    };
    let closed = Some("closed".to_owned());
    assert_eq!(read(Asked::Create, 200, CLOSED), ("rejected", closed.clone()));
    assert_eq!(read(Asked::Read, 200, CLOSED), ("rejected", closed));
    assert_eq!(read(Asked::Create, 409, "{}"), ("duplicate", None));
    assert_eq!(read(Asked::Change, 409, "{}"), ("conflict", None));
    assert_eq!(read(Asked::Change, 503, ""), ("retry", None));
    assert_eq!(read(Asked::Create, 201, "{}"), ("ok", None));
    assert_eq!(read(Asked::Read, 200, "{}"), ("ok", None));
}
