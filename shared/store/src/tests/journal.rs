use super::*;
use crate::{Direction, Journal, JournalEntry, JournalFilter, journal::BODY_BYTES};

pub(super) fn entry(operation: &str) -> JournalEntry {
    JournalEntry {
        at: clock(),
        direction: Direction::Out,
        system: "shop".to_owned(),
        operation: operation.to_owned(),
        route: Some("customers".to_owned()),
        entity: Some("customer".to_owned()),
        entity_id: Some("C1".to_owned()),
        part: Some("profile".to_owned()),
        event_id: Some(Uuid::from_u128(7)),
        record_id: Some(Uuid::from_u128(8)),
        attempt: Some(2),
        status: Some(200),
        duration: Some(Duration::from_millis(12)),
        result: "delivered".to_owned(),
        detail: None,
        rule: None,
        request: Some("<order><id>WEB-1001_S2</id></order>".to_owned()),
        response: Some("Grüße aus Łódź".to_owned()),
        key: None,
    }
}

pub(super) fn search(store: &Backend, filter: JournalFilter) -> Vec<String> {
    let rows = wait(store.search(filter)).unwrap();
    rows.into_iter().map(|row| row.entry.operation).collect()
}

fn text(text: &str) -> JournalFilter {
    JournalFilter { text: Some(text.to_owned()), ..JournalFilter::default() }
}

#[test]
fn an_entry_comes_back_as_it_was_written() {
    let store = store();
    wait(store.append(vec![entry("push")])).unwrap();

    let rows = wait(store.search(JournalFilter::default())).unwrap();
    assert_eq!(rows[0].entry, entry("push"));
}

#[test]
fn a_settlement_brings_its_entries_along() {
    let store = store();
    wait(store.settle(Vec::new(), vec![entry("import")])).unwrap();

    assert_eq!(search(&store, JournalFilter::default()), ["import"]);
}

#[test]
fn words_are_found_wherever_they_stand() {
    let store = store();
    wait(store.append(vec![entry("push"), JournalEntry { request: None, ..entry("poll") }]))
        .unwrap();

    assert_eq!(search(&store, text("WEB-1001_S2")), ["push"]);
    assert_eq!(search(&store, text("grüße łódź")), ["poll", "push"]);
    assert_eq!(search(&store, text("push C1")), ["push"]);
    assert_eq!(search(&store, text(&Uuid::from_u128(7).to_string())), ["poll", "push"]);
    assert_eq!(search(&store, text("push nothing")), [""; 0]);
}

#[test]
fn no_text_is_taken_for_a_query_language() {
    let store = store();
    wait(store.append(vec![entry("push")])).unwrap();

    for odd in ["\"", "a\" OR \"b", "NEAR(", "*", "push*", "text:push", "-push", "( )", "\0", "— «"]
    {
        wait(store.search(text(odd))).unwrap();
    }
    assert_eq!(search(&store, text("push OR nothing")), [""; 0]);
    assert_eq!(search(&store, text("nothing\"OR\"push")), [""; 0]);
    assert_eq!(search(&store, text(" - ")), ["push"]);
}

#[test]
fn every_condition_narrows_the_search() {
    let store = store();
    let early = entry("early");
    pass(Duration::from_secs(10));
    let late = JournalEntry {
        system: "erp".to_owned(),
        direction: Direction::In,
        entity: Some("order".to_owned()),
        entity_id: Some("O1".to_owned()),
        result: "timeout".to_owned(),
        event_id: None,
        record_id: None,
        ..entry("late")
    };
    wait(store.append(vec![early, late])).unwrap();
    let none = JournalFilter::default;

    let to_early = [
        JournalFilter { system: Some("shop".to_owned()), ..none() },
        JournalFilter { direction: Some(Direction::Out), ..none() },
        JournalFilter { entity: Some("customer".to_owned()), ..none() },
        JournalFilter { entity_id: Some("C1".to_owned()), ..none() },
        JournalFilter { result: Some("delivered".to_owned()), ..none() },
        JournalFilter { event_id: Some(Uuid::from_u128(7)), ..none() },
        JournalFilter { record_id: Some(Uuid::from_u128(8)), ..none() },
        JournalFilter { before: Some(clock()), ..none() },
        JournalFilter { before_id: Some(2), ..none() },
        JournalFilter { before_id: Some(2), ..text("customers WEB") },
    ];
    for filter in to_early {
        let text = filter.text.is_some();
        let expected: &[&str] = if text { &[] } else { &["early"] };
        assert_eq!(search(&store, filter), expected);
    }
    assert_eq!(search(&store, JournalFilter { after: Some(clock()), ..none() }), ["late"]);
    assert_eq!(search(&store, JournalFilter { limit: Some(1), ..none() }), ["late"]);
    assert_eq!(search(&store, JournalFilter { before_id: Some(2), ..text("WEB") }), ["early"]);
}

#[test]
fn a_long_body_is_cut_between_two_characters() {
    let store = store();
    let body = format!("x{}", "ü".repeat(BODY_BYTES));
    wait(store.append(vec![JournalEntry { request: Some(body), ..entry("push") }])).unwrap();

    let rows = wait(store.search(JournalFilter::default())).unwrap();
    let kept = rows[0].entry.request.as_ref().unwrap();
    assert_eq!(kept.len(), BODY_BYTES - 1);
    assert!(kept.ends_with('ü'));
}

#[test]
fn a_fact_told_twice_is_kept_and_counted_once() {
    let store = store();
    let fact = |key: &str| JournalEntry {
        result: "skipped".to_owned(),
        key: Some(key.to_owned()),
        ..entry("skipped")
    };
    wait(store.append(vec![fact("r1/0"), fact("r1/1"), fact("r1/0")])).unwrap();
    // What a loader skips is a delivery, not an item.
    let skip = JournalEntry { result: "skipped".to_owned(), ..entry("push") };
    wait(store.append(vec![fact("r1/1"), skip])).unwrap();

    assert_eq!(overview(&store).skipped_items["shop"], 2);
    assert_eq!(search(&store, text("skipped")).len(), 2);
    assert_eq!(search(&store, JournalFilter::default()).len(), 3);
}
