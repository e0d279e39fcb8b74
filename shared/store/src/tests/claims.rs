use super::*;

#[test]
fn the_first_claim_of_an_entity_is_granted_without_a_read() {
    let store = store();

    let claim = claim(&store, group(vec![customer(1, 1, "a")]));

    assert_eq!(claim.members, [Verdict::Lead]);
    let grant = granted(&claim);
    assert_eq!((grant.entity_id.as_str(), grant.read_first), ("C1", false));
    assert_eq!(overview(&store).claimed["shop"], 1);
}

#[test]
fn an_entity_that_is_claimed_makes_others_wait() {
    let store = store();
    grant(&store, group(vec![customer(1, 1, "a")]));

    let second = claim(&store, group(vec![customer(2, 2, "b")]));

    assert!(matches!(second.claimed, Claimed::Busy));
    assert_eq!(second.members, [Verdict::Waits]);
}

#[test]
fn another_target_and_another_entity_are_not_held_up() {
    let store = store();
    grant(&store, group(vec![customer(1, 1, "a")]));

    grant(&store, Group { target: "warehouse".to_owned(), ..group(vec![customer(1, 1, "a")]) });
    let mut other = customer(2, 1, "a");
    other.subject.id = "C2".to_owned();
    grant(&store, group(vec![other]));
}

#[test]
fn an_entity_is_granted_once_within_one_call() {
    let store = store();
    let of = |facet, event| group(vec![of_part(facet, "", customer(event, 1, "a"))]);

    let groups = vec![of(Facet::Placed, 1), of(Facet::Cancellation, 2), of(Facet::Placed, 3)];
    let claims = wait(store.claim(groups)).unwrap();

    granted(&claims[0]);
    assert!(matches!(claims[1].claimed, Claimed::Busy));
    assert!(matches!(claims[2].claimed, Claimed::Busy));
}

#[test]
fn a_delivery_that_has_ended_is_told_so_with_its_cause() {
    let store = store();
    wait(store.end(
        "shop",
        "-",
        vec![(Uuid::from_u128(1), 0, Outcome::Dead, "parse: no".to_owned())],
    ))
    .unwrap();

    let claim = claim(&store, group(vec![customer(1, 1, "a")]));

    let because = Some("parse: no".to_owned());
    assert_eq!(claim.members, [Verdict::Ended { outcome: Outcome::Dead, because }]);
    assert!(matches!(claim.claimed, Claimed::Nothing));
}

#[test]
fn a_retry_by_hand_of_a_dead_delivery_is_a_delivery_of_its_own() {
    let store = store();
    let first = grant(&store, group(vec![customer(1, 1, "a")]));
    let dead = Settle::Failed {
        unread: false,
        dead: vec![0],
        because: "rejected: no".to_owned(),
        target_id: None,
    };
    settle(&store, &first, dead);

    deliver(&store, group(vec![Member { generation: 1, ..customer(1, 1, "a") }]));

    assert_eq!((tally(&store, Outcome::Dead), tally(&store, Outcome::Delivered)), (1, 1));
}

#[test]
fn an_older_state_is_superseded() {
    let store = store();
    deliver(&store, group(vec![customer(1, 7, "a")]));

    let claim = claim(&store, group(vec![customer(2, 6, "b")]));

    assert_eq!(outcome(&claim.members[0]), Some(Outcome::Superseded));
    assert!(matches!(claim.claimed, Claimed::Nothing));
}

/// The target holds `a`; the group says `b`, then `a` again.
#[test]
fn what_goes_back_to_the_settled_state_is_not_unchanged_beside_what_is_written_before_it() {
    let store = store();
    deliver(&store, group(vec![customer(1, 4, "a")]));

    let both = claim(&store, group(vec![customer(2, 5, "b"), customer(3, 6, "a")]));

    assert_eq!(both.members, [Verdict::Rider { lead: 1 }, Verdict::Lead]);
    settle(&store, &granted(&both), delivered());
    assert_eq!((tally(&store, Outcome::Delivered), tally(&store, Outcome::Superseded)), (2, 1));
    let older = claim(&store, group(vec![customer(4, 5, "c")]));
    assert_eq!(outcome(&older.members[0]), Some(Outcome::Superseded));
}

