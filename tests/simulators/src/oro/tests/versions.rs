//! What differs between versions, as a client meets it.

use ferry_world::World;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Desk, client, customer, installed, order, product};
use crate::control::{Control, View};
use crate::oro::serve::Front;
use crate::oro::shop::{Installed, Shop};
use crate::oro::shopper::Shopper;

const VERSIONS: [&str; 5] = ["5.1", "6.0", "6.1.9", "6.1.11", "7.0"];

/// A customer as a shop without `externalId` takes it.
fn unnumbered(name: &str) -> Value {
    json!({"data": {"type": "customers", "attributes": {"name": name}}})
}

/// A shop with customer 1, product `MUG-1` and order 1.
pub(super) fn stocked(version: &str) -> Desk {
    let desk = Desk::of_version(version);
    for (resource, document) in [
        ("customers", unnumbered("Acme")),
        ("products", product("MUG-1", "Kubek", false)),
        ("orders", order("WEB-1", "1", "MUG-1")),
    ] {
        let reply = desk.post(resource, &document);
        assert_eq!(reply.status, 201, "{version}: {}", reply.body);
    }
    desk
}

/// What the versions answer to the same request, each in a shop of its own with an order.
fn told<Told>(ask: impl Fn(&Desk) -> Told) -> [Told; 5] {
    VERSIONS.map(|version| ask(&stocked(version)))
}

#[test]
fn external_ids_are_there_from_6_1_10_and_7_0_2_on() {
    let created = told(|desk| desk.post("customers", &customer("Acme", "C-1")).status);
    assert_eq!(created, [400, 400, 400, 201, 201]);
    let found = told(|desk| desk.get("customers?filter[externalId]=C-1").status);
    assert_eq!(found, [400, 400, 400, 200, 200]);
    let shown = told(|desk| {
        let reply = desk.get("customers/1");
        reply.body["data"]["attributes"].as_object().unwrap().contains_key("externalId")
    });
    assert_eq!(shown, [false, false, false, true, true]);
    let refused = stocked("6.1.9").post("customers", &customer("Acme", "C-1"));
    assert_eq!(refused.errors(), (400, vec![("extra fields constraint", "")]));
}

#[test]
fn a_header_that_names_products_by_sku_means_nothing_to_older_versions() {
    let ids = told(|desk| desk.ext().get("products").ids()[0].to_owned());
    assert_eq!(ids, ["1", "1", "1", "MUG-1", "MUG-1"]);
}

#[test]
fn orders_have_a_shipping_status_and_trackings_a_list_of_orders_from_6_1_on() {
    let status = told(|desk| {
        let body = json!({"data": {"type": "ordershippingstatuses", "id": "shipped"}});
        desk.patch("orders/1/relationships/shippingStatus", &body).status
    });
    assert_eq!(status, [404, 404, 204, 204, 204]);
    let track = |relation: &str, orders: Value| {
        json!({"data": {"type": "ordershippingtrackings",
            "attributes": {"method": "DHL", "number": "A"}, "relationships": {relation: {"data": orders}}}})
    };
    let one = json!({"type": "orders", "id": "1"});
    let listed = told(|desk| {
        desk.post("ordershippingtrackings", &track("orders", json!([one.clone()]))).status
    });
    assert_eq!(listed, [400, 400, 201, 201, 201]);
    let single = told(|desk| {
        let reply = desk.post("ordershippingtrackings", &track("order", one.clone()));
        (reply.status, reply.body["data"]["relationships"]["order"]["data"].clone())
    });
    assert_eq!(single.map(|(status, _)| status), [201, 201, 400, 400, 400]);
    let old = stocked("6.0");
    old.post("ordershippingtrackings", &track("order", one.clone()));
    assert_eq!(old.get("orders/1/shippingTrackings").ids(), ["1"]);
    assert_eq!(old.get("ordershippingtrackings/1/order").id(), "1");
    assert_eq!(old.get("orderlineitems?filter[order]=1").ids(), ["1"]);
    let none = json!({"data": {"type": "ordershippingtrackings",
        "attributes": {"method": "DHL", "number": "A"}}});
    let refused = old.post("ordershippingtrackings", &none);
    assert_eq!(refused.errors().1, [("not blank constraint", "/data/relationships/order/data")]);
}

