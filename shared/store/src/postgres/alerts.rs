//! Alerts and what is told of them. One look at a time: looks are few, and two at once would find
//! the same.

use std::time::Duration;

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row as SqlRow;
use uuid::Uuid;

use super::{
    PostgresStore,
    error::Trouble,
    value::{get, narrow, time, wide},
};
use crate::{
    Alert, Alerts, Dying, Look, Notice, Observed, Phase, StoreError, Telling, Told,
    alerts::{self, Episode, NoticeState, Row, Step},
    page::{micros, span},
};

impl PostgresStore {
    async fn try_observe(&self, look: &Look) -> Result<Observed, Trouble> {
        let mut session = self.pool.session().await?;
        let transaction = session.transaction().await?;
        hold(&transaction).await?;
        let now = self.now(&transaction).await?;
        let observed = observe(&transaction, look, now).await?;
        transaction.commit().await?;
        Ok(observed)
    }

    async fn try_take(&self, channel: &str, lease: Duration) -> Result<Option<Notice>, Trouble> {
        let mut session = self.pool.session().await?;
        let transaction = session.transaction().await?;
        hold(&transaction).await?;
        let now = self.now(&transaction).await?;
        let taken = take(&transaction, channel, lease, now).await?;
        transaction.commit().await?;
        Ok(taken)
    }
}

impl Alerts for PostgresStore {
    async fn observe(&self, look: Look) -> Result<Observed, StoreError> {
        self.pool.attempt(|| self.try_observe(&look)).await
    }

    async fn take_notice(
        &self,
        channel: &str,
        lease: Duration,
    ) -> Result<Option<Notice>, StoreError> {
        self.pool.attempt(|| self.try_take(channel, lease)).await
    }

    async fn settle_notice(
        &self,
        id: Uuid,
        attempt: u32,
        telling: Telling,
    ) -> Result<bool, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            let now = self.now(&transaction).await?;
            let settled = settle(&transaction, (id, attempt), &telling, now).await?;
            transaction.commit().await?;
            Ok(settled)
        };
        self.pool.attempt(work).await
    }

    async fn alerts(&self, limit: u32) -> Result<Vec<Alert>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            list(&super::view(&mut session).await?, limit).await
        };
        self.pool.attempt(work).await
    }

    async fn dying(&self, within: Duration) -> Result<Vec<Dying>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = super::view(&mut session).await?;
            let now = self.now(&transaction).await?;
            dying(&transaction, within, now).await
        };
        self.pool.attempt(work).await
    }
}

/// Of all who look or take, one at a time.
async fn hold(transaction: &Transaction<'_>) -> Result<(), Trouble> {
    transaction.execute("LOCK TABLE alert IN SHARE ROW EXCLUSIVE MODE", &[]).await?;
    Ok(())
}

async fn observe(
    transaction: &Transaction<'_>,
    look: &Look,
    now: Timestamp,
) -> Result<Observed, Trouble> {
    let mut observed = Observed::default();
    for step in alerts::plan(&open(transaction).await?, look, now) {
        match step {
            Step::Open(alert) => {
                insert(transaction, &alert).await?;
                observed.opened.push(alert);
            }
            Step::Update { alert, summary, count } => {
                let update = "UPDATE alert SET summary = $2, count = $3 WHERE id = $1";
                transaction.execute(update, &[&alert, &summary, &wide(count)]).await?;
            }
            Step::Resolve(alert) => {
                resolve(transaction, alert.id, micros(now)).await?;
                observed.resolved.push(alert);
            }
            Step::Tell { id, alert, channel, phase } => {
                let insert =
                    "INSERT INTO notice (id, alert, channel, phase, state, queued_at, due_at)
                              VALUES ($1, $2, $3, $4, 'waiting', $5, $5)";
                let phase = phase.as_str();
                transaction.execute(insert, &[&id, &alert, &channel, &phase, &micros(now)]).await?;
            }
        }
    }
    if !observed.resolved.is_empty() {
        prune(transaction, micros(now).saturating_sub(span(alerts::KEPT))).await?;
    }
    Ok(observed)
}

