use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::oro::document::Resource;

fn change(kind: &'static str) -> Call {
    Call::change("write", Resource::with_id(kind, "1"), Vec::new())
}

fn create(kind: &'static str) -> Call {
    Call::create("write", Resource::new(kind), Vec::new())
}

fn look() -> Call {
    Call::read("look", "orders")
}

fn answered(status: u16, header: (&str, &str), body: &str) -> Response {
    let headers = vec![(header.0.to_owned(), header.1.to_owned())];
    Response { status, headers, body: Bytes::from(body.to_owned()) }
}

fn bare(status: u16) -> Response {
    answered(status, ("retry-after", "7"), "")
}

/// Entries of status, title and place.
fn listed(status: u16, entries: &[(Value, &str, &str)]) -> Response {
    let entry = |(status, title, pointer): &(Value, &str, &str)| {
        json!({"status": status, "title": title, "detail": "No \"Jane\" here.",
            "source": {"pointer": pointer}})
    };
    let errors: Vec<Value> = entries.iter().map(entry).collect();
    answered(status, ("x", "y"), &json!({ "errors": errors }).to_string())
}

fn one(status: u16, title: &str, pointer: &str) -> Response {
    listed(status, &[(json!(status.to_string()), title, pointer)])
}

/// Kind, and whether it is there already.
fn told(response: &Response, call: &Call) -> (FailureKind, bool) {
    let No { failure, duplicate } = refused(response, call);
    assert!(!failure.unread || response.status >= 500, "a no is a no");
    (failure.kind, duplicate)
}

#[test]
fn every_row_of_the_table_has_its_test() {
    let rows = include_str!("../problem.rs").lines().filter_map(|line| {
        let line = line.strip_prefix("//! | ")?;
        line.rsplit_once('`')?.0.rsplit_once('`').map(|(_, test)| test)
    });
    let rows: BTreeSet<&str> = rows.collect();
    assert!(rows.len() > 20, "the table is not where it was: {rows:?}");
    let others = [
        include_str!("../batch/tests.rs"),
        include_str!("../client.rs"),
        include_str!("../shipment.rs"),
    ];
    let own = include_str!("rows.rs");
    for row in &rows {
        let is_in = |text: &&str| text.contains(&format!("fn {row}("));
        assert!(others.iter().chain([&own]).any(is_in), "no test is named `{row}`");
    }
    let tests = own.lines().filter_map(|line| line.strip_prefix("fn ")?.split_once("() {"));
    let unlisted: Vec<&str> =
        tests.map(|(test, _)| test).filter(|test| !rows.contains(test)).collect();
    assert_eq!(unlisted, ["every_row_of_the_table_has_its_test"]);
}

#[test]
fn what_the_shop_has_taken_is_taken() {
    for status in [200, 201, 204] {
        let reading = reading(&Rules::new(&[]), &bare(status), Asked::Change);
        assert_eq!(reading, Reading::ok(), "{status}");
    }
}

#[test]
fn malformed_json_is_our_own_fault() {
    let titled = one(400, "bad request http exception", "");
    assert_eq!(told(&titled, &create("orders")), (FailureKind::Internal, false));
    // So answer some versions what they cannot parse.
    let json = r#"{"code":400,"message":"Syntax error near \"Jane\""}"#;
    let plain = answered(400, ("content-type", "application/json"), json);
    assert_eq!(told(&plain, &create("orders")), (FailureKind::Internal, false));
    let detail = refused(&plain, &create("orders")).failure.detail;
    assert_eq!(detail, "Oro answered `write` with 400: Syntax error near …");
}

#[test]
fn a_structure_that_oro_refuses_is_our_own_fault() {
    let no = one(400, "request data constraint", "/data/attributes");
    assert_eq!(told(&no, &create("orders")), (FailureKind::Internal, false));
}

#[test]
fn a_value_that_oro_refuses_is_named_by_its_field() {
    let mut call = create("customeraddresses");
    call.at = Some("addresses[BILL-1]".to_owned());
    let entry = |pointer| (json!("400"), "not blank constraint", pointer);
    let places =
        ["postalCode", "postalCode", "label"].map(|name| format!("/data/attributes/{name}"));
    let no = listed(400, &places.each_ref().map(|place| entry(place.as_str())));
    assert_eq!(told(&no, &call), (FailureKind::Validation, false));
    // What is personal is not repeated, and nothing is said twice.
    assert_eq!(
        refused(&no, &call).failure.detail,
        "addresses[BILL-1].postcode: No … here. (not blank constraint); \
         addresses[BILL-1].code: No \"Jane\" here. (not blank constraint)"
    );
    let name = Resource::with_id("productnames", "n").attribute("string", "");
    let call = Call::create("create", Resource::new("products"), vec![name]);
    let no = one(400, "not blank constraint", "/included/0/attributes/string");
    assert!(refused(&no, &call).failure.detail.starts_with("name: "));
    let wrong = one(400, "form constraint", "/data/attributes/name");
    assert_eq!(told(&wrong, &change("customers")), (FailureKind::Validation, false));
}

