//! How a target is cared for: when its breaker opens, how it is probed, when it is left alone.

use std::time::Duration;

use jiff::{
    Timestamp, Zoned,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

/// When Ferry stops writing to a target by itself, and how it finds out that it may again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CareConfig {
    /// Calls in a row without a common entity that must fail to open the breaker; at least 2.
    pub failing_entities: u32,
    /// Failures further apart do not count together, unless so many calls may time out one after the
    /// other in a longer time.
    pub window: Duration,
    /// Between the breaker's opening and the first probe; doubled up to `probe_at_most`.
    pub probe_every: Duration,
    pub probe_at_most: Duration,
    /// Between two probes of a target that refuses our credentials.
    pub refused_probe_every: Duration,
    /// The longest `Retry-After` that is respected.
    pub hold_at_most: Duration,
}

impl Default for CareConfig {
    fn default() -> Self {
        Self {
            failing_entities: 3,
            window: Duration::from_mins(1),
            probe_every: Duration::from_secs(1),
            probe_at_most: Duration::from_secs(30),
            refused_probe_every: Duration::from_secs(30),
            hold_at_most: Duration::from_mins(10),
        }
    }
}

/// A time of the week in which nothing is written to a target. It begins and ends by the clocks of
/// its time zone, also where they are put forward or back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaintenanceWindow {
    /// The days on which it begins; empty: every day.
    pub days: Vec<Weekday>,
    pub from: Time,
    /// Not later than `from`: on the day after.
    pub to: Time,
    pub time_zone: TimeZone,
}

impl MaintenanceWindow {
    /// Its end, if `now` lies within it.
    pub fn covers(&self, now: Timestamp) -> Option<Timestamp> {
        let today = now.to_zoned(self.time_zone.clone()).date();
        let days = [today.yesterday().ok(), Some(today)];
        days.into_iter().flatten().find_map(|date| {
            let (begins, ends) = self.on(date)?;
            (begins.timestamp() <= now && now < ends.timestamp()).then(|| ends.timestamp())
        })
    }

    /// The window that begins on `date`, if one does.
    fn on(&self, date: Date) -> Option<(Zoned, Zoned)> {
        if !self.days.is_empty() && !self.days.contains(&date.weekday()) {
            return None;
        }
        let last = if self.to <= self.from { date.tomorrow().ok()? } else { date };
        let begins = date.to_datetime(self.from).to_zoned(self.time_zone.clone()).ok()?;
        let ends = last.to_datetime(self.to).to_zoned(self.time_zone.clone()).ok()?;
        Some((begins, ends))
    }
}

/// The latest end of the windows that `now` lies within.
pub fn maintained_until(windows: &[MaintenanceWindow], now: Timestamp) -> Option<Timestamp> {
    windows.iter().filter_map(|window| window.covers(now)).max()
}

/// `02:00`: hours and minutes of a day.
pub(crate) fn time_of_day(text: &str) -> Option<Time> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| {
        let two = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        two.then(|| digits.parse::<i8>().ok()).flatten()
    };
    Time::new(number(hours)?, number(minutes)?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: &[Weekday], from: &str, to: &str) -> MaintenanceWindow {
        MaintenanceWindow {
            days: days.to_vec(),
            from: time_of_day(from).unwrap(),
            to: time_of_day(to).unwrap(),
            time_zone: TimeZone::get("Europe/London").unwrap(),
        }
    }

    fn covered(window: &MaintenanceWindow, now: &str) -> Option<String> {
        window.covers(now.parse().unwrap()).map(|end| end.to_string())
    }

    #[test]
    fn a_window_is_the_same_by_the_clocks_of_its_zone_in_summer_and_winter() {
        let sundays = window(&[Weekday::Sunday], "02:00", "04:00");
        let ends = |now| covered(&sundays, now);
        assert_eq!(ends("2026-01-11T01:59:59Z"), None);
        assert_eq!(ends("2026-01-11T02:00:00Z").as_deref(), Some("2026-01-11T04:00:00Z"));
        assert_eq!(ends("2026-07-12T01:00:00Z").as_deref(), Some("2026-07-12T03:00:00Z"));
        assert_eq!(ends("2026-07-12T03:00:00Z"), None);
        assert_eq!(ends("2026-07-13T01:30:00Z"), None);
    }

    #[test]
    fn a_window_holds_where_clocks_are_put_forward_and_back() {
        // On 29 March 2026 one o'clock becomes two, on 25 October two becomes one.
        let nights = window(&[], "00:30", "02:30");
        assert_eq!(
            covered(&nights, "2026-03-29T00:45:00Z").as_deref(),
            Some("2026-03-29T01:30:00Z")
        );
        assert_eq!(
            covered(&nights, "2026-10-25T01:59:00Z").as_deref(),
            Some("2026-10-25T02:30:00Z")
        );
        let within_the_gap = window(&[], "01:15", "01:45");
        assert_eq!(covered(&within_the_gap, "2026-03-29T00:59:00Z"), None);
        assert_eq!(
            covered(&within_the_gap, "2026-03-29T01:20:00Z").as_deref(),
            Some("2026-03-29T01:45:00Z")
        );
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_begins_on() {
        let saturdays = window(&[Weekday::Saturday], "22:00", "02:00");
        assert_eq!(
            covered(&saturdays, "2026-01-11T01:00:00Z").as_deref(),
            Some("2026-01-11T02:00:00Z")
        );
        assert_eq!(covered(&saturdays, "2026-01-10T01:00:00Z"), None);
        assert_eq!(covered(&saturdays, "2026-01-11T22:30:00Z"), None);
    }

    #[test]
    fn of_several_windows_the_one_that_ends_last_counts() {
        let windows = [window(&[], "02:00", "04:00"), window(&[], "03:00", "05:00")];
        let until = maintained_until(&windows, "2026-01-11T03:30:00Z".parse().unwrap());
        assert_eq!(until.unwrap().to_string(), "2026-01-11T05:00:00Z");
    }

    #[test]
    fn a_time_of_day_has_two_digits_for_hours_and_minutes() {
        for wrong in ["2:00", "24:00", "02:60", "02.00", "+2:00", "", "02:00:00"] {
            assert_eq!(time_of_day(wrong), None, "{wrong}");
        }
    }
}
