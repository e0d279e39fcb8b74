//! Exports: parts that wait, and documents.

use deadpool_postgres::Transaction;
use ferry_canonical::Subject;
use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    PostgresStore,
    columns::Places,
    error::Trouble,
    read::prepared,
    value::{get, narrow, time, wide, word},
};
use crate::{
    DocumentEnd, DocumentPhase, DocumentState, ExportState, Exports, KeptPart, NewDocument,
    OpenDocument, StoreError, Waiting,
    export::{forgotten, list, listed},
    page::{Page, micros, span},
};

/// What is known of a document, but for its bytes and what is in it.
const FACTS: &str =
    "number, id, name, sha256, bytes, row_count, part_count, phase, frozen_at, tries,
    tried_at, not_before, ended_at, detail";

const KEEP: &str = "INSERT INTO export_part (entity, id, target, facet, part, version, since)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[],
                         $7::bigint[])
    ON CONFLICT (target, entity, id, facet, part) DO UPDATE SET version = excluded.version";

/// Locked in the order of the keys. A part of which something newer was kept meanwhile is left.
const TAKE: &str = "WITH taken AS (
        SELECT p.target, p.entity, p.id, p.facet, p.part
        FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
             k (entity, id, facet, part, version)
        JOIN export_part p ON p.target = $1 AND p.entity = k.entity AND p.id = k.id
                          AND p.facet = k.facet AND p.part = k.part AND p.version = k.version
        ORDER BY p.entity, p.id, p.facet, p.part
        FOR UPDATE OF p)
    DELETE FROM export_part p USING taken t
    WHERE p.target = t.target AND p.entity = t.entity AND p.id = t.id AND p.facet = t.facet
      AND p.part = t.part";

const WAITING: &str = "SELECT p.id, p.facet, p.part, p.version, p.since, s.document
    FROM export_part p
    JOIN state s ON s.entity = p.entity AND s.id = p.id AND s.system = p.target
                AND s.facet = p.facet AND s.part = p.part
    WHERE p.target = $1 AND (p.since, p.entity, p.id, p.facet, p.part) > ($2, $3, $4, $5, $6)
    ORDER BY p.since, p.entity, p.id, p.facet, p.part LIMIT $7";

const AGAIN: &str = "INSERT INTO export_part (target, entity, id, facet, part, version, since)
    SELECT $1::text, k.entity, k.id, k.facet, k.part, 0::bigint, $6::bigint
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) k (entity, id, facet, part)
    ON CONFLICT (target, entity, id, facet, part) DO NOTHING";

const FREEZE: &str = "INSERT INTO export_document (target, number, id, name, media_type, sha256,
        bytes, row_count, part_count, parts, phase, frozen_at, tries, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'open', $11, 0, $12)
    ON CONFLICT DO NOTHING";

impl Exports for PostgresStore {
    async fn export(&self, target: &str, count_max: u32) -> Result<ExportState, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            export(&super::view(&mut session).await?, target, count_max).await
        };
        self.pool.attempt(work).await
    }

    async fn waiting(
        &self,
        target: &str,
        after: Option<&Waiting>,
        limit: u32,
    ) -> Result<Vec<Waiting>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            waiting(&super::view(&mut session).await?, target, after, limit).await
        };
        self.pool.attempt(work).await
    }

    async fn pass_over(&self, target: &str, parts: Vec<KeptPart>) -> Result<(), StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            take(&transaction, target, &parts).await?;
            Ok(transaction.commit().await?)
        };
        self.pool.attempt(work).await
    }

    async fn freeze(&self, document: NewDocument) -> Result<bool, StoreError> {
        let parts = list(&document.parts)?;
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            let at = micros(self.now(&transaction).await?);
            let frozen = freeze(&transaction, &document, &parts, at).await?;
            transaction.commit().await?;
            Ok(frozen)
        };
        self.pool.attempt(work).await
    }

    async fn open_document(&self, target: &str) -> Result<Option<OpenDocument>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = super::view(&mut session).await?;
            let sql = format!(
                "SELECT {FACTS}, media_type, body FROM export_document
                 WHERE target = $1 AND phase = 'open'"
            );
            let Some(row) = transaction.query_opt(sql.as_str(), &[&target]).await? else {
                return Ok(None);
            };
            let (media_type, body) = (get(&row, "media_type")?, get(&row, "body")?);
            Ok(Some(OpenDocument { state: state(&row)?, media_type, body }))
        };
        self.pool.attempt(work).await
    }

    async fn settle_document(
        &self,
        target: &str,
        number: u64,
        end: DocumentEnd,
    ) -> Result<bool, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            let at = micros(self.now(&transaction).await?);
            let settled = settle(&transaction, (target, number), &end, at).await?;
            transaction.commit().await?;
            Ok(settled)
        };
        self.pool.attempt(work).await
    }

    async fn dissolve(&self, target: &str, number: u64, because: &str) -> Result<bool, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = session.transaction().await?;
            let at = micros(self.now(&transaction).await?);
            let dissolved = dissolve(&transaction, (target, number), because, at).await?;
            transaction.commit().await?;
            Ok(dissolved)
        };
        self.pool.attempt(work).await
    }

    async fn documents(&self, target: &str, limit: u32) -> Result<Vec<DocumentState>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = super::view(&mut session).await?;
            let sql = format!(
                "SELECT {FACTS} FROM export_document WHERE target = $1
                 ORDER BY number DESC LIMIT $2"
            );
            let rows = transaction.query(sql.as_str(), &[&target, &i64::from(limit)]).await?;
            rows.iter().map(state).collect()
        };
        self.pool.attempt(work).await
    }

    async fn document(
        &self,
        target: &str,
        number: u64,
    ) -> Result<Option<(DocumentState, Vec<Subject>)>, StoreError> {
        let work = || async {
            let mut session = self.pool.session().await?;
            let transaction = super::view(&mut session).await?;
            let sql = format!(
                "SELECT {FACTS}, parts FROM export_document WHERE target = $1 AND number = $2"
            );
            let Some(row) = transaction.query_opt(sql.as_str(), &[&target, &wide(number)]).await?
            else {
                return Ok(None);
            };
            Ok(Some((state(&row)?, listed(get(&row, "parts")?)?)))
        };
        self.pool.attempt(work).await
    }
}

