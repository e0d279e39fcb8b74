//! Looks whether something is wrong, as long as this console holds the lease to do so.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ferry_broker::Broker;
use ferry_config::{Config, SystemConfig};
use ferry_store::{Alerts, Care, ExportState, Exports, Lease, Leases, Look, Observed, StoreError};
use jiff::Timestamp;
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    AlertKind, AlertMetrics,
    look::{Seen, look},
};

/// The lease outlives the pause between two looks so many times.
const LEASE_LOOKS: u32 = 3;
/// And is never shorter than a slow look.
const LEASE_MIN: Duration = Duration::from_secs(30);

/// One per console; of all of one store, one looks.
#[derive(Debug)]
pub struct Watch<B, S> {
    pub config: Arc<Config>,
    pub broker: B,
    pub store: S,
    pub clock: fn() -> Timestamp,
    /// The names of the channels that are to be told.
    pub channels: Vec<String>,
    /// Names this process.
    pub owner: String,
    pub metrics: AlertMetrics,
    /// Wakes the tellers.
    pub news: Arc<Notify>,
}

impl<B: Broker, S: Alerts + Care + Exports + Leases> Watch<B, S> {
    /// Looks until `draining`.
    pub async fn run(self, draining: CancellationToken) {
        let every = self.config.alerts.every.0;
        loop {
            match self.look().await {
                Ok(Some(observed)) => say(&observed),
                Ok(None) => {}
                Err(error) => warn!(%error, "nobody can look for alerts"),
            }
            tokio::select! {
                () = draining.cancelled() => break,
                () = sleep(every) => {}
            }
        }
        if let Err(error) = self.store.release(self.lease()).await {
            warn!(%error, "the lease to look for alerts ends by itself");
        }
    }

    /// One look; none where another console looks.
    pub async fn look(&self) -> Result<Option<Observed>, StoreError> {
        let ttl = self.config.alerts.every.0.saturating_mul(LEASE_LOOKS).max(LEASE_MIN);
        if !self.store.lease(self.lease(), ttl).await? {
            self.count(|_| 0);
            return Ok(None);
        }
        let alerts = &self.config.alerts;
        let cares = self.store.cares().await?;
        let dying = self.store.dying(alerts.quiet_after.0).await?;
        let exports = self.exports().await?;
        let depth = self.broker.depth(ferry_topology::name::UNROUTED).await;
        let (found, judged) = look(&Seen {
            config: &self.config,
            cares: &cares,
            dying: &dying,
            exports: &exports,
            unrouted: depth.ok().map(|depth| depth.ready),
            now: (self.clock)(),
        });
        self.count(|kind| found.iter().filter(|found| found.kind == kind.as_str()).count());
        let look = Look {
            found,
            judged: judged.into_iter().map(|kind| kind.as_str().to_owned()).collect(),
            channels: self.channels.clone(),
            repeat_every: alerts.repeat_every.0,
        };
        let observed = self.store.observe(look).await?;
        self.news.notify_waiters();
        Ok(Some(observed))
    }

    async fn exports(&self) -> Result<BTreeMap<String, ExportState>, StoreError> {
        let mut exports = BTreeMap::new();
        for (name, system) in &self.config.systems {
            if matches!(system, SystemConfig::Export(_)) {
                exports.insert(name.clone(), self.store.export(name, 1).await?);
            }
        }
        Ok(exports)
    }

    fn count(&self, of: impl Fn(AlertKind) -> usize) {
        for kind in AlertKind::ALL {
            let open = i64::try_from(of(kind)).unwrap_or(i64::MAX);
            self.metrics.open.with_label_values(&[kind.as_str()]).set(open);
        }
    }

    fn lease(&self) -> Lease {
        Lease { name: "alerts".to_owned(), owner: self.owner.clone() }
    }
}

fn say(observed: &Observed) {
    for alert in &observed.opened {
        error!(kind = alert.kind, subject = alert.subject, "alert is open");
    }
    for alert in &observed.resolved {
        info!(kind = alert.kind, subject = alert.subject, "alert is over");
    }
}
