//! A prefix of one's own on the broker under test, a second pair of eyes on it, and a wire that can
//! be cut.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use ferry_amqp::{AmqpBroker, AmqpIntake, Options};
use ferry_broker::{Broker, Delivery, Headers, Intake, Message, Receipt};
use ferry_topology::{Inputs, LoadBinding, Topology, name};
use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
    uri::AMQPUri,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

/// No state of a healthy broker takes longer to come about.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) const PREFETCH: u16 = 50;

pub(crate) struct World {
    pub(crate) topology: Topology,
    pub(crate) broker: AmqpBroker,
    /// A connection that is not ours: it deletes queues and looks at arguments.
    pub(crate) stranger: Channel,
    _connection: Connection,
}

#[expect(clippy::disallowed_methods, reason = "the edge of the test: it has no configuration")]
pub(crate) fn url() -> String {
    std::env::var("FERRY_TEST_AMQP_URL")
        .expect("FERRY_TEST_AMQP_URL names the broker under test; `cargo x test` starts one")
}

pub(crate) fn topology() -> Topology {
    let binding = LoadBinding {
        target: "shop".to_owned(),
        entity: "order".to_owned(),
        facet: "placed".to_owned(),
        source: "erp".to_owned(),
    };
    Topology::new(&Inputs {
        prefix: format!("ferry-test-{}", uuid::Uuid::new_v4().simple()),
        levels: vec![Duration::from_millis(100)],
        bindings: vec![binding],
        lanes: vec![name::LIVE.to_owned(), name::BULK.to_owned()],
    })
}

pub(crate) fn options(topology: &Topology, url: &str) -> Options {
    Options {
        url: url.to_owned(),
        topology: topology.clone(),
        declare: true,
        service: "test".to_owned(),
    }
}

pub(crate) async fn stranger() -> (Connection, Channel) {
    let connection = Connection::connect(&url(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(topology(), &url()).await
    }

    pub(crate) async fn with(topology: Topology, url: &str) -> Self {
        let broker = AmqpBroker::connect(options(&topology, url)).await.unwrap();
        let (connection, stranger) = stranger().await;
        Self { topology, broker, stranger, _connection: connection }
    }

    pub(crate) async fn subscribe(&self, queue: &str) -> AmqpIntake {
        timeout(SOON, self.broker.subscribe(queue, PREFETCH)).await.unwrap().unwrap()
    }

    /// Deletes what was declared, then closes.
    pub(crate) async fn end(self) {
        for queue in &self.topology.queues {
            let options = QueueDeleteOptions::default();
            self.stranger.queue_delete(queue.name.as_str().into(), options).await.unwrap();
        }
        for exchange in &self.topology.exchanges {
            let options = ExchangeDeleteOptions::default();
            self.stranger.exchange_delete(exchange.name.as_str().into(), options).await.unwrap();
        }
        self.broker.close().await;
    }

    pub(crate) async fn delete_queue(&self, queue: &str) {
        let name = self.topology.broker_name(queue);
        let options = QueueDeleteOptions::default();
        self.stranger.queue_delete(name.as_str().into(), options).await.unwrap();
    }

    /// Ready messages, once there are as many as expected or it is late.
    pub(crate) async fn ready(&self, queue: &str, expected: u32) -> u32 {
        let late = tokio::time::Instant::now() + SOON;
        loop {
            let ready = self.broker.depth(queue).await.unwrap().ready;
            if ready == expected || tokio::time::Instant::now() > late {
                return ready;
            }
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) fn message(exchange: &str, key: &str, id: &str) -> Message {
    Message {
        exchange: exchange.to_owned(),
        key: key.to_owned(),
        id: id.to_owned(),
        content_type: "application/json".to_owned(),
        headers: Headers::default(),
        body: Bytes::from_static(b"{\"a\": 1}"),
    }
}

/// A record that goes to `transform`.
pub(crate) fn record(id: &str) -> Message {
    message(name::RECORDS, "erp.order.live", id)
}

pub(crate) async fn take(intake: &mut AmqpIntake, count: usize) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    while deliveries.len() < count {
        let more = timeout(SOON, intake.take(count - deliveries.len())).await;
        deliveries.extend(more.expect("no delivery came").unwrap());
    }
    deliveries
}

pub(crate) fn receipts(deliveries: &[Delivery]) -> Vec<Receipt> {
    deliveries.iter().map(|delivery| delivery.receipt).collect()
}

pub(crate) fn ids(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.id.as_deref().unwrap()).collect()
}

/// A relay to the broker under test. While it is down it accepts nothing and everything that ran
/// through it is cut; while it is muted, what the broker says does not come through.
pub(crate) struct Wire {
    pub(crate) url: String,
    up: watch::Sender<bool>,
    muted: Arc<AtomicBool>,
    _relay: JoinSet<()>,
}

impl Wire {
    pub(crate) async fn new(up: bool) -> Self {
        let uri: AMQPUri = url().parse().unwrap();
        let broker = (uri.authority.host.clone(), uri.authority.port);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (up, watched) = watch::channel(up);
        let muted = Arc::new(AtomicBool::new(false));
        let mut relay = JoinSet::new();
        relay.spawn(listen(listener, broker, watched, Arc::clone(&muted)));
        Self { url: through(&uri, address), up, muted, _relay: relay }
    }

    pub(crate) fn cut(&self) {
        self.up.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.muted.store(false, Ordering::SeqCst);
        self.up.send_replace(true);
    }

    pub(crate) fn mute(&self) {
        self.muted.store(true, Ordering::SeqCst);
    }
}

fn through(uri: &AMQPUri, address: SocketAddr) -> String {
    let user = &uri.authority.userinfo;
    let vhost = uri.vhost.replace('/', "%2f");
    format!("amqp://{}:{}@{address}/{vhost}", user.username, user.password)
}

async fn listen(
    listener: TcpListener,
    broker: (String, u16),
    up: watch::Receiver<bool>,
    muted: Arc<AtomicBool>,
) {
    let mut wires = JoinSet::new();
    loop {
        let (near, _) = listener.accept().await.unwrap();
        if *up.borrow() {
            let far = TcpStream::connect(broker.clone()).await.unwrap();
            wires.spawn(carry(near, far, up.clone(), Arc::clone(&muted)));
        }
    }
}

async fn carry(
    near: TcpStream,
    far: TcpStream,
    mut up: watch::Receiver<bool>,
    muted: Arc<AtomicBool>,
) {
    let (mut from_near, mut to_near) = near.into_split();
    let (mut from_far, mut to_far) = far.into_split();
    let there = tokio::io::copy(&mut from_near, &mut to_far);
    let back = async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut buffer = vec![0; 65_536];
        while let Ok(count @ 1..) = from_far.read(&mut buffer).await {
            if !muted.load(Ordering::SeqCst) && to_near.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        _ = there => {}
        () = back => {}
        _ = up.wait_for(|up| !up) => {}
    }
}
