//! `cargo x seed N [--trace]`: one seed, and what it came to. `N..M` runs several;
//! `--without MECHANISM` shows what they come to where that is missing.
#![expect(clippy::print_stdout, reason = "its report goes to standard output")]

use std::process::ExitCode;

use ferry_simulation::{Report, Sabotage, run, run_sabotaged};

/// Lines of the trace that are shown when something is wrong.
const TAIL: usize = 40;
const USAGE_ERROR: u8 = 2;

fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let whole = words.iter().any(|word| word == "--trace");
    let seeds = words.first().and_then(|word| seeds(word));
    let without = words.iter().skip_while(|word| *word != "--without").nth(1);
    let sabotage = without.map(|name| {
        Sabotage::ALL.into_iter().find(|known| format!("{known:?}").eq_ignore_ascii_case(name))
    });
    let (Some(seeds), None | Some(Some(_))) = (seeds, sabotage) else {
        println!("usage: cargo x seed N|N..M [--trace] [--without MECHANISM]");
        println!("mechanisms: {:?}", Sabotage::ALL);
        return Ok(ExitCode::from(USAGE_ERROR));
    };
    let mut all_is_well = true;
    for seed in seeds {
        let report = match sabotage.flatten() {
            Some(sabotage) => run_sabotaged(seed, sabotage)?,
            None => run(seed)?,
        };
        all_is_well &= report.wrong.is_empty();
        show(&report, whole);
    }
    Ok(if all_is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn seeds(word: &str) -> Option<std::ops::Range<u64>> {
    if let Some((from, to)) = word.split_once("..") {
        return Some(from.parse().ok()?..to.parse().ok()?);
    }
    let seed: u64 = word.parse().ok()?;
    Some(seed..seed.checked_add(1)?)
}

fn show(report: &Report, whole: bool) {
    let well = report.wrong.is_empty();
    let skipped = match (whole, well) {
        (true, _) => 0,
        (false, true) => report.trace.len(),
        (false, false) => report.trace.len().saturating_sub(TAIL),
    };
    for line in report.trace.iter().skip(skipped) {
        println!("{line}");
    }
    if whole || !well {
        for ((hop, fault), times) in &report.fired {
            println!("{times:>4} x {fault:?} at {hop}");
        }
    }
    for wrong in &report.wrong {
        println!("seed {}: {wrong}", report.seed);
    }
    if well {
        println!("seed {}: all is well, {} lines of trace", report.seed, report.trace.len());
    }
}
