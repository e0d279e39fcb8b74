//! The broker the demo uses: one that was named, or a private node.

use std::path::Path;

use anyhow::Context as _;
use ferry_node::{Node, NodeOptions};

/// Names a broker for the demo. The services' own variable is not looked at: it may be production.
const VARIABLE: &str = "FERRY_DEMO_AMQP_URL";

pub(crate) struct Broker {
    pub(crate) url: String,
    pub(crate) prefix: &'static str,
    node: Option<Node>,
}

impl Broker {
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        if let Ok(url) = std::env::var(VARIABLE) {
            eprintln!("broker: the one at {VARIABLE}");
            return Ok(Self { url, prefix: "ferry-demo", node: None });
        }
        eprintln!("broker: starting a private RabbitMQ node");
        let options = NodeOptions { fresh: true, ..NodeOptions::new(folder.join("rabbitmq")) };
        let node = Node::start(options).context("starting a private RabbitMQ node")?;
        let url = node.amqp_url();
        eprintln!("broker: {} is ready", node.node_name());
        Ok(Self { url, prefix: "ferry", node: Some(node) })
    }

    /// Whether it is somebody else's: then what it holds already has to be looked at.
    pub(crate) const fn is_foreign(&self) -> bool {
        self.node.is_none()
    }

    pub(crate) fn stop(&mut self) {
        if let Some(node) = &mut self.node
            && let Err(error) = node.stop()
        {
            eprintln!("the private node did not stop: {error}");
        }
    }
}
