//! What a look changes: pure, so that every database does the same.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Alert, Found, Look, Phase};

/// The namespace of the ids of episodes and notices.
const IDS: Uuid = Uuid::from_u128(0x7b1e_88c2_10fd_5c3a_9d47_2f60_b9ae_5514);

/// An open alert, with everything that was or is to be told of it.
#[derive(Clone, Debug)]
pub(crate) struct Episode {
    pub(crate) alert: Alert,
    /// Oldest first.
    pub(crate) rows: Vec<Row>,
}

/// One notice as it lies in the store.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) channel: String,
    pub(crate) attempts: u32,
    pub(crate) state: NoticeState,
    /// When it left [`NoticeState::Waiting`].
    pub(crate) ended_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoticeState {
    Waiting,
    Told,
    /// Its alert was resolved before it was told.
    Withdrawn,
    GivenUp,
}

impl NoticeState {
    pub(crate) const ALL: [Self; 4] = [Self::Waiting, Self::Told, Self::Withdrawn, Self::GivenUp];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Told => "told",
            Self::Withdrawn => "withdrawn",
            Self::GivenUp => "given_up",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// One change, in the order in which they are to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Open(Alert),
    Update {
        alert: Uuid,
        summary: String,
        count: u64,
    },
    /// What waits to be told of it is withdrawn with it.
    Resolve(Alert),
    Tell {
        id: Uuid,
        alert: Uuid,
        channel: String,
        phase: Phase,
    },
}

pub(crate) fn plan(open: &[Episode], look: &Look, now: Timestamp) -> Vec<Step> {
    let mut steps = Vec::new();
    for (index, found) in look.found.iter().enumerate() {
        if look.found.iter().take(index).any(|earlier| names_the_same(earlier, found)) {
            continue;
        }
        match open.iter().find(|episode| is_about(&episode.alert, found)) {
            Some(episode) => go_on(episode, found, look, now, &mut steps),
            None => begin(found, look, now, &mut steps),
        }
    }
    let over = |episode: &&Episode| {
        look.judged.contains(&episode.alert.kind)
            && !look.found.iter().any(|found| is_about(&episode.alert, found))
    };
    for episode in open.iter().filter(over) {
        end(episode, now, &mut steps);
    }
    steps
}

fn is_about(alert: &Alert, found: &Found) -> bool {
    alert.kind == found.kind && alert.subject == found.subject
}

fn names_the_same(one: &Found, other: &Found) -> bool {
    one.kind == other.kind && one.subject == other.subject
}

fn begin(found: &Found, look: &Look, now: Timestamp, steps: &mut Vec<Step>) {
    let name = format!("{}/{}@{}", found.kind, found.subject, now.as_microsecond());
    let id = Uuid::new_v5(&IDS, name.as_bytes());
    steps.push(Step::Open(Alert {
        id,
        kind: found.kind.clone(),
        subject: found.subject.clone(),
        summary: found.summary.clone(),
        count: found.count,
        opened_at: now,
        resolved_at: None,
        told: Vec::new(),
    }));
    steps.extend(look.channels.iter().map(|channel| tell(id, channel, 0, Phase::Opened)));
}

fn go_on(episode: &Episode, found: &Found, look: &Look, now: Timestamp, steps: &mut Vec<Step>) {
    let alert = &episode.alert;
    if alert.summary != found.summary || alert.count != found.count {
        let (summary, count) = (found.summary.clone(), found.count);
        steps.push(Step::Update { alert: alert.id, summary, count });
    }
    for channel in &look.channels {
        let told: Vec<&Row> = of_channel(episode, channel).collect();
        let phase = match told.last() {
            // The channel was configured since.
            None => Phase::Opened,
            Some(Row { state: NoticeState::Waiting, .. }) => continue,
            Some(row) => {
                let ended_at = row.ended_at.unwrap_or(alert.opened_at);
                if after(ended_at, look.repeat_every) > now {
                    continue;
                }
                Phase::Repeated
            }
        };
        steps.push(tell(alert.id, channel, told.len(), phase));
    }
}

/// A channel on which nothing was said yet need not hear that it is over.
fn end(episode: &Episode, now: Timestamp, steps: &mut Vec<Step>) {
    let resolved = Alert { resolved_at: Some(now), ..episode.alert.clone() };
    let id = resolved.id;
    steps.push(Step::Resolve(resolved));
    let mut channels: Vec<&str> = episode
        .rows
        .iter()
        .filter(|row| row.attempts > 0)
        .map(|row| row.channel.as_str())
        .collect();
    channels.sort_unstable();
    channels.dedup();
    steps.extend(
        channels.into_iter().map(|channel| {
            tell(id, channel, of_channel(episode, channel).count(), Phase::Resolved)
        }),
    );
}

fn of_channel<'a>(episode: &'a Episode, channel: &'a str) -> impl Iterator<Item = &'a Row> {
    episode.rows.iter().filter(move |row| row.channel == channel)
}

/// `ordinal`: how many notices the channel has of this alert.
fn tell(alert: Uuid, channel: &str, ordinal: usize, phase: Phase) -> Step {
    let id = Uuid::new_v5(&alert, format!("{channel}/{ordinal}").as_bytes());
    Step::Tell { id, alert, channel: channel.to_owned(), phase }
}

fn after(time: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    time.checked_add(wait).unwrap_or(Timestamp::MAX)
}
