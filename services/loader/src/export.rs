//! Exports: what desks have settled, made into documents and brought where they go.
//!
//! A desk's write to an export ends in the store: the part waits there for a document. One loader at a
//! time makes one, writes it down whole, sends it, and marks it as delivered; whoever goes on after a
//! crash sends the same bytes under the same name. The lease keeps two loaders from doing the same
//! work; that they do no harm is the store's compare-and-set (see [`ferry_store::export`]).
//!
//! It does not judge what may be brought: what waits was rendered before it was settled.

mod draft;
mod due;
mod metrics;

pub use metrics::ExportMetrics;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use ferry_http::{Conversation, HttpPort};
use ferry_store::{
    Because, Care, Direction, DocumentEnd, Exports, Journal, JournalEntry, Lease, Leases,
    OpenDocument, Run, ScheduleChange, Schedules, StoreError,
};
use ferry_systems::{
    Failure, System,
    export::{Document, Export},
};
use jiff::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};
use uuid::Uuid;

use self::{
    draft::{Draft, Made},
    due::{Look, Step, step},
};
use crate::limits;

/// Schedules and leases of exports are called so, and then by their system.
const PREFIX: &str = "export/";

/// One export, as one loader works on it.
#[derive(Debug)]
pub struct Flusher<S> {
    pub name: String,
    /// Of kind `export`; nothing is done for another.
    pub system: Arc<System>,
    pub store: S,
    pub http: Arc<dyn HttpPort>,
    pub clock: fn() -> Timestamp,
    /// Gives documents their ids.
    pub ids: fn() -> Uuid,
    /// Tells this process from others in leases.
    pub owner: String,
    pub metrics: ExportMetrics,
}

/// What a run has brought.
#[derive(Clone, Debug, Default)]
struct Brought {
    rows: u64,
    /// Parts that could not be rendered any more, in a sentence.
    left: Option<String>,
}

/// Why a run ended before its end. What a receiver has said, or a mapping of a part, is a payload:
/// operators read it in the history ([`Self::detail`]), and it is never logged.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
    #[error("{name} has not arrived: {}", failure.kind)]
    Undelivered { name: String, failure: Box<Failure> },
    #[error("some of the waiting parts can't be rendered")]
    Left(String),
    #[error("another loader goes on with it")]
    Elsewhere,
}

impl RunError {
    /// What the history says.
    fn detail(&self) -> String {
        match self {
            Self::Undelivered { name, failure } => {
                format!("{name}: {}: {}", failure.kind, failure.detail)
            }
            Self::Left(left) => left.clone(),
            Self::Store(_) | Self::Elsewhere => ferry_service::Chain(self).to_string(),
        }
    }

    fn log(&self, export: &str) {
        let (status, rule) = match self {
            Self::Undelivered { failure, .. } => (failure.status, failure.rule.as_deref()),
            Self::Store(_) | Self::Left(_) | Self::Elsewhere => (None, None),
        };
        let error = ferry_service::Chain(self);
        warn!(export, %error, status, rule, "an export has not brought everything");
    }
}

impl<S: Care + Exports + Journal + Leases + Schedules> Flusher<S> {
    /// Looks every second whether a document is due, until `draining`. A document that is being sent is
    /// brought to its end.
    pub async fn run(self, draining: CancellationToken) {
        let System::Export(export) = &*self.system else { return };
        let since = (self.clock)();
        self.introduce(export).await;
        let mut silent = false;
        while !draining.is_cancelled() {
            match self.look(export, since, &draining).await {
                Ok(()) => silent = false,
                Err(error) if silent => debug!(%error, export = self.name, "still nothing"),
                Err(error) => {
                    // The desks say that the store is gone, and until when.
                    warn!(%error, export = self.name, "nobody can look what waits for an export");
                    silent = true;
                }
            }
            tokio::select! {
                biased;
                () = draining.cancelled() => {}
                () = sleep(limits::EXPORT_LOOK) => {}
            }
        }
    }

    /// One look, and the run it calls for.
    async fn look(
        &self,
        export: &Export,
        since: Timestamp,
        draining: &CancellationToken,
    ) -> Result<(), StoreError> {
        if self.step(export, since).await? == Step::Wait || !self.lease(export).await? {
            return Ok(());
        }
        // Whoever had the lease until now may have done it.
        let done = match self.step(export, since).await? {
            Step::Wait => Ok(()),
            Step::Bring => self.flush_and_note(export, (Because::Schedule, false), draining).await,
            Step::Make(because) => self.flush_and_note(export, (because, true), draining).await,
        };
        self.store.release(self.its_lease()).await?;
        done
    }

