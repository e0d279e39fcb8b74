//! Which dead letters are still open.

use ferry_canonical::{Entity, FailureKind, Reference};

use super::*;
use crate::{AWAITED_SLACK, DeadFilter, DeadLetter, DeadLetters, Position};

/// `member` as it died at the shop, for want of nothing.
pub(super) fn letter(member: &Member, kind: FailureKind) -> DeadLetter {
    DeadLetter {
        key: format!("{}/{}", member.event_id, member.generation),
        origin: "load.shop.customer".to_owned(),
        died_at: clock(),
        first_failed_at: None,
        kind: kind.as_str().to_owned(),
        detail: String::new(),
        status: None,
        response: None,
        rule: None,
        attempts: None,
        route: None,
        source: Some(member.source.clone()),
        target: Some("shop".to_owned()),
        entity: Some(member.subject.entity().to_string()),
        entity_id: Some(member.subject.id.clone()),
        pointer: None,
        position: Some(Position {
            facet: member.subject.facet,
            part: member.subject.part.clone(),
            source_id: member.source_id.clone(),
            clock: member.clock.clone(),
            sequence: member.sequence,
            observed_at: member.observed_at,
        }),
        missing: None,
        message_id: None,
        content_type: None,
        headers: String::new(),
        body: Vec::new(),
    }
}

fn died(store: &Backend, member: &Member) {
    wait(store.bury(vec![letter(member, FailureKind::Rejected)])).unwrap();
}

/// `member` died because this customer was not there.
fn lacked(store: &Backend, member: &Member, id: &str) {
    let missing = Reference::new(Entity::Customer, id).unwrap();
    let letter = letter(member, FailureKind::MissingReference);
    wait(store.bury(vec![DeadLetter { missing: Some(missing), ..letter }])).unwrap();
}

fn open(store: &Backend) -> usize {
    wait(store.dead(DeadFilter::default())).unwrap().len()
}

fn overtaken(store: &Backend) -> u64 {
    wait(store.close_overtaken(100)).unwrap()
}

fn awaited(store: &Backend) -> Vec<i64> {
    wait(store.awaited(100)).unwrap().into_iter().map(|(id, _)| id).collect()
}

/// An order's shipment, which names a customer.
fn waiting() -> Member {
    shipment(9, 5, "S1", "any")
}

#[test]
fn a_later_success_of_the_same_part_closes_a_dead_letter() {
    let store = store();
    died(&store, &customer(1, 5, "refused"));
    assert_eq!((overtaken(&store), open(&store)), (0, 1));
    deliver(&store, group(vec![customer(2, 6, "corrected")]));
    assert_eq!((overtaken(&store), open(&store)), (1, 0));
    let closed = DeadFilter { resolved: true, ..DeadFilter::default() };
    let closed = wait(store.dead(closed)).unwrap();
    assert_eq!(closed[0].resolved_at, Some(clock()));
    assert_eq!(overview(&store).dead.len(), 0);
    assert_eq!(overtaken(&store), 0);
}

#[test]
fn a_letter_that_is_stored_after_the_success_is_closed_as_well() {
    let store = store();
    deliver(&store, group(vec![customer(2, 6, "corrected")]));
    died(&store, &customer(1, 5, "refused"));
    assert_eq!((overtaken(&store), open(&store)), (1, 0));
}

#[test]
fn an_older_success_and_another_parts_close_nothing() {
    let store = store();
    deliver(&store, group(vec![customer(1, 4, "before")]));
    deliver(&store, group(vec![shipment(2, 8, "S2", "other part")]));
    died(&store, &customer(3, 5, "refused"));
    died(&store, &shipment(4, 7, "S1", "refused"));
    assert_eq!((overtaken(&store), open(&store)), (0, 2));
}

/// Two states within one second: what was read later is what is missing at the target.
#[test]
fn an_earlier_reading_of_one_position_closes_no_later_one() {
    let store = store();
    deliver(&store, group(vec![customer(1, 5, "first")]));
    pass(Duration::from_secs(1));
    died(&store, &customer(2, 5, "second"));
    assert_eq!((overtaken(&store), open(&store)), (0, 1));
    let again = Member { generation: 1, ..customer(2, 5, "second") };
    deliver(&store, group(vec![again]));
    assert_eq!((overtaken(&store), open(&store)), (1, 0));
}

#[test]
fn what_was_skipped_closes_nothing() {
    let store = store();
    died(&store, &customer(1, 5, "refused"));
    let token = grant(&store, group(vec![customer(2, 6, "skipped")])).token;
    let outcome = Outcome::Skipped;
    let verdict = Settle::Done { outcome, because: None, target_id: None };
    let settlement =
        Settlement { token, target: "shop".to_owned(), verdict, steps: Steps::default() };
    wait(store.settle(vec![settlement], Vec::new())).unwrap();
    assert_eq!((overtaken(&store), open(&store)), (0, 1));
}

#[test]
fn a_letter_is_awaited_once_what_it_lacked_is_settled_at_its_target() {
    let store = store();
    lacked(&store, &waiting(), "C1");
    lacked(&store, &shipment(8, 5, "S2", "another"), "C2");
    assert_eq!(awaited(&store), [0; 0]);
    deliver(&store, group(vec![customer(1, 1, "here")]));
    let (id, letter) = wait(store.awaited(100)).unwrap().remove(0);
    assert_eq!(letter.missing.unwrap().to_string(), "customer/C1");
    wait(store.close(vec![id], "sent again")).unwrap();
    assert_eq!((awaited(&store), open(&store)), (Vec::new(), 1));
}

#[test]
fn what_is_settled_elsewhere_helps_nobody() {
    let store = store();
    lacked(&store, &waiting(), "C1");
    let elsewhere = Group { target: "warehouse".to_owned(), ..group(vec![customer(1, 1, "x")]) };
    deliver(&store, elsewhere);
    assert_eq!(awaited(&store), [0; 0]);
}

/// An order comes from the shop: nobody ever writes it there.
#[test]
fn a_target_that_says_it_has_what_was_missing_is_as_good_as_a_write() {
    let store = store();
    lacked(&store, &waiting(), "C1");
    let said = Member { source: "shop".to_owned(), ..customer(1, 1, "from the shop") };
    deliver(&store, Group { target: "warehouse".to_owned(), ..group(vec![said]) });
    assert_eq!(awaited(&store).len(), 1);
}

/// It died although its customer was there: only another change of that customer is a reason.
#[test]
fn what_was_there_before_the_death_is_no_reason_to_send_again() {
    let store = store();
    deliver(&store, group(vec![customer(1, 1, "here")]));
    pass(AWAITED_SLACK);
    lacked(&store, &waiting(), "C1");
    assert_eq!(awaited(&store), [0; 0]);
    deliver(&store, group(vec![customer(2, 2, "mended")]));
    assert_eq!(awaited(&store).len(), 1);
}
