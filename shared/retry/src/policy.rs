//! Growing, capped, jittered delays for what one process repeats by itself.

use std::{iter::FusedIterator, time::Duration};

use backoff::{ExponentialBackoff, backoff::Backoff};

/// No delay of a policy is longer: beyond it, arithmetic in nanoseconds would lose its precision.
pub const DELAY_LONGEST: Duration = Duration::from_hours(24);

/// Zero would never grow.
const DELAY_SHORTEST: Duration = Duration::from_millis(1);

/// How much of a delay chance may take away: processes that lost the same broker must not come
/// back in step.
const JITTER: f64 = 0.5;

const GROWTH: f64 = 2.0;

/// A sequence of delays: it doubles from `delay_min` to `delay_max` and stays there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    delay_min: Duration,
    delay_max: Duration,
    delays_max: Option<u32>,
}

impl Policy {
    /// Without an end. `delay_min` is at least a millisecond, `delay_max` at least `delay_min`, and
    /// neither is beyond [`DELAY_LONGEST`]: what is outside is brought inside.
    pub fn new(delay_min: Duration, delay_max: Duration) -> Self {
        let delay_min = delay_min.clamp(DELAY_SHORTEST, DELAY_LONGEST);
        let delay_max = delay_max.clamp(delay_min, DELAY_LONGEST);
        Self { delay_min, delay_max, delays_max: None }
    }

    /// The same delays, but no more than `delays_max` of them.
    #[must_use]
    pub const fn at_most(self, delays_max: u32) -> Self {
        Self { delays_max: Some(delays_max), ..self }
    }

    /// The delays, each within `[delay_min / 2, delay_max]`. One seed always gives the same ones.
    pub fn delays(self, seed: u64) -> Delays {
        Delays {
            growth: self.growth(),
            chance: fastrand::Rng::with_seed(seed),
            left: self.delays_max,
        }
    }

    /// Its own jitter is off, because it can't be seeded; its clock is never asked, because
    /// sequences end by count.
    fn growth(self) -> ExponentialBackoff {
        ExponentialBackoff {
            current_interval: self.delay_min,
            initial_interval: self.delay_min,
            randomization_factor: 0.0,
            multiplier: GROWTH,
            max_interval: self.delay_max,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        }
    }
}

/// The delays of a [`Policy`], in order.
#[derive(Clone, Debug)]
pub struct Delays {
    growth: ExponentialBackoff,
    chance: fastrand::Rng,
    left: Option<u32>,
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.left = match self.left {
            Some(left) => Some(left.checked_sub(1)?),
            None => None,
        };
        let whole = self.growth.next_backoff()?;
        let taken_away = whole.mul_f64(JITTER * self.chance.f64());
        Some(whole.saturating_sub(taken_away))
    }
}

impl FusedIterator for Delays {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIN: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_secs(5);

    #[test]
    fn delays_double_up_to_the_cap_within_their_jitter() {
        let delays: Vec<_> = Policy::new(MIN, MAX).delays(7).take(9).collect();
        let wholes = [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000];
        for (delay, whole) in delays.iter().zip(wholes.map(Duration::from_millis)) {
            assert!(*delay >= whole / 2 && *delay <= whole, "{delay:?} of {whole:?}");
        }
    }

    #[test]
    fn processes_with_other_seeds_do_not_come_back_in_step() {
        let third = |seed| Policy::new(MIN, MAX).delays(seed).nth(2).unwrap();
        assert_ne!(third(1), third(2));
    }

    #[test]
    fn a_policy_without_an_end_goes_on_at_its_cap() {
        let late = Policy::new(MIN, MAX).delays(1).nth(10_000).unwrap();
        assert!(late >= MAX / 2 && late <= MAX);
    }

    #[test]
    fn a_policy_that_starts_at_zero_still_grows() {
        let late = Policy::new(Duration::ZERO, MAX).delays(1).nth(20).unwrap();
        assert!(late >= MAX / 2, "{late:?}");
    }

    proptest! {
        #[test]
        fn every_delay_lies_between_half_the_smallest_and_the_largest(
            min in 1_u64..10_000_000, more in 0_u64..100_000_000, seed: u64,
        ) {
            let min = Duration::from_millis(min);
            let max = (min + Duration::from_millis(more)).min(DELAY_LONGEST);
            for delay in Policy::new(min, max).delays(seed).take(64) {
                prop_assert!(delay >= min / 2 && delay <= max, "{delay:?}");
            }
        }

        #[test]
        fn a_bounded_sequence_ends_and_stays_ended(count in 0_u32..100, seed: u64) {
            let mut delays = Policy::new(MIN, MAX).at_most(count).delays(seed);
            prop_assert_eq!(delays.by_ref().take(200).count(), usize::try_from(count).unwrap());
            prop_assert_eq!(delays.next(), None);
        }

        #[test]
        fn one_seed_gives_one_sequence(seed: u64) {
            let delays = || Policy::new(MIN, MAX).delays(seed).take(20).collect::<Vec<_>>();
            prop_assert_eq!(delays(), delays());
        }

        #[test]
        fn nonsense_is_brought_inside_the_bounds(min: u64, max: u64, nanos in 0_u32..1_000_000_000) {
            let policy = Policy::new(Duration::new(min, nanos), Duration::new(max, nanos));
            for delay in policy.delays(0).take(20) {
                prop_assert!(delay >= DELAY_SHORTEST / 2 && delay <= DELAY_LONGEST);
            }
        }
    }
}
