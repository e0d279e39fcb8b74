//! How every target is, in words: running, or stopped by whom, since when and until when.

use ferry_config::{Config, MaintenanceWindow, SystemConfig, maintained_until};
use ferry_store::{CareState, Stop};
use jiff::Timestamp;
use serde::Serialize;

/// One target as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct TargetRow {
    pub(crate) target: String,
    /// `running`, or what stops it: `paused`, `maintenance`, `refused`, `broken`, `held`.
    pub(crate) state: &'static str,
    /// Why: an operator's words, or ours.
    pub(crate) reason: Option<String>,
    /// Who paused it, by their own word.
    pub(crate) by: Option<String>,
    pub(crate) since: Option<Timestamp>,
    /// When it ends by itself.
    pub(crate) until: Option<Timestamp>,
    /// `closed`, `open` or `half_open`.
    pub(crate) breaker: &'static str,
    /// What a person reads; none while it runs.
    pub(crate) sentence: Option<String>,
}

/// Every target of a route, by name.
pub(crate) fn rows(config: &Config, cares: &[CareState], now: Timestamp) -> Vec<TargetRow> {
    let mut names: Vec<&String> = config.routes.iter().flat_map(|route| &route.to).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|name| {
            let care = cares.iter().find(|care| care.target == *name);
            let row = care.map_or_else(|| row(&CareState::new(name), now), |care| row(care, now));
            maintained(row, maintained_until(windows(config, name), now))
        })
        .collect()
}

/// An operator's pause says more than a window of the configuration; all else says less.
fn maintained(row: TargetRow, until: Option<Timestamp>) -> TargetRow {
    if until.is_none() || row.state == Stop::Paused.as_str() {
        return row;
    }
    let reason = Some("it is in maintenance".to_owned());
    let row = TargetRow { state: "maintenance", reason, by: None, since: None, until, ..row };
    TargetRow { sentence: Some(sentence(&row)), ..row }
}

fn windows<'c>(config: &'c Config, target: &str) -> &'c [MaintenanceWindow] {
    match config.systems.get(target) {
        Some(SystemConfig::Orderflow(system)) => &system.limits.maintenance,
        Some(SystemConfig::Oro(system)) => &system.limits.maintenance,
        Some(SystemConfig::Rest(_) | SystemConfig::Files(_) | SystemConfig::Export(_)) | None => {
            &[]
        }
    }
}

pub(crate) fn row(care: &CareState, now: Timestamp) -> TargetRow {
    let running = TargetRow {
        target: care.target.clone(),
        state: "running",
        reason: None,
        by: None,
        since: None,
        until: None,
        breaker: care.breaker.state.as_str(),
        sentence: None,
    };
    let Some(stop) = care.stop(now) else { return running };
    let stopped = match stop {
        Stop::Paused => paused(care, running),
        Stop::Refused => refused(care, running),
        Stop::Broken => broken(care, running),
        Stop::Held => held(care, running),
    };
    let sentence = Some(sentence(&stopped));
    TargetRow { state: stop.as_str(), sentence, ..stopped }
}

fn paused(care: &CareState, row: TargetRow) -> TargetRow {
    let Some(pause) = care.pause.clone() else { return row };
    let (reason, by) = (Some(pause.reason), Some(pause.by));
    TargetRow { reason, by, since: Some(pause.since), until: pause.until, ..row }
}

fn refused(care: &CareState, row: TargetRow) -> TargetRow {
    let reason = Some("it refuses our credentials".to_owned());
    let since = care.refusal.as_ref().map(|refusal| refusal.since);
    TargetRow { reason, since, ..row }
}

fn broken(care: &CareState, row: TargetRow) -> TargetRow {
    let kind = care.breaker.kind.map(|kind| format!(" ({kind})")).unwrap_or_default();
    let reason = Some(format!("it does not serve us{kind}"));
    TargetRow { reason, since: care.breaker.opened_at, ..row }
}

fn held(care: &CareState, row: TargetRow) -> TargetRow {
    let Some(hold) = &care.hold else { return row };
    let reason = Some(format!("it asked to be left alone ({})", hold.kind));
    TargetRow { reason, since: Some(hold.since), until: Some(hold.until), ..row }
}

/// `shop is paused by alice since 2026-11-23 10:02 UTC, until …: prices are wrong`
fn sentence(row: &TargetRow) -> String {
    let by = row.by.as_ref().map(|by| format!("paused by {by}"));
    let state = by.unwrap_or_else(|| "stopped".to_owned());
    let since = row.since.map(|since| format!(" since {}", minute(since))).unwrap_or_default();
    let until = row.until.map(|until| format!(", until {}", minute(until))).unwrap_or_default();
    let reason = row.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{} is {state}{since}{until}{reason}", row.target)
}

/// For people: to the minute, in UTC.
pub(crate) fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
