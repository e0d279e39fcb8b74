//! The private node, which is told to stop, killed, and started again while everything goes on.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use ferry_node::{Node, NodeOptions};

use crate::away::Away;

/// How a server goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Going {
    Stopped,
    Killed,
}

pub(crate) struct Broker {
    pub(crate) address: SocketAddr,
    /// For foreign clients; no link lies between.
    pub(crate) url: String,
    node: Arc<Mutex<Node>>,
    away: Away,
}

impl Broker {
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        let options = NodeOptions {
            fresh: true,
            start_within: Duration::from_mins(4),
            ..NodeOptions::new(folder.join("rabbitmq"))
        };
        let node = Node::start(options).context("starting a private RabbitMQ node")?;
        let url = node.amqp_url();
        let address = url.split(['@', '/']).find_map(|part| part.parse().ok());
        let address = address.with_context(|| format!("{url} has no address"))?;
        Ok(Self { address, url, node: Arc::new(Mutex::new(node)), away: Away::default() })
    }

    /// Takes the node away and, after `away`, starts it again, aside. False if it is away already.
    pub(crate) fn take_away(&mut self, going: Going, away: Duration) -> anyhow::Result<bool> {
        let node = Arc::clone(&self.node);
        self.away.begin(move || {
            let mut node = node.lock().unwrap_or_else(PoisonError::into_inner);
            match going {
                Going::Stopped => node.stop().context("stopping the node")?,
                Going::Killed => node.kill().context("killing the node")?,
            }
            thread::sleep(away);
            node.restart().context("starting the node again")
        })
    }

    /// Waits until the node is there.
    pub(crate) fn wait_back(&mut self) -> anyhow::Result<()> {
        self.away.wait()
    }

    pub(crate) fn stop(mut self) {
        let _no_matter = self.wait_back();
        let mut node = self.node.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = node.stop() {
            eprintln!("the private node did not stop: {error}");
        }
    }
}
