//! Facets that go both ways: one claim for both sides, what they agreed on, and whose word is over.

use super::*;
use crate::{Agreed, Base, Met, Seen};

/// What `source` says of the customer, on its way to `target`, which says it as well.
fn said(source: &str, target: &str, event: u128, sequence: u128, fields: &str) -> Group {
    let member =
        Member { source: source.to_owned(), two_way: true, ..customer(event, sequence, fields) };
    Group { target: target.to_owned(), ..group(vec![member]) }
}

fn seen(sequence: u128, fields: &str) -> Seen {
    Seen {
        ago: Duration::ZERO,
        clock: Clock::named("updated-at"),
        sequence: Sequence(sequence),
        fingerprint: format!("#{fields}"),
        document: document(fields),
    }
}

/// A write to the shop whose answer nobody read.
fn lost(store: &Backend, group: Group) {
    let lost = grant(store, group);
    settle_at(store, "shop", &lost, failed(true));
}

fn document(fields: &str) -> String {
    customer(0, 0, fields).document
}

/// `fields` are what both have in common then.
fn met(fields: &str, outcome: Outcome, seen: Option<Seen>) -> Settle {
    let agreed = Agreed { document: document(fields), fingerprint: format!("#{fields}") };
    Settle::Met(Box::new(Met { agreed, outcome, because: None, target_id: None, seen }))
}

fn settle_at(store: &Backend, target: &str, grant: &Grant, verdict: Settle) -> Settled {
    let settlement = Settlement {
        token: grant.token,
        target: target.to_owned(),
        verdict,
        steps: Steps::default(),
    };
    wait(store.settle(vec![settlement], Vec::new())).unwrap().remove(0)
}

/// Claims, looks, and settles so.
fn meet(store: &Backend, group: Group, outcome: Outcome, seen: Option<Seen>) {
    let (target, said) = (group.target.clone(), group.members[0].fingerprint.clone());
    let grant = grant(store, group);
    let verdict = met(said.trim_start_matches('#'), outcome, seen);
    assert_eq!(settle_at(store, &target, &grant, verdict), Settled::Done);
}

fn base(store: &Backend, group: Group) -> Base {
    let target = group.target.clone();
    let grant = grant(store, group);
    settle_at(store, &target, &grant, Settle::Released);
    grant.base.unwrap()
}

fn agreed(store: &Backend) -> Option<String> {
    let agreed = base(store, said("erp", "shop", 90, 90, "asked")).agreed;
    agreed.map(|Agreed { document, fingerprint }| {
        let fields = fingerprint.trim_start_matches('#').to_owned();
        assert_eq!(document, self::document(&fields));
        fields
    })
}

#[test]
fn a_claim_holds_the_entity_at_both_sides() {
    let store = store();
    let first = grant(&store, said("erp", "shop", 1, 1, "a"));

    let back = claim(&store, said("shop", "erp", 2, 50, "b"));
    assert!(matches!(back.claimed, Claimed::Busy));
    let third = Group { target: "erp".to_owned(), ..group(vec![customer(3, 1, "c")]) };
    let third = Group {
        members: vec![Member { source: "crm".to_owned(), ..third.members[0].clone() }],
        ..third
    };
    assert!(matches!(claim(&store, third).claimed, Claimed::Busy));

    settle_at(&store, "shop", &first, met("a", Outcome::Delivered, None));
    grant(&store, said("shop", "erp", 2, 50, "b"));
}

#[test]
fn a_side_that_is_being_written_by_a_third_makes_the_claim_wait() {
    let store = store();
    let third = Member { source: "crm".to_owned(), ..customer(1, 1, "a") };
    grant(&store, Group { target: "erp".to_owned(), ..group(vec![third]) });

    let claim = claim(&store, said("erp", "shop", 2, 1, "b"));

    assert!(matches!(claim.claimed, Claimed::Busy));
    assert_eq!(claim.members, [Verdict::Waits]);
}