#[test]
fn orders_are_found_by_their_update_from_6_0_5_on() {
    let query = "orders?filter[updatedAt][gte]=2026-01-01T00:00:00Z&sort=updatedAt";
    assert_eq!(told(|desk| desk.get(query).status), [400, 200, 200, 200, 200]);
    assert_eq!(stocked("6.0.4").get(query).status, 400);
    let sorted = stocked("6.0.4").get("orders?sort=updatedAt");
    assert_eq!(sorted.errors(), (400, vec![("sort constraint", "sort")]));
    assert_eq!(stocked("6.0.4").get("orders?filter[createdAt][gte]=2026-01-01").status, 200);
    assert_eq!(stocked("6.0.4").get("orders?filter[external]=0").status, 400);
    assert_eq!(stocked("6.0.5").get("orders?filter[external]=0").ids(), ["1"]);
}

#[test]
fn before_6_1_a_field_has_one_operator_and_a_sign_for_it() {
    let desks = ["6.0", "6.1.0"].map(stocked);
    for desk in &desks {
        for number in 2..5 {
            desk.post("orders", &order(&format!("WEB-{number}"), "1", "MUG-1"));
        }
    }
    let both = "orders?filter[id][gt]=1&filter[id][lt]=4";
    assert_eq!(desks[0].get(both).ids(), ["1", "2", "3"]);
    assert_eq!(desks[1].get(both).ids(), ["2", "3"]);
    assert_eq!(desks[0].get("orders?filter[id]>2").ids(), ["3", "4"]);
    assert_eq!(desks[0].get("orders?filter[id]>=2").ids(), ["2", "3", "4"]);
    assert_eq!(desks[1].get("orders?filter[id]>2").status, 400);
    assert_eq!(desks[0].get("orders?filter[id]=2..3").ids(), ["2", "3"]);
}

#[test]
fn what_an_older_version_does_not_know_under_meta_and_beside_data_is_left_alone() {
    let validated = told(|desk| {
        let mut document = order("WEB-2", "1", "MUG-1");
        document["data"]["meta"] = json!({"validate": true});
        desk.post("orders", &document);
        desk.get("orders").ids().len()
    });
    assert_eq!(validated, [2, 2, 1, 1, 1]);
    let unvalidated = told(|desk| {
        let mut document = unnumbered("Acme");
        document["data"]["meta"] = json!({"validate": true});
        desk.post("customers", &document).status
    });
    assert_eq!(unvalidated, [201, 201, 400, 400, 400]);
    let mut upsert = order("WEB-1", "1", "MUG-1");
    upsert["data"]["meta"] = json!({"upsert": ["identifier"]});
    assert_eq!(stocked("5.1.1").post("orders", &upsert).status, 400);
    assert_eq!(stocked("5.1.2").post("orders", &upsert).status, 200);
    let trimmed = told(|desk| {
        let mut document = unnumbered("Acme");
        document["filters"] = json!("fields[customers]=name");
        desk.post("customers", &document).body["data"]["relationships"].is_null()
    });
    assert_eq!(trimmed, [false, true, true, true, true]);
}

#[test]
fn stock_levels_go_in_batches_from_5_1_7_and_6_0_1_on() {
    let allow = |version| {
        let reply = Desk::of_version(version).send("OPTIONS", "inventorylevels", &[], None);
        (reply.status, reply.head.contains("allow: options, get, patch\r\n"))
    };
    let levels = ["5.1.6", "5.1.7", "6.0.0", "6.0.1", "6.1.0"].map(allow);
    assert_eq!(levels.map(|(status, _)| status), [200; 5]);
    assert_eq!(levels.map(|(_, batch)| batch), [false, true, false, true, true]);
}

