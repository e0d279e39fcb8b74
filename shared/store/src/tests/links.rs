//! Links that a person makes between entities and records of a system.

use ferry_canonical::Entity;

use super::*;
use crate::{Link, Linked, Links as _};

fn link(id: &str, own_id: &str) -> Link {
    Link { entity: Entity::Customer, id: id.to_owned(), own_id: own_id.to_owned() }
}

#[test]
fn a_link_is_made_once_and_found_again() {
    let store = store();
    let links = vec![link("C2", "18"), link("C1", "17")];
    let linked = wait(store.link("shop", links.clone())).unwrap();
    assert_eq!(linked, [Linked::Made, Linked::Made]);
    assert_eq!(wait(store.link("shop", links)).unwrap(), [Linked::Known, Linked::Known]);
    let found = wait(store.links("shop", Entity::Customer)).unwrap();
    assert_eq!(found, [link("C1", "17"), link("C2", "18")]);
    // Another system, and another kind of entity, call what they like.
    assert_eq!(wait(store.link("erp", vec![link("C1", "18")])).unwrap(), [Linked::Made]);
    let product = Link { entity: Entity::Product, ..link("MUG", "17") };
    assert_eq!(wait(store.link("shop", vec![product])).unwrap(), [Linked::Made]);
    assert_eq!(wait(store.links("shop", Entity::Order)).unwrap(), []);
}

#[test]
fn an_id_that_another_entity_has_is_never_taken_away() {
    let store = store();
    wait(store.link("shop", vec![link("C1", "17")])).unwrap();
    let linked = wait(store.link(
        "shop",
        vec![link("C2", "17"), link("C1", "18"), link("C3", "19"), link("C4", "19")],
    ));
    assert_eq!(
        linked.unwrap(),
        [
            Linked::IsAnothers("C1".to_owned()),
            Linked::HasAnother("17".to_owned()),
            Linked::Made,
            Linked::IsAnothers("C3".to_owned()),
        ]
    );
    let found = wait(store.links("shop", Entity::Customer)).unwrap();
    assert_eq!(found, [link("C1", "17"), link("C3", "19")]);
}

#[test]
fn what_is_being_written_is_linked_by_its_answer_and_not_by_a_person() {
    let store = store();
    grant(&store, group(vec![customer(1, 1, "a")]));
    assert_eq!(wait(store.link("shop", vec![link("C1", "17")])).unwrap(), [Linked::Busy]);
    // Its lease has ended without an answer: it may be there under an id that nobody knows.
    pass(LEASE + SETTLE_AFTER);
    assert_eq!(wait(store.link("shop", vec![link("C1", "17")])).unwrap(), [Linked::Busy]);
    assert_eq!(wait(store.links("shop", Entity::Customer)).unwrap(), []);
}

#[test]
fn a_write_of_what_was_linked_knows_the_systems_own_id() {
    let store = store();
    wait(store.link("shop", vec![link("C1", "17")])).unwrap();
    let granted = grant(&store, group(vec![customer(1, 1, "a")]));
    assert_eq!(granted.target_id.as_deref(), Some("17"));
}
