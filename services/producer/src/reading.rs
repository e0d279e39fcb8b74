//! One page of one endpoint: asked for, made durable, noted.

mod removing;
mod walking;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use ferry_broker::Publisher;
use ferry_canonical::Lane;
use ferry_http::{Conversation, HttpPort};
use ferry_store::{Cursors, Scans, Schedules, Wake, Wakes};
use ferry_systems::{Ask, Failure, NewRecord, Page, System};
use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{debug, warn};
use uuid::Uuid;

use crate::{Notes, ProducerMetrics, journal, limits, record};

/// One endpoint of one source, and what it is read through.
#[derive(Debug)]
pub struct Reading<P, S> {
    pub source: String,
    pub endpoint: String,
    pub way: Way,
    /// The entity, where the endpoint says only one.
    pub entity: Option<&'static str>,
    pub systems: Arc<BTreeMap<String, System>>,
    pub http: Arc<dyn HttpPort>,
    pub publisher: P,
    pub store: S,
    pub notes: Notes,
    pub metrics: ProducerMetrics,
    pub clock: fn() -> Timestamp,
    /// Gives every record its id.
    pub ids: fn() -> Uuid,
}

/// How an endpoint is read by its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// What is behind a cursor.
    Poll,
    /// All there is, row by row, for what no cursor is moved by.
    Scan,
}

impl Way {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Scan => "scan",
        }
    }
}

/// What a page came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// Records that are durable.
    pub(crate) records: u64,
    pub(crate) more: bool,
    /// What the schedule's history is to say of it.
    pub(crate) detail: Option<String>,
}

/// It is not read, or not to be relied on.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The source said no, or nothing.
    Failed(Failure),
    /// Our own broker or store.
    Ours(anyhow::Error),
}

impl From<anyhow::Error> for Unread {
    fn from(error: anyhow::Error) -> Self {
        Self::Ours(error)
    }
}

impl Unread {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Failed(failure) => format!("{}: {}", failure.kind, failure.detail),
            Self::Ours(error) => format!("{error:#}"),
        }
    }
}

/// Bodies of the run before, so that a source which says the same page again is not passed on: it
/// reads back over its cursor at every run, and mostly there is nothing new.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    before: HashSet<u64>,
    /// How often each body came in this run.
    now: HashMap<u64, u32>,
    /// The newest time ahead of its source's clock that was told of.
    ahead: Option<Timestamp>,
}

/// A source that gives one page so often in one run does not look at which page it is asked for.
const SAME_PAGE_MAX: u32 = 3;

