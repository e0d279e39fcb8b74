//! Work at a server: until when, and how far it is.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{Account, SftpError};

/// Once it is dropped nothing is sent any more, by whatever task.
pub(crate) struct Work<'a> {
    pub(crate) account: &'a Account,
    pub(crate) within: Duration,
    pub(crate) until: Instant,
    step: Mutex<&'static str>,
    cut: CancellationToken,
    _cuts: DropGuard,
}

impl<'a> Work<'a> {
    pub(crate) fn new(account: &'a Account, within: Duration) -> Self {
        let cut = CancellationToken::new();
        Self {
            account,
            within,
            until: Instant::now() + within,
            step: Mutex::new("begin"),
            _cuts: cut.clone().drop_guard(),
            cut,
        }
    }

    /// Is cancelled when the work ends.
    pub(crate) fn cut(&self) -> CancellationToken {
        self.cut.clone()
    }

    /// What is to be done next; given back for those who name it in their errors.
    pub(crate) fn step(&self, what: &'static str) -> &'static str {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = what;
        what
    }

    /// A process that has slept goes on here before its timers do.
    pub(crate) fn in_time(&self) -> Result<(), SftpError> {
        if Instant::now() < self.until { Ok(()) } else { Err(self.late()) }
    }

    pub(crate) async fn bounded<T>(
        &self,
        whole: impl Future<Output = Result<T, SftpError>>,
    ) -> Result<T, SftpError> {
        timeout_at(self.until, whole).await.unwrap_or_else(|_late| Err(self.late()))
    }

    fn late(&self) -> SftpError {
        let what = *self.step.lock().unwrap_or_else(PoisonError::into_inner);
        let Account { host, port, .. } = self.account;
        SftpError::Timeout { host: host.clone(), port: *port, what }
    }
}
