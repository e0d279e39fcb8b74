//! What waits for the documents of an export, and what is on its way.

use std::time::Duration;

use ferry_canonical::{Facet, Outcome};
use uuid::Uuid;

use super::{
    LEASE, SETTLE_AFTER, clock, customer, failed, grant, group, number, of_part, pass, settle,
    store, tally, wait,
};
use crate::{
    DocumentEnd, DocumentPhase, ExportState, Exports, Group, KeptPart, Ledger, Member, NewDocument,
    Settle, Settled, Waiting,
};

/// The export, by the name that the other tests' target has.
pub(crate) const EXPORT: &str = "shop";

pub(crate) fn of(id: &str, event: u128, sequence: u128, fields: &str) -> Group {
    let mut member: Member = customer(event, sequence, fields);
    member.subject.id = id.to_owned();
    group(vec![member])
}

fn kept() -> Settle {
    Settle::Kept { because: None }
}

pub(crate) fn keep(store: &impl Ledger, group: Group) {
    let grant = grant(store, group);
    assert_eq!(settle(store, &grant, kept()), Settled::Done);
}

fn state(store: &impl Exports) -> ExportState {
    wait(store.export(EXPORT, 100)).unwrap()
}

pub(crate) fn waiting(store: &impl Exports) -> Vec<Waiting> {
    wait(store.waiting(EXPORT, None, 100)).unwrap()
}

/// Id and content of what waits, in its order.
fn contents(store: &impl Exports) -> Vec<(String, String)> {
    let waits = waiting(store).into_iter();
    waits.map(|waits| (waits.part.subject.id, waits.document)).collect()
}

fn pair(id: &str, fields: &str) -> (String, String) {
    (id.to_owned(), format!("{{\"fields\":\"{fields}\"}}"))
}

pub(crate) fn document(number: u64, waits: &[Waiting]) -> NewDocument {
    NewDocument {
        target: EXPORT.to_owned(),
        number,
        id: Uuid::from_u128(u128::from(number)),
        name: format!("shop-{number}.csv"),
        media_type: "text/csv".to_owned(),
        sha256: "0".repeat(64),
        body: b"number\r\nC1\r\n\0\xff".to_vec(),
        rows: 1,
        parts: waits.iter().map(|waits| waits.part.clone()).collect(),
    }
}

fn freeze(store: &impl Exports, document: NewDocument) -> bool {
    wait(store.freeze(document)).unwrap()
}

pub(crate) fn deliver(store: &impl Exports, number: u64) -> bool {
    wait(store.settle_document(EXPORT, number, DocumentEnd::Delivered { detail: None })).unwrap()
}

#[test]
fn what_was_kept_waits_once_with_its_newest_state() {
    let store = store();
    keep(&store, of("C1", 1, 1, "a"));
    let since = clock();
    pass(Duration::from_secs(5));
    keep(&store, of("C2", 2, 1, "x"));
    keep(&store, of("C1", 3, 2, "b"));

    assert_eq!(contents(&store), [pair("C1", "b"), pair("C2", "x")]);
    let ExportState { waiting, waiting_since, open, last_number, .. } = state(&store);
    assert_eq!((waiting, waiting_since, open, last_number), (2, Some(since), None, 0));
    assert_eq!(wait(store.export(EXPORT, 1)).unwrap().waiting, 1);
    assert_eq!(tally(&store, Outcome::Delivered), 3);
}

#[test]
fn only_what_was_settled_as_kept_waits() {
    let store = store();
    let held = grant(&store, of("C1", 1, 1, "a"));
    settle(&store, &held, failed(true));
    pass(SETTLE_AFTER + LEASE + Duration::from_secs(1));
    let held = grant(&store, of("C1", 1, 1, "a"));
    settle(
        &store,
        &held,
        Settle::Done { outcome: Outcome::Skipped, because: None, target_id: None },
    );
    assert_eq!(waiting(&store), []);
    assert_eq!(state(&store), ExportState::default());
}

#[test]
fn a_zombie_puts_nothing_over_what_was_kept_after_its_lease_had_ended() {
    let store = store();
    let zombie = grant(&store, of("C1", 1, 1, "old"));
    pass(LEASE + SETTLE_AFTER + Duration::from_secs(1));
    keep(&store, of("C1", 2, 2, "new"));
    assert_eq!(settle(&store, &zombie, kept()), Settled::Lost);
    assert_eq!(contents(&store), [pair("C1", "new")]);
}

#[test]
fn each_part_of_a_facet_waits_for_itself() {
    let store = store();
    for (event, part) in [(1, "S1"), (2, "S2")] {
        let member = of_part(Facet::Shipment, part, customer(event, 1, part));
        keep(&store, group(vec![member]));
    }
    let waits = waiting(&store);
    let parts: Vec<_> =
        waits.iter().map(|waits| waits.part.subject.part.as_deref().unwrap()).collect();
    assert_eq!(parts, ["S1", "S2"]);
}

#[test]
fn waiting_parts_are_read_page_by_page_the_longest_waiting_first() {
    let store = store();
    for (event, id) in [(1, "C9"), (2, "C1"), (3, "C5")] {
        keep(&store, of(id, event, 1, "a"));
        pass(Duration::from_secs(u64::try_from(event / 2).unwrap()));
    }
    let mut read = Vec::new();
    let mut after: Option<Waiting> = None;
    loop {
        let page = wait(store.waiting(EXPORT, after.as_ref(), 1)).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        read.extend(page.into_iter().map(|waits| waits.part.subject.id));
    }
    // The first two began to wait at the same time.
    assert_eq!(read, ["C1", "C9", "C5"]);
}

