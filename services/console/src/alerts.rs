//! Telling a person: what is an alert, who finds it, and how it is told.
//!
//! A [`Watch`] looks at the store and the broker and writes what it finds into the store, which
//! decides what is news; a [`Teller`] per channel sends what is to be told. Of several consoles one
//! looks and each may tell; nothing is told twice, unless a console dies between the telling and the
//! writing down, and then under the same id. One channel never waits for another, nor one alert for
//! another.
//!
//! What is told names routes, targets and counts; never a record's content.

pub mod channel;
mod look;
mod metrics;
mod tell;
mod watch;
mod words;

pub use self::{
    channel::{Channel, SendError},
    metrics::AlertMetrics,
    tell::Teller,
    watch::Watch,
    words::Message,
};

use std::fmt;

/// What a person is told of; each has a page in `ops/runbooks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertKind {
    /// Deliveries were tried until `give_up_after`, and died.
    RetriesExhausted,
    /// Letters died that no retry could have saved.
    DeadLetters,
    /// A target answers 401 even to a fresh token; its deliveries wait.
    CredentialsRefused,
    /// A target has not served calls for longer than `breaker_open_longer_than`.
    BreakerOpen,
    /// Somebody paused a target, longer than `paused_longer_than` ago.
    LongPause,
    /// An export has not brought what waits, for longer than its `overdue_after`.
    ExportOverdue,
    /// Messages no queue took.
    Unrouted,
}

impl AlertKind {
    pub const ALL: [Self; 7] = [
        Self::RetriesExhausted,
        Self::DeadLetters,
        Self::CredentialsRefused,
        Self::BreakerOpen,
        Self::LongPause,
        Self::ExportOverdue,
        Self::Unrouted,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RetriesExhausted => "retries_exhausted",
            Self::DeadLetters => "dead_letters",
            Self::CredentialsRefused => "credentials_refused",
            Self::BreakerOpen => "breaker_open",
            Self::LongPause => "long_pause",
            Self::ExportOverdue => "export_overdue",
            Self::Unrouted => "unrouted",
        }
    }

    /// What the person who is told is to do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::RetriesExhausted => {
                "Look at the causes with `ferry dead ls`; correct them, then send the letters again."
            }
            Self::DeadLetters => {
                "`ferry dead ls` lists them with their causes; nothing is tried again by itself."
            }
            Self::CredentialsRefused => {
                "Renew the credentials and restart the loaders. Nothing is lost and no attempt is \
                 burned meanwhile."
            }
            Self::BreakerOpen => {
                "Look why the target does not answer. Ferry asks it again and again and goes on by \
                 itself."
            }
            Self::LongPause => {
                "If the pause is not meant any more: `ferry targets resume NAME`. Its deliveries \
                 wait until then."
            }
            Self::ExportOverdue => {
                "`ferry exports ls` says what is on its way and why it has not arrived. Ferry tries \
                 again by itself; nothing is lost, and what comes meanwhile waits behind it."
            }
            Self::Unrouted => {
                "The topology differs from the configuration, or a foreign hand has published. \
                 Nothing moves these messages by itself."
            }
        }
    }

    /// In this repository.
    pub fn runbook(self) -> String {
        format!("ops/runbooks/{self}.md")
    }

    /// Of what the store holds, which may be a newer program's word.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
