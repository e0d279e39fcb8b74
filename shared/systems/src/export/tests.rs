//! Rows, documents, and the folder they are put into.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::Duration,
};

use ferry_canonical::{Facet, FailureKind, Part};
use ferry_config::{
    HumanDuration, Secret,
    export::{ExportConfig, ExportContent, ExportPart, ExportWay},
    system::{ChangedOrders, Delimiter, Limits, Mapping, OrderflowConfig, PullConfig},
};
use tempfile::TempDir;

use super::*;

fn part(program: &str) -> BTreeMap<String, ExportPart> {
    let mapping = Mapping { name: "m.jq".to_owned(), program: program.to_owned() };
    BTreeMap::from([("orders".to_owned(), ExportPart { facet: Facet::Placed, mapping })])
}

fn csv(delimiter: Delimiter, program: &str) -> ExportContent {
    let columns = ["order", "line", "note"].map(str::to_owned).to_vec();
    ExportContent::Csv { columns, delimiter, parts: part(program) }
}

fn xml(program: &str) -> ExportContent {
    let (head, tail) = ("<orders>".to_owned(), "</orders>".to_owned());
    ExportContent::Xml { head, tail, parts: part(program) }
}

fn config(content: ExportContent, folder: &Path) -> ExportConfig {
    ExportConfig {
        content,
        name: "orders-{number}.txt".to_owned(),
        way: ExportWay::Folder(folder.to_owned()),
        schedule: None,
        flush_at: Some(1),
        flush_after: None,
        parts_max: 10,
        overdue_after: HumanDuration::from_secs(60),
        timeout: HumanDuration::from_secs(10),
        limits: Limits::default(),
    }
}

fn export(content: ExportContent) -> Export {
    Export::new(&config(content, Path::new("unused"))).unwrap()
}

fn order(identifier: &str, notes: &str) -> Part {
    let json = serde_json::json!({
        "identifier": identifier, "placed_at": "2026-01-01T00:00:00Z", "currency": "GBP",
        "customer": {"name": "Ada"},
        "shipping_address": {"street": "1 High St", "city": "Leeds", "country": "GB"},
        "lines": [
            {"number": 1, "sku": "MUG", "quantity": "1", "unit_price": "5", "total": "5"},
            {"number": 2, "sku": "TEA", "quantity": "2", "unit_price": "1", "total": "2"},
        ],
        "totals": {"subtotal": "7", "total": "7"}, "notes": notes,
    });
    Part::from_json(Facet::Placed, json.to_string().as_bytes()).unwrap()
}

/// The text of the rows, and their count.
fn rows(export: &Export, part: &Part) -> (String, u64) {
    match export.render(part).unwrap() {
        Rendered::Rows { text, count, .. } => (String::from_utf8(text).unwrap(), count),
        Rendered::Nothing(reason) => panic!("{reason}"),
    }
}

fn refused(export: &Export) -> String {
    let failure = export.render(&order("WEB-1", "secret words")).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Validation);
    assert!(!failure.detail.contains("secret words"), "{}", failure.detail);
    failure.detail
}

#[test]
fn rows_of_csv_stand_under_their_columns_whatever_is_in_them() {
    let export = export(csv(Delimiter::Comma, "{note: .notes, order: .identifier, line: 1}"));
    assert_eq!(export.head(), b"order,line,note\r\n");
    let (text, count) = rows(&export, &order("WEB-1", "say \"hi\",\nthen go"));
    assert_eq!((text.as_str(), count), ("WEB-1,1,\"say \"\"hi\"\",\nthen go\"\r\n", 1));
}

#[test]
fn a_part_may_be_several_rows_and_what_is_not_said_is_empty() {
    let program = "[.identifier as $order | .lines[] | {order: $order, line: .number, note: null}]";
    let export = export(csv(Delimiter::Semicolon, program));
    let (text, count) = rows(&export, &order("WEB-1", ""));
    assert_eq!((text.as_str(), count), ("WEB-1;1;\r\nWEB-1;2;\r\n", 2));
}

