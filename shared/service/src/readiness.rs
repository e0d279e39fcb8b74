//! Whether this process can do its work, and if not, why: named conditions with reasons.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// The conditions of one process. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<String, Option<String>>>>);

/// One condition, held by whoever knows about it.
#[derive(Clone, Debug)]
pub struct Condition {
    readiness: Readiness,
    name: String,
}

/// What `/readyz` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub ready: bool,
    pub conditions: BTreeMap<String, ConditionReport>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConditionReport {
    pub ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Readiness {
    /// Adds a condition; it is not met ("starting") until it is said to be.
    pub fn condition(&self, name: &str) -> Condition {
        let condition = Condition { readiness: self.clone(), name: name.to_owned() };
        condition.not_ready("starting");
        condition
    }

    /// Ready where every condition is met.
    pub fn report(&self) -> Report {
        let conditions: BTreeMap<_, _> = self
            .lock()
            .iter()
            .map(|(name, reason)| {
                let report = ConditionReport { ready: reason.is_none(), reason: reason.clone() };
                (name.clone(), report)
            })
            .collect();
        Report { ready: conditions.values().all(|condition| condition.ready), conditions }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Option<String>>> {
        // A map of strings is whole after any panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Between two looks at something a condition depends on.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Condition {
    /// Looks until `draining`, so that readiness tells the truth after the start as well.
    pub async fn watch(
        self,
        draining: CancellationToken,
        look: impl Fn() -> Result<(), &'static str> + Send,
    ) {
        loop {
            match look() {
                Ok(()) => self.ready(),
                Err(reason) => self.not_ready(reason),
            }
            tokio::select! {
                () = draining.cancelled() => return,
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// As [`Self::watch`], where looking takes a while and the reason is told by what was looked at.
    /// What begins and what is over is said in the log, once.
    pub async fn follow<F>(self, draining: CancellationToken, look: impl Fn() -> F + Send)
    where
        F: Future<Output = Result<(), String>> + Send,
    {
        let mut said: Option<bool> = None;
        loop {
            let found = look().await;
            if said != Some(found.is_ok()) && (said.is_some() || found.is_err()) {
                let condition = &self.name;
                match &found {
                    Ok(()) => info!(condition, "what was waited for is there again"),
                    Err(reason) => warn!(condition, reason, "waiting until it can be used"),
                }
            }
            said = Some(found.is_ok());
            match found {
                Ok(()) => self.ready(),
                Err(reason) => self.not_ready(reason),
            }
            tokio::select! {
                () = draining.cancelled() => return,
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }

    pub fn ready(&self) {
        self.readiness.lock().insert(self.name.clone(), None);
    }

    /// `reason` is read by people on `/readyz`: no secrets, no personal values.
    pub fn not_ready(&self, reason: impl Into<String>) {
        self.readiness.lock().insert(self.name.clone(), Some(reason.into()));
    }
}
