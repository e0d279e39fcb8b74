//! An AMQP delivery in our words. Anything may come from a queue, so nothing here can fail.

use bytes::Bytes;
use ferry_broker::{Delivery, HeaderValue, Headers, Receipt};
use ferry_topology::Topology;
use lapin::types::{AMQPValue, FieldTable};

/// How deep a foreign publisher's nested header is shown.
const DEPTH_MAX: usize = 4;

/// How much of a foreign value is shown, in bytes: enough for a person, bounded for a log.
const SHOWN_BYTES_MAX: usize = 1024;

const DELIVERY_COUNT: &str = "x-delivery-count";
const LAST_DEATH_REASON: &str = "x-last-death-reason";

/// `queue` is the name without the prefix; so will be the exchange's, if it is ours.
pub(crate) fn received(
    delivery: lapin::message::Delivery,
    queue: &str,
    epoch: u64,
    topology: &Topology,
) -> Delivery {
    let receipt = Receipt { epoch, tag: delivery.delivery_tag };
    let exchange = delivery.exchange.as_str();
    let properties = &delivery.properties;
    let headers = properties.headers().as_ref().map(headers).unwrap_or_default();
    let counted = headers.number(DELIVERY_COUNT).and_then(|count| u32::try_from(count).ok());
    Delivery {
        queue: queue.to_owned(),
        exchange: topology.name(exchange).unwrap_or(exchange).to_owned(),
        key: delivery.routing_key.as_str().to_owned(),
        id: properties.message_id().as_ref().map(|id| id.as_str().to_owned()),
        content_type: properties.content_type().as_ref().map(|kind| kind.as_str().to_owned()),
        headers,
        delivery_count: counted.unwrap_or_else(|| u32::from(delivery.redelivered)),
        body: Bytes::from(delivery.data),
        receipt,
    }
}

fn headers(table: &FieldTable) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in table {
        headers.insert_value(name.as_str(), header(value));
    }
    if headers.text(LAST_DEATH_REASON).is_none()
        && let Some(reason) = last_death_reason(table)
    {
        headers.insert_value(LAST_DEATH_REASON, header(reason));
    }
    headers
}

/// Before 4.0 a broker does not write it apart; of `x-death` the first entry is the last death
/// (RabbitMQ reference §1.1). The first death of a delivery that was retried is its level's.
fn last_death_reason(table: &FieldTable) -> Option<&AMQPValue> {
    let AMQPValue::FieldArray(deaths) = table.inner().get("x-death")? else { return None };
    let Some(AMQPValue::FieldTable(last)) = deaths.as_slice().first() else { return None };
    last.inner().get("reason").filter(|reason| matches!(reason, AMQPValue::LongString(_)))
}

fn header(value: &AMQPValue) -> HeaderValue {
    match value {
        AMQPValue::ShortShortInt(number) => HeaderValue::Number((*number).into()),
        AMQPValue::ShortShortUInt(number) => HeaderValue::Number((*number).into()),
        AMQPValue::ShortInt(number) => HeaderValue::Number((*number).into()),
        AMQPValue::ShortUInt(number) => HeaderValue::Number((*number).into()),
        AMQPValue::LongInt(number) => HeaderValue::Number((*number).into()),
        AMQPValue::LongUInt(number) => HeaderValue::Number((*number).into()),
        AMQPValue::LongLongInt(number) => HeaderValue::Number(*number),
        AMQPValue::ShortString(text) => HeaderValue::Text(text.as_str().to_owned()),
        AMQPValue::LongString(text) => match std::str::from_utf8(text.as_bytes()) {
            Ok(text) => HeaderValue::Text(text.to_owned()),
            Err(_) => shown(value),
        },
        AMQPValue::Boolean(_)
        | AMQPValue::Float(_)
        | AMQPValue::Double(_)
        | AMQPValue::DecimalValue(_)
        | AMQPValue::FieldArray(_)
        | AMQPValue::Timestamp(_)
        | AMQPValue::FieldTable(_)
        | AMQPValue::ByteArray(_)
        | AMQPValue::Void => shown(value),
    }
}

fn shown(value: &AMQPValue) -> HeaderValue {
    let mut text = String::new();
    render(value, 0, &mut text);
    text.truncate(text.floor_char_boundary(SHOWN_BYTES_MAX));
    HeaderValue::Other(text)
}

