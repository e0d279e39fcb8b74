//! A document into a folder: whole under its name, or not there.
//!
//! It is written under a hidden name, brought to the disk, and renamed; then the folder is brought to
//! the disk as well. The hidden name is each try's own: a try that was given up, and comes to its end
//! after all, has no hand in the file of another. Nothing is written over: a file that is there with the
//! same content is the document, and one with another content is somebody else's.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use ferry_canonical::FailureKind;
use tokio::{task::spawn_blocking, time::timeout};

use super::{Document, THERE};
use crate::Failure;

/// What a thread is to write, for as long as somebody waits for it.
struct Writing {
    folder: PathBuf,
    name: String,
    /// What hidden files of this document begin with.
    hidden: String,
    part: PathBuf,
    body: Bytes,
    given_up: Arc<AtomicBool>,
}

/// Dropped by whoever waits no longer.
struct Waits(Arc<AtomicBool>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

pub(super) async fn put(
    folder: &Path,
    document: &Document,
    within: Duration,
) -> Result<Option<String>, Failure> {
    let waits = Waits(Arc::default());
    let hidden = format!(".ferry-{}-", document.id);
    let writing = Writing {
        folder: folder.to_owned(),
        name: document.name.clone(),
        part: folder.join(format!("{hidden}{}.part", document.attempt)),
        hidden,
        body: document.body.clone(),
        given_up: Arc::clone(&waits.0),
    };
    match timeout(within, spawn_blocking(move || writing.carry_out())).await {
        Ok(Ok(written)) => written,
        Ok(Err(_)) => Err(Failure::new(FailureKind::Internal, "it was not written to the end")),
        Err(_) => {
            let detail = format!("the folder {} does not take it in time", folder.display());
            Err(Failure::new(FailureKind::Timeout, detail))
        }
    }
}

pub(super) fn probe(folder: &Path) -> Result<(), Failure> {
    if folder.is_dir() {
        return Ok(());
    }
    let detail = format!("the folder {} does not exist", folder.display());
    Err(Failure::new(FailureKind::Connection, detail))
}

impl Writing {
    fn carry_out(&self) -> Result<Option<String>, Failure> {
        let path = self.folder.join(&self.name);
        self.sweep();
        if self.is_there(&path).map_err(|error| self.unwritable(&error))? {
            self.sync().map_err(|error| self.unwritable(&error))?;
            return Ok(Some(THERE.to_owned()));
        }
        if path.exists() {
            let detail = format!(
                "{} is there with another content, and nothing is written over it",
                path.display()
            );
            return Err(Failure::new(FailureKind::Conflict, detail));
        }
        let written = self.write(&path);
        if written.is_err() {
            // What could not be written is not left lying about, where that can be helped.
            let _ = fs::remove_file(&self.part);
        }
        written.map(|()| None).map_err(|error| self.unwritable(&error))
    }

    /// What a try has left that died. One that is still under way fails by it, and is tried again.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&self.hidden) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Some file systems do not know what it is to bring a folder to the disk.
    fn sync(&self) -> io::Result<()> {
        let unknown = [io::ErrorKind::InvalidInput, io::ErrorKind::Unsupported];
        let synced = File::open(&self.folder)?.sync_all();
        synced.or_else(|error| if unknown.contains(&error.kind()) { Ok(()) } else { Err(error) })
    }

    /// Whether the document is there, to the byte.
    fn is_there(&self, path: &Path) -> io::Result<bool> {
        let length = u64::try_from(self.body.len()).unwrap_or(u64::MAX);
        match fs::metadata(path) {
            Ok(found) if found.is_file() && found.len() == length => {
                Ok(fs::read(path)? == self.body)
            }
            Ok(_) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = File::create_new(&self.part)?;
        file.write_all(&self.body)?;
        file.sync_all()?;
        drop(file);
        // Somebody else may have it in hand by now, and be further.
        if self.given_up.load(Ordering::SeqCst) {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        fs::rename(&self.part, path)?;
        self.sync()
    }

    fn unwritable(&self, error: &io::Error) -> Failure {
        let (folder, kind) = (self.folder.display(), error.kind());
        let detail = format!("the folder {folder} does not take it: {kind}");
        Failure::new(FailureKind::Connection, detail)
    }
}
