//! Whatever lies in a work queue ends: dead with a cause, while what is behind it goes on.

use ferry_e2e::{Foreign, Installation, Letter, Simulator, Systems, event, wait_until};

use crate::{SOON, raw};

/// Garbage with a name, each of which must die.
fn poisons() -> Vec<(&'static str, Letter)> {
    let good = String::from_utf8(event::shipment("FUTURE", 1).body).unwrap();
    let future = good.replace("order.shipment.changed.v1", "order.teleport.changed.v7");
    let headers = (0..300).fold(Letter::new("a huge header set"), |letter, number| {
        letter.with(&format!("x-foreign-header-{number}"), &"h".repeat(100))
    });
    vec![
        ("garbage bytes", Letter::new([0_u8, 159, 146, 150, 7, 0, 255])),
        ("half a document", Letter::new(r#"{"specversion":"1.0","id":"#)),
        ("json that is no event", Letter::new(r#"{"hello":["world",null,1e400]}"#)),
        ("an event of a future type", Letter::new(future)),
        ("invalid UTF-8", Letter::new(b"{\"specversion\":\"1.\xff0\"}".to_vec())),
        ("a huge header set", headers),
        ("an empty body", Letter::new("")),
        ("deep nesting", Letter::new("[".repeat(200_000))),
        ("a wrong kind of message id", Letter::new("x").with_id("not a uuid \u{0}\u{7f}")),
    ]
}

/// What no library sends, but a broker carries: message id and header table.
pub(crate) fn broken() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    vec![
        ("a table of twenty thousand levels", b"id".to_vec(), raw::deep_table(b"deep", 20_000)),
        ("a message id that is no UTF-8", b"\xff\xfe".to_vec(), Vec::new()),
        ("a header's name that is no UTF-8", b"id".to_vec(), raw::table(b"\xff\xfe", b"text")),
        ("a header that is no UTF-8", b"id".to_vec(), raw::table(b"ferry-source", b"\xff\xfe")),
    ]
}

/// Publishes every poison into `queue` and takes its dead letter.
fn each_dies(ferry: &Installation, foreign: &Foreign, queue: &str) {
    for (what, poison) in poisons() {
        foreign.put(&ferry.named(queue), &poison);
        let letter = foreign.take(&ferry.named(&format!("{queue}.dead")), SOON);
        assert_eq!(letter.body, poison.body, "{what}");
        let kind = letter.header("ferry-failure-kind");
        let kinds = ["parse", "validation", "unsupported"];
        assert!(kinds.contains(&kind), "{what}: {kind}");
        assert!(letter.header("ferry-sentence").ends_with('.'), "{what}");
        assert!(!letter.header("ferry-detail").is_empty(), "{what}");
        assert_eq!(letter.header("ferry-origin"), queue, "{what}");
        assert!(!letter.header("ferry-host").is_empty(), "{what}");
        assert!(!letter.header("ferry-version").is_empty(), "{what}");
        let carried = |name: &str| letter.headers.get(name) == poison.headers.get(name);
        assert!(poison.headers.keys().all(|name| carried(name)), "{what}");
    }
    let dead = ferry.named(&format!("{queue}.dead"));
    for (what, id, table) in broken() {
        raw::put(ferry.broker.url(), &ferry.named(queue), &id, &table, what.as_bytes());
        let letter = foreign.take(&dead, SOON);
        assert_eq!(letter.body, what.as_bytes());
        assert!(letter.headers.contains_key("ferry-failure-kind"), "{what}");
    }
    // Larger than what is ever published: moved there by the broker itself.
    let huge = vec![b'x'; 17 * 1024 * 1024];
    foreign.put(&ferry.named(queue), &Letter::new(huge.clone()));
    let letter = foreign.take(&dead, SOON);
    assert!(letter.body == huge, "{} bytes", letter.body.len());
    assert_eq!(letter.header("x-first-death-reason"), "rejected");
}

#[test]
fn poison_in_the_transform_queue_dies_with_a_cause_and_what_is_behind_it_goes_on() {
    let ferry = Installation::new("poison-transform", Systems::default(), &[]);
    let _transformer = ferry.run("transformer");
    let foreign = ferry.foreign();
    let events = foreign.listen(&ferry.named("events"), "#");
    each_dies(&ferry, &foreign, "transform");
    let transform = ferry.named("transform");
    for body in ["<inventory", "<?xml version=\"1.0\"?><!DOCTYPE a []><a/>", "\u{0}"] {
        foreign.put(&transform, &event::record(body));
        let letter = foreign.take(&ferry.named("transform.dead"), SOON);
        assert_eq!(letter.header("ferry-failure-kind"), "parse", "{body}");
        assert_eq!(letter.body, body.as_bytes());
    }
    let good =
        r#"<inventory messageId="1"><product externalReference="A" available="1"/></inventory>"#;
    foreign.put(&transform, &event::record(good));
    assert_eq!(foreign.take(&events, SOON).key, "product.stock.warehouse.live");
    assert_eq!(foreign.ready(&transform), 0);
}

#[test]
fn poison_in_a_load_queue_dies_with_a_cause_and_what_is_behind_it_goes_on() {
    let shop = Simulator::shop();
    let systems = Systems { shop: &shop.url, ..Systems::default() };
    let ferry = Installation::new("poison-load", systems, &[]);
    let _loader = ferry.run("loader");
    shop.place_order("WEB-1");
    let foreign = ferry.foreign();
    each_dies(&ferry, &foreign, "load.shop.order");
    foreign.publish(
        &ferry.named("events"),
        "order.shipment.warehouse.live",
        &event::shipment("WEB-1", 2),
    );
    wait_until("the order to be shipped", SOON, || {
        shop.state("orders").iter().any(|order| order["shippingStatus"] == "shipped")
    });
    assert_eq!(foreign.ready(&ferry.named("load.shop.order")), 0);
}

/// Headers so large that a frame just takes them, and nothing can be added.
fn with_headers_that_fill_a_frame() -> Letter {
    (0..990).fold(Letter::new("a frame full of headers"), |letter, number| {
        letter.with(&format!("x-foreign-header-{number:05}"), &"h".repeat(102))
    })
}

#[test]
fn headers_that_fill_a_frame_die_in_the_transform_queue_too() {
    let ferry = Installation::new("frame-transform", Systems::default(), &[]);
    let _transformer = ferry.run("transformer");
    let foreign = ferry.foreign();
    foreign.put(&ferry.named("transform"), &with_headers_that_fill_a_frame());
    let within = std::time::Duration::from_secs(15);
    let letter = foreign.take(&ferry.named("transform.dead"), within);
    assert_eq!(letter.body, b"a frame full of headers");
}

#[test]
fn headers_that_fill_a_frame_die_in_a_load_queue_too() {
    let ferry = Installation::new("frame-load", Systems::default(), &[]);
    let _loader = ferry.run("loader");
    let foreign = ferry.foreign();
    foreign.put(&ferry.named("load.shop.order"), &with_headers_that_fill_a_frame());
    let within = std::time::Duration::from_secs(15);
    let letter = foreign.take(&ferry.named("load.shop.order.dead"), within);
    assert_eq!(letter.body, b"a frame full of headers");
}
