//! Schedule states, one JSON row each, changed under its lock; and wakes.

use deadpool_postgres::Transaction;
use jiff::Timestamp;

use super::{
    PostgresStore,
    error::Trouble,
    value::{get, json, narrow, text, time, wide},
};
use crate::{
    ScheduleChange, ScheduleState, Schedules, StoreError, Wake, Wakes, Woken, page::micros,
    storable::scrub,
};

impl Schedules for PostgresStore {
    async fn schedules(&self) -> Result<Vec<ScheduleState>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = super::view(&mut session).await?;
            let now = self.now(&transaction).await?;
            all(&transaction, now).await
        };
        self.pool.attempt(work).await
    }

    async fn schedule(&self, name: &str) -> Result<ScheduleState, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = super::view(&mut session).await?;
            let sql = "SELECT state FROM schedule WHERE name = $1";
            let mut state = match transaction.query_opt(sql, &[&name]).await? {
                Some(row) => json(&row, "state")?,
                None => ScheduleState::new(name),
            };
            state.tidy(self.now(&transaction).await?);
            Ok(state)
        };
        self.pool.attempt(work).await
    }

    async fn change_schedule(
        &self,
        name: &str,
        change: ScheduleChange,
    ) -> Result<ScheduleState, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            let mut state = hold(&transaction, name).await?;
            state.change(&change, self.now(&transaction).await?);
            let state = store(&transaction, state).await?;
            transaction.commit().await?;
            Ok(state)
        };
        self.pool.attempt(work).await
    }
}

impl Wakes for PostgresStore {
    async fn hear(
        &self,
        source: &str,
        message_id: Option<u64>,
        mut wakes: Vec<Wake>,
    ) -> Result<(), StoreError> {
        for wake in &mut wakes {
            scrub(&mut wake.scope);
            scrub(&mut wake.key);
        }
        // One order for all, so that two never wait for each other.
        wakes.sort();
        wakes.dedup();
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            let now = self.now(&transaction).await?;
            if let Some(id) = message_id {
                hear(&transaction, source, id).await?;
            }
            for each in &wakes {
                wake(&transaction, each, now).await?;
            }
            Ok(transaction.commit().await?)
        };
        self.pool.attempt(work).await
    }

    async fn heard(&self, source: &str) -> Result<Option<u64>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = super::view(&mut session).await?;
            let sql = "SELECT message_id FROM heard WHERE source = $1";
            let row = transaction.query_opt(sql, &[&source]).await?;
            let found: Option<i64> = row.as_ref().map(|row| get(row, "message_id")).transpose()?;
            Ok(found.map(narrow).transpose()?)
        };
        self.pool.attempt(work).await
    }

    async fn woken(
        &self,
        source: &str,
        endpoint: &str,
        limit: u32,
    ) -> Result<Vec<Woken>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = super::view(&mut session).await?;
            woken(&transaction, (source, endpoint), limit).await
        };
        self.pool.attempt(work).await
    }

    async fn rest(&self, done: Vec<Woken>) -> Result<(), StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            for each in &done {
                rest(&transaction, each).await?;
            }
            Ok(transaction.commit().await?)
        };
        self.pool.attempt(work).await
    }
}

async fn all(transaction: &Transaction<'_>, now: Timestamp) -> Result<Vec<ScheduleState>, Trouble> {
    let mut states = Vec::new();
    for row in transaction.query("SELECT state FROM schedule ORDER BY name", &[]).await? {
        let mut state: ScheduleState = json(&row, "state")?;
        state.tidy(now);
        states.push(state);
    }
    Ok(states)
}

/// The state, which nobody else changes until this transaction ends.
async fn hold(transaction: &Transaction<'_>, name: &str) -> Result<ScheduleState, Trouble> {
    let fresh = text(&ScheduleState::new(name))?;
    let insert = "INSERT INTO schedule (name, version, state) VALUES ($1, 0, $2)
                  ON CONFLICT (name) DO NOTHING";
    transaction.execute(insert, &[&name, &fresh]).await?;
    let sql = "SELECT state FROM schedule WHERE name = $1 FOR UPDATE";
    Ok(json(&transaction.query_one(sql, &[&name]).await?, "state")?)
}

async fn store(
    transaction: &Transaction<'_>,
    mut state: ScheduleState,
) -> Result<ScheduleState, Trouble> {
    state.version += 1;
    let form = text(&state)?;
    let update = "UPDATE schedule SET version = $2, state = $3 WHERE name = $1";
    transaction.execute(update, &[&state.name, &wide(state.version), &form]).await?;
    Ok(state)
}

async fn hear(transaction: &Transaction<'_>, source: &str, id: u64) -> Result<(), Trouble> {
    let upsert = "INSERT INTO heard (source, message_id) VALUES ($1, $2)
                  ON CONFLICT (source) DO UPDATE SET message_id = excluded.message_id
                  WHERE heard.message_id < excluded.message_id";
    transaction.execute(upsert, &[&source, &wide(id)]).await?;
    Ok(())
}

async fn wake(transaction: &Transaction<'_>, wake: &Wake, now: Timestamp) -> Result<(), Trouble> {
    let upsert = "INSERT INTO wake (source, endpoint, scope, key, at, times)
                  VALUES ($1, $2, $3, $4, $5, 1)
                  ON CONFLICT (source, endpoint, scope, key) DO UPDATE SET times = wake.times + 1";
    let Wake { source, endpoint, scope, key } = wake;
    transaction.execute(upsert, &[source, endpoint, scope, key, &micros(now)]).await?;
    Ok(())
}

async fn woken(
    transaction: &Transaction<'_>,
    (source, endpoint): (&str, &str),
    limit: u32,
) -> Result<Vec<Woken>, Trouble> {
    let sql = "SELECT scope, key, at, times FROM wake WHERE source = $1 AND endpoint = $2
               ORDER BY at, scope, key LIMIT $3";
    let mut found = Vec::new();
    for row in transaction.query(sql, &[&source, &endpoint, &i64::from(limit)]).await? {
        let (source, endpoint) = (source.to_owned(), endpoint.to_owned());
        let (scope, key) = (get(&row, "scope")?, get(&row, "key")?);
        let wake = Wake { source, endpoint, scope, key };
        let since = time(get(&row, "at")?)?;
        found.push(Woken { wake, since, times: narrow(get(&row, "times")?)? });
    }
    Ok(found)
}

/// One that was done, came anew and has come as often by now is another: it waits since later.
async fn rest(transaction: &Transaction<'_>, done: &Woken) -> Result<(), Trouble> {
    let delete = "DELETE FROM wake WHERE source = $1 AND endpoint = $2 AND scope = $3 AND key = $4
                  AND at = $5 AND times = $6";
    let Wake { source, endpoint, scope, key } = &done.wake;
    let (since, times) = (micros(done.since), wide(done.times));
    transaction.execute(delete, &[source, endpoint, scope, key, &since, &times]).await?;
    Ok(())
}