/// What a batch has settled for exports waits from now on, or goes on waiting.
pub(super) async fn keep(transaction: &Transaction<'_>, page: &Page) -> Result<(), Trouble> {
    if page.kept.is_empty() {
        return Ok(());
    }
    let [keep] = prepared(transaction, [KEEP]).await?;
    let Places { at, facet, part } = Places::of(page.kept.keys());
    let version: Vec<i64> = page.kept.values().copied().collect();
    let since = vec![micros(page.now); version.len()];
    transaction
        .execute(&keep, &[&at.entity, &at.id, &at.system, &facet, &part, &version, &since])
        .await?;
    Ok(())
}

async fn export(
    transaction: &Transaction<'_>,
    target: &str,
    count_max: u32,
) -> Result<ExportState, Trouble> {
    let sql = "SELECT count(*) AS waiting, min(since) AS since
               FROM (SELECT since FROM export_part WHERE target = $1 ORDER BY since LIMIT $2) p";
    let waits = transaction.query_one(sql, &[&target, &i64::from(count_max.max(1))]).await?;
    let sql = "SELECT max(number) AS number,
                      max(CASE WHEN phase = 'delivered' THEN ended_at END) AS delivered_at
               FROM export_document WHERE target = $1";
    let last = transaction.query_one(sql, &[&target]).await?;
    let sql = format!("SELECT {FACTS} FROM export_document WHERE target = $1 AND phase = 'open'");
    let open = transaction.query_opt(sql.as_str(), &[&target]).await?;
    let number: Option<i64> = get(&last, "number")?;
    Ok(ExportState {
        waiting: narrow(get(&waits, "waiting")?)?,
        waiting_since: optional(&waits, "since")?,
        open: open.as_ref().map(state).transpose()?,
        last_number: narrow(number.unwrap_or(0))?,
        delivered_at: optional(&last, "delivered_at")?,
    })
}

async fn waiting(
    transaction: &Transaction<'_>,
    target: &str,
    after: Option<&Waiting>,
    limit: u32,
) -> Result<Vec<Waiting>, Trouble> {
    let [select] = prepared(transaction, [WAITING]).await?;
    let since = after.map_or(i64::MIN, |after| micros(after.since));
    let subject = after.map(|after| &after.part.subject);
    let entity = subject.map(|subject| subject.entity().as_str()).unwrap_or_default();
    let id = subject.map(|subject| subject.id.as_str()).unwrap_or_default();
    let facet = subject.map(|subject| subject.facet.as_str()).unwrap_or_default();
    let part = subject.and_then(|subject| subject.part.as_deref()).unwrap_or_default();
    let limit = i64::from(limit);
    let rows =
        transaction.query(&select, &[&target, &since, &entity, &id, &facet, &part, &limit]).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let part: String = get(row, "part")?;
        let part = (!part.is_empty()).then_some(part);
        let subject = Subject { facet: word(row, "facet")?, id: get(row, "id")?, part };
        let part = KeptPart { subject, version: get(row, "version")? };
        let since = time(get(row, "since")?)?;
        found.push(Waiting { part, since, document: get(row, "document")? });
    }
    Ok(found)
}

/// Subjects as columns.
#[derive(Debug, Default)]
struct Subjects<'a> {
    entity: Vec<&'a str>,
    id: Vec<&'a str>,
    facet: Vec<&'a str>,
    part: Vec<&'a str>,
}

