//! Alerts and what is told of them.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row as SqlRow};
use uuid::Uuid;

use super::{
    Turn,
    value::{micros, narrow, span, time, wide},
};
use crate::{
    Alert, Dying, Look, Notice, Observed, Phase, StoreError, Telling, Told,
    alerts::{self, Episode, NoticeState, Row, Step},
};

const ALERT: &str = "id, kind, subject, summary, count, opened_at, resolved_at";

pub(super) fn observe(turn: Turn<'_>, look: &Look) -> Result<Observed, StoreError> {
    let steps = alerts::plan(&open(turn.ledger)?, look, turn.now);
    let mut observed = Observed::default();
    for step in steps {
        match step {
            Step::Open(alert) => {
                insert(turn.ledger, &alert)?;
                observed.opened.push(alert);
            }
            Step::Update { alert, summary, count } => {
                update(turn.ledger, alert, &summary, count)?;
            }
            Step::Resolve(alert) => {
                resolve(turn, &alert)?;
                observed.resolved.push(alert);
            }
            Step::Tell { id, alert, channel, phase } => tell(turn, id, alert, &channel, phase)?,
        }
    }
    if !observed.resolved.is_empty() {
        prune(turn)?;
    }
    Ok(observed)
}

fn open(ledger: &Connection) -> Result<Vec<Episode>, StoreError> {
    let sql = format!("SELECT {ALERT} FROM alert WHERE resolved_at IS NULL");
    let mut select = ledger.prepare_cached(&sql)?;
    let mut rows = select.query(())?;
    let mut episodes = Vec::new();
    while let Some(row) = rows.next()? {
        let alert = alert(row)?;
        let rows = notices(ledger, alert.id)?;
        episodes.push(Episode { alert, rows });
    }
    Ok(episodes)
}

fn notices(ledger: &Connection, alert: Uuid) -> Result<Vec<Row>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT channel, attempts, state, ended_at FROM notice WHERE alert = ?1 ORDER BY ordinal",
    )?;
    let mut rows = select.query([alert.as_bytes()])?;
    let mut notices = Vec::new();
    while let Some(row) = rows.next()? {
        let state: String = row.get("state")?;
        let ended_at: Option<i64> = row.get("ended_at")?;
        notices.push(Row {
            channel: row.get("channel")?,
            attempts: narrow(row.get("attempts")?)?,
            state: NoticeState::parse(&state).ok_or_else(|| word("state", "a notice"))?,
            ended_at: ended_at.map(time).transpose()?,
        });
    }
    Ok(notices)
}

fn insert(ledger: &Connection, alert: &Alert) -> Result<(), StoreError> {
    let mut insert = ledger.prepare_cached(
        "INSERT INTO alert (id, kind, subject, summary, count, opened_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let (count, opened_at) = (wide(alert.count), micros(alert.opened_at));
    let id = alert.id.as_bytes();
    insert.execute((id, &alert.kind, &alert.subject, &alert.summary, count, opened_at))?;
    Ok(())
}

fn update(ledger: &Connection, id: Uuid, summary: &str, count: u64) -> Result<(), StoreError> {
    let mut update =
        ledger.prepare_cached("UPDATE alert SET summary = ?2, count = ?3 WHERE id = ?1")?;
    update.execute((id.as_bytes(), summary, wide(count)))?;
    Ok(())
}

fn resolve(Turn { ledger, now }: Turn<'_>, alert: &Alert) -> Result<(), StoreError> {
    let (id, now) = (alert.id.as_bytes(), micros(now));
    ledger.prepare_cached("UPDATE alert SET resolved_at = ?2 WHERE id = ?1")?.execute((id, now))?;
    ledger
        .prepare_cached(
            "UPDATE notice SET state = 'withdrawn', ended_at = ?2
             WHERE alert = ?1 AND state = 'waiting'",
        )?
        .execute((id, now))?;
    Ok(())
}

fn tell(
    Turn { ledger, now }: Turn<'_>,
    id: Uuid,
    alert: Uuid,
    channel: &str,
    phase: Phase,
) -> Result<(), StoreError> {
    let mut insert = ledger.prepare_cached(
        "INSERT INTO notice (id, alert, channel, phase, state, queued_at, due_at)
         VALUES (?1, ?2, ?3, ?4, 'waiting', ?5, ?5)",
    )?;
    insert.execute((id.as_bytes(), alert.as_bytes(), channel, phase.as_str(), micros(now)))?;
    Ok(())
}

fn prune(Turn { ledger, now }: Turn<'_>) -> Result<(), StoreError> {
    let before = micros(now).saturating_sub(span(alerts::KEPT));
    ledger
        .prepare_cached(
            "DELETE FROM notice WHERE alert IN (SELECT id FROM alert WHERE resolved_at < ?1)",
        )?
        .execute([before])?;
    ledger.prepare_cached("DELETE FROM alert WHERE resolved_at < ?1")?.execute([before])?;
    Ok(())
}

pub(super) fn take(
    Turn { ledger, now }: Turn<'_>,
    channel: &str,
    lease: Duration,
) -> Result<Option<Notice>, StoreError> {
    let at = micros(now);
    let until = at.saturating_add(span(lease));
    // Of one alert and channel, what came first is told first, and nothing beside it.
    let mut take = ledger.prepare_cached(
        "UPDATE notice SET attempts = attempts + 1, leased_until = ?3 WHERE ordinal = (
             SELECT n.ordinal FROM notice n
             WHERE n.channel = ?1 AND n.state = 'waiting' AND n.due_at <= ?2
               AND NOT EXISTS (SELECT 1 FROM notice o WHERE o.alert = n.alert
                               AND o.channel = n.channel AND o.leased_until > ?2)
             ORDER BY n.due_at, n.ordinal LIMIT 1)
         RETURNING id, alert, phase, attempts, queued_at",
    )?;
    let taken = take.query_row((channel, at, until), |row| {
        let (id, alert): ([u8; 16], [u8; 16]) = (row.get(0)?, row.get(1)?);
        let (phase, attempts, queued_at): (String, i64, i64) =
            (row.get(2)?, row.get(3)?, row.get(4)?);
        Ok((Uuid::from_bytes(id), Uuid::from_bytes(alert), phase, attempts, queued_at))
    });
    let Some((id, alert_id, phase, attempts, queued_at)) = taken.optional()? else {
        return Ok(None);
    };
    let sql = format!("SELECT {ALERT} FROM alert WHERE id = ?1");
    let found = ledger.prepare_cached(&sql)?.query_row([alert_id.as_bytes()], |row| Ok(alert(row)));
    Ok(Some(Notice {
        id,
        channel: channel.to_owned(),
        phase: Phase::parse(&phase).ok_or_else(|| word("phase", "a notice"))?,
        attempt: narrow(attempts)?,
        queued_at: time(queued_at)?,
        alert: found??,
    }))
}