#[test]
fn a_facet_that_goes_one_way_holds_its_source_not() {
    let store = store();
    grant(&store, group(vec![customer(1, 1, "a")]));

    let back = Member { source: "shop".to_owned(), ..customer(2, 50, "b") };
    let back = grant(&store, Group { target: "erp".to_owned(), ..group(vec![back]) });
    assert_eq!(back.base, None);
}

#[test]
fn a_claim_that_was_never_settled_lets_go_of_both_sides_and_only_the_target_is_unknown() {
    let store = store();
    grant(&store, said("erp", "shop", 1, 1, "a"));
    pass(LEASE);

    let third = Member { source: "crm".to_owned(), ..customer(2, 1, "b") };
    let third = grant(&store, Group { target: "erp".to_owned(), ..group(vec![third]) });
    assert!(!third.read_first);
    assert_eq!(overview(&store).unknown.get("shop"), Some(&1));
    settle_at(&store, "erp", &third, Settle::Released);

    let back = claim(&store, said("shop", "erp", 3, 50, "c"));
    assert!(matches!(back.claimed, Claimed::Unknown { wait } if wait == SETTLE_AFTER));
}

#[test]
fn a_lost_write_is_read_by_its_own_retry_before_the_other_direction_goes_on() {
    let store = store();
    lost(&store, said("erp", "shop", 1, 1, "a"));
    pass(SETTLE_AFTER);

    let back = claim(&store, said("shop", "erp", 2, 50, "b"));
    assert!(matches!(back.claimed, Claimed::Busy));

    meet(&store, said("erp", "shop", 1, 1, "a"), Outcome::Echo, Some(seen(51, "a")));
    // What the shop said before the write was looked for is older than the write.
    let back = claim(&store, said("shop", "erp", 2, 50, "b"));
    assert_eq!(outcome(&back.members[0]), Some(Outcome::Superseded));
}

#[test]
fn a_lost_write_that_nobody_will_look_for_holds_nothing_up() {
    let store = store();
    let lost = grant(&store, said("erp", "shop", 1, 1, "a"));
    let dead = Settle::Failed {
        unread: true,
        dead: vec![0],
        because: "timeout: no".to_owned(),
        target_id: None,
    };
    settle_at(&store, "shop", &lost, dead);
    pass(SETTLE_AFTER);

    grant(&store, said("shop", "erp", 2, 50, "b"));
}

/// Whether what the source says, and what the target holds, may be a part of a write of ours.
fn halves(store: &Backend, group: Group) -> [bool; 2] {
    let base = base(store, group);
    [base.half_said, base.half_held]
}

#[test]
fn what_a_dead_delivery_may_have_written_in_part_is_no_word_of_that_system() {
    let store = store();
    meet(&store, said("erp", "shop", 1, 1, "a"), Outcome::Delivered, None);
    let half = grant(&store, said("erp", "shop", 2, 2, "b"));
    let dead = Settle::Failed {
        unread: true,
        dead: vec![0],
        because: "validation: no".to_owned(),
        target_id: None,
    };
    settle_at(&store, "shop", &half, dead);
    pass(SETTLE_AFTER);
    assert_eq!(halves(&store, said("shop", "erp", 3, 50, "half of b")), [true, false]);
    assert_eq!(halves(&store, said("erp", "shop", 4, 3, "c")), [false, true]);
    // Written as a whole, it is the shop's word again.
    meet(&store, said("erp", "shop", 5, 4, "c"), Outcome::Delivered, Some(seen(50, "half of b")));
    pass(Duration::from_secs(1));
    assert_eq!(halves(&store, said("shop", "erp", 6, 51, "d")), [false, false]);
}

#[test]
fn nothing_is_agreed_on_before_first_contact() {
    let store = store();

    let expected = Base::default();
    assert_eq!(base(&store, said("erp", "shop", 1, 1, "a")), expected);
}

