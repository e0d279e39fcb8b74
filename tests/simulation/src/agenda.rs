//! What will happen by itself, and when.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use tokio::{sync::Notify, time::Instant};

use crate::model::{Asked, plan::What};

#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Something becomes so at a source.
    Change(What),
    /// A target acts on a request whose sender has given up.
    ApplyLate {
        host: String,
        asked: Asked,
    },
    /// Held confirms go out.
    Release,
    BrokerStarts,
    Start(String),
    /// A process is told to finish what it has in hand and to leave.
    Drain(String),
    Kill(String),
    RestartBroker,
}

/// In the order in which they are due, and of one moment in the order in which they were added.
#[derive(Debug, Default)]
struct Acts {
    waiting: BTreeMap<(Instant, u64), Act>,
    added: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Agenda {
    acts: Mutex<Acts>,
    changes: Notify,
}

impl Agenda {
    pub(crate) fn add(&self, at: Instant, act: Act) {
        {
            let mut acts = self.acts.lock().unwrap_or_else(PoisonError::into_inner);
            acts.added += 1;
            let number = acts.added;
            acts.waiting.insert((at, number), act);
        }
        self.changes.notify_one();
    }

    pub(crate) fn next_at(&self) -> Option<Instant> {
        let acts = self.acts.lock().unwrap_or_else(PoisonError::into_inner);
        acts.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn take_due(&self, now: Instant) -> Option<Act> {
        let mut acts = self.acts.lock().unwrap_or_else(PoisonError::into_inner);
        let first = acts.waiting.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// Until something was added.
    pub(crate) async fn changed(&self) {
        self.changes.notified().await;
    }
}
