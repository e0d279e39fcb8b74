//! A push is acknowledged when it is stored, and refused in words where it cannot be taken.

use ferry_e2e::{
    Installation, Running, Systems,
    http::{self, Answer},
};

/// `flow:pw`.
const AUTHORISED: (&str, &str) = ("authorization", "Basic Zmxvdzpwdw==");
const XML: (&str, &str) = ("content-type", "application/xml");

const INVENTORY: &[u8] =
    br#"<inventory messageId="4711"><product externalReference="MUG" site="LDN" available="3"/></inventory>"#;

fn push_with(producer: &Running, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let answer = http::post(&format!("{}/push/warehouse", producer.url), headers, body);
    assert_ne!(answer.status, 410, "some senders delete their subscription on 410");
    answer
}

fn push(producer: &Running, body: &[u8]) -> Answer {
    push_with(producer, &[AUTHORISED, XML], body)
}

#[test]
fn a_push_is_acknowledged_by_its_number_once_the_broker_has_it() {
    let ferry = Installation::new("push-stored", Systems::default(), &[]);
    let producer = ferry.run("producer");
    let answer = push(&producer, INVENTORY);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.text(), "<message>Success - Message 4711 Received</message>");
    let foreign = ferry.foreign();
    let record = foreign.get(&ferry.named("transform")).expect("acknowledged, so it is stored");
    assert_eq!(record.body, INVENTORY);
    assert_eq!(record.header("ferry-source"), "warehouse");
}

#[test]
fn a_push_that_cannot_be_taken_is_refused_with_its_cause_and_leaves_nothing() {
    let ferry = Installation::new("push-refused", Systems::default(), &[]);
    let producer = ferry.run("producer");
    let wrong = ("authorization", "Basic Zmxvdzp3cm9uZw==");
    for headers in [&[XML][..], &[XML, wrong]] {
        let answer = push_with(&producer, headers, INVENTORY);
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"RTD\""));
    }
    let bomb =
        r#"<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;&x;&x;">]><a>&y;</a>"#;
    let deep = "<a>".repeat(100_000) + &"</a>".repeat(100_000);
    let malformed =
        [&b"<inventory messageId=\"1\">"[..], b"", b"\xff\xfe<a", bomb.as_bytes(), deep.as_bytes()];
    for body in malformed {
        let answer = push(&producer, body);
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(!answer.body.is_empty());
    }
    let json = push_with(&producer, &[AUTHORISED, ("content-type", "application/json")], b"{}");
    assert_eq!(json.status, 415, "{}", json.text());
    let large = push(&producer, &vec![b' '; 8 * 1024 * 1024 + 1]);
    assert_eq!(large.status, 413, "{}", large.text());
    let url = format!("{}/push/nobody", producer.url);
    let unknown = http::post(&url, &[AUTHORISED, XML], INVENTORY);
    assert_eq!(unknown.status, 404, "{}", unknown.text());
    assert_eq!(ferry.foreign().ready(&ferry.named("transform")), 0);
}

#[test]
fn without_a_broker_a_push_hears_503_and_when_to_come_again() {
    let ferry = Installation::new("push-brokerless", Systems::default(), &[]);
    let producer = ferry.begin("producer", "amqp://guest:guest@127.0.0.1:9/%2f");
    let answer = push(&producer, INVENTORY);
    assert_eq!(answer.status, 503, "{}", answer.text());
    let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=600).contains(&seconds), "{seconds}");
    let ready = http::get(&format!("{}/readyz", producer.url));
    assert_eq!(ready.status, 503);
    assert_eq!(http::get(&format!("{}/healthz", producer.url)).status, 200);
}
