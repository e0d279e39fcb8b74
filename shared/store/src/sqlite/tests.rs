//! Several handles on one folder, as several processes have them.

use std::{path::Path, thread};

use ferry_canonical::Outcome;
use tempfile::TempDir;

use super::{Mode, Options, SqliteStore};
use crate::{
    Claimed, Journal, JournalFilter, Settled, StoreError,
    on_sqlite::tests::{
        claim, clock, customer, deliver, delivered, grant, group, settle, tally, wait,
    },
};

fn open(folder: &Path, mode: Mode) -> Result<SqliteStore, StoreError> {
    SqliteStore::open_with(folder, Options { mode, clock })
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn what_one_process_claimed_another_may_not_have() {
    let folder = folder();
    let first = open(folder.path(), Mode::Inline).unwrap();
    let second = open(folder.path(), Mode::Inline).unwrap();

    let held = grant(&first, group(vec![customer(1, 1, "a")]));
    assert!(matches!(claim(&second, group(vec![customer(2, 2, "b")])).claimed, Claimed::Busy));
    settle(&first, &held, delivered());
    grant(&second, group(vec![customer(2, 2, "b")]));
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let folder = folder();
    let first = open(folder.path(), Mode::Inline).unwrap();
    let held = grant(&first, group(vec![customer(1, 1, "a")]));
    drop(first);

    let second = open(folder.path(), Mode::Inline).unwrap();
    assert_eq!(settle(&second, &held, delivered()), Settled::Done);
}

#[test]
fn racing_processes_share_every_entity_out_between_them() {
    const PROCESSES: u128 = 4;
    const ENTITIES: u128 = 40;
    let folder = folder();
    // All open at the same moment: one of them creates the files.
    let won = thread::scope(|scope| {
        let race = |process: u128| {
            let folder = folder.path();
            scope.spawn(move || {
                let store = open(folder, Mode::Inline).unwrap();
                (0..ENTITIES)
                    .filter(|entity| {
                        let mut member = customer(process * ENTITIES + entity, 1, "a");
                        member.subject.id = format!("C{entity}");
                        matches!(claim(&store, group(vec![member])).claimed, Claimed::Granted(_))
                    })
                    .count()
            })
        };
        let running: Vec<_> = (0..PROCESSES).map(race).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });

    assert_eq!(won, usize::try_from(ENTITIES).unwrap());
}

#[test]
fn calls_off_the_runtimes_threads_give_the_same_answers() {
    let folder = folder();
    let store = SqliteStore::open(folder.path(), clock).unwrap();

    deliver(&store, group(vec![customer(1, 1, "a")]));

    assert_eq!(tally(&store, Outcome::Delivered), 1);
    assert_eq!(wait(store.search(JournalFilter::default())).unwrap().len(), 0);
}

#[test]
fn a_store_of_a_newer_program_is_left_alone() {
    let folder = folder();
    drop(open(folder.path(), Mode::Inline).unwrap());
    let journal = rusqlite::Connection::open(folder.path().join("journal.db")).unwrap();
    journal.pragma_update(None, "user_version", 99).unwrap();

    let refused = open(folder.path(), Mode::Inline).unwrap_err();
    assert!(matches!(refused, StoreError::Version { found: 99, known: 1, .. }), "{refused}");
}

#[test]
fn a_file_that_is_no_database_is_named_as_such() {
    let folder = folder();
    std::fs::write(folder.path().join("ledger.db"), "Dear diary, ".repeat(1000)).unwrap();

    let refused = open(folder.path(), Mode::Inline).unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt(_)), "{refused}");
}
