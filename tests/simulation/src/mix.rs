//! Which misfortunes one seed meets, how often, and which have struck.
//!
//! A seed meets a few kinds of misfortune often, not all of them a little: so two that belong
//! together meet. After a while all is calm, and everything must come to its end.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use crate::{
    chance::Chance,
    fault::{Fault, Hop, cells},
};

/// How often each fault struck at each hop.
pub type Fired = BTreeMap<(Hop, Fault), u64>;

#[derive(Clone, Copy, Debug)]
struct Share {
    permille: u64,
    left: u64,
}

#[derive(Debug)]
pub(crate) struct Mix {
    chance: Chance,
    shares: Mutex<BTreeMap<(Hop, Fault), Share>>,
    fired: Mutex<Fired>,
    calm_at: Instant,
}

impl Mix {
    pub(crate) fn new(chance: &Chance, calm_at: Instant) -> Self {
        const KINDS: std::ops::Range<usize> = 5..16;
        let mut kinds: Vec<_> = cells().collect();
        chance.shuffle(&mut kinds);
        kinds.truncate(chance.count(KINDS));
        let share = |kind: (Hop, Fault)| {
            let permille = chance.pick(&[20, 60, 150, 400]).copied().unwrap_or(20);
            let most = if matches!(kind.1, Fault::Kill | Fault::Restart) { 3 } else { 12 };
            (kind, Share { permille, left: 1 + chance.below(most) })
        };
        let shares = kinds.into_iter().map(share).collect();
        let fired = Mutex::default();
        Self { chance: chance.clone(), shares: Mutex::new(shares), fired, calm_at }
    }

    /// Whether one of `among` strikes at `hop` now.
    pub(crate) fn strike(&self, hop: Hop, among: &[Fault]) -> Option<Fault> {
        if Instant::now() >= self.calm_at {
            return None;
        }
        let mut shares = lock(&self.shares);
        for fault in among {
            let Some(share) = shares.get_mut(&(hop, *fault)).filter(|share| share.left > 0) else {
                continue;
            };
            if self.chance.permille(share.permille) {
                share.left -= 1;
                *lock(&self.fired).entry((hop, *fault)).or_default() += 1;
                return Some(*fault);
            }
        }
        None
    }

    pub(crate) fn calm_at(&self) -> Instant {
        self.calm_at
    }

    pub(crate) fn fired(&self) -> Fired {
        lock(&self.fired).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
