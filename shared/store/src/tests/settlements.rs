use super::*;

#[test]
fn riders_end_with_their_lead() {
    let store = store();
    let members = vec![customer(1, 1, "a"), customer(2, 3, "c"), customer(3, 3, "c")];
    let grant = grant(&store, group(members.clone()));

    settle(&store, &grant, delivered());

    let ends: Vec<_> = claim(&store, group(members)).members.iter().map(outcome).collect();
    let expected = [Outcome::Superseded, Outcome::Delivered, Outcome::Duplicate];
    assert_eq!(ends, expected.map(Some));
}

#[test]
fn a_failed_lead_leaves_its_riders_and_itself_without_an_outcome() {
    let store = store();
    let members = vec![customer(1, 1, "a"), customer(2, 3, "c")];
    let first = grant(&store, group(members.clone()));

    settle(&store, &first, failed(false));

    let again = claim(&store, group(members));
    assert_eq!(again.members, [Verdict::Rider { lead: 1 }, Verdict::Lead]);
    assert!(!granted(&again).read_first);
}

#[test]
fn only_the_members_that_died_are_dead() {
    let store = store();
    let members = vec![customer(1, 1, "a"), customer(2, 3, "c")];
    let first = grant(&store, group(members.clone()));

    let because = "rejected: closed".to_owned();
    let dead =
        Settle::Failed { unread: false, dead: vec![1], because: because.clone(), target_id: None };
    assert_eq!(settle(&store, &first, dead), Settled::Done);

    let again = claim(&store, group(members));
    let ended = Verdict::Ended { outcome: Outcome::Dead, because: Some(because) };
    assert_eq!(again.members, [Verdict::Lead, ended]);
}

#[test]
fn of_what_was_made_in_part_the_targets_own_id_is_kept() {
    let store = store();
    let first = grant(&store, group(vec![customer(1, 1, "a")]));
    let dead = Settle::Failed {
        unread: true,
        dead: vec![0],
        because: "validation: an address".to_owned(),
        target_id: Some("77".to_owned()),
    };
    settle(&store, &first, dead);
    pass(SETTLE_AFTER);

    // The shop speaks of it by its own id, under another number.
    let mut back = Member {
        source_id: Some("77".to_owned()),
        source: "shop".to_owned(),
        ..customer(2, 2, "b")
    };
    let known = back.subject.id.clone();
    "a uuid".clone_into(&mut back.subject.id);
    let back = Group { target: "erp".to_owned(), ..group(vec![back]) };
    assert_eq!(grant(&store, back).entity_id, known);
}

#[test]
fn what_was_skipped_moves_the_mark_and_is_not_what_the_target_holds() {
    let store = store();
    let first = grant(&store, group(vec![customer(1, 5, "a")]));
    let because = Some("the target has no field for it".to_owned());
    let skipped = Settle::Done { outcome: Outcome::Skipped, because, target_id: None };
    settle(&store, &first, skipped);

    let older = claim(&store, group(vec![customer(2, 4, "b")]));
    assert_eq!(outcome(&older.members[0]), Some(Outcome::Superseded));
    grant(&store, group(vec![customer(3, 6, "a")]));
}

#[test]
fn a_released_claim_leaves_no_trace() {
    let store = store();
    deliver(&store, group(vec![customer(1, 1, "a")]));
    let released = grant(&store, group(vec![customer(2, 2, "b")]));

    settle(&store, &released, Settle::Released);

    let same = claim(&store, group(vec![customer(3, 3, "a")]));
    assert_eq!(outcome(&same.members[0]), Some(Outcome::Unchanged));
}

#[test]
fn a_claim_is_settled_once() {
    let store = store();
    let grant = grant(&store, group(vec![customer(1, 1, "a")]));

    assert_eq!(settle(&store, &grant, delivered()), Settled::Done);
    assert_eq!(settle(&store, &grant, delivered()), Settled::Lost);
    assert_eq!(tally(&store, Outcome::Delivered), 1);
}

#[test]
fn a_token_opens_its_own_target_only() {
    let store = store();
    let grant = grant(&store, group(vec![customer(1, 1, "a")]));

    let target = "warehouse".to_owned();
    let foreign =
        Settlement { token: grant.token, target, verdict: delivered(), steps: Steps::default() };
    assert_eq!(wait(store.settle(vec![foreign], Vec::new())).unwrap(), [Settled::Lost]);
    assert_eq!(settle(&store, &grant, delivered()), Settled::Done);
}

