//! Whether a document is due: pure, from what the store says, so that all loaders say the same.

use std::time::Duration;

use ferry_config::{Due, ExportConfig};
use ferry_store::{Because, ExportState, ScheduleState};
use jiff::{SignedDuration, Timestamp};

use crate::limits;

/// What there is to be seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<'a> {
    pub(super) schedule: &'a ScheduleState,
    pub(super) export: &'a ExportState,
    /// When this process began to be there.
    pub(super) since: Timestamp,
    pub(super) now: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Wait,
    /// The document that is on its way is to be brought, and none to be made.
    Bring,
    /// Documents are to be made of what waits, once none is on its way.
    Make(Because),
}

const DUE: Step = Step::Make(Because::Schedule);

pub(super) fn step(config: &ExportConfig, look: &Look<'_>) -> Step {
    let Look { schedule, export, now, .. } = *look;
    if schedule.asked.is_some() {
        return Step::Make(Because::Hand);
    }
    if schedule.is_paused(now) {
        return Step::Wait;
    }
    if let Some(open) = &export.open {
        // On its way, or left so by a loader that is gone: its lease tells.
        let again = open.tried_at.map(|at| later(at, again_after(open.tries)));
        let again = again.max(open.not_before);
        // What waited when it was made, and did not fit in, was as due as it was.
        let is_one_of_more = export.waiting_since.is_some_and(|since| since <= open.frozen_at);
        let makes = is_one_of_more || is_asked_for(config, look) || is_time(config, look);
        return match again {
            Some(at) if now < at => Step::Wait,
            Some(_) | None if makes => DUE,
            Some(_) | None => Step::Bring,
        };
    }
    if is_asked_for(config, look) || is_time(config, look) { DUE } else { Step::Wait }
}

/// Parts make it due.
fn is_asked_for(config: &ExportConfig, look: &Look<'_>) -> bool {
    let Look { schedule, export, now, .. } = *look;
    if let Some(failed) = schedule.last_run().filter(|run| !run.ok) {
        // What could not be rendered waits still, and would ask at each look.
        let after = config.flush_after.map(|after| after.0).unwrap_or_default();
        if now < later(failed.ended_at, after.max(limits::EXPORT_AGAIN_MAX)) {
            return false;
        }
    }
    let enough = config.flush_at.is_some_and(|parts| export.waiting >= u64::from(parts));
    let long = config
        .flush_after
        .zip(export.waiting_since)
        .is_some_and(|(after, since)| later(since, after.0) <= now);
    enough || long
}

/// The clock makes it due.
fn is_time(config: &ExportConfig, look: &Look<'_>) -> bool {
    let Look { schedule, since, now, .. } = *look;
    let last = schedule.last_run().map(|run| run.started_at);
    let since = since.max(schedule.resumed_at.unwrap_or(since));
    let due = config.schedule.as_ref().map(|times| times.due(last, since, now));
    matches!(due, Some(Due::Now))
}

