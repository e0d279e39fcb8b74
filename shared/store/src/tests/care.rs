//! Care of targets, as every process of a store sees it.

use std::time::Duration;

use ferry_canonical::FailureKind;

use super::{clock, pass, store, wait};
use crate::{Ask, Attendance, BreakerState, Care as _, Rules, Sign, Stop};

const SECOND: Duration = Duration::from_secs(1);

fn attendance(loader: &str, signs: Vec<Sign>) -> Attendance {
    Attendance {
        loader: loader.to_owned(),
        target: "shop".to_owned(),
        rules: Rules {
            entities: 2,
            window: 60 * SECOND,
            probe_min: SECOND,
            probe_max: 30 * SECOND,
            refusal_probe: 30 * SECOND,
            hold_max: 600 * SECOND,
            concurrency: 8,
            rate_milli: Some(50_000),
        },
        ask: Ask { wants: 2, in_use: 0 },
        signs,
        leaves: false,
    }
}

#[test]
fn what_one_loader_sees_every_other_and_the_console_know() {
    let store = store();
    let order = |id: &str| vec![format!("order/{id}")];
    let failed = |id| Sign::Failed { kind: FailureKind::Connection, entities: order(id) };
    wait(store.attend(attendance("a", vec![failed("1")]))).unwrap();
    let there = wait(store.attend(attendance("b", vec![failed("2")]))).unwrap();
    assert_eq!(there.state.breaker.state, BreakerState::Open);
    let here = wait(store.attend(attendance("a", Vec::new()))).unwrap();
    assert_eq!((here.state.stop(clock()), here.granted.slots), (Some(Stop::Broken), 0));
    let seen = wait(store.cares()).unwrap();
    assert_eq!((seen.len(), &seen[0].breaker), (1, &here.state.breaker));
}

#[test]
fn a_pause_stands_for_all_until_its_time_or_a_resume_and_versions_only_grow() {
    let store = store();
    let paused = wait(store.pause("shop", "ada", "stock count", Some(10 * SECOND))).unwrap();
    assert_eq!(paused.pause.as_ref().map(|pause| pause.by.as_str()), Some("ada"));
    let attended = wait(store.attend(attendance("a", Vec::new()))).unwrap();
    assert_eq!(attended.state.stop(attended.at), Some(Stop::Paused));
    pass(10 * SECOND);
    let over = wait(store.attend(attendance("a", Vec::new()))).unwrap();
    assert_eq!(over.state.stop(over.at), None);
    wait(store.pause("shop", "ada", "again", None)).unwrap();
    let resumed = wait(store.resume("shop")).unwrap();
    assert_eq!(resumed.stop(clock()), None);
    assert!(paused.version < over.state.version && over.state.version < resumed.version);
}

#[test]
fn an_attendance_that_changes_nothing_writes_nothing() {
    let store = store();
    let first = wait(store.attend(attendance("a", vec![Sign::Answered]))).unwrap();
    let second = wait(store.attend(attendance("a", vec![Sign::Answered]))).unwrap();
    assert_eq!((first.state.version, second.state.version), (1, 1));
}
