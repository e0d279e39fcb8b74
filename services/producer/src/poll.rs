//! Polling: page by page, each made durable before the cursor moves over it.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use ferry_broker::Publisher;
use ferry_canonical::Lane;
use ferry_http::{Conversation, HttpPort};
use ferry_retry::Policy;
use ferry_store::{Cursors, Lease, Leases};
use ferry_systems::{Failure, System};
use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use uuid::Uuid;

use crate::{Notes, ProducerMetrics, journal, lease::Held, limits, record};

/// One endpoint of one source, asked at intervals.
#[derive(Debug)]
pub struct Poll<P, S> {
    pub source: String,
    pub endpoint: String,
    pub entity: &'static str,
    pub every: Duration,
    pub systems: Arc<std::collections::BTreeMap<String, System>>,
    pub http: Arc<dyn HttpPort>,
    pub publisher: P,
    pub store: S,
    pub notes: Notes,
    pub metrics: ProducerMetrics,
    pub clock: fn() -> Timestamp,
    /// Gives every record its id.
    pub ids: fn() -> Uuid,
    /// Tells this process from others in leases.
    pub owner: String,
}

/// Bodies of the run before, so that a source which says the same page again is not passed on: it
/// reads back over its cursor at every run, and mostly there is nothing new.
#[derive(Debug, Default)]
struct Heard {
    before: HashSet<u64>,
    /// How often each body came in this run.
    now: HashMap<u64, u32>,
    /// The newest time ahead of its source's clock that was told of.
    ahead: Option<Timestamp>,
}

/// A source that gives one page so often in one run does not look at which page it is asked for.
const SAME_PAGE_MAX: u32 = 3;

impl Heard {
    fn again(&mut self, body: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let hash = hasher.finish();
        *self.now.entry(hash).or_default() += 1;
        self.before.contains(&hash)
    }

    /// Whether a time ahead of the source's clock has not been told of.
    fn newly_ahead(&mut self, time: Timestamp) -> bool {
        let newly = Some(time) > self.ahead;
        self.ahead = self.ahead.max(Some(time));
        newly
    }

    fn goes_in_circles(&self) -> bool {
        self.now.values().any(|times| *times > SAME_PAGE_MAX)
    }

    fn turn(&mut self) {
        self.before = std::mem::take(&mut self.now).into_keys().collect();
    }
}

impl<P: Publisher, S: Cursors + Leases> Poll<P, S> {
    /// Runs at every tick until `draining`; failures are spaced out by themselves.
    pub async fn run(self, draining: CancellationToken) {
        let held = Held::new(Lease { name: self.name(), owner: self.owner.clone() });
        tokio::select! {
            biased;
            () = self.runs(&held, draining) => {}
            never = held.keep(&self.store) => match never {},
        }
        held.release(&self.store).await;
    }

    async fn runs(&self, held: &Held, draining: CancellationToken) {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Heard::default();
        let policy = Policy::new(limits::FAILED_MIN, limits::FAILED_MAX);
        let mut delays = policy.delays(seed(&self.owner));
        loop {
            tokio::select! {
                biased;
                () = draining.cancelled() => break,
                _ = ticks.tick() => {}
            }
            let result = tokio::select! {
                biased;
                () = draining.cancelled() => break,
                result = self.once(held, &mut heard) => result,
            };
            self.count(&result);
            match result {
                Ok(Ran::Whole) => {
                    heard.turn();
                    delays = policy.delays(seed(&self.owner));
                }
                Ok(Ran::Elsewhere) => {}
                Err(error) => {
                    // What was heard in a broken run may not be durable.
                    heard = Heard { ahead: heard.ahead, ..Heard::default() };
                    warn!(source = %self.source, endpoint = %self.endpoint, error = format!("{error:#}"), "a poll failed");
                    let pause = delays.next().unwrap_or(limits::FAILED_MAX);
                    tokio::select! {
                        biased;
                        () = draining.cancelled() => break,
                        () = sleep(pause) => {}
                    }
                }
            }
        }
    }

    /// One run: every page there is.
    async fn once(&self, held: &Held, heard: &mut Heard) -> anyhow::Result<Ran> {
        loop {
            if !held.take(&self.store).await.context("taking the schedule's lease")? {
                return Ok(Ran::Elsewhere);
            }
            if !self.page(heard).await? {
                return Ok(Ran::Whole);
            }
            if heard.goes_in_circles() {
                anyhow::bail!(
                    "the source gives the same page again and again: does it know the \
                    configured page parameter?"
                );
            }
        }
    }

