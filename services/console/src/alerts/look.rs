//! What is wrong at this moment: pure, from what the store and the broker say.

use std::collections::BTreeMap;

use ferry_canonical::{Disposition, FailureKind};
use ferry_config::{AlertsConfig, Config, ExportConfig, HumanDuration, SystemConfig};
use ferry_store::{BreakerState, CareState, Dying, ExportState, Found};
use jiff::{SignedDuration, Timestamp};

use super::AlertKind;
use crate::targets::minute;

/// What there is to be seen.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) config: &'a Config,
    pub(crate) cares: &'a [CareState],
    pub(crate) dying: &'a [Dying],
    /// By the name of their systems.
    pub(crate) exports: &'a BTreeMap<String, ExportState>,
    /// Messages ready in `unrouted`; none: the broker does not say.
    pub(crate) unrouted: Option<u32>,
    pub(crate) now: Timestamp,
}

/// What is found, and the kinds that could be judged.
pub(crate) fn look(seen: &Seen<'_>) -> (Vec<Found>, Vec<AlertKind>) {
    let mut found = letters(seen);
    // Of a target that was taken out of the configuration nobody wants to hear.
    let cared = seen.cares.iter().filter(|care| seen.config.systems.contains_key(&care.target));
    for care in cared {
        found.extend(refusal(care));
        found.extend(breaker(care, &seen.config.alerts, seen.now));
        found.extend(pause(care, &seen.config.alerts, seen.now));
    }
    found.extend(seen.exports.iter().filter_map(|(name, export)| overdue(seen, name, export)));
    found.extend(seen.unrouted.and_then(unrouted));
    let blind = |kind: &AlertKind| *kind == AlertKind::Unrouted && seen.unrouted.is_none();
    let judged = AlertKind::ALL.into_iter().filter(|kind| !blind(kind)).collect();
    (found, judged)
}

fn refusal(care: &CareState) -> Option<Found> {
    let refusal = care.refusal.as_ref()?;
    let target = &care.target;
    let since = minute(refusal.since);
    let summary = format!("{target} refuses our credentials since {since}; its deliveries wait.");
    Some(one(AlertKind::CredentialsRefused, target, summary))
}

fn breaker(care: &CareState, alerts: &AlertsConfig, now: Timestamp) -> Option<Found> {
    let opened_at =
        care.breaker.opened_at.filter(|_| care.breaker.state != BreakerState::Closed)?;
    if !has_passed(opened_at, alerts.breaker_open_longer_than, now) {
        return None;
    }
    let target = &care.target;
    let why = care.breaker.kind.map(|kind| format!(" ({kind})")).unwrap_or_default();
    let since = minute(opened_at);
    let summary = format!("{target} has not served us since {since}{why}; its deliveries wait.");
    Some(one(AlertKind::BreakerOpen, target, summary))
}

fn pause(care: &CareState, alerts: &AlertsConfig, now: Timestamp) -> Option<Found> {
    let pause = care.pause.as_ref()?;
    let lasts = pause.until.is_none_or(|until| until > now);
    if !lasts || !has_passed(pause.since, alerts.paused_longer_than, now) {
        return None;
    }
    let target = &care.target;
    let until = match pause.until {
        Some(until) => format!("until {}", minute(until)),
        None => "without an end".to_owned(),
    };
    let since = minute(pause.since);
    let summary = format!("{target} is paused since {since}, {until}; its deliveries wait.");
    Some(one(AlertKind::LongPause, target, summary))
}

/// A document that has not arrived, or that nobody makes although it is due.
fn overdue(seen: &Seen<'_>, name: &str, export: &ExportState) -> Option<Found> {
    let Some(SystemConfig::Export(config)) = seen.config.systems.get(name) else { return None };
    let since = due_since(config, export)?;
    if !has_passed(since, config.overdue_after, seen.now) {
        return None;
    }
    let due = minute(since);
    let summary = match &export.open {
        Some(open) => format!(
            "{name} has not taken document {} since {due}; it was tried {} times.",
            open.number, open.tries
        ),
        None => format!("what waits for {name} was due at {due} and has not been brought."),
    };
    Some(one(AlertKind::ExportOverdue, name, summary))
}

