//! The private node, which is told to stop, killed, and started again while everything goes on.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use ferry_node::{Node, NodeOptions};

/// How the node goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Going {
    Stopped,
    Killed,
}

pub(crate) struct Broker {
    pub(crate) address: SocketAddr,
    node: Arc<Mutex<Node>>,
    coming_back: Option<JoinHandle<anyhow::Result<()>>>,
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
        Ok(Self { address, node: Arc::new(Mutex::new(node)), coming_back: None })
    }

    /// Takes the node away and, after `away`, starts it again, aside. False if it is away already.
    pub(crate) fn take_away(&mut self, going: Going, away: Duration) -> anyhow::Result<bool> {
        if self.coming_back.as_ref().is_some_and(|back| !back.is_finished()) {
            return Ok(false);
        }
        self.wait_back()?;
        let node = Arc::clone(&self.node);
        self.coming_back = Some(thread::spawn(move || {
            let mut node = node.lock().unwrap_or_else(PoisonError::into_inner);
            match going {
                Going::Stopped => node.stop().context("stopping the node")?,
                Going::Killed => node.kill().context("killing the node")?,
            }
            thread::sleep(away);
            node.restart().context("starting the node again")
        }));
        Ok(true)
    }

    /// Waits until the node is there.
    pub(crate) fn wait_back(&mut self) -> anyhow::Result<()> {
        let Some(back) = self.coming_back.take() else { return Ok(()) };
        back.join().map_err(|_panic| anyhow!("starting the node again panicked"))?
    }

    pub(crate) fn stop(mut self) {
        let _no_matter = self.wait_back();
        let mut node = self.node.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = node.stop() {
            eprintln!("the private node did not stop: {error}");
        }
    }
}
