//! What a shop tells by webhooks is read at once; what it does not tell is polled.

use ferry_e2e::{Installation, Relay, Simulator, Systems, http, wait_until};
use serde_json::Value;

use crate::SOON;

const STOCK: &str = "[[routes]]\nname = \"stock\"";
const ORDERS: &str = "[[routes]]\nname = \"orders\"\nfrom = \"shop\"\nentity = \"order\"\n\
                      facet = \"placed\"\nevery = \"1h\"\nto = [\"warehouse\"]\n\n";

/// What a verb of `ferry` answers, and its exit code.
fn said(ferry: &Installation, arguments: &[&str]) -> (Option<i32>, String) {
    let output = ferry.ask(arguments);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn what_a_shop_tells_is_read_at_once_and_what_it_does_not_tell_is_polled() {
    let way = Relay::to(Vec::new());
    let shop = Simulator::start("oro", &["--orders-per-second", "0", "--webhooks", "order"]);
    let listening = format!(
        "external_status_management = true\nwebhook = {{ url = \"http://{}/push/shop\", \
         secret = {{ env = \"E2E_WEBHOOK\", default = \"between us\" }}, \
         topics = [\"order.created\", \"order.updated\"] }}",
        way.address()
    );
    let routes = format!("{ORDERS}{STOCK}");
    let changes = [("external_status_management = true", listening.as_str()), (STOCK, &routes)];
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let ferry = Installation::new("webhooks", systems, &changes);
    let foreign = ferry.foreign();
    let (producer, _transformer) = (ferry.run("producer"), ferry.run("transformer"));
    let events = foreign.listen(&ferry.named("events"), "order.placed.shop.live");
    way.leads_to(vec![producer.port()]);
    wait_until("the first poll", SOON, || shop.asked("GET", "/admin/api/orders?") >= 1);
    shop.place_order("WEB-UNTOLD");

    let (code, told) = said(&ferry, &["systems", "webhook", "health", "shop"]);
    assert_eq!(
        (code, told.contains("order.created is not told: register it")),
        (Some(3), true),
        "{told}"
    );
    let (code, told) = said(&ferry, &["systems", "webhook", "register", "shop"]);
    assert_eq!((code, told.contains("2 made, 0 were there")), (Some(0), true), "{told}");
    let (code, told) = said(&ferry, &["systems", "webhook", "register", "shop"]);
    assert_eq!((code, told.contains("0 made, 2 were there")), (Some(0), true), "{told}");
    let (code, told) = said(&ferry, &["systems", "webhook", "health", "shop"]);
    assert_eq!(code, Some(0), "{told}");

    // The next poll is an hour away.
    shop.place_order("WEB-TOLD");
    let event: Value = serde_json::from_slice(&foreign.take(&events, SOON).body).unwrap();
    assert_eq!(event["subject"], "order/WEB-TOLD/placed", "{event}");
    let console = ferry.run("console");
    let schedule = http::get(&format!("{}/api/v1/schedules", console.url)).text();
    assert!(schedule.contains("shop/orders"), "{schedule}");
    let run = ["schedules", "run", "shop/orders", "--console", &console.url];
    let (code, told) = said(&ferry, &run);
    assert_eq!(code, Some(0), "{told}");
    wait_until("what was not told", SOON, || {
        let letter = foreign.take(&events, SOON);
        let event: Value = serde_json::from_slice(&letter.body).unwrap();
        event["subject"] == "order/WEB-UNTOLD/placed"
    });

    let (_, listed) = said(&ferry, &["systems", "webhook", "ls", "shop", "--json"]);
    assert!(listed.contains("order.created") && !listed.contains("between us"), "{listed}");
    let (code, told) = said(&ferry, &["systems", "webhook", "remove", "shop"]);
    assert_eq!((code, told.contains("say --yes")), (Some(2), true), "{told}");
    let (code, told) = said(&ferry, &["systems", "webhook", "remove", "shop", "--yes"]);
    assert_eq!((code, told.contains("2 removed")), (Some(0), true), "{told}");
    let (_, left) = said(&ferry, &["systems", "webhook", "ls", "shop", "--json"]);
    assert_eq!(left.trim(), r#"{"webhooks":[]}"#);
}
