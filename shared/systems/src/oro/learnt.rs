//! What a shop has shown of each facet while it was written to.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ferry_canonical::Facet;
use tokio::time::Instant;

/// How long a shop that took no list is written to one by one.
pub(super) const LISTS_AGAIN: Duration = Duration::from_mins(10);

#[derive(Debug, Default)]
pub(super) struct Learnt(Mutex<HashMap<Facet, Shown>>);

#[derive(Debug, Default)]
struct Shown {
    refused_a_list: Option<Instant>,
    has_others: bool,
    has_no_external: bool,
}

impl Learnt {
    /// As far as is known. Rights are given while we run: a shop which took none is offered one again
    /// after a while.
    pub(super) fn takes_lists(&self, facet: Facet) -> bool {
        let refused = self.of(facet, |shown| shown.refused_a_list);
        refused.is_none_or(|refused| refused.elapsed() >= LISTS_AGAIN)
    }

    pub(super) fn note_refused_list(&self, facet: Facet) {
        self.of(facet, |shown| shown.refused_a_list = Some(Instant::now()));
    }

    /// The shop has some that Ferry did not know of: a new one is looked for before it is made.
    pub(super) fn has_others(&self, facet: Facet) -> bool {
        self.of(facet, |shown| shown.has_others)
    }

    pub(super) fn note_others(&self, facet: Facet) {
        self.of(facet, |shown| shown.has_others = true);
    }

    /// Whether orders may say that they are `external`, as far as is known.
    pub(super) fn knows_external(&self) -> bool {
        !self.of(Facet::Placed, |shown| shown.has_no_external)
    }

    pub(super) fn note_refused_external(&self) {
        self.of(Facet::Placed, |shown| shown.has_no_external = true);
    }

    fn of<T>(&self, facet: Facet, of: impl FnOnce(&mut Shown) -> T) -> T {
        of(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(facet).or_default())
    }
}
