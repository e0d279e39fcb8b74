//! The journal's rows and their words.

use std::{collections::BTreeMap, time::Duration};

use deadpool_postgres::Transaction;
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::{
    error::Trouble,
    read::prepared,
    value::{duration, get, narrow_option, time},
    words::{Phrases, vector},
};
use crate::{
    Direction, JournalEntry, JournalFilter, JournalRow, StoreError,
    page::{micros, span},
};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 500;
/// Rows that have the words of a phrase are looked at for the phrase itself, so many at a time.
const LOOK_AT: u32 = 200;

/// Only facts have keys; what a loader skips is a delivery and is counted as an outcome.
const APPEND: &str = "WITH added AS (
        INSERT INTO journal (at, direction, system, operation, route, entity, entity_id, part,
                             event_id, record_id, attempt, status, duration, result, detail, rule,
                             key, request, response, words)
        SELECT k.at, k.direction, k.system, k.operation, k.route, k.entity, k.entity_id, k.part,
               k.event_id, k.record_id, k.attempt, k.status, k.duration, k.result, k.detail,
               k.rule, k.key, k.request, k.response, k.words::tsvector
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                    $7::text[], $8::text[], $9::uuid[], $10::uuid[], $11::bigint[], $12::bigint[],
                    $13::bigint[], $14::text[], $15::text[], $16::text[], $17::text[],
                    $18::text[], $19::text[], $20::text[])
             WITH ORDINALITY
             k (at, direction, system, operation, route, entity, entity_id, part, event_id,
                record_id, attempt, status, duration, result, detail, rule, key, request,
                response, words, n)
        ORDER BY k.n
        ON CONFLICT (key) WHERE key IS NOT NULL DO NOTHING
        RETURNING system, result, key)
    INSERT INTO skip_tally (system, items)
    SELECT system, count(*) FROM added WHERE result = 'skipped' AND key IS NOT NULL
    GROUP BY system ORDER BY system
    ON CONFLICT (system) DO UPDATE SET items = skip_tally.items + excluded.items";

const COLUMNS: &str = "id, at, direction, system, operation, route, entity, entity_id, part, \
    event_id, record_id, attempt, status, duration, result, detail, rule, key, request, response";

pub(super) async fn append(
    transaction: &Transaction<'_>,
    entries: &[JournalEntry],
) -> Result<(), Trouble> {
    if entries.is_empty() {
        return Ok(());
    }
    let [statement] = prepared(transaction, [APPEND]).await?;
    let at: Vec<i64> = entries.iter().map(|e| micros(e.at)).collect();
    let direction: Vec<&str> = entries.iter().map(|e| direction_word(e.direction)).collect();
    let required = |of: fn(&JournalEntry) -> &String| -> Vec<&str> {
        entries.iter().map(|entry| of(entry).as_str()).collect()
    };
    let optional = |of: fn(&JournalEntry) -> &Option<String>| -> Vec<Option<&str>> {
        entries.iter().map(|entry| of(entry).as_deref()).collect()
    };
    let (system, operation) = (required(|e| &e.system), required(|e| &e.operation));
    let (route, entity) = (optional(|e| &e.route), optional(|e| &e.entity));
    let (entity_id, part) = (optional(|e| &e.entity_id), optional(|e| &e.part));
    let event_id: Vec<Option<Uuid>> = entries.iter().map(|e| e.event_id).collect();
    let record_id: Vec<Option<Uuid>> = entries.iter().map(|e| e.record_id).collect();
    let attempt: Vec<Option<i64>> = entries.iter().map(|e| e.attempt.map(i64::from)).collect();
    let status: Vec<Option<i64>> = entries.iter().map(|e| e.status.map(i64::from)).collect();
    let taken = |duration: Option<Duration>| duration.map(span);
    let duration: Vec<Option<i64>> = entries.iter().map(|e| taken(e.duration)).collect();
    let (result, detail) = (required(|e| &e.result), optional(|e| &e.detail));
    let (rule, key) = (optional(|e| &e.rule), optional(|e| &e.key));
    let (request, response) = (optional(|e| &e.request), optional(|e| &e.response));
    let words: Vec<String> = entries.iter().map(words_of).collect();
    let params: [&(dyn ToSql + Sync); 20] = [
        &at, &direction, &system, &operation, &route, &entity, &entity_id, &part, &event_id,
        &record_id, &attempt, &status, &duration, &result, &detail, &rule, &key, &request,
        &response, &words,
    ];
    transaction.execute(&statement, &params).await?;
    Ok(())
}

fn words_of(entry: &JournalEntry) -> String {
    let ids = ids_of(entry);
    vector(texts_of(entry, &ids))
}

fn ids_of(entry: &JournalEntry) -> [Option<String>; 2] {
    [entry.event_id, entry.record_id].map(|id| id.map(|id| id.to_string()))
}

