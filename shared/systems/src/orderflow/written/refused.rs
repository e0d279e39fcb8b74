//! What OrderFlow answers to imports: item by item (OrderFlow reference §3.5), and every shape in which
//! it refuses a request as a whole (§3.6).

use ferry_config::responses;

use super::*;

/// What one import of one order comes to when it is answered so.
async fn told(status: u16, body: &str) -> Failure {
    let answer = Response { status, headers: Vec::new(), body: body.to_owned().into() };
    failure(&apply(&by_itself(), &[order("WEB-1")], FIRST, [answer]).await).clone()
}

fn shown(failure: &Failure) -> (FailureKind, Option<&str>, &str, bool) {
    (failure.kind, failure.rule.as_deref(), failure.detail.as_str(), failure.unread)
}

#[tokio::test]
async fn many_imports_in_one_request_each_find_their_own_result() {
    let body = r#"<importResult>
        <importSuccesses><import type="order" operation="insert" externalReference="A" entity="order" item="7"/></importSuccesses>
        <importFailures><import type="order" operation="insert" externalReference="B">
          <failureMessage>Product TEA not found</failureMessage>
          <failureDetail>rtd.exceptions.MissingDataException</failureDetail></import></importFailures>
        <importDuplicates><import type="order" operation="insert" externalReference="C">
          <duplicateMessage>Order already exists</duplicateMessage></import></importDuplicates>
        <importFuture><import type="order" externalReference="D"/></importFuture></importResult>"#;
    let orders = ["C", "D", "A", "B"].map(order);
    let done = apply(&by_itself(), &orders, FIRST, [ok(body)]).await;
    assert_eq!((done.asked.len(), done.asked[0].1.matches("<import ").count()), (1, 4));
    let [duplicate, unmentioned, taken, lacking] = done.results.as_slice() else { panic!() };
    let duplicate = duplicate.as_ref().unwrap();
    let warning = "OrderFlow has it already and keeps what it has: Order already exists";
    assert_eq!(
        (&duplicate.effect, duplicate.warning.as_deref()),
        (&Effect::AlreadySo, Some(warning))
    );
    let unmentioned = unmentioned.as_ref().unwrap_err();
    assert_eq!((unmentioned.kind, unmentioned.unread), (FailureKind::Conflict, true));
    assert_eq!(taken.as_ref().unwrap().target_id.as_deref(), Some("7"));
    let lacking = lacking.as_ref().unwrap_err();
    assert_eq!(lacking.kind, FailureKind::MissingReference);
    assert_eq!(lacking.missing.as_ref().unwrap().to_string(), "product/TEA");
}

#[tokio::test]
async fn what_is_in_none_of_the_three_lists_is_asked_about_before_it_is_sent_again() {
    let again = LOST;
    let there = [detail("created")];
    let done = apply(&by_itself(), &[order("WEB-1")], again, there).await;
    assert_eq!(done.asked[0].0, "GET /remoteorder/order/detail.xml?externalReference=WEB-1");
    assert_eq!(success(&done).effect, Effect::AlreadySo);
    let answers = [gone(), taken("order", &["WEB-1"])];
    let done = apply(&by_itself(), &[order("WEB-1")], again, answers).await;
    assert_eq!(success(&done).effect, Effect::Created);
}

#[tokio::test]
async fn two_imports_of_one_name_are_sent_apart() {
    let program = "{externalReference: \"ALL\", name: .identifier}";
    let system = with(mapped(Facet::Placed, ImportType::Campaign, program));
    let refused = ok("<importResult><importFailures><import type=\"campaign\" \
        externalReference=\"ALL\"/></importFailures></importResult>");
    let answers = [taken("campaign", &["ALL"]), refused];
    let done = apply(&system, &["1", "2"].map(order), FIRST, answers).await;
    assert_eq!(done.asked.len(), 2);
    assert!(done.results[0].is_ok());
    assert_eq!(done.results[1].as_ref().unwrap_err().kind, FailureKind::Rejected);
}

#[tokio::test]
async fn a_status_of_400_and_above_with_its_text() {
    for (status, kind) in [
        (400, FailureKind::Validation),
        (403, FailureKind::Rejected),
        (413, FailureKind::TooLarge),
        (429, FailureKind::RateLimited),
        (500, FailureKind::Unavailable),
        (503, FailureKind::Unavailable),
    ] {
        let failure = told(status, " Channel is closed \n").await;
        let detail = format!("OrderFlow answered {status}: Channel is closed");
        let unread = status == 500;
        assert_eq!(shown(&failure), (kind, Some("orderflow: status"), detail.as_str(), unread));
    }
}

#[tokio::test]
async fn a_401_for_bad_credentials() {
    let failure = told(401, "Bad credentials").await;
    let detail = "OrderFlow refuses user or password (HTTP Basic, realm RTD)";
    let rule = Some("orderflow: credentials");
    assert_eq!(shown(&failure), (FailureKind::Auth, rule, detail, false));
}

#[tokio::test]
async fn an_error_root_with_its_text() {
    let failure = told(200, "<error>Unknown channel nowhere</error>").await;
    let rule = Some("orderflow: error root");
    assert_eq!(shown(&failure), (FailureKind::Rejected, rule, "Unknown channel nowhere", false));
}

