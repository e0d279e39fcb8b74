//! A file on a server: whole under its name, or not there.
//!
//! It is written under a hidden name, brought to the server's disk where the server knows how
//! (`fsync@openssh.com`), and renamed. The hidden name is each try's own: a try that was given up, and
//! comes to its end after all, has no hand in the file of another.

use std::time::Duration;

use bytes::Bytes;
use russh_sftp::{client::error::Error, protocol::StatusCode};

use crate::{
    Account, SftpError,
    files::{Files, refused, status},
    session::Session,
    work::Work,
};

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

/// Puts a file there, `within` which everything is done, from the connection on. What is not done by
/// then is not done later either.
///
/// # Errors
/// When it may not be there; see [`SftpError`].
pub async fn put(
    account: &Account,
    upload: &Upload<'_>,
    within: Duration,
) -> Result<Put, SftpError> {
    let work = Work::new(account, within);
    let whole = async {
        let session = Session::open(&work).await?;
        let put = Putting { work: &work, files: &session.files, upload }.carry_out().await;
        Ok((session, put))
    };
    let (session, put) = work.bounded(whole).await?;
    session.close().await;
    put
}

/// Whether an account is let in and sees the folder.
///
/// # Errors
/// When it does not.
pub async fn probe(account: &Account, folder: &str, within: Duration) -> Result<(), SftpError> {
    let work = Work::new(account, within);
    let whole = async {
        let session = Session::open(&work).await?;
        let found = is_folder(&work, &session.files, folder).await;
        Ok((session, found))
    };
    let (session, found) = work.bounded(whole).await?;
    session.close().await;
    found
}

async fn is_folder(work: &Work<'_>, files: &Files, folder: &str) -> Result<(), SftpError> {
    let what = work.step("look into the folder");
    let unseen = |error| in_folder(folder, what, &error);
    match files.look(itself(folder)).await.map_err(unseen)?.is_folder {
        Some(true) => Ok(()),
        Some(false) => Err(SftpError::NoFolder(folder.to_owned())),
        // What can be listed is one.
        None => files.names(itself(folder), "/").await.map(drop).map_err(unseen),
    }
}

struct Putting<'a> {
    work: &'a Work<'a>,
    files: &'a Files,
    upload: &'a Upload<'a>,
}

impl Putting<'_> {
    async fn carry_out(&self) -> Result<Put, SftpError> {
        self.sweep().await?;
        if self.is_there().await? {
            return Ok(Put::WasThere);
        }
        let Upload { folder, hidden, attempt, .. } = self.upload;
        let part = below(folder, &format!("{hidden}{attempt}.part"));
        let put = self.bring(&part).await;
        if !matches!(put, Ok(Put::Written)) {
            // What could not be brought is not left lying about, where that can be helped.
            let _ = self.files.remove(&part).await;
        }
        put
    }

    /// Removes what a try has left that died. One that is still under way fails by it, and is tried
    /// again. It is housekeeping: what a server does not let us see or remove stays there.
    async fn sweep(&self) -> Result<(), SftpError> {
        let Upload { folder, hidden, .. } = self.upload;
        let what = self.work.step("look through the folder");
        let left = match self.files.names(itself(folder), hidden).await {
            Ok(left) => left,
            Err(error) => return housekeeping(in_folder(folder, what, &error)),
        };
        for name in left {
            if let Err(error) = self.files.remove(&below(folder, &name)).await {
                housekeeping(refused(what, &error))?;
            }
        }
        Ok(())
    }

    /// Whether the file is there, to the byte; that another is there under its name is an error.
    async fn is_there(&self) -> Result<bool, SftpError> {
        let Upload { folder, name, body, .. } = self.upload;
        let path = below(folder, name);
        let what = self.work.step("look at files");
        let seen = match self.files.look(&path).await {
            Ok(seen) => seen,
            Err(error) if status(&error) == Some(StatusCode::NoSuchFile) => return Ok(false),
            Err(error) => return Err(unseen(what, &error)),
        };
        let other_length =
            seen.length.is_some_and(|length| u64::try_from(body.len()) != Ok(length));
        if other_length || seen.is_folder == Some(true) {
            return Err(SftpError::Taken(path));
        }
        let what = self.work.step("read files");
        match self.files.holds(&path, body).await {
            Ok(true) => Ok(true),
            Ok(false) => Err(SftpError::Taken(path)),
            Err(error) => Err(unseen(what, &error)),
        }
    }

    async fn bring(&self, part: &str) -> Result<Put, SftpError> {
        let Upload { folder, name, .. } = self.upload;
        let what = self.work.step("make a file");
        let made = self.files.make(part).await;
        let handle = made.map_err(|error| in_folder(folder, what, &error))?;
        let written = self.write(&handle).await;
        let what = self.work.step("close the file");
        let closed = self.files.close_file(handle).await;
        written?;
        closed.map_err(|error| refused(what, &error))?;
        // Not every server renames over nothing, and somebody may have come before us.
        if self.is_there().await? {
            return Ok(Put::WasThere);
        }
        let what = self.work.step("rename the file");
        self.work.in_time()?;
        let Err(error) = self.files.rename(part, &below(folder, name)).await else {
            return Ok(Put::Written);
        };
        // Servers that rename over nothing say no more than that they failed.
        if self.is_there().await? { Ok(Put::WasThere) } else { Err(refused(what, &error)) }
    }

    async fn write(&self, handle: &str) -> Result<(), SftpError> {
        let what = self.work.step("write the file");
        let filled = self.files.fill(handle, &self.upload.body).await;
        filled.map_err(|error| refused(what, &error))?;
        let what = self.work.step("bring the file to its disk");
        self.files.sync(handle).await.map_err(|error| refused(what, &error))
    }
}

/// Of what it meets only these are in the way of a file.
fn housekeeping(error: SftpError) -> Result<(), SftpError> {
    if matches!(error, SftpError::NoFolder(_) | SftpError::Lost(_)) { Err(error) } else { Ok(()) }
}

/// The folder, as a name of its own.
fn itself(folder: &str) -> &str {
    match folder.strip_suffix('/').unwrap_or(folder) {
        "" if folder.is_empty() => ".",
        "" => "/",
        folder => folder,
    }
}

fn below(folder: &str, name: &str) -> String {
    match folder.strip_suffix('/').unwrap_or(folder) {
        "" if folder.is_empty() => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

fn in_folder(folder: &str, what: &'static str, error: &Error) -> SftpError {
    match status(error) {
        Some(StatusCode::NoSuchFile) => SftpError::NoFolder(folder.to_owned()),
        _ => refused(what, error),
    }
}

fn unseen(what: &'static str, error: &Error) -> SftpError {
    match status(error) {
        Some(StatusCode::PermissionDenied) => SftpError::Unseen(what),
        _ => refused(what, error),
    }
}

#[cfg(test)]
mod tests {
    use super::{below, itself};

    #[test]
    fn names_are_below_their_folder_wherever_a_login_begins() {
        let folders = ["", "/", "in", "/in/"];
        let named = folders.map(|folder| below(folder, "o.csv"));
        assert_eq!(named, ["o.csv", "/o.csv", "in/o.csv", "/in/o.csv"]);
        assert_eq!(folders.map(itself), [".", "/", "in", "/in"]);
    }
}