pub(super) fn settle(
    Turn { ledger, now }: Turn<'_>,
    id: Uuid,
    attempt: u32,
    telling: &Telling,
) -> Result<bool, StoreError> {
    let now = micros(now);
    let (state, ended_at, due_at, because) = match telling {
        Telling::Told => (NoticeState::Told, Some(now), now, None),
        Telling::Later { delay, because } => {
            (NoticeState::Waiting, None, now.saturating_add(span(*delay)), Some(because))
        }
        Telling::GivenUp { because } => (NoticeState::GivenUp, Some(now), now, Some(because)),
    };
    // What was withdrawn meanwhile stays so, but holds up its successor no longer.
    let mut release = ledger
        .prepare_cached("UPDATE notice SET leased_until = 0 WHERE id = ?1 AND attempts = ?2")?;
    release.execute((id.as_bytes(), attempt))?;
    let mut update = ledger.prepare_cached(
        "UPDATE notice SET state = ?3, ended_at = ?4, due_at = ?5, because = ?6
         WHERE id = ?1 AND attempts = ?2 AND state = 'waiting'",
    )?;
    let settled =
        update.execute((id.as_bytes(), attempt, state.as_str(), ended_at, due_at, because))?;
    Ok(settled > 0)
}

pub(super) fn list(ledger: &Connection, limit: u32) -> Result<Vec<Alert>, StoreError> {
    let sql = format!(
        "SELECT {ALERT} FROM alert
         ORDER BY resolved_at IS NOT NULL, max(opened_at, ifnull(resolved_at, 0)) DESC, id
         LIMIT ?1"
    );
    let mut select = ledger.prepare_cached(&sql)?;
    let mut rows = select.query([limit])?;
    let mut alerts = Vec::new();
    while let Some(row) = rows.next()? {
        let mut alert = alert(row)?;
        alert.told = told(ledger, alert.id)?;
        alerts.push(alert);
    }
    Ok(alerts)
}

/// SQLite's bare columns come from the row that holds the maximum.
fn told(ledger: &Connection, alert: Uuid) -> Result<Vec<Told>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT channel, phase, attempts, state, ended_at, because, max(ordinal) FROM notice
         WHERE alert = ?1 GROUP BY channel ORDER BY channel",
    )?;
    let mut rows = select.query([alert.as_bytes()])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (phase, state): (String, String) = (row.get("phase")?, row.get("state")?);
        let ended_at: Option<i64> = row.get("ended_at")?;
        let at = ended_at.filter(|_| state == NoticeState::Told.as_str());
        all.push(Told {
            channel: row.get("channel")?,
            phase: Phase::parse(&phase).ok_or_else(|| word("phase", "a notice"))?,
            attempts: narrow(row.get("attempts")?)?,
            at: at.map(time).transpose()?,
            because: row.get("because")?,
        });
    }
    Ok(all)
}

pub(super) fn dying(
    Turn { ledger, now }: Turn<'_>,
    within: Duration,
) -> Result<Vec<Dying>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT f.route, f.origin, f.kind,
                (SELECT count(*) FROM dead d
                 WHERE d.origin = f.origin AND d.kind = f.kind AND d.route IS f.route
                   AND d.resolved_at IS NULL)
         FROM (SELECT DISTINCT route, origin, kind FROM dead
               WHERE stored_at > ?1 AND resolved_at IS NULL) f
         ORDER BY f.origin, f.kind, f.route",
    )?;
    let mut rows = select.query([micros(now).saturating_sub(span(within))])?;
    let mut dying = Vec::new();
    while let Some(row) = rows.next()? {
        dying.push(Dying {
            route: row.get(0)?,
            origin: row.get(1)?,
            kind: row.get(2)?,
            letters: narrow(row.get(3)?)?,
        });
    }
    Ok(dying)
}

fn alert(row: &SqlRow<'_>) -> Result<Alert, StoreError> {
    let resolved_at: Option<i64> = row.get("resolved_at")?;
    let resolved_at: Option<Timestamp> = resolved_at.map(time).transpose()?;
    Ok(Alert {
        id: Uuid::from_bytes(row.get("id")?),
        kind: row.get("kind")?,
        subject: row.get("subject")?,
        summary: row.get("summary")?,
        count: narrow(row.get("count")?)?,
        opened_at: time(row.get("opened_at")?)?,
        resolved_at,
        told: Vec::new(),
    })
}

fn word(what: &str, of: &str) -> StoreError {
    StoreError::Corrupt(format!("the {what} of {of} is none"))
}