/// Since when a document should have been there.
fn due_since(config: &ExportConfig, export: &ExportState) -> Option<Timestamp> {
    if let Some(open) = &export.open {
        return Some(open.frozen_at);
    }
    let waits_since = export.waiting_since?;
    let by_the_clock = config.schedule.as_ref().and_then(|times| times.next(waits_since));
    let by_age = config
        .flush_after
        .and_then(|after| waits_since.checked_add(SignedDuration::try_from(after.0).ok()?).ok());
    by_the_clock.into_iter().chain(by_age).min()
}

fn unrouted(ready: u32) -> Option<Found> {
    let queue = ferry_topology::name::UNROUTED;
    (ready > 0).then(|| Found {
        kind: AlertKind::Unrouted.as_str().to_owned(),
        subject: queue.to_owned(),
        summary: format!(
            "{} in the queue `{queue}`: no other took them.",
            counted(ready, "message")
        ),
        count: u64::from(ready),
    })
}

/// A thousand letters of one cause on one way are one alert.
fn letters(seen: &Seen<'_>) -> Vec<Found> {
    let mut groups: BTreeMap<(String, Option<FailureKind>), u64> = BTreeMap::new();
    for dying in seen.dying {
        // Headers may be a foreign hand's: only words of ours are repeated.
        let ours = |name: &&str| seen.config.routes.iter().any(|route| route.name == *name);
        let way = dying.route.as_deref().filter(ours).unwrap_or(&dying.origin);
        let letters = groups.entry((way.to_owned(), dying.kind.parse().ok())).or_default();
        *letters = letters.saturating_add(dying.letters);
    }
    groups
        .into_iter()
        .filter(|((_, cause), _)| seen.config.alerts.dead_letters || was_retried(*cause))
        .map(|((way, cause), letters)| dead(&way, cause, letters))
        .collect()
}

fn dead(way: &str, cause: Option<FailureKind>, letters: u64) -> Found {
    let word = cause.map_or("unknown", FailureKind::as_str);
    let (kind, summary) = if was_retried(cause) {
        let died = counted(letters, "delivery");
        (AlertKind::RetriesExhausted, format!("{died} of {way} ran out of retries ({word})."))
    } else {
        (
            AlertKind::DeadLetters,
            format!("{} from {way} ({word}).", counted(letters, "dead letter")),
        )
    };
    let subject = format!("{way}: {word}");
    Found { kind: kind.as_str().to_owned(), subject, summary, count: letters }
}

/// Whether a letter of this cause was tried again before it died.
fn was_retried(cause: Option<FailureKind>) -> bool {
    match cause.map(FailureKind::disposition) {
        Some(
            Disposition::Retry
            | Disposition::RetryReference
            | Disposition::RetryAfterRead
            | Disposition::RetryFew,
        ) => true,
        Some(Disposition::PauseTarget | Disposition::DeadLetter) | None => false,
    }
}

fn one(kind: AlertKind, subject: &str, summary: String) -> Found {
    Found { kind: kind.as_str().to_owned(), subject: subject.to_owned(), summary, count: 1 }
}

fn counted(count: impl Into<u64>, noun: &str) -> String {
    match (count.into(), noun) {
        (1, noun) => format!("1 {noun}"),
        (count, "delivery") => format!("{count} deliveries"),
        (count, noun) => format!("{count} {noun}s"),
    }
}

fn has_passed(since: Timestamp, limit: HumanDuration, now: Timestamp) -> bool {
    SignedDuration::try_from(limit.0).is_ok_and(|limit| now.duration_since(since) >= limit)
}
