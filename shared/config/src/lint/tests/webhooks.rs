//! What a shop tells of by webhooks.

use super::{FINE, changed, told};

const HEARD: &str = "[systems.shop.webhook]\nurl = \"https://ferry.example/push/shop\"\n\
                     secret = { env = \"WEBHOOK\" }\ntopics = [\"order.created\", \"order.updated\"]\n";
const ROUTE: &str = "[[routes]]\nname = \"orders\"";

/// What is told of a shop that tells like this, without lines and its own name.
fn listening(webhook: &str) -> Vec<String> {
    let found = changed(ROUTE, &format!("{webhook}\n{ROUTE}"));
    found.iter().map(|told| told.replace("systems.shop.webhook.", "")).collect()
}

#[test]
fn a_shop_may_tell_of_what_a_route_brings_from_it() {
    assert_eq!(listening(HEARD), [""; 0]);
    let payment = HEARD.replace("order.created", "order.payment_status_updated");
    assert_eq!(listening(&payment), [""; 0]);
}

#[test]
fn topics_that_nothing_would_be_read_for_are_named() {
    for (topic, fault) in [
        ("product.updated", "Ferry reads orders and customers of a shop"),
        ("order", "expected what happens to it"),
        ("order.updated.42", "expected what happens to it"),
        ("order.deleted", "nothing is done about what a shop removes"),
        ("customer.updated", "no route brings profile from shop"),
        ("order.updated", "it is named twice"),
    ] {
        let at = if topic == "order.updated" { "topics[1]: " } else { "topics[0]: " };
        let told = listening(&HEARD.replace("order.created", topic));
        assert!(told.len() == 1 && told[0].contains(&format!("{at}{fault}")), "{topic}: {told:?}");
    }
    let none = listening(&HEARD.replace("\"order.created\", \"order.updated\"", ""));
    assert!(none[0].contains("topics: it must name a topic"), "{none:?}");
}

#[test]
fn an_address_that_does_not_lead_to_the_producer_is_told() {
    let at = |url: &str| listening(&HEARD.replace("https://ferry.example/push/shop", url));
    assert!(at("http://ferry.example/push/shop")[0].contains("plain HTTP"));
    assert!(at("ferry.example")[0].contains("url: it must start with https://"));
    let elsewhere = at("https://hooks.example/oro");
    assert!(elsewhere[0].starts_with("warning ") && elsewhere[0].contains("/push/shop only"));
    assert_eq!(at("http://127.0.0.1:9000/push/shop"), [""; 0]);
    let unnamed = listening(&HEARD.replace("{ env = \"WEBHOOK\" }", "{}"));
    assert!(unnamed[0].contains("secret: "), "{unnamed:?}");
}

#[test]
fn who_hears_webhooks_from_elsewhere_speaks_tls() {
    let silent = FINE.replacen(
        "push = { user = { env = \"USER_B\" }, password = { env = \"PASSWORD_B\" } }\n",
        "",
        1,
    );
    let listens = "[producer]\nlisten = \"0.0.0.0:9000\"\n";
    let open = |webhook: &str| {
        let text = silent.replacen(ROUTE, &format!("{webhook}\n{ROUTE}"), 1);
        told(&format!("{listens}{text}"))
    };
    assert!(!open("").iter().any(|told| told.contains("producer.listen")));
    assert!(open(HEARD).iter().any(|told| told.contains("producer.listen: pushes carry")));
}