async fn open(transaction: &Transaction<'_>) -> Result<Vec<Episode>, Trouble> {
    let sql = "SELECT * FROM alert WHERE resolved_at IS NULL ORDER BY opened_at, id";
    let mut episodes = Vec::new();
    for row in transaction.query(sql, &[]).await? {
        let alert = alert(&row)?;
        let rows = notices(transaction, alert.id).await?;
        episodes.push(Episode { alert, rows });
    }
    Ok(episodes)
}

async fn notices(transaction: &Transaction<'_>, alert: Uuid) -> Result<Vec<Row>, Trouble> {
    let sql = "SELECT channel, attempts, state, ended_at FROM notice WHERE alert = $1
               ORDER BY ordinal";
    let mut notices = Vec::new();
    for row in transaction.query(sql, &[&alert]).await? {
        let state = NoticeState::parse(get(&row, "state")?).ok_or_else(|| none("state"))?;
        let ended_at: Option<i64> = get(&row, "ended_at")?;
        notices.push(Row {
            channel: get(&row, "channel")?,
            attempts: narrow(get(&row, "attempts")?)?,
            state,
            ended_at: ended_at.map(time).transpose()?,
        });
    }
    Ok(notices)
}

async fn insert(transaction: &Transaction<'_>, alert: &Alert) -> Result<(), Trouble> {
    let insert = "INSERT INTO alert (id, kind, subject, summary, count, opened_at)
                  VALUES ($1, $2, $3, $4, $5, $6)";
    let (count, opened_at) = (wide(alert.count), micros(alert.opened_at));
    let Alert { id, kind, subject, summary, .. } = alert;
    transaction.execute(insert, &[id, kind, subject, summary, &count, &opened_at]).await?;
    Ok(())
}

async fn resolve(transaction: &Transaction<'_>, id: Uuid, now: i64) -> Result<(), Trouble> {
    let update = "UPDATE alert SET resolved_at = $2 WHERE id = $1";
    transaction.execute(update, &[&id, &now]).await?;
    let withdraw = "UPDATE notice SET state = 'withdrawn', ended_at = $2
                    WHERE alert = $1 AND state = 'waiting'";
    transaction.execute(withdraw, &[&id, &now]).await?;
    Ok(())
}

async fn prune(transaction: &Transaction<'_>, before: i64) -> Result<(), Trouble> {
    let notices = "DELETE FROM notice WHERE alert IN (SELECT id FROM alert WHERE resolved_at < $1)";
    transaction.execute(notices, &[&before]).await?;
    transaction.execute("DELETE FROM alert WHERE resolved_at < $1", &[&before]).await?;
    Ok(())
}

async fn take(
    transaction: &Transaction<'_>,
    channel: &str,
    lease: Duration,
    now: Timestamp,
) -> Result<Option<Notice>, Trouble> {
    let at = micros(now);
    let until = at.saturating_add(span(lease));
    // Of one alert and channel, what came first is told first, and nothing beside it.
    let take = "UPDATE notice SET attempts = attempts + 1, leased_until = $3 WHERE ordinal = (
             SELECT n.ordinal FROM notice n
             WHERE n.channel = $1 AND n.state = 'waiting' AND n.due_at <= $2
               AND NOT EXISTS (SELECT 1 FROM notice o WHERE o.alert = n.alert
                               AND o.channel = n.channel AND o.leased_until > $2)
             ORDER BY n.due_at, n.ordinal LIMIT 1)
         RETURNING id, alert, phase, attempts, queued_at";
    let Some(row) = transaction.query_opt(take, &[&channel, &at, &until]).await? else {
        return Ok(None);
    };
    let alert_id: Uuid = get(&row, "alert")?;
    let found = transaction.query_one("SELECT * FROM alert WHERE id = $1", &[&alert_id]).await?;
    Ok(Some(Notice {
        id: get(&row, "id")?,
        channel: channel.to_owned(),
        phase: Phase::parse(get(&row, "phase")?).ok_or_else(|| none("phase"))?,
        attempt: narrow(get(&row, "attempts")?)?,
        queued_at: time(get(&row, "queued_at")?)?,
        alert: alert(&found)?,
    }))
}

