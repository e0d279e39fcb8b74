//! Despatched shipments, by the time they were completed (OrderFlow reference §4).
//!
//! OrderFlow says and takes local times without a zone. In the hour that comes twice when the clocks go
//! back, a time may be the earlier or the later one: a pull whose cursor is in that hour begins
//! before it, so that what was completed in its second half is not behind the cursor. Reading twice
//! is harmless; the ledger knows what it has.
//!
//! Its clock is not ours, and its zone may not be what the configuration says. The cursor is a time
//! that a shipment had, so that only the instance's own times are compared with it; where nothing was
//! found, only a span that ended more than [`CLOCKS`] ago counts as read.

use jiff::{SignedDuration, ToSpan as _, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{Pull, reached};
use crate::{Failure, Page, orderflow::times, poll, xml};

const PATH: &str = "/remoteorder/shipment/despatches.xml";
/// The instance's times and ours, in what the configuration says is its zone, differ by less.
const CLOCKS: SignedDuration = SignedDuration::from_hours(24);

/// How far the list has been read: a local time of the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    completed: DateTime,
}

/// One request's span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    from: DateTime,
    to: DateTime,
    /// Its end is past: there may be more behind it.
    past: bool,
}

impl Pull<'_> {
    pub(super) async fn despatches(&self) -> Result<Page, Failure> {
        let config = &self.orderflow.config.pull;
        let zone = &self.orderflow.zone;
        let now = self.ask.now.to_zoned(zone.clone()).datetime();
        let cursor = self.ask.cursor.map(|text| self.went_as_far_as(text)).transpose()?;
        let window = window(cursor, now, zone, config);
        let query = [
            self.channel(),
            ("from", times::local(window.from)),
            ("to", times::local(window.to)),
            ("includeOrderLines", "true".to_owned()),
        ];
        let response = self.get("poll", PATH, &query).await?;
        let split = self.split(&response, "shipments")?;
        let earliest = |at| zone.to_ambiguous_timestamp(at).earlier().ok();
        let newest = split.items.iter().filter_map(|item| completed(item)).max();
        let records = self.records(&split, &self.orderflow.config.channel, true)?;
        Ok(Page {
            cursor: serde_json::to_string(&after(cursor, window, newest, now)).ok(),
            more: window.past,
            ahead: poll::ahead(newest.and_then(earliest).into_iter(), self.ask.now),
            ..Page::of(records)
        })
    }

    /// By a cursor, or a bare RFC 3339 time that a person set.
    fn went_as_far_as(&self, text: &str) -> Result<Cursor, Failure> {
        if let Ok(cursor) = serde_json::from_str(text) {
            return Ok(cursor);
        }
        let at = reached(self.ask.endpoint, text)?;
        Ok(Cursor { completed: at.to_zoned(self.orderflow.zone.clone()).datetime() })
    }
}

/// Where the next pull goes on. It never goes back; where there was nothing yet, it stays where it
/// began, since what was completed meanwhile may be told late.
fn after(
    cursor: Option<Cursor>,
    window: Window,
    newest: Option<DateTime>,
    now: DateTime,
) -> Cursor {
    // What is dated ahead of now must not hide what is completed until then.
    let found = newest.map(|newest| newest.min(now));
    let found = if window.past { found.max(Some(window.to)) } else { found };
    let completed = found.max(cursor.map(|cursor| cursor.completed)).unwrap_or(window.from);
    Cursor { completed }
}

fn window(
    cursor: Option<Cursor>,
    now: DateTime,
    zone: &TimeZone,
    config: &ferry_config::system::PullConfig,
) -> Window {
    let span = |span: std::time::Duration| SignedDuration::try_from(span).unwrap_or_default();
    let back = |from: DateTime, by| from.checked_sub(by).unwrap_or(DateTime::MIN);
    let overlap = span(config.overlap.0);
    let from = match cursor {
        None => back(now, span(config.first.0)),
        Some(cursor) => back(before_fold(cursor.completed, zone), overlap),
    };
    // Counted from the cursor, so that every window leads further.
    let reached = cursor.map_or(from, |cursor| cursor.completed);
    let end = reached.checked_add(span(config.window.0)).unwrap_or(DateTime::MAX);
    if end < back(back(before_fold(now, zone), overlap), CLOCKS) {
        return Window { from, to: end, past: true };
    }
    let to = now.checked_add(1.day()).unwrap_or(DateTime::MAX);
    Window { from, to, past: false }
}

