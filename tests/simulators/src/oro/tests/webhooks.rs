//! Webhooks: who may listen to what, and what is told.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{Desk, customer, order, product};
use crate::control::now;
use crate::oro::webhooks::{Notice, Sender, announce};

fn webhook(topic: &str, format: &str, url: &str) -> Value {
    json!({"data": {"type": "webhooks",
        "attributes": {"notificationUrl": url, "secret": "between us"},
        "relationships": {"topic": {"data": {"type": "webhooktopics", "id": topic}},
            "format": {"data": {"type": "webhookformats", "id": format}}}}})
}

/// A shop that lets orders be listened to, and one webhook on new ones.
fn listening(format: &str, url: &str) -> Desk {
    let desk = Desk::open();
    assert!(announce(&mut desk.front.floor().shop.store, "order"));
    let reply = desk.post("webhooks", &webhook("order.created", format, url));
    assert_eq!(reply.status, 201, "{}", reply.body);
    desk.post("customers", &customer("Acme", "C-1"));
    desk.post("products", &product("MUG-1", "Kubek", false));
    desk
}

fn due(desk: &Desk) -> Vec<Notice> {
    desk.front.floor().shop.outbox.take(now())
}

fn told(notice: &Notice) -> Value {
    serde_json::from_slice(&notice.body).unwrap()
}

#[test]
fn only_what_the_shop_announces_can_be_listened_to_and_the_secret_stays_inside() {
    let desk = Desk::open();
    assert_eq!(desk.get("webhooktopics").ids(), [""; 0]);
    assert_eq!(desk.get("webhookformats").ids(), ["default", "thin"]);
    announce(&mut desk.front.floor().shop.store, "order");
    let topics = desk.get("webhooktopics");
    assert_eq!(topics.ids(), ["order.created", "order.deleted", "order.updated"]);
    assert!(!announce(&mut desk.front.floor().shop.store, "quote"));
    let place = "/data/relationships/topic/data";
    let unknown = desk.post("webhooks", &webhook("product.created", "thin", "http://a.example/"));
    assert_eq!(unknown.errors(), (400, vec![("valid webhook topic constraint", place)]));
    let reply = desk.post("webhooks", &webhook("order.created", "thin", "http://a.example/"));
    assert_eq!((reply.status, reply.body.to_string().contains("between us")), (201, false));
    let other = json!({"data": {"type": "webhooks", "id": reply.id(), "attributes": {"secret": "another"}}});
    assert_eq!(desk.patch(&format!("webhooks/{}", reply.id()), &other).status, 200);
    let kept = desk.raw("GET", "/_sim/rows/webhooks", &[], b"").body;
    assert_eq!(kept[0]["attributes"]["secret"], "between us");
}

#[test]
fn older_versions_know_nothing_of_webhooks() {
    for (version, status) in [("6.1.9", 404), ("6.1.10", 200), ("7.0.1", 404), ("7.0.2", 200)] {
        assert_eq!(Desk::of_version(version).get("webhooks").status, status, "{version}");
    }
}

#[test]
fn a_new_order_is_told_to_who_listens_with_all_of_it_or_with_its_id() {
    for (format, whole) in [("default", true), ("thin", false)] {
        let desk = listening(format, "http://a.example/");
        desk.post("orders", &order("WEB-1", "1", "MUG-1"));
        let note = json!({"data": {"type": "orders", "id": "1", "attributes": {"poNumber": "7"}}});
        desk.patch("orders/1", &note);
        let notices = due(&desk);
        assert_eq!(notices.len(), 1);
        let body = told(&notices[0]);
        assert_eq!(
            (&body["topic"], &body["messageId"]),
            (&json!("order.created"), &json!(notices[0].id))
        );
        let data = &body["eventData"]["data"];
        assert_eq!((&data["type"], &data["id"]), (&json!("orders"), &json!("1")));
        assert_eq!(data["attributes"]["identifier"] == "WEB-1", whole);
        assert_eq!(data.as_object().unwrap().len() == 2, !whole);
        assert!(body["timestamp"].as_i64().unwrap() > 1_700_000_000);
    }
}

#[test]
fn a_webhook_that_is_off_hears_nothing() {
    let desk = listening("thin", "http://a.example/");
    let id = desk.get("webhooks").ids()[0].to_owned();
    let off = json!({"data": {"type": "webhooks", "id": id, "attributes": {"enabled": false}}});
    assert_eq!(desk.patch(&format!("webhooks/{id}"), &off).status, 200);
    desk.post("orders", &order("WEB-1", "1", "MUG-1"));
    assert_eq!(due(&desk), []);
}

#[test]
fn a_503_is_told_again_after_its_time_and_a_410_ends_the_subscription() {
    let desk = listening("thin", "http://a.example/");
    desk.post("orders", &order("WEB-1", "1", "MUG-1"));
    let hear = |status: u16, after: Option<&str>| {
        let mut floor = desk.front.floor();
        let shop = &mut floor.shop;
        let later = now() + jiff::SignedDuration::from_mins(1);
        let notice = shop.outbox.take(later).pop().unwrap();
        shop.outbox.heard(
            &mut shop.store,
            notice,
            Some(&(status, after.map(str::to_owned))),
            later,
        );
        shop.outbox.count()
    };
    assert_eq!(hear(503, Some("30")), 1);
    assert_eq!(due(&desk), []);
    let mut floor = desk.front.floor();
    let later = now() + jiff::SignedDuration::from_secs(95);
    let notice = floor.shop.outbox.take(later).pop().unwrap();
    let shop = &mut floor.shop;
    shop.outbox.heard(&mut shop.store, notice, Some(&(410, None)), later);
    assert_eq!(shop.outbox.count(), 0);
    drop(floor);
    assert_eq!(desk.get("webhooks").ids(), [""; 0]);
    desk.post("orders", &order("WEB-2", "1", "MUG-1"));
    assert_eq!(due(&desk), []);
}

#[tokio::test]
async fn a_notification_arrives_with_its_headers_and_its_bytes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (tell, mut heard) = mpsc::unbounded_channel();
    let receive = move |headers: HeaderMap, body: Bytes| {
        tell.send((headers, body)).unwrap();
        async { (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "3")]) }
    };
    let serving = axum::serve(listener, Router::new().route("/hook", post(receive)));
    let desk = listening("default", &url);
    desk.post("orders", &order("WEB-1", "1", "MUG-1"));
    let notice = due(&desk).pop().unwrap();
    let sender = Sender::new();
    let answer = tokio::select! {
        answer = sender.send(&notice) => answer,
        _ = async { serving.await } => unreachable!(),
    };
    assert_eq!(answer, Some((503, Some("3".to_owned()))));
    let (headers, body) = heard.recv().await.unwrap();
    assert_eq!(body, notice.body);
    assert_eq!(headers["webhook-topic"], "order.created");
    assert_eq!(headers["webhook-id"], notice.id.as_str());
    assert_eq!(headers["webhook-signature"], notice.signature.clone().unwrap().as_str());
    assert_eq!(headers["webhook-signature-algorithm"], "HMAC-SHA256");
    assert_eq!(headers["content-type"], "application/json");
}
