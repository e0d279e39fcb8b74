//! Journal entries on their way to the store.
//!
//! A push must be accepted while the store is down, so entries go through a bounded channel to a
//! writer. When it is full the entry is counted as lost and said in the log; the record itself is
//! durable in the broker either way.
//!
//! What a push says beside its content goes to the store before its sender hears 200. Only where the
//! store does not take it in time it waits here, in a channel of its own, which no journal entry holds
//! up. What is lost there is counted apart, and whatever it may have been about is read anew: see
//! [`crate::woken`].

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use ferry_store::{Direction, Journal, JournalEntry, Overviews, StoreError, Wake, Wakes};
use ferry_systems::Wakeup;
use jiff::Timestamp;
use prometheus::IntCounter;
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{limits, outage::Outage};

/// One entry, and how many records it made durable.
#[derive(Debug)]
struct Note {
    entry: JournalEntry,
    records: u64,
}

/// What a push says beside its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub source: String,
    pub message_id: Option<u64>,
    pub wakes: Vec<Wake>,
}

impl Heard {
    /// What a source says should be read, as the store keeps it.
    pub(crate) fn wakes(source: &str, wakes: Vec<Wakeup>) -> Vec<Wake> {
        let wake = |Wakeup { endpoint, scope, key }| Wake {
            source: source.to_owned(),
            endpoint,
            scope,
            key,
        };
        wakes.into_iter().map(wake).collect()
    }
}

/// Where entries are handed in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Notes {
    sender: mpsc::Sender<Note>,
    hearsay: mpsc::Sender<Heard>,
    metrics: crate::ProducerMetrics,
    full: Arc<Outage>,
    missed: Missed,
}

/// Where they come out again, for [`Writer::run`].
#[derive(Debug)]
pub struct Writer {
    receiver: mpsc::Receiver<Note>,
    hearsay: mpsc::Receiver<Heard>,
    missed: Missed,
}

/// How often something that a source's pushes said was lost in this process.
#[derive(Clone, Debug)]
struct Missed {
    sources: Arc<Mutex<BTreeMap<String, u64>>>,
    counter: IntCounter,
}

impl Missed {
    fn add(&self, source: &str) {
        self.counter.inc();
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        *sources.entry(source.to_owned()).or_default() += 1;
    }

    fn of(&self, source: &str) -> u64 {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.get(source).copied().unwrap_or_default()
    }
}

pub fn notes(metrics: crate::ProducerMetrics) -> (Notes, Writer) {
    let (sender, receiver) = mpsc::channel(limits::NOTES);
    let (hearsay, heard) = mpsc::channel(limits::HEARSAY);
    let counter = metrics.heard_lost.clone();
    let missed = Missed { sources: Arc::default(), counter };
    let writer = Writer { receiver, hearsay: heard, missed: missed.clone() };
    (Notes { sender, hearsay, metrics, full: Arc::default(), missed }, writer)
}

impl Notes {
    /// What the store does not take at the moment.
    pub(crate) fn hear_later(&self, heard: Heard) {
        if let Err(full) = self.hearsay.try_send(heard) {
            let Heard { source, .. } = full.into_inner();
            self.missed.add(&source);
            error!(source, "what a push says should be read is lost; it will all be read anew");
        }
    }

    /// How often what this source's pushes said was lost.
    pub(crate) fn missed(&self, source: &str) -> u64 {
        self.missed.of(source)
    }

    pub fn note(&self, entry: JournalEntry, records: u64) {
        if self.sender.try_send(Note { entry, records }).is_ok() {
            if let Some(count) = self.full.is_over() {
                warn!(count, "the journal keeps up again; so many entries are lost");
            }
            return;
        }
        self.metrics.notes_lost.inc();
        if self.full.met() {
            warn!("the journal cannot keep up; entries are lost");
        }
    }
}

impl Writer {
    /// Writes until `draining` and then what is left. Neither of the two waits for the other.
    pub async fn run<S: Journal + Overviews + Wakes>(self, store: S, draining: CancellationToken) {
        let Self { receiver, hearsay, missed } = self;
        let notes = write_notes(receiver, &store, &draining);
        tokio::join!(notes, hear_all(hearsay, &missed, &store, &draining));
    }
}

