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

fn wake(key: &str) -> Wake {
    Wake {
        source: "warehouse".to_owned(),
        endpoint: "order".to_owned(),
        scope: String::new(),
        key: key.to_owned(),
    }
}

fn keys(woken: &[Woken]) -> Vec<&str> {
    woken.iter().map(|woken| woken.wake.key.as_str()).collect()
}

#[test]
fn a_wake_waits_once_until_it_is_done_and_one_that_comes_meanwhile_stays() {
    let store = store();
    wait(store.hear("warehouse", None, vec![wake("B"), wake("A")])).unwrap();
    pass(Duration::from_secs(1));
    wait(store.hear("warehouse", None, vec![wake("C"), wake("A")])).unwrap();
    let found = wait(store.woken("warehouse", "order", 2)).unwrap();
    let times: Vec<_> = found.iter().map(|woken| woken.times).collect();
    assert_eq!((keys(&found), times), (vec!["A", "B"], vec![2, 1]));
    wait(store.hear("warehouse", None, vec![wake("B")])).unwrap();
    wait(store.rest(found)).unwrap();
    assert_eq!(keys(&wait(store.woken("warehouse", "order", 9)).unwrap()), ["B", "C"]);
    assert_eq!(wait(store.woken("depot", "order", 9)).unwrap(), []);
    assert_eq!(wait(store.woken("warehouse", "inventory", 9)).unwrap(), []);
}

#[test]
fn a_wake_that_was_done_and_came_as_often_again_is_another() {
    let store = store();
    wait(store.hear("warehouse", None, vec![wake("A")])).unwrap();
    let first = wait(store.woken("warehouse", "order", 9)).unwrap();
    wait(store.rest(first.clone())).unwrap();
    pass(Duration::from_secs(1));
    wait(store.hear("warehouse", None, vec![wake("A")])).unwrap();
    // Somebody who is late with the one before.
    wait(store.rest(first)).unwrap();
    assert_eq!(keys(&wait(store.woken("warehouse", "order", 9)).unwrap()), ["A"]);
}

#[test]
fn one_key_under_two_scopes_is_two_wakes() {
    let store = store();
    let other = Wake { scope: "outlet/acme".to_owned(), ..wake("A") };
    wait(store.hear("warehouse", None, vec![wake("A"), other.clone()])).unwrap();
    let mut found = wait(store.woken("warehouse", "order", 9)).unwrap();
    assert_eq!(found.len(), 2);
    found.retain(|woken| woken.wake == other);
    wait(store.rest(found)).unwrap();
    let left = wait(store.woken("warehouse", "order", 9)).unwrap();
    assert_eq!(left.first().map(|woken| &woken.wake), Some(&wake("A")));
}

#[test]
fn what_a_push_woke_does_nobodys_wish_and_is_no_whole_success() {
    let store = store();
    change(&store, ran(Because::Schedule, true, 1));
    let whole = clock();
    change(&store, ScheduleChange::Ask { by: "ada".to_owned() });
    pass(Duration::from_secs(1));
    let state = change(&store, ran(Because::Push, true, 1));
    assert_eq!((state.asked.is_some(), state.last_success), (true, Some(whole)));
}

#[test]
fn whole_runs_are_not_driven_out_by_what_pushes_woke() {
    let store = store();
    for ok in [true, false] {
        change(&store, ran(Because::Schedule, ok, 1));
    }
    let whole = clock();
    for _ in 0..60 {
        pass(Duration::from_secs(1));
        change(&store, ran(Because::Push, true, 1));
    }
    let state = wait(store.schedule(NAME)).unwrap();
    assert_eq!(state.last_run().map(|run| (run.started_at, run.ok)), Some((whole, false)));
    assert_eq!(state.runs.len(), 22);
    assert_eq!(state.runs[0].started_at, clock());
}