#[test]
fn the_targets_own_id_is_given_with_the_next_grant() {
    let store = store();
    let first = grant(&store, group(vec![customer(1, 1, "a")]));
    let target_id = Some("42".to_owned());
    let outcome = Outcome::Delivered;
    settle(&store, &first, Settle::Done { outcome, because: None, target_id });

    let second = grant(&store, group(vec![customer(2, 2, "b")]));
    assert_eq!(second.target_id.as_deref(), Some("42"));
}

#[test]
fn an_own_id_belongs_to_one_entity() {
    let store = store();
    let named = |id: &str| Settle::Done {
        outcome: Outcome::Delivered,
        because: None,
        target_id: Some(id.to_owned()),
    };
    let mut other = customer(2, 1, "a");
    other.subject.id = "C2".to_owned();
    let first = grant(&store, group(vec![customer(1, 1, "a")]));
    settle(&store, &first, named("42"));
    let second = grant(&store, group(vec![other.clone()]));

    assert_eq!(settle(&store, &second, named("42")), Settled::Done);

    let next = Member { event_id: Uuid::from_u128(3), sequence: Sequence(2), ..other };
    assert_eq!(
        grant(&store, group(vec![Member { fingerprint: "#b".into(), ..next }])).target_id,
        None
    );
}

#[test]
fn a_lease_that_is_renewed_outlives_its_first_end() {
    let store = store();
    let held = grant(&store, group(vec![customer(1, 1, "a")]));
    pass(LEASE * 2 / 3);

    assert!(wait(store.renew("shop", vec![held.token], LEASE)).unwrap().is_empty());
    pass(LEASE * 2 / 3);

    assert!(matches!(claim(&store, group(vec![customer(2, 2, "b")])).claimed, Claimed::Busy));
    assert_eq!(settle(&store, &held, delivered()), Settled::Done);
}

#[test]
fn a_lease_that_is_not_ours_cannot_be_renewed() {
    let store = store();
    let held = grant(&store, group(vec![customer(1, 1, "a")]));
    settle(&store, &held, delivered());

    let tokens = vec![held.token];
    assert_eq!(wait(store.renew("shop", tokens.clone(), LEASE)).unwrap(), tokens);
}

#[test]
fn ending_twice_counts_once_and_keeps_the_first_outcome() {
    let store = store();
    let end = |outcome| {
        let ended = vec![(Uuid::from_u128(1), 0, outcome, String::new())];
        wait(store.end("shop", "customers", ended)).unwrap();
    };
    end(Outcome::Dead);
    end(Outcome::Dead);
    end(Outcome::Skipped);

    assert_eq!((tally(&store, Outcome::Dead), tally(&store, Outcome::Skipped)), (1, 0));
}

/// Two sources have the facet, each by a route of its own.
#[test]
fn what_becomes_of_a_member_is_booked_under_its_own_route() {
    let store = store();
    let crm = |event, sequence, fields: &str| Member {
        source: "crm".to_owned(),
        route: "from the CRM".to_owned(),
        ..customer(event, sequence, fields)
    };
    deliver(&store, group(vec![customer(1, 1, "a")]));

    let behind = customer(2, 0, "z");
    let failing = grant(&store, group(vec![behind.clone(), crm(3, 1, "b")]));
    settle(&store, &failing, failed(false));
    assert_eq!(retrying(&store), [("from the CRM".to_owned(), 1)]);

    deliver(&store, group(vec![behind.clone(), crm(3, 1, "b"), crm(4, 2, "c")]));
    let again = claim(&store, group(vec![behind, crm(5, 3, "c")]));
    assert_eq!(outcome(&again.members[1]), Some(Outcome::Unchanged));

    let booked: Vec<_> = overview(&store)
        .routes
        .into_iter()
        .map(|tally| (tally.route, tally.outcomes.into_values().sum::<u64>()))
        .collect();
    assert_eq!(booked, [("customers".to_owned(), 2), ("from the CRM".to_owned(), 3)]);
    assert_eq!(retrying(&store), []);
}

fn retrying(store: &Backend) -> Vec<(String, u64)> {
    let routes = overview(store).routes.into_iter();
    routes.filter(|t| t.retrying > 0).map(|t| (t.route, t.retrying)).collect()
}
