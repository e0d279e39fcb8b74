//! Schedules and wakes, as every process of a store sees them.

use std::time::Duration;

use super::{clock, pass, store, wait};
use crate::{Because, Run, ScheduleChange, ScheduleState, Schedules, Wake, Wakes as _, Woken};

const NAME: &str = "poll/warehouse/despatches";

fn change(store: &impl Schedules, change: ScheduleChange) -> ScheduleState {
    wait(store.change_schedule(NAME, change)).unwrap()
}

fn ran(because: Because, ok: bool, records: u64) -> ScheduleChange {
    let (at, detail) = (clock(), (!ok).then(|| "x".repeat(2_000)));
    let run =
        Run { first_at: at, started_at: at, ended_at: at, because, ok, records, detail, times: 1 };
    ScheduleChange::Ran { run, next_at: None }
}

#[test]
fn a_pause_of_a_schedule_stands_until_its_time_or_a_resume() {
    let store = store();
    let lasting = Some(Duration::from_secs(10));
    let pause = |lasting| {
        let (by, reason) = ("ada".to_owned(), "stock count".to_owned());
        ScheduleChange::Pause { by, reason, lasting }
    };
    assert!(change(&store, pause(lasting)).is_paused(clock()));
    pass(Duration::from_secs(10));
    let over = wait(store.schedule(NAME)).unwrap();
    assert_eq!((over.is_paused(clock()), over.resumed_at), (false, Some(clock())));
    change(&store, pause(None));
    pass(Duration::from_secs(5));
    let resumed = change(&store, ScheduleChange::Resume);
    assert_eq!((resumed.pause, resumed.resumed_at), (None, Some(clock())));
    assert_eq!(wait(store.schedules()).unwrap().len(), 1);
}

#[test]
fn a_wish_to_run_now_is_gone_with_the_run_that_begins_after_it() {
    let store = store();
    let before = ran(Because::Schedule, true, 0);
    pass(Duration::from_secs(1));
    change(&store, ScheduleChange::Ask { by: "ada".to_owned() });
    // It had begun before it was asked for.
    assert!(change(&store, before).asked.is_some());
    assert!(change(&store, ran(Because::Hand, true, 3)).asked.is_none());
}

#[test]
fn history_keeps_what_happened_and_counts_what_found_nothing() {
    let store = store();
    for _ in 0..3 {
        pass(Duration::from_secs(30));
        change(&store, ran(Because::Schedule, true, 0));
    }
    let idle_until = clock();
    pass(Duration::from_secs(30));
    change(&store, ran(Because::Schedule, false, 0));
    change(&store, ran(Because::Push, true, 1));
    let state = wait(store.schedule(NAME)).unwrap();
    let runs: Vec<_> = state.runs.iter().map(|run| (run.because, run.ok, run.times)).collect();
    assert_eq!(
        runs,
        [(Because::Push, true, 1), (Because::Schedule, false, 1), (Because::Schedule, true, 3)]
    );
    assert_eq!(state.runs[2].started_at, idle_until);
    assert!(state.runs[2].first_at < idle_until);
    assert!(state.runs[1].detail.as_ref().unwrap().len() < 1_000);
    assert_eq!(state.last_run().map(|run| (run.started_at, run.ok)), Some((clock(), false)));
    for _ in 0..100 {
        change(&store, ran(Because::Hand, true, 1));
    }
    assert_eq!(wait(store.schedule(NAME)).unwrap().runs.len(), 50);
}

#[test]
fn message_ids_that_were_heard_only_grow() {
    let store = store();
    assert_eq!(wait(store.heard("warehouse")).unwrap(), None);
    for (id, highest) in [(7, 7), (5, 7), (9, 9)] {
        wait(store.hear("warehouse", Some(id), Vec::new())).unwrap();
        assert_eq!(wait(store.heard("warehouse")).unwrap(), Some(highest));
    }
    wait(store.hear("warehouse", None, Vec::new())).unwrap();
    assert_eq!(wait(store.heard("depot")).unwrap(), None);
}

#[test]
fn a_wake_waits_once_until_it_is_done_and_one_that_comes_meanwhile_stays() {
    let store = store();
    let wake = |key: &str| Wake {
        source: "warehouse".to_owned(),
        endpoint: "order".to_owned(),
        key: key.to_owned(),
    };
    wait(store.hear("warehouse", None, vec![wake("B"), wake("A")])).unwrap();
    pass(Duration::from_secs(1));
    wait(store.hear("warehouse", None, vec![wake("C"), wake("A")])).unwrap();
    let found = wait(store.woken("warehouse", 2)).unwrap();
    let keys: Vec<_> = found.iter().map(|woken| (woken.wake.key.as_str(), woken.times)).collect();
    assert_eq!(keys, [("A", 2), ("B", 1)]);
    wait(store.hear("warehouse", None, vec![wake("B")])).unwrap();
    wait(store.rest(found)).unwrap();
    let left: Vec<Woken> = wait(store.woken("warehouse", 9)).unwrap();
    let keys: Vec<_> = left.iter().map(|woken| woken.wake.key.as_str()).collect();
    assert_eq!(keys, ["B", "C"]);
    assert_eq!(wait(store.woken("depot", 9)).unwrap(), []);
}
