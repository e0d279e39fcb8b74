//! The drop folder: a file is read chunk by chunk and moved away once every chunk is durable.
//!
//! A file is taken when its size and time have not changed between two looks. It goes to `done/`,
//! or to `failed/` when it cannot be read. A crash in between reads it again: the same as-of time,
//! which was durable first, and lines make the repeats duplicates.

mod as_of;

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use ferry_broker::{Message, Publisher};
use ferry_canonical::{Lane, header};
use ferry_store::{Cursors, Lease, Leases};
use ferry_systems::{
    System,
    files::{Chunk, Chunks, Files},
};
use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use self::as_of::Given;
use crate::{Notes, ProducerMetrics, journal, lease::Held, limits, record};

/// The drop folder of one system.
#[derive(Debug)]
pub struct Folder<P, S> {
    pub source: String,
    pub every: Duration,
    pub systems: Arc<BTreeMap<String, System>>,
    pub publisher: P,
    pub store: S,
    pub notes: Notes,
    pub metrics: ProducerMetrics,
    pub clock: fn() -> Timestamp,
    /// Gives every record its id.
    pub ids: fn() -> Uuid,
    pub owner: String,
}

/// How much of a file is durable.
#[derive(Clone, Copy, Debug, Default)]
struct Read {
    rows: u64,
    records: u64,
}

/// A file as it was at the last look.
type Looks = HashMap<PathBuf, (u64, SystemTime)>;

