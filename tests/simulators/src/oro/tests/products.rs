//! Products by number and by SKU, and their stock.

use serde_json::{Value, json};

use super::{Desk, product};

#[test]
fn a_product_comes_with_its_names_units_and_a_stock_level() {
    let desk = Desk::open();
    let reply = desk.post("products", &product("MUG-0007-RED", "Kubek", false));
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert_eq!(reply.body["data"]["attributes"]["sku"], "MUG-0007-RED");
    assert_eq!(reply.body["included"][0]["meta"]["includeId"], "n");
    let query =
        "inventorylevels?filter[product.sku]=MUG-0007-RED&include=product,productUnitPrecision";
    let levels = desk.get(query);
    assert_eq!(levels.ids(), ["1"]);
    assert_eq!(levels.body["data"][0]["attributes"]["quantity"], "0");
    assert_eq!(levels.body["included"].as_array().unwrap().len(), 2);
    assert!(levels.body["data"][0]["attributes"]["updatedAt"].is_null());
}

#[test]
fn a_stock_level_is_set_and_answered_as_a_string() {
    let desk = Desk::open();
    desk.post("products", &product("MUG", "Kubek", false));
    let level = |quantity: &Value| json!({"data": {"type": "inventorylevels", "id": "1", "attributes": {"quantity": quantity}}});
    let reply = desk.patch("inventorylevels/1", &level(&json!(17)));
    assert_eq!(reply.body["data"]["attributes"]["quantity"], "17");
    let wrong = desk.patch("inventorylevels/1", &level(&json!("many")));
    assert_eq!(wrong.errors(), (400, vec![("form constraint", "/data/attributes/quantity")]));
    let batch = json!({"data": [{"type": "inventorylevels", "id": "1", "meta": {"update": true},
        "attributes": {"quantity": "2.5"}}]});
    assert_eq!(desk.batch("inventorylevels", &batch).status, 200);
    assert_eq!(desk.get("inventorylevels/1").body["data"]["attributes"]["quantity"], "2.5");
    let reply = desk.send("DELETE", "inventorylevels/1", &[], None);
    assert_eq!(reply.status, 405);
}

#[test]
fn a_name_beyond_255_characters_is_refused_at_its_own_place() {
    let desk = Desk::open();
    let reply = desk.post("products", &product("MUG", &"x".repeat(256), false));
    assert_eq!(reply.errors(), (400, vec![("length constraint", "/included/0/attributes/string")]));
    assert_eq!(desk.get("products").ids(), [""; 0]);
    assert_eq!(desk.get("productnames").ids(), [""; 0]);
}

#[test]
fn a_product_needs_a_default_name_and_its_primary_unit_among_its_units() {
    let desk = Desk::open();
    let mut nameless = product("MUG", "", false);
    let reply = desk.post("products", &nameless);
    assert_eq!(reply.errors().1[0].1, "/data/relationships/names/data");
    nameless["data"]["relationships"]["names"] = json!({"data": []});
    nameless["included"].as_array_mut().unwrap().remove(0);
    let reply = desk.post("products", &nameless);
    let place = "/data/relationships/names/data";
    let blank = "not blank default localized fallback value constraint";
    assert_eq!(reply.errors(), (400, vec![(blank, place), ("count constraint", place)]));
    let mut unitless = product("MUG", "Kubek", false);
    unitless["data"]["relationships"]["unitPrecisions"] = json!({"data": []});
    let reply = desk.post("products", &unitless);
    assert_eq!(
        reply.errors().1[0],
        ("count constraint", "/data/relationships/unitPrecisions/data")
    );
}

#[test]
fn a_sku_is_unique_whatever_the_case() {
    let desk = Desk::open();
    desk.post("products", &product("MUG-1", "Kubek", false));
    let reply = desk.post("products", &product("mug-1", "Kubek", false));
    assert_eq!(reply.errors(), (400, vec![("unique entity constraint", "/data/attributes/sku")]));
    assert_eq!(desk.get("products?filter[sku]=MUG-1,NONE").ids(), ["1"]);
}

