//! Schedule states, one JSON row each, changed under its lock.

use deadpool_postgres::Transaction;
use jiff::Timestamp;

use super::{
    PostgresStore,
    error::Trouble,
    value::{json, text, wide},
};
use crate::{ScheduleChange, ScheduleState, Schedules, StoreError};

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
