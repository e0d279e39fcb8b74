//! Removals that wait for a person: shown, approved or dismissed, all that wait of one scan.

use axum::{
    Json,
    extract::{Path, State},
};
use ferry_broker::Broker;
use ferry_store::{Decision, Journal, Scans, ScheduleChange, Schedules};
use serde::{Deserialize, Serialize};

use super::{
    Problem, Shared,
    act::{Act, note},
    command::Command,
    schedules::{known, system_of},
    targets::{BY_BYTES_MAX, word},
};

/// So many are shown.
const SHOWN: u32 = 1_000;

/// What waits of one scan.
#[derive(Debug, Serialize)]
pub(super) struct Removals {
    schedule: String,
    count: u64,
    /// The first of them.
    rows: Vec<RemovalRow>,
}

#[derive(Debug, Serialize)]
pub(super) struct RemovalRow {
    /// The source's own id.
    id: String,
    /// The number that other systems know it by.
    number: String,
}

/// Who decides, and about how many: what has come meanwhile was not seen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decided {
    by: String,
    count: u64,
}

/// `GET …/removals`
pub(super) async fn list<B: Broker, S: Scans + Schedules>(
    State(console): State<Shared<B, S>>,
    Path(name): Path<(String, String)>,
) -> Result<Json<Removals>, Problem> {
    let schedule = known(&console, &name).await?.name;
    let held = console.store.held(&schedule, SHOWN).await?;
    let rows = held.rows.into_iter();
    let rows = rows.map(|row| RemovalRow { id: row.id, number: row.known_as }).collect();
    Ok(Json(Removals { schedule, count: held.count, rows }))
}

/// `POST …/removals/approve`: they are asked for once more, and told. The scan is run for that.
pub(super) async fn approve<B: Broker, S: Journal + Scans + Schedules>(
    state: State<Shared<B, S>>,
    name: Path<(String, String)>,
    decided: Command<Decided>,
) -> Result<Json<Removals>, Problem> {
    decide(state, name, decided, Decision::Approve).await
}

/// `POST …/removals/dismiss`: nothing is said of them until they were back.
pub(super) async fn dismiss<B: Broker, S: Journal + Scans + Schedules>(
    state: State<Shared<B, S>>,
    name: Path<(String, String)>,
    decided: Command<Decided>,
) -> Result<Json<Removals>, Problem> {
    decide(state, name, decided, Decision::Dismiss).await
}

async fn decide<B: Broker, S: Journal + Scans + Schedules>(
    State(console): State<Shared<B, S>>,
    Path(name): Path<(String, String)>,
    Command(Decided { by, count }): Command<Decided>,
    decision: Decision,
) -> Result<Json<Removals>, Problem> {
    let by = word("by", &by, BY_BYTES_MAX)?.to_owned();
    let schedule = known(&console, &name).await?.name;
    if count == 0 || !console.store.decide(&schedule, count, decision).await? {
        let held = console.store.held(&schedule, 0).await?.count;
        return Err(Problem::conflict(format!(
            "{held} removals wait, and not {count}: look again"
        )));
    }
    let result = match decision {
        Decision::Approve => "approved",
        Decision::Dismiss => "dismissed",
    };
    let operation = format!("removals of {schedule} {result}");
    let told = format!("{count} by {by}");
    note(&console, Act { system: system_of(&schedule), operation, result, told }).await;
    if decision == Decision::Approve {
        console.store.change_schedule(&schedule, ScheduleChange::Ask { by }).await?;
    }
    list(State(console), Path(name)).await
}
