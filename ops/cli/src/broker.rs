//! The broker, looked at without changing it.

use std::time::Duration;

use ferry_amqp::{AmqpBroker, Options};
use ferry_broker::Broker as _;
use ferry_config::Config;
use ferry_service::exit;
use ferry_topology::{QueueRole, Topology};
use tokio::time::timeout;

use crate::{Done, Stop};

/// How long a broker may take to let us in.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects without declaring or asserting anything. The error says what to look at.
pub(crate) async fn connect(config: &Config, prefix: &str) -> Result<AmqpBroker, String> {
    let broker = AmqpBroker::start(Options {
        url: config.broker.url.reveal().to_owned(),
        topology: Topology { prefix: prefix.to_owned(), ..Topology::default() },
        declare: false,
        service: "cli".to_owned(),
    })
    .map_err(|error| error.to_string())?;
    match timeout(PATIENCE, broker.ready()).await {
        Ok(()) => Ok(broker),
        Err(_) => Err(format!(
            "it did not let us in within {} s: look at address, user, password and vhost in \
             broker.url",
            PATIENCE.as_secs()
        )),
    }
}

/// The queues of the configured topology that the broker holds, under each prefix.
pub(crate) async fn list(config: &Config, prefixes: &[String], as_json: bool) -> Done {
    let mut found = Vec::new();
    let own = [config.broker.prefix.clone()];
    for prefix in if prefixes.is_empty() { &own[..] } else { prefixes } {
        let broker = connect(config, prefix).await.map_err(Stop::unreachable)?;
        let declared = ferry_service::topology(config);
        let queues =
            declared.queues_of(QueueRole::Work).chain(declared.queues_of(QueueRole::Delay));
        for queue in queues {
            let name = declared.name(queue).unwrap_or(queue);
            if broker.depth(name).await.is_ok() {
                found.push(format!("{prefix}.{name}"));
            }
        }
        broker.close().await;
    }
    if as_json {
        println!("{}", serde_json::json!(found));
    } else {
        for queue in &found {
            println!("{}", crate::terminal::line(queue));
        }
    }
    Ok(exit::OK)
}
