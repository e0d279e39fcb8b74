//! Polling and scanning: when it is due, page by page, each made durable before the cursor moves over it.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use anyhow::Context as _;
use ferry_broker::Publisher;
use ferry_config::{CatchUp, Due, ScheduleConfig};
use ferry_retry::Policy;
use ferry_store::{
    Because, Cursors, Lease, Leases, Run, Scans, ScheduleChange, ScheduleState, Schedules,
    StoreError, Wakes,
};
use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    lease::Held,
    limits,
    reading::{Heard, Reading},
};

/// One endpoint of one source, read on a schedule.
#[derive(Debug)]
pub struct Poll<P, S> {
    pub reading: Reading<P, S>,
    pub schedule: ScheduleConfig,
    /// Tells this process from others in leases.
    pub owner: String,
}

/// What this process knows of its own runs, whatever the store says.
#[derive(Clone, Copy, Debug)]
struct Mind {
    /// When it began to be there.
    since: Timestamp,
    /// When it last began a run.
    last: Option<Timestamp>,
    /// A failed run is made again then, due or not.
    again_at: Option<Timestamp>,
    /// Another producer has the schedule: nothing is tried before.
    not_before: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Run(Because),
    Wait(Duration),
}

/// How a run ended.
#[derive(Clone, Debug)]
enum Ran {
    Whole {
        records: u64,
        detail: Option<String>,
    },
    /// Another producer holds the schedule.
    Elsewhere,
}

