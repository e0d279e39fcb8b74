//! Customers, their people and addresses, and batches of them.

use serde_json::{Value, json};

use super::{Desk, customer};

fn address(customer: &str, country: &str) -> Value {
    json!({"data": {"type": "customeraddresses",
        "attributes": {"label": "HQ", "street": "Hauptstraße 1", "city": "Köln", "postalCode": "50667",
            "organization": "Müller", "types": [{"default": true, "addressType": "billing"}]},
        "relationships": {"customer": {"data": {"type": "customers", "id": customer}},
            "country": {"data": {"type": "countries", "id": country}}}}})
}

fn user(customer: &str, email: &str) -> Value {
    json!({"data": {"type": "customerusers",
        "attributes": {"email": email, "firstName": "Zoë", "lastName": "Müller"},
        "relationships": {"customer": {"data": {"type": "customers", "id": customer}},
            "userRoles": {"data": [{"type": "customeruserroles", "id": "1"}]}}}})
}

#[test]
fn a_customer_is_created_with_a_string_id_and_whole_seconds() {
    let desk = Desk::open();
    let reply = desk.post("customers", &customer("Müller & Söhne", "C-100001"));
    assert_eq!(reply.status, 201);
    assert!(reply.head.contains("location: http://shop.test/admin/api/customers/1"));
    let attributes = &reply.body["data"]["attributes"];
    assert_eq!(
        (reply.body["data"]["id"].as_str(), attributes["name"].as_str()),
        (Some("1"), Some("Müller & Söhne"))
    );
    let stamp = attributes["updatedAt"].as_str().unwrap();
    assert_eq!((stamp.len(), stamp.ends_with('Z')), (20, true), "{stamp}");
    assert_eq!(reply.body["data"]["relationships"]["group"]["data"], Value::Null);
}

#[test]
fn a_name_is_needed_and_has_a_limit() {
    let desk = Desk::open();
    let missing = desk.post(
        "customers",
        &json!({"data": {"type": "customers",
        "attributes": {"externalId": "C-1"}}}),
    );
    assert_eq!(missing.errors(), (400, vec![("not blank constraint", "/data/attributes/name")]));
    let long = desk.post("customers", &customer(&"ä".repeat(256), "C-1"));
    assert_eq!(long.errors(), (400, vec![("length constraint", "/data/attributes/name")]));
    assert_eq!(desk.post("customers", &customer(&"ä".repeat(255), "C-1")).status, 201);
    let list = desk.post(
        "customers",
        &json!({"data": {"type": "customers",
        "attributes": {"name": ["Acme"]}}}),
    );
    assert_eq!(list.errors(), (400, vec![("form constraint", "/data/attributes/name")]));
}

#[test]
fn a_second_customer_with_the_external_id_is_refused_without_a_place() {
    let desk = Desk::open();
    desk.post("customers", &customer("Acme", "C-1"));
    let reply = desk.post("customers", &customer("Acme again", "C-1"));
    assert_eq!(reply.errors(), (400, vec![("unique entity constraint", "")]));
}

#[test]
fn an_update_is_partial_and_its_document_names_the_row_of_the_address() {
    let desk = Desk::open();
    let id = desk.post("customers", &customer("Acme", "C-1")).id();
    let group = desk
        .post(
            "customergroups",
            &json!({"data": {"type": "customergroups",
        "attributes": {"name": "Gold"}}}),
        )
        .id();
    let patch = json!({"data": {"type": "customers", "id": id, "relationships": {
        "group": {"data": {"type": "customergroups", "id": group}}}}});
    let reply = desk.patch(&format!("customers/{id}"), &patch);
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["data"]["attributes"]["name"], "Acme");
    assert_eq!(reply.body["data"]["relationships"]["group"]["data"]["id"], *group);
    let wrong = desk.patch("customers/1", &json!({"data": {"type": "customers", "id": "2"}}));
    assert_eq!(wrong.errors(), (409, vec![("conflict constraint", "/data/id")]));
}

