//! When something is done by itself: at intervals, or by the clock on a wall.
//!
//! Pure: what is due follows from the times it is asked with. A day on which the clocks change is
//! handled as cron always has: what is due at a fixed time that does not exist that day happens when
//! the clocks have gone forward, and what is due at a time that comes twice happens once; what is due
//! every so often goes on as time itself does.

use std::{fmt, str::FromStr as _, time::Duration};

use croner::Cron;
use jiff::{SignedDuration, Timestamp, Zoned, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::HumanDuration;

/// Times at which something is due.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleConfig {
    pub times: Times,
    pub catch_up: CatchUp,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Times {
    Every(HumanDuration),
    Cron(Box<CronTimes>),
}

/// A cron pattern and the zone of the clock it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct CronTimes {
    pattern: Cron,
    zone: TimeZone,
}

/// What becomes of times at which nobody was there, or which a pause has covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CatchUp {
    /// However many were missed, it is done once, at once.
    #[default]
    Once,
    /// It is done at the next time.
    Skip,
}

impl CronTimes {
    /// Five fields, or six with the seconds first. The error is a sentence.
    pub fn parse(pattern: &str, zone: TimeZone) -> Result<Self, String> {
        let short: String = pattern.chars().take(60).collect();
        let pattern = Cron::from_str(pattern)
            .map_err(|error| format!("`{short}` is not a cron pattern: {error}"))?;
        Ok(Self { pattern, zone })
    }

    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after: Zoned = after.to_zoned(self.zone.clone());
        let next = self.pattern.find_next_occurrence(&after, false).ok()?.timestamp();
        // Whatever a pattern comes to, time goes forward.
        (next > after.timestamp()).then_some(next)
    }
}

impl ScheduleConfig {
    pub fn every(every: Duration) -> Self {
        Self { times: Times::Every(HumanDuration(every)), catch_up: CatchUp::Once }
    }

    /// The first time after `after`; none where a pattern has no more.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match &self.times {
            Times::Every(every) => after.checked_add(SignedDuration::try_from(every.0).ok()?).ok(),
            Times::Cron(cron) => cron.next(after),
        }
    }

    /// Whether it is due at `now`, or else when it will be. `last` is when it was begun last, `since`
    /// when somebody began to be there to do it.
    pub fn due(&self, last: Option<Timestamp>, since: Timestamp, now: Timestamp) -> Due {
        let from = match (self.catch_up, &self.times, last) {
            (CatchUp::Once, Times::Every(_), None) => return Due::Now,
            (CatchUp::Once, _, Some(last)) => last,
            (CatchUp::Skip, _, Some(last)) => last.max(since),
            (_, _, None) => since,
        };
        match self.next(from) {
            Some(next) if next <= now => Due::Now,
            Some(next) => Due::At(next),
            None => Due::Never,
        }
    }
}

/// The answer of [`ScheduleConfig::due`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Now,
    At(Timestamp),
    Never,
}

