//! Writes whose answer nobody read.

use ferry_canonical::{Brought, Doubt};

use super::*;

fn lost(store: &Backend, member: Member) {
    let lost = grant(store, group(vec![member]));
    settle(store, &lost, failed(true));
}

#[test]
fn an_unread_answer_makes_the_next_claim_wait_and_then_read() {
    let store = store();
    lost(&store, customer(1, 1, "a"));
    pass(SETTLE_AFTER / 4);

    let early = claim(&store, group(vec![customer(1, 1, "a")]));
    assert!(matches!(early.claimed, Claimed::Unknown { wait } if wait == SETTLE_AFTER * 3 / 4));
    assert_eq!(early.members, [Verdict::Waits]);
    assert_eq!(overview(&store).unknown["shop"], 1);

    pass(SETTLE_AFTER * 3 / 4);
    assert!(grant(&store, group(vec![customer(1, 1, "a")])).read_first);
}

#[test]
fn a_lease_that_ended_unsettled_is_an_unread_answer() {
    let store = store();
    let killed = grant(&store, group(vec![customer(1, 1, "a")]));
    pass(LEASE);
    assert_eq!(overview(&store).unknown["shop"], 1);

    let early = claim(&store, group(vec![customer(1, 1, "a")]));
    assert!(matches!(early.claimed, Claimed::Unknown { wait } if wait == SETTLE_AFTER));
    assert_eq!(settle(&store, &killed, delivered()), Settled::Lost);
    assert_eq!(wait(store.renew("shop", vec![killed.token], LEASE)).unwrap(), [killed.token]);

    pass(SETTLE_AFTER);
    assert!(grant(&store, group(vec![customer(1, 1, "a")])).read_first);
}

#[test]
fn what_a_holder_may_have_begun_last_is_in_doubt_and_not_what_it_began_first() {
    let store = store();
    let killed = grant(&store, group(vec![customer(1, 1, "a")]));
    for _ in 0..5 {
        pass(LEASE / 2);
        assert!(wait(store.renew("shop", vec![killed.token], LEASE)).unwrap().is_empty());
    }
    pass(LEASE);

    let early = claim(&store, group(vec![customer(1, 1, "a")]));
    assert!(matches!(early.claimed, Claimed::Unknown { wait } if wait == SETTLE_AFTER));
}

#[test]
fn a_lease_that_ended_unnoticed_can_still_be_settled() {
    let store = store();
    let slow = grant(&store, group(vec![customer(1, 1, "a")]));
    pass(LEASE * 2);

    assert_eq!(settle(&store, &slow, delivered()), Settled::Done);
    assert_eq!(overview(&store).unknown.len(), 0);
}

#[test]
fn a_success_after_the_read_ends_the_doubt() {
    let store = store();
    lost(&store, customer(1, 1, "a"));
    pass(SETTLE_AFTER);
    deliver(&store, group(vec![customer(1, 1, "a")]));

    assert!(!grant(&store, group(vec![customer(2, 2, "b")])).read_first);
    assert_eq!(overview(&store).unknown.len(), 0);
}

#[test]
fn a_read_that_came_to_nothing_leaves_the_doubt() {
    let store = store();
    for verdict in [failed(false), Settle::Released] {
        lost(&store, customer(1, 1, "a"));
        pass(SETTLE_AFTER);
        let reading = grant(&store, group(vec![customer(1, 1, "a")]));
        settle(&store, &reading, verdict);

        let next = grant(&store, group(vec![customer(1, 1, "a")]));
        assert!(next.read_first);
        settle(&store, &next, Settle::Released);
    }
}

#[test]
fn nothing_is_unchanged_while_a_write_is_lost() {
    let store = store();
    deliver(&store, group(vec![customer(1, 1, "a")]));
    lost(&store, customer(2, 2, "b"));
    pass(SETTLE_AFTER);

    grant(&store, group(vec![customer(3, 3, "a")]));
}

#[test]
fn nothing_is_unchanged_while_a_write_of_another_facet_is_lost() {
    let store = store();
    let order = |facet, event| group(vec![of_part(facet, "", customer(event, event, "a"))]);
    deliver(&store, order(Facet::Placed, 1));
    let cancelling = grant(&store, order(Facet::Cancellation, 2));
    settle(&store, &cancelling, failed(true));

    let same = claim(&store, order(Facet::Placed, 3));
    assert_eq!(same.members, [Verdict::Waits]);
}

#[test]
fn a_lost_write_of_one_facet_is_not_forgotten_when_another_succeeds() {
    let store = store();
    let order = |facet, event, sequence, fields| {
        group(vec![of_part(facet, "", customer(event, sequence, fields))])
    };
    deliver(&store, order(Facet::Placed, 1, 1, "a"));
    let first = grant(&store, order(Facet::Placed, 2, 2, "b"));
    settle(&store, &first, failed(true));
    pass(SETTLE_AFTER);
    // A second try is refused outright; what became of the first one is still open.
    let second = grant(&store, order(Facet::Placed, 3, 3, "c"));
    settle(&store, &second, failed(false));
    deliver(&store, order(Facet::Cancellation, 4, 1, "x"));

    let back = grant(&store, order(Facet::Placed, 5, 4, "a"));
    assert!(back.read_first);
    settle(&store, &back, delivered());
    assert_eq!(overview(&store).unknown.len(), 0);
}

