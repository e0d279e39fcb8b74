//! What follows from the configuration and the host alone.

use std::fs;

use ferry_config::Config;
use ferry_topology::{Inputs, LoadBinding, Topology, name};

/// The topology every service of one configuration declares or asserts.
pub fn topology(config: &Config) -> Topology {
    let bindings = config.routes.iter().flat_map(|route| {
        route.to.iter().map(|target| LoadBinding {
            target: target.clone(),
            entity: route.entity.as_str().to_owned(),
            facet: route.facet.as_str().to_owned(),
            source: route.from.clone(),
        })
    });
    Topology::new(&Inputs {
        prefix: config.broker.prefix.clone(),
        levels: config.broker.levels.iter().map(|level| level.0).collect(),
        bindings: bindings.collect(),
        lanes: vec![name::LIVE.to_owned(), name::BULK.to_owned()],
    })
}

/// The host's name and this process's number: who wrote a dead letter, who holds a lease.
pub fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = if name.trim().is_empty() { "unknown" } else { name.trim() };
    format!("{name}/{}", std::process::id())
}