    async fn step(&self, export: &Export, since: Timestamp) -> Result<Step, StoreError> {
        let count_max = export.config().flush_at.unwrap_or(1);
        let state = self.store.export(&self.name, count_max).await?;
        self.metrics.waits(&self.name, (self.clock)(), &state);
        let schedule = self.store.schedule(&self.schedule()).await?;
        let look = Look { schedule: &schedule, export: &state, since, now: (self.clock)() };
        let step = step(export.config(), &look);
        if matches!(step, Step::Wait | Step::Make(Because::Hand)) {
            return Ok(step);
        }
        let cares = self.store.cares().await?;
        let care = cares.iter().find(|care| care.target == self.name);
        let paused = care.is_some_and(|care| care.stop(look.now).is_some());
        Ok(if paused { Step::Wait } else { step })
    }

    /// `makes`: documents of what waits, too, and not only what is on its way.
    async fn flush_and_note(
        &self,
        export: &Export,
        (because, makes): (Because, bool),
        draining: &CancellationToken,
    ) -> Result<(), StoreError> {
        let began = (self.clock)();
        let mut brought = Brought::default();
        let ended = self.flush(export, (makes, &mut brought), draining).await;
        let ended = match (ended, brought.left.take()) {
            (Ok(()), Some(left)) => Err(RunError::Left(left)),
            (ended, _) => ended,
        };
        self.metrics.brought(&self.name, brought.rows);
        match ended {
            // What made it due does so still, and whoever goes on writes down how it ended.
            Err(RunError::Elsewhere) => return Ok(()),
            Err(RunError::Store(error)) => return Err(error),
            Ok(()) | Err(RunError::Undelivered { .. } | RunError::Left(_)) => {}
        }
        self.metrics.ran(&self.name, ended.is_ok());
        if let Err(error) = &ended {
            error.log(&self.name);
        }
        let detail = ended.as_ref().err().map(RunError::detail);
        let run = Run {
            first_at: began,
            started_at: began,
            ended_at: (self.clock)(),
            because,
            ok: ended.is_ok(),
            records: brought.rows,
            detail,
            times: 1,
        };
        let next_at = export.config().schedule.as_ref().and_then(|times| times.next(began));
        self.change(ScheduleChange::Ran { run, next_at }).await
    }

    /// Brings what is on its way, then what waits, document by document.
    async fn flush(
        &self,
        export: &Export,
        (mut makes, brought): (bool, &mut Brought),
        draining: &CancellationToken,
    ) -> Result<(), RunError> {
        loop {
            if !self.lease(export).await? {
                return Err(RunError::Elsewhere);
            }
            if let Some(open) = self.store.open_document(&self.name).await? {
                let rows = open.state.rows;
                self.deliver(export, open, draining).await?;
                brought.rows = brought.rows.saturating_add(rows);
            }
            if !makes {
                return Ok(());
            }
            if draining.is_cancelled() {
                return Err(RunError::Elsewhere);
            }
            match self.freeze(export).await? {
                Made::All { left } => (makes, brought.left) = (false, left),
                Made::Some => {}
                Made::Elsewhere => return Err(RunError::Elsewhere),
            }
        }
    }

    /// Makes a document of what waits, if any of it has rows, and writes it down.
    async fn freeze(&self, export: &Export) -> Result<Made, StoreError> {
        // Before the parts are read: whoever freezes one in between has taken this number.
        let number = self.store.export(&self.name, 1).await?.last_number.saturating_add(1);
        let draft = Draft::of(&self.store, &self.name, export).await?;
        let passed = draft.passed_over();
        if !passed.is_empty() {
            self.store.pass_over(&self.name, passed).await?;
        }
        let made = if draft.is_full { Made::Some } else { Made::All { left: draft.left() } };
        let Some(document) = draft.document(&self.name, (number, (self.ids)()), export) else {
            return Ok(made);
        };
        let (name, rows, bytes) = (document.name.clone(), document.rows, document.body.len());
        if !self.store.freeze(document).await? {
            return Ok(Made::Elsewhere);
        }
        info!(export = self.name, document = name, rows, bytes, "a document is made");
        Ok(made)
    }

