//! Limits in total: every loader has a share of a target's slots and rate, for a short while.
//!
//! The sum of all shares never exceeds the limit. A loader that gets less keeps counting for what it
//! still uses until it says that it does not; one that is silent for longer than its lease counts for
//! nothing. Shares follow demand: nobody wants more than its part while others want theirs.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Attendance, CareState, IDLE_LEASE, SHARE_LEASE, after};

/// Where there are fewer slots than loaders that want one, they take turns of this many seconds.
const TURN_SECONDS: i64 = 2;

/// What a loader wants of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// Calls it would make at one time, those it makes included; 0: it needs nothing.
    pub wants: u32,
    /// Calls it makes.
    pub in_use: u32,
}

/// What a loader may use for as long as `lasting`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    pub lasting: Duration,
    /// Calls at one time.
    pub slots: u32,
    /// Calls in a thousand seconds; none: no limit.
    pub rate_milli: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub loader: String,
    pub wants: u32,
    pub slots: u32,
    /// What counts against the limit: `slots`, or more while more is in use.
    pub held: u32,
    /// Calls in a thousand seconds.
    pub rate_milli: u64,
    pub until: Timestamp,
}

impl CareState {
    /// Deals `attendance.loader` its share of `total` slots and of the rate.
    pub(super) fn deal(&mut self, attendance: &Attendance, total: u32, now: Timestamp) -> Granted {
        let (loader, ask) = (&attendance.loader, attendance.ask);
        let own = self.shares.iter().position(|share| share.loader == *loader);
        if attendance.leaves {
            self.shares.retain(|share| share.loader != *loader);
            return Granted::default();
        }
        let limited = attendance.rules.rate_milli;
        let idle = ask.wants == 0 && ask.in_use == 0;
        let lease = if idle { IDLE_LEASE } else { SHARE_LEASE };
        let free = total.saturating_sub(self.others(loader).map(|share| share.held).sum());
        let slots = self.fair(loader, ask.wants, total, now).min(free);
        let rate = limited.map(|rate| self.fair_rate(loader, rate, ask.wants));
        let mut share = Share {
            loader: loader.clone(),
            wants: ask.wants,
            slots,
            held: slots.max(ask.in_use),
            rate_milli: rate.unwrap_or(0),
            until: after(now, lease),
        };
        match own.and_then(|own| self.shares.get_mut(own)) {
            Some(own) => {
                // A lease that was just renewed needs no write of its own.
                if own.until > after(now, lease * 3 / 4)
                    && (Share { until: own.until, ..share.clone() }) == *own
                {
                    share.until = own.until;
                }
                *own = share.clone();
            }
            None => self.shares.push(share.clone()),
        }
        Granted { lasting: lasting(&share, now), slots, rate_milli: rate }
    }

    fn others<'a>(&'a self, loader: &'a str) -> impl Iterator<Item = &'a Share> {
        self.shares.iter().filter(move |share| share.loader != loader)
    }

    /// The loader's part of `total`, as if all shares were dealt anew: who is idle has one slot at
    /// hand, nobody gets more than it wants while another wants more, and what nobody wants is
    /// spread. With fewer slots than loaders, only those that want one have their turns.
    fn fair(&self, loader: &str, wants: u32, total: u32, now: Timestamp) -> u32 {
        let mut asking: Vec<(&str, u32)> =
            self.others(loader).map(|share| (share.loader.as_str(), share.wants)).collect();
        // Its place among the others stays the same while it attends.
        let place = self.shares.iter().position(|share| share.loader == loader);
        asking.insert(place.unwrap_or(asking.len()).min(asking.len()), (loader, wants));
        let enough = usize::try_from(total).is_ok_and(|total| total >= asking.len());
        if !enough {
            asking.retain(|(_, wants)| *wants > 0);
        }
        if asking.is_empty() {
            return 0;
        }
        let turn = usize::try_from(now.as_second().div_euclid(TURN_SECONDS)).unwrap_or(0);
        let first = turn % asking.len();
        asking.rotate_left(first);
        let mut parts = vec![0_u32; asking.len()];
        let mut left = total;
        // One slot at a time, to whom it is wanted; then to everybody.
        for unwanted in [false, true] {
            let mut given = true;
            while left > 0 && given {
                given = false;
                for (part, (_, wants)) in parts.iter_mut().zip(&asking) {
                    let spread = unwanted && *wants > 0;
                    if left > 0 && (spread || *part < (*wants).max(1)) {
                        (*part, left, given) = (*part + 1, left - 1, true);
                    }
                }
            }
        }
        let found = asking.iter().zip(parts).find(|((name, _), _)| *name == loader);
        found.map_or(0, |(_, part)| part)
    }

    /// The part of the rate that goes with `wants`, as far as others do not hold it.
    fn fair_rate(&self, loader: &str, rate: u64, wants: u32) -> u64 {
        let all = self.others(loader).map(|share| u64::from(share.wants.max(1))).sum::<u64>();
        let wants = u64::from(wants.max(1));
        let held = self.others(loader).map(|share| share.rate_milli).sum();
        (rate.saturating_mul(wants) / all.saturating_add(wants)).min(rate.saturating_sub(held))
    }
}

fn lasting(share: &Share, now: Timestamp) -> Duration {
    Duration::try_from(share.until.duration_since(now)).unwrap_or(Duration::ZERO)
}
