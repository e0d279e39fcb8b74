//! A file on a server: whole under its name, or not there.
//!
//! It is written under a hidden name, brought to the server's disk where the server knows how
//! (`fsync@openssh.com`), and renamed. The hidden name is each try's own: a try that was given up, and
//! comes to its end after all, has no hand in the file of another.

use std::time::Duration;

use bytes::Bytes;
use russh_sftp::{
    client::error::Error,
    protocol::{OpenFlags, StatusCode},
};
use tokio::{io::AsyncWriteExt, time::timeout};

use crate::{Account, SftpError, session::Session};

/// A file that is to be there.
#[derive(Clone, Debug)]
pub struct Upload<'a> {
    /// As the server has it; empty is where a login begins.
    pub folder: &'a str,
    /// Without a slash.
    pub name: &'a str,
    /// What hidden names of this file begin with, and of no other.
    pub hidden: &'a str,
    /// Another at every try.
    pub attempt: &'a str,
    pub body: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    Written,
    /// Somebody, most likely an earlier try, has put it there before, to the byte.
    WasThere,
}

/// Puts a file there, `within` which everything is done, from the connection on.
///
/// # Errors
/// When it may not be there; see [`SftpError`].
pub async fn put(
    account: &Account,
    upload: &Upload<'_>,
    within: Duration,
) -> Result<Put, SftpError> {
    let whole = async {
        let session = Session::open(account).await?;
        let put = Putting { session: &session, upload }.carry_out().await;
        session.close().await;
        put
    };
    timeout(within, whole).await.unwrap_or(Err(SftpError::Timeout))
}

/// Whether an account is let in and sees the folder.
///
/// # Errors
/// When it does not.
pub async fn probe(account: &Account, folder: &str, within: Duration) -> Result<(), SftpError> {
    let whole = async {
        let session = Session::open(account).await?;
        let found = session.files.metadata(path(folder, ".")).await;
        session.close().await;
        match found {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(SftpError::NoFolder(folder.to_owned())),
            Err(error) => Err(in_folder(folder, "look into the folder", error)),
        }
    };
    timeout(within, whole).await.unwrap_or(Err(SftpError::Timeout))
}

struct Putting<'a> {
    session: &'a Session,
    upload: &'a Upload<'a>,
}

impl Putting<'_> {
    async fn carry_out(&self) -> Result<Put, SftpError> {
        self.sweep().await?;
        if self.is_there().await? {
            return Ok(Put::WasThere);
        }
        let Upload { folder, hidden, attempt, .. } = self.upload;
        let part = path(folder, &format!("{hidden}{attempt}.part"));
        let put = self.write(&part).await;
        if put.is_err() {
            // What could not be brought is not left lying about, where that can be helped.
            let _ = self.session.files.remove_file(part).await;
        }
        put
    }

    /// What a try has left that died. One that is still under way fails by it, and is tried again.
    /// Where names are not shown to us there is nothing to be done.
    async fn sweep(&self) -> Result<(), SftpError> {
        let Upload { folder, hidden, .. } = self.upload;
        let entries = match self.session.files.read_dir(path(folder, ".")).await {
            Ok(entries) => entries,
            Err(error) if status(&error) == Some(StatusCode::PermissionDenied) => return Ok(()),
            Err(error) => return Err(in_folder(folder, "list the folder", error)),
        };
        for entry in entries {
            let name = entry.file_name();
            if name.starts_with(hidden) && !name.contains('/') {
                let _ = self.session.files.remove_file(path(folder, &name)).await;
            }
        }
        Ok(())
    }

    /// Whether the file is there, to the byte; that another is there under its name is an error.
    async fn is_there(&self) -> Result<bool, SftpError> {
        const WHAT: &str = "look at the file";
        let Upload { folder, name, body, .. } = self.upload;
        let (files, path) = (&self.session.files, path(folder, name));
        let found = match files.metadata(path.clone()).await {
            Ok(found) => found,
            Err(error) if status(&error) == Some(StatusCode::NoSuchFile) => return Ok(false),
            Err(error) => return Err(refused(WHAT, error)),
        };
        let is_as_long = found.size == u64::try_from(body.len()).ok();
        if !is_as_long || found.is_dir() {
            return Err(SftpError::Taken(path));
        }
        match files.read(path.clone()).await {
            Ok(read) if read == *body => Ok(true),
            Ok(_) => Err(SftpError::Taken(path)),
            Err(error) => Err(refused(WHAT, error)),
        }
    }

    async fn write(&self, part: &str) -> Result<Put, SftpError> {
        const WHAT: &str = "write the file";
        let Upload { folder, name, body, .. } = self.upload;
        let files = &self.session.files;
        let flags = OpenFlags::CREATE | OpenFlags::EXCLUDE | OpenFlags::WRITE;
        let opened = files.open_with_flags(part, flags).await;
        let mut file = opened.map_err(|error| in_folder(folder, "make a file", error))?;
        // What the server says of a write is but a sentence; it is not repeated.
        let unwritten = |_| SftpError::Refused { what: WHAT, said: "it was not written".into() };
        file.write_all(body).await.map_err(unwritten)?;
        file.flush().await.map_err(unwritten)?;
        file.sync_all().await.map_err(|error| refused(WHAT, error))?;
        file.close().await.map_err(unwritten)?;
        match files.rename(part, path(folder, name)).await {
            Ok(()) => Ok(Put::Written),
            // Servers that rename over nothing say no more than that they failed.
            Err(error) => match self.is_there().await {
                Ok(true) => {
                    let _ = files.remove_file(part).await;
                    Ok(Put::WasThere)
                }
                Ok(false) => Err(refused("rename the file", error)),
                Err(taken) => Err(taken),
            },
        }
    }
}

fn path(folder: &str, name: &str) -> String {
    match folder.strip_suffix('/').unwrap_or(folder) {
        "" if folder.is_empty() => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

fn status(error: &Error) -> Option<StatusCode> {
    match error {
        Error::Status(status) => Some(status.status_code),
        _ => None,
    }
}

fn in_folder(folder: &str, what: &'static str, error: Error) -> SftpError {
    match status(&error) {
        Some(StatusCode::NoSuchFile) => SftpError::NoFolder(folder.to_owned()),
        _ => refused(what, error),
    }
}

/// Says the status; a server's own sentences stay with it.
fn refused(what: &'static str, error: Error) -> SftpError {
    match (status(&error), error) {
        (Some(StatusCode::PermissionDenied), _) => SftpError::Denied(what),
        (Some(StatusCode::NoConnection | StatusCode::ConnectionLost), _) => SftpError::Lost(what),
        (Some(status), _) => SftpError::Refused { what, said: status.to_string() },
        (None, Error::Timeout) => SftpError::Timeout,
        (None, _) => SftpError::Lost(what),
    }
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn names_are_below_their_folder_wherever_a_login_begins() {
        let paths = ["", "/", "in", "/in/"].map(|folder| path(folder, "o.csv"));
        assert_eq!(paths, ["o.csv", "/o.csv", "in/o.csv", "/in/o.csv"]);
    }
}
