//! Two-way facets: our own writes coming back, and changes made at the target itself.

use super::*;

/// What `source` says of the customer, on its way to `target`.
fn said(source: &str, target: &str, event: u128, sequence: u128, fields: &str) -> Group {
    let member = Member { source: source.to_owned(), ..customer(event, sequence, fields) };
    Group { target: target.to_owned(), ..group(vec![member]) }
}

#[test]
fn our_own_write_coming_back_is_an_echo_and_moves_the_mark() {
    let store = store();
    deliver(&store, said("erp", "shop", 1, 1, "a"));
    pass(Duration::from_secs(1));

    let back = claim(&store, said("shop", "erp", 2, 50, "a"));
    assert_eq!(outcome(&back.members[0]), Some(Outcome::Echo));

    let older = claim(&store, said("shop", "erp", 3, 49, "b"));
    assert_eq!(outcome(&older.members[0]), Some(Outcome::Superseded));
}

/// A user of the shop was there first; then the ERP's state was written over it.
#[test]
fn what_comes_back_is_no_echo_beside_what_is_written_before_it() {
    let store = store();
    let users = said("shop", "erp", 2, 50, "b");
    pass(Duration::from_secs(1));
    deliver(&store, said("erp", "shop", 1, 1, "a"));
    pass(Duration::from_secs(1));
    let ours = said("shop", "erp", 3, 51, "a");
    let members = users.members.into_iter().chain(ours.members.clone()).collect();

    let both = claim(&store, Group { members, ..ours });

    assert_eq!(both.members, [Verdict::Rider { lead: 1 }, Verdict::Lead]);
}

#[test]
fn a_write_that_is_still_running_is_recognised_as_well() {
    let store = store();
    grant(&store, said("erp", "shop", 1, 1, "a"));

    let back = claim(&store, said("shop", "erp", 2, 50, "a"));

    assert_eq!(outcome(&back.members[0]), Some(Outcome::Echo));
}

#[test]
fn a_write_whose_answer_was_lost_is_recognised_when_it_comes_back() {
    let store = store();
    let lost = grant(&store, said("erp", "shop", 1, 1, "a"));
    settle(&store, &lost, failed(true));

    let back = claim(&store, said("shop", "erp", 2, 50, "a"));

    assert_eq!(outcome(&back.members[0]), Some(Outcome::Echo));
}

#[test]
fn a_write_that_was_refused_is_not_what_the_system_says_later() {
    let store = store();
    let refused = grant(&store, said("erp", "shop", 1, 1, "a"));
    settle(&store, &refused, failed(false));

    deliver(&store, said("shop", "erp", 2, 50, "a"));
}

#[test]
fn a_change_made_at_the_target_is_no_echo() {
    let store = store();
    deliver(&store, said("erp", "shop", 1, 1, "a"));
    pass(Duration::from_secs(1));

    deliver(&store, said("shop", "erp", 2, 50, "b"));
}

#[test]
fn a_change_at_the_target_that_is_taken_back_there_is_no_echo() {
    let store = store();
    deliver(&store, said("erp", "shop", 1, 1, "a"));
    pass(Duration::from_secs(1));
    deliver(&store, said("shop", "erp", 2, 50, "b"));
    pass(Duration::from_secs(1));

    // The shop holds `a` again by its own doing; the ERP holds `b`.
    deliver(&store, said("shop", "erp", 3, 51, "a"));
}

#[test]
fn what_the_target_said_otherwise_since_is_not_taken_for_unchanged() {
    let store = store();
    deliver(&store, said("erp", "shop", 1, 1, "a"));
    pass(Duration::from_secs(1));
    deliver(&store, said("shop", "erp", 2, 50, "b"));

    deliver(&store, said("erp", "shop", 3, 2, "a"));
}

#[test]
fn what_the_target_said_while_we_wrote_leaves_what_it_holds_in_doubt() {
    let store = store();
    let writing = grant(&store, said("erp", "shop", 1, 1, "a"));
    pass(Duration::from_secs(1));
    deliver(&store, said("shop", "erp", 2, 50, "b"));
    settle(&store, &writing, delivered());

    deliver(&store, said("erp", "shop", 3, 2, "a"));
}

