//! The first contact with a shop that has customers already.

use ferry_e2e::{Installation, Simulator, Systems, http};
use serde_json::{Value, json};

use crate::outcomes_once;

/// A legacy ERP, and a shop whose people typed some of its customers in by hand.
struct World {
    _erp: Simulator,
    shop: Simulator,
    ferry: Installation,
    customers: Vec<Value>,
}

impl World {
    fn new(name: &str) -> Self {
        let erp = Simulator::start("erp", &["--records", "60", "--ticks", "0"]);
        let shop = Simulator::shop();
        let systems = Systems { erp: &erp.url, shop: &shop.url, ..Systems::default() };
        let ferry = Installation::new(name, systems, &[]);
        let mut customers = erp.state("customers");
        // What has no name can't be said.
        customers.retain(|customer| customer["name"].is_string());
        assert!(customers.len() >= 3, "{customers:?}");
        Self { _erp: erp, shop, ferry, customers }
    }

    /// A customer as the shop's people would make one: without a number.
    fn by_hand(&self, name: &Value) -> String {
        let row = json!({"attributes": {"name": name}});
        let url = format!("{}/_sim/rows/customers", self.shop.url);
        let answer = http::post(&url, &[], row.to_string().as_bytes());
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    fn adopt(&self, more: &[&str]) -> (Option<i32>, Value) {
        let verb = ["xref", "adopt", "shop", "customer", "--json"];
        let output = self.ferry.ask(&[&verb, more].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let found = match text.trim() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}{told}")),
        };
        (output.status.code(), found)
    }

    /// Until so many are delivered.
    fn sync(&self, count: usize) {
        let services = ["console", "producer", "transformer", "loader"];
        let [console, ..] = &services.map(|service| self.ferry.run(service));
        outcomes_once(&console.url, "customers", "delivered", count as u64);
    }
}

#[test]
fn a_shop_with_customers_is_linked_and_not_doubled() {
    let world = World::new("links");
    let names: Vec<&Value> = world.customers.iter().map(|customer| &customer["name"]).collect();
    let unique: Vec<&Value> = names
        .iter()
        .copied()
        .filter(|name| names.iter().filter(|other| other == &name).count() == 1)
        .collect();
    let known: Vec<String> = unique.iter().take(3).map(|name| world.by_hand(name)).collect();
    let stranger = world.by_hand(&json!("Nobody the ERP knows"));
    let (code, found) = world.adopt(&[]);
    assert_eq!(
        (code, found["found"]["linked"].as_array().map(Vec::len)),
        (Some(0), Some(3)),
        "{found}"
    );
    assert_eq!(
        (&found["applied"], &found["found"]["only_there"]),
        (&json!(false), &json!([stranger]))
    );
    let (code, found) = world.adopt(&["--apply"]);
    assert_eq!((code, found), (Some(2), Value::Null));
    let (code, found) = world.adopt(&["--apply", "--yes"]);
    assert_eq!((code, &found["left"]), (Some(0), &json!([])), "{found}");
    let (_, again) = world.adopt(&[]);
    assert_eq!((&again["found"]["known"], &again["found"]["linked"]), (&json!(3), &json!([])));
    // Not all of the ERP's can be said.
    let said = found["found"]["linked"].as_array().unwrap().len()
        + found["found"]["new"].as_array().unwrap().len();
    world.sync(said);
    let there = world.shop.state("customers");
    assert_eq!(there.len(), said + 1, "one for each of the ERP, and the stranger");
    for id in known {
        let row = there.iter().find(|row| row["id"] == id).unwrap();
        assert!(row["externalId"].is_string(), "its number has come with the sync: {row}");
    }
}

#[test]
fn two_that_share_a_name_are_listed_and_left() {
    let world = World::new("links-two");
    let name = &world.customers[0]["name"];
    let two = [world.by_hand(name), world.by_hand(name)];
    let (code, found) = world.adopt(&["--apply", "--yes"]);
    assert_eq!((code, &found["found"]["linked"]), (Some(3), &json!([])), "{found}");
    let ambiguous = found["found"]["ambiguous"].as_array().unwrap();
    assert_eq!(ambiguous.len(), 1, "{found}");
    assert_eq!(ambiguous[0]["own_ids"], json!(two));
    assert_eq!(ambiguous[0]["why"], "2 records of the shop have its name");
    let (_, again) = world.adopt(&[]);
    assert_eq!(again["found"]["known"], 0, "nothing was linked");
}
