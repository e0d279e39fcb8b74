//! Token, media types, lists, errors of the document itself.

use serde_json::json;

use super::{Desk, JSON_API, customer};

#[test]
fn no_token_a_wrong_token_and_an_old_token_are_401_without_a_body() {
    let desk = Desk::with(0, true);
    for authorization in ["", "Bearer nonsense", &format!("Bearer {}", desk.token)] {
        let headers = [("accept", JSON_API), ("authorization", authorization)];
        let reply = desk.raw("GET", "/admin/api/customers", &headers, b"");
        assert_eq!((reply.status, reply.body.is_null()), (401, true), "{authorization}");
    }
}

#[test]
fn the_token_endpoint_says_who_is_wrong() {
    let desk = Desk::open();
    let json = [("content-type", "application/json")];
    let ask = |body: &str| {
        let reply = desk.raw("POST", "/oauth2-token", &json, body.as_bytes());
        (reply.status, reply.body["error"].as_str().unwrap_or("").to_owned())
    };
    let wrong =
        r#"{"grant_type":"client_credentials","client_id":"ferry-demo","client_secret":"x"}"#;
    assert_eq!(ask(wrong), (401, "invalid_client".to_owned()));
    assert_eq!(ask(r#"{"grant_type":"client_credentials"}"#), (400, "invalid_request".to_owned()));
}

#[test]
fn every_answer_has_a_date_and_json_api_without_parameters() {
    let desk = Desk::open();
    let reply = desk.get("customers");
    assert!(reply.head.contains("\r\ndate: "), "{}", reply.head);
    assert!(reply.head.contains("content-type: application/vnd.api+json\r\n"), "{}", reply.head);
}

#[test]
fn a_parameterised_media_type_is_refused() {
    let desk = Desk::open();
    let bearer = format!("Bearer {}", desk.token);
    let typed = "application/vnd.api+json; charset=utf-8";
    let status = |method, headers: &[(&str, &str)]| {
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend(headers);
        desk.raw(method, "/admin/api/customers", &all, b"{}").status
    };
    assert_eq!(status("POST", &[("content-type", typed), ("accept", JSON_API)]), 415);
    assert_eq!(status("GET", &[("accept", typed)]), 406);
}

#[test]
fn lists_come_in_pages_with_a_next_link_until_the_last() {
    let desk = Desk::open();
    for number in 0..5 {
        let reply = desk.post("customers", &customer("Acme", &format!("C-{number}")));
        assert_eq!(reply.status, 201, "{}", reply.body);
    }
    let first = desk.get("customers?page[size]=2&sort=-id");
    assert_eq!(first.ids(), ["5", "4"]);
    let next = first.body["links"]["next"].as_str().unwrap();
    let next = next.strip_prefix("http://shop.test/admin/api/").unwrap();
    assert_eq!(desk.get(next).ids(), ["3", "2"]);
    let last = desk.get("customers?page[size]=2&page[number]=3");
    assert!(last.body["links"]["next"].is_null(), "{}", last.body);
    assert_eq!(desk.get("customers?page[size]=-1").ids().len(), 5);
}

#[test]
fn no_hateoas_takes_the_links_away_and_total_count_is_a_header() {
    let desk = Desk::open();
    desk.post("customers", &customer("Acme", "C-1"));
    let headers = [("x-include", "noHateoas;totalCount")];
    let reply = desk.send("GET", "customers?page[size]=1", &headers, None);
    assert!(reply.head.contains("x-include-total-count: 1"), "{}", reply.head);
    assert!(reply.body["links"].is_null() && reply.body["data"][0]["links"].is_null());
}

#[test]
fn filters_exist_only_where_the_shop_has_them() {
    let desk = Desk::open();
    for (path, parameter) in [
        ("customerusers?filter[updatedAt][gte]=2026-01-01", "filter[updatedAt][gte]"),
        ("inventorylevels?filter[updatedAt][gte]=2026-01-01", "filter[updatedAt][gte]"),
        ("customers?filter[name][contains]=a", "filter[name][contains]"),
        ("orders?filter[id]>5", "filter[id]>5"),
        ("orders?filter[updatedAt][gte]=2026-01-01T00:00:00.123Z", "filter[updatedAt][gte]"),
    ] {
        assert_eq!(
            desk.get(path).errors(),
            (400, vec![("filter constraint", parameter)]),
            "{path}"
        );
    }
    let reply = desk.get("inventorylevels?sort=updatedAt");
    assert_eq!(reply.errors(), (400, vec![("sort constraint", "sort")]));
}

#[test]
fn customers_are_found_by_external_ids_names_and_times() {
    let desk = Desk::open();
    for (name, external_id) in [("Müller, Söhne", "C-1"), ("Acme", "C-2"), ("Oy", "C-3")] {
        desk.post("customers", &customer(name, external_id));
    }
    let found = |query: &str| {
        let reply = desk.get(&format!("customers?{query}"));
        reply.ids().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found("filter[externalId]=C-1,C-3"), ["1", "3"]);
    assert_eq!(found("filter[externalId][neq]=C-1"), ["2", "3"]);
    assert_eq!(found("filter[name]=M%C3%BCller,%20S%C3%B6hne"), ["1"]);
    assert_eq!(found("filter[externalId][exists]=no"), [""; 0]);
    assert_eq!(found("filter[id][gt]=1&filter[id][lt]=3"), ["2"]);
    assert_eq!(found("filter[id]=2..9"), ["2", "3"]);
    assert_eq!(
        found("filter[updatedAt][gte]=2026-01-01T00:00:00Z&sort=updatedAt,-id"),
        ["3", "2", "1"]
    );
    assert_eq!(found("filter[updatedAt]=2000-01-01..2001-01-01"), [""; 0]);
}

#[test]
fn filters_may_travel_in_the_body_of_an_overridden_post() {
    let desk = Desk::open();
    desk.post("customers", &customer("Acme", "C-1"));
    desk.post("customers", &customer("Oy", "C-2"));
    let body = json!({"filter": {"externalId": "C-2"}});
    let headers = [("x-http-method-override", "GET")];
    assert_eq!(desk.send("POST", "customers", &headers, Some(&body)).ids(), ["2"]);
}

#[test]
fn a_document_that_is_no_document_is_refused_with_its_place() {
    let desk = Desk::open();
    let unknown = desk.post(
        "customers",
        &json!({"data": {"type": "customers", "attributes": {
        "name": "Acme", "colour": "red"}}}),
    );
    assert_eq!(unknown.errors(), (400, vec![("extra fields constraint", "")]));
    assert_eq!(unknown.body["errors"][0]["status"], "400");
    let other = desk.post("customers", &json!({"data": {"type": "orders"}}));
    assert_eq!(other.errors(), (409, vec![("conflict constraint", "/data/type")]));
    let empty = desk.post("customers", &json!({"data": {"type": "customers", "attributes": {}}}));
    assert_eq!(empty.errors(), (400, vec![("request data constraint", "/data/attributes")]));
    let loose = desk.post(
        "customers",
        &json!({
        "data": {"type": "customers", "attributes": {"name": "Acme"}},
        "included": [{"type": "customergroups", "id": "g", "attributes": {"name": "Gold"}}]}),
    );
    assert_eq!(loose.errors(), (400, vec![("request data constraint", "/included/0")]));
    assert_eq!(desk.get("customers").ids(), [""; 0]);
}

#[test]
fn malformed_json_and_unknown_resources_are_refused() {
    let desk = Desk::open();
    let bearer = format!("Bearer {}", desk.token);
    let headers = [("authorization", bearer.as_str()), ("content-type", JSON_API)];
    let reply = desk.raw("POST", "/admin/api/customers", &headers, b"{\"data\":");
    assert_eq!(reply.errors(), (400, vec![("bad request http exception", "")]));
    assert_eq!(desk.get("widgets").errors(), (404, vec![("entity type constraint", "")]));
    assert_eq!(desk.get("customers/99").errors(), (404, vec![("not found http exception", "")]));
    assert_eq!(desk.get("customers/x").status, 400);
}

#[test]
fn a_huge_body_is_413() {
    let desk = Desk::open();
    let body = vec![b' '; 1024 * 1024 + 1];
    let bearer = format!("Bearer {}", desk.token);
    let headers = [("authorization", bearer.as_str()), ("content-type", JSON_API)];
    assert_eq!(desk.raw("POST", "/admin/api/customers", &headers, &body).status, 413);
}

#[test]
fn an_action_that_is_off_is_405_with_what_is_allowed_and_no_body() {
    let desk = Desk::open();
    let reply = desk.post("inventorylevels", &json!({"data": {"type": "inventorylevels"}}));
    assert_eq!((reply.status, reply.body.is_null()), (405, true));
    assert!(reply.head.contains("allow: options, get, patch"), "{}", reply.head);
    assert_eq!(
        desk.batch("customergroups", &json!({"data": [{"type": "customergroups"}]})).status,
        405
    );
}

#[test]
fn a_body_of_nothing_is_refused_as_data_and_operations_have_no_list() {
    let desk = Desk::open();
    let bearer = format!("Bearer {}", desk.token);
    let headers = [("authorization", bearer.as_str()), ("content-type", JSON_API)];
    for body in ["", " ", "{}", "[]"] {
        let reply = desk.raw("POST", "/admin/api/customers", &headers, body.as_bytes());
        assert_eq!(reply.errors(), (400, vec![("request data constraint", "")]), "{body:?}");
    }
    for method in ["GET", "POST", "DELETE"] {
        let reply = desk.send(method, "asyncoperations", &[], Some(&json!({"data": {}})));
        let expected = (404, vec![("resource not accessible exception", "")]);
        assert_eq!(reply.errors(), expected, "{method}");
    }
}
