//! Schedule states, one JSON row each, and wakes.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    SqliteStore, Turn,
    value::{micros, narrow, time, wide},
};
use crate::{ScheduleChange, ScheduleState, Schedules, StoreError, Wake, Wakes, Woken};

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

impl Wakes for SqliteStore {
    async fn hear(
        &self,
        source: &str,
        message_id: Option<u64>,
        wakes: Vec<Wake>,
    ) -> Result<(), StoreError> {
        let (clock, source) = (self.options.clock, source.to_owned());
        self.run(move |files| {
            files.turn(clock, |Turn { ledger, now }| {
                if let Some(id) = message_id {
                    hear(ledger, &source, id)?;
                }
                wakes.iter().try_for_each(|each| wake(ledger, each, now))
            })
        })
        .await
    }

    async fn heard(&self, source: &str) -> Result<Option<u64>, StoreError> {
        let source = source.to_owned();
        self.run(move |files| files.ledger.read(|ledger| heard(ledger, &source))).await
    }

    async fn woken(
        &self,
        source: &str,
        endpoint: &str,
        limit: u32,
    ) -> Result<Vec<Woken>, StoreError> {
        let (source, endpoint) = (source.to_owned(), endpoint.to_owned());
        self.run(move |files| files.ledger.read(|ledger| woken(ledger, &source, &endpoint, limit)))
            .await
    }

    async fn rest(&self, done: Vec<Woken>) -> Result<(), StoreError> {
        self.run(move |files| {
            files.ledger.write(|ledger| done.iter().try_for_each(|each| rest(ledger, each)))
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

fn hear(ledger: &Connection, source: &str, id: u64) -> Result<(), StoreError> {
    let mut upsert = ledger.prepare_cached(
        "INSERT INTO heard (source, message_id) VALUES (?1, ?2)
         ON CONFLICT (source) DO UPDATE SET message_id = excluded.message_id
         WHERE heard.message_id < excluded.message_id",
    )?;
    upsert.execute((source, wide(id)))?;
    Ok(())
}

fn heard(ledger: &Connection, source: &str) -> Result<Option<u64>, StoreError> {
    let mut select = ledger.prepare_cached("SELECT message_id FROM heard WHERE source = ?1")?;
    let found: Option<i64> = select.query_row([source], |row| row.get(0)).optional()?;
    found.map(narrow).transpose()
}

fn wake(ledger: &Connection, wake: &Wake, now: Timestamp) -> Result<(), StoreError> {
    let mut upsert = ledger.prepare_cached(
        "INSERT INTO wake (source, endpoint, scope, key, at, times) VALUES (?1, ?2, ?3, ?4, ?5, 1)
         ON CONFLICT (source, endpoint, scope, key) DO UPDATE SET times = wake.times + 1",
    )?;
    upsert.execute((&wake.source, &wake.endpoint, &wake.scope, &wake.key, micros(now)))?;
    Ok(())
}

fn woken(
    ledger: &Connection,
    source: &str,
    endpoint: &str,
    limit: u32,
) -> Result<Vec<Woken>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT scope, key, at, times FROM wake WHERE source = ?1 AND endpoint = ?2
         ORDER BY at, scope, key LIMIT ?3",
    )?;
    let rows = select.query_map((source, endpoint, limit), |row| {
        let times = (row.get::<_, i64>(2)?, row.get::<_, i64>(3)?);
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, times))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (scope, key, (at, times)) = row?;
        let (source, endpoint) = (source.to_owned(), endpoint.to_owned());
        let wake = Wake { source, endpoint, scope, key };
        found.push(Woken { wake, since: time(at)?, times: narrow(times)? });
    }
    Ok(found)
}

/// One that was done, came anew and has come as often by now is another: it waits since later.
fn rest(ledger: &Connection, done: &Woken) -> Result<(), StoreError> {
    let mut delete = ledger.prepare_cached(
        "DELETE FROM wake WHERE source = ?1 AND endpoint = ?2 AND scope = ?3 AND key = ?4
         AND at = ?5 AND times = ?6",
    )?;
    let Wake { source, endpoint, scope, key } = &done.wake;
    delete.execute((source, endpoint, scope, key, micros(done.since), wide(done.times)))?;
    Ok(())
}