/// `every 30s`, `*/2 * * * * (Europe/London)`.
impl fmt::Display for ScheduleConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.times {
            Times::Every(every) => write!(f, "every {every}"),
            Times::Cron(cron) => {
                let zone = cron.zone.iana_name().unwrap_or("UTC");
                write!(f, "{} ({zone})", cron.pattern.as_str())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(pattern: &str, zone: &str, catch_up: CatchUp) -> ScheduleConfig {
        let times = CronTimes::parse(pattern, TimeZone::get(zone).unwrap()).unwrap();
        ScheduleConfig { times: Times::Cron(Box::new(times)), catch_up }
    }

    fn london(pattern: &str) -> ScheduleConfig {
        cron(pattern, "Europe/London", CatchUp::Once)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The next `count` times after `from`.
    fn times(schedule: &ScheduleConfig, from: &str, count: usize) -> Vec<String> {
        let mut time = at(from);
        let mut next = || {
            time = schedule.next(time).unwrap();
            time.to_string()
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn a_pattern_is_about_the_clock_of_its_zone() {
        assert_eq!(
            times(&london("30 2 * * *"), "2026-07-01T00:00:00Z", 1),
            ["2026-07-01T01:30:00Z"]
        );
        assert_eq!(
            times(&london("30 2 * * *"), "2026-12-01T00:00:00Z", 1),
            ["2026-12-01T02:30:00Z"]
        );
        let weekday = cron("0 9 * * MON-FRI", "Asia/Kolkata", CatchUp::Once);
        assert_eq!(times(&weekday, "2026-11-27T04:00:00Z", 1), ["2026-11-30T03:30:00Z"]);
    }

    #[test]
    fn a_fixed_time_that_does_not_exist_happens_when_the_clocks_have_gone_forward() {
        // In London it is 02:00 after 00:59:59 GMT on 2026-03-29.
        let found = times(&london("30 1 * * *"), "2026-03-28T12:00:00Z", 2);
        assert_eq!(found, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    }

    #[test]
    fn a_fixed_time_that_comes_twice_happens_once() {
        // In London 01:30 comes twice on 2026-10-25: at 00:30 and 01:30 UTC.
        let found = times(&london("30 1 * * *"), "2026-10-24T12:00:00Z", 2);
        assert_eq!(found, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    }

    #[test]
    fn what_is_due_every_so_often_goes_on_while_the_clocks_change() {
        for from in ["2026-10-25T00:00:00Z", "2026-03-29T00:00:00Z"] {
            let schedule = london("*/20 * * * *");
            let start = at(from);
            let mut last = start;
            for step in 1..=9 {
                let next = schedule.next(last).unwrap();
                assert_eq!(next.duration_since(start).as_secs(), step * 1_200, "{from}");
                last = next;
            }
        }
    }

    #[test]
    fn missed_times_are_made_up_for_once_or_not_at_all() {
        let (last, now) = (Some(at("2026-11-20T02:00:00Z")), at("2026-11-23T10:00:00Z"));
        let since = at("2026-11-23T09:59:00Z");
        assert_eq!(london("0 2 * * *").due(last, since, now), Due::Now);
        let skipping = cron("0 2 * * *", "Europe/London", CatchUp::Skip);
        assert_eq!(skipping.due(last, since, now), Due::At(at("2026-11-24T02:00:00Z")));
        assert_eq!(skipping.due(last, since, at("2026-11-24T02:00:00Z")), Due::Now);
        // Once done, the next time is the pattern's.
        let done = london("0 2 * * *").due(Some(now), since, now);
        assert_eq!(done, Due::At(at("2026-11-24T02:00:00Z")));
    }

    #[test]
    fn what_was_never_done_begins_at_once_at_intervals_and_at_its_time_by_the_clock() {
        let now = at("2026-11-23T10:00:30Z");
        let every = ScheduleConfig::every(Duration::from_secs(30));
        assert_eq!(every.due(None, now, now), Due::Now);
        assert_eq!(every.due(Some(now), now, now), Due::At(at("2026-11-23T10:01:00Z")));
        let nightly = london("0 2 * * *");
        assert_eq!(nightly.due(None, now, now), Due::At(at("2026-11-24T02:00:00Z")));
    }

    #[test]
    fn a_pattern_that_never_comes_is_never_due_and_others_are_refused() {
        let now = at("2026-11-23T10:00:00Z");
        assert_eq!(london("0 0 30 2 *").due(None, now, now), Due::Never);
        for bad in ["", "* * * *", "61 * * * *", "every day", "* * * * * * * *"] {
            let refused = CronTimes::parse(bad, TimeZone::UTC).unwrap_err();
            assert!(refused.contains("is not a cron pattern"), "{refused}");
        }
        assert_eq!(london("*/2 * * * *").to_string(), "*/2 * * * * (Europe/London)");
    }
}
