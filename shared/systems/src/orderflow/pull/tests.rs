//! Every query to OrderFlow that serves the source side, by its row in the OrderFlow reference §2.1,
//! and every shape of a whole-request error (§3.6).

mod levels;
mod lists;
mod reports;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use ferry_canonical::{Facet, Part};
use ferry_config::{
    HumanDuration, ScheduleConfig,
    system::{Mapping, OrderflowConfig, PullConfig, ReportConfig},
};
use ferry_http::{HttpError, HttpPort, Request};
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::*;
use crate::{Draft, Record, draft::PartDraft, orderflow::rows};

/// Answers in order; remembers what was asked.
#[derive(Debug, Default)]
struct Script {
    answers: Mutex<VecDeque<(u16, String)>>,
    asked: Mutex<Vec<String>>,
}

impl HttpPort for Script {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        self.asked.lock().unwrap().push(request.url);
        let (status, body) = self.answers.lock().unwrap().pop_front().unwrap();
        Box::pin(async move { Ok(Response { status, headers: Vec::new(), body: body.into() }) })
    }
}

fn now() -> Timestamp {
    "2026-07-02T10:00:00Z".parse().unwrap()
}

fn orderflow(pull: PullConfig) -> Orderflow {
    Orderflow::new(&OrderflowConfig { pull, ..rows::config() }).unwrap()
}

struct Pulled {
    page: Result<Page, Failure>,
    asked: Vec<String>,
}

async fn pulled(
    orderflow: &Orderflow,
    endpoint: &str,
    (cursor, keys): (Option<&str>, &[&str]),
    answers: &[(u16, &str)],
) -> Pulled {
    let script = Arc::new(Script::default());
    let answers = answers.iter().map(|(status, body)| (*status, (*body).to_owned()));
    *script.answers.lock().unwrap() = answers.collect();
    let port: Arc<dyn HttpPort> = Arc::clone(&script) as Arc<dyn HttpPort>;
    let conversation = Conversation::new(port, now);
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let (now, heard) = (now(), Some(1_500));
    let ask = Ask { endpoint, cursor, keys: &keys, scope: "", now, heard };
    let page = orderflow.poll(&conversation, &ask).await;
    let asked = script.asked.lock().unwrap();
    let strip = |url: &String| url.trim_start_matches("http://warehouse.test").to_owned();
    Pulled { page, asked: asked.iter().map(strip).collect() }
}

/// The records' items, as the transformer reads them.
fn drafts(orderflow: &Orderflow, endpoint: &str, page: &Page) -> Vec<Draft> {
    let read = |new: &NewRecord| {
        let message_id = new.headers.iter().find(|(name, _)| *name == header::SOURCE_MESSAGE_ID);
        let record = Record {
            endpoint,
            scope: None,
            message_id: message_id.map(|(_, value)| value.as_str()),
            received_at: now(),
            as_of: None,
            first_line: 1,
            body: &new.body,
        };
        orderflow.read(&record)
    };
    page.records.iter().flat_map(read).map(|item| item.draft.unwrap()).collect()
}

fn part(draft: &Draft) -> &PartDraft {
    match draft {
        Draft::Part(draft) => draft,
        Draft::Skip { what, reason } => panic!("{what}: {reason}"),
        Draft::Removed(removed) => panic!("{removed:?}"),
    }
}

const LEEDS: &str = r#"<inventory>
  <product inventoryId="71" externalReference="MUG-RED" site="LEEDS" total="40" allocated="6" available="31"
    frozen="1" inspection="0" damaged="1" quarantined="1" onOrder="24" lastStockChangeId="9001" lastLineRequirementChangeId="8123"/>
</inventory>"#;

#[tokio::test]
async fn inventory_pull() {
    let of = orderflow(PullConfig::default());
    let found = pulled(&of, INVENTORY, (None, &[]), &[(200, LEEDS)]).await;
    assert_eq!(found.asked, ["/remotewarehouse/inventory.xml?organisation=acme&channel=web"]);
    let page = found.page.unwrap();
    assert_eq!((page.more, &page.cursor), (false, &None));
    // With counters of its own it stands still while nothing changes, whatever else is heard.
    assert_eq!(page.records[0].headers, [(header::SCOPE, "acme".to_owned())]);
    let drafts = drafts(&of, INVENTORY, &page);
    let draft = part(&drafts[0]);
    assert_eq!((draft.sequence.0, draft.clock.0.as_str()), (17_124, "stock-change"));
    assert_eq!(draft.part.subject().to_string(), "product/MUG-RED/stock/LEEDS");
}

