//! Journal entries on their way to the store.
//!
//! A push must be accepted while the store is down, so entries go through a bounded channel to a
//! writer. When it is full the entry is counted as lost and said in the log; the record itself is
//! durable in the broker either way.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ferry_store::{Direction, Journal, JournalEntry, Overviews, StoreError, Wake, Wakes};
use jiff::Timestamp;
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{limits, outage::Outage};

/// One entry, how many records it made durable, and what else a push said.
#[derive(Debug)]
struct Note {
    entry: JournalEntry,
    records: u64,
    heard: Option<Heard>,
}

/// What a push says beside its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub source: String,
    pub message_id: Option<u64>,
    pub wakes: Vec<Wake>,
}

/// Where entries are handed in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Notes {
    sender: mpsc::Sender<Note>,
    metrics: crate::ProducerMetrics,
    full: Arc<Outage>,
}

/// Where they come out again, for [`Writer::run`].
#[derive(Debug)]
pub struct Writer {
    receiver: mpsc::Receiver<Note>,
}

pub fn notes(metrics: crate::ProducerMetrics) -> (Notes, Writer) {
    let (sender, receiver) = mpsc::channel(limits::NOTES);
    (Notes { sender, metrics, full: Arc::default() }, Writer { receiver })
}

impl Notes {
    pub fn note(&self, entry: JournalEntry, records: u64) {
        self.hear(entry, records, None);
    }

    pub fn hear(&self, entry: JournalEntry, records: u64, heard: Option<Heard>) {
        if self.sender.try_send(Note { entry, records, heard }).is_ok() {
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
    /// Writes until `draining` and then what is left.
    pub async fn run<S: Journal + Overviews + Wakes>(
        mut self,
        store: S,
        draining: CancellationToken,
    ) {
        const BATCH: usize = 256;
        loop {
            let mut batch = Vec::new();
            let received = tokio::select! {
                biased;
                received = self.receiver.recv_many(&mut batch, BATCH) => received,
                () = draining.cancelled(), if self.receiver.is_empty() => 0,
            };
            if received == 0 {
                return;
            }
            let mut records: BTreeMap<String, u64> = BTreeMap::new();
            let mut entries = Vec::with_capacity(batch.len());
            let mut heard: BTreeMap<String, (Option<u64>, BTreeSet<Wake>)> = BTreeMap::new();
            for note in batch {
                if let Some(Heard { source, message_id, wakes }) = note.heard {
                    let (highest, all) = heard.entry(source).or_default();
                    *highest = (*highest).max(message_id);
                    all.extend(wakes);
                }
                *records.entry(note.entry.system.clone()).or_default() += note.records;
                entries.push(note.entry);
            }
            // Before the rest: what is read from now on has its place behind these messages.
            for (source, (message_id, wakes)) in heard {
                let wakes = wakes.into_iter().collect();
                hear(&store, Heard { source, message_id, wakes }, &draining).await;
            }
            write(&store, entries, records, &draining).await;
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

async fn hear<S: Wakes>(store: &S, heard: Heard, draining: &CancellationToken) {
    let Heard { source, message_id, wakes } = heard;
    let told = || store.hear(&source, message_id, wakes.clone());
    let what = "how far messages were heard is lost";
    if let Err(cause) = patiently(what, draining, told).await {
        error!(cause, "how far messages were heard is lost");
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
