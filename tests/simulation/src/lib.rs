//! The whole pipeline by seed: producers, transformers, loaders and a console on a simulated
//! broker, with model systems on both ends, in paused time and one thread.
//!
//! A seed is a story (what becomes so at the sources, and when), a mix of misfortunes, and every
//! random choice on the way; the same seed is the same run, to the byte of its trace. What must hold
//! is judged by what the model systems saw and by the story, never by Ferry's own counters alone.
//! Real sockets, real disks and real brokers are not here: they are tested end to end.

mod account;
mod agenda;
mod chance;
mod drive;
pub mod fault;
mod ledger;
mod mix;
mod model;
mod operator;
mod process;
mod push;
mod sabotage;
mod sim;
mod tap;
mod wire;

use std::sync::Arc;

use anyhow::Context as _;
use tokio::time::Instant;

pub use mix::Fired;
pub use sabotage::Sabotage;

/// What one seed came to.
#[derive(Debug)]
pub struct Report {
    pub seed: u64,
    /// What is wrong; empty where all is well.
    pub wrong: Vec<String>,
    pub fired: Fired,
    /// What happened, one line each.
    pub trace: Vec<String>,
}

/// Runs one seed, on this thread.
pub fn run(seed: u64) -> anyhow::Result<Report> {
    run_with(seed, None)
}

/// Runs one seed with a mechanism taken away: what is wrong then shows what it is for.
pub fn run_sabotaged(seed: u64, sabotage: Sabotage) -> anyhow::Result<Report> {
    run_with(seed, Some(sabotage))
}

fn run_with(seed: u64, sabotage: Option<Sabotage>) -> anyhow::Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .context("starting the runtime")?;
    runtime.block_on(async {
        ferry_sim::start_clock();
        let trace = Arc::new(sim::Trace::new(Instant::now()));
        let mut run = drive::Run::new(seed, sabotage, Arc::clone(&trace))?;
        let mut wrong = Vec::new();
        if let Err(error) = run.whole().await {
            wrong.push(format!("{error:#}"));
        }
        wrong.extend(account::audit(&run).await?);
        let fired = run.sim.mix.fired();
        Ok(Report { seed, wrong, fired, trace: trace.lines() })
    })
}
