//! Care states: one JSON row per target, decided on under its lock.

use std::time::Duration;

use deadpool_postgres::Transaction;
use jiff::Timestamp;

use super::{
    PostgresStore,
    error::Trouble,
    value::{json, text, wide},
};
use crate::{
    Attendance, Attended, Care, CareState, StoreError,
    care::{Pause, after},
};

impl PostgresStore {
    async fn try_attend(&self, attendance: &Attendance) -> Result<Attended, Trouble> {
        let mut session = self.pool.session().await?;
        let transaction = session.transaction().await?;
        let found = read(&transaction, &attendance.target).await?;
        let mut state = found.clone();
        let attended = state.attend(attendance, self.now(&transaction).await?);
        if state == found {
            return Ok(attended);
        }
        let found = hold(&transaction, &attendance.target).await?;
        let mut state = found.clone();
        let mut attended = state.attend(attendance, self.now(&transaction).await?);
        if state != found {
            attended.state = store(&transaction, state).await?;
        }
        transaction.commit().await?;
        Ok(attended)
    }

    async fn try_care(
        &self,
        target: &str,
        change: &(impl Fn(&mut CareState, Timestamp) + Sync),
    ) -> Result<CareState, Trouble> {
        let mut session = self.pool.session().await?;
        let transaction = session.transaction().await?;
        let mut state = hold(&transaction, target).await?;
        change(&mut state, self.now(&transaction).await?);
        let state = store(&transaction, state).await?;
        transaction.commit().await?;
        Ok(state)
    }
}

impl Care for PostgresStore {
    async fn cares(&self) -> Result<Vec<CareState>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = super::view(&mut session).await?;
            let now = self.now(&transaction).await?;
            all(&transaction, now).await
        };
        self.pool.attempt(work).await
    }

    async fn attend(&self, attendance: Attendance) -> Result<Attended, StoreError> {
        self.pool.attempt(|| self.try_attend(&attendance)).await
    }

    async fn pause(
        &self,
        target: &str,
        by: &str,
        reason: &str,
        lasting: Option<Duration>,
    ) -> Result<CareState, StoreError> {
        let change = |state: &mut CareState, now| {
            state.tidy(now);
            let until = lasting.map(|lasting| after(now, lasting));
            state.pause(Pause { reason: reason.to_owned(), by: by.to_owned(), since: now, until });
        };
        self.pool.attempt(|| self.try_care(target, &change)).await
    }

    async fn resume(&self, target: &str) -> Result<CareState, StoreError> {
        self.pool.attempt(|| self.try_care(target, &CareState::resume)).await
    }
}

async fn all(transaction: &Transaction<'_>, now: Timestamp) -> Result<Vec<CareState>, Trouble> {
    let mut states = Vec::new();
    for row in transaction.query("SELECT state FROM care ORDER BY target", &[]).await? {
        let mut state: CareState = json(&row, "state")?;
        state.tidy(now);
        states.push(state);
    }
    Ok(states)
}

/// A look that holds up nobody.
async fn read(transaction: &Transaction<'_>, target: &str) -> Result<CareState, Trouble> {
    let sql = "SELECT state FROM care WHERE target = $1";
    let found = transaction.query_opt(sql, &[&target]).await?;
    Ok(found.map_or_else(|| Ok(CareState::new(target)), |row| json(&row, "state"))?)
}

/// The state, which nobody else changes until this transaction ends.
async fn hold(transaction: &Transaction<'_>, target: &str) -> Result<CareState, Trouble> {
    let fresh = text(&CareState::new(target))?;
    let insert = "INSERT INTO care (target, version, state) VALUES ($1, 0, $2)
                  ON CONFLICT (target) DO NOTHING";
    transaction.execute(insert, &[&target, &fresh]).await?;
    let sql = "SELECT state FROM care WHERE target = $1 FOR UPDATE";
    Ok(json(&transaction.query_one(sql, &[&target]).await?, "state")?)
}

async fn store(transaction: &Transaction<'_>, mut state: CareState) -> Result<CareState, Trouble> {
    state.version += 1;
    let form = text(&state)?;
    let update = "UPDATE care SET version = $2, state = $3 WHERE target = $1";
    transaction.execute(update, &[&state.target, &wide(state.version), &form]).await?;
    Ok(state)
}