/// Appends the value as a person would write it, until depth or length is used up. What exceeds the
/// length, by a last number or name and the brackets to close, is cut by `shown`.
fn render(value: &AMQPValue, depth: usize, text: &mut String) {
    if depth > DEPTH_MAX {
        text.push('…');
        return;
    }
    match value {
        AMQPValue::Boolean(flag) => text.push_str(if *flag { "true" } else { "false" }),
        AMQPValue::ShortShortInt(number) => text.push_str(&number.to_string()),
        AMQPValue::ShortShortUInt(number) => text.push_str(&number.to_string()),
        AMQPValue::ShortInt(number) => text.push_str(&number.to_string()),
        AMQPValue::ShortUInt(number) => text.push_str(&number.to_string()),
        AMQPValue::LongInt(number) => text.push_str(&number.to_string()),
        AMQPValue::LongUInt(number) => text.push_str(&number.to_string()),
        AMQPValue::LongLongInt(number) => text.push_str(&number.to_string()),
        AMQPValue::Timestamp(seconds) => text.push_str(&seconds.to_string()),
        AMQPValue::Float(number) => text.push_str(&number.to_string()),
        AMQPValue::Double(number) => text.push_str(&number.to_string()),
        AMQPValue::DecimalValue(number) => {
            text.push_str(&number.value.to_string());
            text.push_str("e-");
            text.push_str(&number.scale.to_string());
        }
        AMQPValue::ShortString(words) => push_bounded(words.as_str(), text),
        AMQPValue::LongString(words) => {
            push_bounded(&String::from_utf8_lossy(first(words.as_bytes())), text);
        }
        AMQPValue::ByteArray(bytes) => {
            push_bounded(&String::from_utf8_lossy(first(bytes.as_slice())), text);
        }
        AMQPValue::FieldArray(values) => render_array(values.as_slice(), depth, text),
        AMQPValue::FieldTable(table) => render_table(table, depth, text),
        AMQPValue::Void => text.push_str("null"),
    }
}

fn render_array(values: &[AMQPValue], depth: usize, text: &mut String) {
    text.push('[');
    for (index, value) in values.iter().enumerate() {
        if text.len() >= SHOWN_BYTES_MAX {
            break;
        }
        text.push_str(if index == 0 { "" } else { ", " });
        render(value, depth + 1, text);
    }
    text.push(']');
}

fn render_table(table: &FieldTable, depth: usize, text: &mut String) {
    text.push('{');
    for (index, (name, value)) in table.into_iter().enumerate() {
        if text.len() >= SHOWN_BYTES_MAX {
            break;
        }
        text.push_str(if index == 0 { "" } else { ", " });
        text.push_str(name.as_str());
        text.push_str(": ");
        render(value, depth + 1, text);
    }
    text.push('}');
}

fn first(bytes: &[u8]) -> &[u8] {
    bytes.get(..SHOWN_BYTES_MAX).unwrap_or(bytes)
}

