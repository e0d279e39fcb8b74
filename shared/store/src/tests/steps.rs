//! Steps of our own at a target, and what the target says of them.

use ferry_canonical::{Stands, Step};

use super::*;

const DAY: Duration = Duration::from_hours(24);
const TAKEN: Steps = Steps::own(Step::Taken);

/// An order of the shop, on its way to a warehouse that changes orders by cancelling them.
fn order(event: u128, sequence: u128, fields: &str) -> Group {
    let placed = of_part(Facet::Placed, "", customer(event, sequence, fields));
    let member = Member { source: "shop".to_owned(), ..placed };
    let amends = Some(Facet::Cancellation);
    Group { target: "warehouse".to_owned(), amends, ..group(vec![member]) }
}

/// The warehouse tells `target` that the order was cancelled.
fn notice(event: u128, message: u128, target: &str) -> Group {
    let told = of_part(Facet::Cancellation, "", customer(event, message, &format!("{message}")));
    let member =
        Member { source: "warehouse".to_owned(), clock: Clock::named("message-id"), ..told };
    Group { target: target.to_owned(), ..group(vec![member]) }
}

fn end(store: &Backend, grant: &Grant, verdict: Settle, steps: Steps) {
    let target = "warehouse".to_owned();
    let settlement = Settlement { token: grant.token, target, verdict, steps };
    assert_eq!(wait(store.settle(vec![settlement], Vec::new())).unwrap(), [Settled::Done]);
}

/// The order is there, and its first change has been claimed.
fn changing(store: &Backend) -> Grant {
    deliver(store, order(1, 1, "a"));
    pass(Duration::from_mins(10));
    grant(store, order(2, 2, "b"))
}

fn amending(grant: &Grant) -> Amending {
    grant.amending.clone().unwrap()
}

/// How the ledger ends a notice; `None` where it goes on to its target.
fn heard(store: &Backend, group: Group) -> Option<Outcome> {
    outcome(&claim(store, group).members[0])
}

#[test]
fn a_first_import_takes_no_step_and_a_change_knows_what_went_before() {
    let store = store();
    let first = grant(&store, order(1, 1, "a"));
    assert_eq!(first.amending, None);
    end(&store, &first, delivered(), Steps::default());

    let earlier = vec!["{\"fields\":\"a\"}".to_owned()];
    let known = Amending { earlier, stands: Stands::Earlier, begun: Step::None };
    assert_eq!(amending(&grant(&store, order(2, 2, "b"))), known);
}

#[test]
fn the_notice_of_our_step_is_an_echo_and_the_second_one_goes_on() {
    let store = store();
    let change = changing(&store);
    end(&store, &change, delivered(), TAKEN);

    assert_eq!(heard(&store, notice(3, 50, "shop")), Some(Outcome::Echo));
    assert_eq!(heard(&store, notice(4, 51, "shop")), None);
}

#[test]
fn every_target_hears_of_a_step_and_so_does_every_copy() {
    let store = store();
    let change = changing(&store);
    end(&store, &change, delivered(), TAKEN);

    assert_eq!(heard(&store, notice(3, 50, "shop")), Some(Outcome::Echo));
    assert_eq!(heard(&store, notice(4, 50, "erp")), Some(Outcome::Echo));
    assert_eq!(heard(&store, notice(5, 51, "erp")), None);
}

/// The older one, which is ours, comes behind the one that was taken for it.
#[test]
fn of_two_notices_that_change_places_one_goes_on() {
    let store = store();
    let change = changing(&store);
    end(&store, &change, delivered(), TAKEN);

    assert_eq!(heard(&store, notice(3, 51, "shop")), Some(Outcome::Echo));
    assert_eq!(heard(&store, notice(4, 50, "shop")), None);
}

#[test]
fn a_notice_waits_for_the_settlement_of_the_step_it_may_tell_of() {
    for (steps, ended) in [(TAKEN, Some(Outcome::Echo)), (Steps::default(), None)] {
        let store = store();
        let change = changing(&store);
        assert_eq!(claim(&store, notice(3, 50, "shop")).members, [Verdict::Waits]);

        end(&store, &change, delivered(), steps);

        assert_eq!(heard(&store, notice(3, 50, "shop")), ended);
    }
}

#[test]
fn a_step_nobody_knows_of_counts_as_taken() {
    let store = store();
    changing(&store);
    pass(LEASE);

    assert_eq!(heard(&store, notice(3, 50, "shop")), Some(Outcome::Echo));
}

#[test]
fn a_step_nobody_speaks_of_ends_after_a_day() {
    let store = store();
    let change = changing(&store);
    end(&store, &change, delivered(), TAKEN);
    pass(DAY * 2);

    assert_eq!(heard(&store, notice(3, 50, "shop")), None);
    assert_eq!(number(&store, "SELECT count(*) FROM step"), 0);
}

#[test]
fn what_was_said_before_a_step_is_not_its_notice() {
    let store = store();
    deliver(&store, order(1, 1, "a"));
    let early = notice(3, 50, "shop");
    pass(Duration::from_mins(10));
    let change = grant(&store, order(2, 2, "b"));
    end(&store, &change, delivered(), TAKEN);

    assert_eq!(heard(&store, early), None);
    assert_eq!(heard(&store, notice(4, 51, "shop")), Some(Outcome::Echo));
}

