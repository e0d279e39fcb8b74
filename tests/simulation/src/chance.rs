//! Everything random comes from here, and here from the seed.

use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use uuid::Uuid;

/// One stream of random numbers. Clones draw from the same stream.
#[derive(Clone, Debug)]
pub(crate) struct Chance(Arc<Mutex<fastrand::Rng>>);

impl Chance {
    pub(crate) fn of_seed(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.draw().u64(0..bound.max(1))
    }

    pub(crate) fn count(&self, range: Range<usize>) -> usize {
        self.draw().usize(range)
    }

    /// A duration of whole milliseconds.
    pub(crate) fn millis(&self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.draw().u64(range))
    }

    /// True this often in a thousand.
    pub(crate) fn permille(&self, times: u64) -> bool {
        self.below(1_000) < times
    }

    pub(crate) fn coin(&self) -> bool {
        self.below(2) == 0
    }

    pub(crate) fn pick<'a, T>(&self, among: &'a [T]) -> Option<&'a T> {
        if among.is_empty() { None } else { among.get(self.count(0..among.len())) }
    }

    pub(crate) fn shuffle<T>(&self, among: &mut [T]) {
        self.draw().shuffle(among);
    }

    fn draw(&self) -> MutexGuard<'_, fastrand::Rng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    static IDS: std::cell::Cell<(u64, u64)> = const { std::cell::Cell::new((0, 0)) };
}

/// Starts the ids of [`record_id`] on this thread.
pub(crate) fn start_ids(seed: u64) {
    IDS.set((seed, 0));
}

/// The next id of this thread's run.
pub(crate) fn record_id() -> Uuid {
    let (seed, number) = IDS.get();
    IDS.set((seed, number + 1));
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{seed} {number}").as_bytes())
}