#[test]
fn a_document_takes_what_it_was_made_of_and_what_was_kept_meanwhile_waits_on() {
    let store = store();
    keep(&store, of("C1", 1, 1, "a"));
    keep(&store, of("C2", 2, 1, "x"));
    let seen = waiting(&store);
    keep(&store, of("C1", 3, 2, "b"));

    assert!(freeze(&store, document(1, &seen)));

    assert_eq!(contents(&store), [pair("C1", "b")]);
    let open = state(&store).open.unwrap();
    assert_eq!((open.number, open.phase, open.parts), (1, DocumentPhase::Open, 2));
    let (_, parts) = wait(store.document(EXPORT, 1)).unwrap().unwrap();
    let parts: Vec<_> = parts.iter().map(ToString::to_string).collect();
    assert_eq!(parts, ["customer/C1/profile", "customer/C2/profile"]);
}

#[test]
fn one_document_is_on_its_way_at_a_time_and_a_number_is_given_once() {
    let store = store();
    keep(&store, of("C1", 1, 1, "a"));
    let first = waiting(&store);
    assert!(freeze(&store, document(1, &first)));
    keep(&store, of("C2", 2, 1, "x"));
    let second = waiting(&store);
    // Somebody else made the first meanwhile; and then it is still on its way.
    assert!(!freeze(&store, document(1, &second)));
    assert!(!freeze(&store, document(2, &second)));
    assert_eq!(contents(&store), [pair("C2", "x")]);
    assert!(deliver(&store, 1));
    assert!(!freeze(&store, document(1, &second)));
    assert!(freeze(&store, document(2, &second)));
    assert_eq!(waiting(&store), []);
}

#[test]
fn a_document_is_the_same_to_the_byte_at_every_try() {
    let store = store();
    keep(&store, of("C1", 1, 1, "a"));
    let new = document(1, &waiting(&store));
    assert!(freeze(&store, new.clone()));
    keep(&store, of("C1", 2, 2, "b"));
    let (detail, hold) = ("timeout: no answer".to_owned(), Some(Duration::from_secs(30)));
    let end = DocumentEnd::Failed { detail, hold };
    assert!(wait(store.settle_document(EXPORT, 1, end)).unwrap());

    let open = wait(store.open_document(EXPORT)).unwrap().unwrap();
    assert_eq!((&open.body, &open.media_type), (&new.body, &new.media_type));
    let tried = &open.state;
    assert_eq!((&tried.name, tried.id, tried.tries), (&new.name, new.id, 1));
    assert_eq!(tried.detail.as_deref(), Some("timeout: no answer"));
    assert_eq!(tried.tried_at, Some(clock()));
    pass(Duration::from_secs(30));
    assert_eq!(tried.not_before, Some(clock()));
}

#[test]
fn a_delivered_document_is_remembered_without_its_bytes() {
    let store = store();
    keep(&store, of("C1", 1, 1, "a"));
    assert!(freeze(&store, document(1, &waiting(&store))));
    pass(Duration::from_secs(3));
    assert!(deliver(&store, 1));
    // Another owner, who was late.
    assert!(!deliver(&store, 1));

    assert_eq!(wait(store.open_document(EXPORT)).unwrap(), None);
    let after = state(&store);
    assert_eq!((after.delivered_at, after.last_number), (Some(clock()), 1));
    let documents = wait(store.documents(EXPORT, 10)).unwrap();
    let all: Vec<_> = documents.iter().map(|d| (d.number, d.phase, d.tries)).collect();
    assert_eq!(all, [(1, DocumentPhase::Delivered, 1)]);
    assert_eq!(number(&store, "SELECT count(*) FROM export_document WHERE body IS NOT NULL"), 0);
}

#[test]
fn what_is_in_a_dissolved_document_waits_again_with_its_newest_state() {
    let store = store();
    keep(&store, of("C1", 1, 1, "a"));
    keep(&store, of("C2", 2, 1, "x"));
    assert!(freeze(&store, document(1, &waiting(&store))));
    keep(&store, of("C2", 3, 2, "y"));
    assert!(wait(store.dissolve(EXPORT, 1, "dissolved by ada")).unwrap());

    let mut contents = contents(&store);
    contents.sort();
    assert_eq!(contents, [pair("C1", "a"), pair("C2", "y")]);
    assert!(!wait(store.dissolve(EXPORT, 1, "dissolved by ada")).unwrap());
    assert!(!deliver(&store, 1));
    let (dissolved, _) = wait(store.document(EXPORT, 1)).unwrap().unwrap();
    assert_eq!(dissolved.phase, DocumentPhase::Dissolved);
    assert_eq!(dissolved.detail.as_deref(), Some("dissolved by ada"));
    // What waits again is taken like anything else.
    assert!(freeze(&store, document(2, &waiting(&store))));
    assert_eq!(waiting(&store), []);
}

#[test]
fn what_needs_no_document_waits_no_longer_unless_something_newer_was_kept() {
    let store = store();
    keep(&store, of("C1", 1, 1, "a"));
    keep(&store, of("C2", 2, 1, "x"));
    let seen: Vec<KeptPart> = waiting(&store).into_iter().map(|waits| waits.part).collect();
    keep(&store, of("C2", 3, 2, "y"));
    wait(store.pass_over(EXPORT, seen)).unwrap();
    assert_eq!(contents(&store), [pair("C2", "y")]);
}

#[test]
fn of_very_old_documents_nothing_is_remembered() {
    let store = store();
    for number in [1, 2, 502] {
        assert!(freeze(&store, document(number, &[])));
        assert!(deliver(&store, number));
    }
    let numbers: Vec<_> =
        wait(store.documents(EXPORT, 10)).unwrap().iter().map(|d| d.number).collect();
    assert_eq!(numbers, [502]);
    assert_eq!(wait(store.document(EXPORT, 1)).unwrap(), None);
}
