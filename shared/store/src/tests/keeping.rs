//! Cursors, leases, dead letters and the overview.

use super::*;
use ferry_canonical::Entity;

use crate::{Cursors, DeadFilter, DeadLetter, DeadLetters, Known, Lease, Leases};

fn letter(key: &str, kind: &str) -> DeadLetter {
    DeadLetter {
        key: key.to_owned(),
        origin: "load.shop.customer".to_owned(),
        died_at: clock(),
        first_failed_at: Some(clock()),
        kind: kind.to_owned(),
        detail: "The e-mail of Zoë is no address".to_owned(),
        status: Some(400),
        response: None,
        rule: None,
        attempts: Some(3),
        route: Some("customers".to_owned()),
        source: Some("erp".to_owned()),
        target: Some("shop".to_owned()),
        entity: Some("customer".to_owned()),
        entity_id: Some("C1".to_owned()),
        pointer: None,
        position: None,
        missing: None,
        message_id: None,
        content_type: None,
        headers: "{}".to_owned(),
        body: vec![0, 159, 146, 150],
    }
}

#[test]
fn a_cursor_moves_only_from_where_it_is() {
    let store = store();
    let step = |from, to| wait(store.move_cursor("orders", from, to)).unwrap();

    assert!(!step(Some("0"), "1"));
    assert!(step(None, "1"));
    assert!(!step(None, "2"));
    assert!(step(Some("1"), "2"));
    assert!(!step(Some("1"), "3"));
    assert_eq!(wait(store.cursor("orders")).unwrap().as_deref(), Some("2"));
    assert_eq!(wait(store.cursor("stock")).unwrap(), None);
}

#[test]
fn a_lease_is_one_owners_until_it_ends_or_is_given_back() {
    let store = store();
    let of = |owner: &str| Lease { name: "orders".to_owned(), owner: owner.to_owned() };
    let take = |owner| wait(store.lease(of(owner), LEASE)).unwrap();

    assert!(take("a"));
    assert!(!take("b"));
    pass(LEASE / 2);
    assert!(take("a"));
    pass(LEASE / 2);
    assert!(!take("b"));
    pass(LEASE / 2);
    assert!(take("b"));
    wait(store.release(of("a"))).unwrap();
    assert!(!take("a"));
    wait(store.release(of("b"))).unwrap();
    assert!(take("a"));
}

#[test]
fn copies_of_one_dead_letter_are_one() {
    let store = store();
    wait(store.bury(vec![letter("k1", "rejected"), letter("k1", "rejected")])).unwrap();
    wait(store.bury(vec![letter("k1", "rejected"), letter("k2", "strange")])).unwrap();

    let list = wait(store.dead(DeadFilter::default())).unwrap();
    let copies: Vec<_> = list.iter().map(|dead| (dead.kind.as_str(), dead.copies)).collect();
    assert_eq!(copies, [("strange", 1), ("rejected", 3)]);
    assert!(list.iter().all(|dead| !dead.sentence.is_empty()));

    let overview = overview(&store);
    assert_eq!(overview.dead["load.shop.customer"]["rejected"], 1);
    assert_eq!(overview.dead_oldest_at, Some(clock()));
}

#[test]
fn a_dead_letter_comes_back_byte_for_byte() {
    let store = store();
    wait(store.bury(vec![letter("k1", "rejected")])).unwrap();

    let id = wait(store.dead(DeadFilter::default())).unwrap()[0].id;
    let (summary, whole) = wait(store.dead_letter(id)).unwrap().unwrap();
    assert_eq!(whole, letter("k1", "rejected"));
    assert_eq!((summary.attempts, summary.status), (Some(3), Some(400)));
    assert_eq!(wait(store.dead_letter(id + 1)).unwrap(), None);
}

#[test]
fn dead_letters_are_found_by_what_is_said_of_them() {
    let store = store();
    let other = DeadLetter { detail: "50% of _nothing_".to_owned(), ..letter("k2", "parse") };
    wait(store.bury(vec![letter("k1", "rejected"), other])).unwrap();
    let count = |filter| wait(store.dead(filter)).unwrap().len();
    let text = |text: &str| DeadFilter { text: Some(text.to_owned()), ..DeadFilter::default() };

    assert_eq!(count(text("E-MAIL")), 1);
    assert_eq!(count(text("_nothing")), 1);
    assert_eq!(count(text("nothing%")), 0);
    assert_eq!(count(DeadFilter { kind: Some("parse".to_owned()), ..text("of") }), 1);
    assert_eq!(count(DeadFilter { limit: Some(1), ..DeadFilter::default() }), 1);
    assert_eq!(count(DeadFilter { offset: Some(2), ..DeadFilter::default() }), 0);
}

#[test]
fn records_are_counted_by_system() {
    let store = store();
    wait(store.count_records("erp", 2)).unwrap();
    wait(store.count_records("erp", 3)).unwrap();

    assert_eq!(overview(&store).records["erp"], 5);
}

#[test]
fn what_a_system_calls_entities_is_told_of_many_at_once() {
    let store = store();
    let first = grant(&store, group(vec![customer(1, 1, "a")]));
    let (outcome, target_id) = (Outcome::Delivered, Some("42".to_owned()));
    settle(&store, &first, Settle::Done { outcome, because: None, target_id });

    let known = |entity, system: &str, ids: &[&str]| {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        wait(store.known(entity, system, ids)).unwrap()
    };
    let called = Some("42".to_owned());
    assert_eq!(
        known(Entity::Customer, "shop", &["C9", "C1", "C1"]),
        [None, called.clone(), called]
    );
    assert_eq!(known(Entity::Customer, "erp", &["C1"]), [None]);
    assert_eq!(known(Entity::Product, "shop", &["C1"]), [None]);
    assert_eq!(known(Entity::Customer, "shop", &[]), [None::<String>; 0]);

    let owner = |system: &str, own_id| wait(store.owner(Entity::Customer, system, own_id)).unwrap();
    assert_eq!(owner("shop", "42").as_deref(), Some("C1"));
    assert_eq!((owner("shop", "43"), owner("erp", "42")), (None, None));
}

#[test]
fn the_story_of_an_entity_is_found_by_any_of_its_ids() {
    let store = store();
    let member = Member { source_id: Some("77".to_owned()), ..customer(1, 1, "a") };
    let first = grant(&store, group(vec![member]));
    let target_id = Some("42".to_owned());
    let outcome = Outcome::Delivered;
    settle(&store, &first, Settle::Done { outcome, because: None, target_id });
    wait(store.bury(vec![letter("k1", "rejected")])).unwrap();
    grant(&store, group(vec![customer(2, 2, "b")]));

    for id in ["C1", "42", "77"] {
        let view = wait(store.entity("customer", id)).unwrap();
        assert_eq!((view.ids["erp"].as_str(), view.ids["shop"].as_str()), ("77", "42"));
        assert_eq!(view.parts.len(), 1);
        assert_eq!(view.parts[0].sequence, Sequence(1).to_string());
        assert_eq!((view.busy, view.dead.len()), (vec!["shop".to_owned()], 1));
    }
    let nobody = wait(store.entity("customer", "C9")).unwrap();
    assert!(nobody.ids.is_empty() && nobody.parts.is_empty() && nobody.busy.is_empty());
}