#[test]
fn the_sample_mapping_makes_a_row_of_each_line_of_an_order() {
    let program = include_str!("../../../../ops/mappings/order-to-accounts.jq");
    let columns = ["order", "placed", "line", "sku", "quantity", "total", "currency"];
    let columns = columns.map(str::to_owned).to_vec();
    let delimiter = Delimiter::Comma;
    let export = export(ExportContent::Csv { columns, delimiter, parts: part(program) });
    let (text, count) = rows(&export, &order("WEB-1", ""));
    let expected = "WEB-1,2026-01-01,1,MUG,1,5,GBP\r\nWEB-1,2026-01-01,2,TEA,2,2,GBP\r\n";
    assert_eq!((text.as_str(), count), (expected, 2));
}

#[test]
fn a_part_of_which_the_mapping_makes_nothing_is_skipped_with_a_reason() {
    for program in ["empty", "[]"] {
        let export = export(csv(Delimiter::Comma, program));
        let rendered = export.render(&order("WEB-1", "")).unwrap();
        assert_eq!(rendered, Rendered::Nothing("mapping m.jq gives nothing for it".to_owned()));
    }
}

#[test]
fn a_row_that_does_not_fit_its_columns_says_which_and_repeats_no_value() {
    let cases = [
        ("{order: 1, nope: .notes}", "`nope` is no column; expected order, line, note"),
        ("{order: [.notes]}", "column `order`: expected a text"),
        (".notes", "expected an object of the columns"),
        ("[.notes]", "expected an object of the columns"),
    ];
    for (program, expected) in cases {
        let told = refused(&export(csv(Delimiter::Comma, program)));
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn an_element_of_xml_is_what_the_mapping_says_escaped_by_it() {
    let program = r#"@html "<order id=\"\(.identifier)\">\(.notes)</order>""#;
    let export = export(xml(program));
    let (text, _) = rows(&export, &order("A&1", "<b> 'x'"));
    let document = [export.head(), text.clone().into_bytes(), export.tail()].concat();
    let root = crate::xml::well_formed(&document).unwrap();
    let order = root.child("order").unwrap();
    assert_eq!(order.attribute("id"), Some("A&1"));
    assert_eq!(order.text, "<b> 'x'");
}

#[test]
fn what_is_no_element_is_refused_for_itself_before_it_spoils_a_document() {
    for program in [
        r#""<order>\(.notes)""#,
        r#""<order/><order/>""#,
        r#""<order><\(.notes)></order>""#,
        r#""<?xml version=\"1.0\"?><order/>""#,
        ".notes",
        "{order: 1}",
    ] {
        refused(&export(xml(program)));
    }
}

#[test]
fn a_head_and_a_tail_that_do_not_fit_together_are_no_export() {
    let (head, tail) = ("<orders>".to_owned(), "</order>".to_owned());
    let content = ExportContent::Xml { head, tail, parts: part(".") };
    let refused = Export::new(&config(content, Path::new("unused"))).unwrap_err();
    assert!(refused.starts_with("head and tail are no document: "), "{refused}");
}

#[test]
fn orderflow_documents_are_those_that_would_be_sent() {
    let content = ExportContent::Orderflow(Box::new(OrderflowConfig {
        base_url: "http://warehouse.test".to_owned(),
        organisation: "acme".to_owned(),
        channel: "web".to_owned(),
        time_zone: "Europe/London".to_owned(),
        user: Secret::new("ferry"),
        password: Secret::new("pw"),
        push: None,
        changed_orders: ChangedOrders::Amend,
        writes: Box::default(),
        pull: PullConfig::default(),
        responses: Vec::new(),
        limits: Limits::default(),
    }));
    let export = export(content);
    let texts = ["WEB-1", "WEB-2"].map(|id| rows(&export, &order(id, "")).0.into_bytes());
    let document = [export.head(), texts.concat(), export.tail()].concat();
    let root = crate::xml::well_formed(&document).unwrap();
    assert_eq!(root.name, "imports");
    let references: Vec<_> = root
        .children
        .iter()
        .map(|import| {
            assert_eq!(import.attribute("type"), Some("order"));
            assert!(import.text.contains("orderLine"), "{}", import.text);
            import.attribute("externalReference").unwrap()
        })
        .collect();
    assert_eq!(references, ["WEB-1", "WEB-2"]);
}

#[test]
fn a_facet_that_nothing_renders_is_unsupported() {
    let export = export(csv(Delimiter::Comma, "."));
    let cancelled = br#"{"order":"WEB-1","cancelled_at":"2026-01-01T00:00:00Z"}"#;
    let cancelled = Part::from_json(Facet::Cancellation, cancelled).unwrap();
    assert_eq!(export.render(&cancelled).unwrap_err().kind, FailureKind::Unsupported);
}

fn document(name: &str, body: &str) -> Document {
    Document {
        id: Uuid::from_u128(7),
        attempt: Uuid::from_u128(1),
        name: name.to_owned(),
        media_type: "text/csv".to_owned(),
        body: body.to_owned().into(),
    }
}

async fn put(folder: &TempDir, document: &Document) -> Result<Option<String>, Failure> {
    folder::put(folder.path(), document, Duration::from_secs(10)).await
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_document_appears_whole_under_its_name_and_nothing_else_stays() {
    let folder = tempfile::tempdir().unwrap();
    // What a try before this one has left.
    let left = format!(".ferry-{}-{}.part", Uuid::from_u128(7), Uuid::nil());
    fs::write(folder.path().join(left), "a much longer beginning of something").unwrap();

    assert_eq!(put(&folder, &document("orders-1.csv", "a,b\r\n")).await, Ok(None));

    assert_eq!(names(&folder), ["orders-1.csv"]);
    let written = fs::read_to_string(folder.path().join("orders-1.csv")).unwrap();
    assert_eq!(written, "a,b\r\n");
}

#[tokio::test]
async fn a_try_that_was_given_up_has_no_hand_in_the_file_of_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let document = document("orders-1.csv", "a,b\r\n");
    let hidden = format!(".ferry-{}-{}.part", document.id, document.attempt);
    let mut given_up = File::create(folder.path().join(hidden)).unwrap();

    put(&folder, &document).await.unwrap();
    given_up.write_all(b"a").unwrap();

    let written = fs::read_to_string(folder.path().join("orders-1.csv")).unwrap();
    assert_eq!((written.as_str(), names(&folder).len()), ("a,b\r\n", 1));
}

#[tokio::test]
async fn a_document_that_is_there_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let document = document("orders-1.csv", "a,b\r\n");
    put(&folder, &document).await.unwrap();
    let path = folder.path().join("orders-1.csv");
    let before = fs::metadata(&path).unwrap();
    // Whoever has it open keeps it: it is the same file afterwards.
    let again = put(&folder, &document).await.unwrap();
    assert!(again.unwrap().contains("already"));
    assert_eq!(fs::metadata(&path).unwrap().ino(), before.ino());
}

#[tokio::test]
async fn a_file_with_another_content_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    for other in ["x,y\r\n", "longer than that\r\n"] {
        fs::write(folder.path().join("orders-1.csv"), other).unwrap();
        let failure = put(&folder, &document("orders-1.csv", "a,b\r\n")).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Conflict);
        assert_eq!(fs::read_to_string(folder.path().join("orders-1.csv")).unwrap(), other);
    }
    assert_eq!(names(&folder), ["orders-1.csv"]);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_a_way_that_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let document = document("orders-1.csv", "a");
    let failure = folder::put(&gone, &document, Duration::from_secs(10)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Connection);
    assert!(failure.detail.contains("gone"), "{}", failure.detail);
    assert_eq!(folder::probe(&gone).unwrap_err().kind, FailureKind::Connection);
    assert_eq!(folder::probe(folder.path()), Ok(()));
}
