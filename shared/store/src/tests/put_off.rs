//! What a system does later is known to whoever writes the entity next.

use ferry_canonical::Entity;

use super::*;
use crate::PutOff as _;

fn ids(of: &[&str]) -> Vec<String> {
    of.iter().map(|&id| id.to_owned()).collect()
}

fn operations(store: &Backend, system: &str, of: &[&str]) -> Vec<Option<String>> {
    wait(store.operations(Entity::Customer, system, ids(of))).unwrap()
}

fn note(store: &Backend, of: &[&str], operation: Option<&str>) {
    let operation = operation.map(str::to_owned);
    wait(store.put_off(Entity::Customer, "shop", ids(of), operation)).unwrap();
}

#[test]
fn the_operation_that_may_still_write_an_entity_is_known_until_it_is_forgotten() {
    let store = store();
    note(&store, &["C2", "C1", "C2"], Some("17"));
    note(&store, &["C3"], Some("18"));
    let known = || operations(&store, "shop", &["C3", "C9", "C1", "C2"]);
    let word = |word: &str| Some(word.to_owned());
    assert_eq!(known(), [word("18"), None, word("17"), word("17")]);
    assert_eq!(operations(&store, "erp", &["C1"]), [None], "another system's are its own");
    let product = wait(store.operations(Entity::Product, "shop", ids(&["C1"]))).unwrap();
    assert_eq!(product, [None], "so are another entity's");
    note(&store, &["C1"], Some("19"));
    assert_eq!(known(), [word("18"), None, word("19"), word("17")], "the last one counts");
    note(&store, &["C1", "C2"], None);
    assert_eq!(known(), [word("18"), None, None, None]);
    note(&store, &[], Some("20"));
    assert_eq!(operations(&store, "shop", &[]), [None::<String>; 0]);
}