/// For a time that comes twice, as far back as the clocks go; every other time itself.
fn before_fold(at: DateTime, zone: &TimeZone) -> DateTime {
    let ambiguous = zone.to_ambiguous_timestamp(at).offset();
    let jiff::tz::AmbiguousOffset::Fold { before, after } = ambiguous else { return at };
    // What comes twice is as long as the clocks go back.
    let length = before.seconds() - after.seconds();
    at.checked_sub(SignedDuration::from_secs(i64::from(length))).unwrap_or(at)
}

fn completed(item: &[u8]) -> Option<DateTime> {
    let shipment = xml::parse(item).ok()?;
    times::civil(shipment.child_text("completed")?)
}

#[cfg(test)]
mod tests {
    use ferry_config::{HumanDuration, system::PullConfig};
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn london() -> TimeZone {
        TimeZone::get("Europe/London").unwrap()
    }

    fn at(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    fn of(cursor: &str, now: &str) -> Window {
        let cursor = Some(Cursor { completed: at(cursor) });
        window(cursor, at(now), &london(), &PullConfig::default())
    }

    #[test]
    fn a_pull_reads_an_overlap_back_and_past_its_own_clock() {
        let found = of("2026-11-22T10:00:00", "2026-11-22T10:05:00");
        let (from, to) = (at("2026-11-22T09:50:00"), at("2026-11-23T10:05:00"));
        assert_eq!(found, Window { from, to, past: false });
    }

    #[test]
    fn the_first_pull_reaches_a_day_back() {
        let found = window(None, at("2026-11-22T10:00:00"), &london(), &PullConfig::default());
        assert_eq!(found.from, at("2026-11-21T10:00:00"));
    }

    #[test]
    fn after_a_long_absence_it_goes_window_by_window() {
        let found = of("2026-11-01T10:00:00", "2026-11-22T10:00:00");
        let (from, to) = (at("2026-11-01T09:50:00"), at("2026-11-02T10:00:00"));
        assert_eq!(found, Window { from, to, past: true });
    }

    #[test]
    fn in_the_hour_that_comes_twice_a_pull_begins_before_it() {
        assert_eq!(
            of("2026-10-25T01:30:00", "2026-10-25T01:10:00").from,
            at("2026-10-25T00:20:00")
        );
        assert_eq!(
            of("2026-10-25T02:00:00", "2026-10-25T02:10:00").from,
            at("2026-10-25T01:50:00")
        );
    }

    #[test]
    fn a_quiet_span_is_read_once_it_ended_more_than_a_day_ago() {
        for (now, past) in [("2026-11-23T22:00:00", false), ("2026-11-23T22:11:00", true)] {
            assert_eq!(of("2026-11-21T22:00:00", now).past, past, "{now}");
        }
    }

    #[test]
    fn a_first_pull_that_finds_nothing_keeps_where_it_began() {
        let now = at("2026-11-22T10:00:00");
        let first = window(None, now, &london(), &PullConfig::default());
        assert_eq!(after(None, first, None, now).completed, at("2026-11-21T10:00:00"));
    }

    fn local(second: i64) -> DateTime {
        Timestamp::from_second(second).unwrap().to_zoned(london()).datetime()
    }

    /// An instance that shows what was completed before it was asked, by a clock that is `fast`.
    fn shown(completed: &[i64], fast: i64, window: Window, now: i64) -> Vec<i64> {
        let within = |second: &i64| (window.from..=window.to).contains(&local(*second + fast));
        completed.iter().copied().filter(|second| *second <= now).filter(within).collect()
    }

    proptest! {
        /// From before the clocks go back until after, and days later; also where the instance's zone
        /// is not the configured one: whatever is completed is seen.
        #[test]
        fn nothing_that_was_completed_while_the_clocks_changed_is_missed(
            completed in proptest::collection::vec(0_i64..20_000, 1..60),
            pulls in proptest::collection::vec(1_i64..2_000, 1..60),
            absence in 0_i64..300_000,
            fast in -7_200_i64..7_200,
        ) {
            let start = "2026-10-24T22:30:00Z".parse::<Timestamp>().unwrap().as_second();
            let completed: Vec<i64> = completed.into_iter().map(|after| start + after).collect();
            let config = PullConfig { window: HumanDuration::from_secs(3_600), ..PullConfig::default() };
            let mut seen = std::collections::BTreeSet::new();
            let (mut cursor, mut now) = (None, start);
            for wait in pulls.into_iter().chain([25_000, absence]) {
                now += wait;
                loop {
                    let window = window(cursor, local(now), &london(), &config);
                    let found = shown(&completed, fast, window, now);
                    let newest = found.iter().map(|second| local(*second + fast)).max();
                    seen.extend(found);
                    cursor = Some(after(cursor, window, newest, local(now)));
                    if !window.past { break; }
                }
            }
            prop_assert_eq!(seen, completed.into_iter().collect::<std::collections::BTreeSet<_>>());
        }
    }
}
