//! What a shop tells by its webhooks: that an order or a customer has changed (OroCommerce reference §7).
//!
//! Promises that nothing is heard without the signature, which is over the bytes as they came; that what
//! a webhook says is never taken for a state, thin or whole: it wakes a read of the row by its id, of
//! which a poll would say the same; and that no answer is 410, which would end the subscription.
//!
//! A shop tells again on 503 alone of what is answered here, and drops what hears anything but success.
//! So what is signed and cannot be used hears 200, with the reason in the journal. Nothing depends on
//! webhooks: what they say in vain, or not at all, the next poll finds.

use ferry_config::system::OroWebhook;
use ferry_http::is_signed;
use serde::Deserialize;
use serde_json::Value;

use super::{ORDERS, customer::CUSTOMERS};
use crate::{Acknowledged, Admitted, Anew, Kept, PushRequest, Refusal, Wakeup, WokenEndpoint};

const ENDPOINT: &str = "webhook";
/// What is read, by the first word of a topic.
const READ: [(&str, &str); 2] = [("order", ORDERS), ("customer", CUSTOMERS)];
/// Ids of one read: they stand in an address.
const AT_ONCE: usize = 50;
/// Of an id of the shop, which is a number.
const ID_DIGITS: usize = 20;
const SIGNATURE: &str = "webhook-signature";
const ALGORITHM: &str = "webhook-signature-algorithm";

/// As much of a webhook as is used. The headers say the same, and are not signed.
#[derive(Deserialize)]
struct Told {
    topic: String,
    #[serde(rename = "eventData", default)]
    event: Option<Event>,
    #[serde(rename = "messageId", default)]
    message_id: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    data: Option<Row>,
}

#[derive(Deserialize)]
struct Row {
    /// The resource; where Oro could not make a document of it, the name of a class.
    #[serde(rename = "type", default)]
    kind: Option<String>,
    /// Most topics say a text, some a number.
    #[serde(default)]
    id: Option<Value>,
}

/// What topics may be about is what a webhook may wake.
pub(super) fn woken(config: Option<&OroWebhook>) -> Vec<WokenEndpoint> {
    let topics = config.map_or(&[][..], |config| &config.topics);
    let is_told = |alias: &str| topics.iter().any(|topic| alias_of(topic) == alias);
    let told = READ.into_iter().filter(|(alias, _)| is_told(alias));
    told.map(|(_, endpoint)| WokenEndpoint {
        endpoint,
        at_once: AT_ONCE,
        by_push: true,
        // What was missed, its poll finds.
        anew: Anew::Never,
    })
    .collect()
}

/// By its headers alone: whether it is signed in the way that Oro signs.
pub(super) fn admit(
    config: Option<&OroWebhook>,
    headers: &[(String, String)],
) -> Result<Admitted, Refusal> {
    if config.is_none() {
        return Err(Refusal::new(401, "no webhook is configured for this system"));
    }
    let Some(signature) = header(headers, SIGNATURE) else {
        return Err(Refusal::new(401, "Webhook-Signature is missing: register it with a secret"));
    };
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if signature.len() != 64 || !signature.bytes().all(is_hex) {
        return Err(Refusal::new(401, "Webhook-Signature: expected 64 digits in hexadecimal"));
    }
    if header(headers, ALGORITHM).is_some_and(|algorithm| algorithm != "HMAC-SHA256") {
        return Err(Refusal::new(401, "Webhook-Signature-Algorithm: expected HMAC-SHA256"));
    }
    Ok(Admitted(()))
}

pub(super) fn receive(
    config: Option<&OroWebhook>,
    request: &PushRequest<'_>,
    _: Admitted,
) -> Result<Acknowledged, Refusal> {
    let signature = header(request.headers, SIGNATURE).unwrap_or_default();
    let Some(config) =
        config.filter(|config| is_signed(config.secret.reveal(), request.body, signature))
    else {
        return Err(Refusal::new(401, "Webhook-Signature is not that of this body and our secret"));
    };
    Ok(heard(config, request.body))
}

/// What a body comes to that the shop has signed.
pub(super) fn heard(config: &OroWebhook, body: &[u8]) -> Acknowledged {
    let told: Told = match serde_json::from_slice(body) {
        Ok(told) => told,
        Err(error) => return nothing(format!("it is no webhook of Oro: {error}"), None),
    };
    let message_id = told.message_id.clone().filter(|id| (1..=64).contains(&id.len()));
    match wake(config, &told) {
        Ok(wake) => Acknowledged {
            kept: Kept::Word,
            body: "heard".to_owned(),
            wakes: vec![wake],
            ..nothing(String::new(), message_id)
        },
        Err(reason) => nothing(reason, message_id),
    }
}

/// Of what is too large nobody knows who has signed it, and it is as large when it is told again; what
/// did not come may come then.
pub(super) fn unread(refusal: Refusal) -> Result<Acknowledged, Refusal> {
    let status = if refusal.status == 413 { 401 } else { 503 };
    Err(Refusal { status, ..refusal })
}

