//! The journal's rows and their words.

use rusqlite::{Connection, Row, ToSql};
use uuid::Uuid;

use super::value::{duration, micros, narrow_option, span, time, uuid};
use crate::{Direction, JournalEntry, JournalFilter, JournalRow, StoreError};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 500;

/// The word by which facts about skipped items are known.
const SKIPPED: &str = "skipped";

const COLUMNS: &str = "j.id, j.at, j.direction, j.system, j.operation, j.route, j.entity, \
    j.entity_id, j.part, j.event_id, j.record_id, j.attempt, j.status, j.duration, j.result, \
    j.detail, j.rule, j.key, j.request, j.response";

pub(super) fn append(journal: &Connection, entries: &[JournalEntry]) -> Result<(), StoreError> {
    for entry in entries {
        if !insert(journal, entry)? {
            continue;
        }
        index(journal, entry, journal.last_insert_rowid())?;
        // Only facts have keys; what a loader skips is a delivery and is counted as an outcome.
        if entry.result == SKIPPED && entry.key.is_some() {
            let mut count = journal.prepare_cached(
                "INSERT INTO skip_tally (system, items) VALUES (?1, 1)
                 ON CONFLICT (system) DO UPDATE SET items = items + 1",
            )?;
            count.execute([&entry.system])?;
        }
    }
    Ok(())
}

/// `false`: an entry with this key is there already.
fn insert(journal: &Connection, entry: &JournalEntry) -> Result<bool, StoreError> {
    let mut insert = journal.prepare_cached(
        "INSERT INTO journal (at, direction, system, operation, route, entity, entity_id, part,
                              event_id, record_id, attempt, status, duration, result, detail,
                              rule, key, request, response)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
                 ?19)
         ON CONFLICT (key) WHERE key IS NOT NULL DO NOTHING",
    )?;
    let inserted = insert.execute(rusqlite::params![
        micros(entry.at),
        direction_word(entry.direction),
        entry.system,
        entry.operation,
        entry.route,
        entry.entity,
        entry.entity_id,
        entry.part,
        entry.event_id.as_ref().map(Uuid::as_bytes),
        entry.record_id.as_ref().map(Uuid::as_bytes),
        entry.attempt,
        entry.status,
        entry.duration.map(span),
        entry.result,
        entry.detail,
        entry.rule,
        entry.key,
        entry.request,
        entry.response,
    ])?;
    Ok(inserted > 0)
}

fn index(journal: &Connection, entry: &JournalEntry, id: i64) -> Result<(), StoreError> {
    let ids = [entry.event_id, entry.record_id].map(|id| id.map(|id| id.to_string()));
    let [event_id, record_id] = &ids;
    let words: Vec<&str> = [
        Some(&entry.operation),
        entry.entity_id.as_ref(),
        entry.part.as_ref(),
        event_id.as_ref(),
        record_id.as_ref(),
        entry.detail.as_ref(),
    ]
    .into_iter()
    .flatten()
    .map(String::as_str)
    .chain([entry.request.as_deref(), entry.response.as_deref()].into_iter().flatten())
    .collect();
    let mut insert =
        journal.prepare_cached("INSERT INTO journal_text (rowid, text) VALUES (?1, ?2)")?;
    insert.execute((id, words.join("\n")))?;
    Ok(())
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

/// The rows that meet every condition, newest first.
pub(super) fn search(
    journal: &Connection,
    filter: &JournalFilter,
) -> Result<Vec<JournalRow>, StoreError> {
    let query = Query::of(filter);
    let mut select = journal.prepare_cached(&query.sql(filter.limit))?;
    let values: Vec<&dyn ToSql> = query.values.iter().map(AsRef::as_ref).collect();
    let mut rows = select.query(values.as_slice())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// Conditions and their values, in the same order.
#[derive(Default)]
struct Query {
    text: bool,
    conditions: Vec<&'static str>,
    values: Vec<Box<dyn ToSql>>,
}

impl Query {
    fn of(filter: &JournalFilter) -> Self {
        let mut query = Self::default();
        let text = filter.text.as_deref().map(phrases).filter(|text| !text.is_empty());
        query.text = text.is_some();
        query.and("journal_text MATCH ?", text);
        query.and("j.system = ?", filter.system.clone());
        query.and("j.direction = ?", filter.direction.map(direction_word));
        query.and("j.entity = ?", filter.entity.clone());
        query.and("j.entity_id = ?", filter.entity_id.clone());
        query.and("j.result = ?", filter.result.clone());
        query.and("j.event_id = ?", filter.event_id.map(Uuid::into_bytes));
        query.and("j.record_id = ?", filter.record_id.map(Uuid::into_bytes));
        query.and("j.at >= ?", filter.after.map(micros));
        query.and("j.at < ?", filter.before.map(micros));
        query.and(if query.text { "t.rowid < ?" } else { "j.id < ?" }, filter.before_id);
        query
    }

    fn and<T: ToSql + 'static>(&mut self, condition: &'static str, value: Option<T>) {
        if let Some(value) = value {
            self.conditions.push(condition);
            self.values.push(Box::new(value));
        }
    }

    fn sql(&self, limit: Option<u32>) -> String {
        let (tables, id) = if self.text {
            ("journal_text t JOIN journal j ON j.id = t.rowid", "t.rowid")
        } else {
            ("journal j", "j.id")
        };
        let mut conditions = self.conditions.join(" AND ");
        if conditions.is_empty() {
            conditions.push_str("TRUE");
        }
        let limit = limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
        format!(
            "SELECT {COLUMNS} FROM {tables} WHERE {conditions} ORDER BY {id} DESC LIMIT {limit}"
        )
    }
}

/// Every word as a phrase of its own, so that no character of it is taken for an operator.
fn phrases(text: &str) -> String {
    let quoted = |word: &str| format!("\"{}\"", word.replace('"', "\"\""));
    let searchable = |word: &&str| word.chars().any(char::is_alphanumeric);
    text.split_whitespace().filter(searchable).map(quoted).collect::<Vec<_>>().join(" ")
}

fn read(row: &Row<'_>) -> Result<JournalRow, StoreError> {
    let entry = JournalEntry {
        at: time(row.get("at")?)?,
        direction: direction(&row.get::<_, String>("direction")?)?,
        system: row.get("system")?,
        operation: row.get("operation")?,
        route: row.get("route")?,
        entity: row.get("entity")?,
        entity_id: row.get("entity_id")?,
        part: row.get("part")?,
        event_id: uuid(row.get("event_id")?),
        record_id: uuid(row.get("record_id")?),
        attempt: narrow_option(row.get("attempt")?)?,
        status: narrow_option(row.get("status")?)?,
        duration: row.get::<_, Option<i64>>("duration")?.map(duration),
        result: row.get("result")?,
        detail: row.get("detail")?,
        rule: row.get("rule")?,
        key: row.get("key")?,
        request: row.get("request")?,
        response: row.get("response")?,
    };
    Ok(JournalRow { id: row.get("id")?, entry })
}

/// Items skipped, by system; each counted once however often its fact was told.
pub(super) fn skipped_items(
    journal: &Connection,
) -> Result<std::collections::BTreeMap<String, u64>, StoreError> {
    super::overview::counts(journal, "SELECT system, items FROM skip_tally")
}
