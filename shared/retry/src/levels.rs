//! The delay levels: the few delays that exist as queues in the broker.

use std::{collections::BTreeSet, time::Duration};

/// One delay level; its queue and exchange are `delay.<name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    pub name: String,
    pub delay: Duration,
}

/// The configured levels, shortest first; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    shorter: Vec<Level>,
    top: Level,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LevelsError {
    #[error("no delay level is configured; give at least one, such as \"5s\"")]
    Empty,
    #[error("a delay level of {} ms is outside 1 ms to 24 days", .0.as_millis())]
    OutOfBounds(Duration),
}

/// Where a delivery waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait<'a> {
    pub level: &'a Level,
    /// Set where one stay at the level is too short: from now on, the delivery must not be tried
    /// for this long, and goes back to a level without burning an attempt until then.
    pub not_before: Option<Duration>,
}

/// RabbitMQ's bound for a time-to-live is an unsigned 32-bit count of milliseconds; half of it is
/// more than anybody waits.
const LEVEL_LONGEST: Duration = Duration::from_hours(24 * 24);

impl Levels {
    /// Sorts and merges. Delays are rounded up to whole milliseconds, which is what queues know.
    pub fn new(delays: impl IntoIterator<Item = Duration>) -> Result<Self, LevelsError> {
        let mut sorted = BTreeSet::new();
        for delay in delays {
            if delay.is_zero() || delay > LEVEL_LONGEST {
                return Err(LevelsError::OutOfBounds(delay));
            }
            sorted.insert(delay.as_micros().div_ceil(1_000));
        }
        let mut levels = sorted.into_iter().map(Level::of_millis).collect::<Vec<_>>();
        let top = levels.pop().ok_or(LevelsError::Empty)?;
        Ok(Self { shorter: levels, top })
    }

    /// The shortest level that lasts at least `delay`; the longest there is if none does.
    pub fn quantise(&self, delay: Duration) -> &Level {
        self.shorter.iter().find(|level| level.delay >= delay).unwrap_or(&self.top)
    }

    /// Where to wait for a delay of our schedule, or for what the target asked for if that is
    /// longer: a target knows its own recovery best, but can't make us come sooner than we would.
    pub fn wait(&self, delay: Duration, retry_after: Option<Duration>) -> Wait<'_> {
        let delay = retry_after.map_or(delay, |asked| asked.max(delay));
        let level = self.quantise(delay);
        let not_before = (delay > level.delay).then_some(delay);
        Wait { level, not_before }
    }

    /// Where a busy entity's delivery waits.
    pub fn shortest(&self) -> &Level {
        self.shorter.first().unwrap_or(&self.top)
    }

    pub fn longest(&self) -> &Level {
        &self.top
    }

    pub fn iter(&self) -> impl Iterator<Item = &Level> {
        self.shorter.iter().chain(std::iter::once(&self.top))
    }
}

impl Level {
    fn of_millis(millis: u128) -> Self {
        let delay = Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
        Self { name: ferry_topology::level_name(delay), delay }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn defaults() -> Levels {
        Levels::new([secs(30), secs(5), secs(600), secs(120), secs(7_200), secs(1_800)]).unwrap()
    }

    #[test]
    fn levels_are_sorted_merged_and_named() {
        let levels = Levels::new([secs(120), Duration::from_millis(100), secs(5), secs(120)]);
        let levels = levels.unwrap();
        let names: Vec<_> = levels.iter().map(|level| level.name.as_str()).collect();
        assert_eq!(names, ["100ms", "5s", "2m"]);
        assert_eq!(levels.shortest().name, "100ms");
        assert_eq!(levels.longest().name, "2m");
    }

    #[test]
    fn a_level_finer_than_a_millisecond_is_rounded_up() {
        let levels = Levels::new([Duration::from_micros(1_500)]).unwrap();
        assert_eq!(levels.shortest().delay, Duration::from_millis(2));
    }

    #[test]
    fn levels_that_no_queue_can_have_are_refused() {
        assert_eq!(Levels::new([]), Err(LevelsError::Empty));
        assert_eq!(Levels::new([Duration::ZERO]), Err(LevelsError::OutOfBounds(Duration::ZERO)));
        assert!(Levels::new([Duration::MAX]).is_err());
    }

    #[test]
    fn a_target_that_asks_for_longer_is_obeyed_and_for_shorter_is_not() {
        let levels = defaults();
        assert_eq!(levels.wait(secs(5), None).level.name, "5s");
        assert_eq!(levels.wait(secs(5), Some(secs(60))).level.name, "2m");
        assert_eq!(levels.wait(secs(600), Some(secs(1))).level.name, "10m");
    }

    #[test]
    fn what_is_longer_than_the_top_waits_there_with_a_time_before_which_it_is_not_tried() {
        let levels = defaults();
        let day = secs(86_400);
        let wait = levels.wait(secs(5), Some(day));
        assert_eq!((wait.level.name.as_str(), wait.not_before), ("2h", Some(day)));
        assert_eq!(levels.wait(secs(7_200), None).not_before, None);
    }

    proptest! {
        #[test]
        fn quantising_never_shortens_a_delay_that_fits_and_takes_the_next_level(
            millis in prop::collection::vec(1_u64..10_000_000, 1..8), delay in 0_u64..12_000_000,
        ) {
            let levels = Levels::new(millis.into_iter().map(Duration::from_millis)).unwrap();
            let delay = Duration::from_millis(delay);
            let level = levels.quantise(delay);
            prop_assert!(level.delay >= delay || level == levels.longest());
            let between = levels.iter().any(|l| l.delay >= delay && l.delay < level.delay);
            prop_assert!(!between);
        }

        #[test]
        fn a_delivery_never_comes_back_for_good_before_its_delay(
            delay in 0_u64..100_000_000, asked in prop::option::of(0_u64..100_000_000),
        ) {
            let levels = defaults();
            let (delay, asked) = (Duration::from_millis(delay), asked.map(Duration::from_millis));
            let wait = levels.wait(delay, asked);
            let waited = wait.not_before.unwrap_or(wait.level.delay);
            prop_assert!(waited >= delay.max(asked.unwrap_or_default()));
        }
    }
}
