//! The broker that `cargo x test` started.

use std::{env, path::Path};

use ferry_node::NodeHome;

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
