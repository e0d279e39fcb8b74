//! One endpoint, asked at intervals.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use ferry_broker::Broker as _;
use ferry_canonical::header;
use ferry_config::{CatchUp, CronTimes, ScheduleConfig, Times};
use ferry_producer::{
    poll::Poll,
    reading::{Reading, Way},
};
use ferry_sim::{Fault, HttpFault, SimHttp, answer};
use ferry_store::{Because, Cursors as _, Lease, Leases as _, ScheduleChange, Schedules as _};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, RECORDS, SECOND};

const NAME: &str = "poll/erp/customers";

/// A source, and a producer that asks it every ten seconds.
struct Polling {
    bench: Bench,
    http: SimHttp,
    draining: CancellationToken,
    tasks: JoinSet<()>,
    schedule: ScheduleConfig,
}

fn page(times: &[&str]) -> String {
    let items = times.iter().map(|time| format!(r#"{{"number":"C","updated_at":"{time}"}}"#));
    format!(r#"{{"customers":[{}]}}"#, items.collect::<Vec<_>>().join(","))
}

fn prepared(pages: Vec<String>) -> Polling {
    let asked = AtomicUsize::new(0);
    // The last page again and again.
    let http = SimHttp::new(move |_| {
        let number = asked.fetch_add(1, Ordering::SeqCst).min(pages.len() - 1);
        answer(200, pages.get(number).unwrap())
    });
    let bench = Bench::new(Path::new("unused"));
    Polling {
        bench,
        http,
        draining: CancellationToken::new(),
        tasks: JoinSet::new(),
        schedule: ScheduleConfig::every(10 * SECOND),
    }
}

impl Polling {
    fn start(&mut self, owner: &str) {
        let reading = Reading {
            source: "erp".to_owned(),
            endpoint: "customers".to_owned(),
            way: Way::Poll,
            entity: Some("customer"),
            systems: Arc::clone(&self.bench.systems),
            http: Arc::new(self.http.clone()),
            publisher: self.bench.broker.publisher(),
            store: self.bench.store.clone(),
            notes: self.bench.notes.clone(),
            metrics: self.bench.metrics.clone(),
            clock: ferry_sim::now,
            ids: uuid::Uuid::new_v4,
        };
        let schedule = self.schedule.clone();
        let poll = Poll { reading, schedule, owner: owner.to_owned() };
        self.tasks.spawn(poll.run(self.draining.clone()));
    }

    fn runs(&self, result: &str) -> u64 {
        self.bench.metrics.runs.with_label_values(&["erp", "customers", result]).get()
    }

    async fn cursor(&self) -> Option<String> {
        self.bench.store.cursor(NAME).await.unwrap()
    }
}

fn started(pages: Vec<String>) -> Polling {
    let mut polling = prepared(pages);
    polling.start("one");
    polling
}

#[tokio::test(start_paused = true)]
async fn the_cursor_moves_only_after_the_page_is_confirmed() {
    let polling = prepared(vec![page(&["2025-12-31T23:00:01Z"])]);
    polling.bench.broker.script("records", [Fault::Hold]);
    let mut polling = polling;
    polling.start("one");
    polling.bench.broker.until(|broker| broker.messages(RECORDS).len() == 1).await;
    sleep(SECOND).await;
    assert_eq!(polling.cursor().await, None, "it moved before the confirm");
    polling.bench.broker.release();
    sleep(SECOND).await;
    assert!(polling.cursor().await.unwrap().contains("2025-12-31T23:00:01Z"));
    let record = polling.bench.broker.messages(RECORDS).remove(0);
    assert_eq!(record.key, "erp.customer.live");
    assert_eq!(record.headers.text(header::ENDPOINT), Some("customers"));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_never_became_durable_is_read_and_passed_on_again() {
    let mut polling = prepared(vec![page(&["2025-12-31T23:00:01Z"])]);
    // Longer than a run waits for its confirms.
    polling.bench.broker.script("records", [Fault::Refuse; 30]);
    polling.start("one");
    polling.http.until(|http| http.count("poll") == 2).await;
    assert_eq!((polling.runs("failed"), polling.cursor().await), (1, None));
    polling.bench.broker.until(|broker| broker.messages(RECORDS).len() == 1).await;
    sleep(SECOND).await;
    assert!(polling.cursor().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn the_same_page_again_is_not_passed_on_and_a_new_one_is() {
    let (first, second) = (page(&["2025-12-31T23:00:01Z"]), page(&["2025-12-31T23:00:02Z"]));
    let polling = started(vec![first.clone(), first.clone(), first.clone(), second.clone()]);
    polling.http.until(|http| http.count("poll") == 6).await;
    assert_eq!(polling.bench.bodies(), [first, second]);
    assert!(polling.cursor().await.unwrap().contains("2025-12-31T23:00:02Z"));
}

#[tokio::test(start_paused = true)]
async fn one_run_reads_every_page_there_is() {
    let full = page(&["2025-12-31T23:00:01Z", "2025-12-31T23:00:02Z"]);
    let polling = started(vec![full.clone(), page(&["2025-12-31T23:00:02Z"])]);
    let began = tokio::time::Instant::now();
    polling.bench.broker.until(|broker| broker.messages(RECORDS).len() == 2).await;
    assert!(began.elapsed() < SECOND);
    assert!(polling.http.requests().last().unwrap().url.contains("since="));
}

#[tokio::test(start_paused = true)]
async fn what_another_producer_runs_is_left_to_it_until_its_lease_ends() {
    let mut polling = prepared(vec![page(&["2025-12-31T23:00:01Z"])]);
    let other = Lease { name: NAME.to_owned(), owner: "other".to_owned() };
    assert!(polling.bench.store.lease(other, 60 * SECOND).await.unwrap());
    polling.start("one");
    sleep(55 * SECOND).await;
    assert_eq!((polling.http.requests().len(), polling.runs("elsewhere")), (0, 6));
    polling.http.until(|http| http.count("poll") == 1).await;
    polling.bench.broker.until(|broker| broker.messages(RECORDS).len() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_producers_one_polls_and_the_other_takes_over_at_its_end() {
    let mut polling = prepared(vec![page(&["2025-12-31T23:00:01Z"])]);
    polling.start("one");
    polling.http.until(|http| http.count("poll") == 1).await;
    let first = std::mem::take(&mut polling.draining);
    polling.start("other");
    sleep(35 * SECOND).await;
    // At 0, 10, 20 and 30 seconds, once each.
    assert_eq!(polling.http.count("poll"), 4);
    first.cancel();
    polling.tasks.join_next().await.unwrap().unwrap();
    sleep(10 * SECOND).await;
    assert_eq!(polling.http.count("poll"), 5);
}

#[tokio::test(start_paused = true)]
async fn the_schedule_of_a_killed_producer_goes_on_within_seconds() {
    let mut polling = prepared(vec![page(&["2025-12-31T23:00:01Z"])]);
    polling.start("killed");
    polling.http.until(|http| http.count("poll") == 1).await;
    polling.tasks.abort_all();
    polling.start("next");
    sleep(25 * SECOND).await;
    assert_eq!(polling.http.count("poll"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_slower_than_its_lease_is_still_run_by_one_producer_only() {
    let mut polling = prepared(vec![page(&["2025-12-31T23:00:01Z"])]);
    polling.schedule = ScheduleConfig::every(100 * SECOND);
    polling.start("one");
    sleep(80 * SECOND).await;
    polling.start("other");
    sleep(150 * SECOND).await;
    // At 0, 100 and 200 seconds, once each.
    assert_eq!(polling.http.count("poll"), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_due_by_the_clock_is_run_once_by_several_producers_also_when_one_leaves() {
    let mut polling = prepared(vec![page(&["2025-12-31T23:00:01Z"])]);
    let minutely = CronTimes::parse("* * * * *", jiff::tz::TimeZone::UTC).unwrap();
    polling.schedule =
        ScheduleConfig { times: Times::Cron(Box::new(minutely)), catch_up: CatchUp::Once };
    polling.start("one");
    let first = std::mem::take(&mut polling.draining);
    polling.start("other");
    polling.start("third");
    sleep(330 * SECOND).await;
    assert_eq!(polling.http.count("poll"), 5);
    first.cancel();
    sleep(300 * SECOND).await;
    assert_eq!(polling.http.count("poll"), 10);
    let state = polling.bench.store.schedule(NAME).await.unwrap();
    assert_eq!(state.times.as_deref(), Some("* * * * * (UTC)"));
    assert_eq!(state.next_at, "2026-01-01T00:11:00Z".parse().ok());
    assert_eq!(state.runs.iter().map(|run| run.times).sum::<u32>(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_operator_pauses_a_schedule_and_runs_it_by_hand() {
    let mut polling = prepared(vec![page(&["2025-12-31T23:00:01Z"])]);
    let store = polling.bench.store.clone();
    let (by, reason) = ("ada".to_owned(), "stock count".to_owned());
    let pause = ScheduleChange::Pause { by: by.clone(), reason, lasting: None };
    store.change_schedule(NAME, pause).await.unwrap();
    polling.start("one");
    sleep(60 * SECOND).await;
    assert_eq!(polling.http.count("poll"), 0, "it is paused");
    store.change_schedule(NAME, ScheduleChange::Ask { by }).await.unwrap();
    sleep(20 * SECOND).await;
    assert_eq!(polling.http.count("poll"), 1, "once, by hand");
    let state = store.change_schedule(NAME, ScheduleChange::Resume).await.unwrap();
    assert_eq!((state.runs[0].because, state.asked), (Because::Hand, None));
    sleep(15 * SECOND).await;
    assert_eq!(polling.http.count("poll"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_be_reached_is_asked_again_and_nothing_moves() {
    let mut polling = prepared(vec![page(&["2025-12-31T23:00:01Z"])]);
    polling.http.script("poll", [HttpFault::Refuse, HttpFault::Stall]);
    polling.start("one");
    polling.http.until(|http| http.count("poll") == 3).await;
    assert_eq!(polling.runs("failed"), 2);
    polling.bench.broker.until(|broker| broker.messages(RECORDS).len() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_row_dated_ahead_is_told_of_once_and_does_not_move_the_cursor_ahead() {
    let mut polling = started(vec![page(&["2099-01-01T00:00:00Z"])]);
    polling.http.until(|http| http.count("poll") == 4).await;
    sleep(SECOND).await;
    assert!(polling.cursor().await.unwrap().contains("2026-01-01T00:00:30"));
    let noted = polling.bench.noted().await;
    let told: Vec<_> = noted.into_iter().filter_map(|entry| entry.detail).collect();
    let [told] = told.as_slice() else { panic!("told of {} times", told.len()) };
    assert!(told.contains("2099-01-01T00:00:00Z"), "{told}");
}
