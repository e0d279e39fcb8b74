//! The store on PostgreSQL: several loaders on one database, and a database that comes and goes.

use ferry_e2e::{Installation, Running, Simulator, Systems, event, http, wait_until};
use ferry_postgres::Cluster;
use serde_json::json;

use crate::{EVENTS_OF_CUSTOMERS, SOON, outcomes_once};

/// An installation whose store is this database.
fn installation(name: &str, shop: &Simulator, database: &Cluster) -> Installation {
    let url = database.url();
    let url = format!("url = {{ env = \"FERRY_E2E_STORE_URL\", default = \"{url}\" }}");
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    Installation::new(name, systems, &[("folder = \"state\"", url.as_str())])
}

fn readiness(service: &Running) -> (u16, String) {
    let answer = http::get(&format!("{}/readyz", service.url));
    (answer.status, answer.text())
}

#[test]
fn two_loaders_and_a_killed_one_share_a_database_and_make_every_customer_once() {
    const CUSTOMERS: usize = 40;
    let (shop, database) = (Simulator::shop(), Cluster::start().unwrap());
    let ferry = installation("database", &shop, &database);
    let (console, _loader) = (ferry.run("console"), ferry.run("loader"));
    let (mut killed, _other) = (ferry.run("loader"), ferry.run("loader"));
    let foreign = ferry.foreign();
    for n in 0..CUSTOMERS {
        let customer = event::customer(&format!("C-{n}"), "Bäckerei Müller", 1);
        foreign.publish(&ferry.named("events"), EVENTS_OF_CUSTOMERS, &customer);
    }
    killed.service.kill();
    let all = u64::try_from(CUSTOMERS).unwrap();
    let outcomes = outcomes_once(&console.url, "customers", "delivered", all);
    assert_eq!(outcomes, json!({"delivered": all}));
    for n in 0..CUSTOMERS {
        assert_eq!(shop.effects("customer", &format!("C-{n}"), "created"), 1, "C-{n}");
    }
    assert_eq!(database.sql("SELECT count(*) FROM ferry.claim").unwrap(), "0");
}

#[test]
fn services_start_without_their_database_and_go_on_when_it_comes_and_comes_again() {
    let (shop, mut database) = (Simulator::shop(), Cluster::start().unwrap());
    let ferry = installation("no-database", &shop, &database);
    database.stop();
    let services = ["producer", "transformer", "loader", "console"];
    let [mut producer, _transformer, mut loader, console] =
        services.map(|service| ferry.begin(service, ferry.broker.url()));
    wait_until("the loader to say what it waits for", SOON, || {
        let (status, text) = readiness(&loader);
        status == 503 && text.contains("\"store\"") && text.contains("database")
    });
    let headers = [("authorization", "Basic Zmxvdzpwdw=="), ("content-type", "application/xml")];
    let push = format!("{}/push/warehouse", producer.url);
    let body = br#"<inventory messageId="1"><product externalReference="MUG" site="LDN" available="1"/></inventory>"#;
    wait_until("a push to be taken although there is no store", SOON, || {
        http::post(&push, &headers, body).status == 200
    });

    let foreign = ferry.foreign();
    for round in 1..=2 {
        let customer = event::customer(&format!("C-{round}"), "Bäckerei Müller", 1);
        foreign.publish(&ferry.named("events"), EVENTS_OF_CUSTOMERS, &customer);
        assert!(loader.service.ended().is_none() && producer.service.ended().is_none());
        database.restart().unwrap();
        for service in [&loader, &producer, &console] {
            wait_until("a service to be ready again", SOON, || readiness(service).0 == 200);
        }
        outcomes_once(&console.url, "customers", "delivered", round);
        assert_eq!(shop.effects("customer", &format!("C-{round}"), "created"), 1);
        database.stop();
        wait_until("readiness to tell the truth", SOON, || readiness(&loader).0 == 503);
    }
}
