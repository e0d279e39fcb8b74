//! Addresses of customers and of their people: uses, the primary one, whose they are, and regions.

use serde_json::{Value, json};

use super::{Desk, Reply, customer};

/// A shop with two customers.
fn housed() -> Desk {
    let desk = Desk::open();
    for (name, number) in [("Acme", "C-1"), ("Oy", "C-2")] {
        assert_eq!(desk.post("customers", &customer(name, number)).status, 201);
    }
    desk
}

/// An address in a country without regions, with more laid over its attributes.
fn address(owner: &str, more: &Value) -> Value {
    let mut attributes =
        json!({"street": "Kaai 1", "city": "Gent", "postalCode": "9000", "organization": "Acme"});
    for (name, value) in more.as_object().unwrap() {
        attributes[name] = value.clone();
    }
    json!({"type": "customeraddresses", "attributes": attributes, "relationships": {
        "customer": {"data": {"type": "customers", "id": owner}},
        "country": {"data": {"type": "countries", "id": "BE"}}}})
}

fn post(desk: &Desk, owner: &str, more: &Value) -> Reply {
    desk.post("customeraddresses", &json!({"data": address(owner, more)}))
}

fn change(desk: &Desk, path: &str, relationships: &Value) -> Reply {
    let (kind, id) = path.split_once('/').unwrap();
    let row = json!({"type": kind, "id": id, "relationships": relationships});
    desk.patch(path, &json!({"data": row}))
}

#[test]
fn each_use_is_looked_at_by_itself() {
    let desk = housed();
    let billing = json!({"default": true, "addressType": "billing"});
    let (default, kind) = ("/1/default", "/1/addressType");
    let table = [
        (json!(null), vec![default, kind]),
        (json!([]), vec![default, kind]),
        (json!("shipping"), vec!["/1"]),
        (json!(""), vec!["/1"]),
        (json!({"addressType": "shipping"}), vec![default]),
        (json!({"default": "maybe", "addressType": "shipping"}), vec![default]),
        (json!({"default": false}), vec![kind]),
        (json!({"default": false, "addressType": null}), vec![kind]),
        (json!({"default": false, "addressType": "other"}), vec![kind]),
    ];
    for (item, places) in table {
        let reply = post(&desk, "1", &json!({"types": [billing, item]}));
        let places: Vec<String> =
            places.iter().map(|place| format!("/data/attributes/types{place}")).collect();
        let expected = places.iter().map(|place| ("form constraint", place.as_str())).collect();
        assert_eq!(reply.errors(), (400, expected), "{item}");
    }
    assert_eq!(post(&desk, "1", &json!({"types": [billing]})).status, 201);
}

#[test]
fn one_address_of_an_owner_is_the_primary_one_and_one_the_first_choice() {
    let desk = housed();
    let shipping = json!({"types": [{"default": true, "addressType": "shipping"}]});
    let first = post(&desk, "1", &shipping);
    assert_eq!(first.body["data"]["attributes"]["primary"], true);
    assert_eq!(
        post(&desk, "1", &json!({"primary": false})).body["data"]["attributes"]["primary"],
        false
    );
    let mut third = shipping.clone();
    third["primary"] = json!(true);
    assert_eq!(post(&desk, "1", &third).status, 201);
    let all = desk.get("customeraddresses").body;
    let of = |path: &str| -> Vec<Value> {
        let rows = all["data"].as_array().unwrap().iter();
        rows.map(|row| row.pointer(path).cloned().unwrap_or_default()).collect()
    };
    assert_eq!(of("/attributes/primary"), [false, false, true]);
    assert_eq!(of("/attributes/types/0/default"), [json!(false), json!(null), json!(true)]);
    let elsewhere = post(&desk, "2", &json!({}));
    assert_eq!(elsewhere.body["data"]["attributes"]["primary"], true);
}