/// Of another part it says nothing.
#[test]
fn a_part_is_unchanged_beside_another_part_that_is_written() {
    let store = store();
    deliver(&store, composed(vec![shipment(1, 4, "S1", "a")]));

    let both = vec![shipment(2, 5, "S2", "b"), shipment(3, 6, "S1", "a")];
    let both = claim(&store, composed(both));

    assert_eq!(both.members[0], Verdict::Lead);
    assert_eq!(outcome(&both.members[1]), Some(Outcome::Unchanged));
}

#[test]
fn sequences_compare_as_numbers_of_any_length() {
    let store = store();
    deliver(&store, group(vec![customer(1, 9, "a")]));
    deliver(&store, group(vec![customer(2, 10, "b")]));
    deliver(&store, group(vec![customer(3, u128::MAX, "c")]));

    let claim = claim(&store, group(vec![customer(4, u128::MAX - 1, "d")]));

    assert_eq!(outcome(&claim.members[0]), Some(Outcome::Superseded));
}

#[test]
fn an_equal_sequence_with_equal_content_is_a_duplicate() {
    let store = store();
    deliver(&store, group(vec![customer(1, 7, "a")]));

    let claim = claim(&store, group(vec![customer(2, 7, "a")]));

    assert_eq!(outcome(&claim.members[0]), Some(Outcome::Duplicate));
}

#[test]
fn of_one_sequence_with_different_contents_the_later_observed_wins() {
    let store = store();
    let early = customer(2, 7, "early");
    pass(Duration::from_secs(1));
    deliver(&store, group(vec![customer(1, 7, "now")]));

    let claim_early = claim(&store, group(vec![early]));
    assert_eq!(outcome(&claim_early.members[0]), Some(Outcome::Superseded));

    pass(Duration::from_secs(1));
    deliver(&store, group(vec![customer(3, 7, "late")]));
}

#[test]
fn sequences_of_different_clocks_and_sources_do_not_compare() {
    let store = store();
    deliver(&store, group(vec![customer(1, 7, "a")]));

    let other_clock = Member { clock: Clock::named("as-of"), ..customer(2, 1, "b") };
    deliver(&store, group(vec![other_clock]));
    let other_source = Member { source: "crm".to_owned(), ..customer(3, 1, "c") };
    deliver(&store, group(vec![other_source]));
}

#[test]
fn what_the_target_holds_already_is_unchanged_and_moves_the_mark() {
    let store = store();
    deliver(&store, group(vec![customer(1, 1, "a")]));

    let newer = claim(&store, group(vec![customer(2, 5, "a")]));
    assert_eq!(outcome(&newer.members[0]), Some(Outcome::Unchanged));

    let between = claim(&store, group(vec![customer(3, 4, "b")]));
    assert_eq!(outcome(&between.members[0]), Some(Outcome::Superseded));
}

#[test]
fn a_facet_the_target_changes_itself_is_written_again() {
    let store = store();
    let stock = |event, sequence| of_part(Facet::Stock, "main", customer(event, sequence, "5"));
    deliver(&store, group(vec![stock(1, 1)]));

    grant(&store, group(vec![stock(2, 2)]));
}

#[test]
fn the_newest_of_one_part_and_clock_leads_and_older_ones_ride() {
    let store = store();
    let members = vec![customer(1, 1, "a"), customer(2, 3, "c"), customer(3, 2, "b")];

    let claim = claim(&store, group(members));

    assert_eq!(
        claim.members,
        [Verdict::Rider { lead: 1 }, Verdict::Lead, Verdict::Rider { lead: 1 }]
    );
}

#[test]
fn another_source_waits_until_the_first_has_been_applied() {
    let store = store();
    let crm = Member { source: "crm".to_owned(), ..customer(2, 9, "b") };
    let members = vec![customer(1, 1, "a"), crm.clone()];

    let first = claim(&store, group(members));
    assert_eq!(first.members, [Verdict::Lead, Verdict::Waits]);

    settle(&store, &granted(&first), delivered());
    grant(&store, group(vec![crm]));
}

#[test]
fn parts_wait_for_each_other_where_the_target_does_not_compose_them() {
    let store = store();
    let members = vec![shipment(1, 1, "S1", "a"), shipment(2, 1, "S2", "b")];

    let claim = claim(&store, group(members));

    assert_eq!(claim.members, [Verdict::Lead, Verdict::Waits]);
    assert_eq!(granted(&claim).siblings, []);
}

