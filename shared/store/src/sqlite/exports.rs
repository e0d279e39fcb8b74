//! Exports: parts that wait, and documents.

use ferry_canonical::{Entity, Facet, Subject};
use jiff::Timestamp;
use rusqlite::{Connection, Row};
use uuid::Uuid;

use super::{
    SqliteStore, Turn,
    read::{names, parse},
    value::{micros, narrow, span, time, wide},
};
use crate::{
    DocumentEnd, DocumentPhase, DocumentState, ExportState, Exports, KeptPart, NewDocument,
    OpenDocument, StoreError, Waiting,
    export::{forgotten, list, listed},
    page::Page,
};

/// What is known of a document, but for its bytes and what is in it.
const FACTS: &str =
    "number, id, name, sha256, bytes, row_count, part_count, phase, frozen_at, tries,
    tried_at, not_before, ended_at, detail";

impl Exports for SqliteStore {
    async fn export(&self, target: &str, count_max: u32) -> Result<ExportState, StoreError> {
        let target = target.to_owned();
        self.run(move |files| files.ledger.read(|ledger| export(ledger, &target, count_max))).await
    }

    async fn waiting(
        &self,
        target: &str,
        after: Option<&Waiting>,
        limit: u32,
    ) -> Result<Vec<Waiting>, StoreError> {
        let (target, after) = (target.to_owned(), after.cloned());
        self.run(move |files| {
            files.ledger.read(|ledger| waiting(ledger, &target, after.as_ref(), limit))
        })
        .await
    }

    async fn pass_over(&self, target: &str, parts: Vec<KeptPart>) -> Result<(), StoreError> {
        let target = target.to_owned();
        self.run(move |files| files.ledger.write(|ledger| take(ledger, &target, &parts))).await
    }

    async fn freeze(&self, document: NewDocument) -> Result<bool, StoreError> {
        let clock = self.options.clock;
        self.run(move |files| files.turn(clock, |turn| freeze(turn, &document))).await
    }

    async fn open_document(&self, target: &str) -> Result<Option<OpenDocument>, StoreError> {
        let target = target.to_owned();
        self.run(move |files| files.ledger.read(|ledger| open(ledger, &target))).await
    }

    async fn settle_document(
        &self,
        target: &str,
        number: u64,
        end: DocumentEnd,
    ) -> Result<bool, StoreError> {
        let (clock, target) = (self.options.clock, target.to_owned());
        self.run(move |files| files.turn(clock, |turn| settle(turn, (&target, number), &end))).await
    }

    async fn dissolve(&self, target: &str, number: u64, because: &str) -> Result<bool, StoreError> {
        let (clock, target, because) = (self.options.clock, target.to_owned(), because.to_owned());
        self.run(move |files| files.turn(clock, |turn| dissolve(turn, (&target, number), &because)))
            .await
    }

    async fn documents(&self, target: &str, limit: u32) -> Result<Vec<DocumentState>, StoreError> {
        let target = target.to_owned();
        self.run(move |files| files.ledger.read(|ledger| documents(ledger, &target, limit))).await
    }

    async fn document(
        &self,
        target: &str,
        number: u64,
    ) -> Result<Option<(DocumentState, Vec<Subject>)>, StoreError> {
        let target = target.to_owned();
        self.run(move |files| files.ledger.read(|ledger| document(ledger, &target, number))).await
    }
}

/// What a batch has settled for exports waits from now on, or goes on waiting.
pub(super) fn keep(ledger: &Connection, page: &Page) -> Result<(), StoreError> {
    for (place, version) in &page.kept {
        let (entity, id, target) = names(&place.at);
        let mut upsert = ledger.prepare_cached(
            "INSERT INTO export_part (target, entity, id, facet, part, version, since)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (target, entity, id, facet, part)
             DO UPDATE SET version = excluded.version",
        )?;
        let (facet, since) = (place.facet.as_str(), micros(page.now));
        upsert.execute((target, entity, id, facet, &place.part, version, since))?;
    }
    Ok(())
}

