//! The ERP's customers: which version of each is released, what was written over it, and since when.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ferry_world::{Versions, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::writing::{Change, Done, Refusal};
use crate::control::View;

/// So many customers share an `updated_at` at the start, as after a nightly job.
const PER_JOB_STEP: u32 = 7;

#[derive(Debug)]
pub(super) struct Customers {
    world: World,
    ticks: u32,
    released: Mutex<Released>,
}

#[derive(Debug)]
struct Released {
    versions: Versions,
    /// When each customer was updated, by index; whole milliseconds.
    updated_at: Vec<Timestamp>,
    /// What was written by others than the actor, by number; the actor's next version replaces it.
    written: BTreeMap<String, Written>,
    /// Numbers that were made, by the `Idempotency-Key` they came with.
    keys: BTreeMap<String, String>,
    latest: Timestamp,
}

#[derive(Debug)]
struct Written {
    document: Map<String, Value>,
    at: Timestamp,
}

/// A page of customers.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) customers: Vec<Value>,
    pub(super) pages: usize,
    pub(super) total: usize,
}

impl Customers {
    /// Every customer at version 1, updated during the hour before `now`.
    pub(super) fn new(world: World, ticks: u32, now: Timestamp) -> Self {
        let start = whole_milliseconds(now) - SignedDuration::from_hours(1);
        let at = |index: u32| start + SignedDuration::from_millis(i64::from(index / PER_JOB_STEP));
        let updated_at: Vec<Timestamp> = (0..world.plan().customers).map(at).collect();
        let latest = updated_at.last().copied().unwrap_or(start);
        let released = Released {
            versions: Versions::default(),
            updated_at,
            written: BTreeMap::new(),
            keys: BTreeMap::new(),
            latest,
        };
        Self { world, ticks, released: Mutex::new(released) }
    }

    /// Releases the next tick's versions, all under one `updated_at` later than any before. Returns
    /// their numbers and revisions; nothing after the last tick.
    pub(super) fn release(&self, now: Timestamp) -> Vec<(String, u32)> {
        let mut released = self.released();
        if released.versions.tick() >= self.ticks {
            return Vec::new();
        }
        let changes = released.versions.advance(&self.world);
        let at = released.moment(now);
        for index in &changes.customers {
            if let Some(updated_at) = released.updated_at.get_mut(*index as usize) {
                *updated_at = at;
            }
            let version = released.versions.customer(*index);
            released.written.remove(&self.world.customer(*index, version).number);
        }
        let told = |index: &u32| {
            let version = released.versions.customer(*index);
            (self.world.customer(*index, version).number, version)
        };
        changes.customers.iter().map(told).collect()
    }

    pub(super) fn is_done(&self) -> bool {
        self.released().versions.tick() >= self.ticks
    }

    /// The customers updated at or after a time. `page` counts from 1; one beyond the last is empty.
    pub(super) fn page(&self, page: usize, per_page: usize, since: Option<Timestamp>) -> Page {
        let released = self.released();
        let own = released.updated_at.iter().zip(0..).map(|(at, index)| {
            let number = self.world.customer(index, released.versions.customer(index)).number;
            (released.written.get(&number).map_or(*at, |written| written.at), number)
        });
        let made = released.written.iter().filter(|(number, _)| self.world_index(number).is_none());
        let mut found: Vec<(Timestamp, String)> = own
            .chain(made.map(|(number, written)| (written.at, number.clone())))
            .filter(|(at, _)| since.is_none_or(|since| *at >= since))
            .collect();
        found.sort_unstable();
        let from = page.saturating_sub(1).saturating_mul(per_page);
        let wanted = found.iter().skip(from).take(per_page);
        let customers = wanted.filter_map(|(_, number)| self.show(&released, number)).collect();
        Page { customers, pages: found.len().div_ceil(per_page), total: found.len() }
    }

    pub(super) fn by_number(&self, number: &str) -> Option<Value> {
        self.show(&self.released(), number)
    }

    /// Writes one customer, and tells of it while nobody else can: `told` gets what was done, to
    /// whom, and how it is then.
    pub(super) fn write<T>(
        &self,
        change: &Change<'_>,
        now: Timestamp,
        told: impl FnOnce(Result<(Done, &str, &Value), &Refusal>) -> T,
    ) -> (Result<(Done, Value), Refusal>, T) {
        let mut released = self.released();
        let written = self.written(&mut released, change, now);
        let told = told(match &written {
            Ok((done, number, shown)) => Ok((*done, number, shown)),
            Err(refusal) => Err(refusal),
        });
        (written.map(|(done, _, shown)| (done, shown)), told)
    }

    fn written(
        &self,
        released: &mut Released,
        change: &Change<'_>,
        now: Timestamp,
    ) -> Result<(Done, String, Value), Refusal> {
        let repeated = change.key.and_then(|key| released.keys.get(key)).cloned();
        if let Some(number) = repeated {
            let shown = self.show(released, &number).unwrap_or_default();
            return Ok((Done::Repeated, number, shown));
        }
        let number = match change.number() {
            Some(number) => number,
            None => format!("C-9{:05}", released.written.len() + 1),
        };
        let before = self.show(released, &number);
        let document = change.apply(&number, before.as_ref())?;
        let shown = match before {
            Some(before) if Value::Object(document.clone()) == before => before,
            _ => {
                let at = released.moment(now);
                let mut document = document;
                document.insert("updated_at".to_owned(), format!("{at:.3}").into());
                let shown = Value::Object(document.clone());
                released.written.insert(number.clone(), Written { document, at });
                if let Some(key) = change.key {
                    released.keys.insert(key.to_owned(), number.clone());
                }
                let done = if before.is_some() { Done::Updated } else { Done::Created };
                return Ok((done, number, shown));
            }
        };
        Ok((Done::Unchanged, number, shown))
    }

    fn world_index(&self, number: &str) -> Option<u32> {
        self.world.customer_of(number)
    }

    fn show(&self, released: &Released, number: &str) -> Option<Value> {
        if let Some(written) = released.written.get(number) {
            return Some(Value::Object(written.document.clone()));
        }
        let index = self.world_index(number)?;
        let at = released.updated_at.get(index as usize).copied().unwrap_or(released.latest);
        Some(self.world.customer_json(
            index,
            released.versions.customer(index),
            &format!("{at:.3}"),
        ))
    }

    fn released(&self) -> MutexGuard<'_, Released> {
        self.released.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Released {
    /// A time later than every one before.
    fn moment(&mut self, now: Timestamp) -> Timestamp {
        let after = self.latest + SignedDuration::from_millis(1);
        self.latest = whole_milliseconds(now).max(after);
        self.latest
    }
}

impl View for Customers {
    fn collection(&self, name: &str) -> Option<Value> {
        if name != "customers" {
            return None;
        }
        Some(self.page(1, usize::MAX, None).customers.into())
    }

    fn progress(&self) -> Value {
        let tick = self.released().versions.tick();
        json!({
            "tick": tick,
            "ticks": self.ticks,
            "done": tick >= self.ticks,
            "customers": self.world.plan().customers,
        })
    }
}

fn whole_milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
