//! Despatched shipments, by the time they were completed (OrderFlow reference §4).
//!
//! OrderFlow says and takes local times without a zone. In the hour that comes twice when the clocks go
//! back, a time may be the earlier or the later one: a pull whose cursor is in that hour begins
//! before it, so that what was completed in its second half is not behind the cursor. Reading twice
//! is harmless; the ledger knows what it has.

use jiff::{SignedDuration, ToSpan as _, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::Pull;
use crate::{Failure, Page, orderflow::times, poll, xml};

const PATH: &str = "/remoteorder/shipment/despatches.xml";

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
        let cursor = self.ask.cursor.map(|text| parse(text, zone)).transpose()?;
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
        // What is dated ahead of now must not hide what is completed until then.
        let reached = newest.map(|newest| newest.min(now));
        let reached = if window.past { reached.max(Some(window.to)) } else { reached };
        let cursor = reached.max(cursor.map(|cursor| cursor.completed));
        let cursor = cursor.map(|completed| Cursor { completed });
        Ok(Page {
            records: self.records(&split, &self.orderflow.config.channel, true)?,
            cursor: cursor.and_then(|cursor| serde_json::to_string(&cursor).ok()),
            more: window.past,
            ahead: poll::ahead(newest.and_then(earliest).into_iter(), self.ask.now),
            wakes: Vec::new(),
        })
    }
}

/// Reads a cursor, or a bare RFC 3339 time that a person set.
fn parse(text: &str, zone: &TimeZone) -> Result<Cursor, Failure> {
    if let Ok(cursor) = serde_json::from_str(text) {
        return Ok(cursor);
    }
    let detail = "the cursor of `despatches` cannot be read: set it to an RFC 3339 time";
    let at: jiff::Timestamp = text
        .trim()
        .parse()
        .map_err(|_| Failure::new(ferry_canonical::FailureKind::Internal, detail))?;
    Ok(Cursor { completed: at.to_zoned(zone.clone()).datetime() })
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
    // What ended this long ago is complete, also where its clock and ours differ a little.
    if end < back(before_fold(now, zone), overlap) {
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
    fn a_cursor_a_person_set_is_read_and_one_nobody_can_read_is_told() {
        let set = parse("2026-07-01T12:00:00Z", &london()).unwrap();
        assert_eq!(set.completed, at("2026-07-01T13:00:00"));
        assert!(parse("yesterday", &london()).unwrap_err().detail.contains("RFC 3339"));
    }

    /// An instance that shows what was completed before it was asked, in local time.
    fn shown(completed: &[i64], window: Window, now: i64) -> Vec<i64> {
        let local =
            |second: i64| Timestamp::from_second(second).unwrap().to_zoned(london()).datetime();
        let within = |second: &i64| (window.from..=window.to).contains(&local(*second));
        completed.iter().copied().filter(|second| *second <= now).filter(within).collect()
    }

    proptest! {
        /// From before the clocks go back until after: whatever is completed is seen.
        #[test]
        fn nothing_that_was_completed_while_the_clocks_changed_is_missed(
            completed in proptest::collection::vec(0_i64..20_000, 1..60),
            pulls in proptest::collection::vec(1_i64..2_000, 1..60),
        ) {
            let start = "2026-10-24T22:30:00Z".parse::<Timestamp>().unwrap().as_second();
            let completed: Vec<i64> = completed.into_iter().map(|after| start + after).collect();
            let config = PullConfig { window: HumanDuration::from_secs(3_600), ..PullConfig::default() };
            let mut seen = std::collections::BTreeSet::new();
            let (mut cursor, mut now) = (None, start);
            for wait in pulls.into_iter().chain([25_000]) {
                now += wait;
                loop {
                    let local = Timestamp::from_second(now).unwrap().to_zoned(london()).datetime();
                    let window = window(cursor, local, &london(), &config);
                    let found = shown(&completed, window, now);
                    let newest = found.iter().map(|second| {
                        Timestamp::from_second(*second).unwrap().to_zoned(london()).datetime()
                    }).max();
                    seen.extend(found);
                    let newest = newest.map(|newest| newest.min(local));
                    let reached = if window.past { newest.max(Some(window.to)) } else { newest };
                    let reached = reached.max(cursor.map(|cursor: Cursor| cursor.completed));
                    cursor = reached.map(|completed| Cursor { completed });
                    if !window.past { break; }
                }
            }
            prop_assert_eq!(seen, completed.into_iter().collect::<std::collections::BTreeSet<_>>());
        }
    }
}
