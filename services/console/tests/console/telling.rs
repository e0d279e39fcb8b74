//! What is found, who is told, how often.

use std::sync::Arc;

use ferry_broker::{Broker as _, Headers, Message, Publisher as _};
use ferry_console::alerts::Channel;
use ferry_store::{Alerts as _, Care as _};
use tokio::time::advance;
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, Ear, MINUTE, SECOND};

/// One look and everything that is to be told after it, by one console.
async fn round(bench: &Bench, ear: &Arc<Ear>) {
    bench.watch("one", &["ear"]).look().await.unwrap();
    let channel: Arc<dyn Channel> = Arc::<Ear>::clone(ear);
    bench.teller(channel).tell_all(&CancellationToken::new()).await.unwrap();
}

fn titles(ear: &Ear) -> Vec<String> {
    ear.heard().into_iter().map(|message| message.title).collect()
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_told_once_and_once_more_when_they_are_taken_again() {
    let (bench, ear) = (Bench::new(), Ear::deaf_to(0));
    round(&bench, &ear).await;
    bench.refuse().await;
    for _ in 0..3 {
        round(&bench, &ear).await;
        advance(SECOND).await;
    }
    bench.mend().await;
    round(&bench, &ear).await;
    round(&bench, &ear).await;
    let since = "shop refuses our credentials since 2026-01-01 00:00 UTC; its deliveries wait.";
    assert_eq!(titles(&ear), [format!("[sim] {since}"), format!("[sim] Over: {since}")]);
    let heard = ear.heard();
    assert!(heard[0].text.contains("Runbook: ops/runbooks/credentials_refused.md"));
    assert_eq!(heard[1].document["data"]["resolved_at"], "2026-01-01T00:00:03Z");
    assert_eq!(heard[0].thread, heard[1].thread);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_is_an_alert_only_when_it_stays_open() {
    let (bench, ear) = (Bench::new(), Ear::deaf_to(0));
    bench.break_down().await;
    round(&bench, &ear).await;
    advance(299 * SECOND).await;
    round(&bench, &ear).await;
    assert_eq!(titles(&ear), [""; 0]);
    advance(SECOND).await;
    round(&bench, &ear).await;
    let told =
        "[sim] shop has not served us since 2026-01-01 00:00 UTC (timeout); its deliveries wait.";
    assert_eq!(titles(&ear), [told]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_by_hand_is_an_alert_when_it_is_forgotten_and_over_with_its_end() {
    let (bench, ear) = (Bench::with("[alerts]\npaused_longer_than = \"1h\"\n"), Ear::deaf_to(0));
    bench.store.pause("shop", "alice", "prices", Some(120 * MINUTE)).await.unwrap();
    advance(59 * MINUTE).await;
    round(&bench, &ear).await;
    assert_eq!(titles(&ear), [""; 0]);
    advance(MINUTE).await;
    round(&bench, &ear).await;
    advance(60 * MINUTE).await;
    round(&bench, &ear).await;
    let told = "shop is paused since 2026-01-01 00:00 UTC, until 2026-01-01 02:00 UTC; its deliveries wait.";
    assert_eq!(titles(&ear), [format!("[sim] {told}"), format!("[sim] Over: {told}")]);
    let said = format!("{:?}", ear.heard());
    assert!(!said.contains("prices") && !said.contains("alice"), "a reason may hold anything");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_letters_of_one_cause_are_one_alert_with_a_count() {
    let (bench, ear) = (Bench::new(), Ear::deaf_to(0));
    bench.die("timeout", 1000, 0).await;
    bench.die("unavailable", 1, 0).await;
    bench.die("validation", 7, 0).await;
    round(&bench, &ear).await;
    round(&bench, &ear).await;
    let mut told = titles(&ear);
    told.sort();
    assert_eq!(
        told,
        [
            "[sim] 1 delivery of shipments ran out of retries (unavailable).",
            "[sim] 1000 deliveries of shipments ran out of retries (timeout).",
        ],
        "what was never tried again is told only where that is wanted"
    );
    assert_eq!(
        ear.heard().iter().find(|each| each.title.contains("1000")).unwrap().document["data"]["count"],
        1000
    );
    let said = format!("{:?}", ear.heard());
    assert!(!said.contains("Müller") && !said.contains("WEB-1"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn letters_are_over_when_none_has_died_for_a_while() {
    let (bench, ear) = (Bench::new(), Ear::deaf_to(0));
    bench.die("timeout", 1, 0).await;
    round(&bench, &ear).await;
    advance(50 * MINUTE).await;
    bench.die("timeout", 1, 1).await;
    advance(50 * MINUTE).await;
    round(&bench, &ear).await;
    assert_eq!(titles(&ear).len(), 1, "another one has died since");
    advance(10 * MINUTE).await;
    round(&bench, &ear).await;
    assert_eq!(
        titles(&ear)[1],
        "[sim] Over: 2 deliveries of shipments ran out of retries (timeout)."
    );
}

#[tokio::test(start_paused = true)]
async fn other_dead_letters_are_told_where_that_is_wanted_and_never_in_a_foreign_hands_words() {
    let (bench, ear) = (Bench::with("[alerts]\ndead_letters = true\n"), Ear::deaf_to(0));
    bench.die("validation", 3, 0).await;
    bench.die("call +44 20 7946 0000", 2, 0).await;
    round(&bench, &ear).await;
    let mut told = titles(&ear);
    told.sort();
    assert_eq!(
        told,
        [
            "[sim] 2 dead letters from shipments (unknown).",
            "[sim] 3 dead letters from shipments (validation).",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_no_queue_took_is_an_alert_until_somebody_takes_it() {
    let (bench, ear) = (Bench::new(), Ear::deaf_to(0));
    let message = Message {
        exchange: ferry_topology::name::EVENTS.to_owned(),
        key: "nobody.wants.this.live".to_owned(),
        id: "1".to_owned(),
        content_type: "text/plain".to_owned(),
        headers: Headers::default(),
        body: bytes::Bytes::from_static(b"?"),
    };
    bench.broker.publisher().publish(message).await.unwrap();
    round(&bench, &ear).await;
    round(&bench, &ear).await;
    assert_eq!(titles(&ear), ["[sim] 1 message in the queue `unrouted`: no other took them."]);
}

#[tokio::test(start_paused = true)]
async fn two_consoles_tell_once() {
    let (bench, ear) = (Bench::new(), Ear::deaf_to(0));
    bench.refuse().await;
    let (one, other) = (bench.watch("one", &["ear"]), bench.watch("other", &["ear"]));
    assert!(one.look().await.unwrap().is_some());
    assert!(other.look().await.unwrap().is_none(), "one looks for both");
    let channel = || -> Arc<dyn Channel> { Arc::<Ear>::clone(&ear) };
    let never = CancellationToken::new();
    bench.teller(channel()).tell_all(&never).await.unwrap();
    bench.teller(channel()).tell_all(&never).await.unwrap();
    assert_eq!(titles(&ear).len(), 1);
    // The first console is gone without a word: the other looks once its lease is over.
    advance(MINUTE).await;
    bench.mend().await;
    assert!(other.look().await.unwrap().is_some());
    bench.teller(channel()).tell_all(&never).await.unwrap();
    assert_eq!(titles(&ear).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_fails_is_tried_again_under_the_same_id_until_it_takes_the_message() {
    let (bench, deaf) = (Bench::new(), Ear::deaf_to(3));
    bench.refuse().await;
    let draining = CancellationToken::new();
    let watch = bench.watch("one", &["ear"]);
    watch.look().await.unwrap();
    let channel: Arc<dyn Channel> = Arc::<Ear>::clone(&deaf);
    let running = bench.teller(channel);
    let task = tokio::task::LocalSet::new();
    let stop = draining.clone();
    task.run_until(async move {
        let telling = tokio::task::spawn_local(running.run(stop));
        while deaf.heard().len() < 4 {
            advance(SECOND).await;
            tokio::task::yield_now().await;
        }
        draining.cancel();
        telling.await.unwrap();
        let ids: Vec<_> = deaf.heard().iter().map(|message| message.id).collect();
        assert_eq!(ids, [ids[0]; 4]);
    })
    .await;
    let alert = &bench.store.alerts(1).await.unwrap()[0];
    assert_eq!((alert.told[0].attempts, alert.told[0].at.is_some()), (4, true));
}
