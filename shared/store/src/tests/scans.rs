//! What a walk over a list has shown, and where it is.

use uuid::Uuid;

use super::{number, store, wait};
use crate::{Cursors as _, Decision, Gone, GoneRow, Said, ScannedPage, ScannedRow, Scans};

const SCAN: &str = "scan/shop/customers";

fn said(hash: u128) -> Said {
    Said { hash: Uuid::from_u128(hash), again: true }
}

fn page(walk: u64, from: Option<&str>, to: &str, rows: &[(&str, Said)]) -> ScannedPage {
    let row = |(id, said): &(&str, Said)| ScannedRow {
        id: (*id).to_owned(),
        said: *said,
        known_as: None,
    };
    let (from, to) = (from.map(str::to_owned), to.to_owned());
    ScannedPage { walk, rows: rows.iter().map(row).collect(), from, to }
}

fn keep(store: &impl Scans, page: ScannedPage) -> bool {
    wait(store.keep_page(SCAN, page)).unwrap()
}

fn shown(store: &impl Scans, ids: &[&str]) -> Vec<Option<Said>> {
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    wait(store.scanned(SCAN, ids)).unwrap()
}

#[test]
fn what_a_row_said_last_is_known_by_its_id() {
    let store = store();
    assert!(keep(&store, page(1, None, "a", &[("10", said(1)), ("9", said(2))])));
    assert_eq!(shown(&store, &["9", "8", "10"]), [Some(said(2)), None, Some(said(1))]);
    let settled = Said { again: false, ..said(7) };
    assert!(keep(&store, page(2, Some("a"), "b", &[("9", settled)])));
    assert_eq!(shown(&store, &["9", "10"]), [Some(settled), Some(said(1))]);
    // Another list has ids of its own.
    assert_eq!(wait(store.scanned("scan/shop/other", vec!["9".to_owned()])).unwrap(), [None]);
    assert_eq!(shown(&store, &[]), []);
}

#[test]
fn a_page_is_kept_with_its_cursor_or_not_at_all() {
    let store = store();
    assert!(keep(&store, page(1, None, "a", &[("9", said(1))])));
    // Two processes have read on from the beginning.
    assert!(!keep(&store, page(1, None, "z", &[("9", said(2)), ("10", said(2))])));
    assert!(!keep(&store, page(1, Some("b"), "z", &[("9", said(2))])));
    assert_eq!(shown(&store, &["9", "10"]), [Some(said(1)), None]);
    assert_eq!(wait(store.cursor(SCAN)).unwrap().as_deref(), Some("a"));
    assert!(keep(&store, page(1, Some("a"), "b", &[])));
    assert_eq!(wait(store.cursor(SCAN)).unwrap().as_deref(), Some("b"));
}

#[test]
fn rows_that_no_walk_sees_any_more_are_forgotten() {
    let store = store();
    assert!(keep(&store, page(1, None, "a", &[("1", said(1)), ("2", said(1)), ("3", said(1))])));
    assert!(keep(&store, page(2, Some("a"), "b", &[("2", said(1))])));
    assert!(keep(&store, page(3, Some("b"), "c", &[("3", said(1))])));
    let other = page(1, None, "a", &[("1", said(1))]);
    assert!(wait(store.keep_page("scan/shop/other", other)).unwrap());
    assert_eq!(wait(store.forget_unseen(SCAN, 2)).unwrap(), 1);
    assert_eq!(shown(&store, &["1", "2", "3"]), [None, Some(said(1)), Some(said(1))]);
    assert_eq!(wait(store.forget_unseen(SCAN, 2)).unwrap(), 0);
    assert_eq!(number(&store, "SELECT count(*) FROM scanned"), 3);
}

/// A page of rows that others know, by `C` and their id.
fn known(walk: u64, from: Option<&str>, to: &str, ids: &[&str]) -> ScannedPage {
    let rows: Vec<(&str, Said)> = ids.iter().map(|id| (*id, said(1))).collect();
    let mut page = page(walk, from, to, &rows);
    for row in &mut page.rows {
        row.known_as = Some(format!("C{}", row.id));
    }
    page
}

fn gone(store: &impl Scans, walk: u64, which: Gone) -> Vec<String> {
    let rows = wait(store.gone(SCAN, walk, which, 10)).unwrap().into_iter();
    rows.map(|GoneRow { id, known_as }| format!("{id} {known_as}")).collect()
}

#[test]
fn what_a_walk_has_not_seen_is_gone_and_is_known_by_what_others_call_it() {
    let store = store();
    assert!(keep(&store, known(1, None, "a", &["1", "2", "3"])));
    assert!(keep(&store, page(1, Some("a"), "b", &[("4", said(1))])));
    assert!(keep(&store, known(2, Some("b"), "c", &["2"])));
    assert_eq!(gone(&store, 2, Gone::Open), ["1 C1", "3 C3"]);
    assert_eq!(gone(&store, 1, Gone::Open), [""; 0]);
    // It was told, but one of them is back.
    assert!(keep(&store, known(2, Some("c"), "d", &["3"])));
    wait(store.forget_gone(SCAN, 2, vec!["1".to_owned(), "3".to_owned()])).unwrap();
    assert_eq!(shown(&store, &["1", "3"]), [None, Some(said(1))]);
    // What nobody knows is forgotten without a word.
    assert_eq!(wait(store.forget_unseen(SCAN, 2)).unwrap(), 1);
    assert_eq!(shown(&store, &["4"]), [None]);
}

#[test]
fn removals_that_wait_are_decided_about_by_whom_has_seen_all_of_them() {
    let store = store();
    assert!(keep(&store, known(1, None, "a", &["1", "2", "3"])));
    assert!(keep(&store, known(2, Some("a"), "b", &["3"])));
    wait(store.hold_gone(SCAN, 2)).unwrap();
    let held = wait(store.held(SCAN, 1)).unwrap();
    assert_eq!((held.count, held.rows.len()), (2, 1));
    assert_eq!(gone(&store, 2, Gone::Open), [""; 0]);
    assert!(!wait(store.decide(SCAN, 1, Decision::Approve)).unwrap(), "there are two");
    assert_eq!(gone(&store, 2, Gone::Approved), [""; 0]);
    assert!(wait(store.decide(SCAN, 2, Decision::Approve)).unwrap());
    assert_eq!(gone(&store, 2, Gone::Approved), ["1 C1", "2 C2"]);
    assert_eq!(wait(store.held(SCAN, 1)).unwrap().count, 0);
}

#[test]
fn what_was_dismissed_is_not_asked_for_until_it_was_seen_and_is_gone_again() {
    let store = store();
    assert!(keep(&store, known(1, None, "a", &["1", "2"])));
    assert!(keep(&store, known(2, Some("a"), "b", &["2"])));
    wait(store.hold_gone(SCAN, 2)).unwrap();
    assert!(wait(store.decide(SCAN, 1, Decision::Dismiss)).unwrap());
    assert!(keep(&store, known(3, Some("b"), "c", &["2"])));
    for which in [Gone::Open, Gone::Approved] {
        assert_eq!(gone(&store, 3, which), [""; 0]);
    }
    assert_eq!(wait(store.held(SCAN, 1)).unwrap().count, 0);
    assert!(keep(&store, known(4, Some("c"), "d", &["1", "2"])));
    assert!(keep(&store, known(5, Some("d"), "e", &["2"])));
    assert_eq!(gone(&store, 5, Gone::Open), ["1 C1"]);
}
