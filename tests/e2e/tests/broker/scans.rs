//! What no time of a shop's rows tells: heard by walking over all of them.

use std::{collections::BTreeMap, fs};

use ferry_e2e::{Installation, Running, Simulator, Systems, http, wait_for, wait_until};
use serde_json::{Value, json};

use crate::{
    SOON,
    both_ways::{Clerk, World, names, writes},
    outcomes_once,
};

/// The customer of the shop with this number.
fn of_shop(shop: &Simulator, number: &str) -> Value {
    let rows = shop.state("customers");
    rows.into_iter().find(|row| row["externalId"] == number).unwrap()
}

/// Last names of the customer's contacts in the ERP.
fn contacts(erp: &Simulator, number: &str) -> Vec<String> {
    let row = erp.state("customers").into_iter().find(|row| row["number"] == number).unwrap();
    let contacts = row["contacts"].as_array().unwrap().iter();
    contacts.map(|contact| contact["last_name"].as_str().unwrap().to_owned()).collect()
}

/// How often something of the customer was changed there.
fn updates(erp: &Simulator, number: &str) -> usize {
    let history = erp.history();
    let effects = history.iter().filter_map(|entry| entry["effects"].as_array()).flatten();
    effects.filter(|it| it["key"] == number && it["effect"] == "updated").count()
}

fn schedule(console: &str) -> Value {
    http::get(&format!("{console}/api/v1/schedules/scan/shop%2Fcustomers")).json()
}

#[test]
fn a_users_name_that_was_changed_in_the_shop_reaches_the_erp_by_a_scan() {
    let scan = "scan = { customers = { every = \"2s\" } }";
    let world = World::whole_with("scans", "latest", 40, scan);
    let clerk = Clerk::of(&world.shop);
    let user_of = |number: &String| {
        let customer = of_shop(&world.shop, number);
        clerk.rows("customerusers", customer["id"].as_str().unwrap()).into_iter().next()
    };
    let found = names(&world.erp).into_keys().find_map(|number| {
        let user = user_of(&number)?;
        Some((number, user["id"].as_str().unwrap().to_owned()))
    });
    let (number, user) = found.unwrap();
    let before = of_shop(&world.shop, &number)["updatedAt"].clone();
    let renamed = json!({"data": {"type": "customerusers", "id": user,
        "attributes": {"lastName": "Scanned"}}});
    clerk.ask("PATCH", &format!("customerusers/{user}"), &renamed);
    assert_eq!(of_shop(&world.shop, &number)["updatedAt"], before, "no poll can find it");
    wait_until("the ERP to hear of the user", SOON, || {
        contacts(&world.erp, &number).contains(&"Scanned".to_owned())
    });
    let by_hand = writes(&world.shop);
    // It is told once more by the next walk, and what is told is known.
    let walks = |done: &Value| done["last_success"].as_str().unwrap_or_default().to_owned();
    for _ in 0..2 {
        let seen = walks(&schedule(&world.console.url));
        wait_until("another walk", SOON, || walks(&schedule(&world.console.url)) > seen);
    }
    world.until_at_rest();
    assert_eq!(updates(&world.erp, &number), 1);
    assert_eq!(writes(&world.shop), by_hand);
    let scan = schedule(&world.console.url);
    assert_eq!(scan["schedule"], "scan/shop/customers");
    assert_eq!(scan["walk"]["of"], world.shop.state("customers").len());
}

#[test]
fn a_customer_that_is_gone_in_the_shop_is_told_and_the_erp_keeps_it() {
    let scan = "scan = { customers = { every = \"2s\" } }";
    let world = World::whole_with("gone", "latest", 40, scan);
    let number = names(&world.erp).into_keys().next().unwrap();
    wait_until("a whole walk", SOON, || {
        schedule(&world.console.url)["walk"]["of"].as_u64() > Some(0)
    });
    let id = of_shop(&world.shop, &number)["id"].as_str().unwrap().to_owned();
    world.shop.by_hand("DELETE", &format!("rows/customers/{id}"));
    outcomes_once(&world.console.url, "customers back", "skipped", 1);
    assert!(names(&world.erp).contains_key(&number));
    assert_eq!(writes(&world.erp), BTreeMap::new());
}

