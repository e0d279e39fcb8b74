use std::sync::atomic::AtomicBool;

use anyhow::{anyhow, bail};
use tokio::time::{Instant, sleep};

use super::*;

const GRACE: Duration = Duration::from_secs(25);

fn flag() -> (Arc<AtomicBool>, Arc<AtomicBool>) {
    let flag = Arc::new(AtomicBool::new(false));
    (Arc::clone(&flag), flag)
}

/// A task that works until draining and then for `more`.
fn worker(life: &Lifecycle, more: Duration, done: Arc<AtomicBool>) {
    let draining = life.draining();
    life.spawn("worker", async move {
        draining.cancelled().await;
        sleep(more).await;
        done.store(true, Ordering::SeqCst);
        Ok(())
    });
}

#[tokio::test(start_paused = true)]
async fn work_in_hand_is_finished_before_the_process_ends() {
    // GIVEN a task that needs twenty seconds to finish what it has.
    let life = Lifecycle::default();
    let (done, seen) = flag();
    worker(&life, Duration::from_secs(20), done);
    // WHEN the first signal comes.
    let (sender, signals) = Signals::by_hand();
    sender.send("SIGTERM").await.unwrap();
    let ended = life.run(signals, GRACE).await;
    // THEN it has finished, and nothing was lost.
    assert!(seen.load(Ordering::SeqCst));
    assert_eq!(ended, Ended { code: exit::OK, cut_short: 0 });
}

#[tokio::test(start_paused = true)]
async fn work_that_outlives_the_grace_period_is_dropped_and_reported() {
    let life = Lifecycle::default();
    let (done, seen) = flag();
    worker(&life, GRACE + Duration::from_secs(1), done);
    let (sender, signals) = Signals::by_hand();
    sender.send("SIGTERM").await.unwrap();
    let begun = Instant::now();
    let ended = life.run(signals, GRACE).await;
    assert!(!seen.load(Ordering::SeqCst));
    assert_eq!(begun.elapsed().as_secs(), GRACE.as_secs());
    assert_eq!(ended, Ended { code: exit::FAILED, cut_short: 1 });
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_drops_what_is_in_hand_at_once() {
    let life = Lifecycle::default();
    let (done, seen) = flag();
    worker(&life, Duration::from_secs(20), done);
    let (sender, signals) = Signals::by_hand();
    sender.send("SIGTERM").await.unwrap();
    sender.send("SIGINT").await.unwrap();
    let begun = Instant::now();
    let ended = life.run(signals, GRACE).await;
    assert!(!seen.load(Ordering::SeqCst));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(ended, Ended { code: exit::FAILED, cut_short: 1 });
}

#[tokio::test(start_paused = true)]
async fn one_failed_task_takes_the_whole_process_down_in_order() {
    // GIVEN a worker, and a task beside it that fails.
    let metrics = Metrics::new("test").unwrap();
    let life = Lifecycle::counted(&metrics).unwrap();
    let (done, seen) = flag();
    worker(&life, Duration::from_secs(5), done);
    life.spawn("intake", async { Err(anyhow!("the broker is gone")) });
    // WHEN no signal ever comes.
    let (_sender, signals) = Signals::by_hand();
    let ended = life.run(signals, GRACE).await;
    // THEN the worker finished, and the end of each is counted.
    assert!(seen.load(Ordering::SeqCst));
    assert_eq!(ended, Ended { code: exit::FAILED, cut_short: 0 });
    let text = metrics.render();
    assert!(text.contains(r#"ferry_tasks_ended_total{end="failed",task="intake"} 1"#), "{text}");
    assert!(text.contains(r#"ferry_tasks_ended_total{end="done",task="worker"} 1"#), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_and_not_a_silence() {
    let life = Lifecycle::default();
    life.spawn("intake", async { panic!("an invariant does not hold") });
    worker(&life, Duration::ZERO, flag().0);
    let (_sender, signals) = Signals::by_hand();
    assert_eq!(life.run(signals, GRACE).await, Ended { code: exit::FAILED, cut_short: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_cannot_work_has_an_exit_code_of_its_own() {
    let life = Lifecycle::default();
    life.spawn("start", async {
        Err(anyhow::Error::new(BadConfiguration("mapping m.jq".to_owned())).context("starting"))
    });
    worker(&life, GRACE * 2, flag().0);
    let (_sender, signals) = Signals::by_hand();
    let ended = life.run(signals, GRACE).await;
    assert_eq!(ended, Ended { code: exit::BAD_CONFIGURATION, cut_short: 1 });
}

#[tokio::test(start_paused = true)]
async fn the_process_ends_by_itself_when_every_task_is_done() {
    let life = Lifecycle::default();
    let inner = life.clone();
    life.spawn("outer", async move {
        inner.spawn("inner", async { Ok(()) });
        Ok(())
    });
    let (_sender, signals) = Signals::by_hand();
    assert_eq!(life.run(signals, GRACE).await, Ended { code: exit::OK, cut_short: 0 });
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_gives_the_exit_code() {
    let life = Lifecycle::default();
    life.spawn("one", async { bail!("first") });
    let draining = life.draining();
    life.spawn("two", async move {
        draining.cancelled().await;
        Err(BadConfiguration("second".to_owned()).into())
    });
    let (_sender, signals) = Signals::by_hand();
    assert_eq!(life.run(signals, GRACE).await.code, exit::FAILED);
}