#[test]
fn a_write_that_took_no_step_leaves_none_to_hear_of() {
    for verdict in [delivered(), failed(false), failed(true), Settle::Released] {
        let store = store();
        let change = changing(&store);
        end(&store, &change, verdict, Steps::default());

        assert_eq!(heard(&store, notice(3, 50, "shop")), None);
    }
}

#[test]
fn a_second_try_is_told_how_far_the_first_one_came() {
    let tries = [
        (Step::None, Stands::Written),
        (Step::Unread, Stands::Earlier),
        (Step::Begun, Stands::Either),
        (Step::Taken, Stands::Written),
    ];
    for (own, stands) in tries {
        let store = store();
        let change = changing(&store);
        end(&store, &change, failed(true), Steps::own(own));
        pass(SETTLE_AFTER);

        let again = grant(&store, order(2, 2, "b"));
        assert!(again.read_first);
        assert_eq!((amending(&again).stands, amending(&again).begun), (stands, own), "{own}");
    }
}

#[test]
fn a_killed_loader_leaves_both_contents_possible() {
    let store = store();
    changing(&store);
    pass(LEASE + SETTLE_AFTER);

    let again = amending(&grant(&store, order(2, 2, "b")));

    assert_eq!((again.stands, again.begun), (Stands::Either, Step::Begun));
    assert_eq!(again.earlier.len(), 1);
}

/// Its own write is not the one that was lost, so that what stands there is never it.
#[test]
fn a_newer_change_knows_all_that_may_stand_there() {
    let store = store();
    let lost = changing(&store);
    end(&store, &lost, failed(true), TAKEN);
    pass(SETTLE_AFTER);

    let newer = amending(&grant(&store, order(3, 3, "c")));

    assert_eq!((newer.stands, newer.begun), (Stands::Earlier, Step::Taken));
    assert_eq!(newer.earlier.len(), 2);
}

#[test]
fn an_import_whose_answer_was_lost_may_be_there_for_a_change() {
    let store = store();
    let lost = grant(&store, order(1, 1, "a"));
    end(&store, &lost, failed(true), Steps::default());
    pass(SETTLE_AFTER);

    let change = amending(&grant(&store, order(2, 2, "b")));

    assert_eq!((change.earlier.len(), change.stands), (1, Stands::Earlier));
}

/// The order is cancelled and was not imported again: what was last settled is not there.
#[test]
fn nothing_is_unchanged_behind_a_step_that_came_to_nothing() {
    let store = store();
    let change = changing(&store);
    end(&store, &change, failed(false), TAKEN);

    let back = grant(&store, order(3, 3, "a"));

    assert_eq!(amending(&back).begun, Step::Taken);
    end(&store, &back, delivered(), Steps::default());
    let later = grant(&store, order(4, 4, "c"));
    assert_eq!(amending(&later).begun, Step::None);
}

#[test]
fn a_read_that_refutes_a_doubtful_step_leaves_its_notice_to_others() {
    let store = store();
    let change = changing(&store);
    end(&store, &change, failed(true), Steps::own(Step::Unread));
    pass(SETTLE_AFTER);

    let again = grant(&store, order(2, 2, "b"));
    end(&store, &again, delivered(), Steps { own: Step::Taken, refuted: true });

    assert_eq!(heard(&store, notice(3, 50, "shop")), Some(Outcome::Echo));
    assert_eq!(heard(&store, notice(4, 51, "shop")), None);
}

/// Neither the cancellation nor the import behind it came about, and then the next try was refused.
#[test]
fn what_a_read_refutes_is_not_what_stands_there_at_the_third_try() {
    let store = store();
    let change = changing(&store);
    end(&store, &change, failed(true), Steps::own(Step::Unread));
    pass(SETTLE_AFTER);
    let again = grant(&store, order(2, 2, "b"));
    end(&store, &again, failed(false), Steps { own: Step::None, refuted: true });

    let third = amending(&grant(&store, order(2, 2, "b")));
    assert_eq!((third.stands, third.begun), (Stands::Earlier, Step::None));
}

#[test]
fn a_killed_write_whose_content_is_not_there_is_refuted_and_one_whose_content_is_there_is_not() {
    for (fields, told) in [("b", None), ("a", Some(Outcome::Echo))] {
        let store = store();
        changing(&store);
        pass(LEASE + SETTLE_AFTER);
        let again = grant(&store, order(3, 3, fields));
        assert_eq!(amending(&again).stands, Stands::Either);
        end(&store, &again, failed(false), Steps { own: Step::None, refuted: true });

        assert_eq!(heard(&store, notice(4, 50, "shop")), told, "{fields}");
    }
}

#[test]
fn two_steps_have_two_notices() {
    let store = store();
    let change = changing(&store);
    end(&store, &change, delivered(), TAKEN);
    let second = grant(&store, order(3, 3, "c"));
    end(&store, &second, delivered(), TAKEN);

    let told = (4..7).map(|event| heard(&store, notice(event, event + 50, "shop")));

    assert_eq!(told.collect::<Vec<_>>(), [Some(Outcome::Echo), Some(Outcome::Echo), None]);
}