async fn settle(
    transaction: &Transaction<'_>,
    (id, attempt): (Uuid, u32),
    telling: &Telling,
    now: Timestamp,
) -> Result<bool, Trouble> {
    let now = micros(now);
    let (state, ended_at, due_at, because) = match telling {
        Telling::Told => (NoticeState::Told, Some(now), now, None),
        Telling::Later { delay, because } => {
            (NoticeState::Waiting, None, now.saturating_add(span(*delay)), Some(because))
        }
        Telling::GivenUp { because } => (NoticeState::GivenUp, Some(now), now, Some(because)),
    };
    let attempt = i64::from(attempt);
    // What was withdrawn meanwhile stays so, but holds up its successor no longer.
    let release = "UPDATE notice SET leased_until = 0 WHERE id = $1 AND attempts = $2";
    transaction.execute(release, &[&id, &attempt]).await?;
    let update = "UPDATE notice SET state = $3, ended_at = $4, due_at = $5, because = $6
                  WHERE id = $1 AND attempts = $2 AND state = 'waiting'";
    let settled = transaction
        .execute(update, &[&id, &attempt, &state.as_str(), &ended_at, &due_at, &because])
        .await?;
    Ok(settled > 0)
}

async fn list(transaction: &Transaction<'_>, limit: u32) -> Result<Vec<Alert>, Trouble> {
    let sql = "SELECT * FROM alert
               ORDER BY resolved_at IS NOT NULL,
                        greatest(opened_at, coalesce(resolved_at, 0)) DESC, id
               LIMIT $1";
    let mut alerts = Vec::new();
    for row in transaction.query(sql, &[&i64::from(limit)]).await? {
        let mut alert = alert(&row)?;
        alert.told = told(transaction, alert.id).await?;
        alerts.push(alert);
    }
    Ok(alerts)
}

async fn told(transaction: &Transaction<'_>, alert: Uuid) -> Result<Vec<Told>, Trouble> {
    let sql = "SELECT DISTINCT ON (channel) channel, phase, attempts, state, ended_at, because
               FROM notice WHERE alert = $1 ORDER BY channel, ordinal DESC";
    let mut all = Vec::new();
    for row in transaction.query(sql, &[&alert]).await? {
        let state: &str = get(&row, "state")?;
        let ended_at: Option<i64> = get(&row, "ended_at")?;
        let at = ended_at.filter(|_| state == NoticeState::Told.as_str());
        all.push(Told {
            channel: get(&row, "channel")?,
            phase: Phase::parse(get(&row, "phase")?).ok_or_else(|| none("phase"))?,
            attempts: narrow(get(&row, "attempts")?)?,
            at: at.map(time).transpose()?,
            because: get(&row, "because")?,
        });
    }
    Ok(all)
}

async fn dying(
    transaction: &Transaction<'_>,
    within: Duration,
    now: Timestamp,
) -> Result<Vec<Dying>, Trouble> {
    let sql = "SELECT f.route, f.origin, f.kind,
                      (SELECT count(*) FROM dead d
                       WHERE d.origin = f.origin AND d.kind = f.kind
                         AND d.route IS NOT DISTINCT FROM f.route
                         AND d.resolved_at IS NULL) AS letters
               FROM (SELECT DISTINCT route, origin, kind FROM dead
                     WHERE stored_at > $1 AND resolved_at IS NULL) f
               ORDER BY f.origin, f.kind, f.route NULLS FIRST";
    let after = micros(now).saturating_sub(span(within));
    let mut dying = Vec::new();
    for row in transaction.query(sql, &[&after]).await? {
        dying.push(Dying {
            route: get(&row, "route")?,
            origin: get(&row, "origin")?,
            kind: get(&row, "kind")?,
            letters: narrow(get(&row, "letters")?)?,
        });
    }
    Ok(dying)
}

fn alert(row: &SqlRow) -> Result<Alert, StoreError> {
    let resolved_at: Option<i64> = get(row, "resolved_at")?;
    Ok(Alert {
        id: get(row, "id")?,
        kind: get(row, "kind")?,
        subject: get(row, "subject")?,
        summary: get(row, "summary")?,
        count: narrow(get(row, "count")?)?,
        opened_at: time(get(row, "opened_at")?)?,
        resolved_at: resolved_at.map(time).transpose()?,
        told: Vec::new(),
    })
}

fn none(what: &str) -> StoreError {
    StoreError::Corrupt(format!("the {what} of a notice is none"))
}