fn wake(config: &OroWebhook, told: &Told) -> Result<Wakeup, String> {
    let topic = short(&told.topic);
    // A topic of one row is that of all, and the row's id.
    let is_listened = |listened: &String| {
        told.topic
            .strip_prefix(listened.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if !config.topics.iter().any(is_listened) {
        return Err(format!("topic: `{topic}` is not among the `topics` of the configuration"));
    }
    let alias = alias_of(&told.topic);
    let Some((_, endpoint)) = READ.iter().find(|(known, _)| *known == alias) else {
        return Err(format!("topic: `{topic}` is about nothing that is read of a shop"));
    };
    let row = told.event.as_ref().and_then(|event| event.data.as_ref());
    let row = row.ok_or("eventData.data: expected what has changed")?;
    if let Some(kind) = row.kind.as_ref().filter(|kind| kind != endpoint && !kind.contains('\\')) {
        let kind = short(kind);
        return Err(format!("eventData.data.type: `{kind}` where `{endpoint}` was expected"));
    }
    let id = match &row.id {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => {
            String::new()
        }
    };
    if !(1..=ID_DIGITS).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("eventData.data.id: expected a number".to_owned());
    }
    Ok(Wakeup { endpoint: (*endpoint).to_owned(), scope: String::new(), key: id })
}

fn nothing(reason: String, message_id: Option<String>) -> Acknowledged {
    Acknowledged {
        endpoint: ENDPOINT.to_owned(),
        scope: None,
        message_id,
        content_type: "text/plain; charset=utf-8",
        body: reason.clone(),
        kept: Kept::Nothing(reason),
        wakes: Vec::new(),
    }
}

fn alias_of(topic: &str) -> &str {
    topic.split('.').next().unwrap_or_default()
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(found, _)| found == name);
    found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use ferry_config::Secret;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::oro::{
        Oro,
        scripted::{Shop, answer, config, oro, row},
    };

    /// As the field notes have it, signed with `abcdef`.
    const CREATED: &str = r#"{"topic":"order.created","eventData":{"data":{"type":"orders","id":"1"}},"timestamp":1767225600,"messageId":"oro.1"}"#;
    const SIGNED: &str = "e44fe64c378f875f232bb09337e8018beb9cc1a4a301eb3135d581da650d62ff";

    fn listening() -> OroWebhook {
        OroWebhook {
            url: "https://ferry.example/push/shop".to_owned(),
            secret: Secret::new("abcdef"),
            topics: ["order.created", "order.updated", "customer.updated"]
                .map(str::to_owned)
                .into(),
        }
    }

    fn received(headers: &[(&str, &str)], body: &str) -> Result<Acknowledged, Refusal> {
        let config = listening();
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let admitted = admit(Some(&config), &headers)?;
        let request = PushRequest { headers: &headers, query: &[], body: body.as_bytes() };
        receive(Some(&config), &request, admitted)
    }

    /// What a signed body wakes, or why nothing.
    fn woken_by(body: &Value) -> Result<(String, String), String> {
        let told: Told = serde_json::from_value(body.clone()).unwrap();
        wake(&listening(), &told).map(|wake| (wake.endpoint, wake.key))
    }

    fn told(topic: &str, kind: &str, id: &Value) -> Value {
        json!({"topic": topic, "eventData": {"data": {"type": kind, "id": id}}})
    }

    #[test]
    fn the_field_notes_own_webhook_wakes_its_order() {
        let acknowledged =
            received(&[(SIGNATURE, SIGNED), (ALGORITHM, "HMAC-SHA256")], CREATED).unwrap();
        assert_eq!(acknowledged.kept, Kept::Word);
        assert_eq!(acknowledged.message_id.as_deref(), Some("oro.1"));
        let [wake] = acknowledged.wakes.as_slice() else { panic!("{acknowledged:?}") };
        assert_eq!((wake.endpoint.as_str(), wake.key.as_str()), (ORDERS, "1"));
    }

    #[test]
    fn a_webhook_without_its_signature_is_401() {
        let other = SIGNED.replacen('e', "f", 1);
        let altered = CREATED.replace("\"id\":\"1\"", "\"id\":\"2\"");
        for (headers, body) in [
            (vec![], CREATED),
            (vec![(SIGNATURE, " ")], CREATED),
            (vec![(SIGNATURE, other.as_str())], CREATED),
            (vec![(SIGNATURE, SIGNED)], altered.as_str()),
            (vec![(SIGNATURE, SIGNED), (ALGORITHM, "HMAC-SHA1")], CREATED),
        ] {
            let refusal = received(&headers, body).unwrap_err();
            assert_eq!(refusal.status, 401, "{headers:?}");
            assert!(!refusal.reason.contains("abcdef"), "{}", refusal.reason);
        }
        assert_eq!(
            admit(None, &[(SIGNATURE.to_owned(), SIGNED.to_owned())]).unwrap_err().status,
            401
        );
        let empty = OroWebhook { secret: Secret::new(""), ..listening() };
        let config = ferry_config::system::OroConfig { webhook: Some(empty), ..config() };
        assert!(Oro::new(&config).unwrap_err().contains("webhook.secret is empty"));
    }

    #[test]
    fn a_thin_webhook_a_whole_one_and_one_whose_order_oro_could_not_write_wake_the_same() {
        let whole = json!({"topic": "order.updated", "timestamp": 1, "eventData": {
            "data": {"type": "orders", "id": "1", "attributes": {"identifier": "WEB-1"}},
            "included": [{"type": "customers", "id": "5"}]}});
        let class = "Oro\\Bundle\\OrderBundle\\Entity\\Order";
        for told in [
            told("order.updated", "orders", &json!("1")),
            told("order.updated", "orders", &json!(1)),
            told("order.updated.1", "orders", &json!("1")),
            told("order.updated", class, &json!(1)),
            whole,
        ] {
            assert_eq!(woken_by(&told), Ok((ORDERS.to_owned(), "1".to_owned())), "{told}");
        }
    }

    #[test]
    fn what_is_signed_and_cannot_be_used_is_said_with_its_field() {
        let order = |id: Value| told("order.updated", "orders", &id);
        for (told, reason) in [
            (told("product.updated", "products", &json!("1")), "topic: `product.updated`"),
            (told("order.deleted", "orders", &json!("1")), "topic: `order.deleted`"),
            (told("order.updatedly", "orders", &json!("1")), "topic: `order.updatedly`"),
            (told("order.updated", "quotes", &json!("1")), "eventData.data.type: `quotes`"),
            (order(json!("")), "eventData.data.id"),
            (order(json!("1,2")), "eventData.data.id"),
            (order(json!(-1)), "eventData.data.id"),
            (order(json!(1.5)), "eventData.data.id"),
            (order(json!(null)), "eventData.data.id"),
            (order(json!("9".repeat(ID_DIGITS + 1))), "eventData.data.id"),
            (json!({"topic": "order.updated", "eventData": {}}), "eventData.data:"),
            (json!({"topic": "order.updated"}), "eventData.data:"),
        ] {
            let why = woken_by(&told).unwrap_err();
            assert!(why.starts_with(reason), "{told}: {why}");
        }
        let no_json = "d879fafa02b03327d70e5ca9974e7c16514ce2c7a3e08db989ae510701623db1";
        let acknowledged = received(&[(SIGNATURE, no_json)], "no JSON").unwrap();
        assert!(
            matches!(&acknowledged.kept, Kept::Nothing(why) if why.contains("no webhook of Oro"))
        );
    }

    #[test]
    fn no_answer_to_a_webhook_is_410_or_asks_for_what_oro_would_drop() {
        let large = unread(Refusal::new(413, "a body is at most 4 bytes")).unwrap_err();
        assert_eq!((large.status, large.reason.as_str()), (401, "a body is at most 4 bytes"));
        for status in [400, 408, 410] {
            assert_eq!(unread(Refusal::new(status, "it did not come")).unwrap_err().status, 503);
        }
    }

    #[tokio::test]
    async fn what_is_woken_is_read_by_its_ids_in_one_request_as_a_poll_would_say_it() {
        let order = row("orders", "7", json!({"updatedAt": "2026-11-22T09:15:01Z"}), Value::Null);
        let document = json!({"data": [order]});
        let shop = Shop::answering([
            answer(
                "GET /orders?filter[id]=7,9&sort=id&page[size]=2&include=lineItems,billingAddress,\
                 shippingAddress,customer,customerUser",
                200,
                &document,
            ),
            answer("GET /customers?filter[id]=5&sort=id&page[size]=1&", 200, &json!({"data": []})),
        ]);
        let (oro, conversation) = (oro(), shop.conversation());
        let keys = ["7".to_owned(), "9".to_owned()];
        let page = oro.poll_keys(&conversation, ORDERS, &keys).await.unwrap();
        let [record] = page.records.as_slice() else { panic!("one record") };
        assert_eq!((record.items, page.cursor, page.more), (Some(1), None, false));
        assert_eq!(record.body, document.to_string().as_bytes());
        let gone = oro.poll_keys(&conversation, CUSTOMERS, &["5".to_owned()]).await.unwrap();
        assert!(gone.records.is_empty());
        assert_eq!(shop.asked().len(), 2);
    }

    #[test]
    fn only_what_is_listened_to_is_followed() {
        let endpoints =
            |config| woken(config).iter().map(|woken| woken.endpoint).collect::<Vec<_>>();
        let both = listening();
        assert_eq!(endpoints(Some(&both)), [ORDERS, CUSTOMERS]);
        let orders = OroWebhook { topics: vec!["order.updated".to_owned()], ..listening() };
        assert_eq!((endpoints(Some(&orders)), endpoints(None)), (vec![ORDERS], vec![]));
    }

    proptest! {
        #[test]
        fn no_body_panics(body in ".{0,200}", topic in ".{0,20}", id in ".{0,30}") {
            let _ = serde_json::from_str::<Told>(&body).map(|told| wake(&listening(), &told));
            let woken = woken_by(&told(&topic, "orders", &json!(id)));
            let told = woken_by(&told("order.updated", "orders", &json!(id)));
            prop_assert!(woken.is_err() || topic.starts_with("order."));
            prop_assert_eq!(told.is_ok(), !id.is_empty() && id.len() <= ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_digit()));
        }
    }
}
