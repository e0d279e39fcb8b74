//! One facet, changed at both ends: the ERP's people and the shop's change the same customers.

use std::{collections::BTreeMap, fs};

use ferry_e2e::{Installation, Running, Simulator, Systems, http, wait_for, wait_until};
use serde_json::{Value, json};

use crate::{SOON, outcomes_once};

const ONE_WAY: &str = r#"every = "1h"
to = ["shop"]"#;

/// Both systems say customers, and take them; `{conflict}` is whose word stands.
const BOTH_WAYS: &str = r#"every = "1s"
to = ["shop"]
conflict = "{conflict}"

[[routes]]
name = "customers back"
from = "shop"
entity = "customer"
facet = "profile"
every = "1s"
to = ["erp"]
conflict = "{conflict}"

[systems.erp.targets.customers]
facet = "profile"
mapping = "customer.jq"
create = "/api/customers"
update = "/api/customers/{key}"
update_method = "patch"
look_up = "/api/customers/{key}""#;

/// What is in the sample.
const MAPPINGS: [(&str, &str); 2] = [
    ("erp-customer.jq", include_str!("../../../../ops/mappings/erp-customer.jq")),
    ("customer-to-erp.jq", include_str!("../../../../ops/mappings/customer-to-erp.jq")),
];

/// An ERP and a shop with the same customers, and Ferry between them.
pub(crate) struct World {
    pub(crate) erp: Simulator,
    pub(crate) shop: Simulator,
    ferry: Installation,
    pub(crate) console: Running,
    _others: [Running; 2],
    loader: Option<Running>,
}

impl World {
    /// Every customer that can be said is in the shop, and its echo has come back.
    fn settled(name: &str, conflict: &str, records: u32) -> Self {
        Self::with(name, conflict, records, &[])
    }

    /// As [`World::settled`], of whole customers: as the sample's mappings bring them.
    fn whole(name: &str, conflict: &str, records: u32) -> Self {
        Self::whole_with(name, conflict, records, "")
    }

    /// As [`World::whole`], with more said of the shop.
    pub(crate) fn whole_with(name: &str, conflict: &str, records: u32, shop: &str) -> Self {
        let role = format!("external_status_management = true\ncustomer_user_role = \"1\"\n{shop}");
        let changes = [
            ("mapping = \"customer.jq\"\nsequence", "mapping = \"erp-customer.jq\"\nsequence"),
            ("mapping = \"customer.jq\"", "mapping = \"customer-to-erp.jq\""),
            ("external_status_management = true", role.as_str()),
        ];
        Self::with(name, conflict, records, &changes)
    }

    fn with(name: &str, conflict: &str, records: u32, changes: &[(&str, &str)]) -> Self {
        let records = records.to_string();
        let erp = Simulator::start("erp", &["--records", &records, "--ticks", "0"]);
        let shop = Simulator::shop();
        let systems = Systems { erp: &erp.url, shop: &shop.url, ..Systems::default() };
        let routes = BOTH_WAYS.replace("{conflict}", conflict);
        let changes: Vec<_> =
            [(ONE_WAY, routes.as_str())].into_iter().chain(changes.iter().copied()).collect();
        let ferry = Installation::new(name, systems, &changes);
        for (mapping, program) in MAPPINGS {
            fs::write(ferry.folder().join(mapping), program).unwrap();
        }
        let console = ferry.run("console");
        let others = [ferry.run("producer"), ferry.run("transformer")];
        let loader = Some(ferry.run("loader"));
        let world = Self { erp, shop, ferry, console, _others: others, loader };
        let count = names(&world.erp).len() as u64;
        outcomes_once(&world.console.url, "customers", "delivered", count);
        outcomes_once(&world.console.url, "customers back", "echo", count);
        world
    }

    /// Changes at both ends, none delivered before all were accepted.
    fn meanwhile(&mut self, changes: impl FnOnce(&Self)) {
        self.loader = None;
        changes(self);
        self.loader = Some(self.ferry.run("loader"));
    }

