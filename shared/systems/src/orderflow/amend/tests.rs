use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use ferry_canonical::{Brought, Doubt, Facet, Part, Subject};
use ferry_config::{
    OrderflowWrites, Secret,
    orderflow::{DeliverBy, ImportOperation, ImportType, OrderflowImport},
    system::{ChangedOrders, Limits, Mapping, OrderflowConfig},
};
use ferry_http::{HttpError, HttpPort, Request, Response};
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::*;

const DETAIL: &str = "GET /remoteorder/order/detail.xml?externalReference=WEB-1";
const CANCEL: &str = "POST /remoteorder/order/cancel.xml?externalReference=WEB-1\
                      &cancelChangesExternalReference=true";
const IMPORT: &str = "POST /remoteorder/imports/importitems.xml";

const CANCELLED: &str = "<message>Order WEB-1 has been cancelled</message>";
const IMPORTED: &str = r#"<importResult><importSuccesses>
    <import type="order" externalReference="WEB-1" item="7"/></importSuccesses></importResult>"#;
const DUPLICATE: &str = r#"<importResult><importDuplicates>
    <import type="order" externalReference="WEB-1"/></importDuplicates></importResult>"#;
const REFUSED: &str = r#"<importResult><importFailures><import type="order"
    externalReference="WEB-1"><failureMessage>quantity</failureMessage></import></importFailures>
    </importResult>"#;
const GONE: &str = "<result><exception>rtd.exceptions.MissingDataException</exception>\
                    <message>Order WEB-1 not found: MissingDataException</message></result>";

/// An OrderFlow that answers in this order, and the requests it got.
#[derive(Debug)]
struct Scripted {
    answers: Mutex<VecDeque<Result<&'static str, HttpError>>>,
    asked: Mutex<Vec<String>>,
}

impl HttpPort for Scripted {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        let url = request.url.trim_start_matches("http://warehouse.test");
        self.asked.lock().unwrap().push(format!("{} {url}", request.method.as_str()));
        let answer = self.answers.lock().unwrap().pop_front().unwrap();
        let ok = |body: &str| Response {
            status: 200,
            headers: Vec::new(),
            body: body.to_owned().into(),
        };
        Box::pin(async move { answer.map(ok) })
    }
}

fn order(quantity: u32, notes: &str) -> Part {
    let json = format!(
        r#"{{"identifier":"WEB-1","placed_at":"2026-01-01T00:00:00Z","currency":"GBP",
        "customer":{{"name":"Ada"}},"notes":"{notes}",
        "shipping_address":{{"street":"1 High St","city":"Leeds","country":"GB"}},
        "lines":[{{"number":1,"sku":"MUG","quantity":"{quantity}","unit_price":"5","total":"5"}}],
        "totals":{{"subtotal":"5","total":"5"}}}}"#
    );
    Part::from_json(Facet::Placed, json.as_bytes()).unwrap()
}

fn shows(quantity: u32, state: &str, shipment: &str) -> &'static str {
    let detail = format!(
        r#"<order externalReference="WEB-1" state="{state}"><shipments>
           <shipment state="{shipment}" externalReference="S1"><orderLines>
           <orderLine product="MUG" quantity="{quantity}"/></orderLines></shipment></shipments></order>"#
    );
    Box::leak(detail.into_boxed_str())
}

/// What is known of the order when its change to two mugs is written; it was one mug.
struct Case {
    earlier: Part,
    stands: Stands,
    begun: Step,
    doubt: Doubt,
    mapping: Option<&'static str>,
}

fn first() -> Case {
    Case {
        earlier: order(1, ""),
        stands: Stands::Earlier,
        begun: Step::None,
        doubt: Doubt::None,
        mapping: None,
    }
}

impl Case {
    async fn write(
        &self,
        new: &Part,
        answers: impl IntoIterator<Item = Result<&'static str, HttpError>>,
    ) -> (Answer, Vec<String>) {
        let answers = Mutex::new(answers.into_iter().collect());
        let port = Arc::new(Scripted { answers, asked: Mutex::default() });
        let conversation =
            Conversation::new(Arc::<Scripted>::clone(&port), || Timestamp::UNIX_EPOCH);
        let subject = Subject { facet: Facet::Placed, id: "WEB-1".to_owned(), part: None };
        let earlier = std::slice::from_ref(&self.earlier);
        let amending = Amending { earlier: Some(earlier), stands: self.stands, begun: self.begun };
        let write = Write {
            subject: &subject,
            part: new,
            parts: std::slice::from_ref(new),
            target_id: None,
            // Something else about the order may be lost as well.
            read_first: true,
            doubt: self.doubt,
            brought: Brought::Other,
            recalled: &[],
            attempt: 1,
            event_id: uuid::Uuid::nil(),
            amending: Some(amending),
        };
        let mut answers = system(self.mapping).apply(&conversation, &[write]).await;
        assert!(port.answers.lock().unwrap().is_empty(), "not all answers were asked for");
        let asked = port.asked.lock().unwrap().clone();
        (answers.remove(0), asked)
    }
}

