//! What a walk over a list has shown, and where it is.

use uuid::Uuid;

use super::{number, store, wait};
use crate::{Cursors as _, Said, ScannedPage, ScannedRow, Scans};

const SCAN: &str = "scan/shop/customers";

fn said(hash: u128) -> Said {
    Said { hash: Uuid::from_u128(hash), again: true }
}

fn page(walk: u64, from: Option<&str>, to: &str, rows: &[(&str, Said)]) -> ScannedPage {
    let row = |(id, said): &(&str, Said)| ScannedRow { id: (*id).to_owned(), said: *said };
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