#[test]
fn a_filter_the_shop_does_not_have_is_unsupported() {
    for title in ["filter constraint", "sort constraint"] {
        let error = json!({"status": "400", "title": title, "source": {"parameter": "filter[x]"}});
        let body = json!({ "errors": [error] }).to_string();
        let no = answered(400, ("x", "y"), &body);
        assert_eq!(told(&no, &look()), (FailureKind::Unsupported, false));
        assert!(refused(&no, &look()).failure.detail.starts_with("filter[x]: "));
    }
}

#[test]
fn a_field_the_shop_does_not_have_is_unsupported() {
    let no = one(400, "extra fields constraint", "");
    assert_eq!(told(&no, &create("orders")), (FailureKind::Unsupported, false));
}

#[test]
fn what_a_relation_names_in_vain_is_waited_for() {
    let (group, country) = ("/data/relationships/group/data", "/data/relationships/country/data");
    let form = |place| (json!("400"), "form constraint", place);
    let told = |entries: &[(Value, &str, &str)]| told(&listed(400, entries), &change("customers"));
    assert_eq!(told(&[form(group)]), (FailureKind::MissingReference, false));
    // A country will never come, and beside a wrong value nothing is waited for.
    assert_eq!(told(&[form(country)]), (FailureKind::Validation, false));
    let name = (json!("400"), "not blank constraint", "/data/attributes/name");
    assert_eq!(told(&[form(group), name]), (FailureKind::Validation, false));
}

#[test]
fn a_value_that_is_taken_is_a_duplicate() {
    let no = one(400, "unique entity constraint", "");
    assert_eq!(told(&no, &create("customers")), (FailureKind::Validation, true));
}

#[test]
fn what_is_not_allowed_is_rejected_and_says_what_may_be_missing() {
    let no = one(403, "access denied exception", "");
    assert_eq!(told(&no, &create("customers")), (FailureKind::Rejected, false));
    let detail = refused(&no, &create("customers")).failure.detail;
    assert_eq!(
        detail,
        "No … here. (access denied exception): the API client's user may not do this, or the record \
         is another organisation's"
    );
    let silent = refused(&bare(403), &look()).failure;
    assert_eq!((silent.kind, silent.status), (FailureKind::Rejected, Some(403)));
    assert_eq!(silent.detail, "Oro answered `look` with 403 and no reason");
}

#[test]
fn a_field_that_may_not_be_written_is_named() {
    let no = one(403, "access granted constraint", "/data/relationships/group/data");
    assert_eq!(told(&no, &change("customers")), (FailureKind::Rejected, false));
    assert!(refused(&no, &change("customers")).failure.detail.starts_with("group: "));
}

#[test]
fn a_record_that_is_gone_is_a_conflict_to_whom_would_change_it() {
    let no = one(404, "not found http exception", "");
    assert_eq!(told(&no, &change("customers")), (FailureKind::Conflict, false));
    assert!(refused(&no, &look()).is_not_found());
}

#[test]
fn a_resource_the_shop_does_not_have_is_unsupported() {
    let no = one(404, "entity type constraint", "");
    assert_eq!(told(&no, &look()), (FailureKind::Unsupported, false));
}

#[test]
fn an_action_that_is_switched_off_names_those_that_are_not() {
    let no = answered(405, ("allow", "GET, PATCH"), "");
    assert_eq!(told(&no, &create("inventorylevels")), (FailureKind::Internal, false));
    let detail = refused(&no, &create("inventorylevels")).failure.detail;
    assert_eq!(detail, "Oro answered `write` with 405: it takes GET, PATCH there");
}

#[test]
fn a_media_type_that_oro_refuses_is_our_own_fault() {
    for status in [406, 415] {
        assert_eq!(told(&bare(status), &create("orders")), (FailureKind::Internal, false));
    }
}