#[test]
fn what_is_written_or_found_is_agreed_on_for_both_directions() {
    for outcome in [Outcome::Delivered, Outcome::Echo] {
        let store = store();
        meet(&store, said("erp", "shop", 1, 1, "a"), outcome, Some(seen(50, "0")));
        pass(Duration::from_secs(1));

        assert_eq!(agreed(&store).as_deref(), Some("a"));
        let back = base(&store, said("shop", "erp", 2, 51, "b"));
        assert_eq!(back.agreed.map(|agreed| agreed.fingerprint).as_deref(), Some("#a"));
    }
}

#[test]
fn other_pairs_have_agreements_of_their_own() {
    let store = store();
    meet(&store, said("erp", "shop", 1, 1, "a"), Outcome::Delivered, None);

    assert_eq!(base(&store, said("erp", "crm", 2, 1, "a")).agreed, None);
}

#[test]
fn a_change_that_was_accepted_failed_was_skipped_or_released_is_not_agreed_on() {
    let store = store();
    meet(&store, said("erp", "shop", 1, 1, "a"), Outcome::Delivered, None);
    let done = |outcome| Settle::Done { outcome, because: None, target_id: None };
    let others =
        [failed(false), done(Outcome::Skipped), Settle::Released, failed(true)].into_iter();
    for (event, verdict) in (2..).zip(others) {
        let taken = grant(&store, said("erp", "shop", event, event, "b"));
        settle_at(&store, "shop", &taken, verdict);
        pass(SETTLE_AFTER);

        assert_eq!(agreed(&store).as_deref(), Some("a"));
    }
}

#[test]
fn a_write_whose_answer_was_lost_is_ours_if_it_is_there() {
    let store = store();
    meet(&store, said("erp", "shop", 1, 1, "a"), Outcome::Delivered, None);
    lost(&store, said("erp", "shop", 2, 2, "b"));
    pass(SETTLE_AFTER);

    assert_eq!(base(&store, said("erp", "shop", 3, 3, "c")).ours, [document("b")]);
}

#[test]
fn what_was_settled_before_a_facet_went_both_ways_is_ours() {
    let store = store();
    deliver(&store, group(vec![customer(1, 1, "a")]));

    let expected = Base { ours: vec![document("a")], ..Base::default() };
    assert_eq!(base(&store, said("erp", "shop", 2, 2, "b")), expected);
}

/// The winner is written over what the shop holds at 50 on its clock.
#[test]
fn the_losers_own_event_is_superseded_whenever_it_comes() {
    let store = store();
    meet(&store, said("erp", "shop", 1, 1, "a"), Outcome::Delivered, None);
    let queued = said("shop", "erp", 3, 50, "shop's");
    let retried = said("shop", "erp", 4, 49, "before");
    pass(Duration::from_secs(1));
    meet(&store, said("erp", "shop", 2, 2, "erp's"), Outcome::Delivered, Some(seen(50, "shop's")));
    pass(Duration::from_hours(24 * 7));

    for loser in [queued, retried] {
        let claim = claim(&store, loser);
        assert_eq!(outcome(&claim.members[0]), Some(Outcome::Superseded));
    }
    grant(&store, said("shop", "erp", 5, 51, "a later change"));
}

/// Addresses alone do not move the clock of a customer there. The store was down for a while.
#[test]
fn what_the_target_said_after_its_last_answer_is_a_change() {
    let store = store();
    let before = said("shop", "erp", 3, 50, "shop's");
    let writing = grant(&store, said("erp", "shop", 2, 2, "erp's"));
    pass(Duration::from_secs(2));
    let after = said("shop", "erp", 4, 50, "a later change");
    pass(Duration::from_secs(10));
    let seen = Seen { ago: Duration::from_secs(11), ..seen(50, "shop's") };
    settle_at(&store, "shop", &writing, met("erp's", Outcome::Delivered, Some(seen)));

    let before = claim(&store, before);
    assert_eq!(outcome(&before.members[0]), Some(Outcome::Superseded));
    grant(&store, after);
}