    async fn deliver(
        &self,
        export: &Export,
        open: OpenDocument,
        draining: &CancellationToken,
    ) -> Result<(), RunError> {
        let OpenDocument { state, media_type, body } = open;
        let (number, name) = (state.number, state.name);
        let body = Bytes::from(body);
        let (id, attempt) = (state.id, (self.ids)());
        let document = Document { id, attempt, name: name.clone(), media_type, body };
        let conversation = Conversation::new(Arc::clone(&self.http), self.clock);
        match export.deliver(&conversation, &document).await {
            Ok(detail) => {
                let end = DocumentEnd::Delivered { detail };
                if self.settle(number, end, draining).await? {
                    info!(export = self.name, document = name, "a document is delivered");
                    self.tell(number, &name).await;
                }
                Ok(())
            }
            Err(failure) => {
                let detail = format!("{}: {}", failure.kind, failure.detail);
                let hold = failure.retry_after.map(|hold| hold.min(limits::EXPORT_HOLD_MAX));
                let end = DocumentEnd::Failed { detail, hold };
                self.store.settle_document(&self.name, number, end).await?;
                Err(RunError::Undelivered { name, failure: Box::new(failure) })
            }
        }
    }

    /// It has arrived: a store that is away for a moment must not make it arrive again.
    async fn settle(
        &self,
        number: u64,
        end: DocumentEnd,
        draining: &CancellationToken,
    ) -> Result<bool, StoreError> {
        let mut tries = 0;
        loop {
            match self.store.settle_document(&self.name, number, end.clone()).await {
                Ok(settled) => return Ok(settled),
                Err(error) if tries >= limits::EXPORT_SETTLE_TRIES || draining.is_cancelled() => {
                    error!(%error, export = self.name, number, "a delivered document is sent again");
                    return Err(error);
                }
                Err(_) => tries += 1,
            }
            sleep(limits::STORE_PAUSE).await;
        }
    }

    /// Writes into the journal in which document each part went. Nothing but that is lost where it
    /// fails: the store's own list of documents has it too.
    async fn tell(&self, number: u64, name: &str) {
        if let Err(error) = self.try_tell(number, name).await {
            warn!(%error, export = self.name, number, "a document is not in the journal");
        }
    }

    async fn try_tell(&self, number: u64, name: &str) -> Result<(), StoreError> {
        let Some((_, parts)) = self.store.document(&self.name, number).await? else {
            return Ok(());
        };
        let at = (self.clock)();
        for parts in parts.chunks(limits::EXPORT_TOLD) {
            let entry = |subject: &ferry_canonical::Subject| JournalEntry {
                at,
                direction: Direction::Out,
                system: self.name.clone(),
                operation: format!("export {name}"),
                route: None,
                entity: Some(subject.entity().to_string()),
                entity_id: Some(subject.id.clone()),
                part: Some(match &subject.part {
                    Some(part) => format!("{}/{part}", subject.facet),
                    None => subject.facet.to_string(),
                }),
                event_id: None,
                record_id: None,
                attempt: None,
                status: None,
                duration: None,
                result: "delivered".to_owned(),
                detail: Some(format!("in document {number}, {name}")),
                rule: None,
                request: None,
                response: None,
                key: None,
            };
            self.store.append(parts.iter().map(entry).collect()).await?;
        }
        Ok(())
    }

    /// Lets operators see it before its first run. Without a store it is seen after it.
    async fn introduce(&self, export: &Export) {
        let config = export.config();
        let now = (self.clock)();
        let times = due::times(config);
        let next_at = config.schedule.as_ref().and_then(|times| times.next(now));
        let _ = self.change(ScheduleChange::Known { times, next_at }).await;
    }

    async fn change(&self, change: ScheduleChange) -> Result<(), StoreError> {
        self.store.change_schedule(&self.schedule(), change).await.map(drop)
    }

    fn schedule(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    fn its_lease(&self) -> Lease {
        Lease { name: self.schedule(), owner: self.owner.clone() }
    }

    /// Takes the lease, or has it last for longer than one document's delivery may.
    async fn lease(&self, export: &Export) -> Result<bool, StoreError> {
        let lasting: Duration = export.config().timeout.0.saturating_add(limits::EXPORT_SLACK);
        self.store.lease(self.its_lease(), lasting).await
    }
}