    /// Waits until both ends say the same, and have been read several times since.
    pub(crate) fn until_at_rest(&self) -> BTreeMap<String, String> {
        let agreed = wait_for("both ends to say the same", SOON, || {
            let erp = names(&self.erp);
            let shop = names(&self.shop);
            erp.iter().all(|(number, name)| shop.get(number) == Some(name)).then_some(erp)
        });
        let polls = || {
            [&self.erp, &self.shop].map(|system| {
                let history = system.history();
                let lists = |entry: &&Value| {
                    let path = entry["path"].as_str().unwrap_or_default();
                    entry["method"] == "GET" && path.contains("customers?") && path.contains("page")
                };
                history.iter().filter(lists).count()
            })
        };
        let before = polls();
        wait_until("three more polls of both", SOON, || {
            polls().iter().zip(&before).all(|(now, before)| *now >= before + 3)
        });
        assert_eq!(names(&self.erp), agreed);
        agreed
    }
}

/// The names of the customers that have one and can be said as a whole, by number.
pub(crate) fn names(system: &Simulator) -> BTreeMap<String, String> {
    let numbered = |row: Value| {
        let addresses = row["addresses"].as_array()?;
        if addresses.iter().any(|address| address["country"] == "XZ") {
            return None;
        }
        let number = row["number"].as_str().or(row["externalId"].as_str())?.to_owned();
        Some((number, row["name"].as_str()?.to_owned()))
    };
    system.state("customers").into_iter().filter_map(numbered).collect()
}

