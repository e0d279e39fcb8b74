//! A document on an SFTP server: whole under its name, or not there.

use std::time::Duration;

use ferry_canonical::FailureKind;
use ferry_config::export::{ExportSftp, SftpLogin};
use ferry_sftp::{Account, Login, Put, SftpError, Upload};

use super::{Document, THERE};
use crate::Failure;

/// The account, with its key read: for whoever sends, since others may not have it.
pub(super) fn account(config: &ExportSftp) -> Result<Account, String> {
    let login = match &config.login {
        SftpLogin::Password(password) => Login::Password(password.reveal()),
        SftpLogin::Key(key) => Login::Key(key.reveal()),
    };
    let at = (config.host.as_str(), config.port);
    Account::new(at, &config.user, login, &config.host_keys)
        .map_err(|error| format!("sftp: {error}"))
}

pub(super) async fn put(
    config: &ExportSftp,
    document: &Document,
    within: Duration,
) -> Result<Option<String>, Failure> {
    let account = account(config).map_err(unread)?;
    let upload = Upload {
        folder: &config.folder,
        name: &document.name,
        hidden: &format!(".ferry-{}-", document.id),
        attempt: &document.attempt.to_string(),
        body: document.body.clone(),
    };
    match ferry_sftp::put(&account, &upload, within).await {
        Ok(Put::Written) => Ok(None),
        Ok(Put::WasThere) => Ok(Some(THERE.to_owned())),
        Err(error) => Err(failure(&error)),
    }
}

pub(super) async fn probe(config: &ExportSftp, within: Duration) -> Result<(), Failure> {
    let account = account(config).map_err(unread)?;
    ferry_sftp::probe(&account, &config.folder, within).await.map_err(|error| failure(&error))
}

/// A key that cannot be read lets us in as little as one that is refused.
fn unread(reason: String) -> Failure {
    Failure::new(FailureKind::Auth, reason)
}

fn failure(error: &SftpError) -> Failure {
    let kind = match error {
        SftpError::HostKey { .. }
        | SftpError::Login { .. }
        | SftpError::HalfLogin { .. }
        | SftpError::Questions(_) => FailureKind::Auth,
        SftpError::Taken(_) => FailureKind::Conflict,
        SftpError::Unserved(_)
        | SftpError::NoFolder(_)
        | SftpError::Unseen(_)
        | SftpError::Denied(_)
        | SftpError::Refused { .. } => FailureKind::Rejected,
        SftpError::Timeout { .. } => FailureKind::Timeout,
        SftpError::Unreachable { .. } | SftpError::Handshake(_) | SftpError::Lost(_) => {
            FailureKind::Connection
        }
    };
    Failure::new(kind, error.to_string())
}