fn system(mapping: Option<&str>) -> Orderflow {
    let import = |program: &str| OrderflowImport {
        facet: Facet::Placed,
        kind: ImportType::Order,
        operation: ImportOperation::Insert,
        mapping: Some(Mapping { name: "m.jq".to_owned(), program: program.to_owned() }),
        deliver_by: DeliverBy::Import,
        refuses_duplicates: false,
    };
    let imports = mapping.map(|program| ("orders".to_owned(), import(program)));
    let imports = imports.into_iter().collect();
    let config = OrderflowConfig {
        base_url: "http://warehouse.test".to_owned(),
        organisation: "acme".to_owned(),
        channel: "web".to_owned(),
        time_zone: "UTC".to_owned(),
        user: Secret::new("ferry"),
        password: Secret::new("pw"),
        push: None,
        pull: ferry_config::system::PullConfig::default(),
        changed_orders: ChangedOrders::Amend,
        writes: Box::new(OrderflowWrites { imports, ..OrderflowWrites::default() }),
        responses: Vec::new(),
        limits: Limits::default(),
    };
    Orderflow::new(&config).unwrap()
}

fn lost<T>() -> Result<T, HttpError> {
    Err(HttpError::Broken("cut".to_owned()))
}

fn rejection(answer: &Answer) -> &str {
    let failure = answer.result.as_ref().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Rejected);
    &failure.detail
}

#[tokio::test]
async fn a_change_cancels_with_its_reference_freed_and_imports_again() {
    let answers = [Ok(shows(1, "created", "ready")), Ok(CANCELLED), Ok(IMPORTED)];
    let (answer, asked) = first().write(&order(2, ""), answers).await;

    assert_eq!(asked, [DETAIL, CANCEL, IMPORT]);
    assert_eq!(answer.result.unwrap().effect, Effect::Updated);
    assert_eq!(answer.steps, Steps::own(Step::Taken));
}

/// A field that OrderFlow has no place for has changed.
#[tokio::test]
async fn an_order_whose_import_is_the_same_is_left_without_a_request() {
    let (answer, asked) = first().write(&order(1, ""), []).await;

    assert_eq!((answer.result.unwrap().effect, asked.len()), (Effect::AlreadySo, 0));
    assert_eq!(answer.steps, Steps::default());
}

#[tokio::test]
async fn what_has_left_or_was_cancelled_there_is_not_touched() {
    for (state, shipment, sentence) in [
        ("created", "despatched", "shipment S1 of the order is despatched"),
        ("created", "packed", "shipment S1 of the order is packed"),
        ("cancelled", "ready", "the order was cancelled at OrderFlow"),
    ] {
        let answers = [Ok(shows(1, state, shipment))];
        let (answer, _) = first().write(&order(2, ""), answers).await;
        assert!(rejection(&answer).starts_with(sentence), "{answer:?}");
        assert_eq!(answer.steps, Steps::default());
    }
}

#[tokio::test]
async fn an_order_that_somebody_took_away_is_not_imported_again() {
    let (answer, _) = first().write(&order(2, ""), [Ok(GONE)]).await;

    assert!(rejection(&answer).contains("is not at OrderFlow any more"), "{answer:?}");
}

#[tokio::test]
async fn a_cancellation_that_is_not_performed_is_a_no() {
    let no = "<message>No cancel operation performed for order WEB-1</message>";
    let answers = [Ok(shows(1, "created", "ready")), Ok(no)];
    let (answer, _) = first().write(&order(2, ""), answers).await;

    assert!(rejection(&answer).contains("does not cancel the order any more"), "{answer:?}");
    assert_eq!(answer.steps, Steps::default());
}

#[tokio::test]
async fn a_lost_cancellation_is_told_from_a_lost_import() {
    let detail = shows(1, "created", "ready");
    let tries = [
        (vec![Ok(detail), lost()], Step::Unread),
        (vec![Ok(detail), Ok("garbage")], Step::Unread),
        (vec![Ok(detail), Ok(CANCELLED), lost()], Step::Taken),
    ];
    for (answers, own) in tries {
        let (answer, _) = first().write(&order(2, ""), answers).await;
        assert!(answer.result.unwrap_err().unread);
        assert_eq!(answer.steps, Steps::own(own));
    }
}