impl<P: Publisher, S: Cursors + Leases> Folder<P, S> {
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
        let mut looks = Looks::new();
        loop {
            tokio::select! {
                () = draining.cancelled() => break,
                _ = ticks.tick() => {}
            }
            let result = self.look(held, &mut looks, &draining).await;
            let word = if result.is_ok() { "ok" } else { "failed" };
            self.metrics.runs.with_label_values(&[&self.source, "folder", word]).inc();
            match result {
                Ok(()) => {
                    let labels = [self.source.as_str(), "folder"];
                    let now = (self.clock)().as_second();
                    self.metrics.last_success.with_label_values(&labels).set(now);
                }
                Err(error) => {
                    warn!(source = %self.source, error = format!("{error:#}"), "the drop folder failed");
                }
            }
        }
    }

    async fn look(
        &self,
        held: &Held,
        looks: &mut Looks,
        draining: &CancellationToken,
    ) -> anyhow::Result<()> {
        let Some(System::Files(files)) = self.systems.get(&self.source) else { return Ok(()) };
        let found = list(files).context("listing the drop folder")?;
        let before = std::mem::replace(looks, found);
        let settled: Vec<PathBuf> = looks
            .iter()
            .filter(|(path, look)| before.get(*path) == Some(look))
            .map(|(path, _)| path.clone())
            .collect();
        if settled.is_empty() {
            return Ok(());
        }
        if !held.take(&self.store).await.context("taking the lease")? {
            return Ok(());
        }
        let given = self.give(|given| given.give(looks, settled)).await?;
        for (path, as_of) in given {
            if draining.is_cancelled() {
                break;
            }
            let file = name_of(&path);
            let read = match self.file(files, &path, as_of).await {
                Ok(()) => self.give(|given| given.forget(&file)).await,
                Err(error) => Err(error),
            };
            // One file that cannot be read must not keep the others waiting.
            if let Err(error) = read {
                warn!(source = %self.source, file, error = format!("{error:#}"), "a file failed");
            }
        }
        Ok(())
    }

    /// Changes what is remembered of as-of times, durably.
    async fn give<T>(&self, change: impl FnOnce(&mut Given) -> T) -> anyhow::Result<T> {
        let from = self.store.cursor(&self.name()).await.context("reading the as-of times")?;
        let mut given = match &from {
            Some(text) => serde_json::from_str(text).context("reading the as-of times")?,
            None => Given::default(),
        };
        let changed = change(&mut given);
        let to = serde_json::to_string(&given).context("writing the as-of times")?;
        if from.as_ref() != Some(&to) {
            let moved = self.store.move_cursor(&self.name(), from.as_deref(), &to).await;
            if !moved.context("writing the as-of times")? {
                anyhow::bail!("another producer has given as-of times; starting over from there");
            }
        }
        Ok(changed)
    }

    fn name(&self) -> String {
        format!("folder/{}", self.source)
    }

    /// One file, from its first chunk to its move.
    async fn file(&self, files: &Files, path: &Path, as_of: Timestamp) -> anyhow::Result<()> {
        let file_name = name_of(path);
        let Some((kind_name, kind)) = files.kind_of(&file_name) else { return Ok(()) };
        let opened = fs::File::open(path).with_context(|| format!("opening {file_name}"))?;
        // Before anything is published: a file that cannot be moved away would be read for ever.
        let done = path.parent().unwrap_or_else(|| Path::new("")).join("done");
        fs::create_dir_all(&done).context("making the folder done/")?;
        let mut chunks = Chunks::new(BufReader::new(opened), kind.format, kind.chunk_rows);
        let mut read = Read::default();
        loop {
            let batch: Vec<_> = chunks.by_ref().take(limits::CHUNKS).collect();
            if batch.is_empty() {
                break;
            }
            let batch: Result<Vec<Chunk>, _> = batch.into_iter().collect();
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => {
                    let reason = ferry_service::Chain(&error).to_string();
                    self.note(&file_name, read, Some(reason));
                    return move_to(path, "failed").context("moving the file to failed/");
                }
            };
            read.rows += batch.iter().map(|chunk| u64::from(chunk.rows)).sum::<u64>();
            read.records += u64::try_from(batch.len()).unwrap_or(u64::MAX);
            self.publish(kind_name, &file_name, as_of, batch).await?;
        }
        move_to(path, "done").context("moving the file to done/")?;
        info!(source = %self.source, file = file_name, rows = read.rows, "a file is durable");
        self.note(&file_name, read, None);
        Ok(())
    }

    async fn publish(
        &self,
        kind: &str,
        file: &str,
        as_of: Timestamp,
        batch: Vec<Chunk>,
    ) -> anyhow::Result<()> {
        let origin = record::Origin {
            source: self.source.clone(),
            endpoint: kind.to_owned(),
            entity: None,
            lane: Lane::Live,
        };
        let received_at = (self.clock)();
        let messages: Vec<Message> = batch
            .into_iter()
            .map(|chunk| {
                let extra = [
                    (header::AS_OF, as_of.to_string()),
                    (header::FIRST_LINE, chunk.first_line.to_string()),
                    (header::FILE, file.to_owned()),
                ];
                let stamp = record::Stamp { id: (self.ids)(), received_at };
                record::message(&origin, stamp, "text/csv", &extra, chunk.body).1
            })
            .collect();
        let count = u64::try_from(messages.len()).unwrap_or(u64::MAX);
        self.publisher
            .publish_until_confirmed(messages, limits::PUBLISH_PATIENCE)
            .await
            .context("making chunks durable")?;
        self.metrics.records.with_label_values(&[&self.source, kind]).inc_by(count);
        Ok(())
    }

    fn note(&self, file: &str, read: Read, failed: Option<String>) {
        let (at, Read { rows, records }) = ((self.clock)(), read);
        let result = if failed.is_some() { "failed" } else { "received" };
        let mut entry = journal::entry(at, &self.source, format!("file {file}"), result);
        entry.detail = Some(match failed {
            Some(reason) => format!("{rows} rows were read, then: {reason}"),
            None => format!("{rows} rows in {records} records"),
        });
        self.notes.note(entry, records);
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The files some kind takes.
fn list(files: &Files) -> io::Result<Looks> {
    let mut found = Looks::new();
    for entry in fs::read_dir(files.folder())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let metadata = entry.metadata()?;
        if metadata.is_file() && files.kind_of(&name).is_some() {
            found.insert(entry.path(), (metadata.len(), metadata.modified()?));
        }
    }
    Ok(found)
}

/// Moves a file to a folder beside it, under a name that is free.
fn move_to(path: &Path, folder: &str) -> io::Result<()> {
    let parent = path.parent().unwrap_or_else(|| Path::new("")).join(folder);
    fs::create_dir_all(&parent)?;
    let name = name_of(path);
    let mut to = parent.join(&name);
    for copy in 1_u32.. {
        if !to.exists() {
            break;
        }
        to = parent.join(format!("{name}.{copy}"));
    }
    fs::rename(path, to)
}