/// What a person does there; says when it was changed, by the system's word.
fn person(system: &Simulator, number: &str, name: &str) -> String {
    let url = format!("{}/_sim/customers/{number}", system.url);
    let body = json!({ "name": name }).to_string();
    let answer = http::send("PATCH", &url, &[], body.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let said = answer.json();
    let stamp = said["updated_at"].as_str().or(said["data"]["attributes"]["updatedAt"].as_str());
    stamp.unwrap().to_owned()
}

/// How often Ferry changed each customer at a system, beyond making it.
pub(crate) fn writes(system: &Simulator) -> BTreeMap<String, usize> {
    let mut writes = BTreeMap::new();
    for entry in system.history() {
        let by_ferry = !entry["path"].as_str().unwrap_or_default().starts_with("/_sim/");
        for effect in entry["effects"].as_array().into_iter().flatten() {
            let wrote = effect["effect"] != "created" && effect["entity"] == "customer";
            if by_ferry && wrote {
                *writes.entry(effect["key"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
    }
    writes
}

/// The later one by the systems' own words; of two at one time, the ERP's, whose name comes first.
fn later<'a>(erp: (&str, &'a str), shop: (&str, &'a str)) -> &'a str {
    // Texts of one form, with and without a fraction: what begins alike is older where it is shorter.
    let time = |text: &str| text.trim_end_matches('Z').to_owned();
    if time(erp.0) >= time(shop.0) { erp.1 } else { shop.1 }
}

#[test]
fn of_two_changes_at_once_the_later_stands_at_both_ends_and_nothing_goes_to_and_fro() {
    let mut world = World::settled("latest", "latest", 40);
    let number = names(&world.erp).keys().next().unwrap().clone();
    let mut expected = "";
    world.meanwhile(|world| {
        let erp = person(&world.erp, &number, "From the ERP");
        let shop = person(&world.shop, &number, "From the shop");
        expected = later((&erp, "From the ERP"), (&shop, "From the shop"));
    });
    assert_eq!(world.until_at_rest()[&number], expected);
    let (erp, shop) = (writes(&world.erp), writes(&world.shop));
    assert_eq!(erp.len() + shop.len(), 1, "{erp:?} {shop:?}");
    assert_eq!(erp.values().chain(shop.values()).sum::<usize>(), 1, "{erp:?} {shop:?}");
}

#[test]
fn of_two_changes_at_once_that_of_the_preferred_system_stands_and_a_user_is_heard_after_it() {
    let mut world = World::settled("prefer", "prefer:erp", 40);
    let (number, name) = names(&world.erp).into_iter().next().unwrap();
    world.meanwhile(|world| {
        person(&world.erp, &number, "From the ERP");
        person(&world.shop, &number, "From the shop");
    });
    assert_eq!(world.until_at_rest()[&number], "From the ERP");
    assert_eq!(writes(&world.shop), BTreeMap::from([(number.clone(), 1)]));
    assert_eq!(writes(&world.erp), BTreeMap::new());

    // Somebody in the shop sets back what Ferry wrote there: it is a change, and no echo.
    person(&world.shop, &number, &name);
    wait_until("the ERP to hear of it", SOON, || names(&world.erp)[&number] == name);
    assert_eq!(world.until_at_rest()[&number], name);
    assert_eq!(writes(&world.erp), BTreeMap::from([(number.clone(), 1)]));
    assert_eq!(writes(&world.shop), BTreeMap::from([(number, 1)]));
}

#[test]
fn a_storm_of_changes_at_both_ends_ends_with_one_word_for_each_customer() {
    let world = storm("storm", &[]);
    for system in [&world.erp, &world.shop] {
        let writes = writes(system);
        assert!(writes.values().all(|count| *count == 1), "{writes:?}");
    }
}

#[test]
fn a_storm_in_which_one_answer_in_twenty_is_lost_ends_with_the_same_word() {
    let lost = |method: &str, path_prefix: &str| {
        json!({"kind": "apply_then_drop", "method": method, "path_prefix": path_prefix,
            "first": 3, "every": 20, "count": 1_000_000})
    };
    let faults = [
        (false, lost("PATCH", "/api/customers")),
        (true, lost("PATCH", "/admin/api/customers")),
        (true, lost("GET", "/admin/api/customers")),
    ];
    let world = storm("lossy-storm", &faults);
    assert!(world.erp.faults_fired() > 0 && world.shop.faults_fired() > 0);
}

/// Two hundred customers, each changed at one end or at both before anything is delivered. Ends when both
/// ends hold what stands by the later change. Faults are of the ERP, or of the shop (true).
fn storm(name: &str, faults: &[(bool, Value)]) -> World {
    let mut world = World::settled(name, "latest", 760);
    let numbers: Vec<String> = names(&world.erp).into_keys().collect();
    assert!(numbers.len() >= 200, "{}", numbers.len());
    let mut expected = BTreeMap::new();
    world.meanwhile(|world| {
        for (place, number) in numbers.iter().enumerate() {
            let (of_erp, of_shop) = (format!("ERP {place}"), format!("Shop {place}"));
            let erp = (place % 3 != 0).then(|| person(&world.erp, number, &of_erp));
            let shop = (place % 3 != 1).then(|| person(&world.shop, number, &of_shop));
            let stands = match (erp, shop) {
                (Some(erp), Some(shop)) => later((&erp, &of_erp), (&shop, &of_shop)).to_owned(),
                (Some(_), None) => of_erp,
                (None, _) => of_shop,
            };
            expected.insert(number.clone(), stands);
        }
        for (of_shop, fault) in faults {
            if *of_shop { &world.shop } else { &world.erp }.fault(fault);
        }
    });
    assert_eq!(world.until_at_rest(), expected);
    world
}

/// What a person sees and does in the shop's back office.
pub(crate) struct Clerk<'a> {
    shop: &'a Simulator,
    token: String,
}

impl<'a> Clerk<'a> {
    pub(crate) fn of(shop: &'a Simulator) -> Self {
        let form =
            "grant_type=client_credentials&client_id=ferry-demo&client_secret=ferry-demo-secret";
        let url = format!("{}/oauth2-token", shop.url);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let said = http::send("POST", &url, &headers, form.as_bytes()).unwrap().json();
        Self { shop, token: format!("Bearer {}", said["access_token"].as_str().unwrap()) }
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}/admin/api/{path}", self.shop.url);
        let json = "application/vnd.api+json";
        let mut headers = vec![("accept", json), ("authorization", self.token.as_str())];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        if !body.is_empty() {
            headers.push(("content-type", json));
        }
        let answer = http::send(method, &url, &headers, body.as_bytes()).unwrap();
        assert!((200..300).contains(&answer.status), "{}", answer.text());
        if answer.status == 204 { Value::Null } else { answer.json()["data"].clone() }
    }

    /// The rows of this kind that belong to the customer.
    pub(crate) fn rows(&self, kind: &str, customer: &str) -> Vec<Value> {
        let found = self.ask("GET", &format!("{kind}?filter[customer]={customer}"), &Value::Null);
        found.as_array().unwrap().clone()
    }
}

/// An ERP's customer, but for what was changed and when.
fn rest_of(erp: &Simulator, number: &str) -> Value {
    let row = erp.state("customers").into_iter().find(|row| row["number"] == number).unwrap();
    let mut rest = row.as_object().unwrap().clone();
    for name in ["name", "blocked", "revision", "updated_at"] {
        rest.remove(name);
    }
    Value::Object(rest)
}

#[test]
fn what_one_end_cannot_say_stays_at_the_other_and_what_it_cannot_show_reaches_it() {
    let world = World::whole("whole", "latest", 40);
    let number = names(&world.erp).into_keys().next().unwrap();
    let row = world.shop.state("customers").into_iter().find(|row| row["externalId"] == *number);
    let id = row.unwrap()["id"].as_str().unwrap().to_owned();
    let clerk = Clerk::of(&world.shop);
    let before = rest_of(&world.erp, &number);

    // The shop has phones for addresses, and the ERP has none.
    for address in clerk.rows("customeraddresses", &id) {
        let place = address["id"].as_str().unwrap();
        let change = json!({"data": {"type": "customeraddresses", "id": place,
            "attributes": {"phone": format!("+44 {place}")}}});
        clerk.ask("PATCH", &format!("customeraddresses/{place}"), &change);
    }
    person(&world.shop, &number, "From the shop");
    wait_until("the ERP to hear of it", SOON, || names(&world.erp)[&number] == "From the shop");
    world.until_at_rest();
    assert_eq!(rest_of(&world.erp, &number), before);

    person(&world.erp, &number, "From the ERP");
    wait_until("the shop to hear of it", SOON, || names(&world.shop)[&number] == "From the ERP");
    world.until_at_rest();
    let addresses = clerk.rows("customeraddresses", &id);
    assert!(!addresses.is_empty());
    for address in addresses {
        let phone = format!("+44 {}", address["id"].as_str().unwrap());
        assert_eq!(address["attributes"]["phone"], *phone, "{address}");
    }

    // A shop does not say whether a customer is blocked: its users are disabled all the same.
    let enabled = || {
        let users = clerk.rows("customerusers", &id);
        users.iter().filter(|user| user["attributes"]["enabled"] == true).count()
    };
    assert!(enabled() > 0);
    let url = format!("{}/_sim/customers/{number}", world.erp.url);
    let blocked = http::send("PATCH", &url, &[], br#"{"blocked":true}"#).unwrap();
    assert_eq!(blocked.status, 200, "{}", blocked.text());
    wait_until("the customer's users to be disabled", SOON, || enabled() == 0);
    world.until_at_rest();
    assert_eq!(rest_of(&world.erp, &number), before);
}

#[test]
fn a_write_that_was_taken_in_part_is_finished_and_is_nobodys_change() {
    let world = World::whole("half", "latest", 40);
    let rows = world.erp.state("customers");
    let row = rows.iter().find(|row| {
        let known = names(&world.erp).contains_key(row["number"].as_str().unwrap_or_default());
        known && row["addresses"].as_array().is_some_and(|addresses| !addresses.is_empty())
    });
    let row = row.unwrap();
    let number = row["number"].as_str().unwrap();
    let mut addresses = row["addresses"].clone();
    addresses[0]["street"] = json!("1 Half Street");
    let customers = world.shop.state("customers");
    let id =
        customers.iter().find(|customer| customer["externalId"] == number).unwrap()["id"].clone();
    let clerk = Clerk::of(&world.shop);
    let street = || {
        let shown = clerk.rows("customeraddresses", id.as_str().unwrap());
        shown.iter().any(|address| address["attributes"]["street"] == "1 Half Street")
    };
    // The customer itself is changed, and its address is not, three times.
    world.shop.fault(&json!({"kind": "status", "status": 503, "method": "PATCH", "count": 3,
        "path_prefix": "/admin/api/customeraddresses"}));
    let url = format!("{}/_sim/customers/{number}", world.erp.url);
    let change = json!({"name": "From the ERP", "addresses": addresses}).to_string();
    assert_eq!(http::send("PATCH", &url, &[], change.as_bytes()).unwrap().status, 200);
    wait_until("the address to be written too", SOON, street);
    assert_eq!(world.until_at_rest()[number], "From the ERP");
    assert_eq!(writes(&world.erp), BTreeMap::new());
    assert_eq!(rest_of(&world.erp, number)["addresses"], addresses);
}