#[tokio::test]
async fn a_refused_re_import_says_that_the_order_is_cancelled() {
    for import in [REFUSED, DUPLICATE] {
        let answers = [Ok(shows(1, "created", "ready")), Ok(CANCELLED), Ok(import)];
        let (answer, _) = first().write(&order(2, ""), answers).await;

        let detail = rejection(&answer);
        assert!(detail.starts_with("the order is cancelled at OrderFlow and not imported again"));
        assert_eq!(answer.steps, Steps::own(Step::Taken));
    }
}

#[tokio::test]
async fn a_try_behind_a_cancellation_only_imports() {
    for (begun, doubt) in [
        (Step::Taken, Doubt::None),
        (Step::Begun, Doubt::Open),
        (Step::None, Doubt::Open),
        // It died before it ever came there, and somebody has sent it again.
        (Step::None, Doubt::LookedInto),
    ] {
        let case = Case { begun, doubt, ..first() };
        let (answer, asked) = case.write(&order(2, ""), [Ok(GONE), Ok(IMPORTED)]).await;

        assert_eq!(asked, [DETAIL, IMPORT]);
        assert_eq!((answer.result.is_ok(), answer.steps), (true, Steps::default()));
    }
}

#[tokio::test]
async fn what_an_earlier_try_has_imported_is_not_cancelled() {
    let written =
        Case { stands: Stands::Written, begun: Step::Taken, doubt: Doubt::Open, ..first() };
    let either = Case { stands: Stands::Either, begun: Step::Begun, doubt: Doubt::Open, ..first() };
    for case in [written, either] {
        let (answer, asked) = case.write(&order(2, ""), [Ok(shows(2, "created", "ready"))]).await;

        assert_eq!(asked, [DETAIL]);
        assert_eq!(answer.result.unwrap().effect, Effect::AlreadySo);
    }
}

/// Nobody knows which of both it is: the lines, which are all that OrderFlow shows, are the same.
#[tokio::test]
async fn two_contents_that_look_alike_are_brought_about_again() {
    let case = Case { stands: Stands::Either, begun: Step::Begun, doubt: Doubt::Open, ..first() };
    let answers = [Ok(shows(1, "created", "ready")), Ok(CANCELLED), Ok(IMPORTED)];
    let (answer, _) = case.write(&order(1, "ring twice"), answers).await;

    assert_eq!((answer.result.is_ok(), answer.steps), (true, Steps::own(Step::Taken)));
}

#[tokio::test]
async fn an_order_that_stands_as_before_refutes_a_cancellation_in_doubt() {
    let unread = Case { begun: Step::Unread, doubt: Doubt::Open, ..first() };
    let killed = Case { stands: Stands::Either, begun: Step::Begun, doubt: Doubt::Open, ..first() };
    for case in [unread, killed] {
        let answers = [Ok(shows(1, "created", "ready")), Ok(CANCELLED), Ok(IMPORTED)];
        let (answer, _) = case.write(&order(2, ""), answers).await;

        assert_eq!(answer.steps, Steps { own: Step::Taken, refuted: true });
    }
}

#[tokio::test]
async fn a_change_is_what_changes_in_the_import_that_a_mapping_has_made() {
    let case = Case { mapping: Some("{customerComment: null}"), ..first() };
    let (answer, asked) = case.write(&order(1, "ring twice"), []).await;
    assert_eq!((answer.result.unwrap().effect, asked.len()), (Effect::AlreadySo, 0));

    let elsewhere = "{customerComment: null, userDefined5: .notes}";
    let case = Case { mapping: Some(elsewhere), ..first() };
    let answers = [Ok(shows(1, "created", "ready")), Ok(CANCELLED), Ok(IMPORTED)];
    let (answer, asked) = case.write(&order(1, "ring twice"), answers).await;
    assert_eq!(asked, [DETAIL, CANCEL, IMPORT]);
    assert_eq!((answer.result.is_ok(), answer.steps), (true, Steps::own(Step::Taken)));
}

#[tokio::test]
async fn a_mapping_that_brings_nothing_of_a_half_done_change_says_that_the_order_is_cancelled() {
    for (mapping, kind) in
        [("empty", FailureKind::Rejected), ("{externalReference: \"X\"}", FailureKind::Validation)]
    {
        for (begun, told) in [
            (Step::Taken, "the order is cancelled at OrderFlow and not imported again: "),
            (Step::Unread, "the order may be cancelled at OrderFlow and not imported again: "),
        ] {
            let case = Case { begun, mapping: Some(mapping), ..first() };
            let (answer, asked) = case.write(&order(2, ""), []).await;
            let failure = answer.result.unwrap_err();
            assert_eq!((failure.kind, asked.len()), (kind, 0));
            assert!(failure.detail.starts_with(told), "{}", failure.detail);
        }
    }
    let case = Case { mapping: Some("empty"), ..first() };
    let (answer, _) = case.write(&order(2, ""), []).await;
    assert!(matches!(answer.result.unwrap().effect, Effect::Skipped(_)));
}
