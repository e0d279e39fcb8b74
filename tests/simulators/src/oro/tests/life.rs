//! What befalls a shop: maintenance, rights that are taken away, stock that is sold.

use ferry_world::World;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Desk, client, customer, installed, order, product};
use crate::control::{Control, now};
use crate::oro::serve::Front;
use crate::oro::shop::{Installed, Shop};
use crate::oro::shopper::Shopper;

impl Desk {
    fn by_hand(&self, method: &str, path: &str, body: &[u8]) -> u16 {
        self.raw(method, &format!("/_sim/{path}"), &[], body).status
    }
}

/// A desk with customer 1, product `MUG-1` and order 1.
fn stocked() -> Desk {
    let desk = Desk::open();
    desk.post("customers", &customer("Acme", "C-1"));
    desk.post("products", &product("MUG-1", "Kubek", false));
    assert_eq!(desk.post("orders", &order("WEB-1", "1", "MUG-1")).status, 201);
    desk
}

fn named(name: &str) -> Value {
    json!({"data": {"type": "customers", "id": "1", "attributes": {"name": name}}})
}

#[test]
fn in_maintenance_every_request_is_503_until_it_is_over() {
    let desk = stocked();
    assert_eq!(desk.by_hand("POST", "maintenance/on", br#"{"retry_after":"120"}"#), 204);
    let bearer = format!("Bearer {}", desk.token);
    for (method, path) in [
        ("GET", "/admin/api/customers"),
        ("PATCH", "/admin/api/customers/1"),
        ("POST", "/oauth2-token"),
        ("GET", "/"),
    ] {
        let request = [("authorization", bearer.as_str()), ("accept", super::JSON_API)];
        let (status, head) = desk.head(method, path, &request);
        assert_eq!(status, 503, "{method} {path}");
        assert!(
            head.contains("retry-after: 120") && head.contains("content-type: text/html"),
            "{head}"
        );
    }
    assert_eq!(desk.by_hand("POST", "maintenance/on", br#"{"for":"ever"}"#), 400);
    assert_eq!(desk.by_hand("POST", "maintenance/on", b""), 204);
    assert!(!desk.head("GET", "/admin/api/customers", &[]).1.contains("retry-after"));
    assert_eq!(desk.by_hand("POST", "maintenance/off", b""), 204);
    assert_eq!(desk.get("customers").ids(), ["1"]);
}

#[test]
fn without_view_a_record_is_403_and_a_list_is_refused() {
    let desk = stocked();
    assert_eq!(desk.by_hand("DELETE", "permissions/customers/view", b""), 204);
    let list = desk.get("customers");
    assert_eq!(list.errors(), (403, vec![("access denied exception", "")]));
    assert_eq!(list.body["errors"][0]["detail"], "No access to this type of entities.");
    let one = desk.get("customers/1");
    assert_eq!(
        (one.status, &one.body["errors"][0]["detail"]),
        (403, &json!("No access to the entity."))
    );
    assert_eq!(desk.get("customers/99").status, 404);
    let pointing = desk.post("orders", &order("WEB-2", "1", "MUG-1"));
    assert_eq!(
        pointing.errors(),
        (403, vec![("access granted constraint", "/data/relationships/customer/data")])
    );
    assert_eq!(desk.by_hand("PUT", "permissions/customers/view", b""), 204);
    assert_eq!(desk.get("customers").ids(), ["1"]);
    assert_eq!(desk.by_hand("DELETE", "permissions/customers/dance", b""), 404);
}

#[test]
fn each_right_is_asked_by_what_needs_it() {
    let desk = stocked();
    let delete = || desk.send("DELETE", "customers/1", &[], None).status;
    let owned = json!({"data": {"type": "customers", "id": "1", "relationships": {
        "owner": {"data": {"type": "users", "id": "1"}}}}});
    let item = json!({"data": [{"type": "customers", "attributes": {"name": "New"}}]});
    for (right, refused) in [
        (
            "create",
            desk_says(&desk, "create", || desk.post("customers", &customer("New", "C-2")).status),
        ),
        ("edit", desk_says(&desk, "edit", || desk.patch("customers/1", &named("Beta")).status)),
        ("assign", desk_says(&desk, "assign", || desk.patch("customers/1", &owned).status)),
        ("delete", desk_says(&desk, "delete", delete)),
        ("batch", desk_says(&desk, "create", || desk.batch("customers", &item).status)),
    ] {
        assert_eq!(refused, 403, "{right}");
    }
    assert_eq!(desk.by_hand("DELETE", "permissions/customers/create", b""), 204);
    let batch = desk.batch("customers", &item);
    assert_eq!(batch.errors(), (403, vec![("access denied exception", "/data/0")]));
    assert_eq!(desk.patch("customers/1", &named("Beta")).status, 200);
    assert_eq!(desk.patch("customers/1", &owned).status, 200);
    assert_eq!(desk.by_hand("DELETE", "permissions/asyncoperations/create", b""), 204);
    assert_eq!(desk.batch("products", &item).errors().0, 403);
    assert_eq!(desk.get("customers").ids(), ["1"]);
}

/// The answer while a right on customers is taken away.
fn desk_says(desk: &Desk, right: &str, ask: impl Fn() -> u16) -> u16 {
    let path = format!("permissions/customers/{right}");
    assert_eq!(desk.by_hand("DELETE", &path, b""), 204);
    let status = ask();
    assert_eq!(desk.by_hand("PUT", &path, b""), 204);
    status
}

#[test]
fn rows_of_another_organization_are_not_listed_and_403() {
    let desk = stocked();
    for (kind, row) in [
        ("organizations", r#"{"id":2,"attributes":{"name":"Other"}}"#),
        ("customers", r#"{"id":1,"relationships":{"organization":"2"}}"#),
    ] {
        assert!(desk.by_hand("POST", &format!("rows/{kind}"), row.as_bytes()) < 202);
    }
    assert_eq!(desk.get("customers").ids(), [""; 0]);
    assert_eq!(desk.get("customers?filter[externalId]=C-1").ids(), [""; 0]);
    assert_eq!(desk.get("customers/1").status, 403);
    assert_eq!(
        desk.patch("customers/1", &named("Beta")).errors(),
        (403, vec![("access denied exception", "")])
    );
}

#[test]
fn a_checkout_takes_from_the_level_where_the_shop_manages_its_stock() {
    const RECORDS: u32 = 40;
    for (checkout_stock, left) in [(true, true), (false, false)] {
        let shop = Shop::new(client(3600), Installed { checkout_stock, ..installed() });
        let world = World::new(7, RECORDS);
        let patience = SignedDuration::ZERO;
        let shopper = Shopper::new(World::new(7, RECORDS), patience, &shop, Timestamp::UNIX_EPOCH);
        let control = Control::new();
        let desk = Desk::of(Front::new(shop, Some(shopper), control.clone()));
        for index in 0..world.plan().products {
            let sold = world.product(index, 1);
            let mut document = product(&sold.sku, "Kubek", false);
            document["included"][1]["relationships"]["unit"]["data"]["id"] =
                json!(sold.unit.name());
            assert_eq!(desk.post("products", &document).status, 201);
            let level = format!(r#"{{"id":{},"attributes":{{"quantity":"100000"}}}}"#, index + 1);
            assert_eq!(desk.by_hand("POST", "rows/inventorylevels", level.as_bytes()), 200);
        }
        for index in 0..world.plan().customers {
            desk.post("customers", &customer("Acme", &world.customer(index, 1).number));
        }
        desk.front.place(1, now());
        let placed = control.entries().pop().unwrap();
        let order = placed.effects.iter().find(|effect| effect.entity == "order").unwrap();
        let lines = world.order(world.order_of(&order.key).unwrap()).lines;
        let line = &lines[0];
        let sold: f64 = lines
            .iter()
            .filter(|other| other.sku == line.sku)
            .map(|line| line.quantity.parse::<f64>().unwrap())
            .sum();
        let level = desk.get(&format!("inventorylevels?filter[product.sku]={}", line.sku));
        let quantity: f64 =
            level.body["data"][0]["attributes"]["quantity"].as_str().unwrap().parse().unwrap();
        assert!(
            (quantity - (100_000.0 - if left { sold } else { 0.0 })).abs() < 1e-6,
            "{quantity}"
        );
        assert_eq!(placed.effects.iter().any(|effect| effect.entity == "level"), left);
    }
}
