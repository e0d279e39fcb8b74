//! The ERP's customers: which version of each is released, and since when.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ferry_world::{Versions, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

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
    latest: Timestamp,
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
        let released = Released { versions: Versions::default(), updated_at, latest };
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
        let after = released.latest + SignedDuration::from_millis(1);
        let at = whole_milliseconds(now).max(after);
        released.latest = at;
        for index in &changes.customers {
            if let Some(updated_at) = released.updated_at.get_mut(*index as usize) {
                *updated_at = at;
            }
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
        let mut found: Vec<(Timestamp, u32)> = released
            .updated_at
            .iter()
            .copied()
            .zip(0..)
            .filter(|(at, _)| since.is_none_or(|since| *at >= since))
            .collect();
        // Numbers grow with the index, so this is by time, then number.
        found.sort_unstable();
        let from = page.saturating_sub(1).saturating_mul(per_page);
        let wanted = found.iter().skip(from).take(per_page);
        let customers = wanted.map(|(_, index)| self.show(&released, *index)).collect();
        Page { customers, pages: found.len().div_ceil(per_page), total: found.len() }
    }

    pub(super) fn by_number(&self, number: &str) -> Option<Value> {
        let index = self.world.customer_of(number)?;
        Some(self.show(&self.released(), index))
    }

    fn show(&self, released: &Released, index: u32) -> Value {
        let at = released.updated_at.get(index as usize).copied().unwrap_or(released.latest);
        self.world.customer_json(index, released.versions.customer(index), &format!("{at:.3}"))
    }

    fn released(&self) -> MutexGuard<'_, Released> {
        self.released.lock().unwrap_or_else(PoisonError::into_inner)
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