#[test]
fn a_target_that_keeps_its_own_brings_it_with_its_own_event() {
    let store = store();
    meet(&store, said("erp", "shop", 1, 1, "a"), Outcome::Delivered, None);
    meet(&store, said("erp", "shop", 2, 2, "erp's"), Outcome::Superseded, Some(seen(50, "shop's")));
    assert_eq!(tally(&store, Outcome::Superseded), 1);

    // The ERP's is what the shop's is held against, so that it may come over it.
    let base = base(&store, said("shop", "erp", 3, 50, "shop's"));
    assert_eq!(base.agreed.map(|agreed| agreed.fingerprint).as_deref(), Some("#erp's"));
    // The loser's event of next week is as old as ever.
    let again = claim(&store, said("erp", "shop", 4, 2, "erp's"));
    assert_eq!(outcome(&again.members[0]), Some(Outcome::Duplicate));
}

#[test]
fn what_a_target_kept_is_not_taken_for_what_we_wrote() {
    let store = store();
    meet(&store, said("erp", "shop", 1, 1, "a"), Outcome::Delivered, None);
    meet(&store, said("erp", "shop", 2, 2, "erp's"), Outcome::Superseded, Some(seen(50, "shop's")));

    // Neither is there: what was there before, and what had to give way.
    for (event, fields) in [(3, "a"), (4, "erp's")] {
        let next = grant(&store, said("erp", "shop", event, event, fields));
        settle_at(&store, "shop", &next, Settle::Released);
    }
}

/// A write of ours showed before somebody there changed it: that state is nobody's word any more.
#[test]
fn what_a_target_showed_before_what_it_kept_is_older() {
    let store = store();
    meet(&store, said("erp", "shop", 1, 1, "a"), Outcome::Delivered, None);
    lost(&store, said("erp", "shop", 2, 2, "b"));
    pass(SETTLE_AFTER);
    meet(&store, said("erp", "shop", 3, 3, "erp's"), Outcome::Superseded, Some(seen(50, "shop's")));

    let shown = claim(&store, said("shop", "erp", 4, 49, "b"));
    assert_eq!(outcome(&shown.members[0]), Some(Outcome::Superseded));
    let kept = grant(&store, said("shop", "erp", 5, 50, "shop's"));
    settle_at(&store, "erp", &kept, Settle::Released);
}

#[test]
fn what_a_target_kept_ends_the_doubt_about_a_lost_write() {
    let store = store();
    lost(&store, said("erp", "shop", 1, 1, "a"));
    pass(SETTLE_AFTER);
    meet(&store, said("erp", "shop", 2, 2, "b"), Outcome::Superseded, Some(seen(50, "shop's")));

    assert!(overview(&store).unknown.is_empty());
    let next = grant(&store, said("erp", "shop", 3, 3, "c"));
    assert_eq!((next.read_first, next.base.unwrap().ours), (false, Vec::new()));
}

#[test]
fn a_conflict_nobody_decided_leaves_what_was_agreed_on() {
    let store = store();
    meet(&store, said("erp", "shop", 1, 1, "a"), Outcome::Delivered, None);
    let dead = Settle::Failed {
        unread: false,
        dead: vec![0],
        because: "conflict: b".to_owned(),
        target_id: None,
    };
    let taken = grant(&store, said("erp", "shop", 2, 2, "b"));
    settle_at(&store, "shop", &taken, dead);

    assert_eq!(agreed(&store).as_deref(), Some("a"));
    grant(&store, said("shop", "erp", 3, 50, "c"));
}

#[test]
fn a_settlement_whose_lease_was_taken_agrees_on_nothing() {
    let store = store();
    let zombie = grant(&store, said("erp", "shop", 1, 1, "a"));
    pass(LEASE + SETTLE_AFTER);
    let next = grant(&store, said("erp", "shop", 2, 2, "b"));

    assert_eq!(
        settle_at(&store, "shop", &zombie, met("a", Outcome::Delivered, None)),
        Settled::Lost
    );
    settle_at(&store, "shop", &next, Settle::Released);
    assert_eq!(agreed(&store), None);
}