/// Between two tries of one document.
fn again_after(tries: u32) -> Duration {
    let doubled = limits::EXPORT_AGAIN_MIN.saturating_mul(2_u32.saturating_pow(tries.min(16)));
    doubled.min(limits::EXPORT_AGAIN_MAX)
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// For people: `0 18 * * * (Europe/London), at 500 parts, after 10m`.
pub(super) fn times(config: &ExportConfig) -> String {
    let schedule = config.schedule.as_ref().map(ToString::to_string);
    let at = config.flush_at.map(|parts| format!("at {parts} parts"));
    let after = config.flush_after.map(|after| format!("after {after}"));
    [schedule, at, after].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::PathBuf};

    use ferry_config::{
        CatchUp, CronTimes, HumanDuration, ScheduleConfig, Times,
        export::{ExportContent, ExportWay},
        system::{Delimiter, Limits},
    };
    use ferry_store::{Asked, DocumentPhase, DocumentState, Pause, Run};
    use jiff::tz::TimeZone;
    use uuid::Uuid;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn config() -> ExportConfig {
        let parts = BTreeMap::new();
        let (columns, delimiter) = (vec!["order".to_owned()], Delimiter::Comma);
        ExportConfig {
            content: ExportContent::Csv { columns, delimiter, parts },
            name: "{number}".to_owned(),
            way: ExportWay::Folder(PathBuf::new()),
            schedule: None,
            flush_at: None,
            flush_after: None,
            parts_max: 10,
            overdue_after: HumanDuration::from_secs(60),
            timeout: HumanDuration::from_secs(60),
            limits: Limits::default(),
        }
    }

    /// Every evening at six.
    fn evening() -> ExportConfig {
        let times = CronTimes::parse("0 18 * * *", TimeZone::UTC).unwrap();
        let times = Times::Cron(Box::new(times));
        ExportConfig {
            schedule: Some(ScheduleConfig { times, catch_up: CatchUp::Once }),
            ..config()
        }
    }

    fn run(started: &str, ok: bool) -> Run {
        let (at, because) = (at(started), Because::Schedule);
        Run {
            first_at: at,
            started_at: at,
            ended_at: at,
            because,
            ok,
            records: 0,
            detail: None,
            times: 1,
        }
    }

    fn open(tried_at: Option<&str>, tries: u32) -> ExportState {
        let document = DocumentState {
            number: 1,
            id: Uuid::nil(),
            name: "1".to_owned(),
            sha256: String::new(),
            bytes: 0,
            rows: 1,
            parts: 1,
            phase: DocumentPhase::Open,
            frozen_at: at("2026-11-20T18:00:00Z"),
            tries,
            tried_at: tried_at.map(at),
            not_before: None,
            ended_at: None,
            detail: None,
        };
        ExportState { open: Some(document), last_number: 1, ..ExportState::default() }
    }

    fn waits(waiting: u64, since: &str) -> ExportState {
        ExportState { waiting, waiting_since: Some(at(since)), ..ExportState::default() }
    }

    fn stepped(
        config: &ExportConfig,
        schedule: &ScheduleState,
        export: &ExportState,
        now: &str,
    ) -> Step {
        let since = at("2026-11-20T12:00:00Z");
        step(config, &Look { schedule, export, since, now: at(now) })
    }

    #[test]
    fn a_document_is_due_by_the_clock_once() {
        let (fresh, nothing) = (ScheduleState::default(), ExportState::default());
        let evening = evening();
        assert_eq!(stepped(&evening, &fresh, &nothing, "2026-11-20T17:59:59Z"), Step::Wait);
        assert_eq!(stepped(&evening, &fresh, &nothing, "2026-11-20T18:00:00Z"), DUE);
        let runs = vec![run("2026-11-20T18:00:00Z", true)];
        let done = ScheduleState { runs, ..ScheduleState::default() };
        assert_eq!(stepped(&evening, &done, &nothing, "2026-11-20T18:00:01Z"), Step::Wait);
    }

    #[test]
    fn a_document_is_due_when_enough_waits_or_something_has_waited_for_long_enough() {
        let fresh = ScheduleState::default();
        let config = ExportConfig {
            flush_at: Some(3),
            flush_after: Some(HumanDuration::from_secs(60)),
            ..config()
        };
        let since = "2026-11-20T12:00:00Z";
        let now = "2026-11-20T12:00:59Z";
        assert_eq!(stepped(&config, &fresh, &waits(2, since), now), Step::Wait);
        assert_eq!(stepped(&config, &fresh, &waits(3, since), now), DUE);
        assert_eq!(stepped(&config, &fresh, &waits(1, since), "2026-11-20T12:01:00Z"), DUE);
        assert_eq!(
            stepped(&config, &fresh, &ExportState::default(), "2026-11-21T00:00:00Z"),
            Step::Wait
        );
    }

    #[test]
    fn a_document_that_somebody_left_is_taken_up_and_one_that_failed_is_tried_ever_less_often() {
        let fresh = ScheduleState::default();
        let left = stepped(&config(), &fresh, &open(None, 0), "2026-11-20T18:00:00Z");
        assert_eq!(left, Step::Bring);
        let again = |tries, now| {
            stepped(&config(), &fresh, &open(Some("2026-11-20T18:00:00Z"), tries), now)
        };
        assert_eq!(again(1, "2026-11-20T18:00:01Z"), Step::Wait);
        assert_eq!(again(1, "2026-11-20T18:00:02Z"), Step::Bring);
        assert_eq!(again(4, "2026-11-20T18:00:15Z"), Step::Wait);
        assert_eq!(again(4, "2026-11-20T18:00:16Z"), Step::Bring);
        assert_eq!(again(1_000, "2026-11-20T18:09:59Z"), Step::Wait);
        assert_eq!(again(1_000, "2026-11-20T18:10:00Z"), Step::Bring);
    }

    #[test]
    fn behind_a_late_document_comes_what_did_not_fit_into_it_and_nothing_before_its_time() {
        let tried = ScheduleState {
            runs: vec![run("2026-11-20T18:00:00Z", false)],
            ..ScheduleState::default()
        };
        let mut late = open(Some("2026-11-20T18:00:00Z"), 1);
        late.waiting_since = Some(at("2026-11-20T18:00:01Z"));
        let morning = "2026-11-21T09:00:00Z";
        assert_eq!(stepped(&evening(), &tried, &late, morning), Step::Bring);
        late.waiting_since = Some(at("2026-11-20T17:00:00Z"));
        assert_eq!(stepped(&evening(), &tried, &late, morning), DUE);
        late.waiting_since = Some(at("2026-11-20T18:00:01Z"));
        assert_eq!(stepped(&evening(), &tried, &late, "2026-11-21T18:00:00Z"), DUE);
    }

    #[test]
    fn a_receiver_that_asks_to_be_left_alone_is() {
        let fresh = ScheduleState::default();
        let mut held = open(Some("2026-11-20T18:00:00Z"), 1);
        if let Some(open) = &mut held.open {
            open.not_before = Some(at("2026-11-20T19:00:00Z"));
        }
        assert_eq!(stepped(&config(), &fresh, &held, "2026-11-20T18:59:59Z"), Step::Wait);
        assert_eq!(stepped(&config(), &fresh, &held, "2026-11-20T19:00:00Z"), Step::Bring);
    }

    #[test]
    fn a_run_that_left_something_is_not_made_again_at_once_though_parts_would_ask_for_it() {
        let config = ExportConfig { flush_at: Some(1), ..config() };
        let runs = vec![run("2026-11-20T18:00:00Z", false)];
        let failed = ScheduleState { runs, ..ScheduleState::default() };
        let waits = waits(1, "2026-11-20T17:00:00Z");
        assert_eq!(stepped(&config, &failed, &waits, "2026-11-20T18:09:59Z"), Step::Wait);
        assert_eq!(stepped(&config, &failed, &waits, "2026-11-20T18:10:00Z"), DUE);
        // Nor more often than parts are to wait; and the clock is as before.
        let flush_after = Some(HumanDuration::from_secs(7_200));
        let config = ExportConfig { flush_at: None, flush_after, ..evening() };
        assert_eq!(stepped(&config, &failed, &waits, "2026-11-20T19:59:59Z"), Step::Wait);
        assert_eq!(stepped(&config, &failed, &waits, "2026-11-20T20:00:00Z"), DUE);
        let config = ExportConfig { flush_after: None, ..config };
        assert_eq!(stepped(&config, &failed, &waits, "2026-11-21T17:59:59Z"), Step::Wait);
        assert_eq!(stepped(&config, &failed, &waits, "2026-11-21T18:00:00Z"), DUE);
    }

    #[test]
    fn a_pause_holds_everything_but_an_operators_wish() {
        let pause = Pause {
            reason: "month's end".to_owned(),
            by: "ada".to_owned(),
            since: at("2026-11-20T17:00:00Z"),
            until: None,
        };
        let now = "2026-11-20T18:00:00Z";
        let mut paused = ScheduleState { pause: Some(pause), ..ScheduleState::default() };
        assert_eq!(stepped(&evening(), &paused, &open(None, 0), now), Step::Wait);
        paused.asked = Some(Asked { by: "ada".to_owned(), at: at(now) });
        let by_hand = Step::Make(Because::Hand);
        assert_eq!(stepped(&evening(), &paused, &open(None, 0), now), by_hand);
    }

    #[test]
    fn an_operator_reads_when_documents_are_due() {
        let all = ExportConfig {
            flush_at: Some(500),
            flush_after: Some(HumanDuration::from_secs(600)),
            ..evening()
        };
        assert_eq!(times(&all), "0 18 * * * (UTC), at 500 parts, after 10m");
    }
}
