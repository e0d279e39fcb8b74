use std::collections::HashMap;

use axum::http::{HeaderMap, Method, StatusCode};

use ferry_world::account::EffectKind;

use super::{Answer, Credentials, Identity, Question};
use crate::orderflow::samples;
use crate::orderflow::warehouse::Warehouse;

fn identity() -> Identity {
    Identity {
        organisation: "acme".into(),
        channel: "web".into(),
        credentials: Credentials { user: "ferry".into(), password: "secret".into() },
        fetches: false,
        takes_repeats: false,
    }
}

fn ask(warehouse: &mut Warehouse, method: &Method, target: &str, body: &str) -> Answer {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    let query: HashMap<String, String> =
        query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
    let mut headers = HeaderMap::new();
    headers.insert("authorization", identity().credentials.basic().parse().unwrap());
    let question = Question {
        method,
        path,
        query: &query,
        headers: &headers,
        body: body.as_bytes(),
        time: "2024-03-01 09:16:02",
    };
    identity().answer(warehouse, &question)
}

const PRODUCTS: &str = "/remotewarehouse/imports/importitems.xml?organisation=acme";

#[test]
fn one_bad_item_does_not_spoil_its_neighbours_and_the_status_is_200() {
    let mut warehouse = samples::warehouse();
    let body = "<imports>\
        <import type='product' operation='merge' externalReference='A'>description=A\ntype=x</import>\
        <import type='product' operation='merge' externalReference='B'>description=B</import>\
        <import type='product' operation='insert' externalReference='MUG'>description=M\ntype=x</import>\
        <import type='product' operation='merge' externalReference='C'><![CDATA[description=C\ntype=x]]></import>\
        </imports>";
    let answer = ask(&mut warehouse, &Method::POST, PRODUCTS, body);
    assert_eq!(answer.status, StatusCode::OK);
    let told: Vec<_> = answer.effects.iter().map(|e| (e.key.as_str(), e.effect)).collect();
    assert_eq!(
        told,
        [
            ("A", EffectKind::Created),
            ("B", EffectKind::Refused),
            ("MUG", EffectKind::Duplicate),
            ("C", EffectKind::Created)
        ]
    );
    assert!(answer.body.contains("<failureMessage>type is required</failureMessage>"));
    assert!(answer.body.contains("<duplicateMessage>Product already exists</duplicateMessage>"));
}

#[test]
fn a_request_that_is_no_xml_is_answered_with_an_error_page() {
    let answer = ask(&mut samples::warehouse(), &Method::POST, PRODUCTS, "<imports><import>");
    assert_eq!(answer.content_type, "text/html;charset=UTF-8");
    assert!(answer.body.contains("<body><h2>ERROR</h2><p>"));
    let answer = ask(&mut samples::warehouse(), &Method::POST, PRODUCTS, "<orders/>");
    assert!(answer.body.contains("<error>expected root element imports, found orders</error>"));
}

#[test]
fn the_scope_of_each_module_is_demanded() {
    let mut warehouse = samples::warehouse();
    for (target, expected) in [
        ("/remotewarehouse/imports/importitems.xml", "No organisation specified"),
        ("/remotewarehouse/imports/importitems.xml?organisation=x", "Unknown organisation x"),
        ("/remoteorder/imports/importitems.xml?organisation=acme", "No channel specified"),
    ] {
        let answer = ask(&mut warehouse, &Method::POST, target, "<imports/>");
        assert!(answer.body.contains(&format!("<error>{expected}</error>")), "{}", answer.body);
    }
    for scope in ["channel=web", "organisation=acme"] {
        let target = format!("/remotewarehouse/inventory.xml?{scope}");
        assert!(ask(&mut warehouse, &Method::GET, &target, "").body.contains("<inventory>"));
    }
}

#[test]
fn an_order_that_is_not_there_is_a_missing_data_exception() {
    let mut warehouse = samples::warehouse();
    for (method, operation) in
        [(Method::GET, "detail"), (Method::POST, "detail"), (Method::POST, "cancel")]
    {
        let target =
            format!("/remoteorder/order/{operation}.xml?channel=web&externalReference=NOPE");
        let answer = ask(&mut warehouse, &method, &target, "");
        assert!(
            answer.body.contains(
                "<exception>rtd.exceptions.MissingDataException</exception>\
                 <message>Order NOPE not found</message>"
            ),
            "{}",
            answer.body
        );
    }
}

