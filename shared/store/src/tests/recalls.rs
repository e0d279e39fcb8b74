//! What a target may have been brought before, for one that takes away what is not said any more.

use super::*;

/// The prices of a product on a list.
fn prices(event: u128, sequence: u128, list: &str, fields: &str) -> Group {
    let member = of_part(Facet::Price, list, customer(event, sequence, fields));
    Group { recalls: true, ..group(vec![member]) }
}

fn documents(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|fields| format!("{{\"fields\":\"{fields}\"}}")).collect()
}

/// Nobody knows whether it was written, and the time is over in which that could still happen.
fn lose(store: &Backend, grant: &Grant) {
    assert_eq!(settle(store, grant, failed(true)), Settled::Done);
    pass(SETTLE_AFTER + LEASE);
}

#[test]
fn a_write_knows_what_was_settled_before_and_what_may_have_been_written_since() {
    let store = store();
    let first = grant(&store, prices(1, 1, "retail", "a"));
    assert_eq!(first.recalled, [""; 0], "nothing was brought");
    settle(&store, &first, delivered());

    lose(&store, &grant(&store, prices(2, 2, "retail", "b")));
    let refused = grant(&store, prices(3, 3, "retail", "c"));
    assert_eq!(refused.recalled, documents(&["a", "b"]));
    settle(&store, &refused, failed(false));

    let again = grant(&store, prices(4, 4, "retail", "b"));
    assert_eq!(
        again.recalled,
        documents(&["a"]),
        "what was refused is not there, and itself stays"
    );
    settle(&store, &again, delivered());
    assert_eq!(grant(&store, prices(5, 5, "retail", "d")).recalled, documents(&["b"]));
}

#[test]
fn another_list_has_nothing_to_do_with_it() {
    let store = store();
    deliver(&store, prices(1, 1, "retail", "a"));
    assert_eq!(grant(&store, prices(2, 1, "trade", "b")).recalled, [""; 0]);
}

#[test]
fn a_target_that_takes_nothing_away_is_told_of_nothing() {
    let store = store();
    deliver(&store, prices(1, 1, "retail", "a"));
    let kept = Group { recalls: false, ..prices(2, 2, "retail", "b") };
    assert_eq!(grant(&store, kept).recalled, [""; 0]);
}

#[test]
fn an_equal_price_is_written_again_since_people_of_a_shop_change_prices() {
    let store = store();
    deliver(&store, prices(1, 1, "retail", "a"));
    let again = grant(&store, prices(2, 2, "retail", "a"));
    assert_eq!(again.recalled, [""; 0], "what is to be written is never taken away");
}
