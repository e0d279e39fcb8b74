//! The shopper, the operator, and what the history and the state say.

use std::time::Duration;

use ferry_world::World;
use ferry_world::account::{Effect, EffectKind};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Desk, client, customer, installed, order, product};
use crate::control::{Control, View};
use crate::oro::serve::Front;
use crate::oro::shop::Shop;
use crate::oro::shopper::Shopper;

const SEED: u64 = 7;
const RECORDS: u32 = 40;

fn desk() -> Desk {
    let shop = Shop::new(client(3600), installed());
    let world = World::new(SEED, RECORDS);
    let patience = SignedDuration::from_secs(3);
    let shopper = Shopper::new(world, patience, &shop, Timestamp::UNIX_EPOCH);
    Desk::of(Front::new(shop, Some(shopper), Control::new()))
}

/// Everything an order needs but the buyer's own account.
fn stock(desk: &Desk, world: &World) {
    for index in 0..world.plan().products {
        let sold = world.product(index, 1);
        let mut document = product(&sold.sku, "Kubek", false);
        document["included"][1]["relationships"]["unit"]["data"]["id"] = json!(sold.unit.name());
        let reply = desk.post("products", &document);
        assert_eq!(reply.status, 201, "{}", reply.body);
    }
    for index in 0..world.plan().customers {
        let known = world.customer(index, 1);
        let reply = desk.post("customers", &customer("Acme", &known.number));
        assert_eq!(reply.status, 201, "{}", reply.body);
    }
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// What the requests since then did, without the fields.
fn told(effects: &[Effect]) -> Vec<(&str, &str, EffectKind)> {
    effects
        .iter()
        .map(|effect| (effect.entity.as_str(), effect.key.as_str(), effect.effect))
        .collect()
}

#[test]
fn every_order_of_the_world_is_placed_once_its_customer_and_products_are_there() {
    let (desk, world) = (desk(), World::new(SEED, RECORDS));
    desk.front.place(1000, later(0));
    assert_eq!(desk.get("orders").ids(), [""; 0]);
    stock(&desk, &world);
    let far = crate::control::now() + Duration::from_mins(1);
    desk.front.place(5, far);
    assert_eq!(desk.get("orders").ids().len(), 5);
    desk.front.place(1000, far);
    desk.front.place(1000, far);
    let reply = desk.get("orders?page[size]=-1&include=lineItems");
    assert_eq!(reply.ids().len(), usize::try_from(world.plan().orders).unwrap());
    assert_eq!(desk.front.progress()["done"], false);
    desk.front.place(0, far + Duration::from_mins(1));
    let progress = desk.front.progress();
    assert_eq!((&progress["done"], &progress["refused"]), (&json!(true), &json!(0)));
    let changed = (0..world.plan().orders).find(|order| world.changed_notes(*order).is_some());
    let changed = world.last_order(changed.unwrap());
    let found = desk.get(&format!("orders?filter[identifier]={}", changed.identifier));
    let notes = &found.body["data"][0]["attributes"]["customerNotes"];
    assert_eq!(notes.as_str(), changed.notes.as_deref());
    let first = &reply.body["data"][0]["attributes"];
    let placed = world.order(world.order_of(first["identifier"].as_str().unwrap()).unwrap());
    let lines = placed.lines.len();
    assert_eq!(first["currency"], placed.currency);
    assert_eq!(first["estimatedShippingCostAmount"], format!("{}00", placed.shipping_cost));
    let sum = |name: &str| first[name].as_str().unwrap().parse::<f64>().unwrap();
    let carriage: f64 = placed.shipping_cost.parse().unwrap();
    assert!((sum("totalValue") - sum("subtotalValue") - carriage).abs() < 0.000_01);
    assert_eq!(
        reply.body["data"][0]["relationships"]["lineItems"]["data"].as_array().unwrap().len(),
        lines
    );
}

#[test]
fn a_buyer_with_an_account_is_named_on_the_order_and_waited_for_a_little() {
    let (desk, world) = (desk(), World::new(SEED, RECORDS));
    stock(&desk, &world);
    desk.front.place(1000, crate::control::now());
    assert_eq!(desk.get("orders").ids(), [""; 0]);
    let buyer = world.order(0);
    let id = desk.get(&format!("customers?filter[externalId]={}", buyer.customer_number)).ids()[0]
        .to_owned();
    let reply = desk.post(
        "customerusers",
        &json!({"data": {"type": "customerusers",
        "attributes": {"email": buyer.customer_user_email, "firstName": "A", "lastName": "B"},
        "relationships": {"customer": {"data": {"type": "customers", "id": id}},
            "userRoles": {"data": [{"type": "customeruserroles", "id": "1"}]}}}}),
    );
    assert_eq!(reply.status, 201, "{}", reply.body);
    desk.front.place(1000, crate::control::now());
    let order =
        desk.get(&format!("orders?filter[identifier]={}&include=customerUser", buyer.identifier));
    assert_eq!(order.body["included"][0]["attributes"]["email"], buyer.customer_user_email);
}

#[test]
fn the_state_shows_what_the_account_looks_for() {
    let desk = Desk::open();
    desk.post("customers", &customer("Acme", "C-1"));
    desk.post("customeraddresses", &json!({"data": {"type": "customeraddresses",
        "attributes": {"label": "HQ", "street": "Kouter 1", "city": "Gent", "postalCode": "9000", "organization": "Acme"},
        "relationships": {"customer": {"data": {"type": "customers", "id": "1"}},
            "country": {"data": {"type": "countries", "id": "BE"}}}}}));
    desk.post("products", &product("MUG-1", "Kubek", false));
    desk.post("orders", &order("WEB-1", "1", "MUG-1"));
    let rows = |name: &str| desk.front.collection(name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(rows("customers")[0]["addresses"][0]["country"], "BE");
    assert_eq!(rows("customers")[0]["externalId"], "C-1");
    assert_eq!(rows("products")[0]["name"], "Kubek");
    assert_eq!(rows("products")[0]["unit"], "item");
    assert_eq!(
        rows("inventorylevels")[0],
        json!({"id": "1", "sku": "MUG-1", "unit": "item", "quantity": "0"})
    );
    assert_eq!(rows("orders")[0]["shippingStatus"], "not_shipped");
    assert_eq!(desk.front.collection("widgets"), None);
}

/// The effects of one request, as the history would take them.
fn effects(desk: &Desk, method: &str, path: &str, body: &Value) -> Vec<Effect> {
    desk.at(crate::control::now(), method, path, body).effects
}

#[test]
fn each_write_tells_what_it_did_and_to_what() {
    use EffectKind::{Created, Refused, Unchanged, Updated};
    let desk = Desk::open();
    let created = effects(&desk, "POST", "customers", &customer("Acme", "C-1"));
    assert_eq!(told(&created), [("customer", "C-1", Created)]);
    assert_eq!(created[0].fields["name"], "Acme");
    assert_eq!(created[0].fields["addresses"], json!([]));
    let again = effects(&desk, "POST", "customers", &customer("Acme", "C-1"));
    assert_eq!(told(&again), [("customer", "C-1", Refused)]);
    let patch = json!({"data": {"type": "customers", "id": "1", "attributes": {"name": "Acme"}}});
    assert_eq!(
        told(&effects(&desk, "PATCH", "customers/1", &patch)),
        [("customer", "C-1", Unchanged)]
    );
    let stocked = effects(&desk, "POST", "products", &product("MUG-1", "Kubek", false));
    assert_eq!(told(&stocked), [("level", "MUG-1", Created), ("product", "MUG-1", Created)]);
    assert_eq!(stocked[1].fields["name"], "Kubek");
    effects(&desk, "POST", "orders", &order("WEB-1", "1", "MUG-1"));
    let tracked = effects(
        &desk,
        "PATCH",
        "orders/1",
        &json!({
        "data": {"type": "orders", "id": "1", "relationships": {"shippingTrackings": {"data": [
            {"type": "ordershippingtrackings", "id": "t"}]}}},
        "included": [{"type": "ordershippingtrackings", "id": "t",
            "attributes": {"method": "DHL", "number": "A1"}}]}),
    );
    assert_eq!(told(&tracked), [("order", "WEB-1", Updated)]);
    assert_eq!(tracked[0].fields["trackings"][0]["number"], "A1");
}

#[test]
fn an_operator_can_close_an_order_and_end_all_tokens() {
    let desk = Desk::open();
    desk.post("customers", &customer("Acme", "C-1"));
    desk.post("products", &product("MUG-1", "Kubek", false));
    desk.post("orders", &order("WEB-1", "1", "MUG-1"));
    let close = |status: &str| {
        desk.raw("POST", &format!("/_sim/orders/WEB-1/internal-status/{status}"), &[], b"").status
    };
    assert_eq!((close("closed"), close("nonsense")), (204, 404));
    let patch = json!({"data": {"type": "orders", "id": "1", "attributes": {"poNumber": "7"}}});
    assert_eq!(desk.patch("orders/1", &patch).status, 403);
    assert_eq!(desk.raw("DELETE", "/_sim/tokens", &[], b"").status, 204);
    assert_eq!(desk.get("orders").status, 401);
}