/// What a shop says of a facet, into files.
const SAID: &str = r#"[systems.said]
kind = "export"
format = "csv"
columns = [{columns}]
name = "said-{number}.csv"
folder = "said"
flush_at = 1

[systems.said.parts.{facet}]
facet = "{facet}"
mapping = "said.jq"

[[routes]]
name = "said"
from = "shop"
entity = "{entity}"
facet = "{facet}"
every = "1s"
to = ["said"]

[[routes]]
name = "shipments""#;

/// What becomes of a part, and what the rows in the files are.
struct Saying<'a> {
    entity: &'a str,
    facet: &'a str,
    columns: &'a str,
    mapping: &'a str,
}

/// Ferry between a shop and the files, and the rows it has brought there.
struct Said {
    ferry: Installation,
    console: String,
    _services: [Running; 4],
}

impl Said {
    fn by(name: &str, shop: &Simulator, saying: &Saying<'_>, of_shop: &str) -> Self {
        let route = SAID
            .replace("{entity}", saying.entity)
            .replace("{facet}", saying.facet)
            .replace("{columns}", saying.columns);
        let shown = format!("{MANAGED}{of_shop}");
        let systems = Systems { shop: &shop.url, ..Systems::default() };
        let changes = [(FROM_WAREHOUSE, route.as_str()), (MANAGED, &shown)];
        let ferry = Installation::new(name, systems, &changes);
        fs::write(ferry.folder().join("said.jq"), saying.mapping).unwrap();
        fs::create_dir_all(ferry.folder().join("said")).unwrap();
        let services = ["console", "producer", "transformer", "loader"].map(|it| ferry.run(it));
        Self { console: services[0].url.clone(), ferry, _services: services }
    }