impl<P, S> Poll<P, S>
where
    P: Publisher,
    S: Cursors + Leases + Scans + Schedules + Wakes,
{
    /// Runs whenever it is due until `draining`; failures are spaced out by themselves.
    pub async fn run(self, draining: CancellationToken) {
        let lease = Lease { name: self.reading.name(), owner: self.owner.clone() };
        let held = Held::new(lease);
        held.during(&self.reading.store, self.runs(&held, draining)).await;
    }

    async fn runs(&self, held: &Held, draining: CancellationToken) {
        let policy = Policy::new(limits::FAILED_MIN, limits::FAILED_MAX);
        let mut delays = policy.delays(seed(&self.owner));
        let mut heard = Heard::default();
        let mut mind = Mind { since: self.now(), last: None, again_at: None, not_before: None };
        self.introduce().await;
        loop {
            let state = self.reading.store.schedule(&self.reading.name()).await;
            let step = match &state {
                Ok(state) => step(&self.schedule, state, mind, self.now()),
                // The store is not there: neither are lease and cursor.
                Err(_) if mind.again_at.is_some_and(|at| at > self.now()) => {
                    Step::Wait(limits::LOOK)
                }
                Err(_) => Step::Run(Because::Schedule),
            };
            let because = match step {
                Step::Run(because) => because,
                Step::Wait(wait) => {
                    tokio::select! {
                        biased;
                        () = draining.cancelled() => break,
                        () = sleep(wait) => continue,
                    }
                }
            };
            let began = self.now();
            let result = tokio::select! {
                biased;
                () = draining.cancelled() => break,
                result = self.once(held, &mut heard) => result,
            };
            self.count(&result);
            mind = Mind { last: Some(began), again_at: None, not_before: None, ..mind };
            match &result {
                Ok(Ran::Whole { .. }) => {
                    heard.turn();
                    delays = policy.delays(seed(&self.owner));
                }
                Ok(Ran::Elsewhere) => {
                    mind.last = None;
                    mind.not_before = Some(later(self.now(), limits::ELSEWHERE));
                }
                Err(error) => {
                    heard = heard.after_failure();
                    warn!(source = %self.reading.source, endpoint = %self.reading.endpoint, error = format!("{error:#}"), "a poll failed");
                    let pause = delays.next().unwrap_or(limits::FAILED_MAX);
                    mind.again_at = Some(later(self.now(), pause));
                }
            }
            self.note(began, because, &result).await;
        }
    }

    /// One run: every page there is.
    async fn once(&self, held: &Held, heard: &mut Heard) -> anyhow::Result<Ran> {
        let mut records = 0;
        loop {
            if !held.take(&self.reading.store).await.context("taking the schedule's lease")? {
                return Ok(Ran::Elsewhere);
            }
            let read = self.reading.next(heard).await;
            let read = read.map_err(|unread| anyhow::anyhow!("{}", unread.text()))?;
            records += read.records;
            if !read.more {
                return Ok(Ran::Whole { records, detail: read.detail });
            }
            if heard.goes_in_circles() {
                anyhow::bail!(
                    "the source gives the same page again and again: does it know the \
                    configured page parameter?"
                );
            }
        }
    }

    /// Lets operators see it before its first run. Without a store it is seen after it.
    async fn introduce(&self) {
        let next_at = match self.schedule.due(None, self.now(), self.now()) {
            Due::At(at) => Some(at),
            Due::Now | Due::Never => None,
        };
        let known = ScheduleChange::Known { times: self.schedule.to_string(), next_at };
        let _ = self.change(known).await;
    }

    async fn note(&self, began: Timestamp, because: Because, result: &anyhow::Result<Ran>) {
        let (records, detail) = match result {
            Ok(Ran::Whole { records, detail }) => (*records, detail.clone()),
            Ok(Ran::Elsewhere) => return,
            Err(error) => (0, Some(format!("{error:#}"))),
        };
        let run = Run {
            first_at: began,
            started_at: began,
            ended_at: self.now(),
            because,
            ok: result.is_ok(),
            records,
            detail,
            times: 1,
        };
        let next_at = self.schedule.next(began);
        if let Err(error) = self.change(ScheduleChange::Ran { run, next_at }).await {
            warn!(source = %self.reading.source, endpoint = %self.reading.endpoint, %error, "a run is not in the schedule's history");
        }
    }

    async fn change(&self, change: ScheduleChange) -> Result<ScheduleState, StoreError> {
        self.reading.store.change_schedule(&self.reading.name(), change).await
    }

    fn count(&self, result: &anyhow::Result<Ran>) {
        let word = match result {
            Ok(Ran::Whole { .. }) => "ok",
            Ok(Ran::Elsewhere) => "elsewhere",
            Err(_) => "failed",
        };
        let (source, endpoint) = (self.reading.source.as_str(), self.reading.endpoint.as_str());
        self.reading.metrics.runs.with_label_values(&[source, endpoint, word]).inc();
        if matches!(result, Ok(Ran::Whole { .. })) {
            let now = self.now().as_second();
            self.reading.metrics.last_success.with_label_values(&[source, endpoint]).set(now);
        }
    }

    fn now(&self) -> Timestamp {
        (self.reading.clock)()
    }
}

