//! Files as a server has them: looking at one, comparing it, filling it, and looking through a folder.
//!
//! Nothing here is larger than what it is held against, and nothing goes on without end.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use russh_sftp::{
    client::{RawSftpSession, error::Error},
    protocol::{FileAttributes, OpenFlags, StatusCode},
};

use crate::SftpError;

/// In one request. Every server takes as much (draft-ietf-secsh-filexfer-02, 3).
const CHUNK: usize = 31 * 1024;
/// Requests that wait for their answers at one time.
const REQUESTS: usize = 16;
/// So many names of a folder are looked at.
const NAMES_MAX: usize = 5_000;

pub(crate) struct Files {
    pub(crate) session: RawSftpSession,
    /// Whether the server brings a file to its disk when it is asked to.
    pub(crate) syncs: bool,
}

/// What is known of something by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) length: Option<u64>,
    pub(crate) is_folder: Option<bool>,
}

type Answer<T> = Result<T, Error>;

impl Files {
    pub(crate) async fn look(&self, path: &str) -> Answer<Seen> {
        Ok(Seen::of(&self.session.stat(path).await?.attrs))
    }

    /// Whether a file holds this, to the byte.
    pub(crate) async fn holds(&self, path: &str, body: &Bytes) -> Answer<bool> {
        let opened = self.session.open(path, OpenFlags::READ, FileAttributes::empty()).await?;
        let compared = self.compared(&opened.handle, body).await;
        let _ = self.session.close(opened.handle).await;
        compared
    }

    async fn compared(&self, handle: &str, body: &Bytes) -> Answer<bool> {
        let chunk = |start: usize| async move { self.has(handle, start, chunk(body, start)).await };
        let chunks = stream::iter((0..body.len()).step_by(CHUNK)).map(chunk).buffered(REQUESTS);
        let all = chunks.try_all(std::future::ready).await?;
        Ok(all && self.ends(handle, body.len()).await?)
    }

    async fn has(&self, handle: &str, start: usize, mut expected: Bytes) -> Answer<bool> {
        let mut at = offset(start);
        while !expected.is_empty() {
            let length = u32::try_from(expected.len()).unwrap_or(u32::MAX);
            let read = match self.session.read(handle, at, length).await {
                Ok(read) => read.data,
                Err(error) if status(&error) == Some(StatusCode::Eof) => return Ok(false),
                Err(error) => return Err(error),
            };
            if read.is_empty() || !expected.starts_with(&read) {
                return Ok(false);
            }
            at = at.saturating_add(offset(read.len()));
            expected = expected.slice(read.len()..);
        }
        Ok(true)
    }

    async fn ends(&self, handle: &str, length: usize) -> Answer<bool> {
        match self.session.read(handle, offset(length), 1).await {
            Ok(read) => Ok(read.data.is_empty()),
            Err(error) if status(&error) == Some(StatusCode::Eof) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Makes a file that is not there; its handle.
    pub(crate) async fn make(&self, path: &str) -> Answer<String> {
        let flags = OpenFlags::CREATE | OpenFlags::EXCLUDE | OpenFlags::WRITE;
        Ok(self.session.open(path, flags, FileAttributes::empty()).await?.handle)
    }

    pub(crate) async fn fill(&self, handle: &str, body: &Bytes) -> Answer<()> {
        let write = |start: usize| {
            let chunk = chunk(body, start).to_vec();
            self.session.write(handle, offset(start), chunk)
        };
        let writes = stream::iter((0..body.len()).step_by(CHUNK)).map(write);
        writes.buffered(REQUESTS).try_for_each(|_| std::future::ready(Ok(()))).await
    }

    /// Brings it to the server's disk, where the server can be asked to.
    pub(crate) async fn sync(&self, handle: &str) -> Answer<()> {
        if self.syncs { self.session.fsync(handle).await.map(drop) } else { Ok(()) }
    }

    pub(crate) async fn close_file(&self, handle: String) -> Answer<()> {
        self.session.close(handle).await.map(drop)
    }

    pub(crate) async fn rename(&self, from: &str, to: &str) -> Answer<()> {
        self.session.rename(from, to).await.map(drop)
    }

    pub(crate) async fn remove(&self, path: &str) -> Answer<()> {
        self.session.remove(path).await.map(drop)
    }

    /// The names in a folder that begin so, among the first it gives.
    pub(crate) async fn names(&self, folder: &str, beginning: &str) -> Answer<Vec<String>> {
        let handle = self.session.opendir(folder).await?.handle;
        let named = self.listed(&handle, beginning).await;
        let _ = self.session.close(handle).await;
        named
    }

    async fn listed(&self, handle: &str, beginning: &str) -> Answer<Vec<String>> {
        let (mut found, mut seen) = (Vec::new(), 0);
        while seen < NAMES_MAX {
            let page = match self.session.readdir(handle).await {
                Ok(page) => page.files,
                Err(error) if status(&error) == Some(StatusCode::Eof) => break,
                Err(error) => return Err(error),
            };
            if page.is_empty() {
                break;
            }
            seen = seen.saturating_add(page.len());
            let names = page.into_iter().map(|file| file.filename);
            found.extend(names.filter(|name| name.starts_with(beginning) && !name.contains('/')));
        }
        Ok(found)
    }

    pub(crate) fn close(&self) {
        let _ = self.session.close_session();
    }
}

impl Seen {
    fn of(attributes: &FileAttributes) -> Self {
        let is_folder = attributes.permissions.map(|_| attributes.is_dir());
        Self { length: attributes.size, is_folder }
    }
}

fn chunk(body: &Bytes, start: usize) -> Bytes {
    body.slice(start..body.len().min(start.saturating_add(CHUNK)))
}

fn offset(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

pub(crate) fn status(error: &Error) -> Option<StatusCode> {
    if let Error::Status(status) = error { Some(status.status_code) } else { None }
}

/// Says the status; a server's own sentences stay with it. What is no status is no answer.
pub(crate) fn refused(what: &'static str, error: &Error) -> SftpError {
    match status(error) {
        Some(StatusCode::PermissionDenied) => SftpError::Denied(what),
        None | Some(StatusCode::NoConnection | StatusCode::ConnectionLost) => SftpError::Lost(what),
        Some(status) => SftpError::Refused { what, said: status.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_does_not_say_of_a_file_is_not_known() {
        let silent = FileAttributes::empty();
        assert_eq!(Seen::of(&silent), Seen { length: None, is_folder: None });
        let mut folder = FileAttributes::empty();
        (folder.permissions, folder.size) = (Some(0o040_755), Some(4_096));
        assert_eq!(Seen::of(&folder), Seen { length: Some(4_096), is_folder: Some(true) });
    }
}
