//! What a system does later is known to whoever writes the entity next.

use ferry_canonical::Entity;

use super::*;
use crate::PutOff as _;

fn ids(of: &[&str]) -> Vec<String> {
    of.iter().map(|&id| id.to_owned()).collect()
}

fn operations(store: &Backend, system: &str, of: &[&str]) -> Vec<Vec<String>> {
    wait(store.operations(Entity::Customer, system, ids(of))).unwrap()
}

fn put_off(store: &Backend, of: &[&str], operation: &str) {
    wait(store.put_off(Entity::Customer, "shop", ids(of), operation.to_owned())).unwrap();
}

fn end(store: &Backend, of: &[&str], operation: &str) {
    wait(store.has_ended(Entity::Customer, "shop", ids(of), operation.to_owned())).unwrap();
}

#[test]
fn the_operations_that_may_still_write_an_entity_are_known_until_each_has_ended() {
    let store = store();
    put_off(&store, &["C2", "C1", "C2"], "17");
    put_off(&store, &["C3"], "18");
    let known = || operations(&store, "shop", &["C3", "C9", "C1", "C2"]);
    assert_eq!(known(), [ids(&["18"]), ids(&[]), ids(&["17"]), ids(&["17"])]);
    assert_eq!(operations(&store, "erp", &["C1"]), [ids(&[])], "another system's are its own");
    let product = wait(store.operations(Entity::Product, "shop", ids(&["C1"]))).unwrap();
    assert_eq!(product, [ids(&[])], "so are another entity's");
    // A second one is beside the first, and its end is not the first one's.
    put_off(&store, &["C1"], "19");
    put_off(&store, &["C1"], "19");
    assert_eq!(known(), [ids(&["18"]), ids(&[]), ids(&["17", "19"]), ids(&["17"])]);
    end(&store, &["C1", "C2"], "19");
    assert_eq!(known(), [ids(&["18"]), ids(&[]), ids(&["17"]), ids(&["17"])]);
    end(&store, &["C1", "C2"], "17");
    assert_eq!(known(), [ids(&["18"]), ids(&[]), ids(&[]), ids(&[])]);
    put_off(&store, &[], "20");
    assert!(operations(&store, "shop", &[]).is_empty());
}