impl Heard {
    /// What a record's own headers say is a part of it: the same list says more where more had been
    /// heard before it.
    fn again(&mut self, new: &NewRecord) -> bool {
        let mut hasher = DefaultHasher::new();
        new.body.hash(&mut hasher);
        new.headers.hash(&mut hasher);
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

    /// What was heard in a broken run may not be durable; what was told stays told.
    pub(crate) fn after_failure(&self) -> Self {
        Self { ahead: self.ahead, ..Self::default() }
    }

    pub(crate) fn goes_in_circles(&self) -> bool {
        self.now.values().any(|times| *times > SAME_PAGE_MAX)
    }

    pub(crate) fn turn(&mut self) {
        self.before = std::mem::take(&mut self.now).into_keys().collect();
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Asked<'a> {
    cursor: Option<&'a str>,
    scope: &'a str,
    keys: &'a [String],
}

impl<P: Publisher, S: Cursors + Scans + Schedules + Wakes> Reading<P, S> {
    /// The next page, the way it is read.
    pub(crate) async fn next(&self, heard: &mut Heard) -> Result<Read, Unread> {
        match self.way {
            Way::Poll => self.page(heard).await,
            Way::Scan => self.walk().await,
        }
    }
}

impl<P: Publisher, S: Cursors + Wakes> Reading<P, S> {
    /// The next page after the cursor, which moves once all of it is durable. Where a part of it was
    /// refused, that is told once the rest is.
    async fn page(&self, heard: &mut Heard) -> Result<Read, Unread> {
        let from = self.store.cursor(&self.name()).await.context("reading the cursor")?;
        let asked = Asked { cursor: from.as_deref(), ..Asked::default() };
        let (mut page, read) = self.passed_on(asked, heard).await?;
        if let Some(to) = page.cursor.take().filter(|to| from.as_ref() != Some(to)) {
            let moved = self.store.move_cursor(&self.name(), from.as_deref(), &to).await;
            if !moved.context("moving the cursor")? {
                let error = "another producer has moved the cursor; starting over from there";
                return Err(Unread::Ours(anyhow::anyhow!(error)));
            }
        }
        page.trouble.map_or(Ok(read), |refused| Err(Unread::Failed(refused)))
    }

    /// What has these keys under this scope, all pages of it. No cursor moves.
    pub(crate) async fn keys(&self, scope: &str, keys: &[String]) -> Result<Read, Unread> {
        let mut heard = Heard::default();
        let (mut records, mut cursor): (u64, Option<String>) = (0, None);
        loop {
            let asked = Asked { cursor: cursor.as_deref(), scope, keys };
            let (page, read) = self.passed_on(asked, &mut heard).await?;
            records += read.records;
            if let Some(refused) = page.trouble {
                return Err(Unread::Failed(refused));
            }
            if !read.more || page.cursor.is_none() || page.cursor == cursor {
                return Ok(Read { records, more: false, detail: None });
            }
            cursor = page.cursor;
        }
    }

    async fn passed_on(&self, asked: Asked<'_>, heard: &mut Heard) -> Result<(Page, Read), Unread> {
        let system = self.systems.get(&self.source).context("the source is not configured")?;
        let messages = if system.has_message_ids() {
            self.store.heard(&self.source).await.context("reading how far messages were heard")?
        } else {
            None
        };
        let (started, now) = (Instant::now(), (self.clock)());
        let conversation = Conversation::new(Arc::clone(&self.http), self.clock);
        let Asked { cursor, scope, keys } = asked;
        let ask = Ask { endpoint: &self.endpoint, cursor, keys, scope, now, heard: messages };
        let mut page = match system.poll(&conversation, &ask).await {
            Ok(page) => page,
            Err(failure) => {
                self.note_failure(&conversation, &failure);
                return Err(Unread::Failed(failure));
            }
        };
        let ids = self.publish(std::mem::take(&mut page.records), now, heard).await?;
        let ahead = page.ahead.filter(|time| heard.newly_ahead(*time));
        if let Some(time) = ahead {
            warn!(source = %self.source, endpoint = %self.endpoint, %time, "a source dates a row ahead of its own clock");
        }
        self.note_page(&conversation, &ids, started.elapsed(), ahead);
        if let Some(refused) = &page.trouble {
            self.note_refused(now, refused);
        }
        self.wake(&page).await?;
        let records = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        let more = page.more;
        Ok((page, Read { records, more, detail: None }))
    }

    /// Makes what is new durable, and says under which ids.
    async fn publish(
        &self,
        records: Vec<NewRecord>,
        received_at: Timestamp,
        heard: &mut Heard,
    ) -> Result<Vec<Uuid>, Unread> {
        let (mut messages, mut ids) = (Vec::new(), Vec::new());
        let all = records.len();
        for new in records {
            if heard.again(&new) {
                continue;
            }
            let stamp = record::Stamp { id: (self.ids)(), received_at };
            let (id, message) =
                record::message(&self.origin(), stamp, new.content_type, &new.headers, new.body);
            ids.push(id);
            messages.push(message);
        }
        debug!(source = %self.source, endpoint = %self.endpoint, records = all, new = ids.len(), "a page is read");
        self.publisher
            .publish_until_confirmed(messages, limits::PUBLISH_PATIENCE)
            .await
            .context("making a page durable")?;
        let new = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        self.metrics.records.with_label_values(&[&self.source, &self.endpoint]).inc_by(new);
        Ok(ids)
    }

    async fn wake(&self, page: &Page) -> anyhow::Result<()> {
        if page.wakes.is_empty() {
            return Ok(());
        }
        let wakes = page.wakes.iter().map(|wake| Wake {
            source: self.source.clone(),
            endpoint: wake.endpoint.clone(),
            scope: wake.scope.clone(),
            key: wake.key.clone(),
        });
        self.store.hear(&self.source, None, wakes.collect()).await.context("noting what is woken")
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
            entry.rule.clone_from(&failure.rule);
            entry.response.clone_from(&failure.response);
            entry.duration = Some(exchange.duration);
            self.notes.note(entry, 0);
        }
    }

    /// What of a page was refused; the questions themselves have their own rows.
    fn note_refused(&self, at: Timestamp, refused: &Failure) {
        let kind = refused.kind.as_str();
        let mut entry =
            journal::entry(at, &self.source, format!("poll {} in part", self.endpoint), kind);
        entry.status = refused.status;
        entry.detail = Some(refused.detail.clone());
        entry.rule.clone_from(&refused.rule);
        entry.response.clone_from(&refused.response);
        self.notes.note(entry, 0);
    }

    fn origin(&self) -> record::Origin {
        record::Origin {
            source: self.source.clone(),
            endpoint: self.endpoint.clone(),
            entity: self.entity,
            lane: Lane::Live,
        }
    }

    /// Of its schedule, its cursor and its lease.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}/{}", self.way.as_str(), self.source, self.endpoint)
    }
}
