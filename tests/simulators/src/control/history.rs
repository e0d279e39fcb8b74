//! The history: everything that came in and everything the actor did. Nothing is ever forgotten.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ferry_world::account::{Effect, EffectKind, Entry, HistoryPage};
use serde_json::{Map, Value};

use super::time;

/// A page is never longer.
const PAGE_MAX: usize = 5000;
const PAGE_DEFAULT: usize = 1000;

/// What a handler did, as an extension of its response.
#[derive(Clone, Debug, Default)]
pub struct Effects(pub Vec<Effect>);

#[derive(Debug, Default)]
pub(super) struct History {
    entries: Mutex<Vec<Entry>>,
    effects: AtomicU64,
}

impl History {
    pub(super) fn effect(
        &self,
        entity: &str,
        key: &str,
        effect: EffectKind,
        fields: Value,
    ) -> Effect {
        let order = self.effects.fetch_add(1, Ordering::Relaxed) + 1;
        let fields = match fields {
            Value::Object(fields) => fields,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Map::new(),
        };
        Effect { order, entity: entity.to_owned(), key: key.to_owned(), effect, fields }
    }

    /// Numbers and dates the entry.
    pub(super) fn push(&self, entry: Entry) {
        let at = time::stamp();
        let mut entries = self.entries();
        let seq = entries.len() as u64 + 1;
        entries.push(Entry { seq, at, ..entry });
    }

    pub(super) fn page(&self, after: u64, limit: Option<usize>) -> HistoryPage {
        let limit = limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
        let from = usize::try_from(after).unwrap_or(usize::MAX);
        let entries: Vec<Entry> = self.entries().iter().skip(from).take(limit).cloned().collect();
        HistoryPage { next: entries.last().map_or(after, |entry| entry.seq), entries }
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