#[test]
fn a_despatched_order_is_not_cancelled_and_the_text_says_so_with_status_200() {
    let target = "/remoteorder/order/cancel.xml?channel=web&externalReference=WEB-1001";
    let answer = ask(&mut samples::warehouse(), &Method::POST, target, "");
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("<message>No cancel operation performed"), "{}", answer.body);
    assert!(answer.effects.is_empty());
}

#[test]
fn a_notification_is_ignored_or_fetched_and_says_so_with_status_200() {
    let target = "/remoteorder/order/update.xml?channel=web&organisation=acme\
        &thirdPartyReference=WEB-9&event=order.created&action=created";
    let answer = ask(&mut samples::warehouse(), &Method::POST, target, "");
    assert!(answer.body.contains("Result &apos;no_operation&apos; for order WEB-9</message>"));
    let query = |action: &str| {
        let pairs = [("organisation", "acme"), ("thirdPartyReference", "MUG")];
        let mut query: HashMap<String, String> =
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        query.insert("event".to_owned(), format!("product.{action}"));
        query.insert("action".to_owned(), action.to_owned());
        query
    };
    let mut headers = HeaderMap::new();
    headers.insert("authorization", identity().credentials.basic().parse().unwrap());
    let told = |action: &str| {
        let question = Question {
            method: &Method::POST,
            path: "/remotewarehouse/product/update.xml",
            query: &query(action),
            headers: &headers,
            body: b"",
            time: "",
        };
        let fetching = Identity { fetches: true, ..identity() };
        fetching.answer(&mut samples::warehouse(), &question)
    };
    let answer = told("modified");
    assert!(answer.body.contains("Result &apos;queued&apos; for product MUG"), "{}", answer.body);
    assert_eq!((answer.effects[0].key.as_str(), answer.effects.len()), ("MUG", 1));
    let answer = told("eaten");
    assert!(answer.body.contains("<error>Unknown event product.eaten"), "{}", answer.body);
}

#[test]
fn despatches_take_times_with_and_without_a_t() {
    let mut warehouse = samples::warehouse();
    for (from, found) in [
        ("2024-03-02 16:40:10", true),
        ("2024-03-02T16:40:10.0000000Z", true),
        ("2024-03-02T16:40:11", false),
    ] {
        let target = format!("/remoteorder/shipment/despatches.xml?channel=web&from={from}");
        let answer = ask(&mut warehouse, &Method::GET, &target, "");
        assert_eq!(answer.body.contains("WEB-1001_S1"), found, "{from}");
    }
}

#[test]
fn a_report_is_asked_for_by_its_key_and_its_organisation() {
    let mut warehouse = samples::warehouse();
    for (query, expected) in [
        ("reportKey=purchase_order_lines_xml&organisation_id=acme", "<sku>MUG</sku>"),
        ("reportKey=return_line_api_report&organisation_id=acme", "<returns/>"),
        ("reportKey=nope&organisation_id=acme", "<error>Unknown report nope</error>"),
        ("reportKey=nope&organisation_id=x", "<error>Unknown organisation x</error>"),
        ("reportKey=return_line_api_report", "<returns/>"),
        ("organisation_id=acme", "<error>Parameter reportKey is required</error>"),
    ] {
        let target = format!("/remote/report.xml?{query}");
        let answer = ask(&mut warehouse, &Method::GET, &target, "");
        assert!(answer.body.contains(expected), "{query}: {}", answer.body);
    }
}

#[test]
fn without_credentials_nothing_is_done_and_the_realm_is_named() {
    let mut warehouse = Warehouse::new();
    let question = Question {
        method: &Method::POST,
        path: "/remotewarehouse/imports/importitems.xml",
        query: &HashMap::new(),
        headers: &HeaderMap::new(),
        body: b"",
        time: "",
    };
    let answer = identity().answer(&mut warehouse, &question);
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.challenge, Some("Basic realm=\"RTD\""));
}

#[test]
fn an_unknown_path_or_method_is_not_found() {
    let mut warehouse = Warehouse::new();
    for (method, path) in [(Method::GET, "/nothing.xml"), (Method::GET, PRODUCTS)] {
        assert_eq!(ask(&mut warehouse, &method, path, "").status, StatusCode::NOT_FOUND);
    }
}