    fn rows(&self) -> Vec<String> {
        let files = fs::read_dir(self.ferry.folder().join("said")).into_iter().flatten().flatten();
        let mut names: Vec<_> = files.map(|file| file.path()).collect();
        names.retain(|name| name.extension().is_some_and(|extension| extension == "csv"));
        names.sort_by_key(|name| (name.as_os_str().len(), name.clone()));
        let texts = names.iter().filter_map(|name| fs::read_to_string(name).ok());
        texts.flat_map(|text| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// How often the row was brought.
    fn times(&self, row: &str) -> usize {
        self.rows().into_iter().filter(|brought| brought == row).count()
    }

    /// Two more whole walks over a list: what they have told the broker has.
    fn until_walked(&self, list: &str) {
        let done = || {
            let url = format!("{}/api/v1/schedules/scan/shop%2F{list}", self.console);
            http::get(&url).json()["last_success"].as_str().unwrap_or_default().to_owned()
        };
        for _ in 0..2 {
            let seen = done();
            wait_until("another walk", SOON, || done() > seen);
        }
    }
}

const MANAGED: &str = "external_status_management = true\n";
const FROM_WAREHOUSE: &str = r#"[[routes]]
name = "stock"
from = "warehouse"
entity = "product"
facet = "stock"
to = ["shop"]

[[routes]]
name = "shipments""#;

#[test]
fn a_level_that_a_checkout_lowers_is_heard_as_stock_of_the_shop() {
    let shop = Simulator::shop();
    shop.place_order("W-1");
    let columns = r#""sku", "site", "available""#;
    let stock =
        Saying { entity: "product", facet: "stock", columns, mapping: "{sku, site, available}" };
    let said = Said::by("levels", &shop, &stock, "");
    let first = wait_for("the level to be exported", SOON, || said.rows().pop());
    assert!(first.starts_with("SKU-W-1,shop,"), "{first}");
    let level = shop.state("inventorylevels").remove(0)["id"].as_str().unwrap().to_owned();
    let change = json!({"data": {"type": "inventorylevels", "id": level,
        "attributes": {"quantity": "41.5"}}});
    Clerk::of(&shop).ask("PATCH", &format!("inventorylevels/{level}"), &change);
    wait_until("the new level", SOON, || {
        said.rows().last().is_some_and(|row| row.ends_with(",41.5"))
    });
}

#[test]
fn a_late_change_of_an_order_of_an_old_shop_reaches_the_other_side_once_by_a_scan() {
    let shop = Simulator::start("oro", &["--orders-per-second", "0", "--oro-version", "5.1"]);
    let clerk = Clerk::of(&shop);
    shop.place_order_in_old("W-1");
    let order = shop.state("orders").remove(0)["id"].as_str().unwrap().to_owned();
    let change = |attributes: Value| {
        let document = json!({"data": {"type": "orders", "id": order, "attributes": attributes}});
        clerk.ask("PATCH", &format!("orders/{order}"), &document);
    };
    // Its creation lies so far behind the newest order's that no poll reads back to it.
    change(json!({"createdAt": "2026-01-02T03:04:05Z"}));
    shop.place_order_in_old("W-2");
    let columns = r#""identifier", "po""#;
    let mapping = r#"{identifier, po: (.purchase_order_number // "none")}"#;
    let orders = Saying { entity: "order", facet: "placed", columns, mapping };
    let said = Said::by("late-orders", &shop, &orders, "scan = { orders = { every = \"1s\" } }\n");
    wait_until("both orders", SOON, || (said.times("W-1,none"), said.times("W-2,none")) == (1, 1));
    said.until_walked("orders");
    change(json!({"poNumber": "PO-9"}));
    wait_until("the late change", SOON, || said.times("W-1,PO-9") > 0);
    said.until_walked("orders");
    said.until_walked("orders");
    assert_eq!(said.rows().len(), 3, "each state once: {:?}", said.rows());
}

#[test]
fn a_price_that_is_changed_and_one_that_is_taken_away_in_the_shop_are_heard_as_the_whole_list() {
    let shop = Simulator::shop();
    for order in ["W-1", "W-2", "W-3"] {
        shop.place_order(order);
    }
    let clerk = Clerk::of(&shop);
    let product = |sku: &str| {
        let rows = shop.state("products").into_iter();
        let row = rows.into_iter().find(|row| row["sku"] == sku).unwrap();
        row["id"].as_str().unwrap().to_owned()
    };
    let price = |sku: &str, quantity: u32, value: &str| {
        let document = json!({"data": {"type": "productprices",
            "attributes": {"quantity": quantity, "value": value, "currency": "EUR"},
            "relationships": {"priceList": {"data": {"type": "pricelists", "id": "1"}},
                "product": {"data": {"type": "products", "id": product(sku)}},
                "unit": {"data": {"type": "productunits", "id": "item"}}}}});
        let made = clerk.ask("POST", "productprices", &document);
        format!("productprices/{}", made["id"].as_str().unwrap())
    };
    let one = price("SKU-W-1", 1, "9.90");
    price("SKU-W-2", 1, "5");
    let columns = r#""sku", "list", "prices""#;
    let mapping = r#"{sku, list, prices: ([.prices[] | "\(.quantity) \(.unit) \(.value) \(.currency)"] | join("; "))}"#;
    let prices = Saying { entity: "product", facet: "price", columns, mapping };
    let said = Said::by("prices", &shop, &prices, "price_lists = { retail = \"1\" }\n");
    let hears = |row: &str| wait_until(row, SOON, || said.times(row) > 0);
    hears("SKU-W-1,retail,1 item 9.9 EUR");
    hears("SKU-W-2,retail,1 item 5 EUR");
    let ten = price("SKU-W-1", 10, "8");
    hears("SKU-W-1,retail,1 item 9.9 EUR; 10 item 8 EUR");
    let id = ten.trim_start_matches("productprices/");
    let dearer =
        json!({"data": {"type": "productprices", "id": id, "attributes": {"value": "8.5"}}});
    clerk.ask("PATCH", &ten, &dearer);
    hears("SKU-W-1,retail,1 item 9.9 EUR; 10 item 8.5 EUR");
    clerk.ask("DELETE", &one, &Value::Null);
    hears("SKU-W-1,retail,10 item 8.5 EUR");
    clerk.ask("DELETE", &ten, &Value::Null);
    hears("SKU-W-1,retail,");
    said.until_walked("productprices");
    said.until_walked("productprices");
    // Told by two walks, of which the second is as of later: it may be brought once more.
    let rows = said.rows();
    let of = |sku: &str| {
        let mut rows: Vec<&String> = rows.iter().filter(|row| row.starts_with(sku)).collect();
        rows.dedup();
        rows.len()
    };
    assert_eq!((of("SKU-W-1"), of("SKU-W-2")), (5, 1), "no state comes back: {rows:?}");
    assert_eq!(of("SKU-W-3"), 0, "it never had a price: {rows:?}");
}
