//! Targets: how they are, and an operator's hand on them.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State},
};
use ferry_broker::Broker;
use ferry_store::{Care, CareState, Journal};
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Console, Problem, Shared,
    act::{Act, note},
    command::Command,
};
use crate::targets::{self, TargetRow, minute};

/// What of a reason is kept, in bytes; the store cuts there.
pub(super) const REASON_BYTES_MAX: usize = 500;
pub(super) const BY_BYTES_MAX: usize = 100;

/// `GET /api/v1/targets`
pub(super) async fn list<B: Broker, S: Care>(
    State(console): State<Shared<B, S>>,
) -> Result<Json<Vec<TargetRow>>, Problem> {
    let cares = console.store.cares().await?;
    Ok(Json(targets::rows(&console.config, &cares, (console.clock)())))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pause {
    pub(super) reason: String,
    /// Ends by itself then.
    pub(super) until: Option<Timestamp>,
    /// Who does it, by their own word: the API asks for no credentials.
    pub(super) by: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct By {
    pub(super) by: String,
}

/// `POST /api/v1/targets/{name}/pause`: a pause that stands is replaced.
pub(super) async fn pause<B: Broker, S: Care + Journal>(
    State(console): State<Shared<B, S>>,
    Path(name): Path<String>,
    Command(pause): Command<Pause>,
) -> Result<Json<TargetRow>, Problem> {
    known(&console, &name)?;
    let (by, reason) = (word("by", &pause.by, BY_BYTES_MAX)?, pause.reason.trim());
    let reason = word("reason", reason, REASON_BYTES_MAX)?;
    let now = (console.clock)();
    let lasting = pause.until.map(|until| lasting(until, now)).transpose()?;
    let care = console.store.pause(&name, by, reason, lasting).await?;
    let until = pause.until.map(|until| format!(" until {}", minute(until))).unwrap_or_default();
    let told = format!("paused by {by}{until}: {reason}");
    let operation = "target paused".to_owned();
    note(&console, Act { system: &name, operation, result: "paused", told }).await;
    Ok(answer(&console, &care))
}

/// `POST /api/v1/targets/{name}/resume`: ends a pause and a refusal; an open breaker is probed at
/// once.
pub(super) async fn resume<B: Broker, S: Care + Journal>(
    State(console): State<Shared<B, S>>,
    Path(name): Path<String>,
    Command(By { by }): Command<By>,
) -> Result<Json<TargetRow>, Problem> {
    known(&console, &name)?;
    let by = word("by", &by, BY_BYTES_MAX)?;
    let care = console.store.resume(&name).await?;
    let told = format!("resumed by {by}");
    let operation = "target resumed".to_owned();
    note(&console, Act { system: &name, operation, result: "resumed", told }).await;
    Ok(answer(&console, &care))
}

fn answer<B, S>(console: &Console<B, S>, care: &CareState) -> Json<TargetRow> {
    Json(targets::row(care, (console.clock)()))
}

fn known<B, S>(console: &Console<B, S>, name: &str) -> Result<(), Problem> {
    if console.config.routes_to(name).next().is_some() {
        return Ok(());
    }
    let name: String = name.chars().take(60).collect();
    Err(Problem::not_found(format!("no route has a target `{name}`")))
}

pub(super) fn word<'t>(field: &str, text: &'t str, bytes_max: usize) -> Result<&'t str, Problem> {
    let text = text.trim();
    if text.is_empty() || text.len() > bytes_max || text.chars().any(char::is_control) {
        let detail = format!("`{field}` must be one line of 1 to {bytes_max} bytes");
        return Err(Problem::bad_request(detail));
    }
    Ok(text)
}

pub(super) fn lasting(until: Timestamp, now: Timestamp) -> Result<Duration, Problem> {
    Duration::try_from(until.duration_since(now))
        .ok()
        .filter(|lasting| !lasting.is_zero())
        .ok_or_else(|| Problem::bad_request(format!("`until` is past: {}", minute(until))))
}