fn export(ledger: &Connection, target: &str, count_max: u32) -> Result<ExportState, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT count(*), min(since)
         FROM (SELECT since FROM export_part WHERE target = ?1 ORDER BY since LIMIT ?2)",
    )?;
    let (waiting, since): (i64, Option<i64>) =
        select.query_row((target, count_max.max(1)), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut select = ledger.prepare_cached(
        "SELECT max(number), max(CASE WHEN phase = 'delivered' THEN ended_at END)
         FROM export_document WHERE target = ?1",
    )?;
    let (last, delivered_at): (Option<i64>, Option<i64>) =
        select.query_row([target], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let sql = format!("SELECT {FACTS} FROM export_document WHERE target = ?1 AND phase = 'open'");
    let mut select = ledger.prepare_cached(&sql)?;
    let mut rows = select.query([target])?;
    let open = rows.next()?.map(state).transpose()?;
    Ok(ExportState {
        waiting: narrow(waiting)?,
        waiting_since: since.map(time).transpose()?,
        open,
        last_number: narrow(last.unwrap_or(0))?,
        delivered_at: delivered_at.map(time).transpose()?,
    })
}

fn waiting(
    ledger: &Connection,
    target: &str,
    after: Option<&Waiting>,
    limit: u32,
) -> Result<Vec<Waiting>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT p.id, p.facet, p.part, p.version, p.since, s.document
         FROM export_part p
         JOIN state s ON s.entity = p.entity AND s.id = p.id AND s.system = p.target
                     AND s.facet = p.facet AND s.part = p.part
         WHERE p.target = ?1 AND (p.since, p.entity, p.id, p.facet, p.part) > (?2, ?3, ?4, ?5, ?6)
         ORDER BY p.since, p.entity, p.id, p.facet, p.part LIMIT ?7",
    )?;
    let since = after.map_or(i64::MIN, |after| micros(after.since));
    let subject = after.map(|after| &after.part.subject);
    let entity = subject.map(|subject| subject.entity().as_str()).unwrap_or_default();
    let id = subject.map(|subject| subject.id.as_str()).unwrap_or_default();
    let facet = subject.map(|subject| subject.facet.as_str()).unwrap_or_default();
    let part = subject.and_then(|subject| subject.part.as_deref()).unwrap_or_default();
    let mut rows = select.query((target, since, entity, id, facet, part, limit))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let part: String = row.get("part")?;
        let subject = Subject {
            facet: parse(&row.get::<_, String>("facet")?)?,
            id: row.get("id")?,
            part: (!part.is_empty()).then_some(part),
        };
        let part = KeptPart { subject, version: row.get("version")? };
        let since = time(row.get("since")?)?;
        found.push(Waiting { part, since, document: row.get("document")? });
    }
    Ok(found)
}

/// Parts wait no longer, as far as nothing newer was kept of them.
fn take(ledger: &Connection, target: &str, parts: &[KeptPart]) -> Result<(), StoreError> {
    let mut delete = ledger.prepare_cached(
        "DELETE FROM export_part WHERE target = ?1 AND entity = ?2 AND id = ?3 AND facet = ?4
           AND part = ?5 AND version = ?6",
    )?;
    for KeptPart { subject, version } in parts {
        let (entity, facet, part) = columns(subject);
        delete.execute((target, entity.as_str(), &subject.id, facet.as_str(), part, version))?;
    }
    Ok(())
}

fn columns(subject: &Subject) -> (Entity, Facet, &str) {
    (subject.entity(), subject.facet, subject.part.as_deref().unwrap_or_default())
}

fn freeze(turn: Turn<'_>, document: &NewDocument) -> Result<bool, StoreError> {
    let mut insert = turn.ledger.prepare_cached(
        "INSERT INTO export_document (target, number, id, name, media_type, sha256, bytes, row_count,
                                      part_count, parts, phase, frozen_at, tries, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'open', ?11, 0, ?12)
         ON CONFLICT DO NOTHING",
    )?;
    let inserted = insert.execute(rusqlite::params![
        document.target,
        wide(document.number),
        document.id.as_bytes(),
        document.name,
        document.media_type,
        document.sha256,
        wide(length(document.body.len())),
        wide(document.rows),
        wide(length(document.parts.len())),
        list(&document.parts)?,
        micros(turn.now),
        document.body,
    ])?;
    if inserted > 0 {
        take(turn.ledger, &document.target, &document.parts)?;
    }
    Ok(inserted > 0)
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn open(ledger: &Connection, target: &str) -> Result<Option<OpenDocument>, StoreError> {
    let sql = format!(
        "SELECT {FACTS}, media_type, body FROM export_document WHERE target = ?1 AND phase = 'open'"
    );
    let mut select = ledger.prepare_cached(&sql)?;
    let mut rows = select.query([target])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (media_type, body) = (row.get("media_type")?, row.get("body")?);
    Ok(Some(OpenDocument { state: state(row)?, media_type, body }))
}

