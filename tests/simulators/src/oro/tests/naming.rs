//! How rows are named: what no id can be, names given by the client, and UUIDs made by the shop.

use serde_json::{Value, json};

use super::{Desk, client, customer, installed};
use crate::control::Control;
use crate::oro::serve::Front;
use crate::oro::shop::{Installed, Shop};
use crate::oro::version::Keyed;
use crate::oro::webhooks::announce;

fn unit(id: Option<&str>, more: &Value) -> Value {
    let mut row = json!({"type": "productunits", "attributes": {"label": "crate", "shortLabel": "cr",
        "pluralLabel": "crates", "shortPluralLabel": "crs", "defaultPrecision": 0}});
    if let Some(id) = id {
        row["id"] = json!(id);
    }
    for (name, value) in more.as_object().unwrap() {
        row[name] = value.clone();
    }
    json!({ "data": row })
}

#[test]
fn what_no_number_can_be_names_no_row() {
    let desk = Desk::open();
    let id = desk.post("customers", &customer("Acme", "C-1")).id();
    let title = "entity identifier constraint";
    assert_eq!(desk.get("customers/x").errors(), (400, vec![(title, "")]));
    let patch = json!({"data": {"type": "customers", "id": "x", "attributes": {"name": "Oy"}}});
    assert_eq!(desk.patch("customers/x", &patch).errors(), (400, vec![(title, "")]));
    let group = json!({"group": {"data": {"type": "customergroups", "id": "gold"}}});
    let patch = json!({"data": {"type": "customers", "id": id, "relationships": group}});
    let reply = desk.patch(&format!("customers/{id}"), &patch);
    assert_eq!(reply.errors(), (400, vec![(title, "/data/relationships/group/data/id")]));
    assert_eq!(reply.body["errors"][0]["detail"], "Expected integer value. Given \"gold\".");
    for parameter in ["filter[id]", "filter[group]"] {
        let reply = desk.get(&format!("customers?{parameter}=1,gold"));
        assert_eq!(reply.errors(), (400, vec![("filter constraint", parameter)]));
    }
}

#[test]
fn a_unit_is_named_by_who_makes_it_and_may_be_put_in_place() {
    let desk = Desk::open();
    let reply = desk.post("productunits", &unit(Some("crate"), &json!({})));
    assert_eq!((reply.status, reply.id().as_str()), (201, "crate"), "{}", reply.body);
    let again = desk.post("productunits", &unit(Some("crate"), &json!({})));
    assert_eq!(again.errors(), (409, vec![("conflict constraint", "")]));
    let nameless = desk.post("productunits", &unit(None, &json!({})));
    assert_eq!(nameless.errors(), (400, vec![("entity identifier constraint", "/data/id")]));
    for (id, status) in [("crate", 200), ("barrel", 201)] {
        let document = unit(Some(id), &json!({"meta": {"upsert": ["id"]}}));
        assert_eq!(desk.post("productunits", &document).status, status, "{id}");
        assert_eq!(desk.patch(&format!("productunits/{id}"), &document).status, 200, "{id}");
    }
    let bare = json!({"type": "productunits", "id": "keg", "attributes": {"defaultPrecision": 0}});
    let reply = desk.post("productunits", &json!({"data": bare}));
    let (status, errors) = reply.errors();
    assert_eq!((status, errors.len(), errors[0].0), (400, 4, "not blank constraint"));
}

#[test]
fn a_webhook_goes_by_a_uuid() {
    let desk = Desk::open();
    announce(&mut desk.front.floor().shop.store, "order");
    let mut document = json!({"data": {"type": "webhooks", "attributes": {"notificationUrl": "http://a.example/"},
        "relationships": {"topic": {"data": {"type": "webhooktopics", "id": "order.created"}},
            "format": {"data": {"type": "webhookformats", "id": "thin"}}}}});
    let id = desk.post("webhooks", &document).id();
    assert_eq!(id.len(), 36);
    assert_eq!(desk.get(&format!("webhooks/{id}")).status, 200);
    let unknown = "11111111-2222-4333-8444-555555555555";
    assert_eq!(desk.get(&format!("webhooks/{unknown}")).status, 404);
    assert_eq!(desk.get("webhooks/1").errors(), (400, vec![("entity identifier constraint", "")]));
    document["data"]["relationships"]["format"]["data"]["id"] = json!("thick");
    assert_eq!(
        desk.post("webhooks", &document).errors(),
        (400, vec![("valid webhook format constraint", "/data/relationships/format/data")])
    );
    for method in ["GET", "PATCH"] {
        let reply = desk.send(method, &format!("webhooks/{id}/relationships/topic"), &[], None);
        assert_ne!(reply.status / 100, 2, "{method}");
    }
}

