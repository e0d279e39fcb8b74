//! Shutdown in two stages, and the end of every task.
//!
//! `draining`: take nothing new, finish what is in hand. `stopping`: drop it. Tasks are spawned
//! through the [`Lifecycle`], so that each end (done, failed, panicked, dropped) is seen, logged and
//! counted. It does not restart anything: whoever can go on after a failure does so inside the task.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use prometheus::IntCounterVec;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, error, info, warn};

use crate::{BadConfiguration, Metrics, Signals, exit, metrics::MetricsError};

/// How long work in hand may take after the first signal.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);
/// How long dropped tasks may take to notice.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

// Kubernetes sends SIGKILL after 30 s by default; we must be gone before.
const _: () = assert!(DRAIN_TIMEOUT.as_secs() + STOP_TIMEOUT.as_secs() < 30);

/// The life of the process, handed down to everything that runs. Clones are the same life.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    draining: CancellationToken,
    stopping: CancellationToken,
    tasks: TaskTracker,
    /// The first failure's exit code; 0 while there is none.
    failure: AtomicU8,
    cut_short: AtomicUsize,
    ends: Option<IntCounterVec>,
}

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it says whether work was lost"]
pub struct Ended {
    /// [`exit::OK`] where everything in hand was finished.
    pub code: u8,
    /// Tasks that were dropped before their end.
    pub cut_short: usize,
}

impl Lifecycle {
    /// A life whose tasks are counted as `ferry_tasks_ended_total{task, end}`.
    pub fn counted(metrics: &Metrics) -> Result<Self, MetricsError> {
        let ends = metrics.counter(
            "ferry_tasks_ended_total",
            "Tasks that ended, by how: done, failed, panicked or dropped.",
            &["task", "end"],
        )?;
        Ok(Self(Arc::new(Inner { ends: Some(ends), ..Inner::default() })))
    }

    /// Cancelled when nothing new is to be taken.
    pub fn draining(&self) -> CancellationToken {
        self.0.draining.clone()
    }

    /// Cancelled when what is in hand is to be dropped. Tasks spawned here are dropped by
    /// themselves; only what they spawned elsewhere has to listen.
    pub fn stopping(&self) -> CancellationToken {
        self.0.stopping.clone()
    }

    /// Starts a task. Its failure or panic drains the whole process, which then exits with a code
    /// other than 0; its success before draining is no event.
    #[expect(clippy::disallowed_methods, reason = "this is what everybody else spawns through")]
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let life = self.clone();
        let watched = async move {
            let stopping = life.stopping();
            let end = tokio::select! {
                biased;
                end = AssertUnwindSafe(future).catch_unwind() => Some(end),
                () = stopping.cancelled() => None,
            };
            life.ended(name, end);
        };
        tokio::spawn(self.0.tasks.track_future(watched));
    }

    /// Begins to drain, as a first signal does.
    pub fn drain(&self) {
        self.0.draining.cancel();
    }

    /// Waits for the end: a signal, a failure, or that every task is done. What is in hand then has
    /// `drain_timeout` to finish; a second signal ends that at once.
    pub async fn run(self, mut signals: Signals, drain_timeout: Duration) -> Ended {
        let Inner { draining, stopping, tasks, .. } = &*self.0;
        tasks.close();
        tokio::select! {
            signal = signals.next() => info!(signal, "draining"),
            () = draining.cancelled() => info!("draining"),
            () = tasks.wait() => info!("all tasks are done"),
        }
        draining.cancel();
        tokio::select! {
            biased;
            () = tasks.wait() => {}
            signal = signals.next() => warn!(signal, "stopping, work in hand is dropped"),
            () = tokio::time::sleep(drain_timeout) => {
                let seconds = drain_timeout.as_secs();
                warn!(seconds, "draining took too long, work in hand is dropped");
            }
        }
        stopping.cancel();
        let deaf = timeout(STOP_TIMEOUT, tasks.wait()).await.map_or(tasks.len(), |()| 0);
        self.end(deaf)
    }

    fn end(&self, deaf: usize) -> Ended {
        let cut_short = self.0.cut_short.load(Ordering::SeqCst) + deaf;
        let failure = self.0.failure.load(Ordering::SeqCst);
        let code = if failure == 0 && cut_short > 0 { exit::FAILED } else { failure };
        info!(code, cut_short, "ended");
        Ended { code, cut_short }
    }

    fn ended(&self, task: &'static str, end: Option<std::thread::Result<anyhow::Result<()>>>) {
        let end = match end {
            Some(Ok(Ok(()))) => {
                debug!(task, "task done");
                "done"
            }
            Some(Ok(Err(cause))) => {
                error!(task, error = format!("{cause:#}"), "task failed");
                self.fail(code_of(&cause));
                "failed"
            }
            Some(Err(_)) => {
                error!(task, "task panicked");
                self.fail(exit::FAILED);
                "panicked"
            }
            None => {
                warn!(task, "task dropped before its end");
                self.0.cut_short.fetch_add(1, Ordering::SeqCst);
                "dropped"
            }
        };
        if let Some(ends) = &self.0.ends {
            ends.with_label_values(&[task, end]).inc();
        }
    }

    fn fail(&self, code: u8) {
        // The first failure explains the others.
        let _ = self.0.failure.compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst);
        self.drain();
    }
}

fn code_of(cause: &anyhow::Error) -> u8 {
    let configuration = cause
        .chain()
        .any(|cause| cause.is::<BadConfiguration>() || cause.is::<ferry_config::ConfigError>());
    if configuration { exit::BAD_CONFIGURATION } else { exit::FAILED }
}

#[cfg(test)]
mod tests;
