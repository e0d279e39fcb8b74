//! Pushes over TLS that the producer speaks itself.

use std::fs;

use ferry_e2e::{
    Installation, Systems, http,
    tls::{self, FIRST, SECOND},
    wait_for, wait_until,
};

use crate::SOON;

const HEADERS: [(&str, &str); 2] =
    [("authorization", "Basic Zmxvdzpwdw=="), ("content-type", "application/xml")];

fn inventory(message: u32) -> String {
    format!(
        r#"<inventory messageId="{message}"><product externalReference="MUG" available="3"/></inventory>"#
    )
}

#[test]
fn a_push_over_https_is_taken_and_a_renewed_certificate_is_used_without_a_restart() {
    let producer = "[producer]\ntls = { certificate = \"tls.pem\", key = \"tls.key\" }\n\n[log]";
    let ferry = Installation::new("tls", Systems::default(), &[("[log]", producer)]);
    let install = |(certificate, key): (&str, &str)| {
        fs::write(ferry.folder().join("tls.key"), key).unwrap();
        fs::write(ferry.folder().join("tls.pem"), certificate).unwrap();
    };
    install(FIRST);
    let producer = ferry.begin("producer", ferry.broker.url());
    let push = |trusted: &str, message: u32| {
        let at = (producer.port(), "/push/warehouse");
        tls::post(at, trusted, &HEADERS, inventory(message).as_bytes())
    };
    let answer = wait_for("a push to be taken", SOON, || {
        push(FIRST.0, 1).ok().filter(|answer| answer.status == 200)
    });
    assert_eq!(answer.text, "<message>Success - Message 1 Received</message>");
    assert!(push(SECOND.0, 2).is_err(), "its certificate is not the second");
    let plain = http::send(
        "POST",
        &format!("{}/push/warehouse", producer.url),
        &HEADERS,
        inventory(3).as_bytes(),
    );
    assert!(plain.is_err(), "{plain:?}");

    install(SECOND);
    wait_until("the renewed certificate to be used", SOON, || {
        push(SECOND.0, 4).is_ok_and(|answer| answer.status == 200)
    });
    assert!(push(FIRST.0, 5).is_err(), "its certificate is not the first any more");
    let foreign = ferry.foreign();
    let records: Vec<String> = std::iter::from_fn(|| foreign.get(&ferry.named("transform")))
        .map(|letter| letter.header("ferry-message-id").to_owned())
        .collect();
    assert_eq!(records, ["1", "4"]);
}
