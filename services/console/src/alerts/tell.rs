//! Sends what one channel is to tell, and tries again what failed.

use std::{sync::Arc, time::Duration};

use ferry_store::{Alerts, Notice, StoreError, Telling};
use jiff::Timestamp;
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{AlertMetrics, Channel, Message, SendError};

/// Between the attempts of one notice; the last one repeats until [`GIVE_UP_AFTER`].
const DELAYS: [Duration; 6] = [
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_mins(30),
];
/// Of an alert that lasts, the repeated notice is tried then.
const GIVE_UP_AFTER: Duration = Duration::from_hours(24);
/// How much longer than the sending a notice stays with who took it: for writing down.
const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// How often the store is asked without news: for what another console queued, and for retries.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// One per channel and console.
#[derive(Debug)]
pub struct Teller<S> {
    pub store: S,
    pub channel: Arc<dyn Channel>,
    pub clock: fn() -> Timestamp,
    /// Tells two installations apart: the broker's prefix.
    pub installation: String,
    pub metrics: AlertMetrics,
    pub news: Arc<Notify>,
}

impl<S: Alerts> Teller<S> {
    /// Tells until `draining`; what is being sent then is sent.
    pub async fn run(self, draining: CancellationToken) {
        loop {
            match self.tell_all(&draining).await {
                Ok(()) => {}
                Err(error) => {
                    warn!(%error, channel = self.channel.name(), "alerts cannot be taken");
                }
            }
            tokio::select! {
                () = draining.cancelled() => return,
                () = self.news.notified() => {}
                () = sleep(ASK_EVERY) => {}
            }
        }
    }

    /// Everything that is due.
    pub async fn tell_all(&self, draining: &CancellationToken) -> Result<(), StoreError> {
        let lease = self.channel.deadline().saturating_add(LEASE_MARGIN);
        while !draining.is_cancelled() {
            let Some(notice) = self.store.take_notice(self.channel.name(), lease).await? else {
                return Ok(());
            };
            let message = Message::of(&notice, &self.installation, (self.clock)());
            let sent = self.channel.send(&message).await;
            let telling = decide(&notice, sent, (self.clock)());
            self.log(&notice, &telling);
            self.store.settle_notice(notice.id, notice.attempt, telling).await?;
        }
        Ok(())
    }

    fn log(&self, notice: &Notice, telling: &Telling) {
        let (channel, attempt) = (self.channel.name(), notice.attempt);
        let (kind, subject) = (&notice.alert.kind, &notice.alert.subject);
        let result = match telling {
            Telling::Told => {
                info!(
                    channel,
                    attempt,
                    kind,
                    subject,
                    phase = notice.phase.as_str(),
                    "alert is told"
                );
                "told"
            }
            Telling::Later { delay, because } => {
                let delay_ms = delay.as_millis();
                warn!(channel, attempt, kind, subject, because, delay_ms, "alert is not told yet");
                "failed"
            }
            Telling::GivenUp { because } => {
                error!(channel, attempt, kind, subject, because, "alert cannot be told");
                "given_up"
            }
        };
        self.metrics.notices.with_label_values(&[channel, result]).inc();
    }
}

fn decide(notice: &Notice, sent: Result<(), SendError>, now: Timestamp) -> Telling {
    let Err(error) = sent else { return Telling::Told };
    let because = error.to_string();
    let waited = Duration::try_from(now.duration_since(notice.queued_at)).unwrap_or_default();
    if waited >= GIVE_UP_AFTER {
        return Telling::GivenUp { because };
    }
    let failed = usize::try_from(notice.attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let delay = DELAYS.get(failed).or(DELAYS.last()).copied().unwrap_or(ASK_EVERY);
    Telling::Later { delay, because }
}
