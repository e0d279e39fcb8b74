//! Values that no index, or no text of PostgreSQL, takes: whoever wrote them, they stop nothing.

use ferry_canonical::{Entity, FailureKind, Reference};

use super::{
    journal::{entry, search},
    letters::letter,
    *,
};
use crate::{DeadFilter, DeadLetter, DeadLetters as _, Journal as _, JournalFilter};

/// Longer than any index takes, with a character that is no text.
fn foreign(start: &str) -> String {
    let noise: String =
        (0..400_u128).map(|n| Uuid::from_u128(n * n).simple().to_string()).collect();
    format!("{start}\0{noise}")
}

fn foreign_letter(start: &str) -> DeadLetter {
    let foreign = || foreign(start);
    let mut member = shipment(1, 1, "S\u{0}1", "a");
    member.clock = Clock(foreign());
    member.source_id = Some(foreign());
    DeadLetter {
        key: foreign(),
        origin: foreign(),
        kind: foreign(),
        detail: foreign(),
        response: Some(foreign()),
        rule: Some(foreign()),
        route: Some(foreign()),
        source: Some(foreign()),
        target: Some(foreign()),
        entity: Some(foreign()),
        entity_id: Some(foreign()),
        pointer: Some(foreign()),
        missing: Some(Reference::new(Entity::Customer, "C\u{0}1").unwrap()),
        message_id: Some(foreign()),
        content_type: Some(foreign()),
        headers: foreign(),
        body: vec![0, 0xff],
        ..letter(&member, FailureKind::MissingReference)
    }
}

#[test]
fn a_letter_with_anything_in_it_is_stored_and_its_copies_are_one() {
    let store = store();
    let letters = vec![foreign_letter("a"), foreign_letter("b"), foreign_letter("a")];

    wait(store.bury(letters)).unwrap();

    let found = wait(store.dead(DeadFilter::default())).unwrap();
    assert_eq!(found.iter().map(|letter| letter.copies).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(found[0].missing.as_deref(), Some("customer/C\u{fffd}1"));
    let (_, whole) = wait(store.dead_letter(found[0].id)).unwrap().unwrap();
    assert_eq!(whole.body, [0, 0xff]);
    assert!(whole.kind.starts_with("b\u{fffd}") && whole.kind.len() < 1_000, "{}", whole.kind);
}

#[test]
fn an_entry_with_anything_in_it_is_stored_once_per_key() {
    let store = store();
    let odd = || crate::JournalEntry {
        system: foreign("s"),
        operation: foreign("asked for"),
        entity_id: Some(foreign("i")),
        part: Some(foreign("p")),
        result: foreign("r"),
        detail: Some(foreign("d")),
        key: Some(foreign("k")),
        request: Some(foreign("q")),
        ..entry("")
    };

    wait(store.append(vec![odd(), odd(), entry("push")])).unwrap();

    let found = search(&store, JournalFilter::default());
    assert_eq!((found.len(), found[0].as_str()), (2, "push"));
    assert!(found[1].starts_with("asked for\u{fffd}"), "{}", found[1]);
}

#[test]
fn a_delivery_with_anything_in_it_is_claimed_and_settled() {
    let store = store();
    let mut member = shipment(1, 1, "S\u{0}1", "a");
    member.subject.id = "ü".repeat(ferry_canonical::limits::ID_CHARS);
    member.source_id = Some(foreign("own"));
    member.clock = Clock(foreign("clock"));
    let granted = grant(&store, group(vec![member.clone()]));

    let target_id = Some(foreign("id"));
    let because = Some(foreign("because"));
    let done = Settle::Done { outcome: Outcome::Delivered, because, target_id };
    assert_eq!(settle(&store, &granted, done), Settled::Done);

    // Half an id would be another's: the target is asked again by the key.
    let next = Member { event_id: Uuid::from_u128(2), sequence: Sequence(2), ..member };
    let next = grant(&store, group(vec![Member { fingerprint: "#b".to_owned(), ..next }]));
    assert_eq!((next.target_id, next.entity_id.chars().count()), (None, 255));
    let odd = Settle::Failed {
        unread: false,
        dead: vec![0],
        because: foreign("because"),
        target_id: None,
    };
    settle(&store, &Grant { target_id: None, ..next }, odd);
}

/// JSON can say the character 0 in a SKU; PostgreSQL's text cannot.
#[test]
fn a_product_whose_sku_holds_the_character_0_goes_its_way_and_stops_none_that_are_claimed_with_it()
{
    let store = store();
    let product = |event, sequence, sku: &str, fields| {
        let mut member = of_part(Facet::Catalogue, "", customer(event, sequence, fields));
        sku.clone_into(&mut member.subject.id);
        member.document = format!("{{\"sku\":\"{sku}\",\"fields\":\"{fields}\"}}");
        member
    };
    let groups = [product(1, 1, "MUG\u{0}RED", "a"), product(2, 1, "TEA", "a")];
    let claims = wait(store.claim(groups.map(|member| group(vec![member])).to_vec())).unwrap();
    for claim in &claims {
        assert_eq!(settle(&store, &granted(claim), delivered()), Settled::Done);
    }

    // It is known again: what came before has its outcome, and what comes later is claimed.
    let again = claim(&store, group(vec![product(1, 1, "MUG\u{0}RED", "a")]));
    assert_eq!(outcome(&again.members[0]), Some(Outcome::Delivered));
    let later = grant(&store, group(vec![product(3, 2, "MUG\u{0}RED", "b")]));
    let dead = Settle::Failed {
        unread: false,
        dead: vec![0],
        target_id: None,
        because: "no MUG\u{0}RED".to_owned(),
    };
    assert_eq!(settle(&store, &later, dead), Settled::Done);
    assert_eq!([Outcome::Delivered, Outcome::Dead].map(|ended| tally(&store, ended)), [2, 1]);
}

#[test]
fn an_end_with_anything_in_it_is_an_end() {
    let store = store();
    let ended = vec![(Uuid::from_u128(1), 0, Outcome::Dead, foreign("parse"))];

    wait(store.end("shop", "-", ended)).unwrap();

    let again = claim(&store, group(vec![customer(1, 1, "a")]));
    assert_eq!(outcome(&again.members[0]), Some(Outcome::Dead));
}
