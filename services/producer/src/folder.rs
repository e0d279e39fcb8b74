//! The drop folder: a file is read chunk by chunk and moved away once every chunk is durable.
//!
//! A file is taken when its size and time have not changed between two looks. It goes to `done/`,
//! or to `failed/` when it cannot be read, with a report of its bad rows beside it. A crash in
//! between reads it again: the same as-of time, which was durable first, and lines make the repeats
//! duplicates, and the same ids make their dead letters one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs, io,
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use ferry_broker::Publisher;
use ferry_canonical::Lane;
use ferry_store::{Cursors, Lease, Leases};
use ferry_systems::{
    System,
    files::{self, Examined, Files, REPORT},
};
use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    Notes, ProducerMetrics,
    as_of::{self, Found, Given, Place},
    import::{self, Counts, Import, Stopped},
    journal,
    lease::Held,
    record,
    report::Report,
};

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
    pub owner: String,
}

/// A file's size and time.
type Look = (u64, SystemTime);

/// Files as they were at the last look.
type Looks = HashMap<PathBuf, Look>;

impl<P: Publisher, S: Cursors + Leases> Folder<P, S> {
    pub async fn run(self, draining: CancellationToken) {
        let held = Held::new(Lease { name: self.name(), owner: self.owner.clone() });
        held.during(&self.store, self.runs(&held, draining)).await;
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
        let is_settled = |path: &&PathBuf| before.get(*path) == looks.get(*path);
        let settled: Vec<PathBuf> = looks.keys().filter(is_settled).cloned().collect();
        if settled.is_empty() {
            return Ok(());
        }
        if !held.take(&self.store).await.context("taking the lease")? {
            return Ok(());
        }
        let mut examined: BTreeMap<String, Settled> = BTreeMap::new();
        for path in settled {
            match examine(files, &path) {
                Ok(Some(settled)) => {
                    examined.insert(settled.found.name.clone(), settled);
                }
                Ok(None) => {}
                Err(error) => self.failed(&name_of(&path), &error),
            }
        }
        let there: BTreeSet<String> = looks
            .keys()
            .filter_map(|path| {
                let (kind, _) = files.kind_of(&name_of(path))?;
                Some(place_name(kind, path))
            })
            .collect();
        let found = examined.values().map(|settled| settled.found.clone()).collect();
        let places = self.give(|given| {
            given.only(&there);
            given.give(found)
        });
        for (found, place) in places.await? {
            if draining.is_cancelled() {
                break;
            }
            let Some(settled) = examined.get(&found.name) else { continue };
            let read = match self.file(files, settled, place).await {
                Ok(()) => self.give(|given| given.done(&found.name)).await,
                Err(error) => Err(error),
            };
            // One file that cannot be read must not keep the others waiting.
            if let Err(error) = read {
                self.failed(&name_of(&settled.path), &error);
            }
        }
        Ok(())
    }

    fn failed(&self, file: &str, error: &anyhow::Error) {
        warn!(source = %self.source, file, error = format!("{error:#}"), "a file failed");
    }

    /// Changes what is remembered of as-of times, durably.
    async fn give<T>(&self, change: impl FnOnce(&mut Given) -> T) -> anyhow::Result<T> {
        let changed = as_of::change(&self.store, &self.source, change).await?;
        changed.context("another producer has given as-of times; starting over from there")
    }

    fn name(&self) -> String {
        as_of::cursor(&self.source)
    }

