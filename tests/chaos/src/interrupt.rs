//! A person who has seen enough: the run ends in order, and leaves no process behind.

use std::{
    process,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::{Context as _, bail};
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on SIGINT and SIGTERM end the run at its next look.
pub(crate) fn heed() -> anyhow::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.context("listening for signals")?;
    let listening = runtime.block_on(async {
        Ok::<_, std::io::Error>((
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        ))
    });
    let (mut interrupt, mut terminate) = listening.context("listening for signals")?;
    thread::spawn(move || {
        let mut wait = || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            });
        };
        wait();
        eprintln!(
            "the run ends in order; once more ends it at once, and leaves its processes behind"
        );
        INTERRUPTED.store(true, Ordering::Relaxed);
        wait();
        process::exit(1);
    });
    Ok(())
}

/// # Errors
///
/// The run is to end.
pub(crate) fn check() -> anyhow::Result<()> {
    if INTERRUPTED.load(Ordering::Relaxed) {
        bail!("interrupted; nothing is judged");
    }
    Ok(())
}