#[tokio::test]
async fn inventory_pull_by_reference() {
    let of = orderflow(PullConfig::default());
    let found = pulled(&of, INVENTORY, (None, &["MUG-RED", "A B"]), &[(200, LEEDS)]).await;
    assert_eq!(
        found.asked,
        [
            "/remotewarehouse/inventory.xml?organisation=acme&channel=web&externalReferences=MUG-RED%2CA%20B"
        ]
    );
    assert_eq!(found.page.unwrap().records.len(), 1);
    // A reference that cannot stand in a list, or a wake of all there is, is a pull of everything.
    for key in ["A,B", ""] {
        let found = pulled(&of, INVENTORY, (None, &["C", key]), &[(200, LEEDS)]).await;
        assert!(!found.asked[0].contains("externalReferences"), "{key}");
    }
}

#[tokio::test]
async fn inventory_pull_of_several_sites() {
    let sites = vec!["LEEDS".to_owned(), "YORK".to_owned()];
    let of = orderflow(PullConfig { sites, ..PullConfig::default() });
    let first = pulled(&of, INVENTORY, (None, &[]), &[(200, LEEDS)]).await;
    let page = first.page.unwrap();
    assert!(first.asked[0].ends_with("&site=LEEDS"), "{}", first.asked[0]);
    assert_eq!((page.more, page.cursor.as_deref()), (true, Some("YORK")));
    let second =
        pulled(&of, INVENTORY, (page.cursor.as_deref(), &[]), &[(200, "<inventory/>")]).await;
    let page = second.page.unwrap();
    assert!(second.asked[0].ends_with("&site=YORK"));
    assert_eq!((page.more, page.cursor.as_deref(), page.records.len()), (false, Some("LEEDS"), 0));
    let named = pulled(&of, INVENTORY, (None, &["A"]), &[(200, LEEDS), (200, LEEDS)]).await;
    assert_eq!((named.asked.len(), named.page.unwrap().records.len()), (2, 2));
}

#[tokio::test]
async fn a_large_inventory_becomes_records_of_five_hundred() {
    let product = |n: u32| format!("<product externalReference=\"P{n}\" available=\"1\"/>");
    let body: Vec<String> = (0..1_001).map(product).collect();
    let body = format!("<inventory at=\"x\">{}</inventory>", body.concat());
    let of = orderflow(PullConfig::default());
    let page = pulled(&of, INVENTORY, (None, &[]), &[(200, &body)]).await.page.unwrap();
    let items: Vec<_> = page.records.iter().map(|record| record.items).collect();
    assert_eq!(items, [Some(500), Some(500), Some(1)]);
    assert!(
        page.records[2]
            .body
            .starts_with(b"<inventory at=\"x\"><product externalReference=\"P1000\"")
    );
    let drafts = drafts(&of, INVENTORY, &page);
    assert_eq!(drafts.len(), 1_001);
    // Without counters its place is behind what was heard before.
    let draft = part(&drafts[0]);
    assert_eq!((draft.sequence.0, draft.clock.0.as_str()), (1_500, "message-id"));
}

#[tokio::test]
async fn order_detail() {
    let body = r#"<order externalReference="WEB-1001" state="created">
      <shipments>
        <shipment sequence="1" state="ready" externalReference="WEB-1001" earliestShipDate="2024-03-02" courier="royalmail">
          <orderLines><orderLine product="MUG-RED" quantity="2" state="created"/></orderLines>
        </shipment>
      </shipments>
    </order>"#;
    let of = orderflow(PullConfig::default());
    let found = pulled(&of, ORDER, (None, &["WEB-1001"]), &[(200, body)]).await;
    assert_eq!(
        found.asked,
        ["/remoteorder/order/detail.xml?externalReference=WEB-1001&channel=web"]
    );
    let drafts = drafts(&of, ORDER, &found.page.unwrap());
    let draft = part(&drafts[0]);
    assert_eq!(draft.part.subject().to_string(), "order/WEB-1001/shipment/WEB-1001");
    assert_eq!((draft.sequence.0, draft.clock.0.as_str()), (1_500, "message-id"));
    assert_eq!(drafts.len(), 1);
}