/// What is to be done at `now`.
fn step(schedule: &ScheduleConfig, state: &ScheduleState, mind: Mind, now: Timestamp) -> Step {
    let wait = |until: Timestamp| {
        let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
        Step::Wait(left.min(limits::LOOK))
    };
    if let Some(at) = mind.not_before.filter(|at| *at > now) {
        return wait(at);
    }
    if state.asked.as_ref().is_some_and(|asked| mind.last.is_none_or(|last| asked.at > last)) {
        return Step::Run(Because::Hand);
    }
    if state.is_paused(now) {
        return Step::Wait(limits::LOOK);
    }
    if let Some(at) = mind.again_at {
        return if at <= now { Step::Run(Because::Schedule) } else { wait(at) };
    }
    let last = state.last_run();
    // Somebody else's run failed, and they are gone: it is made up for.
    let failed =
        last.is_some_and(|run| !run.ok && mind.last.is_none_or(|own| own < run.started_at));
    if failed && schedule.catch_up == CatchUp::Once && mind.last.is_none() {
        return Step::Run(Because::Schedule);
    }
    let last = last.map(|run| run.started_at).max(mind.last);
    let since = mind.since.max(state.resumed_at.unwrap_or(mind.since));
    match schedule.due(last, since, now) {
        Due::Now => Step::Run(Because::Schedule),
        Due::At(at) => wait(at),
        Due::Never => Step::Wait(limits::LOOK),
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Spreads the repeats of several processes.
pub(crate) fn seed(owner: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    owner.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use ferry_config::{CronTimes, Times};
    use jiff::tz::TimeZone;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn nightly(catch_up: CatchUp) -> ScheduleConfig {
        let times = CronTimes::parse("0 2 * * *", TimeZone::get("Europe/London").unwrap()).unwrap();
        ScheduleConfig { times: Times::Cron(Box::new(times)), catch_up }
    }

    fn mind(since: &str) -> Mind {
        Mind { since: at(since), last: None, again_at: None, not_before: None }
    }

    fn run(started: &str, ok: bool, because: Because) -> Run {
        let (at, detail) = (at(started), None);
        Run {
            first_at: at,
            started_at: at,
            ended_at: at,
            because,
            ok,
            records: 0,
            detail,
            times: 1,
        }
    }

    fn state(runs: Vec<Run>) -> ScheduleState {
        ScheduleState { runs, ..ScheduleState::default() }
    }

    const DUE: Step = Step::Run(Because::Schedule);
    const LOOK: Step = Step::Wait(limits::LOOK);

    #[test]
    fn what_was_missed_is_made_up_for_once_or_skipped() {
        let missed = state(vec![run("2026-11-20T02:00:00Z", true, Because::Schedule)]);
        let (back, now) = (mind("2026-11-23T09:00:00Z"), at("2026-11-23T09:00:01Z"));
        assert_eq!(step(&nightly(CatchUp::Once), &missed, back, now), DUE);
        assert_eq!(step(&nightly(CatchUp::Skip), &missed, back, now), LOOK);
    }

    #[test]
    fn a_nights_run_that_failed_is_not_left_until_the_next_night() {
        let failed = state(vec![run("2026-11-23T02:00:00Z", false, Because::Schedule)]);
        let now = at("2026-11-23T02:00:30Z");
        let again = Mind {
            last: Some(at("2026-11-23T02:00:00Z")),
            again_at: Some(at("2026-11-23T02:00:20Z")),
            ..mind("2026-11-01T00:00:00Z")
        };
        assert_eq!(step(&nightly(CatchUp::Once), &failed, again, now), DUE);
        // Nor where the process that failed is gone.
        let next = mind("2026-11-23T02:00:10Z");
        assert_eq!(step(&nightly(CatchUp::Once), &failed, next, now), DUE);
    }

    #[test]
    fn a_pause_holds_what_is_due_and_an_operator_runs_it_all_the_same() {
        let pause = ferry_store::Pause {
            reason: "stock count".to_owned(),
            by: "ada".to_owned(),
            since: at("2026-11-23T01:00:00Z"),
            until: None,
        };
        let now = at("2026-11-23T02:00:30Z");
        let mut paused = state(Vec::new());
        paused.pause = Some(pause);
        let there = mind("2026-11-01T00:00:00Z");
        assert_eq!(step(&nightly(CatchUp::Once), &state(Vec::new()), there, now), DUE);
        assert_eq!(step(&nightly(CatchUp::Once), &paused, there, now), LOOK);
        let asked = ferry_store::Asked { by: "ada".to_owned(), at: now };
        paused.asked = Some(asked);
        let by_hand = Step::Run(Because::Hand);
        assert_eq!(step(&nightly(CatchUp::Once), &paused, there, now), by_hand);
        // What it did already is not asked for again while the store has not heard of it.
        let done = Mind { last: Some(now), ..there };
        assert_eq!(step(&nightly(CatchUp::Once), &paused, done, now), LOOK);
    }

    #[test]
    fn what_a_push_woke_does_not_put_off_what_is_due() {
        let woken = state(vec![
            run("2026-11-23T01:59:59Z", true, Because::Push),
            run("2026-11-22T02:00:00Z", true, Because::Schedule),
        ]);
        let there = mind("2026-11-01T00:00:00Z");
        let now = at("2026-11-23T02:00:00Z");
        assert_eq!(step(&nightly(CatchUp::Once), &woken, there, now), DUE);
    }
}
