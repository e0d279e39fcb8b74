//! A private RabbitMQ node for the demo and the end-to-end tests, and the package it needs.
//!
//! A [`Node`] shares nothing with a system's broker: node name, HOME, cookie, ports, epmd and
//! folder are its own, and it listens on loopback only. Whatever starts one can be killed at any
//! moment: a leash stops the node when its owner dies, and the next start in the same folder clears
//! what is left. Only processes that carry the folder's mark in their environment are ever killed.
//! [`ensure_package`] installs the distribution's package where it is missing; [`ensure_generation`]
//! fetches that of another suite beside it.
//!
//! A [`Cluster`] is several of them.
//!
//! Only std, so that `cargo x` speaks within seconds. It does not start, stop or configure a system
//! node, or protect the node from other users of this machine.
#![expect(
    clippy::disallowed_methods,
    reason = "std only: deadlines need the monotonic clock, and there is no tokio to pause"
)]

mod cluster;
mod error;
mod group;
mod handshake;
mod home;
mod marks;
mod node;
mod package;
mod ports;
mod programs;

pub use cluster::Cluster;
pub use error::{NodeError, PackageError};
pub use group::{Leash, Signal, signal_group};
pub use home::NodeHome;
pub use node::{Node, NodeOptions};
pub use package::{Package, ensure, ensure_generation, ensure_package};
pub use ports::free_port;
pub use programs::{Programs, RABBITMQ};
