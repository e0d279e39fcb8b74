//! Schedules: when they ran and will run, and an operator's hand on them.

use axum::{
    Json,
    extract::{Path, State},
};
use ferry_broker::Broker;
use ferry_store::{Because, Journal, Run, ScheduleChange, ScheduleState, Schedules, Walk};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    Console, Problem, Shared,
    act::{Act, note},
    command::Command,
    targets::{BY_BYTES_MAX, By, Pause, REASON_BYTES_MAX, lasting, word},
};
use crate::targets::minute;

/// The name of a poll's schedule in the store begins so.
const POLL: &str = "poll/";
/// That of a scan's begins so, and is shown as it is.
const SCAN: &str = "scan/";
/// And that of an export's, before the system's name.
pub(super) const EXPORT: &str = "export/";

/// One schedule as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct ScheduleRow {
    /// `warehouse/despatches`: source and endpoint; `scan/shop/customers`.
    schedule: String,
    /// `waiting`, `paused`, or `asked` while an operator's wish waits for whoever runs it.
    state: &'static str,
    /// When it is due, in words; none where only pushes wake it.
    times: Option<String>,
    next_at: Option<Timestamp>,
    last_success: Option<Timestamp>,
    /// Of a scan: how far it has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    walk: Option<Walk>,
    /// Why it is paused, by whom and until when.
    reason: Option<String>,
    by: Option<String>,
    until: Option<Timestamp>,
    /// The newest run, and all that are kept.
    last: Option<Run>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs: Vec<Run>,
}

/// `waiting`, `paused` or `asked`.
pub(super) fn standing(state: &ScheduleState, now: Timestamp) -> &'static str {
    match (&state.asked, state.is_paused(now)) {
        (Some(_), _) => "asked",
        (None, true) => "paused",
        (None, false) => "waiting",
    }
}

fn row(state: ScheduleState, now: Timestamp) -> ScheduleRow {
    let (paused, word) = (state.is_paused(now), standing(&state, now));
    let pause = state.pause.filter(|_| paused);
    ScheduleRow {
        schedule: state.name.strip_prefix(POLL).unwrap_or(&state.name).to_owned(),
        state: word,
        times: state.times,
        next_at: state.next_at.filter(|_| !paused),
        last_success: state.last_success,
        walk: state.walk,
        reason: pause.as_ref().map(|pause| pause.reason.clone()),
        by: pause.as_ref().map(|pause| pause.by.clone()),
        until: pause.and_then(|pause| pause.until),
        last: state.runs.first().cloned(),
        runs: state.runs,
    }
}

/// `GET /api/v1/schedules`
pub(super) async fn list<B: Broker, S: Schedules>(
    State(console): State<Shared<B, S>>,
) -> Result<Json<Vec<ScheduleRow>>, Problem> {
    let now = (console.clock)();
    let states = console.store.schedules().await?.into_iter();
    let rows = states.map(|state| ScheduleRow { runs: Vec::new(), ..row(state, now) });
    Ok(Json(rows.collect()))
}

/// `GET /api/v1/schedules/{source}/{endpoint}`: with its history.
pub(super) async fn one<B: Broker, S: Schedules>(
    State(console): State<Shared<B, S>>,
    Path(name): Path<(String, String)>,
) -> Result<Json<ScheduleRow>, Problem> {
    let state = known(&console, &name).await?;
    Ok(Json(row(state, (console.clock)())))
}

/// `POST …/pause`: what is due meanwhile is held, and made up for as its configuration says.
pub(super) async fn pause<B: Broker, S: Schedules + Journal>(
    State(console): State<Shared<B, S>>,
    Path(name): Path<(String, String)>,
    Command(pause): Command<Pause>,
) -> Result<Json<ScheduleRow>, Problem> {
    let by = word("by", &pause.by, BY_BYTES_MAX)?.to_owned();
    let reason = word("reason", pause.reason.trim(), REASON_BYTES_MAX)?.to_owned();
    let lasting = pause.until.map(|until| lasting(until, (console.clock)())).transpose()?;
    let until = pause.until.map(|until| format!(" until {}", minute(until))).unwrap_or_default();
    let told = format!("paused by {by}{until}: {reason}");
    let change = ScheduleChange::Pause { by, reason, lasting };
    changed(&console, &name, change, "paused", told).await
}

/// `POST …/resume`
pub(super) async fn resume<B: Broker, S: Schedules + Journal>(
    State(console): State<Shared<B, S>>,
    Path(name): Path<(String, String)>,
    Command(By { by }): Command<By>,
) -> Result<Json<ScheduleRow>, Problem> {
    let told = format!("resumed by {}", word("by", &by, BY_BYTES_MAX)?);
    changed(&console, &name, ScheduleChange::Resume, "resumed", told).await
}

/// `POST …/run`: whoever holds it runs it within seconds, also while it is paused.
pub(super) async fn run<B: Broker, S: Schedules + Journal>(
    State(console): State<Shared<B, S>>,
    Path(name): Path<(String, String)>,
    Command(By { by }): Command<By>,
) -> Result<Json<ScheduleRow>, Problem> {
    let by = word("by", &by, BY_BYTES_MAX)?.to_owned();
    let state = known(&console, &name).await?;
    if is_only_woken(&state) {
        let detail = format!(
            "{}/{} has no times: it reads what a push or a list names, and nothing else",
            name.0, name.1
        );
        return Err(Problem::conflict(detail));
    }
    let told = format!("asked for by {by}");
    changed(&console, &name, ScheduleChange::Ask { by }, "asked", told).await
}

async fn changed<B, S: Schedules + Journal>(
    console: &Console<B, S>,
    name: &(String, String),
    change: ScheduleChange,
    result: &str,
    told: String,
) -> Result<Json<ScheduleRow>, Problem> {
    let state = known(console, name).await?;
    let state = console.store.change_schedule(&state.name, change).await?;
    let system = system_of(&state.name);
    let operation = format!("schedule {}/{} {result}", name.0, name.1);
    note(console, Act { system, operation, result, told }).await;
    Ok(Json(row(state, (console.clock)())))
}

/// The system of a schedule, whose name in the store begins with its kind.
pub(super) fn system_of(name: &str) -> &str {
    name.split('/').nth(1).unwrap_or_default()
}

/// Whether there is nothing of it that could be run by itself.
fn is_only_woken(state: &ScheduleState) -> bool {
    state.times.is_none() && state.runs.iter().all(|run| run.because == Because::Push)
}

/// A schedule is known once somebody has been there to run it. An export's and a scan's are shown as they
/// are called in the store: `export/accounts`, `scan/shop/customers`.
pub(super) async fn known<B, S: Schedules>(
    console: &Console<B, S>,
    (source, endpoint): &(String, String),
) -> Result<ScheduleState, Problem> {
    let state = console.store.schedule(&format!("{POLL}{source}/{endpoint}")).await?;
    if state.version > 0 {
        return Ok(state);
    }
    let name = format!("{source}/{endpoint}");
    if name.starts_with(EXPORT) || name.starts_with(SCAN) {
        let state = console.store.schedule(&name).await?;
        if state.version > 0 {
            return Ok(state);
        }
    }
    let name: String = name.chars().take(60).collect();
    Err(Problem::not_found(format!("nobody has a schedule `{name}`")))
}