#[test]
fn addresses_belong_to_a_customer_and_a_country_there_is() {
    let desk = Desk::open();
    let id = desk.post("customers", &customer("Acme", "C-1")).id();
    let reply = desk.post("customeraddresses", &address(&id, "DE"));
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert_eq!(reply.body["data"]["attributes"]["types"][0]["addressType"], "billing");
    let listed = desk.get(&format!("customeraddresses?filter[customer]={id}&include=country"));
    assert_eq!(listed.ids(), ["1"]);
    assert_eq!(listed.body["included"][0]["id"], "DE");
    let unknown = desk.post("customeraddresses", &address(&id, "XZ"));
    assert_eq!(
        unknown.errors(),
        (400, vec![("form constraint", "/data/relationships/country/data")])
    );
    let nobody = desk.post("customeraddresses", &address("77", "DE"));
    assert_eq!(
        nobody.errors(),
        (400, vec![("form constraint", "/data/relationships/customer/data")])
    );
    let customer = desk.get(&format!("customers/{id}?include=addresses"));
    assert_eq!(customer.body["included"][0]["type"], "customeraddresses");
}

#[test]
fn an_address_needs_a_name_and_in_some_countries_a_region() {
    let desk = Desk::open();
    let id = desk.post("customers", &customer("Acme", "C-1")).id();
    let mut nameless = address(&id, "DE");
    nameless["data"]["attributes"].as_object_mut().unwrap().remove("organization");
    let reply = desk.post("customeraddresses", &nameless);
    assert_eq!(reply.errors().1.len(), 3, "{}", reply.body);
    let american = desk.post("customeraddresses", &address(&id, "US"));
    assert_eq!(
        american.errors(),
        (400, vec![("required region constraint", "/data/relationships/region/data")])
    );
    let mut better = address(&id, "US");
    better["data"]["relationships"]["region"] = json!({"data": {"type": "regions", "id": "US-NY"}});
    assert_eq!(desk.post("customeraddresses", &better).status, 201);
}

#[test]
fn a_customer_user_needs_an_email_of_its_own_and_a_role_where_it_is_enabled() {
    let desk = Desk::open();
    let id = desk.post("customers", &customer("Acme", "C-1")).id();
    assert_eq!(desk.post("customerusers", &user(&id, "zoe@example.com")).status, 201);
    let again = desk.post("customerusers", &user(&id, "ZOE@example.com"));
    assert_eq!(again.errors().1[0].1, "/data/attributes/email");
    let mut roleless = user(&id, "ann@example.com");
    roleless["data"]["relationships"].as_object_mut().unwrap().remove("userRoles");
    roleless["data"]["attributes"]["enabled"] = json!(true);
    let refused = desk.post("customerusers", &roleless);
    assert_eq!(refused.errors(), (400, vec![("customer user check role constraint", "")]));
    roleless["data"]["attributes"]["enabled"] = json!(false);
    let reply = desk.post("customerusers", &roleless);
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert_eq!(reply.body["data"]["relationships"]["userRoles"]["data"], json!([]));
    assert_eq!(desk.get("customerusers?filter[customer.externalId]=C-1").ids().len(), 2);
    let odd = desk.post("customerusers", &user(&id, "not an address"));
    assert_eq!(odd.errors(), (400, vec![("email constraint", "/data/attributes/email")]));
}

#[test]
fn a_batch_creates_and_updates_in_order_and_maps_ids_back() {
    let desk = Desk::open();
    let id = desk.post("customers", &customer("Acme", "C-1")).id();
    let reply = desk.batch("customers", &json!({"data": [
        {"type": "customers", "id": "new", "attributes": {"name": "Oy", "externalId": "C-2"}},
        {"type": "customers", "id": id, "meta": {"update": true}, "attributes": {"name": "Acme Ltd"}}]}));
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.ids(), ["2", "1"]);
    assert_eq!(reply.body["data"][0]["meta"]["dataId"], "new");
    assert_eq!(reply.body["data"][1]["attributes"]["name"], "Acme Ltd");
}