    /// One file, from its first chunk to its move: what it says is durable before its report is there,
    /// and the report before the file is moved.
    async fn file(&self, files: &Files, settled: &Settled, place: Place) -> anyhow::Result<()> {
        let path = &settled.path;
        let file_name = name_of(path);
        let Some((kind_name, kind)) = files.kind_of(&file_name) else { return Ok(()) };
        let opened = fs::File::open(path).with_context(|| format!("opening {file_name}"))?;
        // Before anything is published: a file that cannot be moved away would be read for ever.
        let done = path.parent().unwrap_or_else(|| Path::new("")).join("done");
        fs::create_dir_all(&done).context("making the folder done/")?;
        let mut report = Report::begin(&done, &file_name).context("beginning the report")?;
        let import = Import {
            origin: record::Origin::of_file(&self.source, kind_name, Lane::Live),
            files,
            kind,
            file: &file_name,
            place,
            publisher: &self.publisher,
            metrics: &self.metrics,
            clock: self.clock,
        };
        let (counts, ended) = match settled.examined.text() {
            Ok(text) => import.run(BufReader::new(opened), text, &mut report).await,
            Err(contradiction) => (Counts::default(), Err(contradiction.into())),
        };
        let unreadable = match ended {
            Ok(()) => None,
            Err(Stopped::Unreadable(error)) => Some(ferry_service::Chain(&error).to_string()),
            Err(stopped @ (Stopped::NotStored(_) | Stopped::Report(_))) => {
                return Err(stopped.into());
            }
        };
        if look_at(path).context("looking at the file again")? != settled.look {
            anyhow::bail!("{file_name} has changed while it was read; it is read again");
        }
        if let Some(reason) = &unreadable {
            report.unreadable(reason).context("writing the report")?;
        }
        let to = free(path, if unreadable.is_some() { "failed" } else { "done" })?;
        report.keep(&to).context("writing the report")?;
        fs::rename(path, &to).with_context(|| format!("moving the file to {}", to.display()))?;
        info!(source = %self.source, file = file_name, rows = counts.rows(), bad = counts.bad, "a file is durable");
        let at = (self.clock)();
        let result = if unreadable.is_some() { "failed" } else { "received" };
        let mut entry = journal::entry(at, &self.source, format!("file {file_name}"), result);
        let has_report = counts.bad > 0 || unreadable.is_some();
        let report = has_report.then(|| format!("see {}{REPORT} beside it", name_of(&to)));
        let text = settled.examined.text().ok().map(|text| format!("read as {text}"));
        let detail = [Some(counts.to_string()), text, unreadable, place.told(), report];
        entry.detail = Some(import::detail(detail));
        self.notes.note(entry, counts.records);
        Ok(())
    }
}

/// A file that has not changed between two looks.
#[derive(Debug)]
struct Settled {
    path: PathBuf,
    look: Look,
    found: Found,
    examined: Examined,
}

/// Reads it once to its end. `None`: it is of no kind.
fn examine(files: &Files, path: &Path) -> anyhow::Result<Option<Settled>> {
    let Some((kind_name, kind)) = files.kind_of(&name_of(path)) else { return Ok(None) };
    let opened = fs::File::open(path).context("opening it")?;
    let look = look_at(path).context("looking at it")?;
    let examined = files::examine(BufReader::new(opened), kind.encoding)?;
    let found = Found {
        name: place_name(kind_name, path),
        digest: examined.digest.clone(),
        modified: Timestamp::try_from(look.1).unwrap_or(Timestamp::UNIX_EPOCH),
        restates: kind.facet.written_through(),
        is_uploaded: false,
    };
    Ok(Some(Settled { path: path.to_owned(), look, found, examined }))
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What its as-of time is remembered by.
fn place_name(kind: &str, path: &Path) -> String {
    format!("{kind}/{}", name_of(path))
}

fn look_at(path: &Path) -> io::Result<Look> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.len(), metadata.modified()?))
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

/// Where a file is moved: to a folder beside it, under a name that is free. A report that is there
/// without its file is one of a try that ended before the file was moved.
fn free(path: &Path, folder: &str) -> anyhow::Result<PathBuf> {
    let parent = path.parent().unwrap_or_else(|| Path::new("")).join(folder);
    fs::create_dir_all(&parent).with_context(|| format!("making the folder {folder}/"))?;
    let name = name_of(path);
    let mut to = parent.join(&name);
    for copy in 1_u32.. {
        if !to.exists() {
            break;
        }
        to = parent.join(format!("{name}.{copy}"));
    }
    Ok(to)
}
