//! Two hundred seeds, every misfortune at every hop, and the same run twice.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use ferry_simulation::{
    Report, Sabotage,
    fault::{Fault, Hop, cells},
    run, run_sabotaged,
};

const SEEDS: u64 = 200;
const THREADS: usize = 2;
/// Lines of a trace that are shown when something is wrong.
const TAIL: usize = 60;

/// Seeds that once found a flaw, with what it was.
const REGRESSIONS: [(u64, &str); 1] = [(
    438,
    "a lost write that showed before its target kept its own was taken for a person's word",
)];

/// The seed's report; where something is wrong, the end of its trace is printed.
fn checked(seed: u64) -> Report {
    let report = run(seed).unwrap();
    if !report.wrong.is_empty() {
        let skipped = report.trace.len().saturating_sub(TAIL);
        let tail: Vec<&str> = report.trace.iter().skip(skipped).map(String::as_str).collect();
        panic!(
            "{}\nseed {seed}: {}\nagain, with everything that happened: cargo x seed {seed} --trace",
            tail.join("\n"),
            report.wrong.join("\n"),
        );
    }
    report
}

#[test]
fn whatever_goes_wrong_nothing_is_lost_doubled_or_stale_and_everything_goes_wrong() {
    let (next, fired) = (AtomicU64::new(0), Mutex::new(BTreeMap::<(Hop, Fault), u64>::new()));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= SEEDS {
                        return;
                    }
                    for (cell, times) in checked(seed).fired {
                        *fired.lock().unwrap().entry(cell).or_default() += times;
                    }
                }
            });
        }
    });
    let fired = fired.into_inner().unwrap();
    for (hop, fault) in cells() {
        let times = fired.get(&(hop, fault)).copied().unwrap_or(0);
        println!("{times:>5} x {fault:?} at {hop}");
    }
    let never: Vec<String> = cells()
        .filter(|cell| !fired.contains_key(cell))
        .map(|(hop, fault)| format!("{fault:?} at {hop}"))
        .collect();
    assert!(never.is_empty(), "these never struck: {}", never.join(", "));
}

/// What is never seen missing is not tested here.
#[test]
fn a_pipeline_that_lacks_a_mechanism_is_found_out() {
    const ENOUGH: u64 = 100;
    for sabotage in Sabotage::ALL {
        let found = (0..ENOUGH).find(|seed| {
            let report = run_sabotaged(*seed, sabotage).unwrap();
            report.wrong.first().inspect(|wrong| println!("{sabotage:?}: {wrong}")).is_some()
        });
        assert!(found.is_some(), "{ENOUGH} seeds do not miss anything: {sabotage:?}");
    }
}

#[test]
fn one_seed_is_one_run_to_the_byte() {
    for seed in [3, 57, 121] {
        let (one, other) = (run(seed).unwrap(), run(seed).unwrap());
        assert!(one.trace.len() > 100, "seed {seed} did nothing");
        let differs = one.trace.iter().zip(&other.trace).find(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(one.trace.len(), other.trace.len(), "seed {seed}");
    }
    assert_ne!(run(3).unwrap().trace, run(4).unwrap().trace);
}

#[test]
fn seeds_that_once_found_a_flaw_find_none() {
    for (seed, flaw) in REGRESSIONS {
        let report = run(seed).unwrap();
        assert!(report.wrong.is_empty(), "seed {seed}, which found: {flaw}: {:?}", report.wrong);
    }
}