#[test]
fn with_ext_id_the_sku_is_the_id_and_the_number_is_an_attribute() {
    let desk = Desk::open().ext();
    let reply = desk.post("products", &product("MUG-1", "Kubek", true));
    assert_eq!((reply.status, reply.id().as_str()), (201, "MUG-1"));
    assert_eq!(reply.body["data"]["attributes"]["dbId"], 1);
    assert!(reply.body["data"]["attributes"]["sku"].is_null());
    assert_eq!(desk.get("products/MUG-1").id(), "MUG-1");
    assert_eq!(desk.get("products/1").status, 404);
    let again = desk.post("products", &product("MUG-1", "Kubek", true));
    assert_eq!(again.errors(), (409, vec![("conflict constraint", "")]));
    let levels = desk.get("inventorylevels?filter[product]=MUG-1,NONE");
    assert_eq!(levels.ids(), ["1"]);
    assert_eq!(levels.body["data"][0]["relationships"]["product"]["data"]["id"], "MUG-1");
    let mut nameless = product("JUG", "Dzbanek", true);
    nameless["data"].as_object_mut().unwrap().remove("id");
    assert_eq!(desk.post("products", &nameless).errors().1[0].1, "/data/id");
}

#[test]
fn with_ext_id_an_upsert_creates_once_and_then_updates() {
    let desk = Desk::open().ext();
    let mut document = product("MUG-1", "Kubek", true);
    document["data"]["meta"] = json!({"upsert": true});
    assert_eq!(desk.post("products", &document).status, 201);
    document["included"][0]["attributes"]["string"] = json!("Kubek czerwony");
    // Its unit is there already, in a row of its own.
    let place = "/data/relationships/unitPrecisions/data";
    assert_eq!(desk.post("products", &document).errors().1[0], ("form constraint", place));
    document["included"].as_array_mut().unwrap().pop();
    let relationships = document["data"]["relationships"].as_object_mut().unwrap();
    relationships.retain(|name, _| name == "names");
    let reply = desk.post("products", &document);
    assert_eq!(reply.status, 200, "{}", reply.body);
    let product = desk.get("products/MUG-1?include=names");
    assert_eq!(product.body["included"].as_array().unwrap().len(), 1);
    assert_eq!(product.body["included"][0]["attributes"]["string"], "Kubek czerwony");
    let plain = Desk { ext: false, ..desk };
    document["data"]["attributes"]["sku"] = json!("MUG-1");
    assert_eq!(plain.post("products", &document).errors().1[0].1, "/meta/upsert");
    assert_eq!(plain.get("products").ids(), ["1"]);
}

#[test]
fn an_existing_name_is_updated_in_place_with_meta_update() {
    let desk = Desk::open();
    desk.post("products", &product("MUG", "Kubek", false));
    let reply = desk.patch(
        "products/1",
        &json!({
        "data": {"type": "products", "id": "1", "relationships": {
            "names": {"data": [{"type": "productnames", "id": "1"}]}}},
        "included": [{"type": "productnames", "id": "1", "meta": {"update": true},
            "attributes": {"string": "Kubek niebieski"}}]}),
    );
    assert_eq!(reply.status, 200, "{}", reply.body);
    let names = desk.get("productnames");
    assert_eq!(names.ids(), ["1"]);
    assert_eq!(names.body["data"][0]["attributes"]["string"], "Kubek niebieski");
}

