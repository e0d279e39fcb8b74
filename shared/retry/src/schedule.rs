//! The attempts of one delivery, spaced over hours.

use std::time::Duration;

/// Delays between the attempts of a delivery. The last one repeats until `give_up_after` has passed
/// since the first failure; then the delivery is dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    delays: Vec<Duration>,
    give_up_after: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error("a retry delay of zero would repeat without rest; write at least \"1ms\"")]
    ZeroDelay,
}

impl Schedule {
    /// An empty list means: no retries, dead at the first failure.
    pub fn new(delays: Vec<Duration>, give_up_after: Duration) -> Result<Self, ScheduleError> {
        if delays.iter().any(Duration::is_zero) {
            return Err(ScheduleError::ZeroDelay);
        }
        Ok(Self { delays, give_up_after })
    }

    pub fn delays(&self) -> &[Duration] {
        &self.delays
    }

    pub const fn give_up_after(&self) -> Duration {
        self.give_up_after
    }

    /// How long to wait after failed try number `attempt` (1-based), or `None`: give up. It is never
    /// given up sooner than `give_up_after`; the last try comes at most one delay later than that.
    pub fn next(&self, attempt: u32, since_first_failure: Duration) -> Option<Duration> {
        if since_first_failure >= self.give_up_after {
            return None;
        }
        let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        self.delays.get(index).or(self.delays.last()).copied()
    }

    /// When a delivery that fails at once every time is tried again, counted from its first
    /// failure: the worst case that `ferry lint` prints. As long as the schedule, so take what is
    /// needed.
    pub fn timeline(&self) -> impl Iterator<Item = Duration> {
        let mut attempt = 0_u32;
        let mut elapsed = Duration::ZERO;
        std::iter::from_fn(move || {
            attempt = attempt.saturating_add(1);
            elapsed = elapsed.saturating_add(self.next(attempt, elapsed)?);
            Some(elapsed)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn schedule(delays: &[u64], give_up_after: u64) -> Schedule {
        Schedule::new(delays.iter().copied().map(secs).collect(), secs(give_up_after)).unwrap()
    }

    #[test]
    fn each_failed_try_has_its_delay_and_the_last_repeats() {
        let schedule = schedule(&[5, 30, 120], 1_000);
        let delays = [1, 2, 3, 4, 400].map(|attempt| schedule.next(attempt, secs(1)));
        assert_eq!(delays, [5, 30, 120, 120, 120].map(|delay| Some(secs(delay))));
    }

    #[test]
    fn it_is_given_up_when_the_time_is_over_and_not_before() {
        let schedule = schedule(&[5], 60);
        assert_eq!(schedule.next(9, secs(59)), Some(secs(5)));
        assert_eq!(schedule.next(9, secs(60)), None);
    }

    #[test]
    fn an_attempt_that_nobody_counted_is_the_first() {
        assert_eq!(schedule(&[5, 30], 60).next(0, Duration::ZERO), Some(secs(5)));
    }

    #[test]
    fn without_delays_there_are_no_retries() {
        assert_eq!(schedule(&[], 60).next(1, Duration::ZERO), None);
    }

    #[test]
    fn a_delay_of_zero_is_refused() {
        let refused = Schedule::new(vec![secs(5), Duration::ZERO], secs(60));
        assert_eq!(refused, Err(ScheduleError::ZeroDelay));
    }

    #[test]
    fn the_timeline_of_the_worst_case_adds_the_delays_up() {
        let times: Vec<_> = schedule(&[5, 30], 70).timeline().collect();
        assert_eq!(times, [5, 35, 65, 95].map(secs));
    }

    proptest! {
        #[test]
        fn every_schedule_ends_at_most_one_delay_after_its_time(
            delays in prop::collection::vec(1_u64..1_000, 0..6), give_up_after in 0_u64..5_000,
        ) {
            let schedule = schedule(&delays, give_up_after);
            let times: Vec<_> = schedule.timeline().collect();
            let longest = delays.iter().max().copied().unwrap_or_default();
            let last = times.last().copied().unwrap_or_default();
            prop_assert!(last < secs(give_up_after + longest).max(secs(1)));
            prop_assert!(times.is_sorted());
            prop_assert!(delays.is_empty() || last >= secs(give_up_after));
        }
    }
}
