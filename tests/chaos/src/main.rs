//! Chaos: the main job on real processes and a real broker under seeded misfortune, and at the end
//! the account of what the simulators saw against what the world made.
//!
//! Promises that one seed is one world and one schedule of misfortune, that each kind of it is
//! counted only where there was somebody to feel it, and that a run in which a promise broke keeps
//! its folder: logs, store, histories. It does not repeat a run step by step: processes and the
//! network have their own time.
#![expect(
    clippy::disallowed_methods,
    reason = "deadlines of real processes need the monotonic clock, and links their own tasks"
)]
#![expect(clippy::print_stderr, reason = "showing what happens is what this program does")]

mod arguments;
mod audit;
mod away;
mod broker;
mod interrupt;
mod link;
mod load;
mod misfortune;
mod report;
mod run;
mod schedule;
mod stage;
mod store;

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;
use arguments::Arguments;
use clap::Parser as _;

/// A promise broke.
const BROKEN: u8 = 3;

fn main() -> ExitCode {
    match chaos(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(BROKEN),
        Err(error) => {
            eprintln!("the run failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn chaos(arguments: &Arguments) -> anyhow::Result<bool> {
    interrupt::heed()?;
    let report = run::run(arguments)?;
    eprintln!("{}", report.table);
    let text = serde_json::to_string_pretty(&report.json).context("writing the result")?;
    if let Some(path) = &arguments.json {
        std::fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", report.json).context("writing the result")?;
    Ok(report.kept)
}
