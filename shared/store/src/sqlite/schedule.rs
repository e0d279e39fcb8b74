//! Schedule states, one JSON row each.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

use super::{SqliteStore, Turn, value::wide};
use crate::{ScheduleChange, ScheduleState, Schedules, StoreError};

impl Schedules for SqliteStore {
    async fn schedules(&self) -> Result<Vec<ScheduleState>, StoreError> {
        let clock = self.options.clock;
        self.run(move |files| files.ledger.read(|ledger| all(ledger, clock()))).await
    }

    async fn schedule(&self, name: &str) -> Result<ScheduleState, StoreError> {
        let (clock, name) = (self.options.clock, name.to_owned());
        self.run(move |files| {
            let mut state = files.ledger.read(|ledger| load(ledger, &name))?;
            state.tidy(clock());
            Ok(state)
        })
        .await
    }

    async fn change_schedule(
        &self,
        name: &str,
        change: ScheduleChange,
    ) -> Result<ScheduleState, StoreError> {
        let (clock, name) = (self.options.clock, name.to_owned());
        self.run(move |files| {
            files.turn(clock, |Turn { ledger, now }| {
                let mut state = load(ledger, &name)?;
                state.change(&change, now);
                store(ledger, state)
            })
        })
        .await
    }
}

fn all(ledger: &Connection, now: Timestamp) -> Result<Vec<ScheduleState>, StoreError> {
    let mut select = ledger.prepare_cached("SELECT state FROM schedule ORDER BY name")?;
    let rows = select.query_map((), |row| row.get::<_, String>(0))?;
    let mut states = Vec::new();
    for row in rows {
        let mut state = parse(&row?)?;
        state.tidy(now);
        states.push(state);
    }
    Ok(states)
}

fn load(ledger: &Connection, name: &str) -> Result<ScheduleState, StoreError> {
    let mut select = ledger.prepare_cached("SELECT state FROM schedule WHERE name = ?1")?;
    let found: Option<String> = select.query_row([name], |row| row.get(0)).optional()?;
    found.map_or_else(|| Ok(ScheduleState::new(name)), |text| parse(&text))
}

fn store(ledger: &Connection, mut state: ScheduleState) -> Result<ScheduleState, StoreError> {
    state.version += 1;
    let text = serde_json::to_string(&state)
        .map_err(|error| StoreError::Corrupt(format!("a schedule has no form: {error}")))?;
    let mut upsert = ledger.prepare_cached(
        "INSERT INTO schedule (name, version, state) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET version = excluded.version, state = excluded.state",
    )?;
    upsert.execute((&state.name, wide(state.version), text))?;
    Ok(state)
}

fn parse(text: &str) -> Result<ScheduleState, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Corrupt(format!("a schedule cannot be read: {error}")))
}
