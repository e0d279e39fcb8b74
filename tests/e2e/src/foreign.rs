//! A foreign AMQP client: what anybody with a library and the broker's address can do.

use std::{collections::BTreeMap, time::Duration};

use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions,
        QueueDeclareOptions, QueuePurgeOptions,
    },
    types::{AMQPValue, FieldTable},
};
use tokio::runtime::Runtime;

use crate::wait_for;

/// A message, coming or going. Only text headers are sent; numbers that come are shown as text.
#[derive(Clone, Debug, Default)]
pub struct Letter {
    pub id: Option<String>,
    pub content_type: Option<String>,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// The key it came with; not sent.
    pub key: String,
}

impl Letter {
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    #[must_use]
    pub fn with_id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    #[must_use]
    pub fn with(mut self, header: &str, value: &str) -> Self {
        self.headers.insert(header.to_owned(), value.to_owned());
        self
    }

    /// # Panics
    /// When there is no such header.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no header {name} among {:?}", self.headers.keys()))
    }
}

/// One connection with one channel in confirm mode; calls block.
#[derive(Debug)]
pub struct Foreign {
    runtime: Runtime,
    channel: Channel,
    _connection: Connection,
}

impl Foreign {
    /// # Panics
    /// When the broker does not let us in; so do all calls when it refuses them.
    pub fn connect(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap_or_else(|error| panic!("no runtime: {error}"));
        let opening = async {
            let connection = Connection::connect(url, ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            Ok::<_, lapin::Error>((connection, channel))
        };
        let (connection, channel) = sure("connecting", runtime.block_on(opening));
        Self { runtime, channel, _connection: connection }
    }

    /// Publishes and waits until the broker has it.
    ///
    /// # Panics
    /// When the broker does not take it.
    pub fn publish(&self, exchange: &str, key: &str, letter: &Letter) {
        self.publish_all(exchange, key, std::slice::from_ref(letter));
    }

    /// Publishes one after the other, then waits until the broker has them all.
    ///
    /// # Panics
    /// When the broker does not take one.
    pub fn publish_all(&self, exchange: &str, key: &str, letters: &[Letter]) {
        let publishing = async {
            let mut confirms = Vec::with_capacity(letters.len());
            for letter in letters {
                let options = BasicPublishOptions::default();
                let (exchange, key, properties) = (exchange.into(), key.into(), properties(letter));
                let written =
                    self.channel.basic_publish(exchange, key, options, &letter.body, properties);
                confirms.push(written.await?);
            }
            for confirm in confirms {
                let confirmation = confirm.await?;
                assert!(confirmation.is_ack(), "{exchange} {key}: {confirmation:?}");
            }
            Ok::<_, lapin::Error>(())
        };
        sure("publishing", self.runtime.block_on(publishing));
    }

    /// Publishes straight into a queue.
    pub fn put(&self, queue: &str, letter: &Letter) {
        self.publish("", queue, letter);
    }

    /// A queue of one's own, bound to `exchange` with `key`; it goes with the connection.
    pub fn listen(&self, exchange: &str, key: &str) -> String {
        let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        let binding = async {
            let channel = &self.channel;
            let queue = channel.queue_declare("".into(), options, FieldTable::default()).await?;
            let name = queue.name().to_string();
            let options = QueueBindOptions::default();
            let (queue, exchange, key) = (name.as_str().into(), exchange.into(), key.into());
            channel.queue_bind(queue, exchange, key, options, FieldTable::default()).await?;
            Ok::<_, lapin::Error>(name)
        };
        sure("binding", self.runtime.block_on(binding))
    }

    /// A queue that outlives the connection and the broker, bound to `exchange` with `key`. Without
    /// the exchange there is none.
    ///
    /// # Panics
    /// When the broker refuses.
    pub fn keep(&self, queue: &str, exchange: &str, key: &str) {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let binding = async {
            let none = FieldTable::default;
            self.channel.queue_declare(queue.into(), options, none()).await?;
            let (queue, exchange, key) = (queue.into(), exchange.into(), key.into());
            self.channel.queue_bind(queue, exchange, key, QueueBindOptions::default(), none()).await
        };
        sure("binding", self.runtime.block_on(binding));
    }

    /// Takes the next message of a queue, if there is one.
    pub fn get(&self, queue: &str) -> Option<Letter> {
        let getting = self.channel.basic_get(queue.into(), BasicGetOptions { no_ack: true });
        let got = sure("getting", self.runtime.block_on(getting))?;
        let properties = &got.delivery.properties;
        let headers = properties.headers().as_ref().map(|table| table.inner().iter());
        let headers = headers.into_iter().flatten();
        Some(Letter {
            id: properties.message_id().as_ref().map(ToString::to_string),
            content_type: properties.content_type().as_ref().map(ToString::to_string),
            headers: headers.map(|(name, value)| (name.to_string(), shown(value))).collect(),
            key: got.delivery.routing_key.to_string(),
            body: got.delivery.data,
        })
    }

    /// Waits for the next message of a queue and takes it.
    ///
    /// # Panics
    /// When none comes in time.
    pub fn take(&self, queue: &str, within: Duration) -> Letter {
        wait_for(&format!("a message in {queue}"), within, || self.get(queue))
    }

    /// Empties a queue unread.
    pub fn purge(&self, queue: &str) {
        let purging = self.channel.queue_purge(queue.into(), QueuePurgeOptions::default());
        sure("purging", self.runtime.block_on(purging));
    }

    /// Messages ready in a queue.
    pub fn ready(&self, queue: &str) -> u32 {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let asking = self.channel.queue_declare(queue.into(), options, FieldTable::default());
        sure("asking", self.runtime.block_on(asking)).message_count()
    }
}

fn properties(letter: &Letter) -> BasicProperties {
    let mut table = FieldTable::default();
    for (name, value) in &letter.headers {
        table.insert(name.as_str().into(), AMQPValue::LongString(value.as_str().into()));
    }
    let mut properties = BasicProperties::default().with_headers(table).with_delivery_mode(2);
    if let Some(id) = &letter.id {
        properties = properties.with_message_id(id.as_str().into());
    }
    if let Some(media) = &letter.content_type {
        properties = properties.with_content_type(media.as_str().into());
    }
    properties
}

fn shown(value: &AMQPValue) -> String {
    let text = value.as_long_string().map(|text| String::from_utf8_lossy(text.as_bytes()).into());
    let number = || {
        let short =
            value.as_short_short_int().map(i64::from).or(value.as_short_int().map(i64::from));
        short.or(value.as_long_int().map(i64::from)).or(value.as_long_long_int())
    };
    text.or_else(|| number().map(|number| number.to_string()))
        .unwrap_or_else(|| format!("{value:?}"))
}

fn sure<T>(what: &str, result: Result<T, lapin::Error>) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {error}"))
}
