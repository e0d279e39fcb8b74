//! What a shop calls by numbers, and what new products get.

use super::changed;

const ROUTE: &str = "[[routes]]\nname = \"orders\"";

fn told(section: &str) -> Vec<String> {
    changed(ROUTE, &format!("{section}\n{ROUTE}"))
}

#[test]
fn price_lists_and_categories_are_named_by_the_shops_ids() {
    assert_eq!(told("[systems.shop.price_lists]\nretail = \"1\""), [""; 0]);
    for (field, id) in [("price_lists", "Default"), ("categories", ""), ("categories", "1-2")] {
        let found = told(&format!("[systems.shop.{field}]\nretail = \"{id}\""));
        let fault = format!("systems.shop.{field}.retail: it must be an id of the shop");
        assert!(found.len() == 1 && found[0].contains(&fault), "{found:?}");
    }
    let twice = told("[systems.shop.price_lists]\nretail = \"1\"\ntrade = \"1\"");
    let fault = "systems.shop.price_lists.trade: `retail` is the shop's list 1 already";
    assert!(twice.len() == 1 && twice[0].contains(fault), "{twice:?}");
}

#[test]
fn a_value_of_new_products_comes_from_exactly_one_place() {
    let of = |said: &str| told(&format!("[systems.shop.product_defaults]\n{said}"));
    assert_eq!(of("manageInventory = { fallback = \"systemConfig\" }"), [""; 0]);
    for said in ["backOrder = {}", "backOrder = { value = \"1\", values = [\"1\"] }"] {
        let found = of(said);
        assert!(found.len() == 1 && found[0].contains("exactly one of `fallback`"), "{found:?}");
    }
    let found = of("\"back/order\" = { value = \"1\" }");
    assert!(found.len() == 1 && found[0].contains("a field of a product"), "{found:?}");
}