async fn write_notes<S: Journal + Overviews>(
    mut notes: mpsc::Receiver<Note>,
    store: &S,
    draining: &CancellationToken,
) {
    const BATCH: usize = 256;
    loop {
        let mut batch = Vec::new();
        let received = tokio::select! {
            biased;
            received = notes.recv_many(&mut batch, BATCH) => received,
            () = draining.cancelled(), if notes.is_empty() => 0,
        };
        if received == 0 {
            return;
        }
        let mut records: BTreeMap<String, u64> = BTreeMap::new();
        let mut entries = Vec::with_capacity(batch.len());
        for note in batch {
            *records.entry(note.entry.system.clone()).or_default() += note.records;
            entries.push(note.entry);
        }
        write(store, entries, records, draining).await;
    }
}

/// What the process ends with is lost; the next one reads anew what it may have been about.
async fn hear_all<S: Wakes>(
    mut hearsay: mpsc::Receiver<Heard>,
    missed: &Missed,
    store: &S,
    draining: &CancellationToken,
) {
    loop {
        let heard = tokio::select! {
            biased;
            heard = hearsay.recv() => heard,
            () = draining.cancelled(), if hearsay.is_empty() => None,
        };
        let Some(Heard { source, message_id, wakes }) = heard else { return };
        let told = || store.hear(&source, message_id, wakes.clone());
        let what = "what pushes said should be read is lost";
        if let Err(cause) = patiently(what, draining, told).await {
            missed.add(&source);
            error!(
                source,
                cause, "what a push says should be read cannot be stored; it will all be read anew"
            );
        }
    }
}

/// Waits for a store that is away, while the channel takes what it can; once the process ends, what
/// still cannot be written is lost.
async fn write<S: Journal + Overviews>(
    store: &S,
    entries: Vec<JournalEntry>,
    records: BTreeMap<String, u64>,
    draining: &CancellationToken,
) {
    append(store, entries, draining).await;
    for (system, count) in records.into_iter().filter(|(_, count)| *count > 0) {
        let counted = || store.count_records(&system, count);
        if let Err(cause) = patiently("a count of records is lost", draining, counted).await {
            error!(cause, "a count of records is lost");
        }
    }
}

/// What the store does not take as it is must not stand in the way of the rest: it is found by
/// halves, and written reduced to what it was about.
async fn append<S: Journal>(store: &S, entries: Vec<JournalEntry>, draining: &CancellationToken) {
    let mut batches = vec![entries];
    while let Some(mut batch) = batches.pop() {
        let appended = || store.append(batch.clone());
        let Err(cause) = patiently("journal entries are lost", draining, appended).await else {
            continue;
        };
        if batch.len() > 1 {
            let rest = batch.split_off(batch.len() / 2);
            batches.extend([rest, batch]);
            continue;
        }
        warn!(cause, "a journal entry is stored reduced to what it was about");
        for whole in batch {
            let reduced = JournalEntry {
                record_id: whole.record_id,
                detail: Some("what was said cannot be stored".to_owned()),
                ..entry(whole.at, &whole.system, String::new(), "parse")
            };
            let appended = || store.append(vec![reduced.clone()]);
            if patiently("a journal entry is lost", draining, appended).await.is_err() {
                error!("a journal entry is lost: the store takes nothing of it");
            }
        }
    }
}

/// Tries until the store takes it, or the process ends. `Err`: it never will, and why.
async fn patiently<F>(
    what: &str,
    draining: &CancellationToken,
    attempt: impl Fn() -> F,
) -> Result<(), String>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let mut said = false;
    while let Err(error) = attempt().await {
        if let StoreError::Unstorable(cause) = error {
            return Err(cause);
        }
        if draining.is_cancelled() || matches!(error, StoreError::Corrupt(_)) {
            error!(error = %error, "{what}");
            return Ok(());
        }
        if !said {
            said = true;
            warn!(error = %error, "the journal waits for the store");
        }
        tokio::select! {
            biased;
            () = draining.cancelled() => {}
            () = sleep(limits::STORE_AGAIN) => {}
        }
    }
    Ok(())
}

/// An entry with only what every entry has.
pub fn entry(at: Timestamp, system: &str, operation: String, result: &str) -> JournalEntry {
    JournalEntry {
        at,
        direction: Direction::In,
        system: system.to_owned(),
        operation,
        route: None,
        entity: None,
        entity_id: None,
        part: None,
        event_id: None,
        record_id: None,
        attempt: None,
        status: None,
        duration: None,
        result: result.to_owned(),
        detail: None,
        rule: None,
        request: None,
        response: None,
        key: None,
    }
}
