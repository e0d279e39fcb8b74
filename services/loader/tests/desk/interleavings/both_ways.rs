//! A facet that two systems bring to each other, and two people who change it at one time.

use std::time::Duration;

use ferry_config::ConflictPolicy;
use ferry_sim::HttpFault;
use ferry_store::{Journal as _, JournalFilter};
use tokio::time::sleep;

use self::sides::{Sides, prefer};
use super::{
    shop::{LOOK, READ_PRODUCT, UPDATE_PRODUCT},
    world::read_later,
};
use crate::bench::SECOND;

mod sides;

const WEEK: Duration = Duration::from_hours(7 * 24);

/// The ERP's change is made first, the shop's a minute later, and nobody has heard of either.
async fn changed_at_once(policy: ConflictPolicy) -> (Sides, [ferry_canonical::Event; 2]) {
    let mut sides = Sides::agreed_on("Plain", policy).await;
    let erps = sides.erp.renamed("Red");
    sleep(Duration::from_mins(1)).await;
    let shops = sides.shop.renamed("Blue");
    sides.stop().await;
    sides.say(&erps).await;
    sides.say(&shops).await;
    (sides, [erps, shops])
}

#[tokio::test(start_paused = true)]
async fn erp_and_shop_change_one_field_at_once_each_accepted_before_the_other_is_delivered() {
    let policies =
        [(ConflictPolicy::Latest, "Blue"), (prefer("erp"), "Red"), (prefer("shop"), "Blue")];
    for (policy, winner) in policies {
        for [first, second] in [["shop", "erp"], ["erp", "shop"]] {
            let (mut sides, _) = changed_at_once(policy.clone()).await;
            let delivered = sides.ended("delivered").await;
            sides.start(first);
            sides.nothing_left_for(first).await;
            sides.start(second);
            sides.settled().await;
            let told = format!("{policy}, first delivered to the {first}");
            assert_eq!(sides.names(), [winner, winner], "{told}");
            assert_eq!(sides.ended("superseded").await, 1, "{told}");
            assert_eq!(sides.ended("delivered").await, delivered + 1, "{told}");
            sides.say_what_is_there().await;
            assert_eq!(sides.names(), [winner, winner], "{told}, said again");
            let conflict =
                JournalFilter { result: Some("conflict".to_owned()), ..JournalFilter::default() };
            let rows = sides.store.search(conflict).await.unwrap();
            let values = rows[0].entry.request.iter().chain(&rows[0].entry.response);
            let values: Vec<&str> = values.map(String::as_str).collect();
            assert_eq!(rows.len(), 1, "{told}");
            assert!(values.concat().contains("Red") && values.concat().contains("Blue"), "{told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_changes_at_once_that_a_person_is_to_decide_are_dead_letters_and_nothing_is_written() {
    let (mut sides, _) = changed_at_once(ConflictPolicy::DeadLetter).await;
    sides.start("shop");
    sides.start("erp");
    sides.settled().await;
    assert_eq!(sides.names(), ["Red", "Blue"]);
    assert_eq!(sides.ended("dead").await, 2);
    // The person has the shop take the ERP's name; the letter is sent again by hand.
    let decided = sides.shop.renamed("Red");
    sides.say(&decided).await;
    sides.settled().await;
    let next = sides.erp.renamed("Green");
    sides.say(&next).await;
    sides.settled().await;
    assert_eq!(sides.names(), ["Green", "Green"]);
}

#[tokio::test(start_paused = true)]
async fn the_losers_event_in_a_retry_a_week_later_writes_nothing() {
    let (mut sides, _) = changed_at_once(ConflictPolicy::Latest).await;
    sides.shop.shop.refuse(LOOK, 503);
    sides.start("shop");
    sides.broker.until(|broker| !broker.messages("delay.5s").is_empty()).await;
    sides.stop().await;
    sides.start("erp");
    sides.nothing_left_for("erp").await;
    assert_eq!(sides.names(), ["Blue", "Blue"]);
    sleep(WEEK).await;
    sides.start("shop");
    sides.settled().await;
    assert_eq!(sides.names(), ["Blue", "Blue"]);
    assert_eq!(sides.ended("superseded").await, 1);
}

#[tokio::test(start_paused = true)]
async fn the_winners_answer_is_lost_but_it_was_applied() {
    let (mut sides, _) = changed_at_once(prefer("erp")).await;
    sides.shop.http.script(UPDATE_PRODUCT, [HttpFault::ApplyThenDrop]);
    sides.start("shop");
    sides.shop.http.until(|http| http.count(UPDATE_PRODUCT) == 1).await;
    sides.start("erp");
    sides.settled().await;
    assert_eq!(sides.names(), ["Red", "Red"]);
    assert_eq!(sides.erp.shop.effects().last().unwrap(), "by hand MUG: Red");
    assert_eq!((sides.ended("echo").await, sides.ended("superseded").await), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_winners_loader_is_killed_between_the_look_and_the_write() {
    let (mut sides, _) = changed_at_once(prefer("erp")).await;
    sides.shop.http.script(READ_PRODUCT, [HttpFault::Hold]);
    sides.start("shop");
    sides.shop.http.until(|http| http.count(READ_PRODUCT) == 1).await;
    sides.stop().await;
    sides.start("erp");
    sides.start("shop");
    sides.settled().await;
    assert_eq!(sides.names(), ["Red", "Red"]);
    assert_eq!(sides.erp.shop.effects().last().unwrap(), "by hand MUG: Red");
    assert_eq!(sides.ended("superseded").await, 1);
}

#[tokio::test(start_paused = true)]
async fn two_loaders_claim_the_two_directions_at_once_and_one_waits() {
    let (mut sides, _) = changed_at_once(ConflictPolicy::Latest).await;
    let looked = sides.erp.http.count(LOOK);
    sides.shop.http.script(LOOK, [HttpFault::Hold]);
    sides.start("shop");
    sides.shop.http.until(|http| http.count(LOOK) > 1).await;
    sides.start("erp");
    sleep(SECOND).await;
    assert_eq!(sides.erp.http.count(LOOK), looked, "the ERP was looked at meanwhile");
    sides.shop.http.release();
    sides.settled().await;
    assert_eq!(sides.names(), ["Blue", "Blue"]);
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_brings_the_base_again_writes_nothing_while_a_newer_value_is_in_a_retry() {
    let mut sides = Sides::agreed_on("Plain", ConflictPolicy::Latest).await;
    let newer = sides.erp.renamed("Red");
    sides.shop.shop.refuse(LOOK, 503);
    sides.say(&newer).await;
    sides.broker.until(|broker| !broker.messages("delay.5s").is_empty()).await;
    sides.shop.shop.touch("MUG");
    let polled = sides.shop.says();
    sides.say(&polled).await;
    sides.nothing_left_for("erp").await;
    assert_eq!(sides.names(), ["Red", "Plain"]);
    sides.settled().await;
    assert_eq!(sides.names(), ["Red", "Red"]);
    sides.stop().await;
}

#[tokio::test(start_paused = true)]
async fn both_sides_make_the_same_change_and_nothing_is_written() {
    let sides = Sides::agreed_on("Plain", ConflictPolicy::DeadLetter).await;
    let (erps, shops) = (sides.erp.renamed("Red"), sides.shop.renamed("Red"));
    let effects = [sides.erp.shop.effects(), sides.shop.shop.effects()];
    sides.say(&erps).await;
    sides.say(&shops).await;
    sides.settled().await;
    assert_eq!([sides.erp.shop.effects(), sides.shop.shop.effects()], effects);
    assert_eq!(sides.ended("dead").await, 0);
    // Agreed on is what both hold: the next change of one is no conflict.
    let next = sides.shop.renamed("Blue");
    sides.say(&next).await;
    sides.settled().await;
    assert_eq!(sides.names(), ["Blue", "Blue"]);
    assert_eq!(sides.ended("dead").await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_user_sets_back_what_was_agreed_on_before_and_it_is_a_change() {
    let sides = Sides::agreed_on("Plain", ConflictPolicy::DeadLetter).await;
    let change = sides.erp.renamed("Red");
    sides.say(&change).await;
    sides.settled().await;
    assert_eq!(sides.names(), ["Red", "Red"]);
    sleep(SECOND).await;
    let back = sides.shop.renamed("Plain");
    sides.say(&back).await;
    sides.settled().await;
    assert_eq!(sides.names(), ["Plain", "Plain"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_delivery_may_have_left_half_written_is_not_taken_for_a_change_there() {
    let sides = Sides::agreed_on("Plain", ConflictPolicy::Latest).await;
    for _ in 0..1_000 {
        sides.shop.shop.refuse(UPDATE_PRODUCT, 500);
    }
    let change = sides.erp.renamed("Red");
    sides.say(&change).await;
    sides.settled().await;
    assert_eq!(sides.ended("dead").await, 1);
    sides.shop.shop.serve_again();
    let half = sides.shop.renamed("Re");
    sides.say(&half).await;
    sides.settled().await;
    assert_eq!(sides.names(), ["Red", "Re"]);
    assert_eq!(sides.ended("dead").await, 2);
    // The ERP's next word is written as a whole, and what the shop says then is its own.
    sleep(SECOND).await;
    let next = sides.erp.renamed("Green");
    sides.say(&next).await;
    sides.settled().await;
    assert_eq!(sides.names(), ["Green", "Green"]);
    let own = sides.shop.renamed("Blue");
    sides.say(&own).await;
    sides.settled().await;
    assert_eq!(sides.names(), ["Blue", "Blue"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_nothing_that_the_target_shows_is_written_there_once() {
    let sides = Sides::agreed_on("Plain", ConflictPolicy::DeadLetter).await;
    let before = sides.shop.shop.effects();
    let off = sides.erp.disabled();
    sides.say(&off).await;
    sides.settled().await;
    assert_eq!(sides.shop.shop.effects()[before.len()..], ["MUG disabled"]);
    // Said again, it is so.
    sides.erp.shop.touch("MUG");
    let again = sides.erp.disabled();
    sides.say(&again).await;
    sides.settled().await;
    assert_eq!(sides.shop.shop.effects()[before.len()..], ["MUG disabled"]);
    assert_eq!(sides.ended("dead").await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_target_does_not_show_is_set_back_while_a_write_of_it_is_in_doubt() {
    let sides = Sides::agreed_on("Plain", ConflictPolicy::DeadLetter).await;
    let delivered = sides.ended("delivered").await;
    sides.shop.http.script(UPDATE_PRODUCT, [HttpFault::ApplyThenDrop]);
    let off = sides.erp.disabled();
    sides.say(&off).await;
    sides.nothing_left_for("shop").await;
    sleep(SECOND).await;
    sides.erp.shop.touch("MUG");
    sides.say(&sides.erp.says()).await;
    sides.settled().await;
    // It went to the shop, which may have the lost one.
    assert_eq!((sides.ended("delivered").await, sides.ended("echo").await), (delivered + 1, 0));
    assert_eq!(sides.ended("dead").await, 0);
}

/// The ERP's mapping makes a product's brand of its own name: agreed on is what was written there.
#[tokio::test(start_paused = true)]
async fn what_one_side_says_of_everything_and_the_other_has_no_word_for_is_no_change_of_either() {
    let sides = Sides::of_brand(Some("House"), "Plain", ConflictPolicy::DeadLetter).await;
    let change = sides.shop.renamed("Red");
    sides.say(&change).await;
    sides.settled().await;
    assert_eq!(sides.names(), ["Red", "Red"]);
    let (written, echoes) = (sides.ended("delivered").await, sides.ended("echo").await);
    // What the ERP says of our write there is looked at in the shop, which has it.
    sides.say(&sides.erp.says()).await;
    sides.settled().await;
    assert_eq!((sides.ended("delivered").await, sides.ended("echo").await), (written, echoes + 1));
    // The shop says its change once more, as a walk over all its rows does.
    sleep(SECOND).await;
    sides.say(&read_later(change, 60 * SECOND)).await;
    sides.settled().await;
    assert_eq!((sides.ended("delivered").await, sides.ended("duplicate").await), (written, 1));
}