#[test]
fn what_the_target_said_before_we_wrote_takes_nothing_back() {
    let store = store();
    let early = said("shop", "crm", 2, 50, "b");
    pass(Duration::from_secs(1));
    deliver(&store, said("erp", "shop", 1, 1, "a"));
    deliver(&store, early);

    let repeated = claim(&store, said("erp", "shop", 3, 2, "a"));
    assert_eq!(outcome(&repeated.members[0]), Some(Outcome::Unchanged));
}

#[test]
fn what_the_target_said_otherwise_while_a_lost_write_may_still_come_ends_no_echo() {
    let store = store();
    let lost = grant(&store, said("erp", "shop", 1, 1, "a"));
    settle(&store, &lost, failed(true));
    pass(Duration::from_secs(1));
    deliver(&store, said("shop", "erp", 2, 50, "b"));
    pass(Duration::from_secs(1));

    let back = claim(&store, said("shop", "erp", 3, 51, "a"));
    assert_eq!(outcome(&back.members[0]), Some(Outcome::Echo));
}

#[test]
fn what_the_target_said_otherwise_when_a_lost_write_could_not_come_any_more_ends_its_echoes() {
    let store = store();
    let lost_at = clock();
    let lost = grant(&store, said("erp", "shop", 1, 1, "a"));
    settle(&store, &lost, failed(true));
    pass(SETTLE_AFTER + Duration::from_mins(2));
    let early = said("shop", "crm", 9, 49, "c");
    let early = Group {
        members: vec![Member { observed_at: lost_at, ..early.members[0].clone() }],
        ..early
    };
    deliver(&store, said("shop", "erp", 2, 50, "b"));
    // Out of another queue, and late.
    deliver(&store, early);
    pass(Duration::from_secs(1));

    // By its own doing: the ERP holds `b`.
    deliver(&store, said("shop", "erp", 3, 51, "a"));
}

#[test]
fn in_a_chain_of_systems_what_we_wrote_goes_on_to_the_next() {
    let store = store();
    deliver(&store, said("erp", "shop", 1, 1, "a"));

    deliver(&store, said("shop", "crm", 2, 50, "a"));
}

#[test]
fn in_a_ring_of_systems_a_change_ends_where_it_began() {
    let store = store();
    deliver(&store, said("erp", "shop", 1, 1, "a"));
    deliver(&store, said("shop", "crm", 2, 50, "a"));

    let home = claim(&store, said("crm", "erp", 3, 7, "a"));
    assert_eq!(outcome(&home.members[0]), Some(Outcome::Echo));
}

#[test]
fn a_change_does_not_return_to_a_system_it_went_through() {
    let store = store();
    deliver(&store, said("erp", "shop", 1, 1, "a"));
    deliver(&store, said("shop", "crm", 2, 50, "a"));
    pass(Duration::from_secs(1));
    // The shop has moved on; the older state must not come back from behind.
    deliver(&store, said("shop", "erp", 3, 51, "b"));

    let behind = claim(&store, said("crm", "shop", 4, 7, "a"));
    assert_eq!(outcome(&behind.members[0]), Some(Outcome::Echo));
}

#[test]
fn a_settlement_does_not_move_a_mark_back_that_an_echo_moved_on() {
    let store = store();
    let writing = said("shop", "erp", 1, 50, "b");
    let token = grant(&store, writing).token;
    deliver(&store, said("erp", "shop", 2, 1, "a"));
    claim(&store, said("shop", "erp", 3, 51, "a"));
    let settlement = Settlement {
        token,
        target: "erp".to_owned(),
        verdict: delivered(),
        steps: Steps::default(),
    };
    wait(store.settle(vec![settlement], Vec::new())).unwrap();
    pass(Duration::from_secs(1));

    let older = claim(&store, said("shop", "erp", 4, 50, "c"));
    assert_eq!(outcome(&older.members[0]), Some(Outcome::Superseded));
}
