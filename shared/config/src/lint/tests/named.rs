//! What a shop calls by numbers.

use super::changed;

const ROUTE: &str = "[[routes]]\nname = \"orders\"";

fn told(section: &str) -> Vec<String> {
    changed(ROUTE, &format!("{section}\n{ROUTE}"))
}

#[test]
fn price_lists_are_named_by_the_shops_ids() {
    assert_eq!(told("[systems.shop.price_lists]\nretail = \"1\""), [""; 0]);
    for id in ["Default", "", "1-2"] {
        let found = told(&format!("[systems.shop.price_lists]\nretail = \"{id}\""));
        let fault = "systems.shop.price_lists.retail: it must be an id of the shop";
        assert!(found.len() == 1 && found[0].contains(fault), "{found:?}");
    }
    let twice = told("[systems.shop.price_lists]\nretail = \"1\"\ntrade = \"1\"");
    assert!(
        twice[0]
            .starts_with("systems.shop.price_lists.trade: `retail` is the shop's list 1 already"),
        "{twice:?}"
    );
}