#[test]
fn composed_parts_join_one_grant_with_the_settled_siblings() {
    let store = store();
    deliver(&store, composed(vec![shipment(1, 1, "S1", "one")]));
    deliver(&store, composed(vec![shipment(2, 1, "S2", "two")]));

    let members = vec![
        shipment(3, 2, "S2", "two, sent"),
        shipment(4, 2, "S3", "three"),
        shipment(5, 1, "S3", "-"),
    ];
    let claim = claim(&store, composed(members));

    assert_eq!(claim.members, [Verdict::Lead, Verdict::Lead, Verdict::Rider { lead: 1 }]);
    let siblings: Vec<_> = granted(&claim).siblings.into_iter().map(|state| state.part).collect();
    assert_eq!(siblings, [Some("S1".to_owned())]);
}

#[test]
fn a_rider_points_at_its_lead_although_others_of_the_group_have_ended() {
    let store = store();
    deliver(&store, group(vec![customer(1, 1, "a")]));

    let members = vec![customer(2, 1, "a"), customer(3, 2, "b"), customer(4, 3, "c")];
    let claim = claim(&store, group(members));

    assert_eq!(outcome(&claim.members[0]), Some(Outcome::Duplicate));
    assert_eq!(claim.members[1..], [Verdict::Rider { lead: 2 }, Verdict::Lead]);
}

#[test]
fn a_sources_own_id_leads_to_the_canonical_entity() {
    let store = store();
    deliver(
        &store,
        group(vec![Member { source_id: Some("77".to_owned()), ..customer(1, 1, "a") }]),
    );

    // The source speaks of the same record under another key.
    let mut renamed = Member { source_id: Some("77".to_owned()), ..customer(2, 2, "b") };
    renamed.subject.id = "C1-new".to_owned();
    assert_eq!(grant(&store, group(vec![renamed])).entity_id, "C1");
}

#[test]
fn nothing_is_unchanged_while_something_else_is_being_written() {
    let store = store();
    deliver(&store, group(vec![customer(1, 1, "a")]));
    grant(&store, group(vec![customer(2, 2, "b")]));

    let back = claim(&store, group(vec![customer(3, 3, "a")]));
    assert_eq!(back.members, [Verdict::Waits]);
}

#[test]
fn a_state_that_was_set_back_within_one_sequence_ends_what_was_said_between() {
    let store = store();
    deliver(&store, group(vec![customer(1, 5, "a")]));
    pass(Duration::from_secs(1));
    let between = customer(2, 5, "b");
    let refused = grant(&store, group(vec![between.clone()]));
    assert_eq!(settle(&store, &refused, failed(false)), Settled::Done);
    pass(Duration::from_secs(1));
    let back = claim(&store, group(vec![customer(3, 5, "a")]));
    assert_eq!(outcome(&back.members[0]), Some(Outcome::Duplicate));
    // It comes out of its retry a week later.
    let late = claim(&store, group(vec![between]));
    assert_eq!(outcome(&late.members[0]), Some(Outcome::Superseded));
    // What was seen later still goes on from there.
    pass(Duration::from_secs(1));
    grant(&store, group(vec![customer(4, 5, "c")]));
}

#[test]
fn a_state_that_was_set_back_in_one_batch_with_what_was_said_between_is_what_is_written() {
    let store = store();
    deliver(&store, group(vec![customer(1, 5, "a")]));
    pass(Duration::from_secs(1));
    let between = customer(2, 5, "b");
    pass(Duration::from_secs(1));
    let back = customer(3, 5, "a");
    let claimed = claim(&store, group(vec![between, back]));
    assert_eq!(claimed.members, [Verdict::Rider { lead: 1 }, Verdict::Lead]);
}

#[test]
fn a_state_that_was_set_back_is_written_where_what_was_said_between_may_be_there() {
    let store = store();
    deliver(&store, group(vec![customer(1, 5, "a")]));
    pass(Duration::from_secs(1));
    let lost = grant(&store, group(vec![customer(2, 5, "b")]));
    assert_eq!(settle(&store, &lost, failed(true)), Settled::Done);
    pass(SETTLE_AFTER);
    let back = grant(&store, group(vec![customer(3, 5, "a")]));
    assert!(back.read_first);
    assert_eq!(settle(&store, &back, delivered()), Settled::Done);
    let late = claim(&store, group(vec![customer(4, 5, "a")]));
    assert_eq!(outcome(&late.members[0]), Some(Outcome::Duplicate));
}