/// Everything that is searched.
fn texts_of<'a>(
    entry: &'a JournalEntry,
    ids: &'a [Option<String>; 2],
) -> impl Iterator<Item = &'a str> {
    let JournalEntry { entity_id, part, detail, request, response, .. } = entry;
    [entity_id, part, detail, request, response]
        .into_iter()
        .chain(ids)
        .filter_map(|text| text.as_deref())
        .chain([entry.operation.as_str()])
}

const fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
        Direction::Note => "note",
    }
}

fn direction(word: &str) -> Result<Direction, StoreError> {
    match word {
        "in" => Ok(Direction::In),
        "out" => Ok(Direction::Out),
        "note" => Ok(Direction::Note),
        _ => Err(StoreError::Corrupt("a journal row has no direction".to_owned())),
    }
}

/// The rows that meet every condition, newest first. Where words must follow each other, the index
/// only knows that they occur, and the rows themselves are read for it, page by page.
pub(super) async fn search(
    transaction: &Transaction<'_>,
    filter: &JournalFilter,
) -> Result<Vec<JournalRow>, Trouble> {
    let phrases = filter.text.as_deref().map(Phrases::of).unwrap_or_default();
    let limit = filter.limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
    if phrases.are_single() {
        return page(transaction, filter, &phrases, limit).await;
    }
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut filter = filter.clone();
    let mut found = Vec::new();
    loop {
        let rows = page(transaction, &filter, &phrases, LOOK_AT).await?;
        let last = rows.last().map(|row| row.id);
        let stands = |row: &JournalRow| {
            let ids = ids_of(&row.entry);
            phrases.are_in(texts_of(&row.entry, &ids))
        };
        found.extend(rows.into_iter().filter(stands));
        found.truncate(wanted);
        match last {
            Some(last) if found.len() < wanted => filter.before_id = Some(last),
            Some(_) | None => return Ok(found),
        }
    }
}

async fn page(
    transaction: &Transaction<'_>,
    filter: &JournalFilter,
    phrases: &Phrases,
    limit: u32,
) -> Result<Vec<JournalRow>, Trouble> {
    let query = Query::of(filter, phrases);
    let sql = query.sql(limit);
    let params: Vec<&(dyn ToSql + Sync)> =
        query.values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect();
    let rows = transaction.query(sql.as_str(), &params).await?;
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// Conditions and their values, in the same order.
#[derive(Default)]
struct Query {
    conditions: Vec<String>,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Query {
    fn of(filter: &JournalFilter, phrases: &Phrases) -> Self {
        let mut query = Self::default();
        let text = (!phrases.is_empty()).then(|| phrases.query());
        query.and("words @@ $::text::tsquery", text);
        query.and("system = $::text", filter.system.clone());
        query.and("direction = $::text", filter.direction.map(direction_word));
        query.and("entity = $::text", filter.entity.clone());
        query.and("entity_id = $::text", filter.entity_id.clone());
        query.and("result = $::text", filter.result.clone());
        query.and("event_id = $", filter.event_id);
        query.and("record_id = $", filter.record_id);
        query.and("at >= $", filter.after.map(micros));
        query.and("at < $", filter.before.map(micros));
        query.and("id < $", filter.before_id);
        query
    }

    fn and<T: ToSql + Sync + Send + 'static>(&mut self, condition: &str, value: Option<T>) {
        if let Some(value) = value {
            self.values.push(Box::new(value));
            self.conditions.push(condition.replace('$', &format!("${}", self.values.len())));
        }
    }

    fn sql(&self, limit: u32) -> String {
        let conditions = self.conditions.iter().map(String::as_str);
        let conditions: Vec<&str> = ["TRUE"].into_iter().chain(conditions).collect();
        let conditions = conditions.join(" AND ");
        format!("SELECT {COLUMNS} FROM journal WHERE {conditions} ORDER BY id DESC LIMIT {limit}")
    }
}

fn read(row: &Row) -> Result<JournalRow, StoreError> {
    let entry = JournalEntry {
        at: time(get(row, "at")?)?,
        direction: direction(get(row, "direction")?)?,
        system: get(row, "system")?,
        operation: get(row, "operation")?,
        route: get(row, "route")?,
        entity: get(row, "entity")?,
        entity_id: get(row, "entity_id")?,
        part: get(row, "part")?,
        event_id: get(row, "event_id")?,
        record_id: get(row, "record_id")?,
        attempt: narrow_option(get(row, "attempt")?)?,
        status: narrow_option(get(row, "status")?)?,
        duration: get::<Option<i64>>(row, "duration")?.map(duration),
        result: get(row, "result")?,
        detail: get(row, "detail")?,
        rule: get(row, "rule")?,
        key: get(row, "key")?,
        request: get(row, "request")?,
        response: get(row, "response")?,
    };
    Ok(JournalRow { id: get(row, "id")?, entry })
}

/// Items skipped, by system; each counted once however often its fact was told.
pub(super) async fn skipped_items(
    transaction: &Transaction<'_>,
) -> Result<BTreeMap<String, u64>, Trouble> {
    super::overview::counts(transaction, "SELECT system, items FROM skip_tally", &[]).await
}