#[tokio::test]
async fn an_exception_child_of_the_root() {
    let failure = told(200, "<response><exception>java.lang.Oops</exception></response>").await;
    let rule = Some("orderflow: exception child");
    assert_eq!(shown(&failure), (FailureKind::Rejected, rule, "java.lang.Oops", false));
}

#[tokio::test]
async fn an_exception_child_with_its_message_beside_it() {
    let body = "<response><exception>java.lang.Oops</exception><message>out of pallets</message>\
                </response>";
    let failure = told(200, body).await;
    let rule = Some("orderflow: exception child");
    assert_eq!(shown(&failure), (FailureKind::Rejected, rule, "out of pallets", false));
}

#[tokio::test]
async fn a_missing_data_exception_for_a_referenced_entity() {
    for body in [
        "<response><exception>rtd.exceptions.MissingDataException</exception></response>",
        "<response><exception>rtd.exceptions.MissingDataException</exception>\
         <message>Product TEA not found: rtd.exceptions.MissingDataException</message></response>",
        "<error>rtd.exceptions.MissingDataException: Product TEA not found</error>",
    ] {
        assert_eq!(told(200, body).await.kind, FailureKind::MissingReference, "{body}");
    }
}

#[tokio::test]
async fn an_html_page_with_error_in_its_h2_and_the_reason_in_a_p() {
    let page = "<html><head><title>OrderFlow</title></head><body><h2>ERROR</h2>\
                <p>could not be parsed</p></body></html>";
    let failure = told(200, page).await;
    let rule = Some("orderflow: HTML error page");
    assert_eq!(shown(&failure), (FailureKind::Rejected, rule, "could not be parsed", false));
}

#[tokio::test]
async fn one_bad_import_does_not_take_those_down_that_were_sent_with_it() {
    let page = "<html><body><h2>ERROR</h2><p>line 3</p></body></html>";
    let answers = [ok(page), taken("order", &["A"]), ok(page)];
    let done = apply(&by_itself(), &["A", "B"].map(order), FIRST, answers).await;
    assert!(done.results[0].is_ok());
    assert_eq!(done.results[1].as_ref().unwrap_err().detail, "line 3");
}

/// What the instance says in its own words.
const OWN: &str = r#"
[[responses]]
name = "site is closed"
when = [{ path = "/importResult/importFailures/import/failureMessage", matches = "closed" }]
then = "retry"
message = "/importResult/importFailures/import/failureMessage"
[[responses]]
name = "queued"
when = [{ path = "/message", equals = "queued" }]
then = "ok"
[[responses]]
name = "session"
when = [{ path = "/error", matches = "session" }]
then = "auth"
"#;

fn ruled() -> Orderflow {
    let responses = responses::parse(OWN).unwrap();
    Orderflow::new(&OrderflowConfig { responses, ..config(OrderflowWrites::default()) }).unwrap()
}

#[tokio::test]
async fn a_rule_of_the_configuration_comes_before_ferrys_own() {
    let closed = "<importResult><importFailures><import type=\"order\" externalReference=\"WEB-1\">\
        <failureMessage>LEEDS is closed</failureMessage></import></importFailures></importResult>";
    let done = apply(&ruled(), &[order("WEB-1")], FIRST, [ok(closed)]).await;
    let rule = Some("site is closed");
    assert_eq!(shown(failure(&done)), (FailureKind::Unavailable, rule, "LEEDS is closed", false));
    let done = apply(&by_itself(), &[order("WEB-1")], FIRST, [ok(closed)]).await;
    assert_eq!(failure(&done).rule.as_deref(), Some("orderflow: importFailures"));
}

#[tokio::test]
async fn an_answer_that_a_rule_calls_ok_is_a_success_with_the_rules_name() {
    let queued = || ok("<message>queued</message>");
    let done = apply(&ruled(), &[order("WEB-1")], FIRST, [queued()]).await;
    assert_eq!(success(&done).effect, Effect::Created);
    assert_eq!(success(&done).rule.as_deref(), Some("queued"));
    let done = apply(&by_itself(), &[order("WEB-1")], FIRST, [queued()]).await;
    assert!(failure(&done).unread);
}

#[tokio::test]
async fn a_duplicate_has_the_name_of_its_rule() {
    let duplicate = ok("<importResult><importDuplicates><import type=\"order\" \
        externalReference=\"WEB-1\"/></importDuplicates></importResult>");
    let done = apply(&by_itself(), &[order("WEB-1")], FIRST, [duplicate]).await;
    assert_eq!(success(&done).effect, Effect::AlreadySo);
    assert_eq!(success(&done).rule.as_deref(), Some("orderflow: importDuplicates"));
}

#[tokio::test]
async fn a_session_that_ended_pauses_whatever_was_asked() {
    let ended = || ok("<error>your session has ended</error>");
    let done = apply(&ruled(), &[order("WEB-1")], FIRST, [ended()]).await;
    assert_eq!(failure(&done).kind, FailureKind::Auth);
    // So it does where an order is looked at.
    let done = apply(&ruled(), &[order("WEB-1")], LOST, [ended()]).await;
    assert_eq!((failure(&done).kind, failure(&done).unread), (FailureKind::Auth, false));
    let done = apply(&by_itself(), &[order("WEB-1")], LOST, [ended()]).await;
    assert_eq!(failure(&done).kind, FailureKind::Unavailable);
}