fn settle(
    turn: Turn<'_>,
    (target, number): (&str, u64),
    end: &DocumentEnd,
) -> Result<bool, StoreError> {
    let now = micros(turn.now);
    let key = (target, wide(number), now);
    let changed = match end {
        DocumentEnd::Failed { detail, hold } => turn
            .ledger
            .prepare_cached(
                "UPDATE export_document
                 SET tries = tries + 1, tried_at = ?3, detail = ?4, not_before = ?5
                 WHERE target = ?1 AND number = ?2 AND phase = 'open'",
            )?
            .execute((
                key.0,
                key.1,
                key.2,
                detail,
                hold.map(|hold| now.saturating_add(span(hold))),
            ))?,
        DocumentEnd::Delivered { detail } => turn
            .ledger
            .prepare_cached(
                "UPDATE export_document SET tries = tries + 1, tried_at = ?3, ended_at = ?3,
                        detail = ?4, phase = 'delivered', body = NULL
                 WHERE target = ?1 AND number = ?2 AND phase = 'open'",
            )?
            .execute((key.0, key.1, key.2, detail))?,
    };
    let mut forget = turn.ledger.prepare_cached(
        "DELETE FROM export_document WHERE target = ?1 AND number <= ?2 AND phase <> 'open'",
    )?;
    forget.execute((target, wide(forgotten(number))))?;
    Ok(changed > 0)
}

fn dissolve(
    turn: Turn<'_>,
    (target, number): (&str, u64),
    because: &str,
) -> Result<bool, StoreError> {
    let now = micros(turn.now);
    let mut update = turn.ledger.prepare_cached(
        "UPDATE export_document SET ended_at = ?3, detail = ?4, phase = 'dissolved', body = NULL
         WHERE target = ?1 AND number = ?2 AND phase = 'open'",
    )?;
    if update.execute((target, wide(number), now, because))? == 0 {
        return Ok(false);
    }
    let Some((_, parts)) = document(turn.ledger, target, number)? else { return Ok(true) };
    let mut insert = turn.ledger.prepare_cached(
        "INSERT INTO export_part (target, entity, id, facet, part, version, since)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)
         ON CONFLICT (target, entity, id, facet, part) DO NOTHING",
    )?;
    for subject in &parts {
        let (entity, facet, part) = columns(subject);
        insert.execute((target, entity.as_str(), &subject.id, facet.as_str(), part, now))?;
    }
    Ok(true)
}

fn documents(
    ledger: &Connection,
    target: &str,
    limit: u32,
) -> Result<Vec<DocumentState>, StoreError> {
    let sql = format!(
        "SELECT {FACTS} FROM export_document WHERE target = ?1 ORDER BY number DESC LIMIT ?2"
    );
    let mut select = ledger.prepare_cached(&sql)?;
    let mut rows = select.query((target, limit))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(state(row)?);
    }
    Ok(found)
}

fn document(
    ledger: &Connection,
    target: &str,
    number: u64,
) -> Result<Option<(DocumentState, Vec<Subject>)>, StoreError> {
    let sql =
        format!("SELECT {FACTS}, parts FROM export_document WHERE target = ?1 AND number = ?2");
    let mut select = ledger.prepare_cached(&sql)?;
    let mut rows = select.query((target, wide(number)))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let parts: String = row.get("parts")?;
    Ok(Some((state(row)?, listed(&parts)?)))
}

fn state(row: &Row<'_>) -> Result<DocumentState, StoreError> {
    let optional = |column: &str| -> Result<Option<Timestamp>, StoreError> {
        row.get::<_, Option<i64>>(column)?.map(time).transpose()
    };
    Ok(DocumentState {
        number: narrow(row.get("number")?)?,
        id: Uuid::from_bytes(row.get("id")?),
        name: row.get("name")?,
        sha256: row.get("sha256")?,
        bytes: narrow(row.get("bytes")?)?,
        rows: narrow(row.get("row_count")?)?,
        parts: narrow(row.get("part_count")?)?,
        phase: DocumentPhase::parse(&row.get::<_, String>("phase")?)?,
        frozen_at: time(row.get("frozen_at")?)?,
        tries: narrow(row.get("tries")?)?,
        tried_at: optional("tried_at")?,
        not_before: optional("not_before")?,
        ended_at: optional("ended_at")?,
        detail: row.get("detail")?,
    })
}