#[test]
fn a_new_unit_adds_a_stock_level_and_the_old_one_stays() {
    let desk = Desk::open();
    desk.post("products", &product("MUG", "Kubek", false));
    let reply = desk.patch("products/1", &json!({
        "data": {"type": "products", "id": "1", "relationships": {"unitPrecisions": {"data": [
            {"type": "productunitprecisions", "id": "1"}, {"type": "productunitprecisions", "id": "kg"}]}}},
        "included": [{"type": "productunitprecisions", "id": "kg", "attributes": {"precision": 3,
            "conversionRate": 0.5}, "relationships": {"unit": {"data": {"type": "productunits", "id": "kg"}}}}]}));
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(desk.get("inventorylevels?filter[product]=1").ids(), ["1", "2"]);
    assert_eq!(desk.send("DELETE", "products/1", &[], None).status, 204);
    assert_eq!(desk.get("inventorylevels").ids(), [""; 0]);
}

#[test]
fn a_unit_the_shop_does_not_have_is_no_entity() {
    let desk = Desk::open();
    let mut document = product("MUG", "Kubek", false);
    document["included"][1]["relationships"]["unit"]["data"]["id"] = json!("barrel");
    let reply = desk.post("products", &document);
    assert_eq!(
        reply.errors(),
        (400, vec![("form constraint", "/included/1/relationships/unit/data")])
    );
}

#[test]
fn a_new_product_has_a_text_for_each_language_whoever_wrote_which() {
    let desk = Desk::open();
    let id = desk.post("products", &product("MUG-1", "Kubek", false)).id();
    let names = desk.get(&format!("products/{id}/names")).body;
    let texts: Vec<_> = names["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| {
            let language = &name["relationships"]["localization"]["data"];
            let attributes = &name["attributes"];
            (
                language["id"].as_str(),
                attributes["string"].as_str(),
                attributes["fallback"].as_str(),
            )
        })
        .collect();
    assert_eq!(texts, [(None, Some("Kubek"), None), (Some("1"), None, Some("system"))]);
    for list in ["descriptions", "shortDescriptions", "slugPrototypes"] {
        assert_eq!(desk.get(&format!("products/{id}/{list}")).ids().len(), 2, "{list}");
    }
}

#[test]
fn a_unit_is_a_products_once_and_the_primary_one_stays() {
    let desk = Desk::open();
    let id = desk.post("products", &product("MUG-1", "Kubek", false)).id();
    let again = json!({"data": {"type": "productunitprecisions",
        "attributes": {"precision": 0, "conversionRate": 2}, "relationships": {
            "unit": {"data": {"type": "productunits", "id": "item"}},
            "product": {"data": {"type": "products", "id": id}}}}});
    assert_eq!(
        desk.post("productunitprecisions", &again).errors(),
        (400, vec![("unique entity constraint", "/data/relationships/product/data")])
    );
    let primary = desk.get(&format!("products/{id}/unitPrecisions")).ids()[0].to_owned();
    let reply = desk.send("DELETE", &format!("productunitprecisions/{primary}"), &[], None);
    assert_eq!(reply.errors(), (403, vec![("access denied exception", "")]));
}

#[test]
fn a_unit_is_not_replaced_by_another_row_of_itself() {
    let desk = Desk::open();
    let id = desk.post("products", &product("MUG-1", "Kubek", false)).id();
    let own = json!({"data": {"type": "products", "id": id, "relationships": {"unitPrecisions": {"data": [
            {"type": "productunitprecisions", "id": "again"}]}}},
        "included": [{"type": "productunitprecisions", "id": "again",
            "attributes": {"precision": 0, "conversionRate": 2},
            "relationships": {"unit": {"data": {"type": "productunits", "id": "item"}}}}]});
    let refused = desk.patch(&format!("products/{id}"), &own);
    let places = [
        ("form constraint", "/data/relationships/unitPrecisions/data"),
        ("unique entity constraint", "/included/0/relationships/product/data"),
    ];
    assert_eq!(refused.errors(), (400, places.to_vec()));
    let detail = "Unit precision \"item\" already exists for this product.";
    assert_eq!(refused.body["errors"][0]["detail"], detail);
    assert_eq!(desk.get(&format!("products/{id}/unitPrecisions")).ids().len(), 1);
}
