//! Several nodes that are one broker.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{
    Leash, Node, NodeError, NodeHome, NodeOptions, Programs,
    group::{Signal, signal_group},
    ports::Ports,
};

/// Nodes on one machine that know each other. Each can be stopped, killed and restarted by itself;
/// their name service belongs to none of them.
#[derive(Debug)]
pub struct Cluster {
    pub nodes: Vec<Node>,
    _epmd: Epmd,
}

impl Cluster {
    /// Starts `count` fresh nodes in folders under `folder` and joins them.
    ///
    /// # Errors
    /// As for [`Node::start`], or when a node cannot join.
    pub fn start(folder: &Path, count: usize, programs: &Programs) -> Result<Self, NodeError> {
        let epmd = Epmd::start(folder)?;
        let mut nodes: Vec<Node> = Vec::new();
        for number in 1..=count {
            let cookie = nodes.first().map(|first| first.cookie()).transpose()?;
            let node = Node::start(NodeOptions {
                fresh: true,
                programs: programs.clone(),
                epmd_port: Some(epmd.port),
                cookie,
                ..NodeOptions::new(folder.join(number.to_string()))
            })?;
            if let Some(first) = nodes.first() {
                node.rabbitmqctl(&["stop_app"])?;
                node.rabbitmqctl(&["join_cluster", &first.node_name()])?;
                node.rabbitmqctl(&["start_app"])?;
            }
            nodes.push(node);
        }
        Ok(Self { nodes, _epmd: epmd })
    }
}

/// Where nodes find each other's ports.
#[derive(Debug)]
struct Epmd {
    port: u16,
    child: Child,
    leash: Option<Leash>,
}

impl Epmd {
    fn start(folder: &Path) -> Result<Self, NodeError> {
        let folder = NodeHome::make_folder(folder)?;
        let port = Ports::find(u64::from(std::process::id())).ok_or(NodeError::NoPorts)?.epmd;
        let spawn = |source| NodeError::Spawn { program: "epmd".to_owned(), source };
        let log = fs::File::create(folder.join("epmd.log")).map_err(spawn)?;
        let child = std::os::unix::process::CommandExt::process_group(
            Command::new("epmd")
                .args(["-address", "127.0.0.1", "-port", &port.to_string()])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log),
            0,
        )
        .spawn()
        .map_err(spawn)?;
        let leash = Leash::tie(&[child.id()]).map_err(spawn)?;
        Ok(Self { port, child, leash: Some(leash) })
    }
}

impl Drop for Epmd {
    fn drop(&mut self) {
        if let Some(leash) = self.leash.take() {
            leash.release();
        }
        signal_group(self.child.id(), Signal::Kill);
        let _reaped = self.child.wait();
    }
}
