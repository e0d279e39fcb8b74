//! When what goes wrong: a pure function of seed, plan and duration.

use std::time::Duration;

use crate::{
    arguments::{Plan, StoreKind},
    misfortune::Act,
    stage::{SERVICES, STORE_USERS},
};

/// An act and its time from the beginning of the run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned {
    pub(crate) at: Duration,
    pub(crate) act: Act,
}

/// Loaders that are killed in the loop; the others keep running.
const LOOPED: [&str; 2] = ["loader", "loader-2"];
const TARGETS: [&str; 3] = ["shop", "warehouse", "erp"];

/// Everything that will go wrong, in order of time. Nothing is left undone: whatever begins has
/// its end planned before `length`, or ends with the calm after it.
pub(crate) fn plan(
    seed: u64,
    (plan, store): (Plan, StoreKind),
    length: Duration,
    outage: Duration,
) -> Vec<Planned> {
    let mut drawn = Draw {
        rng: fastrand::Rng::with_seed(seed ^ 0xC4A0_5C4A_05C4_A05C),
        length,
        planned: Vec::new(),
    };
    match plan {
        Plan::None => {}
        Plan::All => {
            drawn.everything(outage);
            if store == StoreKind::Postgres {
                drawn.store();
            }
        }
        Plan::BrokerStopped => {
            drawn.put(length.saturating_sub(outage) / 2, Act::BrokerStop { length: outage });
        }
        Plan::TargetDown => {
            drawn.put(
                length.saturating_sub(outage) / 2,
                Act::TargetDown { target: "shop", length: outage },
            );
        }
        Plan::LoadersKilled => drawn.kill_in_a_loop(length / 20, length),
    }
    drawn.planned.sort_by_key(|planned| planned.at);
    drawn.planned
}

struct Draw {
    rng: fastrand::Rng,
    length: Duration,
    planned: Vec<Planned>,
}

impl Draw {
    fn put(&mut self, at: Duration, act: Act) {
        self.planned.push(Planned { at, act });
    }

    /// Times spread over the run: so many in ten minutes, and at least two in all.
    fn times(&mut self, in_ten_minutes: u64) -> Vec<Duration> {
        self.at_least(2, in_ten_minutes)
    }

    fn at_least(&mut self, least: u32, in_ten_minutes: u64) -> Vec<Duration> {
        let wanted = self.length.as_secs().saturating_mul(in_ten_minutes) / 600;
        let slots = u32::try_from(wanted).unwrap_or(u32::MAX).max(least);
        // One in each slot, so that a long run is unlucky throughout.
        let slot = self.length.mul_f64(0.9) / slots;
        let begin = self.length.mul_f64(0.05);
        (0..slots).map(|n| begin + slot * n + slot.mul_f64(self.rng.f64())).collect()
    }