impl<'a> Subjects<'a> {
    fn of(all: impl Iterator<Item = &'a Subject>) -> Self {
        let mut columns = Self::default();
        for subject in all {
            columns.entity.push(subject.entity().as_str());
            columns.id.push(&subject.id);
            columns.facet.push(subject.facet.as_str());
            columns.part.push(subject.part.as_deref().unwrap_or_default());
        }
        columns
    }
}

async fn take(
    transaction: &Transaction<'_>,
    target: &str,
    parts: &[KeptPart],
) -> Result<(), Trouble> {
    let [take] = prepared(transaction, [TAKE]).await?;
    let Subjects { entity, id, facet, part } = Subjects::of(parts.iter().map(|part| &part.subject));
    let version: Vec<i64> = parts.iter().map(|part| part.version).collect();
    transaction.execute(&take, &[&target, &entity, &id, &facet, &part, &version]).await?;
    Ok(())
}

async fn freeze(
    transaction: &Transaction<'_>,
    document: &NewDocument,
    parts: &str,
    at: i64,
) -> Result<bool, Trouble> {
    let [insert] = prepared(transaction, [FREEZE]).await?;
    let length = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let (bytes, count) = (length(document.body.len()), length(document.parts.len()));
    let inserted = transaction
        .execute(
            &insert,
            &[
                &document.target,
                &wide(document.number),
                &document.id,
                &document.name,
                &document.media_type,
                &document.sha256,
                &bytes,
                &wide(document.rows),
                &count,
                &parts,
                &at,
                &document.body,
            ],
        )
        .await?;
    if inserted > 0 {
        take(transaction, &document.target, &document.parts).await?;
    }
    Ok(inserted > 0)
}

async fn settle(
    transaction: &Transaction<'_>,
    (target, number): (&str, u64),
    end: &DocumentEnd,
    at: i64,
) -> Result<bool, Trouble> {
    let key = wide(number);
    let changed = match end {
        DocumentEnd::Failed { detail, hold } => {
            let update = "UPDATE export_document
                          SET tries = tries + 1, tried_at = $3, detail = $4, not_before = $5
                          WHERE target = $1 AND number = $2 AND phase = 'open'";
            let not_before = hold.map(|hold| at.saturating_add(span(hold)));
            transaction.execute(update, &[&target, &key, &at, detail, &not_before]).await?
        }
        DocumentEnd::Delivered { detail } => {
            let update = "UPDATE export_document SET tries = tries + 1, tried_at = $3,
                                 ended_at = $3, detail = $4, phase = 'delivered', body = NULL
                          WHERE target = $1 AND number = $2 AND phase = 'open'";
            transaction.execute(update, &[&target, &key, &at, detail]).await?
        }
    };
    let forget =
        "DELETE FROM export_document WHERE target = $1 AND number <= $2 AND phase <> 'open'";
    transaction.execute(forget, &[&target, &wide(forgotten(number))]).await?;
    Ok(changed > 0)
}

async fn dissolve(
    transaction: &Transaction<'_>,
    (target, number): (&str, u64),
    because: &str,
    at: i64,
) -> Result<bool, Trouble> {
    let update = "UPDATE export_document
                  SET ended_at = $3, detail = $4, phase = 'dissolved', body = NULL
                  WHERE target = $1 AND number = $2 AND phase = 'open' RETURNING parts";
    let updated = transaction.query_opt(update, &[&target, &wide(number), &at, &because]).await?;
    let Some(row) = updated else { return Ok(false) };
    let parts = listed(get(&row, "parts")?)?;
    let Subjects { entity, id, facet, part } = Subjects::of(parts.iter());
    let [again] = prepared(transaction, [AGAIN]).await?;
    transaction.execute(&again, &[&target, &entity, &id, &facet, &part, &at]).await?;
    Ok(true)
}

fn optional(row: &Row, column: &str) -> Result<Option<Timestamp>, Trouble> {
    Ok(get::<Option<i64>>(row, column)?.map(time).transpose()?)
}

fn state(row: &Row) -> Result<DocumentState, Trouble> {
    Ok(DocumentState {
        number: narrow(get(row, "number")?)?,
        id: get(row, "id")?,
        name: get(row, "name")?,
        sha256: get(row, "sha256")?,
        bytes: narrow(get(row, "bytes")?)?,
        rows: narrow(get(row, "row_count")?)?,
        parts: narrow(get(row, "part_count")?)?,
        phase: DocumentPhase::parse(get(row, "phase")?)?,
        frozen_at: time(get(row, "frozen_at")?)?,
        tries: narrow(get(row, "tries")?)?,
        tried_at: optional(row, "tried_at")?,
        not_before: optional(row, "not_before")?,
        ended_at: optional(row, "ended_at")?,
        detail: get(row, "detail")?,
    })
}