const DESPATCHES: &str = r#"<shipments>
  <shipment>
    <reference>WEB-1001_S1</reference>
    <orderReference>WEB-1001</orderReference>
    <originatingOrderReference>1001</originatingOrderReference>
    <state>despatched</state>
    <courier>metapack</courier><carrier>Royal Mail</carrier><service>Tracked 48</service>
    <despatchReference>AB123456789GB</despatchReference>
    <trackingUrl>https://track.example.test/AB123456789GB</trackingUrl>
    <completed>2026-07-02 10:40:10</completed>
    <packages><package despatchReference="AB123456789GB"/><package despatchReference="AB2"/></packages>
    <orderLines>
      <orderLine><productReference>MUG-RED</productReference><quantity>2</quantity><thirdPartyReference>L-1</thirdPartyReference></orderLine>
    </orderLines>
  </shipment>
  <shipment><reference>S2</reference><orderReference>O2</orderReference><completed>2026-07-02 10:50:00</completed></shipment>
</shipments>"#;

#[tokio::test]
async fn despatched_shipments() {
    let of = orderflow(PullConfig::default());
    let found = pulled(&of, super::DESPATCHES, (None, &[]), &[(200, DESPATCHES)]).await;
    assert_eq!(
        found.asked,
        ["/remoteorder/shipment/despatches.xml?channel=web&from=2026-07-01%2011%3A00%3A00\
          &to=2026-07-03%2011%3A00%3A00&includeOrderLines=true"]
    );
    let page = found.page.unwrap();
    assert_eq!(page.cursor.as_deref(), Some(r#"{"completed":"2026-07-02T10:50:00"}"#));
    let drafts = drafts(&of, super::DESPATCHES, &page);
    let draft = part(&drafts[0]);
    assert_eq!((draft.sequence.0, draft.clock.0.as_str()), (1_500, "message-id"));
    let json: serde_json::Value = serde_json::from_str(&draft.part.to_json()).unwrap();
    let expected = serde_json::json!({
        "order": "WEB-1001", "reference": "WEB-1001_S1", "state": "despatched", "despatched": true,
        "carrier": "Royal Mail", "service": "Tracked 48",
        "tracking": [
            { "number": "AB123456789GB", "url": "https://track.example.test/AB123456789GB" },
            { "number": "AB2" },
        ],
        "lines": [{ "sku": "MUG-RED", "quantity": "2" }],
        "despatched_at": "2026-07-02T09:40:10Z",
        "extensions": { "orderflow": { "originatingOrderReference": "1001", "courier": "metapack" } },
    });
    assert_eq!(json, expected);
    let next =
        pulled(&of, super::DESPATCHES, (page.cursor.as_deref(), &[]), &[(200, "<shipments/>")])
            .await;
    assert!(next.asked[0].contains("&from=2026-07-02%2010%3A40%3A00&"), "{}", next.asked[0]);
    // Nothing new: the cursor stays.
    assert_eq!(next.page.unwrap().cursor, page.cursor);
}

#[tokio::test]
async fn a_shipment_dated_ahead_is_told_of_and_the_cursor_stays_behind_it() {
    let of = orderflow(PullConfig::default());
    let ahead = DESPATCHES.replace("2026-07-02 10:40:10", "2026-07-02 23:00:00");
    let found = pulled(&of, super::DESPATCHES, (None, &[]), &[(200, &ahead)]).await;
    let page = found.page.unwrap();
    assert_eq!(page.cursor.as_deref(), Some(r#"{"completed":"2026-07-02T11:00:00"}"#));
    assert_eq!(page.ahead, "2026-07-02T22:00:00Z".parse().ok());
}

async fn refused(status: u16, body: &str) -> Failure {
    let of = orderflow(PullConfig::default());
    let found = pulled(&of, INVENTORY, (None, &[]), &[(status, body)]).await;
    found.page.unwrap_err()
}

#[tokio::test]
async fn a_status_of_400_and_above_fails_the_pull() {
    let failure = refused(503, "down for maintenance").await;
    assert_eq!((failure.kind, failure.unread), (FailureKind::Unavailable, false));
    assert!(failure.detail.contains("down for maintenance"), "{}", failure.detail);
    assert_eq!(refused(401, "no").await.kind, FailureKind::Auth);
}

#[tokio::test]
async fn an_error_root_fails_the_pull() {
    let failure = refused(200, "<error>no such channel</error>").await;
    assert_eq!(failure.rule.as_deref(), Some("orderflow: error root"));
    assert_eq!((failure.detail.as_str(), failure.unread), ("no such channel", false));
}

#[tokio::test]
async fn an_exception_child_fails_the_pull() {
    let body = "<result><exception>rtd.exceptions.MissingDataException</exception></result>";
    let failure = refused(200, body).await;
    assert_eq!(failure.rule.as_deref(), Some("orderflow: MissingDataException"));
    assert_eq!(failure.kind, FailureKind::MissingReference);
}

#[tokio::test]
async fn an_exception_with_a_message_beside_it_fails_the_pull_in_the_messages_words() {
    let body = "<result><exception>x.Y</exception><message>Order NOPE not found</message></result>";
    assert_eq!(refused(200, body).await.detail, "Order NOPE not found");
}

/// The exception is a child of the root, whatever the root is called: also of the list itself.
#[tokio::test]
async fn an_exception_inside_the_list_that_was_asked_for_fails_the_pull_and_no_cursor_moves() {
    let pending = ScheduleConfig::every(std::time::Duration::from_mins(1));
    let of = orderflow(PullConfig { pending: Some(pending), ..PullConfig::default() });
    let seen = r#"{"seen":{"WEB-1":7}}"#;
    for (endpoint, cursor, keys, root) in [
        (INVENTORY, None, &[][..], "inventory"),
        (INVENTORY, None, &["MUG"][..], "inventory"),
        (super::DESPATCHES, Some(r#"{"completed":"2026-01-01T00:00:00"}"#), &[][..], "shipments"),
        (PENDING, Some(seen), &[][..], "shipments"),
        (ORDER, None, &["WEB-1"][..], "order"),
    ] {
        for exception in
            ["<exception>rtd.X</exception>", "<exception/>", "<exception class=\"X\"/>"]
        {
            let body = format!("<{root}>{exception}</{root}>");
            let found = pulled(&of, endpoint, (cursor, keys), &[(200, &body)]).await;
            let failure = found.page.unwrap_err();
            assert_eq!(failure.rule.as_deref(), Some("orderflow: exception child"), "{body}");
        }
    }
    let other =
        pulled(&of, INVENTORY, (None, &[]), &[(200, "<inventory><exceptions/></inventory>")]);
    other.await.page.unwrap();
}

#[tokio::test]
async fn an_html_error_page_fails_the_pull() {
    let plain = "<html><body><h2>ERROR 17</h2><p>broken</p></body></html>";
    let as_served = "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"x.dtd\">\
        <html><head><meta name=layout></head><body><h2>ERROR</h2><p>broken<br></body></html>";
    for body in [plain, as_served] {
        let failure = refused(200, body).await;
        assert_eq!(failure.rule.as_deref(), Some("orderflow: HTML error page"));
        assert_eq!(failure.detail, "broken");
    }
}

#[tokio::test]
async fn an_answer_that_is_something_else_fails_the_pull_and_loses_nothing() {
    for body in
        ["", "<inventory><product", "<orders/>", "<html><br></html>", "<html><body/></html>"]
    {
        let failure = refused(200, body).await;
        assert_eq!((failure.kind, failure.unread), (FailureKind::Unavailable, false), "{body}");
    }
    let of = reports::with_report(None, &[]);
    for body in [
        "<error>no</error>",
        "<html><body><h2>ERROR</h2></body></html>",
        "<r><exception>x</exception></r>",
    ] {
        let found = pulled(&of, "report-returns", (None, &[]), &[(200, body)]).await;
        assert!(found.page.is_err(), "{body}");
    }
}
