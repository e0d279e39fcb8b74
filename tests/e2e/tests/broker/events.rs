//! What a push becomes: events anybody can read, and letters for what cannot be read.

use ferry_e2e::{Installation, Systems, event, http};
use serde_json::Value;

use crate::SOON;

fn push(producer: &str, body: &str) {
    let headers = [("authorization", "Basic Zmxvdzpwdw=="), ("content-type", "application/xml")];
    let answer = http::post(&format!("{producer}/push/warehouse"), &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn any_amqp_client_can_read_what_a_push_became_as_cloud_events() {
    let ferry = Installation::new("cloudevents", Systems::default(), &[]);
    let (producer, _transformer) = (ferry.run("producer"), ferry.run("transformer"));
    let foreign = ferry.foreign();
    let events = foreign.listen(&ferry.named("events"), "#");
    push(
        &producer.url,
        r#"<inventory messageId="9"><product externalReference="MUG/RÖT" site="LDN" total="40"
           available="31.5" lastStockChangeId="9001" lastLineRequirementChangeId="8123"/></inventory>"#,
    );
    let letter = foreign.take(&events, SOON);
    assert_eq!(letter.key, "product.stock.warehouse.live");
    assert_eq!(letter.content_type.as_deref(), Some("application/cloudevents+json"));
    let event: Value = serde_json::from_slice(&letter.body).unwrap();
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["id"].as_str(), letter.id.as_deref());
    assert_eq!(event["source"], "/warehouse");
    assert_eq!(event["type"], "ferry.product.stock.changed.v1");
    assert_eq!(event["subject"], "product/MUG%2FRÖT/stock/LDN");
    assert_eq!(event["partitionkey"], "product/MUG%2FRÖT");
    assert_eq!(event["datacontenttype"], "application/json");
    assert_eq!(event["clock"], "stock-change");
    let sequence = event["sequence"].as_str().unwrap();
    assert_eq!((sequence.parse(), sequence.starts_with("0000")), (Ok(17_124), true), "{sequence}");
    for time in ["time", "observedat"] {
        assert!(event[time].as_str().unwrap().ends_with('Z'), "{event}");
    }
    let stock = &event["data"];
    assert_eq!((&stock["sku"], &stock["site"]), (&"MUG/RÖT".into(), &"LDN".into()));
    assert_eq!((&stock["available"], &stock["total"]), (&"31.5".into(), &"40".into()));
}

#[test]
fn a_bad_item_dies_alone_and_can_be_sent_again_as_a_record_of_one() {
    let ferry = Installation::new("bad-item", Systems::default(), &[]);
    let (producer, _transformer) = (ferry.run("producer"), ferry.run("transformer"));
    let foreign = ferry.foreign();
    let events = foreign.listen(&ferry.named("events"), "#");
    push(
        &producer.url,
        r#"<inventory messageId="12">
             <product externalReference="GOOD-1" site="LDN" available="1"/>
             <product externalReference="BAD" site="LDN" available="many"/>
             <product externalReference="GOOD-2" site="LDN" available="2"/>
           </inventory>"#,
    );
    for sku in ["GOOD-1", "GOOD-2"] {
        let event: Value = serde_json::from_slice(&foreign.take(&events, SOON).body).unwrap();
        assert_eq!(event["data"]["sku"], sku);
    }
    let dead = ferry.named("transform.dead");
    let letter = foreign.take(&dead, SOON);
    assert_eq!(letter.header("ferry-failure-kind"), "validation");
    assert_eq!(letter.header("ferry-pointer"), "/inventory/product[2]");
    assert_eq!(letter.header("ferry-key"), "BAD");
    assert_eq!(letter.header("ferry-origin"), "transform");
    assert!(letter.header("ferry-detail").contains("@available"));
    let fragment = String::from_utf8(letter.body.clone()).unwrap();
    assert!(fragment.contains(r#"<product externalReference="BAD" site="LDN" available="many"/>"#));
    assert!(!fragment.contains("GOOD"), "{fragment}");

    let again = event::fresh_id();
    foreign.put(&ferry.named("transform"), &letter.clone().with_id(&again));
    let second = foreign.take(&dead, SOON);
    assert_eq!(second.id.as_deref(), Some(again.as_str()));
    assert_eq!(second.header("ferry-detail"), letter.header("ferry-detail"));
    assert_eq!(second.body, letter.body);
    assert!(foreign.get(&events).is_none(), "the good ones are not repeated");
}
