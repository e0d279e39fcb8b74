//! Exports: what waits for a document, the documents there were, and an operator's hand on them.

use axum::{
    Json,
    extract::{Path, State},
};
use ferry_broker::Broker;
use ferry_config::SystemConfig;
use ferry_store::{DocumentState, ExportState, Exports, Journal, Run, ScheduleChange, Schedules};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    Console, Problem, Shared,
    act::{Act, note},
    command::Command,
    schedules::{EXPORT, standing},
    targets::{BY_BYTES_MAX, By, word},
};

/// Waiting parts are counted up to this many.
const COUNTED: u32 = 10_000;
/// Documents that one export is shown with.
const DOCUMENTS: u32 = 50;

/// One export as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct ExportRow {
    export: String,
    /// `waiting`, `paused`, or `asked` while an operator's wish waits for a loader.
    state: &'static str,
    /// When a document is due, in words; none before a loader was there for it.
    times: Option<String>,
    next_at: Option<Timestamp>,
    /// Parts, counted up to 10,000.
    waiting: u64,
    waiting_since: Option<Timestamp>,
    /// The document on its way.
    open: Option<DocumentState>,
    last_number: u64,
    delivered_at: Option<Timestamp>,
    /// The newest run.
    last: Option<Run>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    documents: Vec<DocumentState>,
}

async fn row<B, S: Exports + Schedules>(
    console: &Console<B, S>,
    name: &str,
) -> Result<ExportRow, Problem> {
    let schedule = console.store.schedule(&format!("{EXPORT}{name}")).await?;
    let ExportState { waiting, waiting_since, open, last_number, delivered_at } =
        console.store.export(name, COUNTED).await?;
    let now = (console.clock)();
    let paused = schedule.is_paused(now);
    Ok(ExportRow {
        export: name.to_owned(),
        state: standing(&schedule, now),
        last: schedule.last_run().cloned(),
        next_at: schedule.next_at.filter(|_| !paused),
        times: schedule.times,
        waiting,
        waiting_since,
        open,
        last_number,
        delivered_at,
        documents: Vec::new(),
    })
}

/// `GET /api/v1/exports`
pub(super) async fn list<B: Broker, S: Exports + Schedules>(
    State(console): State<Shared<B, S>>,
) -> Result<Json<Vec<ExportRow>>, Problem> {
    let mut rows = Vec::new();
    for (name, system) in &console.config.systems {
        if matches!(system, SystemConfig::Export(_)) {
            rows.push(row(&console, name).await?);
        }
    }
    Ok(Json(rows))
}

/// `GET /api/v1/exports/{name}`: with its last documents.
pub(super) async fn one<B: Broker, S: Exports + Schedules>(
    State(console): State<Shared<B, S>>,
    Path(name): Path<String>,
) -> Result<Json<ExportRow>, Problem> {
    known(&console, &name)?;
    let documents = console.store.documents(&name, DOCUMENTS).await?;
    Ok(Json(ExportRow { documents, ..row(&console, &name).await? }))
}

/// A document, and what is in it.
#[derive(Debug, Serialize)]
pub(super) struct DocumentAnswer {
    export: String,
    document: DocumentState,
    /// `order/WEB-1001/placed`
    parts: Vec<String>,
}

/// `GET /api/v1/exports/{name}/documents/{number}`
pub(super) async fn document<B: Broker, S: Exports>(
    State(console): State<Shared<B, S>>,
    Path((name, number)): Path<(String, u64)>,
) -> Result<Json<DocumentAnswer>, Problem> {
    known(&console, &name)?;
    let Some((document, parts)) = console.store.document(&name, number).await? else {
        return Err(Problem::not_found(format!("{name} has no document {number}")));
    };
    let parts = parts.iter().map(ToString::to_string).collect();
    Ok(Json(DocumentAnswer { export: name, document, parts }))
}

/// `POST …/run`: a loader runs it within seconds, also while it is paused.
pub(super) async fn run<B: Broker, S: Exports + Journal + Schedules>(
    State(console): State<Shared<B, S>>,
    Path(name): Path<String>,
    Command(By { by }): Command<By>,
) -> Result<Json<ExportRow>, Problem> {
    known(&console, &name)?;
    let by = word("by", &by, BY_BYTES_MAX)?.to_owned();
    let told = format!("asked for by {by}");
    let change = ScheduleChange::Ask { by };
    console.store.change_schedule(&format!("{EXPORT}{name}"), change).await?;
    let operation = "export asked".to_owned();
    note(&console, Act { system: &name, operation, result: "asked", told }).await;
    Ok(Json(row(&console, &name).await?))
}

/// `POST …/documents/{number}/dissolve`: its parts go into the next document, as they are then.
pub(super) async fn dissolve<B: Broker, S: Exports + Journal + Schedules>(
    State(console): State<Shared<B, S>>,
    Path((name, number)): Path<(String, u64)>,
    Command(By { by }): Command<By>,
) -> Result<Json<ExportRow>, Problem> {
    known(&console, &name)?;
    let told = format!("dissolved by {}", word("by", &by, BY_BYTES_MAX)?);
    if !console.store.dissolve(&name, number, &told).await? {
        let detail = format!("document {number} of {name} is not on its way");
        return Err(Problem::not_found(detail));
    }
    let operation = format!("export document {number} dissolved");
    note(&console, Act { system: &name, operation, result: "dissolved", told }).await;
    Ok(Json(row(&console, &name).await?))
}

fn known<B, S>(console: &Console<B, S>, name: &str) -> Result<(), Problem> {
    if matches!(console.config.systems.get(name), Some(SystemConfig::Export(_))) {
        return Ok(());
    }
    let name: String = name.chars().take(60).collect();
    Err(Problem::not_found(format!("no export is called `{name}`")))
}