#[test]
fn a_batch_is_all_or_nothing_and_names_the_item() {
    let desk = Desk::open();
    let reply = desk.batch(
        "customers",
        &json!({"data": [
        {"type": "customers", "attributes": {"name": "Acme", "externalId": "C-1"}},
        {"type": "customers", "attributes": {"externalId": "C-2"}}]}),
    );
    assert_eq!(reply.errors(), (400, vec![("not blank constraint", "/data/1/attributes/name")]));
    assert_eq!(desk.get("customers").ids(), [""; 0]);
    let many: Vec<_> = (0..101)
        .map(|number| json!({"type": "customers", "attributes": {"name": format!("{number}")}}))
        .collect();
    assert_eq!(desk.batch("customers", &json!({"data": many})).status, 400);
}

#[test]
fn upsert_by_anything_but_what_the_shop_offers_is_refused() {
    let desk = Desk::open();
    let mut document = customer("Acme", "C-1");
    document["data"]["meta"] = json!({"upsert": ["externalId"]});
    let reply = desk.post("customers", &document);
    assert_eq!(reply.errors(), (400, vec![("value constraint", "/meta/upsert")]));
}

#[test]
fn a_deleted_customer_takes_addresses_and_people_along() {
    let desk = Desk::open();
    let id = desk.post("customers", &customer("Acme", "C-1")).id();
    desk.post("customeraddresses", &address(&id, "DE"));
    desk.post("customerusers", &user(&id, "zoe@example.com"));
    assert_eq!(desk.send("DELETE", &format!("customers/{id}"), &[], None).status, 204);
    assert_eq!(
        desk.get("customeraddresses").ids().len() + desk.get("customerusers").ids().len(),
        0
    );
    assert_eq!(desk.send("DELETE", "customers", &[], None).status, 400);
}

#[test]
fn customers_are_polled_by_their_own_time_with_all_that_hangs_on_them() {
    let desk = Desk::open();
    desk.post("customers", &customer("Acme", "C-1"));
    desk.post("customeraddresses", &address("1", "DE"));
    desk.post("customerusers", &user("1", "zoe@example.de"));
    let query = "customers?filter[updatedAt][gte]=2026-01-01T00:00:00Z&sort=updatedAt,id\
                 &page[size]=100&include=group,users,addresses";
    let reply = desk.get(query);
    let kinds: Vec<&str> = reply.body["included"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["type"].as_str().unwrap())
        .collect();
    assert_eq!((reply.ids(), kinds), (vec!["1"], vec!["customerusers", "customeraddresses"]));
    assert_eq!(desk.get("customers?filter[updatedAt][gte]=2999-01-01T00:00:00Z").ids(), [""; 0]);
}

#[test]
fn a_person_changes_a_customer_without_a_token() {
    let desk = Desk::open();
    desk.post("customers", &customer("Acme", "C-1"));
    let changed = desk.raw("PATCH", "/_sim/customers/C-1", &[], br#"{"name":"Beta"}"#);
    assert_eq!(
        (changed.status, &changed.body["data"]["attributes"]["name"]),
        (200, &json!("Beta"))
    );
    assert_eq!(desk.get("customers/1").body["data"]["attributes"]["name"], "Beta");
    assert_eq!(desk.raw("PATCH", "/_sim/customers/C-2", &[], b"{}").status, 404);
    let refused = desk.raw("PATCH", "/_sim/customers/C-1", &[], br#"{"name":""}"#);
    assert_eq!(refused.status, 400);
}

#[test]
fn who_is_not_said_to_be_enabled_is_not() {
    let desk = Desk::open();
    assert_eq!(desk.post("customers", &customer("Acme", "C-1")).status, 201);
    let user = json!({"data": {"type": "customerusers",
        "attributes": {"email": "a@b.example", "firstName": "A", "lastName": "B"},
        "relationships": {"customer": {"data": {"type": "customers", "id": "1"}}}}});
    let attributes = desk.post("customerusers", &user).body["data"]["attributes"].clone();
    assert_eq!((&attributes["enabled"], &attributes["confirmed"]), (&json!(false), &json!(true)));
}
