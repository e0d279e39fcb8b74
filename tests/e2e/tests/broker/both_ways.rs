//! One facet, changed at both ends: the ERP's people and the shop's change the same customers.

use std::collections::BTreeMap;

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

/// An ERP and a shop with the same customers, and Ferry between them.
struct World {
    erp: Simulator,
    shop: Simulator,
    ferry: Installation,
    console: Running,
    _others: [Running; 2],
    loader: Option<Running>,
}

impl World {
    /// Every customer that can be said is in the shop, and its echo has come back.
    fn settled(name: &str, conflict: &str, records: u32) -> Self {
        let records = records.to_string();
        let erp = Simulator::start("erp", &["--records", &records, "--ticks", "0"]);
        let shop = Simulator::shop();
        let systems = Systems { erp: &erp.url, shop: &shop.url, ..Systems::default() };
        let routes = BOTH_WAYS.replace("{conflict}", conflict);
        let ferry = Installation::new(name, systems, &[(ONE_WAY, &routes)]);
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
    fn until_at_rest(&self) -> BTreeMap<String, String> {
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

/// The names of the customers that have one, by number.
fn names(system: &Simulator) -> BTreeMap<String, String> {
    let numbered = |row: Value| {
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
fn writes(system: &Simulator) -> BTreeMap<String, usize> {
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
    let mut world = World::settled("storm", "latest", 667);
    let numbers: Vec<String> = names(&world.erp).into_keys().collect();
    assert!(numbers.len() > 150, "{}", numbers.len());
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
    });
    assert_eq!(world.until_at_rest(), expected);
    for system in [&world.erp, &world.shop] {
        let writes = writes(system);
        assert!(writes.values().all(|count| *count == 1), "{writes:?}");
    }
}