#[test]
fn a_type_or_an_id_that_differs_is_no_duplicate() {
    for place in ["/data/type", "/data/id"] {
        let no = one(409, "conflict constraint", place);
        assert_eq!(told(&no, &change("orders")), (FailureKind::Internal, false), "{place}");
    }
}

#[test]
fn what_exists_already_is_a_duplicate() {
    for place in ["", "/data/id"] {
        let no = one(409, "conflict constraint", place);
        assert_eq!(told(&no, &create("products")), (FailureKind::Conflict, true), "{place}");
    }
    assert_eq!(told(&bare(409), &create("orders")), (FailureKind::Conflict, true));
}

#[test]
fn an_upsert_that_finds_several_is_ambiguous() {
    for place in ["/meta/upsert", "/data/meta/upsert"] {
        let no = one(409, "conflict constraint", place);
        assert_eq!(told(&no, &create("orders")), (FailureKind::Ambiguous, false), "{place}");
    }
}

#[test]
fn a_shop_that_asks_for_fewer_requests_is_heard() {
    let failure = refused(&bare(429), &create("orders")).failure;
    assert_eq!((failure.kind, failure.unread), (FailureKind::RateLimited, false));
    assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
}

#[test]
fn a_shop_that_broke_leaves_open_what_it_did() {
    for (status, unread) in [(500, true), (502, true), (504, true), (302, false)] {
        let failure = refused(&bare(status), &change("orders")).failure;
        assert_eq!((failure.kind, failure.unread), (FailureKind::Unavailable, unread), "{status}");
        assert!(!refused(&bare(status), &look()).failure.unread, "a read changes nothing");
    }
    let titled = refused(&one(500, "runtime exception", ""), &change("orders")).failure;
    assert_eq!((titled.kind, titled.unread), (FailureKind::Unavailable, true));
}

#[test]
fn a_shop_in_maintenance_is_there_later() {
    let page = answered(503, ("content-type", "text/html"), "<h1>Jane is back soon</h1>");
    let failure = refused(&page, &change("orders")).failure;
    assert_eq!((failure.kind, failure.unread), (FailureKind::Unavailable, false));
    assert!(failure.detail.starts_with("it is in maintenance, or something else answers"));
    assert_eq!(refused(&bare(503), &look()).failure.retry_after, Some(Duration::from_secs(7)));
}

#[test]
fn of_several_statuses_an_entry_has_its_own() {
    let exists = (json!("409"), "conflict constraint", "");
    let wrong = (json!("400"), "not blank constraint", "/data/attributes/name");
    let denied = (json!("403"), "access granted constraint", "/data/attributes/name");
    let call = create("customers");
    // Of a list that is refused with 409, one item may just have a wrong value.
    assert_eq!(
        told(&listed(409, std::slice::from_ref(&wrong)), &call),
        (FailureKind::Validation, false)
    );
    assert_eq!(told(&listed(409, &[exists, wrong.clone()]), &call), (FailureKind::Conflict, true));
    assert_eq!(told(&listed(400, &[denied.clone(), wrong]), &call).0, FailureKind::Validation);
    assert_eq!(told(&listed(400, &[denied]), &call).0, FailureKind::Rejected);
}

#[test]
fn an_entrys_status_is_a_text_or_a_number_or_not_there() {
    for (status, kind) in [
        (json!("404"), FailureKind::Conflict),
        (json!(404), FailureKind::Conflict),
        (Value::Null, FailureKind::Validation),
        (json!(99_999), FailureKind::Validation),
        (json!("soon"), FailureKind::Validation),
    ] {
        let no = listed(400, &[(status.clone(), "not found http exception", "")]);
        assert_eq!(told(&no, &change("customers")).0, kind, "{status}");
    }
}

#[test]
fn a_page_is_not_oros_word() {
    for (status, kind) in [
        (400, FailureKind::Internal),
        (403, FailureKind::Rejected),
        (404, FailureKind::Unavailable),
        (413, FailureKind::TooLarge),
        (502, FailureKind::Unavailable),
    ] {
        let page = answered(status, ("content-type", "text/html"), "\n<html>Jane</html>");
        let no = refused(&page, &look());
        assert_eq!(no.failure.kind, kind, "{status}");
        assert!(!no.is_not_found(), "a proxy does not know what is in the shop");
        let detail = &no.failure.detail;
        assert!(detail.starts_with("something else answers at base_url: "), "{detail}");
        assert!(!detail.contains("Jane"));
    }
}
