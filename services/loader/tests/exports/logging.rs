//! What a log says of an export, and what it must not.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ferry_config::{export::ExportWay, responses};
use ferry_sim::{SimHttp, answer};
use ferry_store::Schedules as _;
use tokio::time::sleep;
use tracing_subscriber::fmt::MakeWriter;

use crate::bench::{Bench, SECOND, config};

const RULES: &str =
    "[[responses]]\nname = \"closed\"\nstatus = \"422\"\nthen = \"rejected\"\nmessage = \"/text\"";

/// What was logged, by this test's thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// What is logged of one hour of this export, and what its history says of the last run.
async fn hour_of(mut bench: Bench) -> (String, String) {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
    let _logs = tracing::subscriber::set_default(subscriber);
    bench.add_flusher("one");
    sleep(3_600 * SECOND).await;
    let schedule = bench.store.schedule("export/accounts").await.unwrap();
    let told = schedule.last_run().and_then(|run| run.detail.clone());
    bench.drain().await;
    (lines.text(), told.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_receivers_words_are_in_the_history_and_in_no_log() {
    let mut bench = Bench::sending();
    let ExportWay::Http(http) = &mut bench.config.way else { unreachable!() };
    http.responses = responses::parse(RULES).unwrap();
    bench.http = SimHttp::new(|_| answer(422, r#"{"text": "Ada Lovelace owes"}"#));
    bench.add_desk();
    bench.say("MUG", "mug", 1).await;
    let (logged, told) = hour_of(bench).await;
    assert!(told.contains("Ada Lovelace owes"), "{told}");
    assert!(!logged.contains("Ada"), "{logged}");
    for said in ["products-00000001.csv has not arrived: rejected", "status=422", "rule=\"closed\""]
    {
        assert!(logged.contains(said), "{said}: {logged}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_mapping_says_of_a_part_is_in_the_history_and_in_no_log() {
    let mut bench = Bench::new();
    bench.add_desk();
    bench.say("MUG", "Ada", 1).await;
    bench.config.content = config("error(.name)").content;
    let (logged, told) = hour_of(bench).await;
    assert!(told.contains("Ada"), "{told}");
    assert!(logged.contains("some of the waiting parts can't be rendered"), "{logged}");
    assert!(!logged.contains("Ada"), "{logged}");
}