fn push_bounded(words: &str, text: &mut String) {
    let room = SHOWN_BYTES_MAX.saturating_sub(text.len());
    text.push_str(words.get(..words.floor_char_boundary(room)).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use lapin::{
        BasicProperties,
        types::{ByteArray, FieldArray, LongString, ShortString},
    };
    use proptest::prelude::*;

    use super::*;

    fn table(entries: Vec<(&str, AMQPValue)>) -> FieldTable {
        let mut table = FieldTable::default();
        for (name, value) in entries {
            table.insert(ShortString::from(name), value);
        }
        table
    }

    fn taken(headers: FieldTable, redelivered: bool) -> Delivery {
        let mut delivery = lapin::message::Delivery::mock(
            7,
            "ferry.events".into(),
            "order.placed.shop.live".into(),
            redelivered,
            b"\xff\x00".to_vec(),
        );
        delivery.properties =
            BasicProperties::default().with_headers(headers).with_message_id("4711".into());
        let topology = Topology { prefix: "ferry".to_owned(), ..Topology::default() };
        received(delivery, "load.shop.order", 3, &topology)
    }

    #[test]
    fn a_delivery_has_our_names_its_bytes_and_its_receipt() {
        let delivery = taken(FieldTable::default(), false);
        assert_eq!(
            (delivery.queue.as_str(), delivery.exchange.as_str()),
            ("load.shop.order", "events")
        );
        assert_eq!(delivery.body.as_ref(), b"\xff\x00");
        assert_eq!(delivery.id.as_deref(), Some("4711"));
        assert_eq!(delivery.content_type, None);
        assert_eq!(delivery.receipt, Receipt { epoch: 3, tag: 7 });
    }

    #[test]
    fn the_brokers_count_is_taken_and_a_redelivery_without_one_counts_as_one() {
        let counted = table(vec![("x-delivery-count", AMQPValue::LongLongInt(6))]);
        assert_eq!(taken(counted, true).delivery_count, 6);
        assert_eq!(taken(FieldTable::default(), true).delivery_count, 1);
        assert_eq!(taken(FieldTable::default(), false).delivery_count, 0);
        let nonsense = table(vec![("x-delivery-count", AMQPValue::LongLongInt(-1))]);
        assert_eq!(taken(nonsense, false).delivery_count, 0);
    }

    #[test]
    fn text_and_numbers_of_any_width_come_as_such() {
        let headers = taken(
            table(vec![
                ("a", AMQPValue::ShortShortUInt(255)),
                ("b", AMQPValue::LongInt(-5)),
                ("c", AMQPValue::LongString(LongString::from("Zürich"))),
            ]),
            false,
        )
        .headers;
        assert_eq!((headers.number("a"), headers.number("b")), (Some(255), Some(-5)));
        assert_eq!(headers.text("c"), Some("Zürich"));
    }

    #[test]
    fn foreign_types_are_shown_not_refused() {
        let death = table(vec![
            ("count", AMQPValue::LongLongInt(2)),
            ("queue", AMQPValue::LongString(LongString::from("q"))),
        ]);
        let headers = taken(
            table(vec![
                ("flag", AMQPValue::Boolean(true)),
                ("nothing", AMQPValue::Void),
                ("bytes", AMQPValue::LongString(LongString::from(vec![0x41, 0xff]))),
                ("raw", AMQPValue::ByteArray(ByteArray::from(vec![0x42]))),
                (
                    "x-death",
                    AMQPValue::FieldArray(FieldArray::from(vec![AMQPValue::FieldTable(death)])),
                ),
            ]),
            false,
        )
        .headers;
        let shown = ["flag", "nothing", "bytes", "raw", "x-death"].map(|name| headers.text(name));
        let expected = ["true", "null", "A\u{fffd}", "B", "[{count: 2, queue: q}]"];
        assert_eq!(shown, expected.map(Some));
    }

    #[test]
    fn every_broker_says_of_what_a_message_died_last() {
        let died = |reason: &str| {
            let reason = AMQPValue::LongString(LongString::from(reason));
            AMQPValue::FieldTable(table(vec![("reason", reason)]))
        };
        let deaths = FieldArray::from(vec![died("delivery_limit"), died("expired")]);
        let deaths = ("x-death", AMQPValue::FieldArray(deaths));
        let told = (LAST_DEATH_REASON, AMQPValue::LongString(LongString::from("rejected")));
        let last = |headers| {
            let headers = taken(table(headers), false).headers;
            headers.text(LAST_DEATH_REASON).map(str::to_owned)
        };
        assert_eq!(last(vec![deaths.clone()]).as_deref(), Some("delivery_limit"));
        assert_eq!(last(vec![deaths, told]).as_deref(), Some("rejected"));
        assert_eq!(last(vec![("x-death", AMQPValue::Void)]), None);
    }

    #[test]
    fn nesting_is_followed_only_so_deep() {
        let nest = |value, _| AMQPValue::FieldArray(FieldArray::from(vec![value]));
        let nested = (0..100).fold(AMQPValue::Void, nest);
        assert_eq!(header(&nested), HeaderValue::Other("[[[[[…]]]]]".to_owned()));
    }

    fn any_value() -> impl Strategy<Value = AMQPValue> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(AMQPValue::Boolean),
            any::<f64>().prop_map(AMQPValue::Double),
            any::<u64>().prop_map(AMQPValue::Timestamp),
            prop::collection::vec(any::<u8>(), 0..3_000)
                .prop_map(|bytes| AMQPValue::LongString(LongString::from(bytes))),
            Just(AMQPValue::Void),
        ];
        leaf.prop_recursive(12, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6)
                    .prop_map(|values| AMQPValue::FieldArray(FieldArray::from(values))),
                inner.prop_map(|value| AMQPValue::FieldTable(table(vec![("k", value)]))),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_is_shown_within_a_bound(value in any_value()) {
            if let HeaderValue::Other(text) = header(&value) {
                prop_assert!(text.len() <= SHOWN_BYTES_MAX, "{}", text.len());
            }
        }
    }
}
