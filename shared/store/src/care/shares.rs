//! Limits in total: every loader has a share of a target's slots and rate, for a short while.
//!
//! The sum of all shares never exceeds the limit. A loader that gets less keeps counting for what it
//! still uses until it says that it does not; one that is silent for [`super::SHARE_LEASE`] counts
//! for nothing. Shares follow demand: nobody wants more than its part while others want theirs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Attendance, CareState, SHARE_LEASE, after};

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

/// What a loader may use until its lease ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Granted {
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
        if ask.wants == 0 && ask.in_use == 0 {
            // What it had stays until its lease ends: the next delivery may come at once.
            let share = own.and_then(|own| self.shares.get(own));
            let rate = share.map_or(0, |share| share.rate_milli);
            return Granted {
                slots: share.map_or(0, |share| share.slots.min(total)),
                rate_milli: attendance.rules.rate_milli.map(|_| rate),
            };
        }
        let own = own.map(|own| self.shares.remove(own));
        let free = total.saturating_sub(self.shares.iter().map(|share| share.held).sum());
        let slots = self.fair(loader, ask.wants, total, now).min(free);
        let rate = attendance.rules.rate_milli.map(|rate| self.fair_rate(rate, ask.wants));
        let share = Share {
            loader: loader.clone(),
            wants: ask.wants,
            slots,
            held: slots.max(ask.in_use),
            rate_milli: rate.unwrap_or(0),
            until: after(now, SHARE_LEASE),
        };
        // A lease that was just renewed needs no write of its own.
        let same = own.filter(|own| {
            let fresh = after(now, SHARE_LEASE * 3 / 4) < own.until;
            fresh && Share { until: own.until, ..share.clone() } == *own
        });
        self.shares.push(same.unwrap_or(share));
        self.shares.sort_by(|a, b| a.loader.cmp(&b.loader));
        Granted { slots, rate_milli: rate }
    }

    /// The loader's part of `total`, as if all shares were dealt anew: nobody gets more than it
    /// wants while another wants more; what nobody wants is spread.
    fn fair(&self, loader: &str, wants: u32, total: u32, now: Timestamp) -> u32 {
        let mut asking: Vec<(&str, u32)> =
            self.shares.iter().map(|share| (share.loader.as_str(), share.wants)).collect();
        asking.push((loader, wants));
        asking.sort_unstable();
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
                    if left > 0 && (unwanted || *part < *wants) {
                        (*part, left, given) = (*part + 1, left - 1, true);
                    }
                }
            }
        }
        let found = asking.iter().zip(parts).find(|((name, _), _)| *name == loader);
        found.map_or(0, |(_, part)| part)
    }

    /// The part of the rate that goes with `wants`, as far as others do not hold it.
    fn fair_rate(&self, rate: u64, wants: u32) -> u64 {
        let all = self.shares.iter().map(|share| u64::from(share.wants)).sum::<u64>();
        let wants = u64::from(wants.max(1));
        let held = self.shares.iter().map(|share| share.rate_milli).sum();
        (rate.saturating_mul(wants) / all.saturating_add(wants)).min(rate.saturating_sub(held))
    }
}