#[test]
fn a_tax_code_is_made_once() {
    let desk = Desk::open();
    let code = json!({"data": {"type": "producttaxcodes", "attributes": {"code": "GOODS"}}});
    let reply = desk.post("producttaxcodes", &code);
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert_eq!(reply.body["data"]["relationships"]["organization"]["data"]["id"], "1");
    assert_eq!(
        desk.post("producttaxcodes", &code).errors(),
        (400, vec![("unique tax code constraint", "/data/attributes/code")])
    );
}

#[test]
fn options_have_names_and_an_order_of_their_own() {
    let desk = Desk::open();
    let page = desk.get("ordershippingstatuses?sort=-priority");
    assert_eq!(page.ids(), ["partially_shipped", "shipped", "not_shipped"]);
    let last = &page.body["data"][2]["attributes"];
    assert_eq!(*last, json!({"name": "Not Shipped", "priority": 1, "default": true}));
    let names = desk.get("prodinventorystatuses?filter[name]=In%20Stock");
    assert_eq!(names.ids(), ["in_stock"]);
    assert_eq!(desk.get("customerratings/1_of_5").body["data"]["attributes"]["name"], "1 of 5");
}

#[test]
fn what_the_site_has_put_on_its_list_goes_by_its_external_id() {
    let mut keyed = Keyed::default();
    for (kind, known) in [("customers", true), ("orders", true), ("categories", false)] {
        assert_eq!(keyed.add(kind), known, "{kind}");
    }
    let installed = Installed { keyed, ..installed() };
    let desk = Desk::of(Front::new(Shop::new(client(3600), installed), None, Control::new()));
    desk.post("customers", &customer("Oy", "C-2"));
    desk.post(
        "customers",
        &json!({"data": {"type": "customers", "attributes": {"name": "No number"}}}),
    );
    let ext = desk.ext();
    let named = json!({"data": {"type": "customers", "id": "C-1", "attributes": {"name": "Acme", "dbId": 9}}});
    let made = ext.post("customers", &named);
    assert_eq!((made.status, made.id().as_str()), (201, "C-1"), "{}", made.body);
    let attributes = &made.body["data"]["attributes"];
    assert_eq!((&attributes["dbId"], &attributes["externalId"]), (&json!(3), &Value::Null));
    assert_eq!(ext.post("customers", &named).errors(), (409, vec![("conflict constraint", "")]));
    assert_eq!(ext.get("customers").ids(), ["C-1", "C-2"]);
    assert_eq!(ext.get("customers?filter[id]=C-2").ids(), ["C-2"]);
    let mut put = named.clone();
    put["data"]["meta"] = json!({"upsert": true});
    put["data"]["relationships"] = json!({"parent": {"data": {"type": "customers", "id": "C-2"}}});
    assert_eq!(ext.post("customers", &put).status, 200);
    let parent = ext.get("customers/C-1").body["data"]["relationships"]["parent"]["data"].clone();
    assert_eq!(parent["id"], "C-2");
    put["data"]["relationships"]["parent"]["data"]["id"] = json!("1");
    let by_number = ext.post("customers", &put);
    let place = "/data/relationships/parent/data";
    assert_eq!(by_number.errors(), (400, vec![("form constraint", place)]));
    assert_eq!(desk.get("customers/3").body["data"]["attributes"]["externalId"], "C-1");
    assert_eq!(desk.ext().get("customerusers").status, 200);
}
