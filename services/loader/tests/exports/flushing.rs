//! When documents are made, and of what.

use ferry_config::export::ExportConfig;
use ferry_sim::{HttpFault, answer};
use ferry_store::{
    Care as _, DocumentPhase, Exports as _, Journal as _, JournalFilter, ScheduleChange,
    Schedules as _,
};
use tokio::time::sleep;

use crate::{
    bench::{ACCOUNTS, Bench, DEAD, SECOND, config},
    crashing::frozen,
};

const HEADER: &str = "sku,name\r\n";

#[tokio::test(start_paused = true)]
async fn what_routes_bring_is_in_one_document_each_part_once_in_its_newest_state() {
    let mut bench = Bench::new();
    bench.add_desk();
    bench.add_flusher("one");
    for (sku, name, sequence) in [("MUG", "old", 1), ("TEA", "tea", 2), ("MUG", "new", 3)] {
        bench.say(sku, name, sequence).await;
    }
    assert_eq!(bench.names(), Vec::<String>::new());
    bench.until_brought().await;

    assert_eq!(bench.names(), ["products-00000001.csv"]);
    let text = bench.text("products-00000001.csv");
    assert_eq!(text, format!("{HEADER}MUG,new\r\nTEA,tea\r\n"));
    let delivered = &bench.documents().await[0];
    assert_eq!((delivered.rows, delivered.parts, delivered.tries), (2, 2, 1));
    assert_eq!(delivered.bytes, u64::try_from(text.len()).unwrap());
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn the_same_content_again_is_in_no_second_document() {
    let mut bench = Bench::new();
    bench.add_desk();
    bench.add_flusher("one");
    bench.say("MUG", "mug", 1).await;
    bench.until_brought().await;
    bench.say("MUG", "mug", 2).await;
    assert_eq!(bench.waiting().await, 0);
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_part_that_cannot_be_rendered_dies_alone_and_the_others_go() {
    let mut bench = Bench::new();
    bench.add_desk();
    bench.add_flusher("one");
    for (sku, name, sequence) in [("MUG", "mug", 1), ("BAD", "bad", 2), ("HID", "secret", 3)] {
        bench.say(sku, name, sequence).await;
    }
    bench.until_brought().await;
    assert_eq!(bench.text("products-00000001.csv"), format!("{HEADER}MUG,mug\r\n"));
    assert_eq!(bench.broker.messages(DEAD).len(), 1);
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_brought_before_its_time_and_nothing_waits_means_no_document() {
    let mut bench = Bench::new().every(600 * SECOND);
    bench.add_desk();
    bench.add_flusher("one");
    // The first run is at once, and finds nothing.
    sleep(5 * SECOND).await;
    bench.say("MUG", "mug", 1).await;
    sleep(590 * SECOND).await;
    assert_eq!(bench.documents().await, []);
    sleep(10 * SECOND).await;
    assert_eq!(bench.names(), ["products-00000001.csv"]);
    sleep(1_800 * SECOND).await;
    assert_eq!(bench.names().len(), 1);
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn enough_parts_make_a_document_due() {
    let mut bench = Bench::new();
    bench.config = ExportConfig { flush_at: Some(2), flush_after: None, ..bench.config };
    bench.add_desk();
    bench.add_flusher("one");
    bench.say("MUG", "mug", 1).await;
    sleep(3_600 * SECOND).await;
    assert_eq!(bench.waiting().await, 1);
    bench.say("TEA", "tea", 2).await;
    bench.until_brought().await;
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_goes_into_the_next_document_of_the_same_run() {
    let mut bench = Bench::new();
    bench.config.parts_max = 2;
    bench.add_desk();
    for (sequence, sku) in ["A", "B", "C", "D", "E"].into_iter().enumerate() {
        bench.say(sku, "x", u128::try_from(sequence).unwrap()).await;
    }
    bench.add_flusher("one");
    bench.until_brought().await;
    let rows: Vec<_> = bench.documents().await.iter().map(|document| document.rows).collect();
    assert_eq!(rows, [2, 2, 1]);
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn of_several_loaders_one_makes_a_document() {
    let mut bench = Bench::sending();
    bench.add_desk();
    for owner in ["one", "two", "three"] {
        bench.add_flusher(owner);
    }
    bench.say("MUG", "mug", 1).await;
    bench.until_brought().await;
    sleep(120 * SECOND).await;
    assert_eq!((bench.documents().await.len(), bench.http.count("export")), (1, 1));
    let runs = bench.store.schedule("export/accounts").await.unwrap().runs;
    assert_eq!(runs.iter().map(|run| run.times).sum::<u32>(), 1, "{runs:?}");
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_document_that_was_not_taken_is_sent_again_the_same_and_none_overtakes_it() {
    let mut bench = Bench::sending();
    let mut refusals = 2;
    bench.http = ferry_sim::SimHttp::new(move |_| {
        refusals -= i32::from(refusals > 0);
        answer(if refusals > 0 { 503 } else { 200 }, "")
    });
    bench.http.script("export", [HttpFault::Refuse]);
    bench.add_desk();
    bench.add_flusher("one");
    bench.say("MUG", "old", 1).await;
    bench.http.until(|http| http.count("export") == 1).await;
    bench.say("MUG", "new", 2).await;
    bench.until_brought().await;

    let sent = bench.http.requests();
    let bodies: Vec<_> =
        sent.iter().map(|request| String::from_utf8_lossy(&request.body).into_owned()).collect();
    let (old, new) = (format!("{HEADER}MUG,old\r\n"), format!("{HEADER}MUG,new\r\n"));
    assert_eq!(bodies, [old.clone(), old.clone(), old, new]);
    let key = |index: usize, name: &str| {
        let headers = &sent[index].headers;
        headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone()).unwrap()
    };
    assert_eq!(key(0, "idempotency-key"), key(2, "idempotency-key"));
    assert_ne!(key(2, "idempotency-key"), key(3, "idempotency-key"));
    assert_eq!(key(3, "ferry-document"), "products-00000002.csv");
    assert_eq!(key(0, "authorization"), "Bearer hush");
    let tries: Vec<_> = bench.documents().await.iter().map(|document| document.tries).collect();
    assert_eq!(tries, [3, 1]);
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn behind_a_late_document_nothing_is_brought_before_its_time() {
    let mut bench = Bench::new().every(3_600 * SECOND);
    bench.add_desk();
    bench.add_flusher("one");
    // The first run is at once, and finds nothing.
    sleep(5 * SECOND).await;
    bench.say("MUG", "mug", 1).await;
    frozen(&bench).await;
    sleep(SECOND / 10).await;
    bench.say("TEA", "tea", 2).await;
    sleep(3_000 * SECOND).await;
    assert_eq!(bench.names(), ["products-00000001.csv"]);
    assert_eq!(bench.waiting().await, 1);
    bench.until_brought().await;
    assert_eq!(bench.names().len(), 2);
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn what_has_no_row_any_more_is_passed_over_however_much_it_is() {
    let mut bench = Bench::new();
    bench.add_desk();
    for (sequence, sku) in ["A", "B", "C", "D", "E"].into_iter().enumerate() {
        bench.say(sku, "x", u128::try_from(sequence).unwrap()).await;
    }
    bench.config.parts_max = 2;
    let program = r#"if .sku == "E" then {sku} else empty end"#;
    bench.config.content = config(program).content;
    bench.add_flusher("one");
    bench.until_brought().await;
    assert_eq!(bench.text("products-00000001.csv"), format!("{HEADER}E,\r\n"));
    assert_eq!(bench.documents().await.len(), 1);
    let runs = bench.store.schedule("export/accounts").await.unwrap().runs;
    assert_eq!(runs.iter().map(|run| run.times).sum::<u32>(), 1, "{runs:?}");
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_never_takes_it_is_seen_in_the_history_with_its_reason() {
    let mut bench = Bench::sending();
    bench.http = ferry_sim::SimHttp::new(|_| answer(422, "no such column"));
    bench.add_desk();
    bench.add_flusher("one");
    bench.say("MUG", "mug", 1).await;
    sleep(3_600 * SECOND).await;
    let open = bench.documents().await.remove(0);
    assert_eq!((open.phase, open.number), (DocumentPhase::Open, 1));
    assert_eq!(open.detail.as_deref(), Some("rejected: the receiver answered 422"));
    // Ever less often, but not ever.
    assert!((10..=20).contains(&open.tries), "{}", open.tries);
    let schedule = bench.store.schedule("export/accounts").await.unwrap();
    let last = schedule.last_run().unwrap();
    let expected = "products-00000001.csv: rejected: the receiver answered 422";
    assert_eq!((last.ok, last.detail.as_deref()), (false, Some(expected)));
    assert_eq!(schedule.last_success, None);
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_in_a_dissolved_document_goes_with_the_next() {
    let mut bench = Bench::sending();
    let mut refused = false;
    bench.http = ferry_sim::SimHttp::new(move |_| {
        let status = if refused { 200 } else { 422 };
        refused = true;
        answer(status, "")
    });
    bench.add_desk();
    let flusher = bench.add_flusher("one");
    bench.say("MUG", "mug", 1).await;
    bench.http.until(|http| http.count("export") == 1).await;
    flusher.abort();
    assert!(bench.store.dissolve(ACCOUNTS, 1, "dissolved by ada").await.unwrap());
    bench.add_flusher("two");
    bench.change(ScheduleChange::Ask { by: "ada".to_owned() }).await;
    bench.until_brought().await;
    let phases: Vec<_> = bench.documents().await.iter().map(|document| document.phase).collect();
    assert_eq!(phases, [DocumentPhase::Dissolved, DocumentPhase::Delivered]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_documents_until_somebody_asks_for_one() {
    let mut bench = Bench::new();
    bench.add_desk();
    bench.add_flusher("one");
    let (by, reason) = ("ada".to_owned(), "month's end".to_owned());
    bench.change(ScheduleChange::Pause { by, reason, lasting: None }).await;
    bench.say("MUG", "mug", 1).await;
    sleep(600 * SECOND).await;
    assert_eq!(bench.waiting().await, 1);
    bench.change(ScheduleChange::Ask { by: "ada".to_owned() }).await;
    bench.until_brought().await;
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_a_target_that_is_paused() {
    let mut bench = Bench::sending();
    bench.add_desk();
    bench.say("MUG", "mug", 1).await;
    bench.store.pause(ACCOUNTS, "ada", "they are closed", None).await.unwrap();
    bench.add_flusher("one");
    sleep(600 * SECOND).await;
    assert_eq!(bench.http.count("export"), 0);
    bench.store.resume(ACCOUNTS).await.unwrap();
    bench.until_brought().await;
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_was_changed_leaves_what_it_cannot_render_and_brings_the_rest() {
    let mut bench = Bench::new();
    bench.add_desk();
    bench.say("MUG", "mug", 1).await;
    bench.say("TEA", "tea", 2).await;
    bench.say("POT", "pot", 3).await;
    let program = r#"if .sku == "MUG" then {nope: 1} elif .sku == "POT" then empty else {sku} end"#;
    bench.config.content = config(program).content;
    bench.add_flusher("one");
    sleep(60 * SECOND).await;

    assert_eq!(bench.text("products-00000001.csv"), format!("{HEADER}TEA,\r\n"));
    let waits = bench.store.waiting(ACCOUNTS, None, 10).await.unwrap();
    assert_eq!(waits.len(), 1);
    assert_eq!(waits[0].part.subject.id, "MUG");
    let schedule = bench.store.schedule("export/accounts").await.unwrap();
    let run = schedule.last_run().unwrap();
    let detail = run.detail.as_deref().unwrap();
    assert!(!run.ok && detail.starts_with("1 of the waiting parts can't be rendered"), "{detail}");
    bench.drain().await;
}

#[tokio::test(start_paused = true)]
async fn the_journal_says_in_which_document_a_part_went() {
    let mut bench = Bench::new();
    bench.add_desk();
    bench.add_flusher("one");
    bench.say("MUG", "mug", 1).await;
    bench.until_brought().await;
    sleep(SECOND).await;
    let filter = JournalFilter { entity_id: Some("MUG".to_owned()), ..JournalFilter::default() };
    let rows = bench.store.search(filter).await.unwrap();
    let told: Vec<_> = rows.iter().filter_map(|row| row.entry.detail.clone()).collect();
    assert_eq!(told, ["in document 1, products-00000001.csv"]);
    assert_eq!(rows[0].entry.part.as_deref(), Some("catalogue"));
    bench.drain().await;
}