    fn pick<'a>(&mut self, names: &[&'a str]) -> &'a str {
        self.rng.choice(names).copied().unwrap_or_default()
    }

    fn between(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.rng.u64(least..=most))
    }

    fn everything(&mut self, outage: Duration) {
        let outage = outage.min(self.length / 8);
        self.put(self.length.mul_f64(0.45), Act::BrokerStop { length: outage });
        for _ in 0..2 {
            let at = self.length.mul_f64(0.1 + 0.2 * self.rng.f64());
            let length = self.length / 6;
            let target = self.pick(&["shop", "warehouse"]);
            self.put(at, Act::TargetDown { target, length });
        }
        self.kill_in_a_loop(self.length.mul_f64(0.65), self.length.mul_f64(0.8));
        self.killed();
        self.broker_links();
        self.target_links();
        // Each takes seconds in which nothing else can be observed.
        for at in self.at_least(1, 4) {
            self.put(at, Act::BrokerRestart);
        }
        for at in self.at_least(1, 3) {
            self.put(at, Act::BrokerKill);
        }
    }

    fn killed(&mut self) {
        for service in SERVICES {
            let often = if service.starts_with("loader") { 10 } else { 15 };
            for at in self.times(often) {
                let away = self.between(0, 3000);
                self.put(at, Act::Kill { service, away });
            }
        }
    }

    fn kill_in_a_loop(&mut self, from: Duration, until: Duration) {
        for service in LOOPED {
            let mut at = from;
            while at < until {
                let away = self.between(0, 500);
                self.put(at, Act::KillInLoop { service, away });
                at += self.between(1500, 4000);
            }
        }
    }

    fn broker_links(&mut self) {
        for at in self.times(40) {
            let service = self.pick(&SERVICES);
            self.put(at, Act::BrokerCut { service });
        }
        for at in self.times(20) {
            let (service, length) = (self.pick(&SERVICES), self.between(2000, 15_000));
            self.put(at, Act::BrokerStall { service, length });
        }
        for at in self.times(10) {
            let (service, length) = (self.pick(&SERVICES), self.between(2000, 8000));
            let delay = self.between(20, 300);
            self.put(at, Act::BrokerDelay { service, delay, length });
        }
    }

    fn store(&mut self) {
        for at in self.at_least(1, 4) {
            self.put(at, Act::StoreRestart);
        }
        for at in self.at_least(1, 3) {
            self.put(at, Act::StoreKill);
        }
        for at in self.times(10) {
            self.put(at, Act::StoreTerminate);
        }
        for at in self.times(30) {
            let service = self.pick(&STORE_USERS);
            self.put(at, Act::StoreCut { service });
        }
        for at in self.times(15) {
            let (service, length) = (self.pick(&STORE_USERS), self.between(2000, 15_000));
            self.put(at, Act::StoreStall { service, length });
        }
    }

    fn target_links(&mut self) {
        for at in self.times(60) {
            let target = self.pick(&TARGETS);
            self.put(at, Act::TargetCut { target });
        }
        for at in self.times(20) {
            let (target, length) = (self.pick(&TARGETS), self.between(1000, 6000));
            self.put(at, Act::TargetStall { target, length });
        }
        for at in self.times(10) {
            let (target, length) = (self.pick(&TARGETS), self.between(2000, 8000));
            let delay = self.between(20, 300);
            self.put(at, Act::TargetDelay { target, delay, length });
        }
        for at in self.times(20) {
            self.put(at, Act::PushCut);
        }
        for at in self.times(10) {
            let length = self.between(1000, 6000);
            self.put(at, Act::PushStall { length });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::misfortune::{KINDS, STORE_KINDS};

    fn drawn(seed: u64, minutes: u64, store: StoreKind) -> Vec<Planned> {
        plan(seed, (Plan::All, store), Duration::from_mins(minutes), Duration::from_mins(1))
    }

    #[test]
    fn one_seed_is_one_misfortune_and_another_seed_another() {
        assert_eq!(drawn(7, 2, StoreKind::Sqlite), drawn(7, 2, StoreKind::Sqlite));
        assert_ne!(drawn(7, 2, StoreKind::Sqlite), drawn(8, 2, StoreKind::Sqlite));
    }

    #[test]
    fn even_a_short_run_meets_every_kind() {
        for seed in 0..50 {
            let kinds: BTreeSet<&str> = drawn(seed, 1, StoreKind::Postgres)
                .iter()
                .map(|planned| planned.act.kind())
                .collect();
            assert_eq!(kinds, KINDS.into_iter().chain(STORE_KINDS).collect());
        }
    }

    #[test]
    fn nothing_begins_after_the_end_and_all_is_in_order() {
        for planned in drawn(3, 5, StoreKind::Postgres).windows(2) {
            assert!(planned[0].at <= planned[1].at && planned[1].at < Duration::from_mins(5));
        }
    }

    #[test]
    fn the_loop_leaves_two_loaders_alone() {
        let loops = plan(
            1,
            (Plan::LoadersKilled, StoreKind::Sqlite),
            Duration::from_mins(1),
            Duration::ZERO,
        );
        let killed: BTreeSet<&str> = loops
            .iter()
            .filter_map(|planned| {
                let Act::KillInLoop { service, .. } = planned.act else { return None };
                Some(service)
            })
            .collect();
        assert_eq!(killed, LOOPED.into_iter().collect());
        assert!(loops.len() > 20);
    }
}
