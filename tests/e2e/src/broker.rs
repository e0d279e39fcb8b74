//! The broker that `cargo x test` started.

use std::{
    env, fs,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process,
};

use ferry_node::{Cluster, Node, NodeHome, NodeOptions};

/// A running private node, shared by all tests of a run: names in it carry the test's own prefix.
#[derive(Clone, Debug)]
pub struct Broker {
    url: String,
    home: NodeHome,
}

impl Broker {
    /// The broker named by `FERRY_TEST_AMQP_URL`, whose folder is `FERRY_TEST_NODE_DIR`.
    ///
    /// # Panics
    /// When the run was not started by `cargo x test`.
    pub fn from_env() -> Self {
        let variable = |name: &str| {
            env::var(name).unwrap_or_else(|_| {
                panic!("{name} is not set: these tests need a broker; run `cargo x test`")
            })
        };
        let folder = variable("FERRY_TEST_NODE_DIR");
        let home = NodeHome::open(Path::new(&folder))
            .unwrap_or_else(|error| panic!("{error}; run `cargo x test`"));
        Self { url: variable("FERRY_TEST_AMQP_URL"), home }
    }

    /// Another way to the broker of this node, through a relay say.
    #[must_use]
    pub fn at(home: &NodeHome, url: &str) -> Self {
        Self { url: url.to_owned(), home: home.clone() }
    }

    /// The address for AMQP clients.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What `rabbitmqctl` answers.
    ///
    /// # Panics
    /// When it answers with an error.
    pub fn rabbitmqctl(&self, arguments: &[&str]) -> String {
        self.home.rabbitmqctl(arguments).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// A folder for nodes of one test.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(env::temp_dir().join(format!("ferry-e2e-{name}-{}", process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _leftover = fs::remove_dir_all(&self.0);
    }
}

/// A node of one's own, to be starved, stopped and killed; of the same RabbitMQ as everybody's.
#[derive(Debug)]
pub struct OwnNode {
    node: Node,
    _folder: Folder,
}

impl OwnNode {
    /// # Panics
    /// When it cannot be started.
    pub fn start(name: &str) -> Self {
        Self::with(name, false)
    }

    /// With the management plugin.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn managed(name: &str) -> Self {
        Self::with(name, true)
    }

    fn with(name: &str, management: bool) -> Self {
        let folder = Folder::new(name);
        let programs = Broker::from_env().home.programs().clone();
        let new = NodeOptions::new(&folder.0);
        let options = NodeOptions { fresh: true, programs, management, ..new };
        let node = Node::start(options).unwrap_or_else(|error| panic!("{error}"));
        Self { node, _folder: folder }
    }

    pub fn broker(&self) -> Broker {
        Broker::at(&self.node, &self.node.amqp_url())
    }
}

impl Deref for OwnNode {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

impl DerefMut for OwnNode {
    fn deref_mut(&mut self) -> &mut Node {
        &mut self.node
    }
}

/// A cluster of one's own.
#[derive(Debug)]
pub struct OwnCluster {
    pub cluster: Cluster,
    _folder: Folder,
}

impl OwnCluster {
    /// # Panics
    /// When it cannot be started.
    pub fn start(name: &str, count: usize) -> Self {
        let folder = Folder::new(name);
        let programs = Broker::from_env().home.programs().clone();
        let cluster = Cluster::start(&folder.0, count, &programs);
        Self { cluster: cluster.unwrap_or_else(|error| panic!("{error}")), _folder: folder }
    }
}
