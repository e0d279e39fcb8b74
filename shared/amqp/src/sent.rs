//! Our message as AMQP has it, checked against the protocol's bounds before it can hurt a channel.

use std::collections::BTreeMap;

use ferry_broker::{HeaderValue, Headers, Message, PublishError};
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable, LongString, ShortString},
};

use crate::{link::Link, options::SHORT_STRING_BYTES};

/// RabbitMQ 4's default `max_message_size`. A larger body would close the channel, and with it fail
/// every other publish in flight (RabbitMQ reference §1.4). A broker that is set to less says so when it
/// happens ([`bound_told`]).
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

const PERSISTENT: u8 = 2;

/// Method arguments and properties of one publish.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) exchange: ShortString,
    pub(crate) key: ShortString,
    pub(crate) properties: BasicProperties,
}

/// Translates and checks. `frame_max` is what was agreed with the broker, in bytes.
pub(crate) fn outgoing(
    message: &Message,
    link: &Link,
    frame_max: u32,
) -> Result<Outgoing, PublishError> {
    if !link.exchanges.contains(&message.exchange) {
        return Err(unsendable(format!(
            "exchange `{}` is not part of the topology",
            message.exchange
        )));
    }
    let (bytes, most) = (message.body.len(), link.body_bytes_max());
    if bytes > most {
        return Err(unsendable(format!("a body of {bytes} bytes is too large; {most} are taken")));
    }
    let headers_max = headers_bytes_max(frame_max);
    let bytes = headers_bytes(&message.headers);
    if bytes > headers_max {
        return Err(unsendable(format!("headers of {bytes} bytes exceed {headers_max}")));
    }
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(short("the message id", &message.id)?)
        .with_content_type(short("the content type", &message.content_type)?)
        .with_headers(table(&message.headers)?);
    let exchange = link.topology.broker_name(&message.exchange);
    let exchange = short("the exchange's name", &exchange)?;
    let key = short("the routing key", &message.key)?;
    Ok(Outgoing { exchange, key, properties })
}

/// The broker's bound for bodies, where a channel was closed because of it.
pub(crate) fn bound_told(reason: &str) -> Option<usize> {
    let (_, rest) = reason.split_once("larger than configured max size ")?;
    let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..digits)?.parse().ok()
}

fn table(headers: &Headers) -> Result<FieldTable, PublishError> {
    let mut table = BTreeMap::new();
    for (name, value) in headers.iter() {
        let value = match value {
            HeaderValue::Text(text) | HeaderValue::Other(text) => {
                AMQPValue::LongString(LongString::from(text.as_str()))
            }
            HeaderValue::Number(number) => AMQPValue::LongLongInt(*number),
        };
        table.insert(short("a header's name", name)?, value);
    }
    Ok(FieldTable::from(table))
}

/// All headers travel in one frame, with the other properties; and the broker, when it dead-letters,
/// adds its own. An eighth and a kilobyte are kept free for those.
fn headers_bytes_max(frame_max: u32) -> usize {
    let frame = usize::try_from(frame_max).unwrap_or(usize::MAX);
    frame.saturating_sub(frame / 8).saturating_sub(1024)
}

/// On the wire: length and name, a type, and a value with its length.
fn headers_bytes(headers: &Headers) -> usize {
    let value_bytes = |value: &HeaderValue| match value {
        HeaderValue::Text(text) | HeaderValue::Other(text) => 4 + text.len(),
        HeaderValue::Number(_) => 8,
    };
    headers.iter().map(|(name, value)| 2 + name.len() + value_bytes(value)).sum()
}

fn short(what: &str, text: &str) -> Result<ShortString, PublishError> {
    ShortString::try_new(text).map_err(|_| {
        unsendable(format!("{what} has {} bytes, more than {SHORT_STRING_BYTES}", text.len()))
    })
}

fn unsendable(reason: String) -> PublishError {
    PublishError::Unsendable(reason)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{sync::Arc, time::Duration};

    use bytes::Bytes;
    use ferry_topology::{Inputs, Topology};

    use super::*;
    use crate::Options;

    pub(crate) fn link() -> Arc<Link> {
        let topology = Topology::new(&Inputs {
            prefix: "ferry".to_owned(),
            levels: vec![Duration::from_secs(5)],
            bindings: Vec::new(),
            lanes: vec!["live".to_owned()],
        });
        let url = "amqp://localhost".to_owned();
        Link::new(Options { url, topology, declare: true, service: "test".to_owned() }).unwrap()
    }

    fn message() -> Message {
        Message {
            exchange: "delay.5s".to_owned(),
            key: "transform".to_owned(),
            id: "4711".to_owned(),
            content_type: "application/json".to_owned(),
            headers: Headers::default(),
            body: Bytes::from_static(b"{}"),
        }
    }

    fn refusal(message: &Message) -> String {
        match outgoing(message, &link(), 131_072) {
            Err(PublishError::Unsendable(reason)) => reason,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn a_message_is_persistent_carries_its_id_and_goes_to_the_prefixed_exchange() {
        let sent = outgoing(&message(), &link(), 131_072).unwrap();
        assert_eq!((sent.exchange.as_str(), sent.key.as_str()), ("ferry.delay.5s", "transform"));
        assert_eq!(sent.properties.delivery_mode(), &Some(2));
        assert_eq!(sent.properties.message_id(), &Some(ShortString::from("4711")));
    }

    #[test]
    fn what_would_close_the_channel_is_refused_before_it_is_sent() {
        let mut foreign = message();
        "elsewhere".clone_into(&mut foreign.exchange);
        assert!(refusal(&foreign).contains("not part of the topology"));
        let long = Message { key: "k".repeat(256), ..message() };
        assert!(refusal(&long).contains("routing key"));
        let large = Message { body: vec![0; BODY_BYTES_MAX + 1].into(), ..message() };
        assert!(refusal(&large).contains("too large"));
        let mut named = message();
        named.headers.insert(&"n".repeat(256), "x");
        assert!(refusal(&named).contains("header's name"));
    }

    #[test]
    fn a_bound_that_the_broker_has_told_of_holds_from_then_on() {
        let told = "protocol error: AMQP soft error: PRECONDITION-FAILED: PRECONDITION_FAILED - message \
                    size 100001 is larger than configured max size 100000";
        let link = link();
        link.heed(told);
        link.heed("the broker is away, max size 5");
        let of = |bytes| Message { body: vec![0; bytes].into(), ..message() };
        assert!(outgoing(&of(100_000), &link, 131_072).is_ok());
        let refused = outgoing(&of(100_001), &link, 131_072).unwrap_err();
        assert!(
            refused.to_string().ends_with("100001 bytes is too large; 100000 are taken"),
            "{refused}"
        );
        link.heed("message size 99999999 is larger than configured max size 99999998");
        assert!(outgoing(&of(BODY_BYTES_MAX + 1), &link, 131_072).is_err());
    }

    #[test]
    fn headers_that_do_not_fit_one_frame_are_refused() {
        let mut message = message();
        message.headers.insert("ferry-detail", "x".repeat(131_072));
        assert!(refusal(&message).contains("headers of"));
        message.headers.insert("ferry-detail", "x".repeat(100_000));
        assert!(outgoing(&message, &link(), 131_072).is_ok());
        assert!(outgoing(&message, &link(), 8_192).is_err());
        assert!(outgoing(&message, &link(), u32::MAX).is_ok());
    }
}
