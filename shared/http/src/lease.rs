//! The right to do something at a system alone, against everybody else who writes there.
//!
//! A system may take the same thing twice because it has no key for it. Whoever is about to make one
//! takes a lease of its name first, looks, and makes what is not there. It promises nothing that the
//! system would have to keep, and does not know where leases are kept.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::HttpError;

/// What all who write to one system have in common: leases, what the system calls things, and what it
/// is going to do later.
pub trait LedgerPort: fmt::Debug + Send + Sync {
    /// Takes `name` for so long. The token gives it back; none: somebody has it, or nobody can be
    /// asked.
    fn take<'a>(&'a self, name: &'a str, lasting: Duration) -> BoxFuture<'a, Option<String>>;

    fn give_back<'a>(&'a self, name: &'a str, token: String) -> BoxFuture<'a, ()>;

    /// What `system` calls each of these entities of one kind, by their canonical ids. None: nobody can
    /// be asked.
    fn known<'a>(
        &'a self,
        system: &'a str,
        entity: &'a str,
        ids: Vec<String>,
    ) -> BoxFuture<'a, Option<Vec<Option<String>>>>;

    /// The canonical id of the entity that `system` calls `own_id`, where there is one. None: nobody can
    /// be asked.
    fn owner<'a>(
        &'a self,
        system: &'a str,
        entity: &'a str,
        own_id: &'a str,
    ) -> BoxFuture<'a, Option<Option<String>>>;

    /// Remembers that `system` may write these entities by `operation`. Where nobody can be told, it is not
    /// remembered.
    fn put_off<'a>(
        &'a self,
        system: &'a str,
        entity: &'a str,
        ids: Vec<String>,
        operation: &'a str,
    ) -> BoxFuture<'a, ()>;

    /// Forgets it: the operation has ended.
    fn has_ended<'a>(
        &'a self,
        system: &'a str,
        entity: &'a str,
        ids: Vec<String>,
        operation: &'a str,
    ) -> BoxFuture<'a, ()>;

    /// All operations by which `system` may still write each of these entities. None: nobody can be asked.
    fn operations<'a>(
        &'a self,
        system: &'a str,
        entity: &'a str,
        ids: Vec<String>,
    ) -> BoxFuture<'a, Option<Vec<Vec<String>>>>;
}

/// Holds a lease. Dropped, it lasts until its time is over: what it was taken for may still happen.
#[derive(Debug)]
#[must_use = "a lease that is dropped keeps everybody out until its time is over"]
pub struct Alone {
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    leases: Arc<dyn LedgerPort>,
    name: String,
    token: String,
    until: Instant,
}

impl Alone {
    /// Where nobody else writes.
    pub(crate) const fn anyway() -> Self {
        Self { held: None }
    }

    /// Waits for up to [`Alone::PATIENCE`] until nobody else has it.
    pub(crate) async fn take(
        leases: Arc<dyn LedgerPort>,
        name: String,
        lasting: Duration,
    ) -> Result<Self, HttpError> {
        let patience = Instant::now() + Self::PATIENCE;
        let mut pause = Self::PAUSE_MIN;
        loop {
            // From before it is asked for: the lease lasts no longer here than where it is kept.
            let until = Instant::now() + lasting;
            if let Some(token) = leases.take(&name, lasting).await {
                return Ok(Self { held: Some(Held { leases, name, token, until }) });
            }
            if Instant::now() + pause > patience {
                return Err(HttpError::Withheld("somebody else is about to make the same"));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Self::PAUSE_MAX);
        }
    }

    const PATIENCE: Duration = Duration::from_secs(5);
    const PAUSE_MIN: Duration = Duration::from_millis(50);
    const PAUSE_MAX: Duration = Duration::from_millis(500);

    /// Whether what may take so long would be over within the lease.
    pub fn covers(&self, duration: Duration) -> Result<(), HttpError> {
        match &self.held {
            Some(held) if Instant::now() + duration > held.until => {
                Err(HttpError::Withheld("the lease ends before"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What it was taken for has happened, or never will.
    pub async fn over(self) {
        if let Some(held) = self.held {
            held.leases.give_back(&held.name, held.token).await;
        }
    }
}