#[test]
fn an_address_stays_with_whom_it_belongs_to() {
    let desk = housed();
    let id = post(&desk, "1", &json!({})).id();
    let path = format!("customeraddresses/{id}");
    let other = json!({"customer": {"data": {"type": "customers", "id": "2"}}});
    let kept = change(&desk, &path, &other);
    assert_eq!(kept.status, 200, "{}", kept.body);
    assert_eq!(kept.body["data"]["relationships"]["customer"]["data"]["id"], "1");
    let taken = json!({"addresses": {"data": [{"type": "customeraddresses", "id": id}]}});
    let place = "/data/relationships/addresses/data/0";
    assert_eq!(
        change(&desk, "customers/2", &taken).errors(),
        (400, vec![("unchangeable field constraint", place)])
    );
    for (method, path) in [
        ("PATCH", format!("{path}/relationships/customer")),
        ("PATCH", format!("{path}/relationships/country")),
        ("POST", "customers/2/relationships/addresses".to_owned()),
    ] {
        let reply = desk.send(method, &path, &[], Some(&taken["addresses"]));
        assert_eq!(reply.status, 405, "{method} {path}");
    }
    assert_eq!(change(&desk, "customers/1", &taken).status, 200);
}

#[test]
fn an_address_is_in_the_organisation_of_its_owner_and_in_it_by_itself() {
    let desk = housed();
    let own = post(&desk, "1", &json!({})).body;
    for relation in ["owner", "systemOrganization"] {
        assert_eq!(own["data"]["relationships"][relation]["data"]["id"], "1", "{relation}");
    }
    let foreign = json!({"id": 2, "attributes": {"name": "Other"}}).to_string();
    desk.raw("POST", "/_sim/rows/organizations", &[], foreign.as_bytes());
    let mut moved = address("1", &json!({}));
    moved["relationships"]["systemOrganization"] =
        json!({"data": {"type": "organizations", "id": "2"}});
    let moved = desk.post("customeraddresses", &json!({"data": moved}));
    assert_eq!(moved.errors(), (400, vec![("valid organization constraint", "")]));
}

#[test]
fn a_region_of_ones_own_is_for_countries_without_regions() {
    let desk = housed();
    let mut document = address("1", &json!({"customRegion": "Vlaanderen"}));
    assert_eq!(desk.post("customeraddresses", &json!({"data": document})).status, 201);
    document["relationships"]["country"] = json!({"data": {"type": "countries", "id": "US"}});
    let refused = desk.post("customeraddresses", &json!({"data": document}));
    let region = ("required region constraint", "/data/relationships/region/data");
    assert_eq!(refused.errors(), (400, vec![("region text constraint", ""), region]));
    let detail = "State is required for country United States";
    assert_eq!(refused.body["errors"][1]["detail"], detail);
}

#[test]
fn addresses_are_found_by_their_use_and_by_a_region_of_their_own() {
    let desk = housed();
    for more in [
        json!({"types": [{"default": false, "addressType": "billing"}], "customRegion": "Vlaanderen"}),
        json!({"types": [{"default": true, "addressType": "shipping"}]}),
        json!({}),
    ] {
        assert_eq!(post(&desk, "1", &more).status, 201);
    }
    for (query, ids) in [
        ("addressType]=billing", vec!["1"]),
        ("addressType]=billing,shipping", vec!["1", "2"]),
        ("customRegion][exists]=yes", vec!["1"]),
        ("customer.name]=Acme", vec!["1", "2", "3"]),
    ] {
        assert_eq!(desk.get(&format!("customeraddresses?filter[{query}")).ids(), ids, "{query}");
    }
}

#[test]
fn a_region_of_another_country_is_refused_by_both_names() {
    let desk = housed();
    let named = |kind: &str, id: &str, name: &str| {
        let row = json!({"id": id, "attributes": {"name": name}}).to_string();
        desk.raw("POST", &format!("/_sim/rows/{kind}"), &[], row.as_bytes());
    };
    named("regions", "US-NY", "New York");
    named("countries", "BE", "Belgium");
    let mut row = address("1", &json!({}));
    row["relationships"]["region"] = json!({"data": {"type": "regions", "id": "US-NY"}});
    let reply = desk.post("customeraddresses", &json!({"data": row}));
    let place = "/data/relationships/region/data";
    assert_eq!(reply.errors(), (400, vec![("valid region constraint", place)]));
    let detail = "Region New York does not belong to country Belgium";
    assert_eq!(reply.body["errors"][0]["detail"], detail);
}
