//! The pure part.

use ferry_broker::{Delivery, Message};
use ferry_canonical::{Event, fact::Fact, header};
use ferry_transformer::Transformed;

use crate::bench::{RECORD, ROWS, delivery, record, transformer};

fn transformed(delivery: &Delivery) -> Transformed {
    transformer().transform(delivery)
}

fn of<'a>(transformed: &'a Transformed, exchange: &str) -> Vec<&'a Message> {
    transformed.messages.iter().filter(|message| message.exchange == exchange).collect()
}

fn fact(transformed: &Transformed) -> Fact {
    let facts = of(transformed, "facts");
    assert_eq!(facts.len(), 1);
    serde_json::from_slice(&facts.first().unwrap().body).unwrap()
}

#[test]
fn a_bad_item_and_a_skipped_one_do_not_keep_the_good_ones() {
    let out = transformed(&delivery(record(RECORD, ROWS, "live"), "transform"));
    assert_eq!((out.events, out.dead, out.skipped), (2, 1, 1));
    let names: Vec<String> = of(&out, "events")
        .iter()
        .map(|message| Event::decode(&message.body).unwrap().subject.id)
        .collect();
    assert_eq!(names, ["MUG", "CUP"]);
    let dead = of(&out, "dead");
    assert_eq!((dead.len(), dead[0].key.as_str(), dead[0].id.as_str()), (1, "transform", RECORD));
    // The header line and the row: it can be sent again as a record of one.
    assert_eq!(dead[0].body, "sku,name,status\nBOWL\n");
    assert_eq!(dead[0].headers.text(header::POINTER), Some("line 3"));
    assert_eq!(dead[0].headers.text(header::FIRST_LINE), Some("3"));
    assert_eq!(dead[0].headers.text(header::FAILURE_KIND), Some("parse"));
    let fact = fact(&out);
    assert_eq!((fact.items.len(), fact.items[0].pointer.as_str()), (1, "line 4"));
    assert_eq!(fact.record_id.to_string(), RECORD);
}

#[test]
fn an_event_says_where_it_came_from_and_goes_where_its_key_says() {
    let out = transformed(&delivery(record(RECORD, "sku,name\nMUG,Red\n", "live"), "transform"));
    let message = of(&out, "events")[0];
    assert_eq!(message.key, "product.catalogue.catalogue.live");
    let event = Event::decode(&message.body).unwrap();
    assert_eq!(message.id, event.id.to_string());
    assert_eq!(
        (event.source.as_str(), event.causation_id.to_string()),
        ("catalogue", RECORD.into())
    );
    assert_eq!(event.observed_at.to_string(), "2026-01-01T00:00:00Z");
}

#[test]
fn a_record_transformed_twice_gives_the_same_messages() {
    ferry_sim::start_clock();
    let delivery = delivery(record(RECORD, ROWS, "live"), "transform");
    let ids = |out: Transformed| -> Vec<(String, String)> {
        out.messages.into_iter().map(|message| (message.exchange, message.id)).collect()
    };
    let (first, second) = (ids(transformed(&delivery)), ids(transformed(&delivery)));
    assert_eq!(first, second);
    assert_ne!(first[0], first[1], "two items share an id");
}

#[test]
fn a_record_without_an_id_of_its_own_has_one_that_its_repeats_share() {
    let foreign = |rows: &str| {
        let mut delivery = delivery(record("", rows, "live"), "transform");
        delivery.id = None;
        transformed(&delivery).messages[0].id.clone()
    };
    assert_eq!(foreign(ROWS), foreign(ROWS));
    assert_ne!(foreign(ROWS), foreign("sku,name\nMUG,Red\n"));
}

#[test]
fn what_no_route_wants_becomes_a_fact_and_no_event() {
    let mut message = record(RECORD, "sku,name\nMUG,7\n", "live");
    message.headers.insert(header::ENDPOINT, "stock");
    let out = transformed(&delivery(message, "transform"));
    assert_eq!((out.events, out.dead, out.skipped), (0, 0, 1));
    let reason = &fact(&out).items[0].reason;
    assert_eq!(reason, "no route takes product.stock from catalogue");
}

#[test]
fn a_record_of_an_unknown_source_is_a_dead_letter_of_the_same_bytes() {
    let mut message = record(RECORD, ROWS, "live");
    message.headers.insert(header::SOURCE, "nobody");
    let out = transformed(&delivery(message, "transform"));
    assert_eq!((out.messages.len(), out.dead), (1, 1));
    let dead = of(&out, "dead")[0];
    assert_eq!((&dead.body[..], dead.id.as_str()), (ROWS.as_bytes(), RECORD));
    assert_eq!(dead.headers.text(header::FAILURE_KIND), Some("unsupported"));
    assert!(dead.headers.text(header::DETAIL).unwrap().contains("`nobody`"));
}

#[test]
fn a_record_that_lacks_a_header_says_which() {
    for name in [header::SOURCE, header::ENDPOINT, header::RECEIVED_AT] {
        let mut message = record(RECORD, ROWS, "live");
        message.headers.remove(name);
        let out = transformed(&delivery(message, "transform"));
        let dead = of(&out, "dead")[0];
        assert_eq!(dead.headers.text(header::FAILURE_KIND), Some("validation"), "{name}");
        assert!(dead.headers.text(header::DETAIL).unwrap().contains(name), "{name}");
    }
    let mut message = record(RECORD, ROWS, "live");
    message.headers.insert(header::AS_OF, "yesterday");
    let out = transformed(&delivery(message, "transform"));
    let detail = of(&out, "dead")[0].headers.text(header::DETAIL).unwrap().to_owned();
    assert!(detail.contains("`yesterday`"), "{detail}");
}

#[test]
fn a_lane_is_kept_by_its_header_and_else_by_its_queue() {
    let lane = |delivery: &Delivery| {
        let out = transformed(delivery);
        let message = of(&out, "events")[0].clone();
        (message.key, message.headers.text(header::LANE).unwrap().to_owned())
    };
    let bulk = ("product.catalogue.catalogue.bulk".to_owned(), "bulk".to_owned());
    assert_eq!(lane(&delivery(record(RECORD, ROWS, "bulk"), "transform.bulk")), bulk);
    let mut unsaid = record(RECORD, ROWS, "bulk");
    unsaid.headers.remove(header::LANE);
    assert_eq!(lane(&delivery(unsaid, "transform.bulk")), bulk);
    let live = lane(&delivery(record(RECORD, ROWS, "live"), "transform"));
    assert_eq!(live.1, "live");
}