    /// One page; `true` when there are more.
    async fn page(&self, heard: &mut Heard) -> anyhow::Result<bool> {
        let system = self.systems.get(&self.source).context("the source is not configured")?;
        let from = self.store.cursor(&self.name()).await.context("reading the cursor")?;
        let (started, requested_at) = (Instant::now(), (self.clock)());
        let conversation = Conversation::new(Arc::clone(&self.http), self.clock);
        let polled = system.poll(&conversation, &self.endpoint, from.as_deref()).await;
        let page = match polled {
            Ok(page) => page,
            Err(failure) => {
                self.note_failure(&conversation, &failure);
                anyhow::bail!("{}: {}", failure.kind, failure.detail);
            }
        };
        let mut messages = Vec::new();
        let mut ids = Vec::new();
        let records = page.records.len();
        for new in page.records {
            if heard.again(&new.body) {
                continue;
            }
            let stamp = record::Stamp { id: (self.ids)(), received_at: requested_at };
            let (id, message) =
                record::message(&self.origin(), stamp, new.content_type, &new.headers, new.body);
            ids.push(id);
            messages.push(message);
        }
        debug!(source = %self.source, endpoint = %self.endpoint, records, new = ids.len(), "a page is read");
        self.publisher
            .publish_until_confirmed(messages, limits::PUBLISH_PATIENCE)
            .await
            .context("making a page durable")?;
        let new = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        self.metrics.records.with_label_values(&[&self.source, &self.endpoint]).inc_by(new);
        let ahead = page.ahead.filter(|time| heard.newly_ahead(*time));
        if let Some(time) = ahead {
            warn!(source = %self.source, endpoint = %self.endpoint, %time, "a source dates a row ahead of its own clock");
        }
        self.note_page(&conversation, &ids, started.elapsed(), ahead);
        if let Some(to) = page.cursor.filter(|to| from.as_ref() != Some(to)) {
            let moved = self.store.move_cursor(&self.name(), from.as_deref(), &to).await;
            if !moved.context("moving the cursor")? {
                anyhow::bail!("another producer has moved the cursor; starting over from there");
            }
        }
        Ok(page.more)
    }

    fn note_page(
        &self,
        conversation: &Conversation,
        ids: &[Uuid],
        duration: Duration,
        ahead: Option<Timestamp>,
    ) {
        for (index, exchange) in conversation.take().into_iter().enumerate() {
            let operation =
                format!("{} ({} {})", exchange.operation, exchange.method, exchange.url);
            let result = if ids.is_empty() { "nothing new" } else { "received" };
            let mut entry = journal::entry(exchange.started_at, &self.source, operation, result);
            entry.record_id = ids.first().copied();
            entry.duration = Some(duration);
            entry.detail = ahead.map(|time| {
                format!("a row is dated {time}, ahead of the source's clock; until then every poll reads it")
            });
            if let Ok((status, body)) = exchange.answer {
                entry.status = Some(status);
                let kept = !ids.is_empty() && exchange.operation == "poll";
                entry.response = kept.then(|| String::from_utf8_lossy(&body).into_owned());
            }
            let records = if index == 0 { ids.len() } else { 0 };
            self.notes.note(entry, u64::try_from(records).unwrap_or(u64::MAX));
        }
    }

    fn note_failure(&self, conversation: &Conversation, failure: &Failure) {
        for exchange in conversation.take() {
            let operation =
                format!("{} ({} {})", exchange.operation, exchange.method, exchange.url);
            let kind = failure.kind.as_str();
            let mut entry = journal::entry(exchange.started_at, &self.source, operation, kind);
            entry.status = failure.status;
            entry.detail = Some(failure.detail.clone());
            entry.response.clone_from(&failure.response);
            entry.duration = Some(exchange.duration);
            self.notes.note(entry, 0);
        }
    }

    fn count(&self, result: &anyhow::Result<Ran>) {
        let word = match result {
            Ok(Ran::Whole) => "ok",
            Ok(Ran::Elsewhere) => "elsewhere",
            Err(_) => "failed",
        };
        self.metrics.runs.with_label_values(&[&self.source, &self.endpoint, word]).inc();
        if matches!(result, Ok(Ran::Whole)) {
            let now = (self.clock)().as_second();
            let labels = [self.source.as_str(), self.endpoint.as_str()];
            self.metrics.last_success.with_label_values(&labels).set(now);
        }
    }

    fn origin(&self) -> record::Origin {
        record::Origin {
            source: self.source.clone(),
            endpoint: self.endpoint.clone(),
            entity: Some(self.entity),
            lane: Lane::Live,
        }
    }

    fn name(&self) -> String {
        format!("poll/{}/{}", self.source, self.endpoint)
    }
}

enum Ran {
    Whole,
    /// Another producer holds the schedule.
    Elsewhere,
}

/// Spreads the repeats of several processes.
fn seed(owner: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    owner.hash(&mut hasher);
    hasher.finish()
}
