//! Reports: how far back each asks, and what rows become.

use super::*;
use crate::BadItem;

fn mapping(program: &str) -> Mapping {
    Mapping { name: "m.jq".to_owned(), program: program.to_owned() }
}

pub(super) fn with_report(rows: Option<(Facet, Mapping)>, group: &[&str]) -> Orderflow {
    let report = ReportConfig {
        key: "return_line_api_report".to_owned(),
        reference: None,
        organisation_id: Some("7".to_owned()),
        back: HumanDuration::from_secs(86_400),
        schedule: ScheduleConfig::every(std::time::Duration::from_mins(1)),
        rows,
        group: group.iter().map(|field| (*field).to_owned()).collect(),
    };
    let reports = [("returns".to_owned(), report)].into();
    orderflow(PullConfig { reports, ..PullConfig::default() })
}

#[tokio::test]
async fn report_export() {
    let body = "<returns><return><orderReference>A</orderReference><product>MUG</product><quantity>1</quantity>\
                <note>7</note></return></returns>";
    let plain = with_report(None, &[]);
    let found = pulled(&plain, "report-returns", (None, &[]), &[(200, body)]).await;
    assert_eq!(
        found.asked,
        ["/remote/report.xml?reportKey=return_line_api_report&startDate=2026-07-01%2011%3A00%3A00\
          &endDate=2026-07-02%2011%3A00%3A00&organisation_id=7"]
    );
    let page = found.page.unwrap();
    let skipped = drafts(&plain, "report-returns", &page);
    assert!(
        matches!(&skipped[..], [Draft::Skip { what, .. }] if what == "report returns with 1 rows")
    );
    let program = "{order: .orderReference, reference: .note, lines: [{sku: .product, quantity}]}";
    let mapped = with_report(Some((Facet::Return, mapping(program))), &[]);
    let drafts = drafts(&mapped, "report-returns", &page);
    let Part::OrderReturn(returned) = &part(&drafts[0]).part else { panic!() };
    assert_eq!((returned.order.as_str(), returned.reference.as_str()), ("A", "7"));
    let missing = pulled(&plain, "report-none", (None, &[]), &[]).await.page.unwrap_err();
    assert_eq!(missing.kind, FailureKind::Unsupported);
}

/// The span of the only question.
async fn span(of: &Orderflow, cursor: Option<&str>) -> String {
    let found = pulled(of, "report-returns", (cursor, &[]), &[(200, "<returns/>")]).await;
    let (_, span) = found.asked[0].split_once("&startDate=").unwrap();
    span.split_once("&organisation_id").unwrap().0.replace("%20", " ").replace("%3A", ":")
}

#[tokio::test]
async fn a_report_is_asked_for_from_before_it_was_read_last() {
    let of = with_report(None, &[]);
    let first = pulled(&of, "report-returns", (None, &[]), &[(200, "<returns/>")]).await;
    let cursor = first.page.unwrap().cursor;
    assert_eq!(cursor.as_deref(), Some("2026-07-02T10:00:00Z"));
    assert_eq!(span(&of, None).await, "2026-07-01 11:00:00&endDate=2026-07-02 11:00:00");
    // After a weekend, or days without Ferry.
    let read = Some("2026-06-29T10:00:00Z");
    assert_eq!(span(&of, read).await, "2026-06-28 11:00:00&endDate=2026-07-02 11:00:00");
    // A clock that was set back hides nothing.
    let ahead = Some("2026-08-01T10:00:00Z");
    assert_eq!(span(&of, ahead).await, "2026-07-01 11:00:00&endDate=2026-07-02 11:00:00");
    let unread = pulled(&of, "report-returns", (Some("yesterday"), &[]), &[]).await;
    assert!(unread.page.unwrap_err().detail.contains("RFC 3339"));
}

/// A return of two lines, and one of one.
const LINES: &str = "<returns>\
    <return><orderReference>A</orderReference><id>7</id><product>MUG</product><quantity>1</quantity></return>\
    <return><orderReference>A</orderReference><id>8</id><product>TEA</product><quantity>3</quantity></return>\
    <return><orderReference>A</orderReference><id>7</id><product>TEA</product><quantity>2</quantity></return>\
    </returns>";

async fn items(of: &Orderflow, body: &str) -> Vec<crate::Item> {
    let page = pulled(of, "report-returns", (None, &[]), &[(200, body)]).await.page.unwrap();
    let record = Record {
        endpoint: "report-returns",
        scope: None,
        message_id: None,
        received_at: now(),
        as_of: None,
        first_line: 1,
        body: &page.records[0].body,
    };
    of.read(&record)
}

#[tokio::test]
async fn the_rows_of_one_part_become_it_together() {
    let program = "{order: .[0].orderReference, reference: .[0].id, \
                   lines: [.[] | {sku: .product, quantity}]}";
    let of = with_report(Some((Facet::Return, mapping(program))), &["orderReference", "id"]);
    let items = items(&of, LINES).await;
    let returned = |index: usize| {
        let draft: &crate::Item = &items[index];
        let Ok(Draft::Part(draft)) = &draft.draft else { panic!("{draft:?}") };
        let Part::OrderReturn(returned) = &draft.part else { panic!() };
        let lines: Vec<_> = returned.lines.iter().map(|line| line.sku.clone()).collect();
        (returned.reference.clone(), lines.join(" "))
    };
    assert_eq!(items.len(), 2);
    assert_eq!(returned(0), ("7".to_owned(), "MUG TEA".to_owned()));
    assert_eq!(returned(1), ("8".to_owned(), "TEA".to_owned()));
}

#[tokio::test]
async fn rows_that_contradict_each_other_about_a_part_are_a_dead_letter_and_none_is_taken() {
    let program = "{order: .orderReference, reference: .id, lines: [{sku: .product, quantity}]}";
    let of = with_report(Some((Facet::Return, mapping(program))), &[]);
    let items = items(&of, LINES).await;
    assert_eq!(items.len(), 2);
    let BadItem { kind, detail, fragment, .. } = items[0].draft.as_ref().unwrap_err();
    assert_eq!(*kind, FailureKind::Validation);
    assert!(detail.starts_with("2 rows say order/A/return/7, and not the same"), "{detail}");
    assert!(matches!(&items[1].draft, Ok(Draft::Part(_))));
    // Both rows go again together.
    let fragment = String::from_utf8_lossy(fragment);
    assert!(fragment.contains("MUG") && fragment.contains("<quantity>2</quantity>"), "{fragment}");
    assert!(!fragment.contains("<id>8</id>"));
}

#[tokio::test]
async fn a_row_that_stands_there_twice_is_taken_once() {
    let row = "<return><orderReference>A</orderReference><id>7</id></return>";
    let of = with_report(
        Some((Facet::Return, mapping("{order: .orderReference, reference: .id}"))),
        &[],
    );
    let items = items(&of, &format!("<returns>{row}{row}</returns>")).await;
    assert!(matches!(&items[0].draft, Ok(Draft::Part(_))));
    assert!(matches!(&items[1].draft, Ok(Draft::Skip { .. })));
}