#[test]
fn the_total_of_products_is_that_of_the_page_before_6_1_11() {
    let totals = ["6.1.10", "6.1.11", "7.0.3", "7.0"].map(|version| {
        let desk = stocked(version);
        desk.post("products", &product("MUG-2", "Kubek", false));
        let reply = desk.send("GET", "products?page[size]=1", &[("x-include", "totalCount")], None);
        reply.head.split("x-include-total-count: ").nth(1).unwrap()[..1].to_owned()
    });
    assert_eq!(totals, ["1", "2", "1", "2"]);
}

#[test]
fn options_says_what_a_resource_takes_and_touches_nothing() {
    let desk = stocked("7.0");
    for (path, allow) in [
        ("customers", "options, get, patch, post, delete"),
        ("customergroups", "options, get, post, delete"),
        ("customers/9999", "options, get, patch, delete"),
        ("inventorylevels/x", "options, get, patch"),
        ("orders/1/shippingTrackings", "options, get"),
        ("orders/9/relationships/customer", "options, get, patch"),
        ("orders/9/relationships/shippingTrackings", "options, get, patch, post, delete"),
        ("orders/9/relationships/internalStatus", "options, get"),
    ] {
        let reply = desk.send("OPTIONS", path, &[], None);
        assert_eq!((reply.status, reply.body.is_null()), (200, true), "{path}");
        assert!(reply.head.contains(&format!("allow: {allow}\r\n")), "{path}: {}", reply.head);
    }
    let unknown = desk.send("OPTIONS", "widgets", &[], None);
    assert_eq!(unknown.errors(), (404, vec![("entity type constraint", "")]));
}

#[test]
fn a_list_that_is_only_the_other_side_of_a_column_is_no_filter() {
    let desk = stocked("7.0");
    for path in
        ["customers?filter[addresses]=1", "customers?sort=users", "orders?filter[subOrders]=1"]
    {
        assert_eq!(desk.get(path).status, 400, "{path}");
    }
    assert_eq!(desk.get("orders?filter[customer]=1").ids(), ["1"]);
}

#[test]
fn in_a_shop_without_external_ids_who_has_an_account_buys() {
    const SEED: u64 = 7;
    let world = World::new(SEED, 40);
    let installed = Installed { version: "6.1.9".parse().unwrap(), ..installed() };
    let shop = Shop::new(client(3600), installed);
    let patience = SignedDuration::from_secs(3);
    let shopper = Shopper::new(World::new(SEED, 40), patience, &shop, Timestamp::UNIX_EPOCH);
    let desk = Desk::of(Front::new(shop, Some(shopper), Control::new()));
    for index in 0..world.plan().products {
        let sold = world.product(index, 1);
        let mut document = product(&sold.sku, "Kubek", false);
        document["included"][1]["relationships"]["unit"]["data"]["id"] = json!(sold.unit.name());
        assert_eq!(desk.post("products", &document).status, 201);
    }
    let far = crate::control::now();
    desk.post("customers", &unnumbered("Acme"));
    desk.front.place(1000, far);
    assert_eq!(desk.get("orders").ids(), [""; 0]);
    let buyer = world.order(0);
    let account = json!({"data": {"type": "customerusers",
        "attributes": {"email": buyer.customer_user_email, "firstName": "A", "lastName": "B"},
        "relationships": {"customer": {"data": {"type": "customers", "id": "1"}},
            "userRoles": {"data": [{"type": "customeruserroles", "id": "1"}]}}}});
    assert_eq!(desk.post("customerusers", &account).status, 201);
    desk.front.place(1000, far);
    let placed = desk.get(&format!("orders?filter[identifier]={}", buyer.identifier));
    assert_eq!(placed.body["data"][0]["relationships"]["customer"]["data"]["id"], "1");
    assert_eq!(desk.front.progress()["done"], false);
}