#[test]
fn a_skip_reads_nothing_and_ends_no_doubt() {
    let store = store();
    lost(&store, customer(1, 1, "a"));
    pass(SETTLE_AFTER);
    let skipping = grant(&store, group(vec![customer(2, 2, "b")]));
    let outcome = Outcome::Skipped;
    settle(&store, &skipping, Settle::Done { outcome, because: None, target_id: None });

    assert!(grant(&store, group(vec![customer(3, 3, "c")])).read_first);
}

#[test]
fn a_composed_write_never_goes_back_behind_a_lost_one() {
    let store = store();
    deliver(&store, composed(vec![shipment(1, 1, "S1", "packed")]));
    let lost = grant(&store, composed(vec![shipment(2, 2, "S1", "sent")]));
    settle(&store, &lost, failed(true));
    pass(SETTLE_AFTER);

    let other = grant(&store, composed(vec![shipment(3, 1, "S2", "packed")]));

    assert_eq!(other.siblings.len(), 1);
    assert!(other.siblings[0].document.contains("sent"));
}

#[test]
fn a_write_that_is_cut_off_again_and_again_is_remembered_once() {
    let store = store();
    for _ in 0..3 {
        grant(&store, group(vec![customer(1, 1, "a")]));
        pass(LEASE + SETTLE_AFTER);
    }
    claim(&store, group(vec![customer(2, 2, "b")]));

    let count = "SELECT count(*) FROM intent WHERE fingerprint = '#a'";
    assert_eq!(number(&store, count), 1);
}

#[test]
fn an_older_state_waits_while_a_newer_write_is_lost() {
    let store = store();
    lost(&store, customer(2, 2, "newer"));
    pass(SETTLE_AFTER * 2);

    let older = claim(&store, group(vec![customer(1, 1, "older")]));
    assert_eq!(older.members, [Verdict::Waits]);
    assert!(matches!(older.claimed, Claimed::Busy));

    deliver(&store, group(vec![customer(2, 2, "newer")]));
    let older = claim(&store, group(vec![customer(1, 1, "older")]));
    assert!(
        matches!(older.members[..], [Verdict::Closed { outcome: Outcome::Superseded, .. }]),
        "{older:?}"
    );
}

#[test]
fn an_older_state_waits_although_another_source_has_lost_the_same_content() {
    let store = store();
    lost(&store, customer(2, 2, "newer"));
    pass(SETTLE_AFTER * 2);
    lost(&store, Member { source: "pim".to_owned(), ..customer(3, 1, "newer") });
    pass(SETTLE_AFTER * 2);

    let older = claim(&store, group(vec![customer(1, 1, "older")]));
    assert_eq!(older.members, [Verdict::Waits]);
}

#[test]
fn an_older_state_is_superseded_by_a_lost_write_that_died() {
    let store = store();
    let newer = grant(&store, group(vec![customer(2, 2, "newer")]));
    let died = Settle::Failed {
        unread: true,
        dead: vec![0],
        because: "timeout: no answer".to_owned(),
        target_id: None,
    };
    settle(&store, &newer, died);
    pass(SETTLE_AFTER * 2);

    let older = claim(&store, group(vec![customer(1, 1, "older")]));
    assert!(
        matches!(older.members[..], [Verdict::Closed { outcome: Outcome::Superseded, .. }]),
        "{older:?}"
    );
    assert!(grant(&store, group(vec![customer(3, 3, "newest")])).read_first);
}

#[test]
fn what_is_in_doubt_is_a_part_and_not_all_that_is_known_of_its_entity() {
    let store = store();
    let order = |facet, part: &str, event, fields| {
        group(vec![of_part(facet, part, customer(event, event, fields))])
    };
    deliver(&store, order(Facet::Placed, "", 1, "a"));
    let returning = grant(&store, order(Facet::Return, "R1", 2, "x"));
    settle(&store, &returning, failed(true));
    pass(SETTLE_AFTER);

    for (group, doubt, brought) in [
        (order(Facet::Placed, "", 3, "b"), Doubt::None, Brought::Other),
        (order(Facet::Return, "R2", 4, "x"), Doubt::None, Brought::Nothing),
        (order(Facet::Return, "R1", 2, "x"), Doubt::Open, Brought::Same),
        (order(Facet::Return, "R1", 5, "y"), Doubt::Open, Brought::Other),
    ] {
        let next = grant(&store, group);
        assert_eq!((next.read_first, next.doubt, next.brought), (true, doubt, brought));
        settle(&store, &next, Settle::Released);
    }
}

#[test]
fn somebody_who_sends_a_letter_again_has_looked_what_became_of_those_that_died() {
    let store = store();
    let lost = grant(&store, group(vec![customer(1, 1, "a")]));
    let died = Settle::Failed {
        unread: true,
        dead: vec![0],
        because: "timeout: no answer".to_owned(),
        target_id: None,
    };
    settle(&store, &lost, died);
    pass(SETTLE_AFTER);
    let newer = grant(&store, group(vec![customer(2, 2, "b")]));
    assert_eq!(newer.doubt, Doubt::Open);
    settle(&store, &newer, Settle::Released);
    for letter in [customer(1, 1, "a"), customer(2, 2, "b")] {
        let again = grant(&store, group(vec![Member { generation: 1, ..letter }]));
        assert_eq!(again.doubt, Doubt::LookedInto);
        settle(&store, &again, Settle::Released);
    }
    // What that try loses is in doubt as any other.
    let again = || group(vec![Member { generation: 1, ..customer(2, 2, "b") }]);
    let next = grant(&store, again());
    settle(&store, &next, failed(true));
    pass(SETTLE_AFTER);
    assert_eq!(grant(&store, again()).doubt, Doubt::Open);
}
