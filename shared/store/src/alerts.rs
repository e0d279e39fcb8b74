//! Alerts: what a person must be told once, again while it lasts, and when it is over.
//!
//! An [`Alert`] is one episode of one thing that is wrong: it opens at the first look that finds it
//! and is resolved at the first that does not. What is to be told follows from the episode alone, as
//! [`Notice`]s: rows that are queued with the episode in one transaction, taken by one teller at a
//! time, and keep their id however often they are tried. So neither a restart nor a second console
//! tells anything twice, unless a teller dies between telling and [`Alerts::settle_notice`].
//!
//! It knows neither what is wrong nor how a person is reached: kinds, subjects and channels are names.

mod plan;

use std::{future::Future, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use self::plan::{Episode, NoticeState, Row, Step, plan};
use crate::StoreError;

/// Resolved alerts are kept so long, to be looked at.
pub const KEPT: Duration = Duration::from_hours(24 * 90);

/// Something that is wrong at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub kind: String,
    /// What of its kind: a target, a route. Kind and subject name an alert.
    pub subject: String,
    /// A sentence for a person, without personal data.
    pub summary: String,
    /// Of what the summary speaks, where it can be counted.
    pub count: u64,
}

/// What one look saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub found: Vec<Found>,
    /// The kinds that could be judged: an open alert of these that was not found is over.
    pub judged: Vec<String>,
    /// Everybody who is to be told.
    pub channels: Vec<String>,
    /// Between two notices of an alert that stays open.
    pub repeat_every: Duration,
}

/// One episode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    pub id: Uuid,
    pub kind: String,
    pub subject: String,
    /// As the last look found it.
    pub summary: String,
    pub count: u64,
    pub opened_at: Timestamp,
    pub resolved_at: Option<Timestamp>,
    /// The newest notice of each channel.
    pub told: Vec<Told>,
}

/// How far the newest notice of one channel came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub channel: String,
    pub phase: Phase,
    pub attempts: u32,
    /// When it was told; none: it has not been yet.
    pub at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub because: Option<String>,
}

/// What a notice says of its alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It has begun.
    Opened,
    /// It still lasts.
    Repeated,
    /// It is over.
    Resolved,
}

impl Phase {
    pub const ALL: [Self; 3] = [Self::Opened, Self::Repeated, Self::Resolved];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Repeated => "repeated",
            Self::Resolved => "resolved",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == text)
    }
}

/// Something to be told, taken by one teller until its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same at every attempt.
    pub id: Uuid,
    pub channel: String,
    pub phase: Phase,
    /// This one's number, from 1.
    pub attempt: u32,
    pub queued_at: Timestamp,
    pub alert: Alert,
}

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Telling {
    Told,
    /// To be tried again after this.
    Later {
        delay: Duration,
        because: String,
    },
    GivenUp {
        because: String,
    },
}

/// Open letters that died of one cause on one way, as far as they are in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dying {
    /// As the letter says; a foreign hand may have written it.
    pub route: Option<String>,
    pub origin: String,
    pub kind: String,
    pub letters: u64,
}

/// What changed with a look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    pub opened: Vec<Alert>,
    pub resolved: Vec<Alert>,
}

pub trait Alerts: Send + Sync {
    /// Opens what is found for the first time, resolves what is over, queues what is to be told. One
    /// transaction; it writes only where something has changed.
    fn observe(&self, look: Look) -> impl Future<Output = Result<Observed, StoreError>> + Send;

    /// The next notice of a channel that is due, for `lease`. No two of one alert at one time.
    fn take_notice(
        &self,
        channel: &str,
        lease: Duration,
    ) -> impl Future<Output = Result<Option<Notice>, StoreError>> + Send;

    /// `false`: somebody else took it since, or it is not to be told any more.
    fn settle_notice(
        &self,
        id: Uuid,
        attempt: u32,
        telling: Telling,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Open ones first, then the newest; at most `limit`.
    fn alerts(&self, limit: u32) -> impl Future<Output = Result<Vec<Alert>, StoreError>> + Send;

    /// The causes of which letters that are open were stored within the last `within`, each with all
    /// its open letters.
    fn dying(
        &self,
        within: Duration,
    ) -> impl Future<Output = Result<Vec<Dying>, StoreError>> + Send;
}
