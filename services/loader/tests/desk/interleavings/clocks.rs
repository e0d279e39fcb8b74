//! What is newer, where arrival says nothing about it.

use std::time::Duration;

use ferry_canonical::Event;
use ferry_config::{
    SystemConfig,
    system::{FileFormat, FileKind, FilesConfig, Mapping},
};
use ferry_systems::{Draft, Record, System};
use tokio::time::sleep;

use super::{
    shop::CREATE_PRODUCT,
    world::{World, named, read_later, stock},
};
use crate::bench::{SECOND, event};

/// A pull knows only that it is no older than the last push: its position is a lower bound, and when
/// it was read decides.
#[tokio::test(start_paused = true)]
async fn a_push_and_a_pull_of_one_facet() {
    let world = World::with(&["shop", "shop"]);
    world.shop.stock("MUG");
    let push = stock("MUG", "LEEDS", "7", 10);
    world.say(&push).await;
    world.settled().await;
    // Asked for before the push, answered after it.
    world.say(&read_later(stock("MUG", "LEEDS", "5", 9), SECOND)).await;
    world.settled().await;
    assert_eq!(world.shop.effects(), ["MUG 7"]);
    // Asked for after the push, and something has changed since.
    world.say(&read_later(stock("MUG", "LEEDS", "6", 10), 2 * SECOND)).await;
    world.settled().await;
    world.say(&read_later(push, SECOND)).await;
    world.settled().await;
    assert_eq!(world.shop.effects(), ["MUG 7", "MUG 6"]);
}

/// The row of `sku` in a file as of `day` January 2026, where it stands in `line`.
fn row(sku: &str, name: &str, day: u8, line: u32) -> Event {
    let kind = FileKind {
        pattern: "*.csv".to_owned(),
        format: FileFormat::Csv,
        delimiter: None,
        encoding: None,
        columns: None,
        time_zone: None,
        facet: ferry_canonical::Facet::Catalogue,
        mapping: Some(Mapping { name: "m.jq".to_owned(), program: "{sku, name}".to_owned() }),
        chunk_rows: 200,
    };
    let config = SystemConfig::Files(FilesConfig {
        folder: "unused".into(),
        files: [("products".to_owned(), kind)].into(),
    });
    let body = format!("sku,name\n{sku},{name}\n");
    let record = Record {
        endpoint: "products",
        scope: None,
        message_id: None,
        received_at: ferry_sim::now(),
        as_of: Some(format!("2026-01-{day:02}T06:00:00Z").parse().unwrap()),
        first_line: line,
        body: body.as_bytes(),
    };
    let item = System::new("catalogue", &config).unwrap().read(&record).pop().unwrap();
    let Ok(Draft::Part(draft)) = item.draft else { panic!("{item:?}") };
    Event { clock: draft.clock, ..event("catalogue", draft.part, draft.sequence.0) }
}

/// The correction stands further up in its file than the mistake did, and the mistake comes again.
#[tokio::test(start_paused = true)]
async fn a_corrected_file_tomorrow() {
    let world = World::with(&["shop", "shop"]);
    let mistake = row("MUG", "Rde", 1, 900);
    world.say(&mistake).await;
    world.settled().await;
    world.say(&row("MUG", "Red", 2, 2)).await;
    world.settled().await;
    sleep(Duration::from_hours(24)).await;
    world.say(&read_later(mistake, Duration::from_hours(24))).await;
    world.settled().await;
    assert_eq!(world.shop.effects(), ["MUG created: Rde", "MUG: Red"]);
}

/// The source counts whole seconds.
#[tokio::test(start_paused = true)]
async fn two_states_within_one_second() {
    let world = World::with(&["shop", "shop"]);
    let soon = SECOND / 3;
    world.say(&named("catalogue", "MUG", "First", 1)).await;
    world.settled().await;
    world.say(&read_later(named("catalogue", "MUG", "Second", 1), soon)).await;
    world.settled().await;
    world.say(&read_later(named("catalogue", "BOWL", "Second", 1), soon)).await;
    world.settled().await;
    world.say(&named("catalogue", "BOWL", "First", 1)).await;
    world.settled().await;
    let expected = ["MUG created: First", "MUG: Second", "BOWL created: Second"];
    assert_eq!(world.shop.effects(), expected);
}

#[tokio::test(start_paused = true)]
async fn two_rows_of_one_key_in_one_batch() {
    let world = World::with(&["shop"]);
    // While the store takes no claims, the batch gathers.
    world.loaders[0].ledger.fail_claims(true);
    for event in [row("MUG", "Last", 1, 7), row("MUG", "First", 1, 2), row("BOWL", "Only", 1, 3)] {
        world.say(&event).await;
    }
    world.broker.until(|broker| broker.in_hand("load.shop.product") == 3).await;
    sleep(SECOND).await;
    world.loaders[0].ledger.fail_claims(false);
    world.settled().await;
    assert_eq!(world.shop.effects(), ["MUG created: Last", "BOWL created: Only"]);
    assert_eq!((world.ended("delivered").await, world.ended("superseded").await), (2, 1));
}

/// The source changes its mind and goes back, both within what is claimed at once.
#[tokio::test(start_paused = true)]
async fn a_change_and_its_return_in_one_batch() {
    let world = World::with(&["shop"]);
    world.say(&named("catalogue", "MUG", "A", 4)).await;
    world.settled().await;
    world.loaders[0].ledger.fail_claims(true);
    for event in [named("catalogue", "MUG", "B", 5), named("catalogue", "MUG", "A", 6)] {
        world.say(&event).await;
    }
    world.broker.until(|broker| broker.in_hand("load.shop.product") == 2).await;
    sleep(SECOND).await;
    world.loaders[0].ledger.fail_claims(false);
    world.settled().await;
    let effects = world.shop.effects();
    assert!(!effects.iter().any(|effect| effect.ends_with(": B")), "{effects:?}");
    assert_eq!(world.ended("superseded").await, 1);
}

/// A retry by hand carries the state of a week ago.
#[tokio::test(start_paused = true)]
async fn a_dead_letter_out_of_retry_a_week_later_never_writes_an_older_state() {
    let world = World::with(&["shop", "shop"]);
    world.shop.refuse(CREATE_PRODUCT, 403);
    let refused = named("catalogue", "MUG", "Old", 1);
    world.say(&refused).await;
    world.broker.until(|b| !b.messages("load.shop.product.dead").is_empty()).await;
    world.say(&named("catalogue", "MUG", "New", 2)).await;
    world.settled().await;
    sleep(Duration::from_hours(24 * 7)).await;
    let mut again = world.broker.messages("load.shop.product.dead").remove(0);
    again.exchange = "requeue".to_owned();
    again.headers.insert_number(ferry_canonical::header::GENERATION, 1);
    world.broker.publish(again).await;
    world.settled().await;
    assert_eq!(world.shop.effects(), ["MUG created: New"]);
    assert_eq!((world.ended("dead").await, world.ended("superseded").await), (1, 1));
}
