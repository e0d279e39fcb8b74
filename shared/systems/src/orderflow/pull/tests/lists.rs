//! Lists of shipments: what they wake, and how far they were read.

use super::*;

/// The list of what has left.
const LEFT: &str = super::super::DESPATCHES;

#[tokio::test]
async fn pending_shipments() {
    let of = orderflow(PullConfig::default());
    let shipment = |order: &str, state: &str| {
        format!(
            "<shipment><created>2026-07-02 09:00:00</created><reference>{order}_S</reference>\
                 <orderReference>{order}</orderReference><state>{state}</state></shipment>"
        )
    };
    let list = |a: &str, b: &str| {
        format!("<shipments>{}{}</shipments>", shipment("A", a), shipment("B", b))
    };
    let found = pulled(&of, PENDING, (None, &[]), &[(200, &list("ready", "ready"))]).await;
    assert_eq!(found.asked, ["/remoteorder/shipment/pending.xml?channel=web"]);
    let page = found.page.unwrap();
    let woken = |page: &Page| {
        page.wakes.iter().map(|wake| format!("{} {}", wake.endpoint, wake.key)).collect::<Vec<_>>()
    };
    assert_eq!(woken(&page), ["order A", "order B"]);
    let drafts = drafts(&of, PENDING, &page);
    assert!(matches!(&drafts[..], [Draft::Skip { what, .. }] if what == "2 pending shipments"));
    let cursor = page.cursor.as_deref();
    let next = pulled(&of, PENDING, (cursor, &[]), &[(200, &list("ready", "released"))]).await;
    let page = next.page.unwrap();
    assert_eq!(woken(&page), ["order B"]);
    // What is on the list no more has left or was cancelled: its detail says which.
    let cursor = page.cursor.as_deref();
    let body = format!("<shipments>{}</shipments>", shipment("B", "released"));
    let next = pulled(&of, PENDING, (cursor, &[]), &[(200, &body)]).await;
    assert_eq!(woken(&next.page.unwrap()), ["order A"]);
}

fn list(orders: impl Iterator<Item = u32>) -> String {
    let row = |n: u32| format!("<shipment><orderReference>W-{n}</orderReference></shipment>");
    let rows: Vec<String> = orders.map(row).collect();
    format!("<shipments>{}</shipments>", rows.concat())
}

#[tokio::test]
async fn an_order_that_is_gone_from_a_long_list_is_missed() {
    let of = orderflow(PullConfig::default());
    let all = list(0..5_200);
    let page = pulled(&of, PENDING, (None, &[]), &[(200, &all)]).await.page.unwrap();
    let cursor = page.cursor.as_deref();
    let left = list((0..5_200).filter(|n| *n != 5_150));
    let page = pulled(&of, PENDING, (cursor, &[]), &[(200, &left)]).await.page.unwrap();
    let woken: Vec<_> = page.wakes.iter().map(|wake| wake.key.as_str()).collect();
    assert_eq!(woken, ["W-5150"]);
}

#[tokio::test]
async fn a_list_that_is_longer_than_what_is_remembered_fails_and_says_so() {
    let of = orderflow(PullConfig::default());
    let failure = pulled(&of, PENDING, (None, &[]), &[(200, &list(0..50_001))]).await;
    let failure = failure.page.unwrap_err();
    assert_eq!(failure.kind, FailureKind::TooLarge);
    assert!(failure.detail.contains("50001 orders; at most 50000"), "{}", failure.detail);
}

#[tokio::test]
async fn a_first_list_of_what_has_left_that_is_empty_is_read_on_from_where_it_began() {
    let of = orderflow(PullConfig::default());
    let found = pulled(&of, LEFT, (None, &[]), &[(200, "<shipments/>")]).await;
    let cursor = found.page.unwrap().cursor;
    assert_eq!(cursor.as_deref(), Some(r#"{"completed":"2026-07-01T11:00:00"}"#));
}

#[tokio::test]
async fn a_cursor_a_person_set_is_read_and_one_nobody_can_read_is_told() {
    let of = orderflow(PullConfig::default());
    let set = (Some("2026-07-02T09:00:00Z"), &[][..]);
    let found = pulled(&of, LEFT, set, &[(200, "<shipments/>")]).await;
    assert!(found.asked[0].contains("&from=2026-07-02%2009%3A50%3A00&"), "{}", found.asked[0]);
    let unread = pulled(&of, LEFT, (Some("yesterday"), &[]), &[]).await;
    assert!(unread.page.unwrap_err().detail.contains("RFC 3339"));
}

#[tokio::test]
async fn what_the_list_says_of_a_shipment_is_more_than_its_orders_detail_does() {
    let of = orderflow(PullConfig::default());
    let listed = pulled(&of, LEFT, (None, &[]), &[(200, DESPATCHES)]);
    let listed = drafts(&of, LEFT, &listed.await.page.unwrap());
    let detail = r#"<order externalReference="WEB-1001" state="despatched"><shipments>
      <shipment state="despatched" externalReference="WEB-1001_S1" courier="metapack" despatchReference="AB123456789GB">
        <orderLines><orderLine product="MUG-RED" quantity="2"/></orderLines></shipment></shipments></order>"#;
    let page = pulled(&of, ORDER, (None, &["WEB-1001"]), &[(200, detail)]).await.page.unwrap();
    let (listed, told) = (part(&listed[0]).part.clone(), drafts(&of, ORDER, &page));
    let told = &part(&told[0]).part;
    assert!(told.is_brief() && !listed.is_brief());
    assert_eq!(told.over(&listed).fingerprint(), listed.fingerprint());
}

#[tokio::test]
async fn a_cancellation_that_a_detail_shows_is_not_another_than_the_one_that_was_told() {
    let of = orderflow(PullConfig::default());
    let detail = r#"<order externalReference="W-1" state="cancelled"/>"#;
    let page = pulled(&of, ORDER, (None, &["W-1"]), &[(200, detail)]).await.page.unwrap();
    let seen = drafts(&of, ORDER, &page);
    let push = r#"<event messageId="9" eventType="order_cancelled" eventTime="2026-07-02 09:00:00">
      <detail><order externalReference="W-1"/></detail></event>"#;
    let record = Record {
        endpoint: "push",
        scope: None,
        message_id: None,
        received_at: now(),
        as_of: None,
        first_line: 1,
        body: push.as_bytes(),
    };
    let told: Vec<Draft> = of.read(&record).into_iter().map(|item| item.draft.unwrap()).collect();
    let told = &part(&told[0]).part;
    assert_eq!(part(&seen[0]).part.over(told).fingerprint(), told.fingerprint());
    let Part::OrderCancellation(told) = told else { panic!() };
    assert_eq!((told.brief, told.reason.as_deref()), (false, Some("order_cancelled")));
}
